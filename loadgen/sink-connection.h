/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_CONNECTION_H
#define LOADGEN_SINK_CONNECTION_H

#include "sink-answer.h"
#include "sink-request.h"
#include "transport.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct sink_worker;

enum sink_state {
	SINK_NEW,	/* its first byte will tell whether it is TLS */
	SINK_HANDSHAKE, /* TLS is */
	SINK_READING,	/* a request, or it is idle */
	SINK_ANSWERING, /* not all could be sent at once; nothing is read meanwhile */
	SINK_LINGERING, /* all is said; what the client still sends is dropped */
};

struct sink_connection {
	struct sink_worker *worker;
	TAILQ_ENTRY(sink_connection) link; /* of the worker's list: active, or lingering */
	enum sink_state state;
	uint64_t progress_s; /* when something last moved, in the worker's seconds */
	const struct transport *transport;
	struct stream stream;
	struct event read_event, write_event;
	struct sink_answer answer; /* while answering */
	char *rest;		   /* what came behind the request that is being answered */
	size_t n_rest;
	uint64_t n_content; /* of the request, that has been counted */
	struct sink_request request;
};

TAILQ_HEAD(sink_connection_list, sink_connection);

int sink_connection_new(struct sink_worker *worker, int fd);
void sink_connection_end(struct sink_connection *connection);

#endif
