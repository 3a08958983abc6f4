/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_REPORT_H
#define LOADGEN_REPORT_H

#include "config.h"
#include "stats.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How a run went, besides what was counted. */
struct outcome {
	const struct config *config;
	const struct target *target;
	uint64_t start_ns, end_ns;
	uint64_t n_requests;   /* that were to be sent, UINT64_MAX: no number */
	double busiest_worker; /* share of a CPU that the busiest worker's thread used, 0 to 1 */
	int signal;	       /* that ended it, or 0 */
	struct wire apart;     /* of the wire: to open connections before, and close them after */
};

struct progress {
	FILE *out;
	bool terminal; /* each line takes the place of the one before, where it has room */
	uint64_t target_bps;
	size_t n_shown; /* columns of a line that the next one takes the place of */
};

void progress_init(struct progress *progress, const struct config *config, FILE *out);
void progress_begin(const struct progress *progress);
int progress_line(struct progress *progress, uint64_t start_ns, const struct stats *before,
		  struct stats *now);
void progress_end(struct progress *progress);

uint64_t report_target_bps(const struct config *config);
int report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out);

#endif
