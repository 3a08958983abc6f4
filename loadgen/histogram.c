// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A log-linear histogram of durations, after the idea of HdrHistogram: each octave has the same
 * number of buckets, so that the relative error is the same for microseconds and for seconds.
 *
 * Below 2^HISTOGRAM_SUB_BITS a bucket is one nanosecond. Above, a value's highest bit chooses the
 * octave and the HISTOGRAM_SUB_BITS bits after it the bucket in it: no loop, no division.
 *
 * A histogram has one writer. All of it is plain memory and belongs to the caller; all bytes zero is
 * an empty one.
 */
#include "histogram.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define SUB_BUCKETS (1u << HISTOGRAM_SUB_BITS)
#define PER_PERCENT 1000000000ULL /* percentiles are told apart to this part of a percent */

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < SUB_BUCKETS)
		return (unsigned int)ns;
	shift = 63 - (unsigned int)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
	return ((shift + 1) << HISTOGRAM_SUB_BITS) + (unsigned int)((ns >> shift) - SUB_BUCKETS);
}

static uint64_t bucket_lowest(unsigned int bucket)
{
	unsigned int row = bucket >> HISTOGRAM_SUB_BITS;
	uint64_t step = bucket & (SUB_BUCKETS - 1);

	return row ? (SUB_BUCKETS + step) << (row - 1) : step;
}

static uint64_t bucket_highest(unsigned int bucket)
{
	return bucket_lowest(bucket + 1) - 1;
}

/**
 * histogram_record() - count one duration
 * @histogram: where
 * @ns: the duration; above HISTOGRAM_MAX_NS it counts as that
 */
void histogram_record(struct histogram *histogram, uint64_t ns)
{
	if (ns > HISTOGRAM_MAX_NS)
		ns = HISTOGRAM_MAX_NS;
	if (!histogram->n || ns < histogram->min_ns)
		histogram->min_ns = ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->n++;
	histogram->sum_ns += ns;
	histogram->bucket[bucket_of(ns)]++;
}

/**
 * histogram_add() - count all durations of another histogram, too
 * @histogram: where
 * @other: what is added; it stays as it is
 */
void histogram_add(struct histogram *histogram, const struct histogram *other)
{
	if (!other->n)
		return;
	if (!histogram->n || other->min_ns < histogram->min_ns)
		histogram->min_ns = other->min_ns;
	if (other->max_ns > histogram->max_ns)
		histogram->max_ns = other->max_ns;
	histogram->n += other->n;
	histogram->sum_ns += other->sum_ns;
	for (size_t i = 0; i < HISTOGRAM_N_BUCKETS; i++)
		histogram->bucket[i] += other->bucket[i];
}

/* Least and greatest after some were taken away: known as well as the buckets tell. */
static void find_ends(struct histogram *histogram)
{
	unsigned int first = 0, last = HISTOGRAM_N_BUCKETS - 1;

	if (!histogram->n) {
		histogram->min_ns = histogram->max_ns = 0;
		return;
	}
	while (first < last && !histogram->bucket[first])
		first++;
	while (last > first && !histogram->bucket[last])
		last--;
	if (bucket_lowest(first) > histogram->min_ns)
		histogram->min_ns = bucket_lowest(first);
	if (bucket_highest(last) < histogram->max_ns)
		histogram->max_ns = bucket_highest(last);
}

/**
 * histogram_subtract() - leave what was counted since an earlier copy
 * @histogram: the later state of a histogram
 * @earlier: a copy of the same histogram at an earlier time
 *
 * min_ns and max_ns are right to the width of a bucket afterwards, no longer exact.
 */
void histogram_subtract(struct histogram *histogram, const struct histogram *earlier)
{
	histogram->n -= earlier->n;
	histogram->sum_ns -= earlier->sum_ns;
	for (size_t i = 0; i < HISTOGRAM_N_BUCKETS; i++)
		histogram->bucket[i] -= earlier->bucket[i];
	if (earlier->n)
		find_ends(histogram);
}

/*
 * How many durations are at or below the percentile: n * percent / 100, rounded up. The percent is
 * cut to a part, so that 99.9, which no double is, does not make 1000 of 1000 by its last bit.
 */
static uint64_t rank_of(uint64_t n, double percent)
{
	uint64_t parts = (uint64_t)(percent * PER_PERCENT);

	return (uint64_t)(((unsigned __int128)n * parts + 100 * PER_PERCENT - 1) /
			  (100 * PER_PERCENT));
}

static uint64_t at_rank(const struct histogram *histogram, uint64_t rank)
{
	uint64_t seen = 0, ns;

	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (!histogram->bucket[i] || seen < rank)
			continue;
		ns = bucket_highest(i);
		return ns < histogram->max_ns ? ns : histogram->max_ns;
	}
	return histogram->max_ns;
}

/**
 * histogram_percentile() - the duration that so many percent of all do not exceed
 * @histogram: where
 * @percent: 0 (the least) to 100 (the greatest); what lies outside counts as these, NaN as 0
 *
 * Return: nanoseconds, never too low and too high by less than 1 in 2^HISTOGRAM_SUB_BITS; 0 for an
 * empty histogram.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	if (!histogram->n || !(percent > 0))
		return histogram->min_ns;
	if (percent >= 100)
		return histogram->max_ns;
	return at_rank(histogram, rank_of(histogram->n, percent));
}

/**
 * histogram_percentile_with() - histogram_percentile() with durations that never ended
 * @histogram: where
 * @n_endless: how many there are besides, each greater than all in @histogram
 * @percent: above 0 and below 100
 *
 * Return: as histogram_percentile(); UINT64_MAX for one that never ended, or without any.
 */
uint64_t histogram_percentile_with(const struct histogram *histogram, uint64_t n_endless,
				   double percent)
{
	uint64_t rank = rank_of(histogram->n + n_endless, percent);

	return rank && rank <= histogram->n ? at_rank(histogram, rank) : UINT64_MAX;
}

/**
 * histogram_mean() - the mean duration
 * @histogram: where
 *
 * Return: nanoseconds, exact but for the division; 0 for an empty histogram.
 */
double histogram_mean(const struct histogram *histogram)
{
	return histogram->n ? (double)histogram->sum_ns / (double)histogram->n : 0;
}

/**
 * histogram_n_at_most() - how many durations are in the bucket of one or below
 * @histogram: where
 * @ns: the duration
 *
 * Return: their number; those that are above it in the same bucket count as well.
 */
uint64_t histogram_n_at_most(const struct histogram *histogram, uint64_t ns)
{
	unsigned int last = bucket_of(ns < HISTOGRAM_MAX_NS ? ns : HISTOGRAM_MAX_NS);
	uint64_t n = 0;

	for (unsigned int i = 0; i <= last; i++)
		n += histogram->bucket[i];
	return n;
}

/**
 * histogram_deviation() - the standard deviation of all durations
 * @histogram: where
 *
 * Return: nanoseconds, each duration taken for the middle of its bucket; 0 for an empty histogram.
 */
double histogram_deviation(const struct histogram *histogram)
{
	double mean = histogram_mean(histogram), sum = 0;

	if (!histogram->n)
		return 0;
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		double off = ((double)bucket_lowest(i) + (double)bucket_highest(i)) / 2 - mean;

		if (histogram->bucket[i])
			sum += off * off * (double)histogram->bucket[i];
	}
	return sqrt(sum / (double)histogram->n);
}
