// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Where the target is: its name is resolved once, and the first address that takes a connection
 * (and a TLS handshake) is used for the whole run. So a wrong name, a closed port or a bad
 * certificate is known before anything starts, and the round trip for the feasibility check with
 * it.
 */
#include "target.h"

#include "monotonic.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static void cleanup_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

/**
 * target_explain() - what a failed connect() means
 * @error: negative errno
 *
 * Return: text, valid until the next call in the same thread.
 */
const char *target_explain(int error)
{
	if (error == -EADDRNOTAVAIL)
		return "no local port is free (see net.ipv4.ip_local_port_range)";
	if (error == -ETIMEDOUT)
		return "no answer";
	return strerror(-error);
}

/**
 * target_connect() - begin a connection
 * @target: where to
 * @ret_fd: a non-blocking socket without Nagle's delay; it is connected, or failed, once it is
 * writable
 *
 * Return: 0 or negative errno.
 */
int target_connect(const struct target *target, int *ret_fd)
{
	const struct sockaddr *address = (const struct sockaddr *)&target->address;
	_cleanup_close_ int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, address, target->n_address) && errno != EINPROGRESS)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	uint64_t now = monotonic_ns();
	int n;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	do {
		n = poll(&poll_fd, 1, (int)((deadline_ns - now) / NSEC_PER_MSEC + 1));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int wait_connected(int fd, uint64_t deadline_ns)
{
	socklen_t size = sizeof(int);
	int error = 0, r;

	r = wait_for(fd, POLLOUT, deadline_ns);
	if (r)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return -errno;
	return -error;
}

static int handshake(const struct transport *transport, struct stream *stream, uint64_t deadline_ns)
{
	int r;

	while ((r = transport->handshake(stream)) == -EAGAIN) {
		r = wait_for(stream->fd, stream->want == STREAM_WANT_READ ? POLLIN : POLLOUT,
			     deadline_ns);
		if (r)
			return r;
	}
	return r;
}

/* One whole connection without a request. */
static int probe(const struct transport *transport, void *context, struct target *target,
		 uint64_t timeout_ns, struct wire *ret_wire, char *why, size_t size)
{
	uint64_t start = monotonic_ns(), deadline = start + timeout_ns;
	struct stream stream = { .fd = -1 };
	struct wire_end end;
	_cleanup_close_ int fd = -1;
	int r;

	r = target_connect(target, &fd);
	if (!r)
		r = wait_connected(fd, deadline);
	if (r) {
		snprintf(why, size, "%s", target_explain(r));
		return r;
	}
	target->round_trip_ns = monotonic_ns() - start;
	stream.fd = fd;
	r = transport->open(&stream, context);
	if (!r)
		r = handshake(transport, &stream, deadline);
	if (r)
		stream_explain(&stream, r, why, size);
	transport->close(&stream);
	if (!wire_settle(fd, target->ipv6, &end)) {
		wire_add(ret_wire, &end.wire);
		wire_add(ret_wire, &end.closing);
	}
	return r;
}

static void take_address(struct target *target, const struct addrinfo *info)
{
	char host[64], port[8];

	memset(target, 0, sizeof(*target));
	memcpy(&target->address, info->ai_addr, info->ai_addrlen);
	target->n_address = info->ai_addrlen;
	target->ipv6 = info->ai_family == AF_INET6;
	if (getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(target->text, sizeof(target->text), "?");
	else
		snprintf(target->text, sizeof(target->text), "%s port %s", host, port);
}

/* AI_ADDRCONFIG is left out: it hides ::1 on a host whose only IPv6 is the loopback's. */
static int resolve(const struct config *config, struct addrinfo **ret_list, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%u", config->url.port);
	r = getaddrinfo(config->url.host, port, &hints, ret_list);
	if (!r)
		return 0;
	return error_set(err, -EHOSTUNREACH, "cannot resolve %s: %s", config->url.host,
			 r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}

static int try_each(const struct config *config, const struct transport *transport, void *context,
		    const struct addrinfo *list, struct target *ret_target, struct wire *ret_wire,
		    struct error *err)
{
	char all[400] = "", why[200] = "";
	struct target target;
	struct wire wire;
	size_t n = 0;
	int r;

	for (const struct addrinfo *info = list; info; info = info->ai_next) {
		take_address(&target, info);
		wire = (struct wire){ 0 };
		r = probe(transport, context, &target, config->connect_timeout_ns, &wire, why,
			  sizeof(why));
		wire_add(ret_wire, &wire);
		if (!r) {
			if (n)
				log_warning("%s is used, since others failed: %s", target.text,
					    all);
			*ret_target = target;
			return 0;
		}
		if (n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s: %s", n ? "; " : "",
					      target.text, why);
	}
	return error_set(err, -ECONNREFUSED, "cannot connect to %s by %s: %s",
			 config->url.authority, transport->name, all);
}

/**
 * target_find() - resolve the target's name and find an address that takes connections
 * @config: the target is its url
 * @transport: that is used for it
 * @ret_target: the first address that does
 * @ret_wire: what the tries have put on the wire
 * @err: the reason of each address that does not
 *
 * Blocks, for connect_timeout an address at most, name resolution not included. Addresses that were
 * passed over are warned of: the load goes elsewhere than one may think.
 *
 * Return: 0 or negative errno.
 */
int target_find(const struct config *config, const struct transport *transport,
		struct target *ret_target, struct wire *ret_wire, struct error *err)
{
	_cleanup_(cleanup_addrinfo) struct addrinfo *list = NULL;
	struct wire wire = { 0 };
	void *context = NULL;
	int r;

	r = resolve(config, &list, err);
	if (r)
		return r;
	r = transport->context_new(config, &context, err);
	if (r)
		return r;
	r = try_each(config, transport, context, list, ret_target, &wire, err);
	transport->context_free(context);
	if (!r)
		*ret_wire = wire;
	return r;
}
