/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_NOTES_H
#define LOADGEN_NOTES_H

#include "report.h"
#include "stats.h"

#include <stdbool.h>

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
