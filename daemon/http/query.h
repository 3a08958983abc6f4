/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_QUERY_H
#define SAMPLER_HTTP_QUERY_H

#include "http/endpoint.h"
#include "util/error.h"

#include <stddef.h>

#define QUERY_MAX_LENGTH 4096 /* bytes behind the "?", as they come */

/* Room for query_canonical(): the values, and two bytes a parameter. */
#define QUERY_CANONICAL_MAX (QUERY_MAX_LENGTH + 2 * QUERY_MAX_PARAMETERS)

/* A query with the decoded text that its names and values point into: neither copy nor move it. */
struct query_text {
	struct query query;
	char text[QUERY_MAX_LENGTH + 2 * QUERY_MAX_PARAMETERS];
};

int query_parse(const char *text, size_t len, struct query_text *ret_query, struct error *err);
int query_check(const struct query *query, const char *const *parameters, struct error *err);
size_t query_canonical(const struct query *query, const char *const *parameters,
		       char buf[QUERY_CANONICAL_MAX]);

#endif
