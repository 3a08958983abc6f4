// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is a request's alone: the request line, Host, Expect, and a body only where its length is told.
 * All else is message.c's, and so are strictness and bounds.
 *
 * Whatever the method, a request is read in the same way; but for HEAD, whose answer has no body, and
 * for CONNECT, which would make a tunnel of the connection and is refused. A request tells how much
 * it wants to be sent by "body=SIZE" in the query of its target.
 */
#include "sink-request.h"

#include "message-framing.h"
#include "util/cleanup.h"
#include "util/units.h"

#include <string.h>
#include <strings.h>

#define BODY_QUERY "body="

static const char not_http[] = "not a request line (METHOD TARGET HTTP/1.1)";

static struct sink_request *request_of(struct message *message)
{
	return (struct sink_request *)((char *)message - offsetof(struct sink_request, message));
}

static const char *refuse(struct message *message, unsigned int status, const char *why)
{
	request_of(message)->status = status;
	return why;
}

/* ---- request line: RFC 9112 section 3 ---- */

/* Printable ASCII: all that a URI can be made of, and some more that does no harm. */
static size_t target_run(const char *text)
{
	size_t n = 0;

	while (text[n] > ' ' && text[n] < 0x7f)
		n++;
	return n;
}

/* The last body=SIZE of the query; SIZE as in --sink-body. */
static const char *take_query(struct message *message, char *query)
{
	struct sink_request *request = request_of(message);

	for (char *field; (field = strsep(&query, "&"));) {
		if (strncmp(field, BODY_QUERY, sizeof(BODY_QUERY) - 1))
			continue;
		if (parse_size(field + sizeof(BODY_QUERY) - 1, 0, SINK_MAX_BODY,
			       &request->wants_body))
			return "body= is not a size such as 1000 or 1KB, up to 1TiB";
	}
	return NULL;
}

static const char *take_target(struct message *message, char *target)
{
	char *query = strchr(target, '?');

	if (*target != '/' && strcmp(target, "*") && !strstr(target, "://"))
		return "the target is neither a path nor a URL";
	return query ? take_query(message, query + 1) : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *take_version(struct message *message, const char *version)
{
	if (strncmp(version, " HTTP/", 6) || !is_digit(version[6]) || version[7] != '.' ||
	    !is_digit(version[8]) || version[9])
		return not_http;
	if (version[6] != '1')
		return refuse(message, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	request_of(message)->is_http_1_0 = version[8] == '0';
	message->framing = version[8] == '0' ? IS_HTTP_1_0 : 0;
	return NULL;
}

/* An empty line before a request may be there of old (RFC 9112 section 2.2). */
static const char *take_request_line(struct message *message)
{
	char *line = message->line, *target;
	size_t n_method = message_token_run(line), n_target;
	const char *why;

	if (!message->n_line)
		return NULL;
	if (message_cut(message))
		return refuse(message, 414, "the request line is longer than 8191 bytes");
	if (!n_method || line[n_method] != ' ')
		return not_http;
	target = line + n_method + 1;
	n_target = target_run(target);
	if (!n_target)
		return not_http;
	why = take_version(message, target + n_target);
	if (why)
		return why;
	line[n_method] = target[n_target] = '\0';
	if (!strcmp(line, "CONNECT"))
		return refuse(message, 501, "CONNECT is not for a server that is no proxy");
	request_of(message)->head_method = !strcmp(line, "HEAD");
	message->state = HEADERS;
	return take_target(message, target);
}

/* ---- headers ---- */

/* RFC 9112 section 3.2: what is in it has no bearing on the answer, but there is one. */
static const char *take_host(struct message *message, char *value)
{
	struct sink_request *request = request_of(message);

	(void)value;
	if (request->has_host)
		return "more than one Host";
	request->has_host = true;
	return NULL;
}

/* RFC 9110 section 10.1.1 */
static const char *take_expect(struct message *message, char *value)
{
	struct sink_request *request = request_of(message);

	for (char *element; (element = message_list_next(&value));) {
		if (*element && strcasecmp(element, "100-continue"))
			return refuse(message, 417, "the only expectation known is 100-continue");
		request->expects_continue = true;
	}
	return NULL;
}

static const struct message_header headers[] = {
	{ "Host", 4, take_host },
	{ "Expect", 6, take_expect },
};

/* RFC 9112 section 6.3: without a length there is no body. */
static const char *end_head(struct message *message)
{
	struct sink_request *request = request_of(message);

	if (!request->has_host && !request->is_http_1_0)
		return "no Host, which HTTP/1.1 demands";
	if (message->framing & HAS_CODING && !(message->framing & IS_CHUNKED))
		return "chunked is not the last transfer coding";
	if (message->framing & IS_CHUNKED)
		message->state = CHUNK_SIZE;
	else
		message->state = message->body_left ? BODY_LENGTH : DONE;
	request->keep_alive = message_persists(message);
	request->wants_continue =
		request->expects_continue && !request->is_http_1_0 && message->state != DONE;
	return NULL;
}

static const struct message_kind kind = {
	.prefix = "",
	.not_http = not_http,
	.take_start_line = take_request_line,
	.headers = headers,
	.n_headers = array_size(headers),
	.end_head = end_head,
};

/**
 * sink_request_init() - begin with a request
 * @request: the parser; stays where it is
 */
void sink_request_init(struct sink_request *request)
{
	memset(request, 0, offsetof(struct sink_request, message));
	request->wants_body = SINK_DEFAULT_BODY;
	message_init(&request->message, &kind, request->line, sizeof(request->line));
}

/**
 * sink_request_feed() - go on with what was received, as message_feed() does
 * @request: the parser; for MESSAGE_BAD with the status that says so
 * @data: bytes of the connection that it has not seen
 * @n: how many
 * @ret_used: how many of them belong to this request
 * @ret_why: for MESSAGE_BAD, a phrase without a period that lives as long as the program
 *
 * For MESSAGE_MORE, wants_continue says that the head is here and the body waits for a word.
 */
enum message_result sink_request_feed(struct sink_request *request, const char *data, size_t n,
				      size_t *ret_used, const char **ret_why)
{
	enum message_result result = message_feed(&request->message, data, n, ret_used, ret_why);

	if (result != MESSAGE_BAD)
		return result;
	request->keep_alive = request->wants_continue = false;
	if (!request->status)
		request->status = request->message.n_head > MESSAGE_MAX_HEAD ? 431 : 400;
	return result;
}

/** sink_request_begun() - Return: whether any byte of it has come */
bool sink_request_begun(const struct sink_request *request)
{
	return request->message.n_head > 0;
}
