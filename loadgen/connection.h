/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_CONNECTION_H
#define LOADGEN_CONNECTION_H

#include "request.h"
#include "response.h"
#include "stats.h"
#include "transport.h"
#include "wire.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct worker;

enum connection_state {
	CONNECTION_DOWN, /* waits to be opened */
	CONNECTION_CONNECTING,
	CONNECTION_HANDSHAKE,
	CONNECTION_THINKING, /* up, and holds its think time */
	CONNECTION_IDLE,     /* up, for the next request that is due */
	CONNECTION_BUSY,     /* one request is under way */
};

struct connection {
	struct worker *worker;
	enum connection_state state;
	TAILQ_ENTRY(connection) link; /* of the worker's list for its state */
	struct stream stream;
	struct event read_event;  /* persistent, while the socket is connected */
	struct event write_event; /* only where something had to wait */
	struct event retry_event;
	bool tried; /* opened, or failed to, at least once */
	bool peer_closed;
	unsigned int n_bad;  /* failures since the last good response */
	uint64_t n_answered; /* responses since it was opened */

	uint64_t progress_ns; /* when something last moved */
	uint64_t think_ns;    /* thinks until then */
	uint64_t idle_ns;     /* idle since then */

	/* The request under way. */
	uint64_t due_ns, begin_ns;
	uint64_t sent_ns; /* when something of it was last sent, or just before */
	struct request request;
	struct response response;
	bool answered;	/* the response is complete, the request not yet */
	int send_error; /* why no more of it can be sent, or 0 */

	struct wire wire; /* what of it is in the worker's stats */
	bool wire_stale;  /* there is more by now */
};

TAILQ_HEAD(connection_list, connection);

void connection_init(struct connection *connection, struct worker *worker);
void connection_open(struct connection *connection, uint64_t now_ns);
void connection_check(struct connection *connection, uint64_t now_ns);
void connection_read_wire(struct connection *connection);
void connection_cut(struct connection *connection);

/* For exchange.c. */
void connection_close(struct connection *connection);
void connection_drop(struct connection *connection);
void connection_fail(struct connection *connection, enum phase phase, const char *why);
void connection_fail_stream(struct connection *connection, enum phase phase, int error);
void connection_wait(struct connection *connection);

#endif
