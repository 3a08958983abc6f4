// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The report of a run of raw frames as JSON, and its seconds; report.schema.json says what is in them.
 * What was sent has the form and names in which a sampler tells what it has received.
 */
#include "output-json.h"
#include "raw-report.h"

static json_t *count_of(const struct raw_count *count)
{
	return json_pack("{s:o, s:o}", "packets", report_count(count->frames), "bytes",
			 report_count(count->bytes));
}

/* ---- what was sent ---- */

static json_t *l3_of(const struct raw_account *account)
{
	json_t *object = json_object();

	for (size_t i = 0; i < RAW_N_L3; i++)
		json_object_set_new(object, raw_l3_name(i), count_of(&account->l3[i]));
	return object;
}

static json_t *l4_of(const struct raw_account *account)
{
	json_t *object = json_object();

	for (size_t i = 0; i < RAW_N_L4; i++)
		json_object_set_new(object, raw_l4_name(i), count_of(&account->l4[i]));
	return object;
}

static json_t *sizes_of(const struct raw_account *account)
{
	json_t *object = json_object();

	for (size_t i = 0; i < RAW_N_SIZES; i++)
		json_object_set_new(object, raw_size_name(i), report_count(account->size[i]));
	return object;
}

static json_t *flags_of(const struct raw_account *account)
{
	json_t *object = json_object();

	for (size_t i = 0; i < RAW_N_FLAGS; i++)
		json_object_set_new(object, raw_flag_name(i), report_count(account->tcp_flag[i]));
	return object;
}

static json_t *sent_of(const struct raw_account *account)
{
	json_t *object = count_of(&account->total);

	json_object_set_new(object, "l3", l3_of(account));
	json_object_set_new(object, "l4", l4_of(account));
	for (size_t i = 0; i < RAW_N_MARKS; i++)
		json_object_set_new(object, raw_mark_name(i), count_of(&account->mark[i]));
	json_object_set_new(object, "sizes", sizes_of(account));
	json_object_set_new(object, "tcp_flags", flags_of(account));
	return object;
}

/* ---- the rest ---- */

static json_t *rates(const struct raw_tally *tally, double seconds)
{
	bool there = seconds > 0;

	return json_pack("{s:o, s:o, s:o}", "frames_per_s",
			 report_number_if(there, (double)tally->frames / seconds), "layer2_bps",
			 report_number_if(there, 8 * (double)tally->bytes / seconds), "layer1_bps",
			 report_number_if(there, 8 * (double)tally->wire_bytes / seconds));
}

static json_t *target(double frames_per_s)
{
	return json_pack("{s:o}", "frames_per_s", report_number_if(frames_per_s > 0, frames_per_s));
}

static void row(struct output *output, const struct interval *i)
{
	report_put(output,
		   json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
			     REPORT_SCHEMA, "type", "raw_interval", "time_s",
			     report_number(i->time_s), "interval_s", report_number(i->seconds),
			     "frames", report_count(i->raw.frames), "refused",
			     report_count(i->raw.n_refused), "target",
			     target(i->has_target ? i->target_per_s : 0), "achieved",
			     rates(&i->raw, i->seconds), "lateness_us",
			     report_distribution(&i->lateness), "cpu_percent",
			     report_number(i->cpu_percent)),
		   JSON_COMPACT);
}

static json_t *frames(const struct outcome *outcome, const struct stats *stats)
{
	const struct raw_outcome *raw = outcome->raw;
	bool limited = raw->n_frames != UINT64_MAX;

	return json_pack("{s:o, s:o, s:o, s:o}", "sent", report_count(stats->raw.frames),
			 "asked_for", limited ? report_count(raw->n_frames) : json_null(),
			 "refused", report_count(stats->raw.n_refused), "dropped",
			 raw->has_dropped ? report_count(raw->n_dropped) : json_null());
}

static json_t *bytes(const struct stats *stats)
{
	return json_pack("{s:o, s:o}", "layer2", report_count(stats->raw.bytes), "layer1",
			 report_count(stats->raw.wire_bytes));
}

/** raw_json_report() - Return: the report of a run of raw frames */
json_t *raw_json_report(const struct outcome *outcome, const struct stats *stats)
{
	double seconds = outcome_seconds(outcome);

	return json_pack("{s:i, s:s, s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o}",
			 "schema", REPORT_SCHEMA, "type", "raw_report", "version", SAMPLER_VERSION,
			 "config", report_configuration(outcome->config), "interface",
			 outcome->raw->plan->link.name, "duration_s", report_number(seconds),
			 "ended", outcome->raw->failure ? "failed" : outcome_ending(outcome),
			 "frames", frames(outcome, stats), "bytes", bytes(stats), "sent",
			 sent_of(outcome->raw->account), "target", target(outcome->due_per_s),
			 "achieved", rates(&stats->raw, seconds), "lateness_us",
			 report_lateness(stats), "cpu_percent",
			 report_number(outcome_cpu_percent(outcome, stats)), "thresholds",
			 report_thresholds(outcome, stats), "notes", report_notes(outcome, stats),
			 "verify", report_verification(outcome));
}

const struct output_format output_raw_ndjson = { 0, NULL, row, report_line };
