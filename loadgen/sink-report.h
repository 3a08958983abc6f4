/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_REPORT_H
#define LOADGEN_SINK_REPORT_H

#include "sink-stats.h"
#include "sink.h"

#include <stdint.h>
#include <stdio.h>

/* What all workers have counted up to a time. */
struct sink_sum {
	uint64_t time_ns;
	uint64_t cpu_ns;
	uint32_t max_connections; /* of each */
	struct sink_stats stats;
};

int sink_report_addresses(const struct sink_config *config, FILE *out);
int sink_report_line(const struct sink_sum *start, const struct sink_sum *before,
		     const struct sink_sum *now, FILE *out);
int sink_report_json(const struct sink_sum *start, const struct sink_sum *now, FILE *out);
int sink_report_summary(const struct sink_sum *start, const struct sink_sum *now, FILE *out);

#endif
