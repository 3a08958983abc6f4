// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The summary of a run: what was sent, what came back, how long it took, and in plain words what one
 * could overlook: that the generator was the limit, that the target was not reached, that the
 * answers were errors.
 *
 * Three kinds of bytes are kept apart: payload (bodies of requests), HTTP (heads and bodies) and
 * wire (Ethernet frames, see wire.c).
 */
#include "report.h"

#include "util/clock.h"
#include "util/units.h"

#include <errno.h>
#include <inttypes.h>

#define SATURATED_CPU	      0.9
#define SATURATED_LATENESS_NS (10 * NSEC_PER_MSEC)
#define TARGET_MISSED	      0.99 /* of the rate that was asked for */
#define TOLD_REFUSALS	      0.01 /* of the answers */

static double elapsed_s(const struct outcome *outcome)
{
	uint64_t ns = outcome->end_ns - outcome->start_ns;

	return outcome->start_ns && ns ? (double)ns / 1e9 : 0;
}

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
	double seconds = elapsed_s(outcome);
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
	double seconds = elapsed_s(outcome);

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
	double seconds = elapsed_s(outcome);

	fprintf(out, "Bytes       %15s %33s\n", "sent", "received");
	put_bytes(out, "payload", stats->payload_completed, stats->body_received, seconds);
	put_bytes(out, "HTTP", stats->http_sent - stats->http_unsent, stats->http_received,
		  seconds);
	put_wire(outcome, stats, out);
	put_rest(out, "payload of requests that were not completed",
		 stats->payload_sent - stats->payload_unsent - stats->payload_completed);
	put_rest(out, "payload not sent, since the answer came before", stats->payload_withheld);
}

static void put_latency(FILE *out, const char *name, const struct histogram *histogram)
{
	static const double percent[] = { 50, 90, 99, 99.9 };

	fprintf(out, "  %-10s%9.3f%9.3f", name, (double)histogram->min_ns / 1e6,
		histogram_mean(histogram) / 1e6);
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++)
		fprintf(out, "%9.3f", (double)histogram_percentile(histogram, percent[i]) / 1e6);
	fprintf(out, "%9.3f\n", (double)histogram->max_ns / 1e6);
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
	fprintf(out, "Errors  %" PRIu64 "\n", stats_n_errors(stats));
	for (size_t i = 0; i < N_PHASES; i++) {
		if (stats->errors[i].n)
			fprintf(out, "  %-10s%10" PRIu64 "   first: %s\n", phase_name(i),
				stats->errors[i].n, stats->errors[i].first);
	}
}

/* ---- what to make of it ---- */

static bool cpu_saturated(const struct outcome *outcome)
{
	return outcome->busiest_worker > SATURATED_CPU;
}

static bool late(const struct stats *stats)
{
	return histogram_percentile(&stats->lateness, 99) > SATURATED_LATENESS_NS;
}

static void put_saturation(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	const char *remedy = outcome->config->threads < outcome->config->connections
				     ? "; more threads may help"
				     : "";

	if (cpu_saturated(outcome))
		fprintf(out,
			"The generator itself was the limit: a thread used %.0f %% of a CPU%s.\n",
			100 * outcome->busiest_worker, remedy);
	if (late(stats))
		fprintf(out,
			"The generator itself was late: 1 %% of the requests were sent more than "
			"%.1f ms after their time, with a connection free%s.\n",
			(double)histogram_percentile(&stats->lateness, 99) / 1e6, remedy);
}

/* Besides those that the run has begun with. */
static bool closed_often(const struct outcome *outcome, const struct stats *stats)
{
	return stats->n_connects > outcome->config->connections + stats->n_completed / 2;
}

static const char *why_missed(const struct outcome *outcome, const struct stats *stats)
{
	if (stats_n_not_2xx(stats) > stats->n_completed / 2)
		return stats->payload_withheld
			       ? "most answers were errors, before all of the payload was sent"
			       : "most answers were errors";
	if (cpu_saturated(outcome))
		return "the generator has no more CPU";
	if (late(stats))
		return "the generator was not woken in time";
	if (stats->n_failed || stats_n_errors(stats))
		return "of errors, see above";
	if (closed_often(outcome, stats))
		return "the server closes connections, which have to be made anew";
	return "all connections were busy: the answers take too long for so few connections";
}

static double target_rate(const struct config *config)
{
	if (config->rate > 0)
		return config->rate;
	return config->request_size
		       ? (double)config->bandwidth_bps / 8 / (double)config->request_size
		       : 0;
}

static void put_target(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	double target = target_rate(outcome->config), seconds = elapsed_s(outcome), reached;
	double bits = 8 * (double)outcome->config->request_size;
	char asked[FORMAT_MAX], got[FORMAT_MAX];

	if (target <= 0 || seconds < 0.1)
		return;
	/* the last request of each worker is under way when the run is cut */
	reached = (double)(stats->n_completed + stats->n_unfinished) / seconds;
	if (outcome->config->bandwidth_bps)
		reached -= (double)stats->payload_withheld / (double)outcome->config->request_size /
			   seconds;
	if (reached >= TARGET_MISSED * target)
		return;
	format_rate(asked, sizeof(asked), bits > 0 ? target * bits : target,
		    bits > 0 ? "bit/s" : "req/s");
	format_rate(got, sizeof(got), bits > 0 ? reached * bits : reached,
		    bits > 0 ? "bit/s" : "req/s");
	fprintf(out, "The target of %s was not reached (%s), because %s.\n", asked, got,
		why_missed(outcome, stats));
}

/* One class: "5xx"; more: "4xx 5, 5xx 7". */
static void put_not_2xx(const struct stats *stats, FILE *out)
{
	static const char *const class[N_STATUS_CLASSES] = { "other", "1xx", NULL,
							     "3xx",   "4xx", "5xx" };
	const char *comma = "";

	for (size_t i = 0; i < N_STATUS_CLASSES; i++) {
		if (!class[i] || !stats->status[i])
			continue;
		fprintf(out, "%s%s", comma, class[i]);
		if (stats->status[i] < stats_n_not_2xx(stats))
			fprintf(out, " %" PRIu64, stats->status[i]);
		comma = ", ";
	}
}

/* A run whose answers are errors ends well, since the load was made. But that has to be seen. */
static void put_refusals(const struct stats *stats, FILE *out)
{
	static const struct words {
		const char *one, *many, *remedy;
	} errors = { "an error", "errors", "the target refuses these requests" },
	  redirects = { "a redirect", "redirects",
			"they are not followed; use the url that they lead to" };
	uint64_t n = stats_n_not_2xx(stats), all = stats->n_completed;
	const struct words *words = n == stats->status[3] ? &redirects : &errors;

	if ((double)n <= TOLD_REFUSALS * (double)all)
		return;
	if (n < all)
		fprintf(out, "%.1f %% of the answers were %s (", 100 * (double)n / (double)all,
			words->many);
	else if (n > 1)
		fprintf(out, "All %" PRIu64 " answers were %s (", n, words->many);
	else
		fprintf(out, "The only answer was %s (", words->one);
	put_not_2xx(stats, out);
	fprintf(out, ")%s%s.\n", n < all ? "" : ": ", n < all ? "" : words->remedy);
}

static void put_title(const struct outcome *outcome, FILE *out)
{
	fprintf(out, "\n%s (%s), %u connection%s, %u thread%s, %.3f s%s\n",
		outcome->config->url_text, outcome->target->text, outcome->config->connections,
		outcome->config->connections == 1 ? "" : "s", outcome->config->threads,
		outcome->config->threads == 1 ? "" : "s", elapsed_s(outcome),
		outcome->signal ? ", interrupted" : "");
}

/**
 * report_summary() - write what a run came to
 * @outcome: the run
 * @stats: of all its workers
 * @out: where to
 *
 * Return: 0 or negative errno.
 */
int report_summary(const struct outcome *outcome, const struct stats *stats, FILE *out)
{
	double seconds = elapsed_s(outcome);

	put_title(outcome, out);
	put_requests(outcome, stats, out);
	put_status(stats, out);
	put_traffic(outcome, stats, out);
	put_latencies(stats, out);
	put_connections(stats, out);
	put_errors(stats, out);
	fprintf(out, "CPU  %.1f %% of one, busiest thread %.1f %%\n",
		seconds > 0 ? 100 * (double)stats->cpu_ns / 1e9 / seconds : 0,
		100 * outcome->busiest_worker);
	put_saturation(outcome, stats, out);
	put_target(outcome, stats, out);
	put_refusals(stats, out);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
