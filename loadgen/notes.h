/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_NOTES_H
#define LOADGEN_NOTES_H

#include "report.h"
#include "stats.h"

#include <stdbool.h>

bool notes_saturated(const struct outcome *outcome, const struct stats *stats);
void notes_tell(const struct outcome *outcome, const struct stats *stats,
		void (*take)(const char *line, void *user), void *user);

#endif
