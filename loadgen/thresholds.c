// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a run must not exceed, or must reach, to count as good. Looked at once, over the whole run.
 *
 * A percentile is of all requests that were due: one without an answer has taken longer than any
 * limit if it has failed or was given up, and longer than those that it has waited for already. In a
 * closed loop none becomes due while a server hangs: there the connections' time is looked at instead,
 * of which no more than 1 % may be without an answer for a limit of 99 %. A run of which nothing was
 * completed has no latency, and so misses each limit of one.
 */
#include "thresholds.h"

#include "util/log.h"
#include "util/units.h"

#include <stdio.h>

#define WHOLE 1e6 /* ppm */

/* How much of the connections' time went by in a closed loop with requests that had no answer, percent. */
static double percent_hung(const struct outcome *outcome, const struct stats *stats,
			   enum overdue overdue)
{
	double seconds = outcome_seconds(outcome) * outcome->config->connections;

	return seconds > 0 ? 100 * (double)stats->hung_ns[overdue] / 1e9 / seconds : 0;
}

static void check_latency(enum config_key key, uint64_t limit_ns, const struct outcome *outcome,
			  const struct stats *stats, enum overdue overdue, double percent,
			  struct threshold *ret)
{
	uint64_t n_endless = stats->n_failed + stats->n_skipped + stats->n_overdue[overdue];
	uint64_t ns = histogram_percentile_with(&stats->corrected, n_endless, percent);

	if (percent_hung(outcome, stats, overdue) > 100 - percent)
		ns = UINT64_MAX;
	*ret = (struct threshold){ .key = key, .missed = ns > limit_ns };
	format_duration(ret->limit, sizeof(ret->limit), limit_ns);
	if (ns < UINT64_MAX)
		snprintf(ret->value, sizeof(ret->value), "%.3fms", (double)ns / 1e6);
	else
		snprintf(ret->value, sizeof(ret->value), "no answer");
}

static void put_share(struct threshold *threshold, uint64_t limit_ppm, double share)
{
	format_percent(threshold->limit, sizeof(threshold->limit), limit_ppm);
	snprintf(threshold->value, sizeof(threshold->value), "%.4g%%", 100 * share);
}

/*
 * Errors, with or without a request, and answers other than 2xx, for each request that ended. There can
 * be more of them, such as connections that could not be made.
 */
static void check_errors(uint64_t limit_ppm, const struct stats *stats, struct threshold *ret)
{
	uint64_t n_ended = stats->n_completed + stats->n_failed;
	uint64_t n_errors = stats_n_errors(stats) + stats_n_not_2xx(stats);
	double share = 0;

	if (n_errors)
		share = n_errors < n_ended ? (double)n_errors / (double)n_ended : 1;
	*ret = (struct threshold){
		.key = KEY_MAX_ERRORS,
		.missed = share * WHOLE > (double)limit_ppm,
	};
	put_share(ret, limit_ppm, share);
}

static void check_achieved(uint64_t limit_ppm, const struct outcome *outcome, struct threshold *ret)
{
	double share = outcome->due_per_s > 0 ? outcome->reached_per_s / outcome->due_per_s : 0;

	*ret = (struct threshold){
		.key = KEY_MIN_ACHIEVED,
		.missed = share * WHOLE < (double)limit_ppm,
	};
	put_share(ret, limit_ppm, share);
}

/**
 * thresholds_check() - hold a run against what was asked of it
 * @outcome: of the run
 * @stats: of all its workers
 * @ret: those that were asked for, in the order of the configuration
 *
 * Return: how many.
 */
size_t thresholds_check(const struct outcome *outcome, const struct stats *stats,
			struct threshold ret[MAX_THRESHOLDS])
{
	const struct config *c = outcome->config;
	size_t n = 0;

	if (c->max_p50_ns != LOADGEN_NO_THRESHOLD)
		check_latency(KEY_MAX_P50, c->max_p50_ns, outcome, stats, OVERDUE_P50, 50,
			      &ret[n++]);
	if (c->max_p99_ns != LOADGEN_NO_THRESHOLD)
		check_latency(KEY_MAX_P99, c->max_p99_ns, outcome, stats, OVERDUE_P99, 99,
			      &ret[n++]);
	if (c->max_p99_9_ns != LOADGEN_NO_THRESHOLD)
		check_latency(KEY_MAX_P99_9, c->max_p99_9_ns, outcome, stats, OVERDUE_P99_9, 99.9,
			      &ret[n++]);
	if (c->max_errors_ppm != LOADGEN_NO_THRESHOLD)
		check_errors(c->max_errors_ppm, stats, &ret[n++]);
	if (c->min_achieved_ppm != LOADGEN_NO_THRESHOLD)
		check_achieved(c->min_achieved_ppm, outcome, &ret[n++]);
	return n;
}

/**
 * threshold_explain() - one line about a threshold that was missed
 * @threshold: it
 * @buf: "threshold missed: max_p99 = 50ms, but it was 61.250ms"
 * @size: bytes at @buf
 */
void threshold_explain(const struct threshold *threshold, char *buf, size_t size)
{
	snprintf(buf, size, "threshold missed: %s = %s, but it was %s",
		 config_key_name(threshold->key), threshold->limit, threshold->value);
}

/** thresholds_tell_missed() - log each that was missed. Return: whether there is one */
bool thresholds_tell_missed(const struct outcome *outcome, const struct stats *stats)
{
	struct threshold threshold[MAX_THRESHOLDS];
	size_t n = thresholds_check(outcome, stats, threshold);
	char line[200];
	bool missed = false;

	for (size_t i = 0; i < n; i++) {
		if (!threshold[i].missed)
			continue;
		threshold_explain(&threshold[i], line, sizeof(line));
		log_error("%s", line);
		missed = true;
	}
	return missed;
}
