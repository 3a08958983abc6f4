/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * GET /api/stream: clients that are told of each tick as it comes.
 */
#ifndef SAMPLER_HTTP_STREAM_H
#define SAMPLER_HTTP_STREAM_H

#include "http/endpoint.h"

#include <h2o.h>
#include <stddef.h>
#include <stdint.h>

struct streams;

int streams_create(struct catalog *catalog, size_t max_clients, struct streams **ret_streams);
void streams_free(struct streams *streams);
void streams_open(struct streams *streams, h2o_req_t *req, const struct endpoint_context *context,
		  const struct query *query);
uint64_t streams_due_ns(const struct streams *streams);
void streams_tell(struct streams *streams);
void streams_end(struct streams *streams);
void streams_judge_anew(struct streams *streams);

#endif
