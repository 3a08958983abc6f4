/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_THRESHOLDS_H
#define LOADGEN_THRESHOLDS_H

#include "config.h"
#include "report.h"
#include "stats.h"

#include <stdbool.h>
#include <stddef.h>

#define MAX_THRESHOLDS 5

/* One that was asked for, and what became of it. */
struct threshold {
	enum config_key key;
	bool missed;
	char limit[32], value[32]; /* as they are written: "50ms" */
};

size_t thresholds_check(const struct outcome *outcome, const struct stats *stats,
			struct threshold ret[MAX_THRESHOLDS]);
void threshold_explain(const struct threshold *threshold, char *buf, size_t size);
bool thresholds_tell_missed(const struct outcome *outcome, const struct stats *stats);

#endif
