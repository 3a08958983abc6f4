// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * JSON as text: compact, members in the order in which they were set.
 *
 * A history of two weeks is twenty thousand reals, and printf() takes most of the time of such an answer.
 * Those of the size that rates have are printed here as integers with a point in them; all others go by
 * printf(). Both show JSON_REAL_DIGITS digits, of which the last may be one off here where it was a tie.
 */
#include "http/json-text.h"

#include "util/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 32	/* room for any number */
#define SCALED_END 1e13 /* the least integer of more than JSON_REAL_DIGITS digits */

struct text {
	char *body;
	size_t len, room;
};

/* Return: where to write up to n bytes, or NULL without memory. */
static char *reserve(struct text *t, size_t n)
{
	if (t->room - t->len < n) {
		size_t room = 2 * (t->room + n) + 256;
		char *body = realloc(t->body, room);

		if (!body)
			return NULL;
		t->body = body;
		t->room = room;
	}
	return t->body + t->len;
}

static int put(struct text *t, const char *text, size_t n)
{
	char *to = reserve(t, n);

	if (!to)
		return -ENOMEM;
	memcpy(to, text, n);
	t->len += n;
	return 0;
}

static int put_char(struct text *t, char c)
{
	return put(t, &c, 1);
}

/* ---- numbers ---- */

/* Return: how many digits, of which there are at least @least. */
static size_t print_digits(char *buf, uint64_t value, size_t least)
{
	char digits[NUMBER_MAX];
	size_t n = 0;

	for (; value || n < least; value /= 10)
		digits[n++] = (char)('0' + value % 10);
	for (size_t i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	return n;
}

/* From 1 to below SCALED_END / 10: an integer of JSON_REAL_DIGITS digits, and which of them are behind the point. */
static size_t print_plain(char *buf, double value)
{
	uint64_t behind = 1, scaled;
	size_t n, n_behind = 0;

	while (n_behind < JSON_REAL_DIGITS - 1 && value * (double)behind * 10 < SCALED_END) {
		behind *= 10;
		n_behind++;
	}
	scaled = (uint64_t)(value * (double)behind + 0.5);
	n = print_digits(buf, scaled / behind, 1);
	buf[n++] = '.';
	n += print_digits(buf + n, scaled % behind, n_behind);
	while (buf[n - 1] == '0')
		n--;
	if (buf[n - 1] == '.')
		buf[n++] = '0';
	return n;
}

static size_t print_real(char *buf, double value)
{
	size_t n;

	if (value >= 1 && value < SCALED_END / 10)
		return print_plain(buf, value);
	if (value == 0) {
		memcpy(buf, "0.0", 3);
		return 3;
	}
	n = (size_t)snprintf(buf, NUMBER_MAX, "%.*g", JSON_REAL_DIGITS, value);
	if (!strpbrk(buf, ".e")) { /* it is a real for who reads it, too */
		memcpy(buf + n, ".0", 2);
		n += 2;
	}
	return n;
}

static int put_number(struct text *t, json_t *json)
{
	char *to = reserve(t, NUMBER_MAX);
	json_int_t value = json_integer_value(json);

	if (!to)
		return -ENOMEM;
	if (json_is_real(json))
		t->len += print_real(to, json_real_value(json));
	else if (value >= 0)
		t->len += print_digits(to, (uint64_t)value, 1);
	else
		t->len += (size_t)snprintf(to, NUMBER_MAX, "%" JSON_INTEGER_FORMAT, value);
	return 0;
}

/* ---- text ---- */

static int put_escaped(struct text *t, unsigned char c)
{
	char escape[8];
	int n = c == '"' || c == '\\' ? snprintf(escape, sizeof(escape), "\\%c", c)
				      : snprintf(escape, sizeof(escape), "\\u%04x", c);

	return put(t, escape, (size_t)n);
}

static int put_string(struct text *t, const char *string, size_t n)
{
	size_t from = 0;
	int r = put_char(t, '"');

	for (size_t i = 0; !r && i < n; i++) {
		unsigned char c = (unsigned char)string[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		r = put(t, string + from, i - from) ?: put_escaped(t, c);
		from = i + 1;
	}
	return r ?: put(t, string + from, n - from) ?: put_char(t, '"');
}

/* ---- what holds others ---- */

static int put_any(struct text *t, json_t *json);

static int put_array(struct text *t, json_t *array)
{
	size_t n = json_array_size(array);
	int r = put_char(t, '[');

	for (size_t i = 0; !r && i < n; i++) {
		if (i)
			r = put_char(t, ',');
		r = r ?: put_any(t, json_array_get(array, i));
	}
	return r ?: put_char(t, ']');
}

static int put_object(struct text *t, json_t *object)
{
	int r = put_char(t, '{');

	for (void *at = json_object_iter(object); !r && at;) {
		const char *key = json_object_iter_key(at);

		r = put_string(t, key, strlen(key)) ?:
		    put_char(t, ':')		    ?:
		    put_any(t, json_object_iter_value(at));
		at = json_object_iter_next(object, at);
		if (!r && at)
			r = put_char(t, ',');
	}
	return r ?: put_char(t, '}');
}

static int put_any(struct text *t, json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return put_object(t, json);
	case JSON_ARRAY:
		return put_array(t, json);
	case JSON_STRING:
		return put_string(t, json_string_value(json), json_string_length(json));
	case JSON_INTEGER:
	case JSON_REAL:
		return put_number(t, json);
	case JSON_TRUE:
		return put(t, "true", 4);
	case JSON_FALSE:
		return put(t, "false", 5);
	default:
		return put(t, "null", 4);
	}
}

/**
 * json_text() - JSON on one line
 * @json: any value; its text is UTF-8, as jansson sees to
 * @ret_len: bytes, without the NUL behind them
 *
 * Return: the text, to be freed; NULL without memory.
 */
char *json_text(json_t *json, size_t *ret_len)
{
	struct text t = { .body = NULL };

	if (put_any(&t, json) || put_char(&t, 0)) {
		free(t.body);
		return NULL;
	}
	*ret_len = t.len - 1;
	return t.body;
}
