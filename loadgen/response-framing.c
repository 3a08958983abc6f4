// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a line of a response says: the status, how long the body is (RFC 9112, sections 4 to 7), and
 * whether the connection goes on after it.
 *
 * Of a line that is longer than response->line only the beginning is here. That does for headers
 * that do not matter; a line about the framing that is cut is refused.
 */
#include "response-framing.h"

#include "util/cleanup.h"
#include "util/units.h"

#include <string.h>
#include <strings.h>

/* What the headers of a head have said so far. */
enum {
	HAS_LENGTH = 1 << 0,
	HAS_CODING = 1 << 1,
	IS_CHUNKED = 1 << 2, /* chunked is the last coding */
	SAYS_CLOSE = 1 << 3,
	SAYS_KEEP = 1 << 4,
	IS_HTTP_1_0 = 1 << 5,
};

#define BLANKS		" \t"
#define STATUS_LINE_MIN (sizeof("HTTP/1.1 200") - 1)

/* RFC 9110 section 5.6.2: what names are made of. */
static const bool in_token[256] = {
	['!'] = true,	      ['#' ... '\''] = true, ['*'] = true,
	['+'] = true,	      ['-'] = true,	     ['.'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true,  ['^' ... 'z'] = true, /* ^ _ ` and letters */
	['|'] = true,	      ['~'] = true,
};

static size_t token_run(const char *text)
{
	size_t n = 0;

	while (in_token[(unsigned char)text[n]])
		n++;
	return n;
}

static bool line_is_cut(const struct response *response)
{
	return response->n_line >= sizeof(response->line);
}

const char response_not_http[] = "not an HTTP/1 status line";

/* ---- status line ---- */

static const char *take_status_line(struct response *response)
{
	const char *line = response->line;
	uint64_t status;
	char digits[4];

	if (response->n_line < STATUS_LINE_MIN || line[7] < '0' || line[7] > '9' || line[8] != ' ')
		return response_not_http;
	memcpy(digits, line + 9, 3);
	digits[3] = '\0';
	if (parse_u64(digits, 100, 599, &status) || (line[12] && line[12] != ' '))
		return "status code is not a number from 100 to 599";
	if (status == 101)
		return "101 Switching Protocols, which was not asked for";
	response->status = (unsigned int)status;
	response->framing = line[7] == '0' ? IS_HTTP_1_0 : 0;
	response->body_left = 0;
	response->state = HEADERS;
	return NULL;
}

/* ---- headers ---- */

/* Cuts the next element out of a comma-separated list (RFC 9110 section 5.6.1); NULL: no more. */
static char *list_next(char **list)
{
	char *element = strsep(list, ",");
	size_t n;

	if (!element)
		return NULL;
	element += strspn(element, BLANKS);
	for (n = strlen(element); n && strchr(BLANKS, element[n - 1]);)
		n--;
	element[n] = '\0';
	return element;
}

/* RFC 9112 section 6.3, point 5: repeated lengths may only be equal. */
static const char *take_length(struct response *response, char *value)
{
	uint64_t length;

	for (char *element; (element = list_next(&value));) {
		if (parse_u64(element, 0, UINT64_MAX - 1, &length))
			return "Content-Length is not a number of bytes";
		if (response->framing & HAS_LENGTH && length != response->body_left)
			return "two Content-Length that differ";
		response->framing |= HAS_LENGTH;
		response->body_left = length;
	}
	return NULL;
}

/* RFC 9112 section 6.1: chunked is the last coding and occurs once, or the body ends with the connection. */
static const char *take_coding(struct response *response, char *value)
{
	for (char *element; (element = list_next(&value));) {
		size_t n = strlen(element), n_name = token_run(element);
		bool chunked =
			n_name == strlen("chunked") && !strncasecmp(element, "chunked", n_name);

		if (!n)
			continue;
		if (response->framing & IS_CHUNKED)
			return "a transfer coding after chunked";
		if (!n_name)
			return "Transfer-Encoding is not a list of codings";
		if (chunked && n > n_name)
			return "chunked has no parameters";
		response->framing |= HAS_CODING | (chunked ? IS_CHUNKED : 0);
	}
	return response->framing & HAS_CODING ? NULL : "Transfer-Encoding without a coding";
}

static const char *take_connection(struct response *response, char *value)
{
	for (char *element; (element = list_next(&value));) {
		if (!strcasecmp(element, "close"))
			response->framing |= SAYS_CLOSE;
		else if (!strcasecmp(element, "keep-alive"))
			response->framing |= SAYS_KEEP;
	}
	return NULL;
}

static const struct framing_header {
	const char *name;
	size_t n_name;
	const char *(*take)(struct response *response, char *value);
} framing_headers[] = {
	{ "Content-Length", 14, take_length },
	{ "Transfer-Encoding", 17, take_coding },
	{ "Connection", 10, take_connection },
};

/* NULL: the header is not about the framing. */
static const struct framing_header *framing_header(const char *name, size_t n_name)
{
	const struct framing_header *header = framing_headers;

	for (; header < framing_headers + array_size(framing_headers); header++) {
		if (n_name == header->n_name && !strncasecmp(name, header->name, n_name))
			return header;
	}
	return NULL;
}

static const char *take_header(struct response *response)
{
	size_t n_name = token_run(response->line);
	const struct framing_header *header;

	if (*response->line == ' ' || *response->line == '\t')
		return "folded header (RFC 9112 section 5.2)";
	if (!response->line[n_name] && line_is_cut(response))
		return "header with a name that is too long";
	if (!n_name || response->line[n_name] != ':')
		return "header is not \"name: value\"";
	header = response->state == TRAILERS ? NULL : framing_header(response->line, n_name);
	if (!header)
		return NULL;
	if (line_is_cut(response))
		return "a header about the framing is too long";
	return header->take(response, response->line + n_name + 1);
}

/* ---- the end of a head: RFC 9112 section 6.3 ---- */

static bool has_no_body(const struct response *response)
{
	return response->head_request || response->status == 204 || response->status == 304;
}

static bool persists(const struct response *response)
{
	if (response->framing & SAYS_CLOSE)
		return false;
	return response->framing & SAYS_KEEP || !(response->framing & IS_HTTP_1_0);
}

static unsigned int body_state(const struct response *response)
{
	if (has_no_body(response))
		return DONE;
	if (response->framing & HAS_CODING)
		return response->framing & IS_CHUNKED ? CHUNK_SIZE : BODY_CLOSE;
	if (!(response->framing & HAS_LENGTH))
		return BODY_CLOSE;
	return response->body_left ? BODY_LENGTH : DONE;
}

static const char *end_head(struct response *response)
{
	if (response->framing & HAS_CODING && response->framing & HAS_LENGTH)
		return "both Transfer-Encoding and Content-Length";
	if (response->framing & HAS_CODING && response->framing & IS_HTTP_1_0)
		return "Transfer-Encoding in HTTP/1.0";
	if (response->status < 200) {
		response->state = STATUS_LINE; /* an interim response: another one follows */
		return NULL;
	}
	response->state = body_state(response);
	response->keep_alive = response->state != BODY_CLOSE && persists(response);
	return NULL;
}

/* ---- chunks: RFC 9112 section 7.1 ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Extensions are skipped: recipients have to ignore those that they do not know. */
static const char *take_chunk_size(struct response *response)
{
	const char *c = response->line;
	uint64_t size = 0;

	if (hex_digit(*c) < 0)
		return "chunk size is not a hexadecimal number";
	for (; hex_digit(*c) >= 0; c++) {
		if (size >> 60)
			return "chunk size is too large";
		size = size << 4 | (unsigned int)hex_digit(*c);
	}
	if (*c ? c[strspn(c, BLANKS)] != ';' : line_is_cut(response))
		return "neither an extension nor the end of the line after a chunk's size";
	response->body_left = size;
	response->state = size ? CHUNK_DATA : TRAILERS;
	return NULL;
}

/* ---- any line ---- */

static const char *take_empty_line(struct response *response)
{
	switch (response->state) {
	case HEADERS:
		return end_head(response);
	case CHUNK_END:
		response->state = CHUNK_SIZE;
		return NULL;
	case TRAILERS:
		response->state = DONE;
		return NULL;
	default:
		return response->state == CHUNK_SIZE ? "chunk without a size" : response_not_http;
	}
}

/**
 * response_take_line() - go on with a line that is whole
 * @response: the parser; the line's first bytes, n_line in all, are in line[]
 *
 * Return: NULL, or why no client should go on with this connection.
 */
const char *response_take_line(struct response *response)
{
	response->line[line_is_cut(response) ? sizeof(response->line) - 1 : response->n_line] =
		'\0';
	if (!response->n_line)
		return take_empty_line(response);
	switch (response->state) {
	case STATUS_LINE:
		return take_status_line(response);
	case CHUNK_SIZE:
		return take_chunk_size(response);
	case CHUNK_END:
		return "a chunk is longer than its size";
	default:
		return take_header(response);
	}
}
