/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_NOTES_H
#define LOADGEN_NOTES_H

#include "report.h"
#include "stats.h"
#include "util/clock.h"

#include <stdbool.h>

/* From when on something is told. */
#define NOTES_SATURATED_CPU 0.9
#define NOTES_TARGET_MISSED 0.99 /* of the rate that was asked for */
#define NOTES_LATE_NS	    (10 * NSEC_PER_MSEC)
#define NOTES_MIN_SECONDS   0.1 /* of a run whose rate says something */

/* Who hears of them: a sentence each. */
struct notes_listener {
	void (*take)(const char *line, void *user);
	void *user;
};

void notes_say(const struct notes_listener *listener, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

bool notes_saturated(const struct outcome *outcome, const struct stats *stats);
void notes_tell(const struct outcome *outcome, const struct stats *stats,
		void (*take)(const char *line, void *user), void *user);

#endif
