/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parameters of /api/history: times, step, metrics. */
#ifndef SAMPLER_HTTP_HISTORY_QUERY_H
#define SAMPLER_HTTP_HISTORY_QUERY_H

#include "http/endpoint.h"
#include "model/metrics.h"
#include "read/range.h"

#include <stdbool.h>

#define HISTORY_MAX_METRICS 32
#define HISTORY_MAX_STEPS   4200
#define HISTORY_NAME_MAX    64 /* of a metric's path, with its NUL */

/* What is told of a metric and a step. */
enum history_unit {
	HISTORY_BITS_PER_S,
	HISTORY_PACKETS_PER_S,
	HISTORY_BYTES, /* counted in the step, exactly */
	HISTORY_PACKETS,
	HISTORY_N_UNITS
};

struct history_metric {
	char name[HISTORY_NAME_MAX]; /* as asked for */
	enum sampler_direction direction;
	struct metric_path path;
	enum history_unit unit;
	bool is_vlan; /* of received frames: unknown where tags are stripped */
};

struct history_query {
	struct range_query range;
	size_t n_metrics;
	struct history_metric metric[HISTORY_MAX_METRICS];
};

unsigned int history_query_interface(const struct endpoint_context *context,
				     const struct query *query, struct feed **ret_feed,
				     struct error *err);
int history_query_parse(const struct endpoint_context *context, const struct query *query,
			const struct feed *feed, struct history_query *ret_query,
			struct error *err);

#endif
