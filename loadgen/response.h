/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A strict, incremental parser of HTTP/1.1 responses (RFC 9112): status line, headers, and where the
 * body ends. Bodies are skipped, not kept.
 */
#ifndef LOADGEN_RESPONSE_H
#define LOADGEN_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_MAX_HEAD 32768 /* bytes of status line and headers */

struct response {
	unsigned int status; /* of the last status line; the final response's when done */
	bool keep_alive;     /* the connection can take another request, once it is complete */
	bool head_request;   /* there is no body, whatever the headers say */
	uint64_t n_head;     /* bytes of all heads, interim ones included */
	uint64_t n_body;     /* bytes of body as sent, chunk framing included */

	/* The parser's own. */
	unsigned int state;
	unsigned int framing;
	uint64_t body_left; /* of the body or the chunk; see response_skippable() */
	bool cr;	    /* a CR was read, its LF not yet */
	size_t n_part;	    /* bytes of this chunk's line, or of the trailers so far */
	size_t n_line;	    /* bytes of the line being read, of which line[] keeps the first */
	char line[512];
};

enum response_result {
	RESPONSE_MORE, /* not complete yet */
	RESPONSE_DONE, /* complete; what follows is not of it */
	RESPONSE_BAD,  /* not HTTP as RFC 9112 has it; the connection is of no more use */
};

void response_init(struct response *response, bool head_request);
enum response_result response_feed(struct response *response, const char *data, size_t n,
				   size_t *ret_used, const char **ret_why);
enum response_result response_end(struct response *response, const char **ret_why);
uint64_t response_skippable(const struct response *response);
enum response_result response_skip(struct response *response, uint64_t n);

#endif
