// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each kind of value of the configuration: how it is read and how it is written.
 *
 * What one writes, its own parser reads back as the same value; config_print() rests on that. The
 * fields belong to the caller, and stay as they were when a text is refused.
 */
#include "config-kinds.h"

#include "url.h"
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

static int parse_protocol(const struct config_row *row, const char *text, void *field,
			  struct error *err)
{
	(void)row, (void)err;
	return parse_choice("http", "https", text, field);
}

static void format_protocol(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", *(const bool *)field ? "https" : "http");
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
	(void)err;
	return parse_duration_ns(text, row->min, row->max, field);
}

static void format_time(const void *field, char *buf, size_t size)
{
	format_duration(buf, size, *(const uint64_t *)field);
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

const struct config_kind config_url = { parse_url, format_text };
const struct config_kind config_text = { parse_text, format_text };
const struct config_kind config_protocol = { parse_protocol, format_protocol };
const struct config_kind config_yes = { parse_yes, format_yes };
const struct config_kind config_bandwidth = { parse_bandwidth_bps, format_bandwidth_bps };
const struct config_kind config_bytes = { parse_bytes, format_size_of };
const struct config_kind config_time = { parse_time, format_time };
const struct config_kind config_rate = { parse_rate, format_rate_of };
const struct config_kind config_count = { parse_count, format_count };
const struct config_kind config_count32 = { parse_count32, format_count32 };
