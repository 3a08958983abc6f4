/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What happened between two moments of a run, in figures that each output writes in its own way.
 */
#ifndef LOADGEN_INTERVAL_H
#define LOADGEN_INTERVAL_H

#include "config.h"
#include "histogram.h"
#include "schedule.h"
#include "stats.h"

#include <stdbool.h>
#include <stdint.h>

/* A distribution in nanoseconds; all 0 where n is. */
struct distribution {
	uint64_t n;
	double min, mean, p50, p90, p99, p99_9, max;
};

struct interval {
	double time_s; /* its end, since the start of the run */
	double seconds;
	uint64_t n_connected;
	uint64_t n_completed, n_failed, n_not_2xx;
	uint64_t n_errors; /* of all phases, and answers other than 2xx */
	double requests_per_s;
	bool has_target;
	double target_per_s, target_bps; /* requests and bits of payload that were due */
	double payload_bps, http_bps, wire_bps;
	struct distribution corrected, service, lateness;
	double cpu_percent;
	uint64_t n_retransmits; /* TCP segments */
	struct raw_tally raw;
};

void distribution_of(const struct histogram *histogram, struct distribution *ret);
void interval_between(const struct config *config, const struct pace *pace, uint64_t start_ns,
		      const struct stats *before, const struct stats *now,
		      struct histogram *scratch, struct interval *ret);

#endif
