/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The highest bandwidth that several interfaces had together, out of their histories.
 */
#ifndef SAMPLER_READ_PEAK_H
#define SAMPLER_READ_PEAK_H

#include <stdint.h>

struct catalog;

struct peak {
	double bits_per_s;    /* received, 0 where nothing is known */
	uint64_t realtime_ns; /* end of the step that had it; 0: none */

	/* peak.c's own */
	uint64_t members;     /* which counters it is the peak of */
	uint64_t refresh_ns;  /* CLOCK_BOOTTIME; not computed again before */
	uint64_t computed_ns; /* CLOCK_REALTIME up to where the histories were searched */
};

void peak_refresh(struct peak *peak, const struct catalog *catalog, uint64_t boottime_ns,
		  uint64_t realtime_ns);

#endif
