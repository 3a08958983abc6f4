/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The connections that are open, the way from a socket to the first request, and their ends.
 */
#ifndef SAMPLER_HTTP_CONNECTIONS_H
#define SAMPLER_HTTP_CONNECTIONS_H

#include <h2o.h>
#include <stdbool.h>

struct connections {
	h2o_accept_ctx_t accept;
	size_t n, max;
	h2o_linklist_t
		by_activity; /* the one that has been silent for longest first; without streams */
	void (*on_close)(void *user);
	void *user;
};

/* One of them. Belongs to its socket. */
struct connection {
	h2o_linklist_t link;
	struct connections *all;
	h2o_socket_t *socket;
	uint64_t active_at_ns; /* when it was accepted, or had its last request that was let in */
	SSL_CTX *tls;	       /* NULL: none is spoken */
	bool is_unix;
	bool shakes_hands; /* TLS is not agreed on yet */
};

void connections_init(struct connections *connections, h2o_context_t *context, size_t max,
		      void (*on_close)(void *user), void *user);
void connections_take(struct connections *connections, h2o_socket_t *socket, bool is_unix,
		      SSL_CTX *tls);
struct connection *connection_of(h2o_req_t *req);
void connection_is_active(struct connection *connection, bool is_let_in);
void connection_is_stream(struct connection *connection);

size_t connections_make_room(struct connections *connections, size_t wanted);
void connections_end_handshakes(struct connections *connections, bool late_only);
void connections_end_stuck(h2o_context_t *context);
void connections_end_large(h2o_context_t *context);
void connections_end_idle(h2o_context_t *context, bool untouched_too);
void connections_end_waited_for(h2o_context_t *context);
void connections_end_all(h2o_context_t *context);

#endif
