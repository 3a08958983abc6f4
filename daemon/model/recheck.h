/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_RECHECK_H
#define SAMPLER_MODEL_RECHECK_H

#include "util/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define RECHECK_PATIENCE_TICKS 3
#define RECHECK_PATIENCE_NS    (3 * NSEC_PER_SEC)
#define RECHECK_PAUSE_NS       NSEC_PER_SEC
#define RECHECK_SLOW_PAUSE_NS  (30 * NSEC_PER_SEC)

/* A suspicion and the requests for a privileged re-check that came of it. All zeros at first. */
struct recheck {
	bool open;	   /* there is a suspicion without a verdict */
	uint32_t ticks;	   /* since it began */
	uint64_t begun_ns; /* CLOCK_BOOTTIME, as all times here */
	uint64_t asked_ns; /* the newest request, of this suspicion or one before; 0: none yet */
};

bool recheck_tick(struct recheck *recheck, uint64_t boottime_ns);
bool recheck_is_overdue(const struct recheck *recheck, uint64_t boottime_ns);
void recheck_close(struct recheck *recheck);

#endif
