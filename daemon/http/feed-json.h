/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the endpoints share: which interfaces a request is about, what they have in common in JSON,
 * and how well each of them is.
 */
#ifndef SAMPLER_HTTP_FEED_JSON_H
#define SAMPLER_HTTP_FEED_JSON_H

#include "http/endpoint.h"
#include "kernel/link.h"

#include <jansson.h>
#include <stdbool.h>

#define API_SCHEMA 1

/* The interfaces whose counters an answer adds up. */
struct selection {
	const struct feed *named; /* NULL: all that there are */
	size_t n;
	const struct feed *feed[CATALOG_MAX_FEEDS]; /* with FEED_RECORDS or FEED_COUNTERS */
};

/* How an interface is, in one word and a reason. */
struct feed_health {
	const char *state; /* one of feed_states */
	struct error reason;
	bool has_link; /* the interface is of our namespace, and there */
	struct link_info link;
};

extern const char *const feed_states[]; /* NULL at the end */

unsigned int select_one(const struct endpoint_context *context, const char *name,
			struct feed **ret_feed, struct error *err);
unsigned int answer_counted(const struct endpoint_context *context, const struct query *query,
			    json_t *(*make)(const struct endpoint_context *context,
					    const struct selection *selection),
			    json_t **ret_body, struct error *err);
uint64_t version_of_all(const struct endpoint_context *context, const struct query *query);

int json_set(json_t *object, const char *name, json_t *value);
int json_set_u64(json_t *object, const char *name, uint64_t value);
int json_set_rounded(json_t *object, const char *name, double value);
json_t *reason_json(const struct error *reason);
json_t *names_json_if(const struct selection *selection, bool (*is_meant)(const struct feed *feed));
json_t *without_tx_json(const struct selection *selection);
bool all_count(const struct selection *selection, enum sampler_direction direction);
int set_selection(json_t *json, const struct endpoint_context *context,
		  const struct selection *selection);
int set_staleness(json_t *json, const struct selection *selection);
uint64_t newest_realtime_ns(const struct selection *selection);

void judge_feed(const struct feed *feed, int link_fd, struct feed_health *ret_health);
bool is_shown(const struct feed *feed);

#endif
