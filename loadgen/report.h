/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_REPORT_H
#define LOADGEN_REPORT_H

#include "config.h"
#include "schedule.h"
#include "stats.h"
#include "target.h"
#include "verify-compare.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Why a run has ended. */
enum ending {
	ENDED_BY_LIMIT,
	ENDED_BY_SIGNAL,
	ENDED_GIVEN_UP,	 /* no connection could be made any more */
	ENDED_UNWRITTEN, /* an output could not be written */
};

/* How a run went, besides what was counted. */
struct outcome {
	const struct config *config;
	const struct target *target; /* without a text: not found yet */
	const struct pace *pace;
	uint64_t start_ns, end_ns; /* start_ns 0: it has not begun */
	uint64_t n_requests;	   /* that were to be sent, UINT64_MAX: no number */
	double due_per_s;	   /* requests, by the pace; 0: there is none */
	double reached_per_s;	   /* those of them that count as sent */
	double busiest_worker; /* share of a CPU that the busiest worker's thread used, 0 to 1 */
	enum ending ending;
	int signal;		       /* that ended it, or 0 */
	const struct raw_outcome *raw; /* NULL: HTTP */
	struct wire apart; /* of the wire: to open connections before, and close them after */
	const struct verify_result *verified; /* NULL: no sampler was asked */
};

double outcome_seconds(const struct outcome *outcome);
void outcome_add_thread(struct outcome *outcome, uint64_t cpu_ns);
void outcome_reckon(struct outcome *outcome, const struct stats *stats);
double outcome_cpu_percent(const struct outcome *outcome, const struct stats *stats);
const char *outcome_ending(const struct outcome *outcome);

void report_end(const struct outcome *outcome, const struct stats *stats, FILE *out);
void report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out);

#endif
