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

/* A try to connect: until when, and what gives it up. */
struct attempt {
	uint64_t deadline_ns;
	int cancel_fd; /* readable: give up */
};

static int wait_for(int fd, short events, const struct attempt *attempt)
{
	struct pollfd fds[] = { { .fd = fd, .events = events },
				{ .fd = attempt->cancel_fd, .events = POLLIN } };
	uint64_t now = monotonic_ns(), deadline_ns = attempt->deadline_ns;
	int n;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	do {
		n = poll(fds, array_size(fds), (int)((deadline_ns - now) / NSEC_PER_MSEC + 1));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fds[1].revents)
		return -ECANCELED;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int wait_connected(int fd, const struct attempt *attempt)
{
	socklen_t size = sizeof(int);
	int error = 0, r;

	r = wait_for(fd, POLLOUT, attempt);
	if (r)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return -errno;
	return -error;
}

static int handshake(const struct transport *transport, struct stream *stream,
		     const struct attempt *attempt)
{
	int r;

	while ((r = transport->handshake(stream)) == -EAGAIN) {
		r = wait_for(stream->fd, stream->want == STREAM_WANT_READ ? POLLIN : POLLOUT,
			     attempt);
		if (r)
			return r;
	}
	return r;
}

/* One whole connection without a request. */
static int probe(const struct transport *transport, void *context, struct target *target,
		 const struct attempt *attempt, struct wire *ret_wire, char *why, size_t size)
{
	uint64_t start = monotonic_ns();
	struct stream stream = { .fd = -1 };
	struct wire_end end;
	_cleanup_close_ int fd = -1;
	int r;

	r = target_connect(target, &fd);
	if (!r)
		r = wait_connected(fd, attempt);
	if (r) {
		snprintf(why, size, "%s", target_explain(r));
		return r;
	}
	target->round_trip_ns = monotonic_ns() - start;
	stream.fd = fd;
	r = transport->open(&stream, context);
	if (!r)
		r = handshake(transport, &stream, attempt);
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

/*
 * A name server that does not answer is waited for in the resolver's own thread, so that who
 * interrupts the program need not. What the resolver still works with then stays its own.
 */
static int look_up(struct gaicb *request, int cancel_fd)
{
	struct gaicb *requests[] = { request };
	const struct timespec look_ns = { .tv_nsec = 20 * NSEC_PER_MSEC };
	struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };
	int r = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);

	while (!r && (r = gai_error(request)) == EAI_INPROGRESS) {
		if (poll(&cancel, 1, 0) > 0)
			return EAI_CANCELED;
		gai_suspend((const struct gaicb *const *)requests, 1, &look_ns);
		r = 0;
	}
	return r;
}

/* What a request for a name is made of; all of it has to outlive an answer that comes too late. */
struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	char host[sizeof(((struct url *)0)->host)], port[8];
};

/* Return: -ECANCELED, with the lookup left to the resolver if that is still at work with it. */
static int abandon(struct lookup **lookup, struct error *err)
{
	int r = gai_cancel(&(*lookup)->request);

	if (r == EAI_NOTCANCELED)
		take_ptr(*lookup);
	else if (r == EAI_ALLDONE && (*lookup)->request.ar_result)
		freeaddrinfo((*lookup)->request.ar_result);
	return error_set(err, -ECANCELED, "interrupted");
}

/* AI_ADDRCONFIG is left out: it hides ::1 on a host whose only IPv6 is the loopback's. */
static int resolve(const struct config *config, int cancel_fd, struct addrinfo **ret_list,
		   struct error *err)
{
	_cleanup_free_ struct lookup *lookup = calloc(1, sizeof(*lookup));
	int r;

	if (!lookup)
		return error_set(err, -ENOMEM, "out of memory");
	strcpy(lookup->host, config->url.host);
	snprintf(lookup->port, sizeof(lookup->port), "%u", config->url.port);
	lookup->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	lookup->request = (struct gaicb){ .ar_name = lookup->host,
					  .ar_service = lookup->port,
					  .ar_request = &lookup->hints };
	r = look_up(&lookup->request, cancel_fd);
	if (r == EAI_CANCELED)
		return abandon(&lookup, err);
	*ret_list = lookup->request.ar_result;
	if (!r)
		return 0;
	return error_set(err, -EHOSTUNREACH, "cannot resolve %s: %s", config->url.host,
			 r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}

static int try_each(const struct config *config, const struct transport *transport, void *context,
		    const struct addrinfo *list, int cancel_fd, struct target *ret_target,
		    struct wire *ret_wire, struct error *err)
{
	struct attempt attempt = { .cancel_fd = cancel_fd };
	char all[400] = "", why[200] = "";
	struct target target;
	struct wire wire;
	size_t n = 0;
	int r;

	for (const struct addrinfo *info = list; info; info = info->ai_next) {
		take_address(&target, info);
		wire = (struct wire){ 0 };
		attempt.deadline_ns = monotonic_ns() + config->connect_timeout_ns;
		r = probe(transport, context, &target, &attempt, &wire, why, sizeof(why));
		wire_add(ret_wire, &wire);
		if (r == -ECANCELED)
			return error_set(err, r, "interrupted");
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
 * @cancel_fd: gives up as soon as it is readable
 * @ret_target: the first address that does
 * @ret_wire: what the tries have put on the wire
 * @err: the reason of each address that does not
 *
 * Waits for connect_timeout an address at most, name resolution not included. Addresses that were
 * passed over are warned of: the load goes elsewhere than one may think.
 *
 * Return: 0 or negative errno; -ECANCELED: given up, with nothing wrong.
 */
int target_find(const struct config *config, const struct transport *transport, int cancel_fd,
		struct target *ret_target, struct wire *ret_wire, struct error *err)
{
	_cleanup_(cleanup_addrinfo) struct addrinfo *list = NULL;
	struct wire wire = { 0 };
	void *context = NULL;
	int r;

	r = resolve(config, cancel_fd, &list, err);
	if (r)
		return r;
	r = transport->context_new(config, &context, err);
	if (r)
		return r;
	r = try_each(config, transport, context, list, cancel_fd, ret_target, &wire, err);
	transport->context_free(context);
	if (!r)
		*ret_wire = wire;
	return r;
}
