/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_METRICS_H
#define SAMPLER_MODEL_METRICS_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_group {
	METRIC_TOTAL,	 /* all frames */
	METRIC_L3,	 /* exclusive: they add up to the total */
	METRIC_L4,	 /* exclusive: they add up to ipv4 + ipv6 */
	METRIC_MARK,	 /* properties that a frame may have besides */
	METRIC_SIZE,	 /* exclusive: they add up to the total's packets */
	METRIC_TCP_FLAG, /* properties of TCP packets */
	METRIC_SERVICE,	 /* by port; named at run time */
	METRIC_N_GROUPS
};

enum metric_unit { METRIC_PACKETS = 1 << 0, METRIC_BYTES = 1 << 1 };

/* One row of the table: all that JSON, journal and Prometheus have to know of a metric. */
struct metric {
	const char *name; /* as in JSON, e.g. "ipv4", "0-60", "syn_ack" */
	const char *help; /* one sentence without a full stop */
	struct sampler_count (*get)(const struct sampler_counters *counters, unsigned int index);
	unsigned int index; /* within its group; the argument of get */
	unsigned int units; /* METRIC_PACKETS, or both */
	enum metric_group group;
};

/*
 * Called for each metric, in the order of the groups above. bytes is NULL where only packets are
 * counted. metric lives as long as the call. Anything but 0 ends the walk.
 */
typedef int (*metric_fn)(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
			 void *user);

/* A metric named by its place in a direction's JSON object, e.g. "", "l4.tcp" or "services.dns". */
struct metric_path {
	const struct metric *metric; /* NULL: a service, which has a slot only with its names */
	char service[SAMPLER_NAME_MAX];
};

const char *direction_name(enum sampler_direction direction);
int metrics_for_each(const struct sampler_counters *counters,
		     const char (*services)[SAMPLER_NAME_MAX], metric_fn fn, void *user);
bool metric_is_vlan(const struct metric *metric);
const char *metric_group_name(enum metric_group group);
const char *metric_group_help(enum metric_group group);
int metric_path_parse(const char *text, struct metric_path *ret_path);
int metric_path_get(const struct metric_path *path, const struct sampler_counters *counters,
		    const char (*services)[SAMPLER_NAME_MAX], struct sampler_count *ret_count);

#endif
