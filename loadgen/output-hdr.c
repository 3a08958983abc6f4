// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The percentile distribution of corrected latencies, as text that HdrHistogram's plotters read:
 * values in milliseconds, with steps that halve as they come nearer to 100 %, five to each half.
 */
#include "output.h"

#include <inttypes.h>
#include <math.h>

#define STEPS_A_HALF 5

static void put_row(FILE *out, const struct histogram *histogram, double percent)
{
	uint64_t ns = histogram_percentile(histogram, percent);
	uint64_t n = histogram_n_at_most(histogram, ns);

	fprintf(out, "%12.6f %2.12f %10" PRIu64, (double)ns / 1e6, percent / 100, n);
	if (percent < 100)
		fprintf(out, " %14.2f", 100 / (100 - percent));
	fputc('\n', out);
}

/* From one step to the next; once a step is less than one of all durations, to the end. */
static void put_rows(FILE *out, const struct histogram *histogram)
{
	double percent = 0, half = 50;

	while (percent < 100 && (100 - percent) / 100 * (double)histogram->n >= 1) {
		put_row(out, histogram, percent);
		percent += half / STEPS_A_HALF;
		if (percent >= 100 - half * (1 + 1e-9)) {
			percent = 100 - half; /* without what adding up has made of it */
			half /= 2;
		}
	}
	put_row(out, histogram, 100);
}

static void end(struct output *output, const struct outcome *outcome, const struct stats *stats)
{
	const struct histogram *histogram = &stats->corrected;
	FILE *out = output->out;

	(void)outcome;
	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	if (histogram->n)
		put_rows(out, histogram);
	fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n",
		histogram_mean(histogram) / 1e6, histogram_deviation(histogram) / 1e6);
	fprintf(out, "#[Max     = %12.6f, Total count    = %12" PRIu64 "]\n",
		(double)histogram->max_ns / 1e6, histogram->n);
	fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n",
		HISTOGRAM_N_BUCKETS >> HISTOGRAM_SUB_BITS, 1U << HISTOGRAM_SUB_BITS);
}

const struct output_format output_hdr = { 0, NULL, NULL, end };
