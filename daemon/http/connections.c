// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Connections, from their acceptance to their end.
 *
 * Each is in a list by its last sign of life, which is a whole request that is let in, not a byte. Where there are as many as are
 * allowed, those at the list's head have to make room, and so a client that asks something is served whoever else
 * holds connections and asks nothing, asks slowly, or does not take its answer. Streams are not in the list: they are
 * meant to last, and bounded by themselves.
 *
 * h2o has no call that ends a connection, so a socket is shut down and h2o finds out by itself: it closes the
 * connection in one of the next rounds of its loop, and nothing of h2o's is freed here.
 *
 * Handshakes are h2o's, too, but not its way on from there, which would agree to HTTP/2, nor its time-out, which
 * goes by the wall clock.
 */
#include "http/connections.h"

#include "util/clock.h"
#include "util/log.h"

#include <h2o/http1.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RESPONSE_TIMEOUT_S   60 /* for an answer to be taken */
#define HANDSHAKE_TIMEOUT_NS (10 * NSEC_PER_SEC)
#define SILENT_NS	     NSEC_PER_SEC /* who is silent for less need not make room */
#define SEND_BUFFER	     (128 << 10)  /* of a connection, in the kernel */
#define RECEIVE_BUFFER	     (32 << 10)
#define HEAD_MAX	     (32 << 10) /* of a request; h2o would take 400 KiB */

/**
 * connections_init() - there are none yet
 * @connections: to be filled
 * @context: h2o's
 * @max: how many there may be, which is the caller's to see to
 * @on_close: called when one is gone
 * @user: passed to @on_close
 */
void connections_init(struct connections *connections, h2o_context_t *context, size_t max,
		      void (*on_close)(void *user), void *user)
{
	*connections = (struct connections){
		.accept = { .ctx = context, .hosts = context->globalconf->hosts },
		.max = max,
		.on_close = on_close,
		.user = user,
	};
	h2o_linklist_init_anchor(&connections->by_activity);
}

static void on_socket_close(void *user)
{
	struct connection *connection = user;
	struct connections *all = connection->all;

	if (h2o_linklist_is_linked(&connection->link))
		h2o_linklist_unlink(&connection->link);
	SSL_CTX_free(connection->tls);
	free(connection);
	all->n--;
	all->on_close(all->user);
}

static void serve(struct connection *connection)
{
	struct timeval now;

	connection->shakes_hands = false;
	gettimeofday(&now, NULL);
	h2o_http1_accept(&connection->all->accept, connection->socket, now);
}

static void on_handshake(h2o_socket_t *socket, const char *err)
{
	struct connection *connection = socket->on_close.data;

	if (!err) {
		serve(connection);
		return;
	}
	log_debug("a TLS handshake failed: %s (%s)", err,
		  ERR_reason_error_string(ERR_peek_error()) ?: "no reason");
	ERR_clear_error();
	h2o_socket_close(socket);
}

/*
 * What a slow client has not read yet waits with us, where it has a bound, and not in the kernel. And h2o reads all that
 * has come in one go, before anybody can look how much it is.
 */
static void bound_buffers(h2o_socket_t *socket)
{
	const int send = SEND_BUFFER, receive = RECEIVE_BUFFER, fd = h2o_socket_get_fd(socket);

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

/**
 * connections_take() - serve what has been accepted
 * @connections: gets one more
 * @socket: the connection; h2o's afterwards
 * @is_unix: it came by a UNIX socket
 * @tls: what TLS is spoken by; NULL: none is
 */
void connections_take(struct connections *connections, h2o_socket_t *socket, bool is_unix,
		      SSL_CTX *tls)
{
	struct connection *connection = h2o_mem_alloc(sizeof(*connection));

	*connection = (struct connection){ .all = connections,
					   .socket = socket,
					   .active_at_ns = clock_boottime_ns(),
					   .tls = tls,
					   .is_unix = is_unix,
					   .shakes_hands = tls };
	socket->on_close.cb = on_socket_close;
	socket->on_close.data = connection;
	connections->n++;
	h2o_linklist_insert(&connections->by_activity, &connection->link);
	bound_buffers(socket);
	if (tls) {
		/* h2o takes a reference of its own only when the client's first bytes come. */
		SSL_CTX_up_ref(tls);
		h2o_socket_ssl_handshake(socket, tls, NULL, on_handshake);
	} else {
		serve(connection);
	}
}

static h2o_socket_t *socket_of(const h2o_req_t *req)
{
	return req->conn->callbacks->get_socket(req->conn);
}

/** connection_of() - Return: that which a request came by */
struct connection *connection_of(h2o_req_t *req)
{
	return socket_of(req)->on_close.data;
}

/**
 * connection_is_active() - a whole request has come
 * @connection: by which
 * @is_let_in: whether who asks may; strangers are as silent as before, or by asking over and over they would hold all
 *             connections
 */
void connection_is_active(struct connection *connection, bool is_let_in)
{
	if (is_let_in)
		connection->active_at_ns = clock_boottime_ns();
	else if (h2o_linklist_is_linked(&connection->link))
		return;
	if (h2o_linklist_is_linked(&connection->link))
		h2o_linklist_unlink(&connection->link);
	h2o_linklist_insert(&connection->all->by_activity, &connection->link);
}

/** connection_is_stream() - what it is busy with has no end: it need not make room, until its next request */
void connection_is_stream(struct connection *connection)
{
	if (h2o_linklist_is_linked(&connection->link))
		h2o_linklist_unlink(&connection->link);
}

static struct connection *at(h2o_linklist_t *link)
{
	return H2O_STRUCT_FROM_MEMBER(struct connection, link, link);
}

/**
 * connections_make_room() - end those that have been silent for longest
 * @connections: those that are open
 * @wanted: how many should go
 *
 * Return: how many will be gone in a moment.
 */
size_t connections_make_room(struct connections *connections, size_t wanted)
{
	h2o_linklist_t *anchor = &connections->by_activity;
	uint64_t now_ns = clock_boottime_ns();
	size_t n = 0;

	while (n < wanted && anchor->next != anchor &&
	       at(anchor->next)->active_at_ns + SILENT_NS <= now_ns) {
		struct connection *connection = at(anchor->next);

		h2o_linklist_unlink(&connection->link);
		shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
		n++;
	}
	return n;
}

/**
 * connections_end_handshakes() - end those that have not agreed on TLS yet
 * @connections: those that are open
 * @late_only: only those whose time is over
 */
void connections_end_handshakes(struct connections *connections, bool late_only)
{
	h2o_linklist_t *anchor = &connections->by_activity;
	uint64_t now_ns = clock_boottime_ns();

	for (h2o_linklist_t *link = anchor->next; link != anchor; link = link->next)
		if (at(link)->shakes_hands &&
		    (!late_only || at(link)->active_at_ns + HANDSHAKE_TIMEOUT_NS <= now_ns))
			shutdown(h2o_socket_get_fd(at(link)->socket), SHUT_RDWR);
}

/* ---- those that have requests, or wait for them ---- */

static void end_connection(h2o_req_t *req, int how)
{
	shutdown(h2o_socket_get_fd(socket_of(req)), how);
}

static void for_each(h2o_context_t *context, int (*fn)(h2o_req_t *, void *), void *user)
{
	context->globalconf->http1.callbacks.foreach_request(context, fn, user);
}

static int end_if_stuck(h2o_req_t *req, void *user)
{
	struct timeval *began = &req->timestamps.response_start_at;
	const struct timeval *now = user;

	if (began->tv_sec > now->tv_sec)
		*began = *now; /* the clock was set back */
	if (began->tv_sec && now->tv_sec - began->tv_sec > RESPONSE_TIMEOUT_S)
		end_connection(req, SHUT_RDWR);
	return 0;
}

/**
 * connections_end_stuck() - end those whose client does not take its answer
 * @context: h2o's
 *
 * h2o bounds the time that a request takes to arrive; this bounds that of its answer.
 */
void connections_end_stuck(h2o_context_t *context)
{
	struct timeval now = *h2o_get_timestamp(context, NULL, NULL);

	for_each(context, end_if_stuck, &now);
}

static int end_if_large(h2o_req_t *req, void *user)
{
	(void)user;
	if (!req->timestamps.response_start_at.tv_sec && socket_of(req)->input->size > HEAD_MAX) {
		log_debug("a request's head is over %d KiB: its connection is closed",
			  HEAD_MAX >> 10);
		end_connection(req, SHUT_RDWR);
	}
	return 0;
}

/**
 * connections_end_large() - end those that send more than a request's head may have
 * @context: h2o's
 *
 * To be called after each round of the loop, so that all of them together are bounded.
 */
void connections_end_large(h2o_context_t *context)
{
	for_each(context, end_if_large, NULL);
}

static int end_if_idle(h2o_req_t *req, void *user)
{
	const bool *untouched_too = user;

	if (!req->timestamps.request_begin_at.tv_sec &&
	    (*untouched_too || socket_of(req)->bytes_read))
		end_connection(req, SHUT_RD);
	return 0;
}

/**
 * connections_end_idle() - end those that are between two requests
 * @context: h2o's
 * @untouched_too: also those that are before the first one
 *
 * What they have sent already is still read.
 */
void connections_end_idle(h2o_context_t *context, bool untouched_too)
{
	for_each(context, end_if_idle, &untouched_too);
}

static int end_if_waited_for(h2o_req_t *req, void *user)
{
	(void)user;
	if (!req->timestamps.response_start_at.tv_sec)
		end_connection(req, SHUT_RD);
	return 0;
}

/**
 * connections_end_waited_for() - end all that we wait for, idle or amidst a request
 * @context: h2o's
 */
void connections_end_waited_for(h2o_context_t *context)
{
	for_each(context, end_if_waited_for, NULL);
}

static int end_in_any_case(h2o_req_t *req, void *user)
{
	(void)user;
	end_connection(req, SHUT_RDWR);
	return 0;
}

/** connections_end_all() - end all, whatever they are at */
void connections_end_all(h2o_context_t *context)
{
	for_each(context, end_in_any_case, NULL);
}
