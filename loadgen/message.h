/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A strict, incremental parser of HTTP/1.1 messages (RFC 9112): start line, headers, and where the
 * body ends. Bodies are skipped, not kept.
 */
#ifndef LOADGEN_MESSAGE_H
#define LOADGEN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX_HEAD 32768 /* bytes of start line and headers */

struct message_kind;

struct message {
	uint64_t n_head;    /* bytes of all heads, interim responses' included */
	uint64_t n_body;    /* bytes of body as sent, chunk framing included */
	uint64_t n_content; /* and without it */

	/* The parser's own. */
	const struct message_kind *kind;
	unsigned int state;
	unsigned int framing;
	uint64_t body_left; /* of the body or the chunk; see message_skippable() */
	bool cr;	    /* a CR was read, its LF not yet */
	size_t n_part;	    /* bytes of this chunk's line, or of the trailers so far */
	size_t n_line;	    /* bytes of the line being read, of which line[] keeps the first */
	size_t line_size;
	char *line;
};

enum message_result {
	MESSAGE_MORE, /* not complete yet */
	MESSAGE_DONE, /* complete; what follows is not of it */
	MESSAGE_BAD,  /* not HTTP as RFC 9112 has it; the connection is of no more use */
};

void message_init(struct message *message, const struct message_kind *kind, char *line,
		  size_t line_size);
enum message_result message_feed(struct message *message, const char *data, size_t n,
				 size_t *ret_used, const char **ret_why);
enum message_result message_end(struct message *message, const char **ret_why);
uint64_t message_skippable(const struct message *message);
enum message_result message_skip(struct message *message, uint64_t n);

#endif
