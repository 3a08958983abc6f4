// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The sink's listening sockets: one for each address and worker.
 *
 * The first of an address is bound without SO_REUSEPORT and gets it then: so nobody else's socket can be
 * there already, not even another sink's, and those of the other workers can follow. All of them are
 * bound before any listens.
 */
#include "sink-listen.h"

#include "util/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG	  4096 /* the kernel takes net.core.somaxconn off it */
#define MAX_TRIES 16   /* for a port that is free in IPv4 and in IPv6 */

/* Return: the socket, or negative errno. What is accepted has TCP_NODELAY from it. */
static int bind_one(const struct address *address, bool reuse_port)
{
	_cleanup_close_ int fd =
		socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
		return -errno;
	if (bind(fd, &address->sa, address->len))
		return -errno;
	if (!reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
		return -errno;
	return take_fd(&fd);
}

static int explain(const struct address *address, int error, struct error *err)
{
	char text[ADDRESS_TEXT_MAX];

	address_format(address, text);
	return error_set(err, error, "cannot listen at %s: %s%s", text, strerror(-error),
			 error == -EADDRINUSE ? " (--sink ADDRESS:PORT takes another)" : "");
}

static bool is_absent(int error)
{
	return error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

/* The port that the kernel has chosen, for all addresses. */
static int take_port(int fd, struct sink_config *config)
{
	struct address bound = { .len = sizeof(bound.storage) };

	if (getsockname(fd, &bound.sa, &bound.len))
		return -errno;
	config->address[0] = bound;
	if (config->n_addresses > 1)
		config->address[1].in6.sin6_port = bound.in.sin_port;
	return 0;
}

static int bind_second(struct sink_config *config, int *ret_fd)
{
	int fd;

	if (config->n_addresses < 2)
		return 0;
	fd = bind_one(&config->address[1], false);
	if (is_absent(fd)) {
		config->n_addresses = 1; /* a host without IPv6 */
		return 0;
	}
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int try_bind(struct sink_config *config, int ret_fd[SINK_MAX_ADDRESSES], struct error *err)
{
	_cleanup_close_ int first = bind_one(&config->address[0], false);
	int r;

	if (first < 0)
		return explain(&config->address[0], first, err);
	r = take_port(first, config);
	if (r)
		return explain(&config->address[0], r, err);
	r = bind_second(config, &ret_fd[1]);
	if (r)
		return explain(&config->address[1], r, err);
	ret_fd[0] = take_fd(&first);
	return 0;
}

/**
 * sink_bind() - bind the first worker's sockets
 * @config: its addresses become those that were taken
 * @ret_fd: the sockets, which do not listen yet; others stay as they were
 * @err: why not, and what to do about it
 *
 * Return: 0 or negative errno.
 */
int sink_bind(struct sink_config *config, int ret_fd[SINK_MAX_ADDRESSES], struct error *err)
{
	const struct sink_config asked = *config;
	bool any = !asked.address[0].in.sin_port; /* at the same place in IPv6 */
	int r = -EADDRINUSE;

	for (int i = 0; i < (any ? MAX_TRIES : 1) && r == -EADDRINUSE; i++) {
		*config = asked;
		r = try_bind(config, ret_fd, err);
	}
	return r;
}

/** sink_bind_more() - bind another worker's sockets at the same addresses */
int sink_bind_more(const struct sink_config *config, int ret_fd[SINK_MAX_ADDRESSES],
		   struct error *err)
{
	int fd;

	for (unsigned int i = 0; i < config->n_addresses; i++) {
		fd = bind_one(&config->address[i], true);
		if (fd < 0)
			return explain(&config->address[i], fd, err);
		ret_fd[i] = fd;
	}
	return 0;
}

/** sink_listen() - have a worker's sockets take connections */
int sink_listen(const struct sink_config *config, const int fd[SINK_MAX_ADDRESSES],
		struct error *err)
{
	for (unsigned int i = 0; i < config->n_addresses; i++) {
		if (listen(fd[i], BACKLOG))
			return explain(&config->address[i], -errno, err);
	}
	return 0;
}
