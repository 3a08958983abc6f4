/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The metrics of one direction, of one interface or of several added up: totals and rates.
 */
#ifndef SAMPLER_HTTP_METRIC_ROWS_H
#define SAMPLER_HTTP_METRIC_ROWS_H

#include "model/metrics.h"
#include "read/feed.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct metric_row {
	enum metric_group group;
	char name[SAMPLER_NAME_MAX + 1];
	bool has_bytes;
	bool unknown; /* tags are stripped before XDP */
	uint64_t packets;
	uint64_t bytes;
	double packets_per_s;
	double bits_per_s;
};

struct metric_rows {
	size_t n;
	size_t room;
	struct metric_row *row; /* in the order of the metric table */
	bool lacks_rates;	/* of at least one interface: their sum is not known then */
};

int metric_rows_add(struct metric_rows *rows, const struct feed *feed,
		    enum sampler_direction direction);
const struct metric_row *metric_rows_find(const struct metric_rows *rows, enum metric_group group,
					  const char *name);
json_t *metric_rows_json(const struct metric_rows *rows);
void metric_rows_free(struct metric_rows *rows);

#endif
