// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/history: what was recorded of one interface, in equal steps, one array a metric, ready to
 * plot. What nobody knows is null: a gap, a restart of the counters, a service that had no slot then;
 * when counters began anew, and why, is told as well.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "http/history-query.h"
#include "model/snapshot-json.h"
#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EPOCHS_MAX 64

/* What the walk over the steps fills. */
struct columns {
	const struct history_query *query;
	json_t *time;
	json_t *column[HISTORY_MAX_METRICS]; /* borrowed from the answer */
};

static json_t *time_json(uint64_t ns)
{
	if (ns % NSEC_PER_SEC)
		return json_real((double)ns / (double)NSEC_PER_SEC);
	return json_integer((json_int_t)(ns / NSEC_PER_SEC));
}

static bool is_rate(enum history_unit unit)
{
	return unit == HISTORY_BITS_PER_S || unit == HISTORY_PACKETS_PER_S;
}

static json_t *value_json(const struct history_metric *metric, const struct range_step *step)
{
	struct sampler_count count;

	if (!step->delta || !step->delta->known[metric->direction] ||
	    (metric->is_vlan && step->vlan_unknown) || (step->partial && is_rate(metric->unit)) ||
	    metric_path_get(&metric->path, &step->delta->direction[metric->direction],
			    step->services, &count))
		return json_null();
	switch (metric->unit) {
	case HISTORY_BITS_PER_S:
		return json_real(delta_bits_per_s(step->delta, count));
	case HISTORY_PACKETS_PER_S:
		return json_real(delta_packets_per_s(step->delta, count));
	case HISTORY_BYTES:
		return json_integer((json_int_t)count.bytes);
	default:
		return json_integer((json_int_t)count.packets);
	}
}

/* A range_fn: 0, or -ENOMEM. */
static int add_step(const struct range_step *step, void *user)
{
	struct columns *columns = user;
	const struct history_query *query = columns->query;
	int r = json_array_append_new(columns->time, time_json(step->end_ns));

	for (size_t i = 0; !r && i < query->n_metrics; i++)
		r = json_array_append_new(columns->column[i], value_json(&query->metric[i], step));
	return r ? -ENOMEM : 0;
}

/* Arrays to be filled, in one array; NULL without memory. */
static json_t *make_columns(const struct history_query *query, struct columns *ret_columns)
{
	json_t *data = json_array();
	int r = data ? 0 : -1;

	ret_columns->query = query;
	for (size_t i = 0; !r && i <= query->n_metrics; i++)
		r = json_array_append_new(data, json_array());
	if (r) {
		json_decref(data);
		return NULL;
	}
	ret_columns->time = json_array_get(data, 0);
	for (size_t i = 0; i < query->n_metrics; i++)
		ret_columns->column[i] = json_array_get(data, i + 1);
	return data;
}

static json_t *names_json(const struct history_query *query)
{
	json_t *names = json_array();
	int r = names ? json_array_append_new(names, json_string("time")) : -1;

	for (size_t i = 0; !r && i < query->n_metrics; i++)
		r = json_array_append_new(names, json_string(query->metric[i].name));
	if (!r)
		return names;
	json_decref(names);
	return NULL;
}

static json_t *milliseconds_json(uint64_t ns)
{
	if (ns % NSEC_PER_MSEC)
		return json_real((double)ns / (double)NSEC_PER_MSEC);
	return json_integer((json_int_t)(ns / NSEC_PER_MSEC));
}

/* Before the oldest record there is nothing to tell, and steps would only become longer for it. */
static struct range_query from_oldest_on(const struct feed *feed, struct range_query query)
{
	uint64_t oldest, newest;

	if (!range_extent(feed->history, &oldest, &newest) && oldest > query.from_ns &&
	    oldest < query.to_ns)
		query.from_ns = oldest;
	return query;
}

/* Why an epoch began, by the one before it. */
static const char *why_begun(const struct history_source *before, const struct history_source *now)
{
	if (memcmp(before->boot_id, now->boot_id, sizeof(now->boot_id)) != 0)
		return "boot";
	return before->counters_id == now->counters_id ? "services" : "counters";
}

static json_t *epoch_json(const struct history_epoch *before, const struct history_epoch *now,
			  uint64_t begin_ns)
{
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, now->source.counters_id);
	return json_pack("{s:o, s:s, s:s}", "from", timestamp_json(begin_ns), "epoch", id, "reason",
			 why_begun(&before->source, &now->source));
}

/* Those that began within the range and took over from another; of more than EPOCHS_MAX the newest. */
static json_t *epochs_json(const struct history_reader *history, uint64_t from_ns, uint64_t to_ns)
{
	struct history_epoch epochs[2];
	json_t *array = json_array();
	uint32_t newest = 0, ordinal;
	bool known = false;
	int r = array ? 0 : -1;

	if (r || history_reader_newest_epoch(history, &newest))
		return array;
	for (ordinal = newest > EPOCHS_MAX ? newest - EPOCHS_MAX : 1; !r && ordinal <= newest;
	     ordinal++) {
		struct history_epoch *now = &epochs[ordinal % 2], *before = &epochs[!(ordinal % 2)];
		bool follows = known;
		uint64_t begin_ns;

		known = !history_reader_epoch(history, ordinal, now);
		begin_ns = known ? history_wall_ns(now->offset_ns, now->first_boottime_ns) : 0;
		if (follows && begin_ns >= from_ns && begin_ns <= to_ns)
			r = json_array_append_new(array, epoch_json(before, now, begin_ns));
	}
	if (!r)
		return array;
	json_decref(array);
	return NULL;
}

/* Where no step of the range is complete yet, it is the range as it was asked for. */
static int set_head(json_t *json, const struct feed *feed, const struct range_query *query,
		    const struct range *range)
{
	uint64_t begin = range->n_steps ? range->first_end_ns - range->step_ns : query->from_ns;
	uint64_t end = range->n_steps ? begin + range->n_steps * range->step_ns : query->to_ns;

	return json_set_u64(json, "schema", API_SCHEMA) ||
	       json_set(json, "interface", text_json(feed->name, sizeof(feed->name))) ||
	       json_set(json, "id", json_string(feed->key)) ||
	       json_set(json, "from", timestamp_json(begin)) ||
	       json_set(json, "to", timestamp_json(end)) ||
	       json_set(json, "step_ms", milliseconds_json(range->step_ns)) ||
	       json_set(json, "resolution_ms", milliseconds_json(range->resolution_ns)) ||
	       json_set(json, "epochs", epochs_json(feed->history, begin, end));
}

static int fill(json_t *json, const struct feed *feed, const struct history_query *query)
{
	const struct range_query asked = from_oldest_on(feed, query->range);
	struct columns columns;
	struct range range;
	json_t *data;
	int r = range_plan(feed->history, &asked, &range);

	if (r)
		return r;
	if (set_head(json, feed, &asked, &range) || json_set(json, "columns", names_json(query)))
		return -ENOMEM;
	data = make_columns(query, &columns);
	r = data ? range_for_each(feed->history, &range, add_step, &columns) : -ENOMEM;
	if (!r)
		return json_set(json, "data", data) ? -ENOMEM : 0;
	json_decref(data);
	return r;
}

static unsigned int no_history(const struct feed *feed, struct error *err)
{
	if (feed->trouble.text[0]) {
		error_set(err, -EIO, "%s: %.400s", feed->name, feed->trouble.text);
		return 503;
	}
	error_set(err, -ENODATA, "nothing has been recorded of %s yet", feed->name);
	return 404;
}

/**
 * history_answer() - the history of one interface in steps
 * @context: of the request
 * @query: "interface", "from", "to", "step", "metrics"
 * @ret_body: a new object
 * @err: why there is none
 *
 * Return: 200; 400 for a bad parameter; 404 for an unknown interface, or one of which nothing was
 * recorded; 503 where the history cannot be read; 500 without memory.
 */
unsigned int history_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err)
{
	struct history_query wanted;
	struct feed *feed = NULL;
	unsigned int status = history_query_interface(context, query, &feed, err);
	json_t *json;
	int r;

	if (status != 200)
		return status;
	if (!feed->history)
		return no_history(feed, err);
	if (history_query_parse(context, query, feed, &wanted, err))
		return 400;
	json = json_object();
	r = json ? fill(json, feed, &wanted) : -ENOMEM;
	if (!r) {
		*ret_body = json;
		return 200;
	}
	json_decref(json);
	error_set(err, r, "the history of %s cannot be read: %s", feed->name, strerror(-r));
	return r == -ENOMEM ? 500 : 503;
}
