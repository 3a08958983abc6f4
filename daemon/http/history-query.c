// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The parameters of /api/history. Each is read whole or refused with what would be right; nothing is
 * silently bent, but for a `to` that a client's clock puts a little ahead of ours.
 */
#include "http/history-query.h"

#include "http/feed-json.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/units.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DEFAULT_SPAN_NS	   (3600 * NSEC_PER_SEC)
#define CLOCK_ALLOWANCE_NS (60 * NSEC_PER_SEC) /* by which a client's clock may be ahead */
#define STEP_MIN_NS	   NSEC_PER_MSEC
#define STEP_MAX_NS	   (366 * 86400 * NSEC_PER_SEC)
#define DEFAULT_METRICS                                                                    \
	"rx.bits_per_s,rx.packets_per_s,rx.l4.tcp.bits_per_s,rx.services.http.bits_per_s," \
	"rx.services.https.bits_per_s"
#define EXPECTED_TIME \
	"Unix seconds, a time such as 2026-01-31T23:59:59Z, or seconds before now such as -3600"

/* ---- which interface ---- */

static unsigned int which_one(const struct catalog *catalog, struct error *err)
{
	char names[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];

		if (!is_shown(feed) || n + strlen(feed->name) + 8 > sizeof(names))
			continue;
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
				      feed->name);
	}
	error_set(err, -EINVAL, "interface= is needed where there are several: %s", names);
	return 400;
}

/**
 * history_query_interface() - the interface that a request is about
 * @context: of the request
 * @query: its "interface", which may be left out where there is only one
 * @ret_feed: the feed
 * @err: which there are
 *
 * Return: 200, 400, 404, or 503 where there is none.
 */
unsigned int history_query_interface(const struct endpoint_context *context,
				     const struct query *query, struct feed **ret_feed,
				     struct error *err)
{
	const char *name = query_get(query, "interface");
	struct feed *only = NULL;

	if (name)
		return select_one(context, name, ret_feed, err);
	for (size_t i = 0; i < context->catalog->n; i++) {
		if (!is_shown(context->catalog->feed[i]))
			continue;
		if (only)
			return which_one(context->catalog, err);
		only = context->catalog->feed[i];
	}
	if (!only) {
		const char *trouble = context->catalog->trouble.text;

		error_set(err, -ENODEV, "%s", trouble[0] ? trouble : "no interface is sampled");
		return 503;
	}
	*ret_feed = only;
	return 200;
}

/* ---- times ---- */

/* "2026-01-31T23:59:59.5Z"; RFC 3339 allows lower case letters, too. */
static int parse_timestamp(const char *text, uint64_t *ret_ns)
{
	struct tm tm = { .tm_sec = 0 }, again;
	uint64_t fraction = 0;
	char rest[16] = "0";
	const char *end;
	time_t seconds;
	size_t n;

	if (strspn(text, "0123456789-") != 10 || (text[10] != 'T' && text[10] != 't') ||
	    strspn(text + 11, "0123456789:") != 8)
		return -EINVAL;
	if (sscanf(text, "%4d-%2d-%2d%*1c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return -EINVAL;
	end = text + 19;
	n = *end == '.' ? strspn(end + 1, "0123456789") + 1 : 0;
	if (n >= sizeof(rest) - 1 || (strcmp(end + n, "Z") != 0 && strcmp(end + n, "z") != 0))
		return -EINVAL;
	memcpy(rest + 1, end, n);
	rest[n + 1] = 0;
	if (n && parse_decimal(rest, NSEC_PER_SEC, 0, NSEC_PER_SEC, &fraction))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	seconds = timegm(&again);
	if (seconds < 0 || again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
	    again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec || again.tm_mon != tm.tm_mon)
		return -EINVAL;
	*ret_ns = (uint64_t)seconds * NSEC_PER_SEC + fraction;
	return 0;
}

static int parse_time(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	uint64_t ns;

	if (*text == '-') {
		if (parse_decimal(text + 1, NSEC_PER_SEC, 0, now_ns, &ns))
			return -EINVAL;
		*ret_ns = now_ns - ns;
		return 0;
	}
	if (!parse_decimal(text, NSEC_PER_SEC, 0, 1ULL << 62, ret_ns))
		return 0;
	return parse_timestamp(text, ret_ns);
}

static int take_time(const struct query *query, const char *name, uint64_t otherwise_ns,
		     uint64_t now_ns, uint64_t *ret_ns, struct error *err)
{
	const char *text = query_get(query, name);

	if (!text) {
		*ret_ns = otherwise_ns;
		return 0;
	}
	if (parse_time(text, now_ns, ret_ns))
		return error_set(err, -EINVAL, "%s=%.64s: expected " EXPECTED_TIME, name, text);
	if (*ret_ns > now_ns + CLOCK_ALLOWANCE_NS)
		return error_set(err, -EINVAL, "%s=%.64s is in the future", name, text);
	return 0;
}

static int take_times(const struct query *query, uint64_t now_ns, struct range_query *range,
		      struct error *err)
{
	int r = take_time(query, "to", now_ns, now_ns, &range->to_ns, err);

	if (r)
		return r;
	if (range->to_ns > now_ns)
		range->to_ns = now_ns;
	r = take_time(query, "from",
		      range->to_ns > DEFAULT_SPAN_NS ? range->to_ns - DEFAULT_SPAN_NS : 0, now_ns,
		      &range->from_ns, err);
	if (r)
		return r;
	if (range->from_ns >= range->to_ns)
		return error_set(err, -EINVAL, "from has to be before to");
	return 0;
}

static int take_step(const struct query *query, uint64_t *ret_ns, struct error *err)
{
	const char *text = query_get(query, "step");

	*ret_ns = 0;
	if (!text || !parse_duration_ns(text, STEP_MIN_NS, STEP_MAX_NS, ret_ns) ||
	    !parse_decimal(text, NSEC_PER_SEC, STEP_MIN_NS, STEP_MAX_NS, ret_ns))
		return 0;
	return error_set(err, -EINVAL,
			 "step=%.64s: expected a duration such as 1s, 30s or 5min, or seconds, "
			 "from 1ms to 366d",
			 text);
}

/* ---- metrics ---- */

static bool names_service(const struct feed *feed, const struct metric_path *path)
{
	static const struct sampler_counters none;
	struct history_epoch epoch;
	struct sampler_count count;
	uint32_t newest = 0;

	if (!metric_path_get(path, &none, feed->services, &count))
		return true;
	if (history_reader_newest_epoch(feed->history, &newest))
		return false;
	for (uint32_t i = 0; i < newest; i++) {
		int r = history_reader_epoch(feed->history, newest - i, &epoch);

		if (r == -ESTALE)
			return false;
		if (!r && !metric_path_get(path, &none, epoch.source.services.name, &count))
			return true;
	}
	return false;
}

static int parse_unit(const char *field, enum history_unit *ret_unit)
{
	static const char *const names[HISTORY_N_UNITS] = {
		[HISTORY_BITS_PER_S] = "bits_per_s",
		[HISTORY_PACKETS_PER_S] = "packets_per_s",
		[HISTORY_BYTES] = "bytes",
		[HISTORY_PACKETS] = "packets",
	};

	for (int unit = 0; unit < HISTORY_N_UNITS; unit++) {
		if (!strcmp(field, names[unit])) {
			*ret_unit = unit;
			return 0;
		}
	}
	return -ENOENT;
}

static bool needs_bytes(enum history_unit unit)
{
	return unit == HISTORY_BITS_PER_S || unit == HISTORY_BYTES;
}

static int parse_direction(const char *name, enum sampler_direction *ret_direction)
{
	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		const char *direction = direction_name(d);
		size_t n = strlen(direction);

		if (strncmp(name, direction, n) != 0 || name[n] != '.')
			continue;
		*ret_direction = d;
		return 0;
	}
	return -ENOENT;
}

/* "rx.l4.tcp.bits_per_s": the metric "l4.tcp" of what is received. */
static int parse_metric(const struct feed *feed, struct history_metric *metric)
{
	char text[HISTORY_NAME_MAX], *field;
	const struct metric *row;

	if (parse_direction(metric->name, &metric->direction))
		return -ENOENT;
	strcpy(text, strchr(metric->name, '.')); /* so that ".bits_per_s" is one, too */
	field = strrchr(text, '.');
	*field++ = 0;
	if (parse_unit(field, &metric->unit))
		return -ENOENT;
	if (metric_path_parse(text[0] ? text + 1 : "", &metric->path))
		return -ENOENT;
	row = metric->path.metric;
	if (!row)
		return names_service(feed, &metric->path) ? 0 : -ENOENT;
	metric->is_vlan = metric->direction == SAMPLER_RX && metric_is_vlan(row);
	return needs_bytes(metric->unit) && !(row->units & METRIC_BYTES) ? -ENOENT : 0;
}

static int add_metric(const struct feed *feed, const char *name, size_t n,
		      struct history_query *query, struct error *err)
{
	struct history_metric *metric = &query->metric[query->n_metrics];

	if (query->n_metrics == HISTORY_MAX_METRICS)
		return error_set(err, -E2BIG, "metrics: at most %d of them", HISTORY_MAX_METRICS);
	*metric = (struct history_metric){ .is_vlan = false };
	if (n < sizeof(metric->name)) {
		memcpy(metric->name, name, n);
		if (!parse_metric(feed, metric)) {
			query->n_metrics++;
			return 0;
		}
	}
	return error_set(err, -ENOENT,
			 "no metric \"%.*s\": expected one by its place in realtime, such as "
			 "rx.bits_per_s, tx.packets, rx.l3.ipv6.packets_per_s, "
			 "tx.services.http.bytes",
			 (int)(n < 64 ? n : 64), name);
}

static int take_metrics(const struct query *query, const struct feed *feed,
			struct history_query *wanted, struct error *err)
{
	const char *text = query_get(query, "metrics");
	int r;

	if (!text)
		text = DEFAULT_METRICS;
	for (;; text++) {
		size_t n = strcspn(text, ",");

		r = add_metric(feed, text, n, wanted, err);
		text += n;
		if (r || !*text)
			return r;
	}
}

/**
 * history_query_parse() - read what a request asks for
 * @context: of the request
 * @query: its "from", "to", "step" and "metrics"
 * @feed: the interface, with a history
 * @ret_query: what is asked for, defaults included
 * @err: which parameter is wrong, and what would be right
 *
 * Return: 0, or a negative errno for a bad parameter.
 */
int history_query_parse(const struct endpoint_context *context, const struct query *query,
			const struct feed *feed, struct history_query *ret_query, struct error *err)
{
	ret_query->n_metrics = 0;
	ret_query->range = (struct range_query){ .max_steps = HISTORY_MAX_STEPS,
						 .now_ns = context->realtime_ns };
	return take_times(query, context->realtime_ns, &ret_query->range, err) ?:
	       take_step(query, &ret_query->range.step_ns, err) ?:
	       take_metrics(query, feed, ret_query, err);
}
