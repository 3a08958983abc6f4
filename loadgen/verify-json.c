// SPDX-License-Identifier: MIT OR Apache-2.0
/* A verification as a member of the report (report.schema.json). */
#include "verify-output.h"

static json_t *integer_if(bool there, uint64_t value)
{
	return there ? json_integer((json_int_t)value) : json_null();
}

static json_t *difference(const struct verify_row *row, uint64_t sent, uint64_t counted)
{
	if (row->sent.unknown || row->counted.unknown)
		return json_null();
	return json_integer((json_int_t)verify_difference(sent, counted));
}

static json_t *count(const struct verify_row *row, const struct verify_count *count)
{
	return json_pack("{s:o, s:o}", "packets", integer_if(!count->unknown, count->packets),
			 "bytes", integer_if(!count->unknown && row->has_bytes, count->bytes));
}

static json_t *row_json(const struct verify_row *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:{s:o, s:o}, s:b, s:b}", "group", row->group,
			 "name", row->name, "sent", count(row, &row->sent), "counted",
			 count(row, &row->counted), "difference", "packets",
			 difference(row, row->sent.packets, row->counted.packets), "bytes",
			 row->has_bytes ? difference(row, row->sent.bytes, row->counted.bytes)
					: json_null(),
			 "judged", row->judged, "differs", row->differs);
}

static json_t *rows(const struct verify_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->n_rows; i++)
		json_array_append_new(list, row_json(&result->row[i]));
	return list;
}

static json_t *notes(const struct verify_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->n_notes; i++)
		json_array_append_new(list, json_string(result->note[i]));
	return list;
}

/**
 * verify_json() - a verification as JSON
 * @result: it
 * @url: of the sampler
 *
 * Return: a new object, or NULL without memory.
 */
json_t *verify_json(const struct verify_result *result, const char *url)
{
	bool known = result->verdict != VERIFY_UNKNOWN;

	return json_pack("{s:s, s:s, s:s, s:f, s:s, s:s?, s:o, s:{s:I, s:I}, s:{s:I, s:I}, s:o}",
			 "url", url, "interface", result->interface, "mode", result->mode,
			 "interval_ms", (double)result->interval_ns / 1e6, "verdict",
			 verify_verdict_name(result->verdict), "reason",
			 known ? NULL : result->reason, "rows", rows(result), "allowed", "packets",
			 (json_int_t)result->packets, "bytes", (json_int_t)result->bytes, "asked",
			 "packets", (json_int_t)result->asked.packets, "bytes",
			 (json_int_t)result->asked.bytes, "notes", notes(result));
}
