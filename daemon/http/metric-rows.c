// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Adding up the metrics of interfaces, and writing the sums as JSON.
 *
 * Totals are added, and so are rates, each over its own interface's interval, unless one of them has
 * none yet. Services are added by their names, since each interface gives out its slots itself. A metric
 * that one of the interfaces cannot know is unknown in the sum.
 */
#include "http/metric-rows.h"

#include "http/feed-json.h"
#include "util/cleanup.h"

#include <string.h>

/* A walk over the metrics of one interface. */
struct adding {
	struct metric_rows *rows;
	const struct sampler_counters *delta_counters; /* NULL: no rates */
	const struct delta *delta;
	bool vlan_unknown;
};

static struct metric_row *find(const struct metric_rows *rows, enum metric_group group,
			       const char *name)
{
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->row[i].group == group && !strcmp(rows->row[i].name, name))
			return &rows->row[i];
	}
	return NULL;
}

static struct metric_row *append(struct metric_rows *rows, const struct metric *metric)
{
	struct metric_row *row;

	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;

		row = reallocarray(rows->row, room, sizeof(*row));
		if (!row)
			return NULL;
		rows->row = row;
		rows->room = room;
	}
	row = &rows->row[rows->n++];
	*row = (struct metric_row){
		.group = metric->group,
		.has_bytes = metric->units & METRIC_BYTES,
	};
	strncpy(row->name, metric->name, sizeof(row->name) - 1);
	return row;
}

/* A metric_fn: 0, or -1 without memory. */
static int add_metric(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
		      void *user)
{
	struct adding *adding = user;
	struct metric_row *row = find(adding->rows, metric->group, metric->name);
	struct sampler_count count;

	if (!row)
		row = append(adding->rows, metric);
	if (!row)
		return -1;
	row->packets += packets;
	row->bytes += bytes ? *bytes : 0;
	if (metric_is_vlan(metric) && adding->vlan_unknown)
		row->unknown = true;
	if (!adding->delta)
		return 0;
	count = metric->get(adding->delta_counters, metric->index);
	row->packets_per_s += delta_packets_per_s(adding->delta, count);
	row->bits_per_s += delta_bits_per_s(adding->delta, count);
	return 0;
}

/**
 * metric_rows_add() - add an interface
 * @rows: all zeros at first; metric_rows_free() ends it
 * @feed: with FEED_RECORDS or FEED_COUNTERS
 * @direction: which of its counters, one that it counts
 *
 * Return: 0, or -1 without memory.
 */
int metric_rows_add(struct metric_rows *rows, const struct feed *feed,
		    enum sampler_direction direction)
{
	struct adding adding = {
		.rows = rows,
		.vlan_unknown = feed_vlan_unknown(feed, direction),
	};

	if (feed->has_delta && feed->delta.known[direction]) {
		adding.delta = &feed->delta;
		adding.delta_counters = &feed->delta.direction[direction];
	} else {
		rows->lacks_rates = true;
	}
	return metrics_for_each(&feed->newest.direction[direction], feed->services, add_metric,
				&adding);
}

/**
 * metric_rows_find() - one of them
 * @rows: the rows
 * @group: its group
 * @name: its name, as in JSON
 *
 * Return: the row, or NULL.
 */
const struct metric_row *metric_rows_find(const struct metric_rows *rows, enum metric_group group,
					  const char *name)
{
	return find(rows, group, name);
}

static json_t *rate_json(const struct metric_rows *rows, double rate)
{
	return rows->lacks_rates ? json_null() : json_real(rate);
}

static int set_counts(json_t *object, const struct metric_row *row)
{
	return json_set_u64(object, "packets", row->packets) ||
	       (row->has_bytes && json_set_u64(object, "bytes", row->bytes));
}

static json_t *row_json(const struct metric_rows *rows, const struct metric_row *row)
{
	json_t *object = row->unknown ? json_null() : json_object();

	if (!object || row->unknown)
		return object;
	if (!set_counts(object, row) &&
	    !json_set(object, "packets_per_s", rate_json(rows, row->packets_per_s)) &&
	    !(row->has_bytes && json_set(object, "bits_per_s", rate_json(rows, row->bits_per_s))))
		return object;
	json_decref(object);
	return NULL;
}

static int set_total(json_t *object, const struct metric_rows *rows, const struct metric_row *row)
{
	return json_set(object, "bits_per_s", rate_json(rows, row->bits_per_s)) ||
	       json_set(object, "packets_per_s", rate_json(rows, row->packets_per_s)) ||
	       set_counts(object, row);
}

/* The object that the row goes into, made when it is the first there. */
static json_t *group_object(json_t *direction, enum metric_group group)
{
	const char *name = metric_group_name(group);

	if (!*name)
		return direction;
	if (!json_object_get(direction, name))
		json_set(direction, name, json_object());
	return json_object_get(direction, name);
}

static int set_row(json_t *direction, const struct metric_rows *rows, const struct metric_row *row)
{
	json_t *object;

	if (row->group == METRIC_TOTAL)
		return set_total(direction, rows, row);
	object = group_object(direction, row->group);
	return object ? json_set(object, row->name, row_json(rows, row)) : -1;
}

/** metric_rows_json() - Return: a new object as "rx" in realtime, or NULL without memory */
json_t *metric_rows_json(const struct metric_rows *rows)
{
	json_t *direction = json_object();
	int r = direction ? 0 : -1;

	for (size_t i = 0; !r && i < rows->n; i++)
		r = set_row(direction, rows, &rows->row[i]);
	if (!r)
		return direction;
	json_decref(direction);
	return NULL;
}

/** metric_rows_free() - release what metric_rows_add() took */
void metric_rows_free(struct metric_rows *rows)
{
	free(rows->row);
	*rows = (struct metric_rows){ .n = 0 };
}
