// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the sink answers: 204, or 200 with a body of a size, or an error that says why. A body is a
 * piece of an arena over and over; what is left to send is found from how much was sent.
 */
#include "sink-answer.h"

#include "util/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
	unsigned int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 414, "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *reason_of(unsigned int status)
{
	for (size_t i = 0; i < array_size(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "";
}

/** sink_date() - the Date of answers that are made now (RFC 9110 section 5.6.7) */
void sink_date(char date[SINK_DATE_SIZE])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, SINK_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* RFC 9112 section 9.3: only what is not the version's default has to be said. */
static const char *connection_header(const struct sink_reply *reply)
{
	if (reply->close)
		return "Connection: close\r\n";
	return reply->http_1_0 ? "Connection: keep-alive\r\n" : "";
}

static void make_error(struct sink_answer *answer, const struct sink_reply *reply, const char *date)
{
	answer->n_head =
		(size_t)snprintf(answer->head, sizeof(answer->head),
				 "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: text/plain"
				 "\r\nContent-Length: %zu\r\n%s\r\n%s\n",
				 reply->status, reason_of(reply->status), date,
				 strlen(reply->why) + 1, connection_header(reply), reply->why);
}

static void make_good(struct sink_answer *answer, const struct sink_reply *reply, const char *date)
{
	char body[96] = "";

	if (reply->body_size)
		snprintf(body, sizeof(body),
			 "Content-Type: application/octet-stream\r\nContent-Length: %" PRIu64
			 "\r\n",
			 reply->body_size);
	answer->n_head = (size_t)snprintf(answer->head, sizeof(answer->head),
					  "HTTP/1.1 %s\r\nDate: %s\r\n%s%s\r\n",
					  reply->body_size ? "200 OK" : "204 No Content", date,
					  body, connection_header(reply));
	answer->body_size = reply->head_method ? 0 : reply->body_size;
}

/**
 * sink_answer_make() - make the answer to a request that has been read
 * @answer: filled
 * @reply: what it is to say
 * @date: from sink_date()
 */
void sink_answer_make(struct sink_answer *answer, const struct sink_reply *reply, const char *date)
{
	answer->body_size = answer->sent = 0;
	answer->interim = false;
	answer->close = reply->close;
	if (reply->why)
		make_error(answer, reply, date);
	else
		make_good(answer, reply, date);
}

/** sink_answer_continue() - make the interim answer that has a client send its body */
void sink_answer_continue(struct sink_answer *answer)
{
	answer->body_size = answer->sent = 0;
	answer->interim = true;
	answer->close = false;
	answer->n_head = (size_t)snprintf(answer->head, sizeof(answer->head),
					  "HTTP/1.1 100 Continue\r\n\r\n");
}

static void add_piece(struct iovec *iov, const char *data, uint64_t n)
{
	memcpy(&iov->iov_base, &data, sizeof(data)); /* is only read */
	iov->iov_len = n;
}

/**
 * sink_answer_iov() - what is to be sent next
 * @answer: an answer of which something is left to send
 * @arena: SINK_ARENA_SIZE bytes
 * @iov: pieces in order; not always to the end of a large body
 *
 * Return: how many pieces.
 */
int sink_answer_iov(const struct sink_answer *answer, const char *arena,
		    struct iovec iov[SINK_ANSWER_IOVS])
{
	uint64_t content = sink_answer_content_sent(answer);
	uint64_t left = answer->body_size - content, offset = content % SINK_ARENA_SIZE;
	int n = 0;

	if (answer->sent < answer->n_head)
		add_piece(&iov[n++], answer->head + answer->sent, answer->n_head - answer->sent);
	if (left > SINK_ARENA_SIZE - offset)
		left = SINK_ARENA_SIZE - offset;
	if (left)
		add_piece(&iov[n++], arena + offset, left);
	return n;
}

/** sink_answer_sent() - Return: whether all of it has been sent */
bool sink_answer_sent(const struct sink_answer *answer)
{
	return answer->sent == answer->n_head + answer->body_size;
}

/** sink_answer_content_sent() - Return: bytes of its body that have been sent */
uint64_t sink_answer_content_sent(const struct sink_answer *answer)
{
	return answer->sent > answer->n_head ? answer->sent - answer->n_head : 0;
}
