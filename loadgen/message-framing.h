/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What message.c, message-framing.c and the kinds of messages have between them. */
#ifndef LOADGEN_MESSAGE_FRAMING_H
#define LOADGEN_MESSAGE_FRAMING_H

#include "message.h"

/* Of struct message: what is to come. */
enum message_state {
	START_LINE,
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

/* Of struct message: what the headers have said so far. */
enum message_framing {
	HAS_LENGTH = 1 << 0,
	HAS_CODING = 1 << 1,
	IS_CHUNKED = 1 << 2, /* chunked is the last coding */
	SAYS_CLOSE = 1 << 3,
	SAYS_KEEP = 1 << 4,
	IS_HTTP_1_0 = 1 << 5,
};

/* Functions that take something return NULL, or why the message is bad. */
struct message_header {
	const char *name;
	size_t n_name;
	const char *(*take)(struct message *message, char *value);
};

/* What a response has otherwise than a request. */
struct message_kind {
	const char *prefix; /* what every start line begins with */
	size_t n_prefix;
	const char *not_http; /* said of one that does not */
	/* Moves the state on to HEADERS; gets empty lines, too. */
	const char *(*take_start_line)(struct message *message);
	const struct message_header *headers; /* besides those about the framing */
	size_t n_headers;
	/* Moves the state on to what follows the head. */
	const char *(*end_head)(struct message *message);
};

const char *message_take_line(struct message *message);
size_t message_token_run(const char *text);
char *message_list_next(char **list);
bool message_cut(const struct message *message);
bool message_persists(const struct message *message);

#endif
