/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The clock of a run. It is not util/clock.h's BOOTTIME, since timerfd deadlines, the schedule and
 * latencies share it and a generator that was suspended must not make up for the time.
 */
#ifndef LOADGEN_MONOTONIC_H
#define LOADGEN_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline uint64_t timespec_ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec;
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts); /* cannot fail for the clocks that are asked for */
	return timespec_ns(&ts);
}

static inline uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
