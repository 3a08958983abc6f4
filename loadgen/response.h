/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Responses, as a client reads them that wants to know where they end (RFC 9112). */
#ifndef LOADGEN_RESPONSE_H
#define LOADGEN_RESPONSE_H

#include "message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_MAX_HEAD MESSAGE_MAX_HEAD /* bytes of status lines and headers */

struct response {
	unsigned int status; /* of the last status line; the final response's when done */
	bool keep_alive;     /* the connection can take another request, once it is complete */
	bool head_request;   /* there is no body, whatever the headers say */
	struct message message;
	char line[512];
};

/* The last response that came whole and at once: a server sends the same again and again. */
struct response_memory {
	size_t n; /* bytes of it; 0: there was none */
	char text[512];
	struct response response; /* made of it */
};

enum response_result {
	RESPONSE_MORE = MESSAGE_MORE,
	RESPONSE_DONE = MESSAGE_DONE,
	RESPONSE_BAD = MESSAGE_BAD,
};

void response_init(struct response *response, bool head_request);
enum response_result response_feed(struct response *response, const char *data, size_t n,
				   size_t *ret_used, const char **ret_why);
enum response_result response_feed_known(struct response *response, struct response_memory *memory,
					 const char *data, size_t n, size_t *ret_used,
					 const char **ret_why);
enum response_result response_end(struct response *response, const char **ret_why);
uint64_t response_skippable(const struct response *response);
enum response_result response_skip(struct response *response, uint64_t n);

#endif
