// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Rates: the difference of two samples over the difference of their times.
 *
 * This is the only place where samples are subtracted; journal, REST, SSE and terminal take their
 * numbers from here, at whatever step they want. What cannot be compared is refused: a restart of
 * the counters gives no rate rather than a huge one. Time is CLOCK_BOOTTIME alone, so that a step of
 * the wall clock changes nothing.
 *
 * Received frames are always counted, transmitted ones not always: whether they are can change within
 * an epoch. Only two samples that both count them are subtracted; else they are unknown, never zero.
 */
#include "model/rates.h"

#include "model/counters.h"

#include <errno.h>

#define NSEC_PER_SEC_F 1e9
#define BITS_PER_BYTE  8

static bool are_counted(const struct sample *older, const struct sample *newer,
			enum sampler_direction direction)
{
	return sample_counts(older, direction) && sample_counts(newer, direction);
}

/**
 * rates_fell() - see a restart of the counters of a direction
 * @older: the earlier sample
 * @newer: the later sample of the same interface
 * @direction: which of their counters
 *
 * Return: whether both samples count it, and any counter is smaller than it was.
 */
bool rates_fell(const struct sample *older, const struct sample *newer,
		enum sampler_direction direction)
{
	return are_counted(older, newer, direction) &&
	       counters_fell(&older->direction[direction], &newer->direction[direction]);
}

/**
 * rates_between() - what was counted between two samples
 * @older: the earlier sample
 * @newer: the later sample of the same interface
 * @ret_delta: the differences; what was transmitted is not known where one of the two does not count
 * it, nor where a counter of it fell, since it began anew after a time in which it was not counted
 *
 * Return: 0, -ESTALE when the two are of different epochs or a counter of received frames fell (a
 * restart lies between them), -EINVAL when no time passed from @older to @newer.
 */
int rates_between(const struct sample *older, const struct sample *newer, struct delta *ret_delta)
{
	bool known[SAMPLER_N_DIRECTIONS];

	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++)
		known[d] = are_counted(older, newer, d) && !rates_fell(older, newer, d);
	if (older->epoch != newer->epoch || !known[SAMPLER_RX])
		return -ESTALE;
	if (newer->boottime_ns <= older->boottime_ns)
		return -EINVAL;
	*ret_delta = (struct delta){ .interval_ns = newer->boottime_ns - older->boottime_ns };
	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		if (!known[d])
			continue;
		ret_delta->known[d] = true;
		ret_delta->direction[d] = newer->direction[d];
		counters_subtract(&ret_delta->direction[d], &older->direction[d]);
	}
	return 0;
}

/** rates_forget() - make a direction unknown: it was not counted all the time */
void rates_forget(struct delta *delta, enum sampler_direction direction)
{
	delta->known[direction] = false;
	delta->direction[direction] = (struct sampler_counters){ 0 };
}

static void carry_peak(const struct sample_peak *before, const struct delta *delta,
		       enum sampler_direction direction, struct sample *newer)
{
	struct sampler_count total = counters_total(&delta->direction[direction]);
	struct sample_peak *peak = &newer->peak[direction];
	double bits_per_s = delta_bits_per_s(delta, total);

	*peak = *before;
	if (bits_per_s > 0 && bits_per_s >= (double)before->bits_per_s)
		*peak = (struct sample_peak){ (uint64_t)(bits_per_s + 0.5), newer->boottime_ns };
}

/**
 * rates_carry_peak() - bring an epoch's highest bandwidth up to the newest sample
 * @older: the sample before, with its peak
 * @newer: gets the higher one of that peak and the rate between the two; zeros where the two cannot
 * be compared, since another epoch has begun
 * @min_interval_ns: a shorter interval, as after a restart of the recorder, sets no peak
 */
void rates_carry_peak(const struct sample *older, struct sample *newer, uint64_t min_interval_ns)
{
	struct delta delta;
	int r = rates_between(older, newer, &delta);

	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		if (r == -ESTALE)
			newer->peak[d] = (struct sample_peak){ 0 };
		else if (r || delta.interval_ns < min_interval_ns)
			newer->peak[d] = older->peak[d];
		else
			carry_peak(&older->peak[d], &delta, d, newer);
	}
}

static double per_second(const struct delta *delta, uint64_t n)
{
	return (double)n * NSEC_PER_SEC_F / (double)delta->interval_ns;
}

/**
 * delta_packets_per_s() - packet rate of one class
 * @delta: where the interval comes from
 * @count: one of @delta's counts, or a sum of them
 *
 * Return: packets per second.
 */
double delta_packets_per_s(const struct delta *delta, struct sampler_count count)
{
	return per_second(delta, count.packets);
}

/**
 * delta_bits_per_s() - bandwidth of one class
 * @delta: where the interval comes from
 * @count: one of @delta's counts, or a sum of them
 *
 * Return: bits per second, of L2 frames without FCS.
 */
double delta_bits_per_s(const struct delta *delta, struct sampler_count count)
{
	return per_second(delta, count.bytes) * BITS_PER_BYTE;
}
