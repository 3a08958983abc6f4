/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who is let in: bearer tokens, the login of the page, and how often one may guess.
 */
#ifndef SAMPLER_HTTP_ACCESS_H
#define SAMPLER_HTTP_ACCESS_H

#include "http/tokens.h"

#include <h2o.h>
#include <stdbool.h>

#define LOGIN_PAGE "login.html"

struct access;

enum access_verdict {
	ACCESS_GRANTED,
	ACCESS_STRANGER, /* has said nothing of a token: what is open is open */
	ACCESS_ANSWERED, /* refused, and told so */
};

int access_create(const struct tokens *tokens, struct access **ret_access);
void access_free(struct access *access);

enum access_verdict access_judge(struct access *access, h2o_req_t *req, h2o_iovec_t path);
void access_demand(h2o_req_t *req);

#endif
