/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The highest bandwidth that several interfaces had together, out of their histories.
 */
#ifndef SAMPLER_READ_PEAK_H
#define SAMPLER_READ_PEAK_H

#include "sampler_abi.h"

#include <stdint.h>

struct catalog;

/* Of one direction. */
struct peak_moment {
	double bits_per_s;    /* 0 where nothing is known */
	uint64_t realtime_ns; /* end of the step that had it; 0: none */
};

struct peak {
	struct peak_moment highest[SAMPLER_N_DIRECTIONS];

	/* peak.c's own */
	uint64_t members;	    /* which counters it is the peak of */
	uint64_t searched_ns;	    /* CLOCK_BOOTTIME up to which; 0: not at all */
	struct peak_search *search; /* under way; peak_forget() ends it */
};

void peak_refresh(struct peak *peak, const struct catalog *catalog, uint64_t boottime_ns,
		  uint64_t realtime_ns);
void peak_forget(struct peak *peak);

#endif
