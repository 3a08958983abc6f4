/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the web service can be asked, apart from how requests arrive: each endpoint is one row with
 * its path, the parameters that it takes, and the function that answers.
 *
 * Answers are JSON, but for those that are a text of a type of their own. Nothing here knows h2o
 * (server.c does), nothing there knows interfaces.
 */
#ifndef SAMPLER_HTTP_ENDPOINT_H
#define SAMPLER_HTTP_ENDPOINT_H

#include "read/catalog.h"
#include "util/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_MAX_PARAMETERS 8

/* Parameters of a request, decoded (percent, +), NUL-terminated UTF-8. */
struct query {
	size_t n;
	struct {
		const char *name;
		const char *value;
	} parameter[QUERY_MAX_PARAMETERS];
};

/* Return: the value, or NULL where the request does not have it. */
const char *query_get(const struct query *query, const char *name);

/* What an answer may look at. The catalog has been refreshed for this request. */
struct endpoint_context {
	struct catalog *catalog;
	uint64_t boottime_ns;
	uint64_t realtime_ns;
	int64_t certificate_expires_s; /* since 1970; 0: there is none */
	bool is_stranger; /* who asks has no token where one is needed: an open endpoint says less */
};

/* A text that an endpoint answers with. */
struct endpoint_text {
	char *body; /* from malloc(); taken over */
	size_t len;
};

struct endpoint {
	const char *path;	       /* e.g. "/api/interfaces" */
	const char *help;	       /* one sentence without a full stop */
	const char *const *parameters; /* names that it takes, NULL at the end */
	/*
	 * Return: the HTTP status. 2xx and 503 of /healthz come with *ret_body, a new object. Any
	 * other comes without, and with err as the reason that the client gets to read: no path of
	 * the host, nothing but what the request or an interface's name says.
	 */
	unsigned int (*answer)(const struct endpoint_context *context, const struct query *query,
			       json_t **ret_body, struct error *err);
	/*
	 * In place of answer, for a text: the media type that suits the request's Accept (NULL: it has
	 * none), and the text of that type. text: 0, or a negative errno.
	 */
	const char *(*type)(const char *accept, size_t len);
	int (*text)(const struct endpoint_context *context, const char *type,
		    struct endpoint_text *ret_text);
	bool is_stream; /* in place of both: events without end (stream.c) */
	bool is_open;	/* answers strangers, too; it has no version then */
	/*
	 * Answers stay the same while this does, and may be kept. NULL: never the same.
	 */
	uint64_t (*version)(const struct endpoint_context *context, const struct query *query);
};

extern const struct endpoint endpoints[];
extern const size_t n_endpoints;

#endif
