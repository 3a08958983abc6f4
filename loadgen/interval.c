// SPDX-License-Identifier: MIT OR Apache-2.0
#include "interval.h"

/**
 * distribution_of() - the figures that are told of a histogram
 * @histogram: any
 * @ret: nanoseconds
 */
void distribution_of(const struct histogram *histogram, struct distribution *ret)
{
	*ret = (struct distribution){
		.n = histogram->n,
		.min = (double)histogram->min_ns,
		.mean = histogram_mean(histogram),
		.p50 = (double)histogram_percentile(histogram, 50),
		.p90 = (double)histogram_percentile(histogram, 90),
		.p99 = (double)histogram_percentile(histogram, 99),
		.p99_9 = (double)histogram_percentile(histogram, 99.9),
		.max = (double)histogram->max_ns,
	};
}

static void distribution_between(const struct histogram *before, const struct histogram *now,
				 struct histogram *scratch, struct distribution *ret)
{
	*scratch = *now;
	histogram_subtract(scratch, before);
	distribution_of(scratch, ret);
}

/* What a connection had queued when it was closed may be more than what was sent in the same time. */
static double bps_less(uint64_t sent, uint64_t unsent, double seconds)
{
	return sent > unsent ? (double)(sent - unsent) * 8 / seconds : 0;
}

static void put_rates(const struct stats *before, const struct stats *now, struct interval *ret)
{
	double seconds = ret->seconds;

	ret->requests_per_s = (double)ret->n_completed / seconds;
	ret->payload_bps = bps_less(now->payload_sent - before->payload_sent,
				    now->payload_unsent - before->payload_unsent, seconds);
	ret->http_bps = bps_less(now->http_sent - before->http_sent,
				 now->http_unsent - before->http_unsent, seconds);
	ret->wire_bps = bps_less(now->wire.tx_bytes - before->wire.tx_bytes, 0, seconds);
	ret->cpu_percent = 100 * (double)(now->cpu_ns - before->cpu_ns) / (seconds * 1e9);
}

static void put_counts(const struct stats *before, const struct stats *now, struct interval *ret)
{
	ret->n_connected = now->n_connected;
	ret->n_completed = now->n_completed - before->n_completed;
	ret->n_failed = now->n_failed - before->n_failed;
	ret->n_not_2xx = stats_n_not_2xx(now) - stats_n_not_2xx(before);
	ret->n_errors = stats_n_errors(now) - stats_n_errors(before) + ret->n_not_2xx;
	ret->raw = (struct raw_tally){
		.frames = now->raw.frames - before->raw.frames,
		.bytes = now->raw.bytes - before->raw.bytes,
		.wire_bytes = now->raw.wire_bytes - before->raw.wire_bytes,
		.n_refused = now->raw.n_refused - before->raw.n_refused,
	};
	ret->n_retransmits = now->wire.tx_again_frames - before->wire.tx_again_frames;
}

static void put_target(const struct config *config, const struct pace *pace, uint64_t from_ns,
		       uint64_t to_ns, struct interval *ret)
{
	ret->has_target = pace->requests_num != 0;
	ret->target_per_s = pace_n_due(pace, from_ns, to_ns) / ret->seconds;
	ret->target_bps = ret->target_per_s * 8 * (double)config->request_size;
}

/**
 * interval_between() - what happened between two readings of the same counters
 * @config: of the run
 * @pace: of the run
 * @start_ns: when it started
 * @before: the earlier reading, not before the start
 * @now: the later one
 * @scratch: memory to reckon in
 * @ret: filled
 */
void interval_between(const struct config *config, const struct pace *pace, uint64_t start_ns,
		      const struct stats *before, const struct stats *now,
		      struct histogram *scratch, struct interval *ret)
{
	*ret = (struct interval){
		.time_s = (double)(now->time_ns - start_ns) / 1e9,
		.seconds = (double)(now->time_ns - before->time_ns) / 1e9,
	};
	put_counts(before, now, ret);
	put_rates(before, now, ret);
	put_target(config, pace, before->time_ns - start_ns, now->time_ns - start_ns, ret);
	distribution_between(&before->corrected, &now->corrected, scratch, &ret->corrected);
	distribution_between(&before->service, &now->service, scratch, &ret->service);
	distribution_between(&before->lateness, &now->lateness, scratch, &ret->lateness);
}
