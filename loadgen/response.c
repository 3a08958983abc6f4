// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is a response's alone: the status line, interim responses, and which of them have no body or one
 * that ends with the connection. All else is message.c's, and so are strictness and bounds.
 *
 * Other than the RFC demands of senders, a status line may lack the blank before an empty reason phrase,
 * as some servers send it; nothing hangs on that.
 */
#include "response.h"

#include "message-framing.h"
#include "util/units.h"

#include <string.h>

#define STATUS_LINE_MIN (sizeof("HTTP/1.1 200") - 1)
#define PREFIX		"HTTP/1."

static const char not_http[] = "not an HTTP/1 status line";

static struct response *response_of(struct message *message)
{
	return (struct response *)((char *)message - offsetof(struct response, message));
}

static const char *take_status_line(struct message *message)
{
	const char *line = message->line;
	uint64_t status;
	char digits[4];

	if (message->n_line < STATUS_LINE_MIN || line[7] < '0' || line[7] > '9' || line[8] != ' ')
		return not_http;
	memcpy(digits, line + 9, 3);
	digits[3] = '\0';
	if (parse_u64(digits, 100, 599, &status) || (line[12] && line[12] != ' '))
		return "status code is not a number from 100 to 599";
	if (status == 101)
		return "101 Switching Protocols, which was not asked for";
	response_of(message)->status = (unsigned int)status;
	message->framing = line[7] == '0' ? IS_HTTP_1_0 : 0;
	message->body_left = 0;
	message->state = HEADERS;
	return NULL;
}

/* RFC 9112 section 6.3 */
static bool has_no_body(const struct response *response)
{
	return response->head_request || response->status == 204 || response->status == 304;
}

static unsigned int body_state(const struct response *response)
{
	const struct message *message = &response->message;

	if (has_no_body(response))
		return DONE;
	if (message->framing & HAS_CODING)
		return message->framing & IS_CHUNKED ? CHUNK_SIZE : BODY_CLOSE;
	if (!(message->framing & HAS_LENGTH))
		return BODY_CLOSE;
	return message->body_left ? BODY_LENGTH : DONE;
}

static const char *end_head(struct message *message)
{
	struct response *response = response_of(message);

	if (response->status < 200) {
		message->state = START_LINE; /* an interim response: another one follows */
		return NULL;
	}
	message->state = body_state(response);
	response->keep_alive = message->state != BODY_CLOSE && message_persists(message);
	return NULL;
}

static const struct message_kind kind = {
	.prefix = PREFIX,
	.n_prefix = sizeof(PREFIX) - 1,
	.not_http = not_http,
	.take_start_line = take_status_line,
	.end_head = end_head,
};

static enum response_result result_of(struct response *response, enum message_result result)
{
	if (result == MESSAGE_BAD)
		response->keep_alive = false;
	return (enum response_result)result;
}

/**
 * response_init() - begin with the response to one request
 * @response: the parser; stays where it is
 * @head_request: the request was a HEAD
 */
void response_init(struct response *response, bool head_request)
{
	response->status = 0;
	response->keep_alive = false;
	response->head_request = head_request;
	message_init(&response->message, &kind, response->line, sizeof(response->line));
}

/**
 * response_feed() - go on with what was received, as message_feed() does
 *
 * Interim responses (1xx) are passed over.
 *
 * Return: RESPONSE_MORE, RESPONSE_DONE or RESPONSE_BAD.
 */
enum response_result response_feed(struct response *response, const char *data, size_t n,
				   size_t *ret_used, const char **ret_why)
{
	return result_of(response, message_feed(&response->message, data, n, ret_used, ret_why));
}

/* Of what is equal, all but the line is: that has been read to its end. */
static void recall(struct response *response, const struct response_memory *memory)
{
	char *line = response->message.line;

	response->status = memory->response.status;
	response->keep_alive = memory->response.keep_alive;
	response->message = memory->response.message;
	response->message.line = line;
}

/**
 * response_feed_known() - response_feed() that knows the last response again
 * @response: the parser
 * @memory: what is remembered; one for responses to the same kind of request, zeroed at first
 * @data: bytes of the connection that it has not seen
 * @n: how many
 * @ret_used: how many of them belong to this response
 * @ret_why: for RESPONSE_BAD
 *
 * A response is a function of its bytes: to compare them takes a tenth of reading them.
 *
 * Return: what response_feed() would.
 */
enum response_result response_feed_known(struct response *response, struct response_memory *memory,
					 const char *data, size_t n, size_t *ret_used,
					 const char **ret_why)
{
	bool begins = !response->message.n_head && n;
	enum response_result result;

	if (begins && n == memory->n && !memcmp(data, memory->text, n)) {
		recall(response, memory);
		*ret_used = n;
		return RESPONSE_DONE;
	}
	result = response_feed(response, data, n, ret_used, ret_why);
	if (begins && result == RESPONSE_DONE && *ret_used == n && n <= sizeof(memory->text)) {
		memory->n = n;
		memcpy(memory->text, data, n);
		memory->response = *response;
	}
	return result;
}

/** response_end() - the peer has closed the connection: message_end() */
enum response_result response_end(struct response *response, const char **ret_why)
{
	bool began = response->message.n_head;
	enum response_result result = result_of(response, message_end(&response->message, ret_why));

	if (result == RESPONSE_BAD && !began)
		*ret_why = "closed before a response";
	return result;
}

/** response_skippable() - how much of what comes next is body: message_skippable() */
uint64_t response_skippable(const struct response *response)
{
	return message_skippable(&response->message);
}

/** response_skip() - go on behind bytes that were dropped: message_skip() */
enum response_result response_skip(struct response *response, uint64_t n)
{
	return result_of(response, message_skip(&response->message, n));
}
