// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * When each frame of a run is due, worked out from its number each time: nothing adds up, and threads
 * agree without a word.
 *
 * A rate counts frames. A bandwidth counts bits: a frame is due when those before it are over. The
 * exact schedule of schedule.c serves both. A capture's times are its own, divided by the speed. Of a
 * burst all frames are due with the first.
 */
#include "raw-pace.h"

#include "util/clock.h"

static void pace_by_bits(struct raw_pace *pace, const struct config *config, struct pace *ret_bits)
{
	const struct raw_sequence *s = pace->sequence;
	const uint64_t *sum = config->raw.layer1 ? s->wire : s->bytes;
	double bits = 8.0 * (double)sum[s->period] / s->period;

	pace->kind = RAW_BY_BITS;
	*ret_bits = (struct pace){ config->bandwidth_bps, NSEC_PER_SEC, config->ramp_ns };
	pace->mean = (struct pace){ config->bandwidth_bps, (uint64_t)(bits * NSEC_PER_SEC),
				    config->ramp_ns };
}

/**
 * raw_pace_init() - the pace that a configuration asks for
 * @pace: filled
 * @sequence: the run's frames, and its configuration
 * @start_ns: CLOCK_MONOTONIC
 */
void raw_pace_init(struct raw_pace *pace, const struct raw_sequence *sequence, uint64_t start_ns)
{
	const struct config *config = sequence->config;
	struct pace units = { 0 };

	*pace = (struct raw_pace){ .sequence = sequence,
				   .start_ns = start_ns,
				   .burst = config->raw.burst };
	if (!sequence->template && config->raw.speed) {
		pace->kind = RAW_BY_CAPTURE;
	} else if (config->rate > 0) {
		pace->kind = RAW_BY_FRAMES;
		pace_from_rate(config->rate, &units);
		units.ramp_ns = config->ramp_ns;
		pace->mean = units;
	} else if (config->bandwidth_bps) {
		pace_by_bits(pace, config, &units);
	}
	schedule_init(&pace->schedule, &units, start_ns, UINT64_MAX, UINT64_MAX, 0, 1);
}

static uint64_t due_by_capture(const struct raw_pace *pace, uint64_t k)
{
	const struct raw_capture *capture = &pace->sequence->capture;
	unsigned __int128 ns = (unsigned __int128)(k / capture->n) * capture->period_ns;

	ns = (ns + capture->frame[k % capture->n].after_ns) * RAW_SPEED_PARTS /
	     pace->sequence->config->raw.speed;
	return ns < UINT64_MAX - pace->start_ns ? pace->start_ns + (uint64_t)ns : UINT64_MAX;
}

/**
 * raw_pace_due_ns() - when frame k is due
 * @pace: of the run
 * @k: its number in the whole run
 *
 * Return: CLOCK_MONOTONIC; the start where there is no pace.
 */
uint64_t raw_pace_due_ns(const struct raw_pace *pace, uint64_t k)
{
	if (pace->burst > 1)
		k -= k % pace->burst;
	switch (pace->kind) {
	case RAW_UNPACED:
		break;
	case RAW_BY_CAPTURE:
		return due_by_capture(pace, k);
	case RAW_BY_FRAMES:
		return schedule_due_ns(&pace->schedule, k);
	case RAW_BY_BITS:
		return schedule_due_ns(&pace->schedule,
				       8 * (pace->sequence->config->raw.layer1
						    ? raw_sequence_wire(pace->sequence, k)
						    : raw_sequence_bytes(pace->sequence, k)));
	}
	return pace->start_ns;
}

/**
 * raw_pace_n_before() - how many frames are due before a time
 * @pace: of the run; there is one
 * @end_ns: CLOCK_MONOTONIC
 * @most: of all there are
 *
 * Return: frames 0 to n - 1.
 */
uint64_t raw_pace_n_before(const struct raw_pace *pace, uint64_t end_ns, uint64_t most)
{
	uint64_t low = 0, high = 1;

	while (high < most && high < UINT64_MAX / 4 && raw_pace_due_ns(pace, high) < end_ns)
		high *= 2;
	high = high < most ? high : most;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (raw_pace_due_ns(pace, middle) < end_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
