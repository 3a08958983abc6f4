// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A parser of HTTP/1.1 responses (RFC 9112) for a client that wants to know where they end.
 *
 * It takes what has been received in pieces of any size and keeps one line at most. Strict where
 * two readers could disagree about where a message ends: lines end in CR LF, no folded headers, no
 * blanks before a colon, no two framings, no lengths that differ. Other than the RFC demands of
 * senders, a status line may lack the blank before an empty reason phrase, as some servers send it;
 * nothing hangs on that. Bodies are counted and skipped, transfer codings other than chunked are not
 * undone, headers that say nothing about the framing are checked for their form only.
 *
 * All input is bounded: the heads of one response by RESPONSE_MAX_HEAD, and so are a chunk's line
 * and the trailers. A parser allocates nothing. After RESPONSE_BAD it only says so again.
 */
#include "response.h"

#include "util/units.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	STATUS_LINE,
	HEADERS,
	BODY_LENGTH,
	BODY_CLOSE,
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_END,
	TRAILERS,
	DONE,
	BAD,
};

/* What the headers of a head have said so far. */
enum {
	HAS_LENGTH = 1 << 0,
	HAS_CODING = 1 << 1,
	IS_CHUNKED = 1 << 2, /* chunked is the last coding */
	SAYS_CLOSE = 1 << 3,
	SAYS_KEEP = 1 << 4,
	IS_HTTP_1_0 = 1 << 5,
};

/* RFC 9110 section 5.6.2: what names are made of. */
#define TOKEN		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
#define BLANKS		" \t"
#define STATUS_LINE_MIN (sizeof("HTTP/1.1 200") - 1)

static const char not_http[] = "not an HTTP/1 status line";

/* ---- lines ---- */

static bool line_is_head(const struct response *response)
{
	return response->state == STATUS_LINE || response->state == HEADERS;
}

/* A peer that does not speak HTTP/1 is found out by its first bytes, not by its first line. */
static bool status_line_plausible(const struct response *response, char c)
{
	static const char start[] = "HTTP/1.";

	return response->state != STATUS_LINE || response->n_line >= sizeof(start) - 1 ||
	       c == start[response->n_line];
}

/* Whether that was the last byte of a line; not if it cannot be in one, and why. */
static bool line_take(struct response *response, char c, const char **why)
{
	unsigned char byte = (unsigned char)c;

	if (!status_line_plausible(response, c))
		*why = not_http;
	else if (response->cr && c != '\n')
		*why = "CR without LF";
	else if (!response->cr && c == '\n')
		*why = "LF without CR";
	else if ((byte < ' ' && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f)
		*why = "control character in a line";
	else if (c == '\n')
		return true;
	else if (c == '\r')
		response->cr = true;
	else if (response->n_line++ < sizeof(response->line) - 1)
		response->line[response->n_line - 1] = c;
	return false;
}

static bool line_is_cut(const struct response *response)
{
	return response->n_line >= sizeof(response->line);
}

/* ---- status line ---- */

static const char *take_status_line(struct response *response)
{
	const char *line = response->line;
	uint64_t status;
	char digits[4];

	if (response->n_line < STATUS_LINE_MIN || line[7] < '0' || line[7] > '9' || line[8] != ' ')
		return not_http;
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
		if (!*element)
			continue;
		if (response->framing & IS_CHUNKED)
			return "a transfer coding after chunked";
		if (!strspn(element, TOKEN))
			return "Transfer-Encoding is not a list of codings";
		if (!strcasecmp(element, "chunked"))
			response->framing |= IS_CHUNKED;
		else if (strspn(element, TOKEN) == strlen("chunked") &&
			 !strncasecmp(element, "chunked", strlen("chunked")))
			return "chunked has no parameters";
		response->framing |= HAS_CODING;
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

static const struct {
	const char *name;
	const char *(*take)(struct response *response, char *value);
} framing_headers[] = {
	{ "Content-Length", take_length },
	{ "Transfer-Encoding", take_coding },
	{ "Connection", take_connection },
};

/* The form of a header or trailer line; its value, or NULL and why. */
static char *split_header(struct response *response, const char **why)
{
	size_t n_name = strspn(response->line, TOKEN);
	char *colon = response->line + n_name;

	if (strspn(response->line, BLANKS))
		*why = "folded header (RFC 9112 section 5.2)";
	else if (!*colon && line_is_cut(response))
		*why = "header with a name that is too long";
	else if (!n_name || *colon != ':')
		*why = "header is not \"name: value\"";
	if (*why)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static const char *take_header(struct response *response)
{
	const char *why = NULL;
	char *value = split_header(response, &why);

	if (!value || response->state == TRAILERS)
		return why;
	for (size_t i = 0; i < sizeof(framing_headers) / sizeof(framing_headers[0]); i++) {
		if (strcasecmp(response->line, framing_headers[i].name))
			continue;
		return line_is_cut(response) ? "a header about the framing is too long"
					     : framing_headers[i].take(response, value);
	}
	return NULL;
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
	if (*c && c[strspn(c, BLANKS)] != ';')
		return "neither an extension nor the end of the line after a chunk's size";
	response->body_left = size;
	response->state = size ? CHUNK_DATA : TRAILERS;
	return NULL;
}

/* ---- the parser ---- */

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
		return response->state == CHUNK_SIZE ? "chunk without a size" : not_http;
	}
}

static const char *take_line(struct response *response)
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

/* A line is over: the next one begins, and its part (chunk or trailers) with it, or goes on. */
static const char *finish_line(struct response *response)
{
	unsigned int before = response->state;
	const char *why = take_line(response);

	response->n_line = 0;
	response->cr = false;
	if (response->state != before)
		response->n_part = 0;
	return why;
}

static bool count_line_byte(struct response *response)
{
	if (line_is_head(response))
		return ++response->n_head <= RESPONSE_MAX_HEAD;
	response->n_body++;
	return ++response->n_part <= RESPONSE_MAX_HEAD;
}

/* Takes bytes up to the end of a line. */
static size_t feed_line(struct response *response, const char *data, size_t n, const char **why)
{
	for (size_t i = 0; i < n; i++) {
		bool whole = line_take(response, data[i], why);

		if (!count_line_byte(response) && !*why)
			*why = "more than 32 KiB of headers";
		if (*why)
			return i + 1;
		if (whole) {
			*why = finish_line(response);
			return i + 1;
		}
	}
	return n;
}

static bool in_body(const struct response *response)
{
	return response->state == BODY_LENGTH || response->state == BODY_CLOSE ||
	       response->state == CHUNK_DATA;
}

static void body_advance(struct response *response, uint64_t n)
{
	response->n_body += n;
	if (response->state == BODY_CLOSE)
		return;
	response->body_left -= n;
	if (!response->body_left)
		response->state = response->state == CHUNK_DATA ? CHUNK_END : DONE;
}

static enum response_result result_of(const struct response *response)
{
	if (response->state == DONE)
		return RESPONSE_DONE;
	return response->state == BAD ? RESPONSE_BAD : RESPONSE_MORE;
}

/**
 * response_init() - begin with the response to one request
 * @response: the parser
 * @head_request: the request was a HEAD
 */
void response_init(struct response *response, bool head_request)
{
	*response = (struct response){ .head_request = head_request, .state = STATUS_LINE };
}

/**
 * response_feed() - go on with what was received
 * @response: the parser
 * @data: bytes of the connection that it has not seen
 * @n: how many
 * @ret_used: how many of them belong to this response; all of them for RESPONSE_MORE
 * @ret_why: for RESPONSE_BAD, a phrase without a period that lives as long as the program
 *
 * Interim responses (1xx) are passed over. A body that ends with the connection is complete only by
 * response_end().
 *
 * Return: RESPONSE_MORE, RESPONSE_DONE or RESPONSE_BAD.
 */
enum response_result response_feed(struct response *response, const char *data, size_t n,
				   size_t *ret_used, const char **ret_why)
{
	const char *why = response->state == BAD ? "bad before" : NULL;
	size_t used = 0;

	while (used < n && !why && response->state != DONE) {
		uint64_t left = n - used, skippable = response_skippable(response);

		if (in_body(response)) {
			body_advance(response, left < skippable ? left : skippable);
			used += left < skippable ? left : skippable;
		} else {
			used += feed_line(response, data + used, n - used, &why);
		}
	}
	*ret_used = used;
	if (why) {
		*ret_why = why;
		response->state = BAD;
		response->keep_alive = false;
	}
	return result_of(response);
}

/**
 * response_end() - the peer has closed the connection
 * @response: the parser
 * @ret_why: for RESPONSE_BAD, what is missing
 *
 * Return: RESPONSE_DONE when the response is complete by that or was before, otherwise RESPONSE_BAD.
 */
enum response_result response_end(struct response *response, const char **ret_why)
{
	if (response->state == BODY_CLOSE)
		response->state = DONE;
	if (response->state == DONE)
		return RESPONSE_DONE;
	if (response->state == BAD)
		*ret_why = "bad before";
	else if (!response->n_head)
		*ret_why = "closed before a response";
	else
		*ret_why =
			line_is_head(response) ? "closed amid the headers" : "closed amid the body";
	response->state = BAD;
	response->keep_alive = false;
	return RESPONSE_BAD;
}

/**
 * response_skippable() - how much of what comes next is body, whatever it says
 * @response: the parser
 *
 * Such bytes need not be read: the caller may let the kernel drop them (MSG_TRUNC) and report them by
 * response_skip().
 *
 * Return: bytes, 0 when the parser has to see the next one, UINT64_MAX up to the end of the
 * connection.
 */
uint64_t response_skippable(const struct response *response)
{
	if (!in_body(response))
		return 0;
	return response->state == BODY_CLOSE ? UINT64_MAX : response->body_left;
}

/**
 * response_skip() - go on behind bytes that were dropped
 * @response: the parser
 * @n: how many, at most response_skippable()
 *
 * Return: RESPONSE_MORE or RESPONSE_DONE; RESPONSE_BAD for more than could be skipped.
 */
enum response_result response_skip(struct response *response, uint64_t n)
{
	if (n > response_skippable(response))
		response->state = BAD;
	else if (n)
		body_advance(response, n);
	return result_of(response);
}
