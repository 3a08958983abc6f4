// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How a run went, worked out once for all that tell of it.
 */
#include "report.h"

#include <signal.h>

/** outcome_seconds() - Return: how long the run took; 0 where it has not begun */
double outcome_seconds(const struct outcome *outcome)
{
	uint64_t ns = outcome->end_ns - outcome->start_ns;

	return outcome->start_ns && ns ? (double)ns / 1e9 : 0;
}

/** outcome_add_thread() - take a thread's time on a CPU into account: the busiest one is told of */
void outcome_add_thread(struct outcome *outcome, uint64_t cpu_ns)
{
	double seconds = outcome_seconds(outcome);
	double share = seconds > 0 ? (double)cpu_ns / 1e9 / seconds : 0;

	if (share > outcome->busiest_worker)
		outcome->busiest_worker = share;
}

/*
 * The last request of each connection is under way when the run is cut. Where requests were asked
 * for it counts as sent if all of it was, where payload was, by what was sent of it. In the same way
 * payload that a server has refused before it was sent does not count.
 */
static double n_sent(const struct outcome *outcome, const struct stats *stats)
{
	const struct config *config = outcome->config;

	if (outcome->raw)
		return (double)stats->raw.frames;
	if (!config->bandwidth_bps)
		return (double)stats->n_completed + (double)stats->n_pending;
	return (double)stats->n_completed +
	       ((double)stats->payload_pending - (double)stats->payload_withheld) /
		       (double)config->request_size;
}

/**
 * outcome_reckon() - work out what was due and what of it was reached
 * @outcome: with its times, configuration and pace; due_per_s and reached_per_s are filled
 * @stats: of all workers
 */
void outcome_reckon(struct outcome *outcome, const struct stats *stats)
{
	double seconds = outcome_seconds(outcome);

	outcome->due_per_s = outcome->reached_per_s = 0;
	if (seconds <= 0)
		return;
	outcome->due_per_s =
		pace_n_due(outcome->pace, 0, outcome->end_ns - outcome->start_ns) / seconds;
	outcome->reached_per_s = n_sent(outcome, stats) / seconds;
}

/** outcome_cpu_percent() - Return: what all threads have used, of one CPU */
double outcome_cpu_percent(const struct outcome *outcome, const struct stats *stats)
{
	double seconds = outcome_seconds(outcome);

	return seconds > 0 ? 100 * (double)stats->cpu_ns / 1e9 / seconds : 0;
}

/** outcome_ending() - Return: in a word why the run has ended */
const char *outcome_ending(const struct outcome *outcome)
{
	switch (outcome->ending) {
	case ENDED_BY_SIGNAL:
		return outcome->signal == SIGINT ? "SIGINT" : "SIGTERM";
	case ENDED_GIVEN_UP:
		return "given up";
	case ENDED_UNWRITTEN:
		return "output failed";
	case ENDED_BY_LIMIT:
		break;
	}
	return "limit";
}
