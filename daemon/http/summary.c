// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/stats/summary: what was received and transmitted since the counters began. Averages are over
 * the real time in which each interface's frames were counted; the peak of several interfaces is the
 * highest sum that they had at one time.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "model/counters.h"
#include "model/snapshot-json.h"
#include "util/clock.h"

/* Of one direction, all interfaces added up. */
struct sums {
	double avg_bits_per_s;
	double avg_packets_per_s;
	struct peak_moment peak;
	struct sampler_count total, tcp, http, https;
};

static uint64_t ns_since(const struct feed *feed, uint64_t begin)
{
	const uint64_t now = feed->newest.boottime_ns;

	return now > begin ? now - begin : 0;
}

static uint64_t uptime_ns(const struct feed *feed)
{
	return ns_since(feed, feed->meta.epoch_boottime_ns);
}

/* Whether what is transmitted is counted may change within an epoch. */
static uint64_t counted_ns(const struct feed *feed, enum sampler_direction direction)
{
	const uint64_t since = feed->meta.tx_since_boottime_ns;

	if (direction == SAMPLER_RX)
		return uptime_ns(feed);
	return feed->meta.tx_before_ns + (since ? ns_since(feed, since) : 0);
}

static uint64_t longest_ns(const struct selection *selection)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < selection->n; i++) {
		uint64_t ns = uptime_ns(selection->feed[i]);

		longest = ns > longest ? ns : longest;
	}
	return longest;
}

static void add_count(struct sampler_count *sum, struct sampler_count count)
{
	sum->packets += count.packets;
	sum->bytes += count.bytes;
}

static void add_feed(struct sums *sums, const struct feed *feed, enum sampler_direction direction)
{
	const struct sampler_counters *counters = &feed->newest.direction[direction];
	struct sampler_count total = counters_total(counters);
	struct delta since = { .interval_ns = counted_ns(feed, direction) };

	add_count(&sums->total, total);
	add_count(&sums->tcp, counters->l4[SAMPLER_TCP]);
	add_count(&sums->http, counters->service[SAMPLER_HTTP]);
	add_count(&sums->https, counters->service[SAMPLER_HTTPS]);
	if (!since.interval_ns)
		return;
	sums->avg_bits_per_s += delta_bits_per_s(&since, total);
	sums->avg_packets_per_s += delta_packets_per_s(&since, total);
}

/* One interface's: the recorder knows it, however long ago it was. */
static struct peak_moment own_peak(const struct feed *feed, enum sampler_direction direction)
{
	const struct sample *newest = &feed->newest;
	const struct sample_peak *peak = &newest->peak[direction];
	struct peak_moment own = { .bits_per_s = (double)peak->bits_per_s };

	if (peak->boottime_ns && peak->boottime_ns <= newest->boottime_ns)
		own.realtime_ns = newest->realtime_ns - (newest->boottime_ns - peak->boottime_ns);
	return own;
}

static void add_up(const struct endpoint_context *context, const struct selection *selection,
		   enum sampler_direction direction, struct sums *ret_sums)
{
	struct peak *peak = &context->catalog->peak;

	*ret_sums = (struct sums){ .avg_bits_per_s = 0 };
	for (size_t i = 0; i < selection->n; i++)
		add_feed(ret_sums, selection->feed[i], direction);
	if (selection->n == 1) {
		ret_sums->peak = own_peak(selection->feed[0], direction);
		return;
	}
	peak_refresh(peak, context->catalog, context->boottime_ns, context->realtime_ns);
	ret_sums->peak = peak->highest[direction];
}

/* The sum is read a moment before its parts: those may have a frame more. */
static json_t *share_json(struct sampler_count part, struct sampler_count total)
{
	if (part.bytes >= total.bytes)
		return json_real(total.bytes ? 100.0 : 0.0);
	return json_real(100.0 * (double)part.bytes / (double)total.bytes);
}

static int set_first(json_t *json, const struct sums *sums)
{
	return json_set_rounded(json, "avg_bandwidth_bps", sums->avg_bits_per_s) ||
	       json_set_rounded(json, "peak_bandwidth_bps", sums->peak.bits_per_s) ||
	       json_set_u64(json, "total_packets", sums->total.packets) ||
	       json_set_u64(json, "total_bytes", sums->total.bytes) ||
	       json_set(json, "tcp_percentage", share_json(sums->tcp, sums->total)) ||
	       json_set(json, "http_percentage", share_json(sums->http, sums->total)) ||
	       json_set(json, "https_percentage", share_json(sums->https, sums->total));
}

static int set_more(json_t *json, const struct sums *sums)
{
	const uint64_t at = sums->peak.realtime_ns;

	return json_set(json, "peak_timestamp", at ? timestamp_json(at) : json_null()) ||
	       json_set_rounded(json, "avg_packets_per_sec", sums->avg_packets_per_s);
}

/* Null where one of them does not count it: a part would pass for the whole. */
static json_t *tx_json(const struct endpoint_context *context, const struct selection *selection)
{
	struct sums sums;
	json_t *json;

	if (!all_count(selection, SAMPLER_TX))
		return json_null();
	add_up(context, selection, SAMPLER_TX, &sums);
	json = json_object();
	if (json && !set_first(json, &sums) && !set_more(json, &sums))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *summary_json(const struct endpoint_context *context,
			    const struct selection *selection)
{
	struct sums sums;
	json_t *json = json_object();

	if (!json)
		return NULL;
	add_up(context, selection, SAMPLER_RX, &sums);
	if (!json_set_u64(json, "uptime_seconds", longest_ns(selection) / NSEC_PER_SEC) &&
	    !set_first(json, &sums) && !set_selection(json, context, selection) &&
	    !json_set(json, "timestamp", timestamp_json(newest_realtime_ns(selection))) &&
	    !set_more(json, &sums) && !set_staleness(json, selection) &&
	    !json_set(json, "without_tx", without_tx_json(selection)) &&
	    !json_set(json, "tx", tx_json(context, selection)))
		return json;
	json_decref(json);
	return NULL;
}

/**
 * summary_answer() - totals, averages and peak of one interface, or of all added up
 * @context: of the request
 * @query: "interface"
 * @ret_body: a new object
 * @err: why there is none
 *
 * Return: as answer_counted().
 */
unsigned int summary_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err)
{
	return answer_counted(context, query, summary_json, ret_body, err);
}
