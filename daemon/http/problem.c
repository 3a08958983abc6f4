// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a client gets instead of an answer: a problem details object (RFC 9457).
 *
 * Its detail is for a person and may hold what the request said. It never holds what only the host
 * knows, such as a path; whoever writes a detail sees to that.
 */
#include "http/problem.h"

#include "util/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/**
 * problem_title() - the reason phrase of a status, as RFC 9110 has it
 * @status: an HTTP status
 *
 * Return: a constant string; "Error" or "OK" for a status that this server never gives.
 */
const char *problem_title(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *title;
	} titles[] = {
		{ 200, "OK" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < array_size(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return status < 400 ? "OK" : "Error";
}

/* An error's text may have been cut within a character. */
static json_t *text_or_less(const char *text)
{
	json_t *json = NULL;

	for (size_t len = strlen(text); !json && len; len--)
		json = json_stringn(text, len);
	return json ?: json_string("");
}

/**
 * problem_body() - a problem details object as text
 * @status: of the response
 * @detail: what is wrong with this request, in one line
 *
 * Return: JSON with a newline at the end, to be freed; NULL without memory.
 */
char *problem_body(unsigned int status, const char *detail)
{
	json_t *problem = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
				    problem_title(status), "status", (int)status, "detail",
				    text_or_less(detail));
	_cleanup_free_ char *text = NULL;
	char *body = NULL;

	if (!problem)
		return NULL;
	text = json_dumps(problem, JSON_COMPACT);
	json_decref(problem);
	if (!text || asprintf(&body, "%s\n", text) < 0)
		return NULL;
	return body;
}
