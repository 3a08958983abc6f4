/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A log-linear (HDR) histogram of durations: fixed memory, fixed relative error, no allocation when
 * a value is recorded, mergeable.
 */
#ifndef LOADGEN_HISTOGRAM_H
#define LOADGEN_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 8 /* 256 steps an octave: values are right to 1 / 256 */
#define HISTOGRAM_MAX_NS   (3600ULL * 1000000000) /* greater ones count as this */
#define HISTOGRAM_N_BUCKETS \
	((42 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS) /* 2^42 ns > HISTOGRAM_MAX_NS */

struct histogram {
	uint64_t n;
	uint64_t min_ns, max_ns; /* exact */
	unsigned __int128 sum_ns;
	uint64_t bucket[HISTOGRAM_N_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t ns);
void histogram_add(struct histogram *histogram, const struct histogram *other);
void histogram_subtract(struct histogram *histogram, const struct histogram *earlier);
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
uint64_t histogram_percentile_with(const struct histogram *histogram, uint64_t n_endless,
				   double percent);
uint64_t histogram_n_at_most(const struct histogram *histogram, uint64_t ns);
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

#endif
