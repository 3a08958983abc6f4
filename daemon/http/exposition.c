// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The two formats, and the choice between them.
 *
 * They differ in three things only: OpenMetrics names a counter's family without the "_total" of its
 * samples, has a type of its own for info, and names units. Who does not say that he reads
 * OpenMetrics gets the older format, which everybody reads.
 *
 * Source: the OpenMetrics specification 1.0.0; Prometheus' "Exposition formats".
 */
#include "http/exposition.h"

#include "model/snapshot-json.h"
#include "util/clock.h"
#include "util/units.h"

#include <string.h>
#include <strings.h>

#define OPEN_METRICS "application/openmetrics-text"

static const char text_type[] = "text/plain; version=0.0.4; charset=utf-8";
static const char open_metrics_type[] = OPEN_METRICS "; version=1.0.0; charset=utf-8";

/* ---- Accept (RFC 9110, section 12.5.1) ---- */

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && (text[at] == ' ' || text[at] == '\t'))
		at++;
	return at;
}

static size_t span_until(const char *text, size_t len, size_t at, const char *ends)
{
	while (at < len && !strchr(ends, text[at]))
		at++;
	return at;
}

/* The weight of a range, in thousandths, from behind its type to its end; 1000 where it has none. */
static uint64_t weight_of(const char *range, size_t len)
{
	for (size_t at = 0; at < len;) {
		char number[sizeof("0.123")]; /* more digits than a weight may have say nothing */
		uint64_t weight;
		size_t n;

		at = skip_blanks(range, len, at + 1); /* behind the ';' */
		n = span_until(range, len, at, ";") - at;
		if (n >= 2 && !strncasecmp(range + at, "q=", 2)) {
			n = n - 2 < sizeof(number) - 1 ? n - 2 : sizeof(number) - 1;
			memcpy(number, range + at + 2, n);
			number[n] = 0;
			number[strcspn(number, " \t")] = 0;
			return parse_decimal(number, 1000, 0, 1000, &weight) ? 0 : weight;
		}
		at += n;
	}
	return 1000;
}

/* The weight that @accept gives a media type by its name, 0 where it does not name it. */
static uint64_t weight_for(const char *accept, size_t len, const char *type)
{
	uint64_t best = 0;

	for (size_t at = 0; at < len; at++) {
		size_t begin = skip_blanks(accept, len, at), end, name_end;

		end = span_until(accept, len, begin, ",");
		name_end = span_until(accept, end, begin, "; \t");
		if (name_end - begin == strlen(type) &&
		    !strncasecmp(accept + begin, type, name_end - begin)) {
			size_t rest = span_until(accept, end, name_end, ";");
			uint64_t weight = weight_of(accept + rest, end - rest);

			best = weight > best ? weight : best;
		}
		at = end;
	}
	return best;
}

/**
 * exposition_type() - the format that suits a request
 * @accept: its Accept, or NULL
 * @len: bytes at @accept
 *
 * Return: a media type, constant.
 */
const char *exposition_type(const char *accept, size_t len)
{
	uint64_t open_metrics = accept ? weight_for(accept, len, OPEN_METRICS) : 0;

	if (open_metrics && open_metrics >= weight_for(accept, len, "text/plain"))
		return open_metrics_type;
	return text_type;
}

/** exposition_is_open_metrics() - Return: whether exposition_type() has chosen it */
bool exposition_is_open_metrics(const char *type)
{
	return type == open_metrics_type;
}

/* ---- families ---- */

static void begin(const struct exposition *e, const char *name, const char *suffix,
		  const char *type, const char *unit, const char *help)
{
	fprintf(e->out, "# HELP %s%s %s.\n# TYPE %s%s %s\n", name, suffix, help, name, suffix,
		type);
	if (unit && e->open_metrics)
		fprintf(e->out, "# UNIT %s %s\n", name, unit);
}

/**
 * exposition_counter() - begin a family of counters
 * @e: where
 * @name: without the "_total" that its samples have
 * @unit: NULL, or the last word of @name
 * @help: a sentence without a full stop, a backslash or a line's end
 */
void exposition_counter(const struct exposition *e, const char *name, const char *unit,
			const char *help)
{
	begin(e, name, e->open_metrics ? "" : "_total", "counter", unit, help);
}

/** exposition_gauge() - begin a family of gauges; as exposition_counter() */
void exposition_gauge(const struct exposition *e, const char *name, const char *unit,
		      const char *help)
{
	begin(e, name, "", "gauge", unit, help);
}

/**
 * exposition_info() - begin a family that tells by its labels; its samples' value is 1
 * @e: where
 * @name: without the "_info" that its samples have
 * @help: as exposition_counter()'s
 */
void exposition_info(const struct exposition *e, const char *name, const char *help)
{
	begin(e, name, e->open_metrics ? "" : "_info", e->open_metrics ? "info" : "gauge", NULL,
	      help);
}

/** exposition_seconds() - a value in seconds, with a line's end: exact, which a double is not */
void exposition_seconds(const struct exposition *e, uint64_t ns)
{
	fprintf(e->out, "%llu.%09llu\n", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
}

/**
 * exposition_label() - a label's value of text that may hold any byte
 * @buf: gets it, without the quotes
 * @size: of @buf; twice the text and one byte more is always enough
 * @text: ended by a NUL, or by its length; shown as text_json() does
 * @len: of the array that holds it
 */
void exposition_label(char *buf, size_t size, const char *text, size_t len)
{
	json_t *json = text_json(text, len);
	const char *from = json ? json_string_value(json) : "";
	size_t n = 0;

	for (; *from && n + 2 < size; from++) {
		if (strchr("\\\"\n", *from))
			buf[n++] = '\\';
		buf[n++] = *from == '\n' ? 'n' : *from;
	}
	buf[n] = 0;
	json_decref(json);
}
