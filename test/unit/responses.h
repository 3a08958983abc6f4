/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Responses for the tests of loadgen/response.c, and how to hand them to it in pieces. */
#ifndef SAMPLER_TEST_RESPONSES_H
#define SAMPLER_TEST_RESPONSES_H

#include "response.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

struct good {
	const char *text;
	unsigned int status;
	bool keep_alive;
	bool ends; /* complete only when the connection ends */
	bool head_request;
	uint64_t n_body;
	size_t n_rest; /* bytes at the end that are of the next response */
};

struct bad {
	const char *text;
	const char *why;
};

/* How to hand a text over: pieces of this size after a first one of that size, skipping or not. */
struct cutting {
	size_t first, size;
	bool skips; /* what response_skippable() allows is not shown to the parser */
};

extern const struct good goods[];
extern const size_t n_goods;
extern const struct bad bads[];
extern const size_t n_bads;

enum response_result feed_piece(struct response *response, const char *data, size_t n,
				size_t *ret_used, const char **ret_why);
size_t feed_text(struct response *response, const char *text, size_t n,
		 const struct cutting *cutting, enum response_result *ret_result,
		 const char **ret_why);

#endif
