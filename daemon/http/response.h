/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How answers leave through h2o. Nothing but this writes headers.
 */
#ifndef SAMPLER_HTTP_RESPONSE_H
#define SAMPLER_HTTP_RESPONSE_H

#include "http/answers.h"

#include <h2o.h>

void response_register_filter(h2o_pathconf_t *path);

void respond_problem(h2o_req_t *req, unsigned int status, const char *detail);
void respond_not_allowed(h2o_req_t *req, const char *methods, const char *detail);
void respond_challenge(h2o_req_t *req, const char *challenge);
void respond_elsewhere(h2o_req_t *req, const char *where);
void respond_retry_after(h2o_req_t *req, const char *seconds);
void respond_begin_stream(h2o_req_t *req, const char *type);
void respond_answer(h2o_req_t *req, unsigned int status, struct answer *answer,
		    size_t *bytes_leaving);

static inline bool request_has_method(const h2o_req_t *req, const char *method)
{
	return h2o_memis(req->input.method.base, req->input.method.len, method, strlen(method));
}

#endif
