/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Events of /api/stream as text (Server-Sent Events, WHATWG HTML, section 9.2), and where a client that
 * comes back goes on.
 */
#ifndef SAMPLER_HTTP_STREAM_EVENT_H
#define SAMPLER_HTTP_STREAM_EVENT_H

#include "http/answers.h"
#include "http/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_TYPE "text/event-stream"

/* What an event is called: the counters (sampler_meta.epoch), and the number of its record. */
struct stream_id {
	uint64_t counters_id;
	uint64_t record;
};

int stream_id_parse(const char *text, size_t len, struct stream_id *ret_id);

struct answer *stream_event_now(const struct endpoint_context *context, const struct feed *feed);
struct answer *stream_event_of_record(const struct endpoint_context *context,
				      const struct feed *feed, uint64_t number);
struct answer *stream_event_gap(const struct feed *feed, uint64_t oldest);

int stream_position(const struct feed *feed, const struct stream_id *id, uint64_t *ret_next,
		    uint64_t *ret_boottime_ns);
int stream_position_after(const struct feed *feed, uint64_t boottime_ns, uint64_t *ret_next);
uint64_t stream_oldest(const struct feed *feed);

#endif
