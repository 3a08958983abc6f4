// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/stats/summary: what was received since the counters began. Averages are over the real
 * time that each interface's counters have run; the peak of several interfaces is the highest sum
 * that they had at one time.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "model/counters.h"
#include "model/snapshot-json.h"
#include "util/clock.h"

struct summary {
	uint64_t uptime_s;
	double avg_bits_per_s;
	double avg_packets_per_s;
	double peak_bits_per_s;
	uint64_t peak_realtime_ns; /* 0: none yet */
	struct sampler_count total, tcp, http, https;
};

static void add_count(struct sampler_count *sum, struct sampler_count count)
{
	sum->packets += count.packets;
	sum->bytes += count.bytes;
}

static void add_feed(struct summary *sum, const struct feed *feed)
{
	const struct sampler_counters *rx = &feed->newest.direction[SAMPLER_RX];
	const uint64_t begin = feed->meta.epoch_boottime_ns, now = feed->newest.boottime_ns;
	struct sampler_count total = counters_total(rx);
	struct delta since = { .interval_ns = now > begin ? now - begin : 0 };

	add_count(&sum->total, total);
	add_count(&sum->tcp, rx->l4[SAMPLER_TCP]);
	add_count(&sum->http, rx->service[SAMPLER_HTTP]);
	add_count(&sum->https, rx->service[SAMPLER_HTTPS]);
	if (!since.interval_ns)
		return;
	sum->avg_bits_per_s += delta_bits_per_s(&since, total);
	sum->avg_packets_per_s += delta_packets_per_s(&since, total);
	if (since.interval_ns / NSEC_PER_SEC > sum->uptime_s)
		sum->uptime_s = since.interval_ns / NSEC_PER_SEC;
}

/* One interface's: the recorder knows it, however long ago it was. */
static void find_own_peak(struct summary *sum, const struct feed *feed)
{
	const struct sample *newest = &feed->newest;
	const struct sample_peak *peak = &newest->peak[SAMPLER_RX];

	sum->peak_bits_per_s = (double)peak->bits_per_s;
	if (peak->boottime_ns && peak->boottime_ns <= newest->boottime_ns)
		sum->peak_realtime_ns =
			newest->realtime_ns - (newest->boottime_ns - peak->boottime_ns);
}

static void find_peak(struct summary *sum, const struct endpoint_context *context,
		      const struct selection *selection)
{
	struct peak *peak = &context->catalog->peak;

	if (selection->n == 1) {
		find_own_peak(sum, selection->feed[0]);
		return;
	}
	peak_refresh(peak, context->catalog, context->boottime_ns, context->realtime_ns);
	sum->peak_bits_per_s = peak->bits_per_s;
	sum->peak_realtime_ns = peak->realtime_ns;
}

/* The sum is read a moment before its parts: those may have a frame more. */
static json_t *share_json(struct sampler_count part, struct sampler_count total)
{
	if (part.bytes >= total.bytes)
		return json_real(total.bytes ? 100.0 : 0.0);
	return json_real(100.0 * (double)part.bytes / (double)total.bytes);
}

static int set_first_eight(json_t *json, const struct summary *sum)
{
	return json_set_u64(json, "uptime_seconds", sum->uptime_s) ||
	       json_set_rounded(json, "avg_bandwidth_bps", sum->avg_bits_per_s) ||
	       json_set_rounded(json, "peak_bandwidth_bps", sum->peak_bits_per_s) ||
	       json_set_u64(json, "total_packets", sum->total.packets) ||
	       json_set_u64(json, "total_bytes", sum->total.bytes) ||
	       json_set(json, "tcp_percentage", share_json(sum->tcp, sum->total)) ||
	       json_set(json, "http_percentage", share_json(sum->http, sum->total)) ||
	       json_set(json, "https_percentage", share_json(sum->https, sum->total));
}

static json_t *peak_time_json(const struct summary *sum)
{
	return sum->peak_realtime_ns ? timestamp_json(sum->peak_realtime_ns) : json_null();
}

static json_t *summary_json(const struct endpoint_context *context,
			    const struct selection *selection)
{
	struct summary sum = { .uptime_s = 0 };
	json_t *json = json_object();

	if (!json)
		return NULL;
	for (size_t i = 0; i < selection->n; i++)
		add_feed(&sum, selection->feed[i]);
	find_peak(&sum, context, selection);
	if (!set_first_eight(json, &sum) && !set_selection(json, context, selection) &&
	    !json_set(json, "timestamp", timestamp_json(newest_realtime_ns(selection))) &&
	    !json_set(json, "peak_timestamp", peak_time_json(&sum)) &&
	    !json_set_rounded(json, "avg_packets_per_sec", sum.avg_packets_per_s) &&
	    !set_staleness(json, selection))
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
