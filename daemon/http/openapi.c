// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/openapi.json: what this server can be asked, and what it answers, for programs and for those who
 * write them.
 *
 * The text is openapi.json, beside this file; the build puts it into the program, so that it is there also
 * where no page is. It is written by hand, and cannot say anything else than what is true: a unit test holds it
 * against the tables of endpoints and of metrics, and netns-openapi each answer against it.
 */
#include "http/endpoints.h"

#include <errno.h>
#include <string.h>

/**
 * openapi_text() - the description
 * @context: of the request
 * @type: there is one
 * @ret_text: a copy of it
 *
 * Return: 0, or -ENOMEM.
 */
int openapi_text(const struct endpoint_context *context, const char *type,
		 struct endpoint_text *ret_text)
{
	char *copy = strdup(openapi_description);

	(void)context, (void)type;
	if (!copy)
		return -ENOMEM;
	*ret_text = (struct endpoint_text){ copy, strlen(copy) };
	return 0;
}

/** openapi_version() - Return: always the same one */
uint64_t openapi_version(const struct endpoint_context *context, const struct query *query)
{
	(void)context, (void)query;
	return 0;
}
