// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the lines of a message say about its framing: how long the body is (RFC 9112, sections 5 to 7),
 * and whether the connection goes on after it. Start lines, and headers of one kind of message only,
 * are that kind's.
 *
 * Of a line that is longer than message->line_size only the beginning is here. That does for headers
 * that do not matter; a line about the framing that is cut is refused.
 */
#include "message-framing.h"

#include "util/cleanup.h"
#include "util/units.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* RFC 9110 section 5.6.2: what names are made of. */
static const bool in_token[256] = {
	['!'] = true,	      ['#' ... '\''] = true, ['*'] = true,
	['+'] = true,	      ['-'] = true,	     ['.'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true,  ['^' ... 'z'] = true, /* ^ _ ` and letters */
	['|'] = true,	      ['~'] = true,
};

/** message_token_run() - Return: how many bytes of a text can be of a name, from its beginning */
size_t message_token_run(const char *text)
{
	size_t n = 0;

	while (in_token[(unsigned char)text[n]])
		n++;
	return n;
}

/** message_cut() - Return: whether the line that was read is longer than what is kept of it */
bool message_cut(const struct message *message)
{
	return message->n_line >= message->line_size;
}

/* ---- headers ---- */

/**
 * message_list_next() - cut the next element out of a comma-separated list (RFC 9110 section 5.6.1)
 * @list: what is left of it; is moved on and written to
 *
 * Return: the element without blanks around it, or NULL behind the last one.
 */
char *message_list_next(char **list)
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
static const char *take_length(struct message *message, char *value)
{
	uint64_t length;

	for (char *element; (element = message_list_next(&value));) {
		if (parse_u64(element, 0, UINT64_MAX - 1, &length))
			return "Content-Length is not a number of bytes";
		if (message->framing & HAS_LENGTH && length != message->body_left)
			return "two Content-Length that differ";
		message->framing |= HAS_LENGTH;
		message->body_left = length;
	}
	return NULL;
}

/* RFC 9112 section 6.1: chunked is the last coding and occurs once, or the body ends with the connection. */
static const char *take_coding(struct message *message, char *value)
{
	for (char *element; (element = message_list_next(&value));) {
		size_t n = strlen(element), n_name = message_token_run(element);
		bool chunked =
			n_name == strlen("chunked") && !strncasecmp(element, "chunked", n_name);

		if (!n)
			continue;
		if (message->framing & IS_CHUNKED)
			return "a transfer coding after chunked";
		if (!n_name)
			return "Transfer-Encoding is not a list of codings";
		if (chunked && n > n_name)
			return "chunked has no parameters";
		message->framing |= HAS_CODING | (chunked ? IS_CHUNKED : 0);
	}
	return message->framing & HAS_CODING ? NULL : "Transfer-Encoding without a coding";
}

static const char *take_connection(struct message *message, char *value)
{
	for (char *element; (element = message_list_next(&value));) {
		if (!strcasecmp(element, "close"))
			message->framing |= SAYS_CLOSE;
		else if (!strcasecmp(element, "keep-alive"))
			message->framing |= SAYS_KEEP;
	}
	return NULL;
}

static const struct message_header framing_headers[] = {
	{ "Content-Length", 14, take_length },
	{ "Transfer-Encoding", 17, take_coding },
	{ "Connection", 10, take_connection },
};

/* NULL: nobody asks for the header. */
static const struct message_header *header_find(const struct message_header *headers, size_t n,
						const char *name, size_t n_name)
{
	for (size_t i = 0; i < n; i++) {
		if (n_name == headers[i].n_name && !strncasecmp(name, headers[i].name, n_name))
			return &headers[i];
	}
	return NULL;
}

static const char *take_header(struct message *message)
{
	size_t n_name = message_token_run(message->line);
	const struct message_header *header;

	if (*message->line == ' ' || *message->line == '\t')
		return "folded header (RFC 9112 section 5.2)";
	if (!message->line[n_name] && message_cut(message))
		return "header with a name that is too long";
	if (!n_name || message->line[n_name] != ':')
		return "header is not \"name: value\"";
	if (message->state == TRAILERS)
		return NULL;
	header = header_find(framing_headers, array_size(framing_headers), message->line, n_name)
			 ?: header_find(message->kind->headers, message->kind->n_headers,
					message->line, n_name);
	if (!header)
		return NULL;
	if (message_cut(message))
		return "a header about the framing is too long";
	return header->take(message, message->line + n_name + 1);
}

/* ---- the end of a head: RFC 9112 section 6.3 ---- */

/** message_persists() - Return: whether its head lets the connection go on after a message */
bool message_persists(const struct message *message)
{
	if (message->framing & SAYS_CLOSE)
		return false;
	return message->framing & SAYS_KEEP || !(message->framing & IS_HTTP_1_0);
}

static const char *end_head(struct message *message)
{
	if (message->framing & HAS_CODING && message->framing & HAS_LENGTH)
		return "both Transfer-Encoding and Content-Length";
	if (message->framing & HAS_CODING && message->framing & IS_HTTP_1_0)
		return "Transfer-Encoding in HTTP/1.0";
	return message->kind->end_head(message);
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
static const char *take_chunk_size(struct message *message)
{
	const char *c = message->line;
	uint64_t size = 0;

	if (hex_digit(*c) < 0)
		return "chunk size is not a hexadecimal number";
	for (; hex_digit(*c) >= 0; c++) {
		if (size >> 60)
			return "chunk size is too large";
		size = size << 4 | (unsigned int)hex_digit(*c);
	}
	if (*c ? c[strspn(c, BLANKS)] != ';' : message_cut(message))
		return "neither an extension nor the end of the line after a chunk's size";
	message->body_left = size;
	message->state = size ? CHUNK_DATA : TRAILERS;
	return NULL;
}

/* ---- any line ---- */

static const char *take_empty_line(struct message *message)
{
	switch (message->state) {
	case HEADERS:
		return end_head(message);
	case CHUNK_END:
		message->state = CHUNK_SIZE;
		return NULL;
	case TRAILERS:
		message->state = DONE;
		return NULL;
	default:
		return message->state == CHUNK_SIZE ? "chunk without a size"
						    : message->kind->take_start_line(message);
	}
}

/**
 * message_take_line() - go on with a line that is whole
 * @message: the parser; the line's first bytes, n_line in all, are in line[]
 *
 * Return: NULL, or why no client should go on with this connection.
 */
const char *message_take_line(struct message *message)
{
	message->line[message_cut(message) ? message->line_size - 1 : message->n_line] = '\0';
	if (!message->n_line)
		return take_empty_line(message);
	switch (message->state) {
	case START_LINE:
		return message->kind->take_start_line(message);
	case CHUNK_SIZE:
		return take_chunk_size(message);
	case CHUNK_END:
		return "a chunk is longer than its size";
	default:
		return take_header(message);
	}
}
