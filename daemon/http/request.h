/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_REQUEST_H
#define SAMPLER_HTTP_REQUEST_H

#include "http/access.h"
#include "http/answers.h"
#include "http/assets.h"
#include "http/endpoint.h"
#include "http/secrets.h"

#include <h2o.h>

/* What requests are answered from. Everything in it belongs to the server. */
struct site {
	struct catalog *catalog;
	struct answers *answers;
	struct streams *streams;
	struct access *access;
	const struct secrets *secrets;
	struct assets assets; /* empty: there is no page */
	const char *const *hosts;
	size_t n_hosts;
	size_t *bytes_leaving; /* of all answers that are being sent */
	const char *no_host;   /* what h2o says is the authority of a request that has none */
};

void request_handle(const struct site *site, h2o_req_t *req);

#endif
