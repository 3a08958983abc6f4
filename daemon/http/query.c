// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The part of a URL behind the "?", as forms and scripts write it: name=value&name=value, blanks as
 * "+", other bytes as %XX.
 *
 * What it decodes to is text for people and names for look-ups, so it has to be UTF-8 without NUL;
 * whatever is not is refused instead of repaired. Decoded text is never longer than the encoded, but for
 * two NULs a parameter, hence one buffer of a fixed size is enough.
 */
#include "http/query.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NOT_HEX 16

static unsigned int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return NOT_HEX;
}

/* Takes one encoded byte at text, of which len are left. Return: how many it takes, 0: broken. */
static size_t decode_byte(const char *text, size_t len, char *ret_byte)
{
	unsigned int high, low;

	if (*text != '%') {
		*ret_byte = *text == '+' ? ' ' : *text;
		return 1;
	}
	if (len < 3)
		return 0;
	high = hex_digit(text[1]);
	low = hex_digit(text[2]);
	if (high == NOT_HEX || low == NOT_HEX)
		return 0;
	*ret_byte = (char)(high << 4 | low);
	return 3;
}

/*
 * Bytes of the UTF-8 sequence at text (RFC 3629), 0 where it is none: a stray or missing
 * continuation, a longer form than needed, a surrogate, above U+10FFFF.
 */
static size_t utf8_sequence(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0x0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	uint32_t point;

	for (size_t n = 0; n < 4; n++) {
		if ((*text & forms[n].mask) != forms[n].lead)
			continue;
		point = *text & ~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((text[i] & 0xc0) != 0x80) /* the NUL at the end is none, either */
				return 0;
			point = point << 6 | (text[i] & 0x3f);
		}
		if (point < forms[n].least || point > 0x10ffff || (point >> 11) == 0x1b)
			return 0;
		return n + 1;
	}
	return 0;
}

static bool utf8_valid(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t n;

	for (; *at; at += n) {
		n = utf8_sequence(at);
		if (!n)
			return false;
	}
	return true;
}

/* Decodes len bytes to *out, with a NUL behind them, and moves *out past it. */
static int decode(const char *text, size_t len, char **out, struct error *err)
{
	char *start = *out, *to = start;

	for (size_t i = 0, n; i < len; i += n, to++) {
		n = decode_byte(text + i, len - i, to);
		if (!n)
			return error_set(
				err, -EINVAL,
				"%% without two hexadecimal digits behind it in the query");
		if (!*to)
			return error_set(err, -EINVAL, "a NUL byte in the query");
	}
	*to = '\0';
	if (!utf8_valid(start))
		return error_set(err, -EINVAL, "the query is not UTF-8");
	*out = to + 1;
	return 0;
}

const char *query_get(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->n; i++)
		if (!strcmp(query->parameter[i].name, name))
			return query->parameter[i].value;
	return NULL;
}

static int add_parameter(struct query *query, const char *text, size_t len, char **out,
			 struct error *err)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	size_t value_at = equals ? name_len + 1 : len;
	char *name = *out, *value;
	int r;

	if (query->n == QUERY_MAX_PARAMETERS)
		return error_set(err, -EINVAL, "more than %d parameters", QUERY_MAX_PARAMETERS);
	r = decode(text, name_len, out, err);
	if (r)
		return r;
	value = *out;
	r = decode(text + value_at, len - value_at, out, err);
	if (r)
		return r;
	if (query_get(query, name))
		return error_set(err, -EINVAL, "parameter \"%s\" is there twice", name);
	query->parameter[query->n].name = name;
	query->parameter[query->n].value = value;
	query->n++;
	return 0;
}

/**
 * query_parse() - take a query apart
 * @text: what stands behind the "?", not NUL-terminated
 * @len: bytes at @text
 * @ret_query: filled in place, also partly on failure; names and values point into it
 * @err: what is wrong with it
 *
 * Follows application/x-www-form-urlencoded of the URL standard where that is strict UTF-8. A
 * parameter without "=" has an empty value; nothing between two "&" is no parameter.
 *
 * Return: 0, -E2BIG when it is longer than QUERY_MAX_LENGTH, -EINVAL.
 */
int query_parse(const char *text, size_t len, struct query_text *ret_query, struct error *err)
{
	char *out = ret_query->text;

	ret_query->query.n = 0;
	if (len > QUERY_MAX_LENGTH)
		return error_set(err, -E2BIG, "the query has more than %d bytes", QUERY_MAX_LENGTH);
	while (len) {
		const char *end = memchr(text, '&', len);
		size_t n = end ? (size_t)(end - text) : len;
		int r = n ? add_parameter(&ret_query->query, text, n, &out, err) : 0;

		if (r)
			return r;
		n += !!end;
		text += n;
		len -= n;
	}
	return 0;
}

static bool listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void join(const char *const *names, char *buf, size_t size)
{
	size_t n = 0;

	for (*buf = '\0'; *names && n < size; names++)
		n += snprintf(buf + n, size - n, "%s%s", n ? ", " : "", *names);
}

/**
 * query_check() - refuse parameters that nobody would look at
 * @query: what was asked
 * @parameters: names that there are, NULL at the end
 * @err: the first that is none of them, and those there are
 *
 * Return: 0 or -EINVAL.
 */
int query_check(const struct query *query, const char *const *parameters, struct error *err)
{
	char known[256];

	for (size_t i = 0; i < query->n; i++) {
		if (listed(parameters, query->parameter[i].name))
			continue;
		join(parameters, known, sizeof(known));
		return error_set(err, -EINVAL, "unknown parameter \"%.100s\"; %s%s",
				 query->parameter[i].name,
				 *known ? "there are: " : "there are none", known);
	}
	return 0;
}

/**
 * query_canonical() - one form for all ways to write the same question
 * @query: checked by query_check()
 * @parameters: names that there are, NULL at the end
 * @buf: where to
 *
 * Each parameter's value in the order of @parameters: 1 and a NUL-terminated value, or 0 where it is
 * not there. Comparable by memcmp(), not meant to be read.
 *
 * Return: bytes at @buf.
 */
size_t query_canonical(const struct query *query, const char *const *parameters,
		       char buf[QUERY_CANONICAL_MAX])
{
	size_t n = 0;

	for (; *parameters; parameters++) {
		const char *value = query_get(query, *parameters);
		size_t len = value ? strlen(value) + 1 : 0;

		buf[n++] = !!value;
		memcpy(buf + n, value ?: "", len);
		n += len;
	}
	return n;
}
