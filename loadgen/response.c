// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A parser of HTTP/1.1 responses (RFC 9112) for a client that wants to know where they end. Here
 * bytes become lines and bodies are counted; what a line says is response-framing.c's.
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

#include "response-framing.h"

#include <stddef.h>
#include <string.h>

/* ---- lines ---- */

static bool line_is_head(const struct response *response)
{
	return response->state == STATUS_LINE || response->state == HEADERS;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_text(char c)
{
	unsigned char byte = (unsigned char)c;

	return (byte >= ' ' && byte != 0x7f) || byte == '\t';
}

static size_t text_run(const char *data, size_t n)
{
	size_t i = 0;

	while (i < n && is_text(data[i]))
		i++;
	return i;
}

/*
 * A peer that does not speak HTTP/1 is found out by its first bytes, not by its first line. Return: how
 * many of the n bytes can be where they are; all, but at the beginning of a response.
 */
static size_t plausible_run(const struct response *response, const char *data, size_t n)
{
	static const char start[] = "HTTP/1.";

	if (response->state != STATUS_LINE)
		return n;
	for (size_t i = 0; i < n && response->n_line + i < sizeof(start) - 1; i++) {
		if (data[i] != start[response->n_line + i])
			return i;
	}
	return n;
}

/* Keeps text of a line, as far as there is room for it. */
static void line_append(struct response *response, const char *text, size_t n)
{
	size_t room = sizeof(response->line) - 1;

	room -= response->n_line < room ? response->n_line : room;
	memcpy(response->line + sizeof(response->line) - 1 - room, text, n < room ? n : room);
	response->n_line += n;
}

/* Whether the byte behind a run of text ends the line; not if it cannot be in one, and why. */
static bool line_break(struct response *response, char c, const char **why)
{
	if (response->cr && c != '\n')
		*why = "CR without LF";
	else if (!response->cr && c == '\n')
		*why = "LF without CR";
	else if (c == '\r')
		response->cr = true;
	else if (c != '\n' && !is_text(c))
		*why = "control character in a line";
	return c == '\n';
}

/* A line is over: the next one begins, and its part (chunk or trailers) with it, or goes on. */
static const char *finish_line(struct response *response)
{
	unsigned int before = response->state;
	const char *why = response_take_line(response);

	response->n_line = 0;
	response->cr = false;
	if (response->state != before)
		response->n_part = 0;
	return why;
}

/* How many bytes the head, the chunk's line or the trailers may still have. */
static size_t line_room(const struct response *response)
{
	return RESPONSE_MAX_HEAD -
	       (line_is_head(response) ? (size_t)response->n_head : response->n_part);
}

static void count_line_bytes(struct response *response, size_t n)
{
	if (line_is_head(response)) {
		response->n_head += n;
		return;
	}
	response->n_body += n;
	response->n_part += n;
}

/* Takes a run of text and the byte behind it, at most up to the end of a line. */
static size_t feed_line(struct response *response, const char *data, size_t n, const char **why)
{
	size_t room = line_room(response), plausible = plausible_run(response, data, n);
	size_t run = response->cr ? 0 : text_run(data, min_size(plausible, room));
	bool whole = false;

	line_append(response, data, run);
	count_line_bytes(response, run);
	if (run == n)
		return n;
	if (run == plausible)
		*why = response_not_http;
	else
		whole = line_break(response, data[run], why);
	if (run == room && !*why)
		*why = "more than 32 KiB of headers";
	count_line_bytes(response, 1);
	if (whole && !*why)
		*why = finish_line(response);
	return run + 1;
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
	memset(response, 0,
	       offsetof(struct response, line)); /* the rest is read only once written */
	response->head_request = head_request;
	response->state = STATUS_LINE;
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
