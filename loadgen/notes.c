// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * In plain words what one could overlook in the figures of a run: that the generator itself was the
 * limit, that the target was not reached and why, that requests had no answer, that the answers were
 * errors, which thresholds were missed. Those on raw frames are in raw-report.c.
 */
#include "notes.h"

#include "raw-report.h"
#include "thresholds.h"
#include "util/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TOLD_REFUSALS	0.01  /* of the answers */
#define TOLD_UNANSWERED 0.001 /* of what was due: then percentiles that are told are touched */

/** notes_say() - have a listener take a note */
void notes_say(const struct notes_listener *listener, const char *format, ...)
{
	char line[500];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	listener->take(line, listener->user);
}

/* ---- the generator ---- */

static bool cpu_saturated(const struct outcome *outcome)
{
	return outcome->busiest_worker > NOTES_SATURATED_CPU;
}

static bool late(const struct stats *stats)
{
	return histogram_percentile(&stats->lateness, 99) > NOTES_LATE_NS;
}

/** notes_saturated() - Return: whether the generator itself was the limit of a run, or late */
bool notes_saturated(const struct outcome *outcome, const struct stats *stats)
{
	return cpu_saturated(outcome) || late(stats);
}

static void tell_saturation(const struct outcome *outcome, const struct stats *stats,
			    const struct notes_listener *listener)
{
	const char *remedy = outcome->config->threads < outcome->config->connections
				     ? "; more threads may help"
				     : "";

	if (cpu_saturated(outcome))
		notes_say(listener,
			  "The generator itself was the limit: a thread used %.0f %% of a CPU%s.",
			  100 * outcome->busiest_worker, remedy);
	if (late(stats))
		notes_say(listener,
			  "The generator itself was late: 1 %% of the requests were sent more than "
			  "%.1f ms after their time, with a connection free%s.",
			  (double)histogram_percentile(&stats->lateness, 99) / 1e6, remedy);
}

/* ---- the target ---- */

/* Besides those that the run has begun with. */
static bool closed_often(const struct outcome *outcome, const struct stats *stats)
{
	return stats->n_connects > outcome->config->connections + stats->n_completed / 2;
}

static const char *why_missed(const struct outcome *outcome, const struct stats *stats)
{
	if (stats_n_not_2xx(stats) > stats->n_completed / 2)
		return stats->payload_withheld
			       ? "most answers were errors, before all of the payload was sent"
			       : "most answers were errors";
	if (cpu_saturated(outcome))
		return "the generator has no more CPU";
	if (stats->n_failed)
		return "of errors, see above";
	if (stats->n_overdue[OVERDUE_LONG] > stats->n_unsent)
		return "requests had no answer";
	if (late(stats))
		return "the generator was not woken in time";
	if (stats_n_errors(stats))
		return "of errors, see above";
	if (closed_often(outcome, stats))
		return "the server closes connections, which have to be made anew";
	return "all connections were busy: the answers take too long for so few connections";
}

static void tell_target(const struct outcome *outcome, const struct stats *stats,
			const struct notes_listener *listener)
{
	double target = outcome->due_per_s, reached = outcome->reached_per_s;
	double bits = 8 * (double)outcome->config->request_size;
	char asked[FORMAT_MAX], got[FORMAT_MAX];

	if (outcome_seconds(outcome) < NOTES_MIN_SECONDS || reached >= NOTES_TARGET_MISSED * target)
		return;
	format_rate(asked, sizeof(asked), bits > 0 ? target * bits : target,
		    bits > 0 ? "bit/s" : "req/s");
	format_rate(got, sizeof(got), bits > 0 ? reached * bits : reached,
		    bits > 0 ? "bit/s" : "req/s");
	notes_say(listener, "The target of %s was not reached (%s), because %s.", asked, got,
		  why_missed(outcome, stats));
}

/* ---- the answers ---- */

/* A server that hangs answers no longer, and so not slowly either. */
static void tell_unanswered(const struct stats *stats, const struct notes_listener *listener)
{
	uint64_t n = stats_n_unanswered(stats), all = n + stats->n_completed;
	bool longest =
		stats->oldest_ns > STATS_LONG_NS && stats->oldest_ns > stats->corrected.max_ns;
	char waited[80] = "";

	if (!longest && (double)n <= TOLD_UNANSWERED * (double)all)
		return;
	if (stats->n_overdue[OVERDUE_LONG])
		snprintf(waited, sizeof(waited), "; at the end the oldest had waited for %.1f s",
			 (double)stats->oldest_ns / 1e9);
	notes_say(listener,
		  "%" PRIu64 " request%s that %s due had no answer: the latencies leave %s out%s.",
		  n, n == 1 ? "" : "s", n == 1 ? "was" : "were", n == 1 ? "it" : "them", waited);
}

/* One class: "5xx"; more: "4xx 5, 5xx 7". */
static void list_not_2xx(const struct stats *stats, char *buf, size_t size)
{
	static const char *const class[N_STATUS_CLASSES] = { "other", "1xx", NULL,
							     "3xx",   "4xx", "5xx" };
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < N_STATUS_CLASSES && n < size; i++) {
		if (!class[i] || !stats->status[i])
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", class[i]);
		if (stats->status[i] < stats_n_not_2xx(stats) && n < size)
			n += (size_t)snprintf(buf + n, size - n, " %" PRIu64, stats->status[i]);
	}
}

/* A run whose answers are errors ends well, since the load was made. But that has to be seen. */
static void tell_refusals(const struct stats *stats, const struct notes_listener *listener)
{
	static const struct words {
		const char *one, *many, *remedy;
	} errors = { "an error", "errors", "the target refuses these requests" },
	  redirects = { "a redirect", "redirects",
			"they are not followed; use the url that they lead to" };
	uint64_t n = stats_n_not_2xx(stats), all = stats->n_completed;
	const struct words *words = n == stats->status[3] ? &redirects : &errors;
	char classes[200];

	if ((double)n <= TOLD_REFUSALS * (double)all)
		return;
	list_not_2xx(stats, classes, sizeof(classes));
	if (n < all)
		notes_say(listener, "%.1f %% of the answers were %s (%s).",
			  100 * (double)n / (double)all, words->many, classes);
	else if (n > 1)
		notes_say(listener, "All %" PRIu64 " answers were %s (%s): %s.", n, words->many,
			  classes, words->remedy);
	else
		notes_say(listener, "The only answer was %s (%s): %s.", words->one, classes,
			  words->remedy);
}

/* ---- what was asked for ---- */

static void tell_thresholds(const struct outcome *outcome, const struct stats *stats,
			    const struct notes_listener *listener)
{
	struct threshold threshold[MAX_THRESHOLDS];
	size_t n = thresholds_check(outcome, stats, threshold);
	char line[200];

	for (size_t i = 0; i < n; i++) {
		if (!threshold[i].missed)
			continue;
		threshold_explain(&threshold[i], line, sizeof(line));
		notes_say(listener, "T%s.", line + 1);
	}
}

static void tell_given_up(const struct outcome *outcome, const struct notes_listener *listener)
{
	char time[FORMAT_MAX];

	if (outcome->ending != ENDED_GIVEN_UP)
		return;
	format_duration(time, sizeof(time), outcome->config->give_up_ns);
	notes_say(listener, "Given up: for %s (give_up) no connection could be made.", time);
}

/**
 * notes_tell() - each note on a run
 * @outcome: the run
 * @stats: of all its workers
 * @take: is called for each, with a sentence
 * @user: handed on to it
 */
void notes_tell(const struct outcome *outcome, const struct stats *stats,
		void (*take)(const char *line, void *user), void *user)
{
	const struct notes_listener listener = { take, user };

	if (outcome->raw) {
		raw_notes_tell(outcome, stats, &listener);
		return;
	}
	tell_given_up(outcome, &listener);
	tell_saturation(outcome, stats, &listener);
	tell_target(outcome, stats, &listener);
	tell_unanswered(stats, &listener);
	tell_thresholds(outcome, stats, &listener);
	tell_refusals(stats, &listener);
}
