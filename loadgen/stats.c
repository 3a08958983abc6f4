// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Counting. Each worker counts into stats of its own without any lock; what is shown is a copy or a
 * sum.
 */
#include "stats.h"

#include <stdarg.h>
#include <stdio.h>

/**
 * stats_error() - count an error, and keep its text if it is the first of its phase
 * @stats: where to
 * @phase: in which phase it was
 * @now_ns: when
 * @format: printf format of one line
 */
void stats_error(struct stats *stats, enum phase phase, uint64_t now_ns, const char *format, ...)
{
	struct phase_errors *errors = &stats->errors[phase];
	va_list args;

	if (errors->n++)
		return;
	errors->first_ns = now_ns;
	va_start(args, format);
	vsnprintf(errors->first, sizeof(errors->first), format, args);
	va_end(args);
}

/** stats_response() - count a response by the class of its status */
void stats_response(struct stats *stats, unsigned int status)
{
	unsigned int class = status / 100;

	stats->status[class < N_STATUS_CLASSES ? class : 0]++;
}

static void errors_add(struct phase_errors *sum, const struct phase_errors *errors)
{
	uint64_t n = sum->n + errors->n;

	if (errors->n && (!sum->n || errors->first_ns < sum->first_ns))
		*sum = *errors;
	sum->n = n;
}

static void raw_tally_add(struct raw_tally *sum, const struct raw_tally *tally)
{
	sum->frames += tally->frames;
	sum->bytes += tally->bytes;
	sum->wire_bytes += tally->wire_bytes;
	sum->n_refused += tally->n_refused;
	sum->n_full += tally->n_full;
	sum->held_ns += tally->held_ns;
}

/**
 * stats_add() - add one worker's stats to a sum
 * @sum: of stats up to about the same time
 * @stats: what to add
 */
void stats_add(struct stats *sum, const struct stats *stats)
{
	if (stats->time_ns > sum->time_ns)
		sum->time_ns = stats->time_ns;
	sum->cpu_ns += stats->cpu_ns;
	sum->n_connected += stats->n_connected;
	sum->n_connects += stats->n_connects;
	sum->n_idle_closed += stats->n_idle_closed;
	sum->n_started += stats->n_started;
	sum->n_completed += stats->n_completed;
	sum->n_failed += stats->n_failed;
	sum->n_unfinished += stats->n_unfinished;
	sum->n_pending += stats->n_pending;
	sum->n_unsent += stats->n_unsent;
	sum->n_skipped += stats->n_skipped;
	sum->payload_sent += stats->payload_sent;
	sum->payload_unsent += stats->payload_unsent;
	sum->payload_completed += stats->payload_completed;
	sum->payload_pending += stats->payload_pending;
	sum->payload_withheld += stats->payload_withheld;
	sum->http_sent += stats->http_sent;
	sum->http_unsent += stats->http_unsent;
	sum->http_received += stats->http_received;
	sum->body_received += stats->body_received;
	raw_tally_add(&sum->raw, &stats->raw);
	wire_add(&sum->wire, &stats->wire);
	wire_add(&sum->closing, &stats->closing);
	if (stats->oldest_ns > sum->oldest_ns)
		sum->oldest_ns = stats->oldest_ns;
	for (size_t i = 0; i < N_OVERDUE; i++) {
		sum->n_overdue[i] += stats->n_overdue[i];
		sum->hung_ns[i] += stats->hung_ns[i];
	}
	for (size_t i = 0; i < N_STATUS_CLASSES; i++)
		sum->status[i] += stats->status[i];
	for (size_t i = 0; i < N_PHASES; i++)
		errors_add(&sum->errors[i], &stats->errors[i]);
	histogram_add(&sum->corrected, &stats->corrected);
	histogram_add(&sum->service, &stats->service);
	histogram_add(&sum->lateness, &stats->lateness);
}

/** stats_n_unanswered() - Return: requests that were due and had no answer, but those under way */
uint64_t stats_n_unanswered(const struct stats *stats)
{
	return stats->n_failed + stats->n_skipped + stats->n_overdue[OVERDUE_LONG];
}

/** stats_n_errors() - Return: errors of all phases; a response with any status is none */
uint64_t stats_n_errors(const struct stats *stats)
{
	uint64_t n = 0;

	for (size_t i = 0; i < N_PHASES; i++)
		n += stats->errors[i].n;
	return n;
}

/** stats_n_not_2xx() - Return: responses with another status than 2xx */
uint64_t stats_n_not_2xx(const struct stats *stats)
{
	return stats->n_completed - stats->status[2];
}

/** stats_first_error() - Return: errors of the phase that failed first, NULL without any */
const struct phase_errors *stats_first_error(const struct stats *stats)
{
	const struct phase_errors *first = NULL;

	for (size_t i = 0; i < N_PHASES; i++) {
		if (stats->errors[i].n && (!first || stats->errors[i].first_ns < first->first_ns))
			first = &stats->errors[i];
	}
	return first;
}

/** phase_name() - Return: the name of a phase, as in a summary */
const char *phase_name(enum phase phase)
{
	static const char *const name[N_PHASES] = {
		[PHASE_RESOLVE] = "resolve", [PHASE_CONNECT] = "connect", [PHASE_TLS] = "tls",
		[PHASE_SEND] = "send",	     [PHASE_RECEIVE] = "receive", [PHASE_PARSE] = "parse",
		[PHASE_TIMEOUT] = "timeout",
	};

	return name[phase];
}
