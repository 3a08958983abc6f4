// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Text for people: a line each second, and the summary. The columns are the same on a terminal,
 * where a line takes the place of the one before, and in a file or a narrow terminal, where all of
 * them stay.
 */
#include "output.h"

#include "raw-report.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_ROW_NS (100 * NSEC_PER_MSEC) /* of the last row, which is seldom a whole second */

/* 79 columns, so that a line can be written over on a terminal of 80. */
static const char header[] =
	"  time  conn   req/s  target    sent    wire     p50     p99 errors   late  CPU\n"
	"     s                Mbit/s  Mbit/s  Mbit/s      ms      ms         p99ms    %\n";

static const char raw_header[] =
	"  time     frames/s  target   layer 2   layer 1  refused  late us             CPU\n"
	"     s                         Mbit/s    Mbit/s               p50       p99     %\n";

static void raw_begin(struct output *output)
{
	output->terminal = isatty(fileno(output->out));
	fputs(raw_header, output->out);
}

static void begin(struct output *output)
{
	output->terminal = isatty(fileno(output->out));
	fputs(header, output->out);
}

/* What is written in a column of so many characters. */
static void put(FILE *out, int width, double value)
{
	int decimals = value >= 99.995 ? value >= 99999.5 ? 0 : 1 : 2;

	fprintf(out, "%*.*f", width, decimals, value);
}

/* A figure of which there may be none: "-". */
static void put_if(FILE *out, int width, bool there, double value)
{
	if (there)
		put(out, width, value);
	else
		fprintf(out, "%*s", width, "-");
}

static void put_line(const struct interval *i, FILE *out)
{
	fprintf(out, "%6.1f%6" PRIu64, i->time_s, i->n_connected);
	put(out, 8, i->requests_per_s);
	put_if(out, 8, i->has_target && i->target_bps > 0, i->target_bps / 1e6);
	put(out, 8, i->payload_bps / 1e6);
	put(out, 8, i->wire_bps / 1e6);
	put_if(out, 8, i->corrected.n, i->corrected.p50 / 1e6);
	put_if(out, 8, i->corrected.n, i->corrected.p99 / 1e6);
	fprintf(out, "%7" PRIu64, i->n_errors);
	put_if(out, 7, i->lateness.n, i->lateness.p99 / 1e6);
	fprintf(out, "%5.0f", i->cpu_percent);
}

static void put_raw_line(const struct interval *i, FILE *out)
{
	fprintf(out, "%6.1f", i->time_s);
	put(out, 13, (double)i->raw.frames / i->seconds);
	put_if(out, 8, i->has_target, i->target_per_s);
	put(out, 10, (double)i->raw.bytes * 8 / i->seconds / 1e6);
	put(out, 10, (double)i->raw.wire_bytes * 8 / i->seconds / 1e6);
	fprintf(out, "%9" PRIu64, i->raw.n_refused);
	put_if(out, 9, i->lateness.n, i->lateness.p50 / 1e3);
	put_if(out, 10, i->lateness.n, i->lateness.p99 / 1e3);
	fprintf(out, "%6.0f", i->cpu_percent);
}

/*
 * A line as long as the terminal is wide, or longer, goes on in the next one: it cannot be
 * replaced.
 */
static bool fits(FILE *out, size_t n)
{
	struct winsize size;

	return !ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col > n;
}

/* Leave the last line as it is and go to a new one. */
static void leave_line(struct output *output)
{
	if (output->n_shown)
		fputc('\n', output->out);
	output->n_shown = 0;
}

static void show(struct output *output, const char *line, size_t n)
{
	bool in_place = output->terminal && fits(output->out, n);
	size_t before = in_place ? output->n_shown : 0;

	if (!in_place)
		leave_line(output);
	fprintf(output->out, in_place ? "\r%s%*s" : "%s%*s\n", line,
		before > n ? (int)(before - n) : 0, "");
	output->n_shown = in_place ? n : 0;
}

static void row_by(struct output *output, const struct interval *interval,
		   void (*put_it)(const struct interval *i, FILE *out))
{
	_cleanup_free_ char *line = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&line, &n);

	if (out)
		put_it(interval, out);
	if (!out || fclose(out))
		output->error = -ENOMEM;
	else
		show(output, line, n);
}

static void row(struct output *output, const struct interval *interval)
{
	row_by(output, interval, put_line);
}

static void raw_row(struct output *output, const struct interval *interval)
{
	row_by(output, interval, put_raw_line);
}

static void raw_end(struct output *output, const struct outcome *outcome, const struct stats *stats)
{
	leave_line(output);
	raw_report_summary(outcome, stats, output->out);
}

static void end(struct output *output, const struct outcome *outcome, const struct stats *stats)
{
	leave_line(output);
	report_summary(outcome, stats, output->out);
}

const struct output_format output_text = { MIN_ROW_NS, begin, row, end };
const struct output_format output_text_quiet = { 0, NULL, NULL, end };

const struct output_format output_raw_text = { MIN_ROW_NS, raw_begin, raw_row, raw_end };
const struct output_format output_raw_text_quiet = { 0, NULL, NULL, raw_end };
