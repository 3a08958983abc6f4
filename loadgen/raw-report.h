/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How a run of raw frames went, and what is told of it. */
#ifndef LOADGEN_RAW_REPORT_H
#define LOADGEN_RAW_REPORT_H

#include "notes.h"
#include "raw-account.h"
#include "raw-plan.h"
#include "report.h"
#include "stats.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Besides what a struct outcome has. */
struct raw_outcome {
	const struct raw_plan *plan;
	const struct raw_account *account;
	uint64_t n_frames;  /* that were due by the run's limits, UINT64_MAX: no number */
	bool has_dropped;   /* what follows is known */
	uint64_t n_dropped; /* by the interface or its queue, of frames that the kernel had taken */
	uint32_t n_carrier_lost;
	uint32_t n_queued;   /* frames that have not left yet */
	const char *failure; /* why the run could not go on; NULL: it could */
};

const char *raw_l3_name(enum raw_l3 l3);
const char *raw_l4_name(enum raw_l4 l4);
const char *raw_mark_name(enum raw_mark mark);
const char *raw_flag_name(enum raw_tcp_flag flag);
const char *raw_size_name(size_t bucket);

void raw_report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out);
void raw_notes_tell(const struct outcome *outcome, const struct stats *stats,
		    const struct notes_listener *listener);

#endif
