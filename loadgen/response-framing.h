/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What response.c and response-framing.c have between them. */
#ifndef LOADGEN_RESPONSE_FRAMING_H
#define LOADGEN_RESPONSE_FRAMING_H

#include "response.h"

/* Of struct response: what is to come. */
enum response_state {
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

extern const char response_not_http[];

const char *response_take_line(struct response *response);

#endif
