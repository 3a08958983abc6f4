// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Comma-separated values (RFC 4180): names, then a row each second. What there is nothing to say of
 * is empty, never 0.
 */
#include "output.h"

#include "util/cleanup.h"

#include <math.h>

struct column {
	const char *name;
	int decimals;
	double (*get)(const struct interval *interval); /* NAN: nothing */
};

#define COLUMN(name, expression)                           \
	static double get_##name(const struct interval *i) \
	{                                                  \
		return expression;                         \
	}

static double us_if(const struct distribution *distribution, double ns)
{
	return distribution->n ? ns / 1e3 : NAN;
}

COLUMN(time_s, i->time_s)
COLUMN(interval_s, i->seconds)
COLUMN(connections, (double)i->n_connected)
COLUMN(completed, (double)i->n_completed)
COLUMN(failed, (double)i->n_failed)
COLUMN(errors, (double)i->n_errors)
COLUMN(requests_per_s, i->requests_per_s)
COLUMN(target_requests_per_s, i->has_target ? i->target_per_s : NAN)
COLUMN(target_bps, i->has_target && i->target_bps > 0 ? i->target_bps : NAN)
COLUMN(payload_bps, i->payload_bps)
COLUMN(http_bps, i->http_bps)
COLUMN(wire_bps, i->wire_bps)
COLUMN(p50_us, us_if(&i->corrected, i->corrected.p50))
COLUMN(p90_us, us_if(&i->corrected, i->corrected.p90))
COLUMN(p99_us, us_if(&i->corrected, i->corrected.p99))
COLUMN(max_us, us_if(&i->corrected, i->corrected.max))
COLUMN(service_p50_us, us_if(&i->service, i->service.p50))
COLUMN(service_p99_us, us_if(&i->service, i->service.p99))
COLUMN(lateness_p99_us, us_if(&i->lateness, i->lateness.p99))
COLUMN(cpu_percent, i->cpu_percent)
COLUMN(retransmits, (double)i->n_retransmits)

static const struct column columns[] = {
	{ "time_s", 6, get_time_s },
	{ "interval_s", 6, get_interval_s },
	{ "connections", 0, get_connections },
	{ "completed", 0, get_completed },
	{ "failed", 0, get_failed },
	{ "errors", 0, get_errors },
	{ "requests_per_s", 3, get_requests_per_s },
	{ "target_requests_per_s", 3, get_target_requests_per_s },
	{ "target_bps", 0, get_target_bps },
	{ "payload_bps", 0, get_payload_bps },
	{ "http_bps", 0, get_http_bps },
	{ "wire_bps", 0, get_wire_bps },
	{ "p50_us", 3, get_p50_us },
	{ "p90_us", 3, get_p90_us },
	{ "p99_us", 3, get_p99_us },
	{ "max_us", 3, get_max_us },
	{ "service_p50_us", 3, get_service_p50_us },
	{ "service_p99_us", 3, get_service_p99_us },
	{ "lateness_p99_us", 3, get_lateness_p99_us },
	{ "cpu_percent", 1, get_cpu_percent },
	{ "retransmits", 0, get_retransmits },
};

COLUMN(frames, (double)i->raw.frames)
COLUMN(refused, (double)i->raw.n_refused)
COLUMN(frames_per_s, (double)i->raw.frames / i->seconds)
COLUMN(layer2_bps, (double)i->raw.bytes * 8 / i->seconds)
COLUMN(layer1_bps, (double)i->raw.wire_bytes * 8 / i->seconds)
COLUMN(lateness_p50_us, us_if(&i->lateness, i->lateness.p50))
COLUMN(lateness_max_us, us_if(&i->lateness, i->lateness.max))

static const struct column raw_columns[] = {
	{ "time_s", 6, get_time_s },
	{ "interval_s", 6, get_interval_s },
	{ "frames", 0, get_frames },
	{ "refused", 0, get_refused },
	{ "frames_per_s", 3, get_frames_per_s },
	{ "target_frames_per_s", 3, get_target_requests_per_s },
	{ "layer2_bps", 0, get_layer2_bps },
	{ "layer1_bps", 0, get_layer1_bps },
	{ "lateness_p50_us", 3, get_lateness_p50_us },
	{ "lateness_p99_us", 3, get_lateness_p99_us },
	{ "lateness_max_us", 3, get_lateness_max_us },
	{ "cpu_percent", 1, get_cpu_percent },
};

static const struct columns {
	const struct column *column;
	size_t n;
} http = { columns, array_size(columns) }, raw = { raw_columns, array_size(raw_columns) };

static const struct columns *columns_of(const struct output *output)
{
	return output->config->protocol == PROTOCOL_RAW ? &raw : &http;
}

static void begin(struct output *output)
{
	const struct columns *c = columns_of(output);

	for (size_t i = 0; i < c->n; i++)
		fprintf(output->out, "%s%s", i ? "," : "", c->column[i].name);
	fputc('\n', output->out);
	output->begun = true;
}

/* A run that was over before it began has no rows, but columns. */
static void end(struct output *output, const struct outcome *outcome, const struct stats *stats)
{
	(void)outcome, (void)stats;
	if (!output->begun)
		begin(output);
}

static void row(struct output *output, const struct interval *interval)
{
	const struct columns *c = columns_of(output);

	for (size_t i = 0; i < c->n; i++) {
		double value = c->column[i].get(interval);

		if (i)
			fputc(',', output->out);
		if (isfinite(value))
			fprintf(output->out, "%.*f", c->column[i].decimals, value);
	}
	fputc('\n', output->out);
}

const struct output_format output_csv = { 0, begin, row, end };
