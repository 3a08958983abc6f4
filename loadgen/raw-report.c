// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The summary of a run of raw frames for people: what was sent, as a sampler at the other end has to
 * count it, how punctually, and in plain words what one could overlook.
 */
#include "raw-report.h"

#include "interval.h"
#include "util/units.h"
#include "verify-counts.h"

#include <inttypes.h>

#define HELD 0.1 /* of the time */

/** raw_l3_name() - Return: the name of a class, as the API of a sampler has it */
const char *raw_l3_name(enum raw_l3 l3)
{
	return verify_class[VERIFY_IPV4 + l3].name;
}

/** raw_l4_name() - the same */
const char *raw_l4_name(enum raw_l4 l4)
{
	return verify_class[VERIFY_TCP + l4].name;
}

/** raw_mark_name() - the same */
const char *raw_mark_name(enum raw_mark mark)
{
	return verify_class[VERIFY_VLAN + mark].name;
}

/** raw_flag_name() - the same */
const char *raw_flag_name(enum raw_tcp_flag flag)
{
	return verify_class[VERIFY_SYN + flag].name;
}

/** raw_size_name() - the same */
const char *raw_size_name(size_t bucket)
{
	return verify_class[VERIFY_SIZE_60 + bucket].name;
}

/* ---- the summary ---- */

static void put_title(const struct outcome *outcome, FILE *out)
{
	const struct config *config = outcome->config;

	fprintf(out, "\nraw frames by %s, %u thread%s, %.3f s%s\n", outcome->raw->plan->link.name,
		config->threads, config->threads == 1 ? "" : "s", outcome_seconds(outcome),
		outcome->signal ? ", interrupted" : "");
}

static void put_frames(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	const struct raw_outcome *raw = outcome->raw;
	double seconds = outcome_seconds(outcome);

	fprintf(out, "Frames\n  sent      %18" PRIu64 "   %.2f a second\n", stats->raw.frames,
		seconds > 0 ? (double)stats->raw.frames / seconds : 0);
	if (raw->n_frames != UINT64_MAX)
		fprintf(out, "  asked for %18" PRIu64 "\n", raw->n_frames);
	fprintf(out, "  refused   %18" PRIu64 "   by the kernel, and sent again\n",
		stats->raw.n_refused);
	if (raw->has_dropped)
		fprintf(out, "  dropped   %18" PRIu64 "   by %s, after the kernel had taken them\n",
			raw->n_dropped, raw->plan->link.name);
}

static void put_bytes(FILE *out, const char *name, uint64_t bytes, double seconds)
{
	char rate[FORMAT_MAX] = "";

	format_rate(rate, sizeof(rate), seconds > 0 ? (double)bytes * 8 / seconds : 0, "bit/s");
	fprintf(out, "  %-10s%18" PRIu64 " B %14s\n", name, bytes, rate);
}

static void put_row(FILE *out, const char *name, const struct raw_count *count)
{
	if (count->frames)
		fprintf(out, "  %-14s%14" PRIu64 "%18" PRIu64 "\n", name, count->frames,
			count->bytes);
}

static void put_n(FILE *out, const char *name, uint64_t n)
{
	if (n)
		fprintf(out, "  %-14s%14" PRIu64 "\n", name, n);
}

/* As in a sampler: layer 3, layer 4, marks, flags, sizes. */
static void put_account(const struct raw_account *account, FILE *out)
{
	fprintf(out, "%-16s%14s%18s\n", "To be counted as", "frames", "bytes");
	for (size_t i = 0; i < RAW_N_L3; i++)
		put_row(out, raw_l3_name(i), &account->l3[i]);
	for (size_t i = 0; i < RAW_N_L4; i++)
		put_row(out, raw_l4_name(i), &account->l4[i]);
	for (size_t i = 0; i < RAW_N_MARKS; i++)
		put_row(out, raw_mark_name(i), &account->mark[i]);
	for (size_t i = 0; i < RAW_N_FLAGS; i++)
		put_n(out, raw_flag_name(i), account->tcp_flag[i]);
	for (size_t i = 0; i < RAW_N_SIZES; i++)
		put_n(out, raw_size_name(i), account->size[i]);
}

static void put_lateness(const struct stats *stats, FILE *out)
{
	struct distribution d;

	if (!stats->lateness.n)
		return;
	distribution_of(&stats->lateness, &d);
	fprintf(out, "%-12s%9s%9s%9s%9s%9s%9s%9s\n", "Lateness, us", "min", "mean", "p50", "p90",
		"p99", "p99.9", "max");
	fprintf(out, "%-12s%9.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f\n", "", d.min / 1e3,
		d.mean / 1e3, d.p50 / 1e3, d.p90 / 1e3, d.p99 / 1e3, d.p99_9 / 1e3, d.max / 1e3);
}

/**
 * raw_report_summary() - write what a run came to
 * @outcome: the run
 * @stats: of all its threads
 * @out: where to
 */
void raw_report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	double seconds = outcome_seconds(outcome);

	put_title(outcome, out);
	put_frames(outcome, stats, out);
	fputs("Bytes\n", out);
	put_bytes(out, "layer 2", stats->raw.bytes, seconds);
	put_bytes(out, "layer 1", stats->raw.wire_bytes, seconds);
	put_account(outcome->raw->account, out);
	put_lateness(stats, out);
	report_end(outcome, stats, out);
}

/* ---- notes ---- */

/* Return: what the kernel did, or NULL where it took frames as they came. */
static const char *held_by_kernel(const struct outcome *outcome, const struct stats *stats)
{
	double held_s = (double)stats->raw.held_ns / 1e9 / outcome->config->threads;

	if (stats->raw.n_refused > stats->raw.frames / 100)
		return "the kernel refused frames, since the interface takes no more";
	if (held_s > HELD * outcome_seconds(outcome))
		return "the kernel held frames back, since the interface takes no more";
	return NULL;
}

static const char *why_missed(const struct outcome *outcome, const struct stats *stats)
{
	const char *held = held_by_kernel(outcome, stats);

	if (held)
		return held;
	if (outcome->busiest_worker > NOTES_SATURATED_CPU)
		return "the generator has no more CPU; more threads may help";
	return "the generator was not woken in time";
}

static void tell_target(const struct outcome *outcome, const struct stats *stats,
			const struct notes_listener *listener)
{
	char asked[FORMAT_MAX], got[FORMAT_MAX];

	if (outcome_seconds(outcome) < NOTES_MIN_SECONDS ||
	    outcome->reached_per_s >= NOTES_TARGET_MISSED * outcome->due_per_s)
		return;
	format_rate(asked, sizeof(asked), outcome->due_per_s, "pkt/s");
	format_rate(got, sizeof(got), outcome->reached_per_s, "pkt/s");
	notes_say(listener, "The target of %s was not reached (%s), because %s.", asked, got,
		  why_missed(outcome, stats));
}

static void tell_unsent(const struct outcome *outcome, const struct stats *stats,
			const struct notes_listener *listener)
{
	uint64_t asked = outcome->raw->n_frames;

	if (asked != UINT64_MAX && stats->raw.frames < asked)
		notes_say(listener, "%" PRIu64 " frames that were asked for were not sent.",
			  asked - stats->raw.frames);
}

/**
 * raw_notes_tell() - each note on a run of raw frames
 * @outcome: the run
 * @stats: of all its threads
 * @listener: hears of them
 */
void raw_notes_tell(const struct outcome *outcome, const struct stats *stats,
		    const struct notes_listener *listener)
{
	const struct raw_outcome *raw = outcome->raw;

	if (raw->failure)
		notes_say(listener, "The run could not go on: %s.", raw->failure);
	tell_unsent(outcome, stats, listener);
	tell_target(outcome, stats, listener);
	if (histogram_percentile(&stats->lateness, 99) > NOTES_LATE_NS &&
	    !held_by_kernel(outcome, stats))
		notes_say(listener,
			  "The generator itself was late: 1 %% of the frames were sent more than "
			  "%.1f ms after their time.",
			  (double)histogram_percentile(&stats->lateness, 99) / 1e6);
	if (raw->n_carrier_lost)
		notes_say(
			listener,
			"%s lost its link %u time%s: frames that the kernel took meanwhile did not "
			"leave, "
			"and need not be among those dropped.",
			raw->plan->link.name, raw->n_carrier_lost,
			raw->n_carrier_lost == 1 ? "" : "s");
	if (raw->n_queued)
		notes_say(
			listener,
			"In the queue of %s are still %u frames, this run's or others': they have "
			"not left yet.",
			raw->plan->link.name, raw->n_queued);
	if (raw->has_dropped && raw->n_dropped)
		notes_say(listener,
			  "%s dropped %" PRIu64
			  " frames after the kernel had taken them: they did not "
			  "leave.",
			  raw->plan->link.name, raw->n_dropped);
}
