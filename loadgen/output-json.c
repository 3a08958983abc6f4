// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The report as one JSON object, and as JSON lines: an object each second, the report as the last
 * one. report.schema.json says what is in them. What nobody can know is null, never 0; an object
 * may gain members, and loses none while "schema" stays the same.
 *
 * jansson allocates; where it cannot, the output counts as failed.
 */
#include "output-json.h"

#include "notes.h"
#include "thresholds.h"
#include "util/cleanup.h"
#include "verify-output.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define PRECISION 12 /* decimal digits of a real number */

/** report_number() - Return: a number, or null for what is none */
json_t *report_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/** report_number_if() - the same, of which there may be none */
json_t *report_number_if(bool there, double value)
{
	return there ? report_number(value) : json_null();
}

/** report_count() - Return: a whole number */
json_t *report_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/*
 * JSON is UTF-8; a file's name or a header may be anything, and is told with a ? for each other
 * byte.
 */
static json_t *text(const char *value)
{
	json_t *string = json_string(value);
	_cleanup_free_ char *copy = NULL;

	if (string)
		return string;
	copy = strdup(value);
	for (char *c = copy; c && *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	return copy ? json_string(copy) : NULL;
}

/* ---- what both have ---- */

/** report_distribution() - Return: an object in microseconds; null where there is nothing */
json_t *report_distribution(const struct distribution *d)
{
	bool there = d->n != 0;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "min", report_number_if(there, d->min / 1e3),
		"mean", report_number_if(there, d->mean / 1e3), "p50",
		report_number_if(there, d->p50 / 1e3), "p90", report_number_if(there, d->p90 / 1e3),
		"p99", report_number_if(there, d->p99 / 1e3), "p99_9",
		report_number_if(there, d->p99_9 / 1e3), "max",
		report_number_if(there, d->max / 1e3));
}

static json_t *latencies(const struct distribution *corrected, const struct distribution *service)
{
	return json_pack("{s:o, s:o}", "corrected", report_distribution(corrected), "service",
			 report_distribution(service));
}

static json_t *target(double per_s, double bits)
{
	return json_pack("{s:o, s:o}", "requests_per_s", report_number_if(per_s > 0, per_s),
			 "payload_bps", report_number_if(per_s > 0 && bits > 0, per_s * bits));
}

static json_t *achieved(double per_s, double payload_bps, double http_bps, double wire_bps)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "requests_per_s", report_number(per_s),
			 "payload_bps", report_number(payload_bps), "http_bps",
			 report_number(http_bps), "wire_bps", report_number(wire_bps));
}

/** report_put() - write an object, and take it over */
void report_put(struct output *output, json_t *object, size_t flags)
{
	bool put_all =
		object && !json_dumpf(object, output->out, flags | JSON_REAL_PRECISION(PRECISION));

	if (put_all)
		fputc('\n', output->out);
	else if (!ferror(output->out))
		output->error = -ENOMEM;
	json_decref(object);
}

/* ---- a second ---- */

static json_t *requests_of_row(const struct interval *i)
{
	return json_pack("{s:o, s:o, s:o}", "completed", report_count(i->n_completed), "failed",
			 report_count(i->n_failed), "not_2xx", report_count(i->n_not_2xx));
}

static void ndjson_row(struct output *output, const struct interval *i)
{
	double bits = 8 * (double)output->config->request_size;
	json_t *row = json_pack(
		"{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
		REPORT_SCHEMA, "type", "interval", "time_s", report_number(i->time_s), "interval_s",
		report_number(i->seconds), "connections", report_count(i->n_connected), "requests",
		requests_of_row(i), "errors", report_count(i->n_errors), "target",
		target(i->has_target ? i->target_per_s : 0, bits), "achieved",
		achieved(i->requests_per_s, i->payload_bps, i->http_bps, i->wire_bps), "latency_us",
		latencies(&i->corrected, &i->service), "lateness_us",
		report_distribution(&i->lateness), "cpu_percent", report_number(i->cpu_percent),
		"retransmits", report_count(i->n_retransmits));

	report_put(output, row, JSON_COMPACT);
}

/* ---- the whole run ---- */

/* Values as they are written in a file, by section; those that repeat as an array. */
static void add_item(const struct config_item *item, void *user)
{
	json_t *config = user, *section = json_object_get(config, item->section), *list;

	if (!section) {
		section = json_object();
		json_object_set_new(config, item->section, section);
	}
	if (!config_key_repeats(item->key)) {
		json_object_set_new(section, item->name, text(item->value));
		return;
	}
	list = json_object_get(section, item->name);
	if (!list) {
		list = json_array();
		json_object_set_new(section, item->name, list);
	}
	if (*item->value)
		json_array_append_new(list, text(item->value));
}

/** report_configuration() - Return: what was asked for, by section and key */
json_t *report_configuration(const struct config *config)
{
	json_t *object = json_object();

	config_items(config, add_item, object);
	return object;
}

static json_t *requests(const struct outcome *outcome, const struct stats *stats)
{
	bool limited = outcome->n_requests != UINT64_MAX;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "completed",
			 report_count(stats->n_completed), "failed", report_count(stats->n_failed),
			 "unfinished", report_count(stats->n_unfinished), "unsent",
			 report_count(stats->n_unsent), "skipped", report_count(stats->n_skipped),
			 "asked_for", limited ? report_count(outcome->n_requests) : json_null());
}

/* By phase; a phase without any is not there. */
static json_t *errors(const struct stats *stats)
{
	json_t *object = json_object();

	for (size_t i = 0; i < N_PHASES; i++) {
		const struct phase_errors *phase = &stats->errors[i];

		if (phase->n)
			json_object_set_new(object, phase_name(i),
					    json_pack("{s:o, s:s}", "count", report_count(phase->n),
						      "first", phase->first));
	}
	return object;
}

static json_t *status(const struct stats *stats)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "1xx", report_count(stats->status[1]),
			 "2xx", report_count(stats->status[2]), "3xx",
			 report_count(stats->status[3]), "4xx", report_count(stats->status[4]),
			 "5xx", report_count(stats->status[5]), "other",
			 report_count(stats->status[0]));
}

static json_t *both_ways(uint64_t sent, uint64_t received)
{
	return json_pack("{s:o, s:o}", "sent", report_count(sent), "received",
			 report_count(received));
}

static json_t *bytes(const struct outcome *outcome, const struct stats *stats)
{
	const struct wire *wire = &stats->wire, *apart = &outcome->apart;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "payload",
			 both_ways(stats->payload_completed, stats->body_received), "http",
			 both_ways(stats->http_sent - stats->http_unsent, stats->http_received),
			 "wire", both_ways(wire->tx_bytes, wire->rx_bytes), "wire_outside_of_run",
			 both_ways(apart->tx_bytes, apart->rx_bytes), "frames",
			 both_ways(wire->tx_frames, wire->rx_frames));
}

/* Of all that was sent, as it is in the seconds, so that they add up to it. */
static json_t *achieved_of(const struct outcome *outcome, const struct stats *stats)
{
	double seconds = outcome_seconds(outcome), per_byte = seconds > 0 ? 8 / seconds : 0;

	return achieved(seconds > 0 ? (double)stats->n_completed / seconds : 0,
			(double)(stats->payload_sent - stats->payload_unsent) * per_byte,
			(double)(stats->http_sent - stats->http_unsent) * per_byte,
			(double)(stats->wire.tx_bytes - outcome->apart.tx_bytes) * per_byte);
}

static json_t *latencies_of(const struct stats *stats)
{
	struct distribution corrected, service;

	distribution_of(&stats->corrected, &corrected);
	distribution_of(&stats->service, &service);
	return latencies(&corrected, &service);
}

/** report_lateness() - Return: the same of the whole run */
json_t *report_lateness(const struct stats *stats)
{
	struct distribution lateness;

	distribution_of(&stats->lateness, &lateness);
	return report_distribution(&lateness);
}

/** report_thresholds() - Return: those that were asked for, and what became of them */
json_t *report_thresholds(const struct outcome *outcome, const struct stats *stats)
{
	struct threshold threshold[MAX_THRESHOLDS];
	size_t n = thresholds_check(outcome, stats, threshold);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:b}", "name",
						config_key_name(threshold[i].key), "limit",
						threshold[i].limit, "value", threshold[i].value,
						"missed", threshold[i].missed));
	return list;
}

static void add_note(const char *line, void *list)
{
	json_array_append_new(list, json_string(line));
}

/** report_notes() - Return: what one could overlook */
json_t *report_notes(const struct outcome *outcome, const struct stats *stats)
{
	json_t *list = json_array();

	notes_tell(outcome, stats, add_note, list);
	return list;
}

static json_t *connections(const struct stats *stats)
{
	return json_pack("{s:o, s:o}", "made", report_count(stats->n_connects), "closed_while_idle",
			 report_count(stats->n_idle_closed));
}

/** report_verification() - Return: what a sampler has said of the run; null where none was asked */
json_t *report_verification(const struct outcome *outcome)
{
	if (!outcome->verified)
		return json_null();
	return verify_json(outcome->verified, outcome->config->verify_text);
}

static json_t *report(const struct outcome *outcome, const struct stats *stats)
{
	const char *address = outcome->target->text;
	double bits = 8 * (double)outcome->config->request_size;

	return json_pack("{s:i, s:s, s:s, s:o, s:s?, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}",
			 "schema", REPORT_SCHEMA, "type", "report", "version", SAMPLER_VERSION,
			 "config", report_configuration(outcome->config), "address",
			 *address ? address : NULL, "duration_s",
			 report_number(outcome_seconds(outcome)), "ended", outcome_ending(outcome),
			 "requests", requests(outcome, stats), "errors", errors(stats), "status",
			 status(stats), "connections", connections(stats), "bytes",
			 bytes(outcome, stats), "target", target(outcome->due_per_s, bits),
			 "achieved", achieved_of(outcome, stats), "latency_us", latencies_of(stats),
			 "lateness_us", report_lateness(stats), "cpu_percent",
			 report_number(outcome_cpu_percent(outcome, stats)),
			 "busiest_thread_percent", report_number(100 * outcome->busiest_worker),
			 "saturated", notes_saturated(outcome, stats), "retransmits",
			 report_count(stats->wire.tx_again_frames), "thresholds",
			 report_thresholds(outcome, stats), "notes", report_notes(outcome, stats),
			 "verify", report_verification(outcome));
}

static json_t *report_of(const struct outcome *outcome, const struct stats *stats)
{
	return outcome->raw ? raw_json_report(outcome, stats) : report(outcome, stats);
}

static void json_end(struct output *output, const struct outcome *outcome,
		     const struct stats *stats)
{
	report_put(output, report_of(outcome, stats), JSON_INDENT(2));
}

/** report_line() - the end of JSON lines */
void report_line(struct output *output, const struct outcome *outcome, const struct stats *stats)
{
	report_put(output, report_of(outcome, stats), JSON_COMPACT);
}

const struct output_format output_json = { 0, NULL, NULL, json_end };
const struct output_format output_ndjson = { 0, NULL, ndjson_row, report_line };
