// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/metrics/realtime: what is received and transmitted now. Ten integers come first, of what is
 * received, under the names that typed clients of the first hour read; everything else follows.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "http/metric-rows.h"
#include "model/snapshot-json.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define _cleanup_rows_ _cleanup_(metric_rows_free)

/* "tcp_bandwidth_bps" and "tcp_packets_per_sec", as integers; 0 for a metric that nobody has. */
static int set_rates(json_t *json, const struct metric_rows *rows, enum metric_group group,
		     const char *name, const char *bandwidth, const char *packets)
{
	const struct metric_row *row = metric_rows_find(rows, group, name);

	return json_set_rounded(json, bandwidth, row ? row->bits_per_s : 0) ||
	       json_set_rounded(json, packets, row ? row->packets_per_s : 0);
}

static int set_first_ten(json_t *json, const struct metric_rows *rows)
{
	const struct metric_row *total = metric_rows_find(rows, METRIC_TOTAL, "total");

	return set_rates(json, rows, METRIC_TOTAL, "total", "bandwidth_bps", "packets_per_sec") ||
	       set_rates(json, rows, METRIC_L4, "tcp", "tcp_bandwidth_bps",
			 "tcp_packets_per_sec") ||
	       set_rates(json, rows, METRIC_SERVICE, "http", "http_bandwidth_bps",
			 "http_packets_per_sec") ||
	       set_rates(json, rows, METRIC_SERVICE, "https", "https_bandwidth_bps",
			 "https_packets_per_sec") ||
	       json_set_u64(json, "total_packets", total ? total->packets : 0) ||
	       json_set_u64(json, "total_bytes", total ? total->bytes : 0);
}

/* The longest over which any of the rates is; null where there is none. */
static json_t *interval_json(const struct selection *selection)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < selection->n; i++) {
		const struct feed *feed = selection->feed[i];

		if (feed->has_delta && feed->delta.interval_ns > longest)
			longest = feed->delta.interval_ns;
	}
	return longest ? json_real((double)longest / (double)NSEC_PER_MSEC) : json_null();
}

static bool has_no_rates(const struct feed *feed)
{
	return !feed->has_delta;
}

static int add_all(struct metric_rows *rows, const struct selection *selection,
		   enum sampler_direction direction)
{
	int r = 0;

	for (size_t i = 0; !r && i < selection->n; i++)
		r = metric_rows_add(rows, selection->feed[i], direction);
	return r;
}

/* Null where one of them does not count it: a part would pass for the whole. */
static json_t *tx_json(const struct selection *selection)
{
	_cleanup_rows_ struct metric_rows rows = { .n = 0 };

	if (!all_count(selection, SAMPLER_TX))
		return json_null();
	return add_all(&rows, selection, SAMPLER_TX) ? NULL : metric_rows_json(&rows);
}

/**
 * realtime_object() - rates and totals of a selection
 * @context: of now
 * @selection: at least one interface
 *
 * Return: a new object, or NULL without memory.
 */
json_t *realtime_object(const struct endpoint_context *context, const struct selection *selection)
{
	_cleanup_rows_ struct metric_rows rows = { .n = 0 };
	json_t *json = json_object();

	if (!json)
		return NULL;
	if (!add_all(&rows, selection, SAMPLER_RX) && !set_first_ten(json, &rows) &&
	    !set_selection(json, context, selection) &&
	    !json_set(json, "timestamp", timestamp_json(newest_realtime_ns(selection))) &&
	    !json_set(json, "interval_ms", interval_json(selection)) &&
	    !json_set(json, "without_rates", names_json_if(selection, has_no_rates)) &&
	    !json_set(json, "without_tx", without_tx_json(selection)) &&
	    !set_staleness(json, selection) && !json_set(json, "rx", metric_rows_json(&rows)) &&
	    !json_set(json, "tx", tx_json(selection)))
		return json;
	json_decref(json);
	return NULL;
}

/**
 * realtime_answer() - rates and totals of one interface, or of all added up
 * @context: of the request
 * @query: "interface"
 * @ret_body: a new object
 * @err: why there is none
 *
 * Return: as answer_counted().
 */
unsigned int realtime_answer(const struct endpoint_context *context, const struct query *query,
			     json_t **ret_body, struct error *err)
{
	return answer_counted(context, query, realtime_object, ret_body, err);
}
