// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The two clocks of the project. BOOTTIME measures (it runs through suspend and never steps),
 * REALTIME labels (an administrator may step it at any time). Nothing subtracts one REALTIME from
 * another.
 */
#include "util/clock.h"

#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts); /* cannot fail for the two clocks below */
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/** clock_boottime_ns() - Return: nanoseconds since boot, suspend included */
uint64_t clock_boottime_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

/** clock_realtime_ns() - Return: nanoseconds since 1970-01-01 00:00 UTC, for labels only */
uint64_t clock_realtime_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}
