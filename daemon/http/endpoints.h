/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions behind the rows of endpoints[], each in a file of its own. */
#ifndef SAMPLER_HTTP_ENDPOINTS_H
#define SAMPLER_HTTP_ENDPOINTS_H

#include "http/endpoint.h"
#include "http/feed-json.h"

unsigned int realtime_answer(const struct endpoint_context *context, const struct query *query,
			     json_t **ret_body, struct error *err);
json_t *realtime_object(const struct endpoint_context *context, const struct selection *selection);
unsigned int summary_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err);
unsigned int interfaces_answer(const struct endpoint_context *context, const struct query *query,
			       json_t **ret_body, struct error *err);
unsigned int history_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err);
unsigned int healthz_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err);

extern const char openapi_description[]; /* openapi.json, with our version in it */

int openapi_text(const struct endpoint_context *context, const char *type,
		 struct endpoint_text *ret_text);
uint64_t openapi_version(const struct endpoint_context *context, const struct query *query);
int metrics_text(const struct endpoint_context *context, const char *type,
		 struct endpoint_text *ret_text);
uint64_t metrics_version(const struct endpoint_context *context, const struct query *query);

#endif
