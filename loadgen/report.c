// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The summary of a run for people: what was sent, what came back, how long it took, and in plain
 * words what one could overlook (notes.c).
 *
 * Three kinds of bytes are kept apart: payload (bodies of requests), HTTP (heads and bodies) and
 * wire (Ethernet frames, see wire.c).
 */
#include "report.h"

#include "interval.h"
#include "notes.h"
#include "util/units.h"
#include "verify-output.h"

#include <inttypes.h>

static const char *rate_text(char text[FORMAT_MAX], uint64_t bytes, double seconds)
{
	if (format_rate(text, FORMAT_MAX, seconds > 0 ? (double)bytes * 8 / seconds : 0, "bit/s"))
		text[0] = 0;
	return text;
}

static void put_rest(FILE *out, const char *what, uint64_t bytes)
{
	if (bytes)
		fprintf(out, "  %s: %" PRIu64 " B\n", what, bytes);
}

/* The rate on the wire is that of the run; connections are opened before it and closed after. */
static void put_wire(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	const struct wire *apart = &outcome->apart, *wire = &stats->wire;
	double seconds = outcome_seconds(outcome);
	char tx[FORMAT_MAX], rx[FORMAT_MAX];

	fprintf(out, "  %-10s%15" PRIu64 " B %14s %15" PRIu64 " B %14s\n", "wire", wire->tx_bytes,
		rate_text(tx, wire->tx_bytes - apart->tx_bytes, seconds), wire->rx_bytes,
		rate_text(rx, wire->rx_bytes - apart->rx_bytes, seconds));
	fprintf(out, "  %-10s%15" PRIu64 "   %14s %15" PRIu64 "\n", "frames", wire->tx_frames, "",
		wire->rx_frames);
	fprintf(out,
		"  wire includes %" PRIu64 " B sent and %" PRIu64 " B received\n"
		"  outside of the run, to open and close connections; its rate does not\n",
		apart->tx_bytes, apart->rx_bytes);
	put_rest(out, "sent again by TCP", wire->tx_again_bytes);
}

static void put_bytes(FILE *out, const char *name, uint64_t sent, uint64_t received, double seconds)
{
	char tx[FORMAT_MAX], rx[FORMAT_MAX];

	fprintf(out, "  %-10s%15" PRIu64 " B %14s %15" PRIu64 " B %14s\n", name, sent,
		rate_text(tx, sent, seconds), received, rate_text(rx, received, seconds));
}

static void put_requests(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	double seconds = outcome_seconds(outcome);

	fprintf(out, "Requests\n  completed %18" PRIu64 "   %.2f a second\n", stats->n_completed,
		seconds > 0 ? (double)stats->n_completed / seconds : 0);
	fprintf(out, "  failed    %18" PRIu64 "\n  unfinished%18" PRIu64 "   cut by the end\n",
		stats->n_failed, stats->n_unfinished);
	if (stats->n_unsent)
		fprintf(out, "  unsent    %18" PRIu64 "   due, but no connection was free\n",
			stats->n_unsent);
	if (stats->n_skipped)
		fprintf(out, "  skipped   %18" PRIu64 "   more than 10 s behind the schedule\n",
			stats->n_skipped);
	if (outcome->n_requests != UINT64_MAX)
		fprintf(out, "  asked for %18" PRIu64 "\n", outcome->n_requests);
}

static void put_status(const struct stats *stats, FILE *out)
{
	fputs("Status", out);
	for (size_t i = 1; i < N_STATUS_CLASSES; i++) {
		if (stats->status[i])
			fprintf(out, "  %zuxx %" PRIu64, i, stats->status[i]);
	}
	if (stats->status[0])
		fprintf(out, "  other %" PRIu64, stats->status[0]);
	fputs(stats->n_completed ? "\n" : "  no response\n", out);
}

static void put_traffic(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	double seconds = outcome_seconds(outcome);

	fprintf(out, "Bytes       %15s %33s\n", "sent", "received");
	put_bytes(out, "payload", stats->payload_completed, stats->body_received, seconds);
	put_bytes(out, "HTTP", stats->http_sent - stats->http_unsent, stats->http_received,
		  seconds);
	put_wire(outcome, stats, out);
	put_rest(out, "payload is of completed requests; of others was sent",
		 stats->payload_sent - stats->payload_unsent - stats->payload_completed);
	put_rest(out, "payload not sent, since the answer came before", stats->payload_withheld);
}

static void put_latency(FILE *out, const char *name, const struct histogram *histogram)
{
	struct distribution d;

	distribution_of(histogram, &d);
	fprintf(out, "  %-10s%9.3f%9.3f%9.3f%9.3f%9.3f%9.3f%9.3f\n", name, d.min / 1e6,
		d.mean / 1e6, d.p50 / 1e6, d.p90 / 1e6, d.p99 / 1e6, d.p99_9 / 1e6, d.max / 1e6);
}

static void put_latencies(const struct stats *stats, FILE *out)
{
	if (!stats->corrected.n)
		return;
	fprintf(out, "%-12s%9s%9s%9s%9s%9s%9s%9s\n", "Latency, ms", "min", "mean", "p50", "p90",
		"p99", "p99.9", "max");
	put_latency(out, "corrected", &stats->corrected);
	put_latency(out, "service", &stats->service);
	if (stats->lateness.n)
		put_latency(out, "lateness", &stats->lateness);
}

static void put_connections(const struct stats *stats, FILE *out)
{
	fprintf(out, "Connections  %" PRIu64 " made", stats->n_connects);
	if (stats->n_idle_closed)
		fprintf(out, ", %" PRIu64 " closed by the server while idle", stats->n_idle_closed);
	fputc('\n', out);
}

static void put_errors(const struct stats *stats, FILE *out)
{
	uint64_t n_other = stats_n_not_2xx(stats);

	fprintf(out, "Errors  %" PRIu64, stats_n_errors(stats));
	if (n_other)
		fprintf(out, ", and %" PRIu64 " answers other than 2xx", n_other);
	fputc('\n', out);
	for (size_t i = 0; i < N_PHASES; i++) {
		if (stats->errors[i].n)
			fprintf(out, "  %-10s%10" PRIu64 "   first: %s\n", phase_name(i),
				stats->errors[i].n, stats->errors[i].first);
	}
}

static void put_title(const struct outcome *outcome, FILE *out)
{
	const struct config *config = outcome->config;
	const char *address = outcome->target->text;

	fprintf(out, "\n%s (%s), %u connection%s, %u thread%s, %.3f s%s\n", config->url_text,
		*address ? address : "no address yet", config->connections,
		config->connections == 1 ? "" : "s", config->threads,
		config->threads == 1 ? "" : "s", outcome_seconds(outcome),
		outcome->signal ? ", interrupted" : "");
}

static void put_note(const char *line, void *out)
{
	fprintf(out, "%s\n", line);
}

/**
 * report_end() - write what all summaries end with
 * @outcome: the run
 * @stats: of all its workers
 * @out: where to
 */
void report_end(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	fprintf(out, "CPU  %.1f %% of one, busiest thread %.1f %%\n",
		outcome_cpu_percent(outcome, stats), 100 * outcome->busiest_worker);
	if (outcome->verified)
		verify_text(outcome->verified, outcome->config->verify_text, out);
	notes_tell(outcome, stats, put_note, out);
}

/**
 * report_summary() - write what a run came to
 * @outcome: the run
 * @stats: of all its workers
 * @out: where to
 */
void report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	put_title(outcome, out);
	put_requests(outcome, stats, out);
	put_status(stats, out);
	put_traffic(outcome, stats, out);
	put_latencies(stats, out);
	put_connections(stats, out);
	put_errors(stats, out);
	report_end(outcome, stats, out);
}
