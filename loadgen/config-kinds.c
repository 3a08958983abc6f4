// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each kind of value of the configuration: how it is read and how it is written.
 *
 * What one writes, its own parser reads back as the same value; config_print() rests on that. The
 * fields belong to the caller, and stay as they were when a text is refused.
 */
#include "config-kinds.h"

#include "header.h"
#include "url.h"
#include "util/cleanup.h"
#include "util/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int parse_url(const struct config_row *row, const char *text, void *field, struct error *err)
{
	struct url url;

	if (!*text)
		return -EINVAL;
	if (strlen(text) > row->max)
		return error_set(err, -EINVAL, "longer than %u characters", (unsigned int)row->max);
	if (url_parse(text, false, &url, err))
		return -EINVAL;
	strcpy(field, text);
	return 0;
}

static int parse_url_or_none(const struct config_row *row, const char *text, void *field,
			     struct error *err)
{
	if (*text)
		return parse_url(row, text, field, err);
	strcpy(field, text);
	return 0;
}

static int parse_text(const struct config_row *row, const char *text, void *field,
		      struct error *err)
{
	size_t n = strlen(text);

	(void)err;
	/* as a file can hold it: inih takes blanks off and reads a ; as a comment */
	if (n > row->max || strpbrk(text, ";\"\r\n") || *text == ' ' || (n && text[n - 1] == ' '))
		return -EINVAL;
	strcpy(field, text);
	return 0;
}

/* A name as TLS may tell it: letters, digits, hyphens, dots (RFC 6066, 3; RFC 952). */
static int parse_host(const struct config_row *row, const char *text, void *field,
		      struct error *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-_.";
	size_t n = strlen(text);

	(void)err;
	if (n > row->max || strspn(text, allowed) != n || *text == '.' || *text == '-')
		return -EINVAL;
	strcpy(field, text);
	return 0;
}

static void format_text(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)field);
}

static int parse_choice(const char *no, const char *yes, const char *text, bool *ret)
{
	if (strcmp(text, yes) && strcmp(text, no))
		return -EINVAL;
	*ret = !strcmp(text, yes);
	return 0;
}

static const char *const protocols[] = { "http", "https", "raw" };

static int parse_protocol(const struct config_row *row, const char *text, void *field,
			  struct error *err)
{
	(void)row, (void)err;
	for (size_t i = 0; i < array_size(protocols); i++) {
		if (strcmp(protocols[i], text))
			continue;
		*(enum protocol *)field = (enum protocol)i;
		return 0;
	}
	return -EINVAL;
}

static void format_protocol(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", protocols[*(const enum protocol *)field]);
}

static int parse_yes(const struct config_row *row, const char *text, void *field, struct error *err)
{
	(void)row, (void)err;
	return parse_choice("no", "yes", text, field);
}

static void format_yes(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", *(const bool *)field ? "yes" : "no");
}

static int parse_bandwidth_bps(const struct config_row *row, const char *text, void *field,
			       struct error *err)
{
	(void)err;
	return parse_bandwidth(text, row->min, row->max, field);
}

static void format_bandwidth_bps(const void *field, char *buf, size_t size)
{
	format_bandwidth(buf, size, *(const uint64_t *)field);
}

static int parse_bytes(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	(void)err;
	return parse_size(text, row->min, row->max, field);
}

static void format_size_of(const void *field, char *buf, size_t size)
{
	format_size(buf, size, *(const uint64_t *)field);
}

static int parse_time(const struct config_row *row, const char *text, void *field,
		      struct error *err)
{
	size_t n = strspn(text, "0123456789.");

	if (n && n < 64 && !strcmp(text + n, "m"))
		return error_set(err, -EINVAL,
				 "m is no unit; minutes are %.*smin, milliseconds %.*sms", (int)n,
				 text, (int)n, text);
	return parse_duration_ns(text, row->min, row->max, field);
}

static void format_time(const void *field, char *buf, size_t size)
{
	format_duration(buf, size, *(const uint64_t *)field);
}

static int parse_most_time(const struct config_row *row, const char *text, void *field,
			   struct error *err)
{
	if (*text)
		return parse_time(row, text, field, err);
	*(uint64_t *)field = LOADGEN_NO_THRESHOLD;
	return 0;
}

static void format_most_time(const void *field, char *buf, size_t size)
{
	if (*(const uint64_t *)field == LOADGEN_NO_THRESHOLD)
		snprintf(buf, size, "%s", "");
	else
		format_time(field, buf, size);
}

static int parse_share(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	(void)err;
	if (*text)
		return parse_percent(text, row->min, row->max, field);
	*(uint64_t *)field = LOADGEN_NO_THRESHOLD;
	return 0;
}

static void format_share(const void *field, char *buf, size_t size)
{
	if (*(const uint64_t *)field == LOADGEN_NO_THRESHOLD)
		snprintf(buf, size, "%s", "");
	else
		format_percent(buf, size, *(const uint64_t *)field);
}

static int parse_rate(const struct config_row *row, const char *text, void *field,
		      struct error *err)
{
	uint64_t parts;
	int r = parse_decimal(text, CONFIG_RATE_PARTS, row->min, row->max, &parts);

	(void)err;
	if (!r)
		*(double *)field = (double)parts / CONFIG_RATE_PARTS;
	return r;
}

static void format_rate_of(const void *field, char *buf, size_t size)
{
	char text[64];
	size_t n;

	snprintf(text, sizeof(text), "%.6f", *(const double *)field);
	n = strlen(text);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	snprintf(buf, size, "%.*s", (int)n, text);
}

static int parse_count(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	(void)err;
	return parse_u64(text, row->min, row->max, field);
}

static void format_count(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%llu", (unsigned long long)*(const uint64_t *)field);
}

static int parse_count32(const struct config_row *row, const char *text, void *field,
			 struct error *err)
{
	uint64_t count;
	int r = parse_u64(text, row->min, row->max, &count);

	(void)err;
	if (!r)
		*(uint32_t *)field = (uint32_t)count;
	return r;
}

static void format_count32(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%u", *(const uint32_t *)field);
}

static const struct method {
	const char *name;
	bool has_payload;
} methods[] = {
	[METHOD_POST] = { "POST", true },   [METHOD_GET] = { "GET", false },
	[METHOD_PUT] = { "PUT", true },	    [METHOD_HEAD] = { "HEAD", false },
	[METHOD_PATCH] = { "PATCH", true }, [METHOD_DELETE] = { "DELETE", false },
};

/** method_name() - Return: the method as in a request line */
const char *method_name(enum http_method method)
{
	return methods[method].name;
}

/** method_has_payload() - Return: whether requests with this method have a body (RFC 9110, 9.3) */
bool method_has_payload(enum http_method method)
{
	return methods[method].has_payload;
}

static int parse_method(const struct config_row *row, const char *text, void *field,
			struct error *err)
{
	(void)row, (void)err;
	for (size_t i = 0; i < array_size(methods); i++) {
		if (strcmp(methods[i].name, text))
			continue;
		*(enum http_method *)field = (enum http_method)i;
		return 0;
	}
	return -EINVAL;
}

static void format_method(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", method_name(*(const enum http_method *)field));
}

static int parse_tls_version(const struct config_row *row, const char *text, void *field,
			     struct error *err)
{
	bool newest;
	int r = parse_choice("1.2", "1.3", text, &newest);

	(void)row, (void)err;
	if (!r)
		*(enum tls_version *)field = newest ? TLS_1_3 : TLS_1_2;
	return r;
}

static void format_tls_version(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", *(const enum tls_version *)field == TLS_1_3 ? "1.3" : "1.2");
}

static void format_headers(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%u headers", ((const struct config_headers *)field)->n);
}

const struct config_kind config_url = { parse_url, format_text };
const struct config_kind config_url_or_none = { parse_url_or_none, format_text };
const struct config_kind config_text = { parse_text, format_text };
const struct config_kind config_host = { parse_host, format_text };
const struct config_kind config_protocol = { parse_protocol, format_protocol };
const struct config_kind config_yes = { parse_yes, format_yes };
const struct config_kind config_bandwidth = { parse_bandwidth_bps, format_bandwidth_bps };
const struct config_kind config_bytes = { parse_bytes, format_size_of };
const struct config_kind config_time = { parse_time, format_time };
const struct config_kind config_most_time = { parse_most_time, format_most_time };
const struct config_kind config_share = { parse_share, format_share };
const struct config_kind config_rate = { parse_rate, format_rate_of };
const struct config_kind config_count = { parse_count, format_count };
const struct config_kind config_count32 = { parse_count32, format_count32 };
const struct config_kind config_method = { parse_method, format_method };
const struct config_kind config_tls_version = { parse_tls_version, format_tls_version };
const struct config_kind config_header = { header_parse, format_headers };
