// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The line each second. Its columns are the same on a terminal, where a line takes the place of the
 * one before, and in a file or a narrow terminal, where all of them stay. A line that nobody reads is
 * left out, so that the run does not wait for it.
 */
#include "report.h"

#include "util/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/ioctl.h>
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
		.terminal = isatty(fileno(out)),
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

/* A time of which there is none: "-". */
static void put_percentile(FILE *out, int width, const struct histogram *histogram, double percent)
{
	if (histogram->n)
		put(out, width, ms(histogram_percentile(histogram, percent)));
	else
		fprintf(out, "%*s", width, "-");
}

/* What a connection had queued when it was closed may be more than what was sent in the same second. */
static uint64_t payload_between(const struct stats *before, const struct stats *now)
{
	uint64_t sent = now->payload_sent - before->payload_sent;
	uint64_t unsent = now->payload_unsent - before->payload_unsent;

	return sent > unsent ? sent - unsent : 0;
}

static void put_rates(const struct progress *progress, const struct stats *before,
		      const struct stats *now, FILE *out)
{
	double seconds = (double)(now->time_ns - before->time_ns) / 1e9;

	put(out, 8, (double)(now->n_completed - before->n_completed) / seconds);
	if (progress->target_bps)
		put(out, 8, (double)progress->target_bps / 1e6);
	else
		fprintf(out, "%8s", "-");
	put(out, 8, mbit(payload_between(before, now), seconds));
	put(out, 8, mbit(now->wire.tx_bytes - before->wire.tx_bytes, seconds));
}

/* The histograms of now are those of the second alone here. */
static void put_line(const struct progress *progress, uint64_t start_ns, const struct stats *before,
		     const struct stats *now, FILE *out)
{
	fprintf(out, "%6.1f%6" PRIu64, (double)(now->time_ns - start_ns) / 1e9, now->n_connected);
	put_rates(progress, before, now, out);
	put_percentile(out, 8, &now->corrected, 50);
	put_percentile(out, 8, &now->corrected, 99);
	fprintf(out, "%7" PRIu64,
		stats_n_errors(now) + stats_n_not_2xx(now) - stats_n_errors(before) -
			stats_n_not_2xx(before));
	put_percentile(out, 7, &now->lateness, 99);
	fprintf(out, "%5.0f",
		100 * (double)(now->cpu_ns - before->cpu_ns) /
			(double)(now->time_ns - before->time_ns));
}

/* A pipe that is full, or a terminal that is held (^S): what is written would wait, and with it all. */
static bool is_read(FILE *out)
{
	struct pollfd fd = { .fd = fileno(out), .events = POLLOUT };

	return poll(&fd, 1, 0) != 0;
}

/* A line as long as the terminal is wide, or longer, goes on in the next one: it cannot be replaced. */
static bool fits(FILE *out, size_t n)
{
	struct winsize size;

	return !ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col > n;
}

static int show(struct progress *progress, const char *line, size_t n)
{
	bool in_place = progress->terminal && fits(progress->out, n);
	size_t before = in_place ? progress->n_shown : 0;

	if (!in_place)
		progress_end(progress);
	fprintf(progress->out, in_place ? "\r%s%*s" : "%s%*s\n", line,
		before > n ? (int)(before - n) : 0, "");
	progress->n_shown = in_place ? n : 0;
	if (fflush(progress->out) || ferror(progress->out))
		return errno ? -errno : -EIO;
	return 0;
}

/**
 * progress_line() - write the line of one second
 * @progress: how
 * @start_ns: when the run started
 * @before: stats as of the line before
 * @now: stats as of this one; is changed meanwhile
 *
 * Return: 0; -EAGAIN when it would have to wait for whoever reads the lines, and nothing is
 * written; another negative errno when nothing can be written any more.
 */
int progress_line(struct progress *progress, uint64_t start_ns, const struct stats *before,
		  struct stats *now)
{
	_cleanup_free_ char *line = NULL;
	size_t n = 0;
	FILE *out;

	if (!is_read(progress->out))
		return -EAGAIN;
	out = open_memstream(&line, &n);
	if (!out)
		return -errno;
	histogram_subtract(&now->corrected, &before->corrected);
	histogram_subtract(&now->lateness, &before->lateness);
	put_line(progress, start_ns, before, now, out);
	histogram_add(&now->corrected, &before->corrected);
	histogram_add(&now->lateness, &before->lateness);
	return fclose(out) ? -ENOMEM : show(progress, line, n);
}

/** progress_end() - leave the last line as it is and go to a new one */
void progress_end(struct progress *progress)
{
	if (progress->n_shown)
		fputc('\n', progress->out);
	progress->n_shown = 0;
}
