/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_ANSWER_H
#define LOADGEN_SINK_ANSWER_H

#include "transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_DATE_SIZE	 30 /* of "Sun, 06 Nov 1994 08:49:37 GMT", with its NUL */
#define SINK_HEAD_MAX	 512
#define SINK_ARENA_SIZE	 (256 * 1024)
#define SINK_ANSWER_IOVS 2

/* One answer, and how much of it has been sent. */
struct sink_answer {
	uint64_t body_size; /* that is sent; HEAD is told another */
	uint64_t sent;	    /* bytes of head and body */
	bool interim;	    /* the answer proper is still to come */
	bool close;	    /* it is the last one of its connection */
	size_t n_head;
	char head[SINK_HEAD_MAX];
};

/* What an answer is to say. */
struct sink_reply {
	unsigned int status; /* 200 and 204 are put right by the size of the body */
	uint64_t body_size;
	bool head_method;
	bool http_1_0;
	bool close;
	const char *why; /* of an error: its body */
};

void sink_date(char date[SINK_DATE_SIZE]);
void sink_answer_make(struct sink_answer *answer, const struct sink_reply *reply, const char *date);
void sink_answer_continue(struct sink_answer *answer);
int sink_answer_iov(const struct sink_answer *answer, const char *arena,
		    struct iovec iov[SINK_ANSWER_IOVS]);
bool sink_answer_sent(const struct sink_answer *answer);
uint64_t sink_answer_content_sent(const struct sink_answer *answer);

#endif
