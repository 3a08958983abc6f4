// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The line each second. Its columns are the same on a terminal, where a line takes the place of the
 * one before, and in a file, where all of them stay.
 */
#include "report.h"

#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* 79 columns, so that a line can be written over on a terminal of 80. */
static const char header[] =
	"  time  conn   req/s  target    sent    wire     p50     p99 errors   late  CPU\n"
	"     s                Mbit/s  Mbit/s  Mbit/s      ms      ms         p99ms    %\n";

/** report_target_bps() - Return: bits of payload a second that are asked for, 0 = all that go */
uint64_t report_target_bps(const struct config *config)
{
	if (config->rate > 0)
		return (uint64_t)(config->rate * 8 * (double)config->request_size + 0.5);
	return config->bandwidth_bps;
}

/**
 * progress_init() - prepare to show lines
 * @progress: filled
 * @config: of the run
 * @out: where lines go
 */
void progress_init(struct progress *progress, const struct config *config, FILE *out)
{
	*progress = (struct progress){
		.out = out,
		.in_place = isatty(fileno(out)),
		.target_bps = report_target_bps(config),
	};
}

/** progress_begin() - write the names of the columns */
void progress_begin(const struct progress *progress)
{
	fputs(header, progress->out);
	fflush(progress->out);
}

static double mbit(uint64_t bytes, double seconds)
{
	return (double)bytes * 8 / 1e6 / seconds;
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* What is written in a column of so many characters. */
static void put(FILE *out, int width, double value)
{
	int decimals = value >= 99.995 ? value >= 99999.5 ? 0 : 1 : 2;

	fprintf(out, "%*.*f", width, decimals, value);
}

static void put_rates(const struct progress *progress, const struct stats *before,
		      const struct stats *now, double seconds)
{
	FILE *out = progress->out;

	put(out, 8, (double)(now->n_completed - before->n_completed) / seconds);
	if (progress->target_bps)
		put(out, 8, (double)progress->target_bps / 1e6);
	else
		fprintf(out, "%8s", "-");
	put(out, 8, mbit(now->payload_sent - before->payload_sent, seconds));
	put(out, 8, mbit(now->wire.tx_bytes - before->wire.tx_bytes, seconds));
}

/**
 * progress_line() - write the line of one second
 * @progress: how
 * @start_ns: when the run started
 * @before: stats as of the line before
 * @now: stats as of this one; the histograms in it become those of this second alone
 *
 * Return: 0 or negative errno when nothing can be written any more.
 */
int progress_line(const struct progress *progress, uint64_t start_ns, const struct stats *before,
		  struct stats *now)
{
	double seconds = (double)(now->time_ns - before->time_ns) / 1e9;
	FILE *out = progress->out;

	histogram_subtract(&now->corrected, &before->corrected);
	histogram_subtract(&now->lateness, &before->lateness);
	fprintf(out, "%s%6.1f%6" PRIu64, progress->in_place ? "\r" : "",
		(double)(now->time_ns - start_ns) / 1e9, now->n_connected);
	put_rates(progress, before, now, seconds);
	put(out, 8, ms(histogram_percentile(&now->corrected, 50)));
	put(out, 8, ms(histogram_percentile(&now->corrected, 99)));
	fprintf(out, "%7" PRIu64,
		stats_n_errors(now) + stats_n_not_2xx(now) - stats_n_errors(before) -
			stats_n_not_2xx(before));
	put(out, 7, ms(histogram_percentile(&now->lateness, 99)));
	fprintf(out, "%5.0f%s", 100 * (double)(now->cpu_ns - before->cpu_ns) / 1e9 / seconds,
		progress->in_place ? "\033[K" : "\n");
	return fflush(out) ? -errno : 0;
}

/** progress_end() - leave the last line as it is and go to a new one */
void progress_end(const struct progress *progress)
{
	if (progress->in_place)
		fputc('\n', progress->out);
}
