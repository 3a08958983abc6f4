// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A parser of HTTP/1.1 messages (RFC 9112) for whoever wants to know where they end. Here bytes
 * become lines and bodies are counted; what a line says is message-framing.c's, and what is different
 * between a response and a request theirs (struct message_kind).
 *
 * It takes what has been received in pieces of any size and keeps one line at most. Strict where
 * two readers could disagree about where a message ends: lines end in CR LF, no folded headers, no
 * blanks before a colon, no two framings, no lengths that differ. Bodies are counted and skipped,
 * transfer codings other than chunked are not undone, headers that nobody asks for are checked for
 * their form only.
 *
 * All input is bounded: the heads of one message by MESSAGE_MAX_HEAD, and so are a chunk's line
 * and the trailers. A parser allocates nothing. After MESSAGE_BAD it only says so again.
 */
#include "message.h"

#include "message-framing.h"

#include <stddef.h>
#include <string.h>

/* ---- lines ---- */

static bool line_is_head(const struct message *message)
{
	return message->state == START_LINE || message->state == HEADERS;
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

/*
 * Eight bytes at once. What is below a blank, or DEL, sets the highest bit of its byte in the result; so
 * may what is above such a byte, and a tab, which is text: the caller looks closer.
 */
static uint64_t suspects(const char *data)
{
	const uint64_t ones = ~0ULL / 255;
	uint64_t word, no_del;

	memcpy(&word, data, sizeof(word));
	no_del = word ^ ones * 0x7f;
	return (((word - ones * ' ') & ~word) | ((no_del - ones) & ~no_del)) & ones * 0x80;
}

static size_t text_run(const char *data, size_t n)
{
	size_t i = 0;

	while (n - i >= sizeof(uint64_t) && !suspects(data + i))
		i += sizeof(uint64_t);
	while (i < n && is_text(data[i]))
		i++;
	return i;
}

/*
 * A peer that does not speak HTTP/1 is found out by its first bytes, not by its first line. Return: how
 * many of the n bytes can be where they are; all, but at the beginning of a message.
 */
static size_t plausible_run(const struct message *message, const char *data, size_t n)
{
	const char *start = message->kind->prefix;

	if (message->state != START_LINE)
		return n;
	for (size_t i = 0; i < n && message->n_line + i < message->kind->n_prefix; i++) {
		if (data[i] != start[message->n_line + i])
			return i;
	}
	return n;
}

/* Keeps text of a line, as far as there is room for it. */
static void line_append(struct message *message, const char *text, size_t n)
{
	size_t most = message->line_size - 1, room;

	room = message->n_line < most ? most - message->n_line : 0;
	memcpy(message->line + most - room, text, n < room ? n : room);
	message->n_line += n;
}

/* Whether the byte behind a run of text ends the line; not if it cannot be in one, and why. */
static bool line_break(struct message *message, char c, const char **why)
{
	if (message->cr && c != '\n')
		*why = "CR without LF";
	else if (!message->cr && c == '\n')
		*why = "LF without CR";
	else if (c == '\r')
		message->cr = true;
	else if (c != '\n' && !is_text(c))
		*why = "control character in a line";
	return c == '\n';
}

/* A line is over: the next one begins, and its part (chunk or trailers) with it, or goes on. */
static const char *finish_line(struct message *message)
{
	unsigned int before = message->state;
	const char *why = message_take_line(message);

	message->n_line = 0;
	message->cr = false;
	if (message->state != before)
		message->n_part = 0;
	return why;
}

/* How many bytes the head, the chunk's line or the trailers may still have. */
static size_t line_room(const struct message *message)
{
	return MESSAGE_MAX_HEAD -
	       (line_is_head(message) ? (size_t)message->n_head : message->n_part);
}

static void count_line_bytes(struct message *message, size_t n)
{
	if (line_is_head(message)) {
		message->n_head += n;
		return;
	}
	message->n_body += n;
	message->n_part += n;
}

/* Takes a run of text and the byte behind it, at most up to the end of a line. */
static size_t feed_line(struct message *message, const char *data, size_t n, const char **why)
{
	size_t room = line_room(message), plausible = plausible_run(message, data, n);
	size_t run = message->cr ? 0 : text_run(data, min_size(plausible, room));
	bool whole = false;

	line_append(message, data, run);
	count_line_bytes(message, run);
	if (run == n)
		return n;
	if (run == plausible)
		*why = message->kind->not_http;
	else
		whole = line_break(message, data[run], why);
	if (run == room && !*why)
		*why = "more than 32 KiB of headers";
	count_line_bytes(message, 1);
	if (whole && !*why)
		*why = finish_line(message);
	return run + 1;
}

static bool in_body(const struct message *message)
{
	return message->state == BODY_LENGTH || message->state == BODY_CLOSE ||
	       message->state == CHUNK_DATA;
}

static void body_advance(struct message *message, uint64_t n)
{
	message->n_body += n;
	message->n_content += n;
	if (message->state == BODY_CLOSE)
		return;
	message->body_left -= n;
	if (!message->body_left)
		message->state = message->state == CHUNK_DATA ? CHUNK_END : DONE;
}

static enum message_result result_of(const struct message *message)
{
	if (message->state == DONE)
		return MESSAGE_DONE;
	return message->state == BAD ? MESSAGE_BAD : MESSAGE_MORE;
}

/**
 * message_init() - begin with a message
 * @message: the parser
 * @kind: what it is a message of
 * @line: where a line is kept while it is read; lives as long as @message
 * @line_size: bytes there; what is cut off of longer ones is known to the kind by message_cut()
 */
void message_init(struct message *message, const struct message_kind *kind, char *line,
		  size_t line_size)
{
	*message = (struct message){
		.kind = kind,
		.state = START_LINE,
		.line = line,
		.line_size = line_size,
	};
}

/**
 * message_feed() - go on with what was received
 * @message: the parser
 * @data: bytes of the connection that it has not seen
 * @n: how many
 * @ret_used: how many of them belong to this message; all of them for MESSAGE_MORE
 * @ret_why: for MESSAGE_BAD, a phrase without a period that lives as long as the program
 *
 * A body that ends with the connection is complete only by message_end().
 *
 * Return: MESSAGE_MORE, MESSAGE_DONE or MESSAGE_BAD.
 */
enum message_result message_feed(struct message *message, const char *data, size_t n,
				 size_t *ret_used, const char **ret_why)
{
	const char *why = message->state == BAD ? "bad before" : NULL;
	size_t used = 0;

	while (used < n && !why && message->state != DONE) {
		uint64_t left = n - used, skippable = message_skippable(message);

		if (in_body(message)) {
			body_advance(message, left < skippable ? left : skippable);
			used += left < skippable ? left : skippable;
		} else {
			used += feed_line(message, data + used, n - used, &why);
		}
	}
	*ret_used = used;
	if (why) {
		*ret_why = why;
		message->state = BAD;
	}
	return result_of(message);
}

/**
 * message_end() - the peer has closed the connection
 * @message: the parser
 * @ret_why: for MESSAGE_BAD, what is missing
 *
 * Return: MESSAGE_DONE when the message is complete by that or was before, otherwise MESSAGE_BAD.
 */
enum message_result message_end(struct message *message, const char **ret_why)
{
	if (message->state == BODY_CLOSE)
		message->state = DONE;
	if (message->state == DONE)
		return MESSAGE_DONE;
	if (message->state == BAD)
		*ret_why = "bad before";
	else
		*ret_why =
			line_is_head(message) ? "closed amid the headers" : "closed amid the body";
	message->state = BAD;
	return MESSAGE_BAD;
}

/**
 * message_skippable() - how much of what comes next is body, whatever it says
 * @message: the parser
 *
 * Such bytes need not be read: the caller may let the kernel drop them (MSG_TRUNC) and report them by
 * message_skip().
 *
 * Return: bytes, 0 when the parser has to see the next one, UINT64_MAX up to the end of the
 * connection.
 */
uint64_t message_skippable(const struct message *message)
{
	if (!in_body(message))
		return 0;
	return message->state == BODY_CLOSE ? UINT64_MAX : message->body_left;
}

/**
 * message_skip() - go on behind bytes that were dropped
 * @message: the parser
 * @n: how many, at most message_skippable()
 *
 * Return: MESSAGE_MORE or MESSAGE_DONE; MESSAGE_BAD for more than could be skipped.
 */
enum message_result message_skip(struct message *message, uint64_t n)
{
	if (n > message_skippable(message))
		message->state = BAD;
	else if (n)
		body_advance(message, n);
	return result_of(message);
}
