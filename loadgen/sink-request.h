/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests, as the sink reads them: any method, any body, strict about where they end (RFC 9112). */
#ifndef LOADGEN_SINK_REQUEST_H
#define LOADGEN_SINK_REQUEST_H

#include "message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_MAX_REQUEST_LINE 8191	   /* bytes; RFC 9112 section 3 asks for 8000 at least */
#define SINK_MAX_BODY	      (1ULL << 40) /* bytes of a response's body */
#define SINK_DEFAULT_BODY     UINT64_MAX   /* the request does not say how much it wants */

struct sink_request {
	unsigned int status; /* of the answer, where it is an error; else 0 */
	bool head_method;    /* the answer has no body */
	bool is_http_1_0;
	bool keep_alive;     /* the connection goes on behind it */
	bool wants_continue; /* waits for 100 (Continue) before it sends its body */
	uint64_t wants_body; /* bytes, by ?body=SIZE, or SINK_DEFAULT_BODY */

	/* The parser's own. */
	bool has_host;
	bool expects_continue;
	struct message message;
	char line[SINK_MAX_REQUEST_LINE + 1];
};

void sink_request_init(struct sink_request *request);
enum message_result sink_request_feed(struct sink_request *request, const char *data, size_t n,
				      size_t *ret_used, const char **ret_why);
bool sink_request_begun(const struct sink_request *request);

#endif
