// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Headers that the configuration adds to each request, or puts in the place of the generator's own.
 *
 * One is kept as the line that is sent, without its end. What would make a server read another
 * message than the one that was meant is refused: what is no token before the colon, control
 * characters (RFC 9110, 5.5), and the two headers that say where a request ends, which are the
 * generator's.
 */
#include "header.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TCHAR "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool is_value(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* A blank and a ; begin a comment in a file; and what is printed has to read back the same. */
static bool fits_a_file(const char *text)
{
	for (const char *c = text; (c = strchr(c, ';')); c++) {
		if (c > text && (c[-1] == ' ' || c[-1] == '\t'))
			return false;
	}
	return true;
}

static int refuse(const char *header, struct error *err)
{
	if (header_is(header, "Content-Length"))
		return error_set(err, -EINVAL, "Content-Length follows from request_size");
	if (header_is(header, "Transfer-Encoding"))
		return error_set(err, -EINVAL,
				 "requests are sent with Content-Length, by request_size");
	if (header_is(header, "Host") && !*header_value(header))
		return error_set(err, -EINVAL, "Host cannot be empty");
	if (header_is(header, "Host") && strpbrk(header_value(header), " \t/@?#,"))
		return error_set(err, -EINVAL, "expected Host: NAME[:PORT]");
	return 0;
}

/**
 * header_parse() - add a header
 * @row: its max is the longest that is taken
 * @text: "Name: value"; "": drop those that there are
 * @field: struct config_headers
 * @err: why not, where the spelling is right
 *
 * Return: 0 or negative errno.
 */
int header_parse(const struct config_row *row, const char *text, void *field, struct error *err)
{
	struct config_headers *headers = field;
	size_t n = strlen(text), n_name = strspn(text, TCHAR);
	int r;

	if (!n) {
		headers->n = 0;
		return 0;
	}
	if (n > row->max || !n_name || text[n_name] != ':' || !is_value(text) ||
	    text[n - 1] == ' ' || text[n - 1] == '\t')
		return -EINVAL;
	if (headers->n == LOADGEN_MAX_HEADERS)
		return error_set(err, -EINVAL, "more than %u headers", LOADGEN_MAX_HEADERS);
	if (!fits_a_file(text))
		return error_set(err, -EINVAL,
				 "a blank before ; begins a comment in files; leave it out");
	r = refuse(text, err);
	if (r)
		return r;
	if (header_is(text, "Host") && header_find(headers, "Host"))
		return error_set(err, -EINVAL, "a request has one Host (RFC 9112, 3.2)");
	strcpy(headers->text[headers->n++], text);
	return 0;
}

/** header_is() - Return: whether a header has this name; case does not matter */
bool header_is(const char *header, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(header, name, n) && header[n] == ':';
}

/** header_value() - Return: a header's value, behind the colon and blanks */
const char *header_value(const char *header)
{
	const char *value = strchr(header, ':') + 1;

	return value + strspn(value, " \t");
}

/** header_find() - Return: the first header of this name, or NULL */
const char *header_find(const struct config_headers *headers, const char *name)
{
	for (uint32_t i = 0; i < headers->n; i++) {
		if (header_is(headers->text[i], name))
			return headers->text[i];
	}
	return NULL;
}
