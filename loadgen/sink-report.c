// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the sink says: where it listens, a line for each second in which something happened, and at the
 * end what it has had.
 */
#include "sink-report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#define PRECISION 9 /* digits of a number that is no integer */

static const char header[] = "  time  conn    req/s   received       sent  errors  CPU\n"
			     "     s                    Mbit/s     Mbit/s            %\n";

static int written(FILE *out)
{
	if (!fflush(out) && !ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}

/**
 * sink_report_addresses() - say where the sink listens
 * @config: as it is bound
 * @out: where to
 *
 * Return: 0 or negative errno.
 */
int sink_report_addresses(const struct sink_config *config, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < config->n_addresses; i++) {
		address_format(&config->address[i], text);
		fprintf(out, "Listening on http://%s/ and https://%s/\n", text, text);
	}
	if (!config->quiet)
		fprintf(out, "\n%s", header);
	return written(out);
}

static uint64_t count(const struct sink_sum *sum, enum sink_count which)
{
	return sum->stats.count[which];
}

static uint64_t n_open(const struct sink_sum *sum)
{
	return count(sum, SINK_ACCEPTED) - count(sum, SINK_CLOSED);
}

static uint64_t n_errors(const struct sink_sum *sum)
{
	return count(sum, SINK_REFUSED) + count(sum, SINK_TURNED_AWAY) +
	       count(sum, SINK_TIMED_OUT) + count(sum, SINK_BROKEN);
}

static double seconds_between(const struct sink_sum *before, const struct sink_sum *now)
{
	return (double)(now->time_ns - before->time_ns) / 1e9;
}

static double per_second(const struct sink_sum *before, const struct sink_sum *now,
			 enum sink_count which)
{
	uint64_t n = count(now, which) - count(before, which);

	return (double)n / seconds_between(before, now);
}

/**
 * sink_report_line() - say what has happened since the line before
 * @start: when it began
 * @before: as of the line before
 * @now: as of this one, later than that
 * @out: where to
 *
 * Return: 0 or negative errno.
 */
int sink_report_line(const struct sink_sum *start, const struct sink_sum *before,
		     const struct sink_sum *now, FILE *out)
{
	fprintf(out, "%6.1f%6" PRIu64 "%9.1f%11.2f%11.2f%8" PRIu64 "%5.0f\n",
		seconds_between(start, now), n_open(now), per_second(before, now, SINK_REQUESTS),
		per_second(before, now, SINK_CONTENT_IN) * 8 / 1e6,
		per_second(before, now, SINK_CONTENT_OUT) * 8 / 1e6,
		n_errors(now) - n_errors(before),
		100 * (double)(now->cpu_ns - before->cpu_ns) / 1e9 / seconds_between(before, now));
	return written(out);
}

/**
 * sink_report_summary() - say what the sink has had in all
 * @start: when it began
 * @now: as of the end
 * @out: where to
 *
 * Return: 0 or negative errno.
 */
int sink_report_summary(const struct sink_sum *start, const struct sink_sum *now, FILE *out)
{
	double seconds = seconds_between(start, now);

	fprintf(out, "\n%.3f s, CPU %.1f %% of a core\n\n", seconds,
		(double)now->cpu_ns / 1e7 / seconds);
	fprintf(out, "Requests\n  answered  %10" PRIu64 "   %.1f a second\n",
		count(now, SINK_REQUESTS), per_second(start, now, SINK_REQUESTS));
	fprintf(out, "  refused   %10" PRIu64 "   no good HTTP: 4xx, 5xx\n",
		count(now, SINK_REFUSED));
	fprintf(out,
		"Connections\n  taken     %10" PRIu64 "   %" PRIu64
		" over TLS\n  turned away%9" PRIu64 "   a thread takes %" PRIu32
		" at once\n  timed out %10" PRIu64 "\n  broken    %10" PRIu64
		"   amid a request, an answer or a handshake\n",
		count(now, SINK_ACCEPTED), count(now, SINK_TLS), count(now, SINK_TURNED_AWAY),
		now->max_connections, count(now, SINK_TIMED_OUT), count(now, SINK_BROKEN));
	fprintf(out,
		"Bytes         received          sent\n  payload %12" PRIu64 "  %12" PRIu64
		"\n  HTTP    %12" PRIu64 "  %12" PRIu64 "\n",
		count(now, SINK_CONTENT_IN), count(now, SINK_CONTENT_OUT), count(now, SINK_HTTP_IN),
		count(now, SINK_HTTP_OUT));
	return written(out);
}

static json_t *number(const struct sink_sum *sum, enum sink_count which)
{
	return json_integer((json_int_t)count(sum, which));
}

static json_t *both_ways(const struct sink_sum *sum, enum sink_count in, enum sink_count out)
{
	return json_pack("{s:o, s:o}", "received", number(sum, in), "sent", number(sum, out));
}

static json_t *connections(const struct sink_sum *sum)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i}", "taken", number(sum, SINK_ACCEPTED),
			 "tls", number(sum, SINK_TLS), "turned_away", number(sum, SINK_TURNED_AWAY),
			 "timed_out", number(sum, SINK_TIMED_OUT), "broken",
			 number(sum, SINK_BROKEN), "most_per_thread", (int)sum->max_connections);
}

/**
 * sink_report_json() - sink_report_summary() for programs; members may be added while schema is 1
 *
 * Return: 0 or negative errno.
 */
int sink_report_json(const struct sink_sum *start, const struct sink_sum *now, FILE *out)
{
	double seconds = seconds_between(start, now);
	json_t *report =
		json_pack("{s:i, s:f, s:f, s:{s:o, s:o}, s:o, s:o, s:o}", "schema", 1, "duration_s",
			  seconds, "cpu_percent", (double)now->cpu_ns / 1e7 / seconds, "requests",
			  "answered", number(now, SINK_REQUESTS), "refused",
			  number(now, SINK_REFUSED), "connections", connections(now),
			  "payload_bytes", both_ways(now, SINK_CONTENT_IN, SINK_CONTENT_OUT),
			  "http_bytes", both_ways(now, SINK_HTTP_IN, SINK_HTTP_OUT));
	int r = report ? 0 : -ENOMEM;

	if (!r && json_dumpf(report, out, JSON_INDENT(2) | JSON_REAL_PRECISION(PRECISION)))
		r = -EIO;
	json_decref(report);
	fputc('\n', out);
	return r ?: written(out);
}
