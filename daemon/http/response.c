// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Responses: JSON answers, problems (RFC 9457), and what every response carries.
 *
 * A filter sees each response before it leaves, also files and what h2o itself has to say about a
 * request that it could read but did not hand to us. Only what is no HTTP at all gets h2o's own bare
 * 400, and its connection is closed. The filter adds the headers that keep browsers from doing
 * more with us than our own page needs, and turns h2o's plain-text errors into problems.
 */
#include "http/response.h"

#include "http/problem.h"
#include "model/layout.h"
#include "util/cleanup.h"

#include <inttypes.h>
#include <stdio.h>

#define ETAG_MAX      24
#define RETRY_AFTER_S "5" /* of what is not to be had now */

static const struct header {
	const char *name, *value;
} security_headers[] = {
	{ "x-content-type-options", "nosniff" },
	{ "referrer-policy", "no-referrer" },
	{ "content-security-policy", "default-src 'self'; frame-ancestors 'none'; "
				     "base-uri 'none'; form-action 'self'" },
	{ "cross-origin-resource-policy", "same-origin" },
};

/* Value: constant, or in the request's memory. */
static void add_header(h2o_req_t *req, const char *name, const char *value)
{
	h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value,
			      strlen(value));
}

static void set_type(h2o_req_t *req, const char *type)
{
	h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, type, strlen(type),
		       1);
}

static void set_caching(h2o_req_t *req, const char *value)
{
	h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, value, strlen(value),
		       1);
}

static void forbid_storing(h2o_req_t *req)
{
	set_caching(req, "no-store");
}

/* Return: a problem's body in the request's memory; empty where there is none to be had. */
static h2o_iovec_t begin_problem(h2o_req_t *req, unsigned int status, const char *detail)
{
	_cleanup_free_ char *body = problem_body(status, detail);
	h2o_iovec_t copy = h2o_strdup(&req->pool, body ?: "", SIZE_MAX);

	req->res.status = (int)status;
	req->res.reason = problem_title(status);
	req->res.content_length = copy.len;
	set_type(req, PROBLEM_TYPE);
	forbid_storing(req);
	if (status == 503)
		respond_retry_after(req, RETRY_AFTER_S);
	return copy;
}

/**
 * respond_problem() - say what is wrong with a request
 * @req: the request; answered afterwards
 * @status: 4xx or 5xx
 * @detail: for a person
 */
void respond_problem(h2o_req_t *req, unsigned int status, const char *detail)
{
	h2o_iovec_t body = begin_problem(req, status, detail);

	h2o_send_inline(req, body.base, body.len);
}

/**
 * respond_not_allowed() - the answer to other methods than a path has
 * @req: the request; answered afterwards
 * @methods: those that it has, constant
 * @detail: the same for a person
 */
void respond_not_allowed(h2o_req_t *req, const char *methods, const char *detail)
{
	add_header(req, "allow", methods);
	respond_problem(req, 405, detail);
}

/**
 * respond_challenge() - say how one is let in, with the problem that follows (RFC 9110, section 11.6.1)
 * @req: the request
 * @challenge: constant
 */
void respond_challenge(h2o_req_t *req, const char *challenge)
{
	add_header(req, "www-authenticate", challenge);
}

/**
 * respond_elsewhere() - have the client get something else instead
 * @req: the request; answered afterwards
 * @where: a relative reference, constant, or in the request's memory
 */
void respond_elsewhere(h2o_req_t *req, const char *where)
{
	add_header(req, "location", where);
	req->res.status = 303;
	req->res.reason = problem_title(303);
	req->res.content_length = 0;
	forbid_storing(req);
	h2o_send_inline(req, H2O_STRLIT(""));
}

/**
 * respond_retry_after() - say when to come again, with the problem that follows
 * @req: the request
 * @seconds: a number, constant, or in the request's memory
 */
void respond_retry_after(h2o_req_t *req, const char *seconds)
{
	add_header(req, "retry-after", seconds);
}

/**
 * respond_begin_stream() - set the head of a response without end
 * @req: the request; h2o_start_response() is the caller's
 * @type: media type, constant
 */
void respond_begin_stream(h2o_req_t *req, const char *type)
{
	req->res.status = 200;
	req->res.reason = problem_title(200);
	set_type(req, type);
	forbid_storing(req);
	req->compress_hint = H2O_COMPRESS_HINT_DISABLE; /* it would hold events back */
	/* What nginx calls the wish that a proxy in front keeps nothing back; others have taken it over. */
	add_header(req, "x-accel-buffering", "no");
}

/* ---- conditional requests (RFC 9110, section 13) ---- */

/* Weak: the answer is the same whether it leaves compressed or not. */
static void make_etag(const struct answer *answer, char ret_etag[ETAG_MAX])
{
	snprintf(ret_etag, ETAG_MAX, "W/\"%016" PRIx64 "\"",
		 hash64(answer->body, answer->len, answer->len));
}

/* Does an If-None-Match name it? Weakly compared: W/ in front does not matter. */
static bool has_etag(const h2o_req_t *req, const char *etag)
{
	ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_IF_NONE_MATCH, -1);
	const h2o_iovec_t *value = at < 0 ? NULL : &req->headers.entries[at].value;
	const char *opaque = strchr(etag, '"');

	return value && (h2o_memis(value->base, value->len, H2O_STRLIT("*")) ||
			 h2o_strstr(value->base, value->len, opaque, strlen(opaque)) != SIZE_MAX);
}

/* Return: whether the client has the answer already: then there is nothing to send. */
static bool is_not_modified(h2o_req_t *req, const struct answer *answer)
{
	char etag[ETAG_MAX];
	h2o_iovec_t copy;

	make_etag(answer, etag);
	copy = h2o_strdup(&req->pool, etag, SIZE_MAX);
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_ETAG, NULL, copy.base, copy.len);
	set_caching(req, "no-cache"); /* kept, but asked for anew each time */
	return has_etag(req, etag);
}

static void respond_not_modified(h2o_req_t *req, struct answer *answer)
{
	req->res.status = 304;
	req->res.reason = "Not Modified";
	answer_release(answer);
	h2o_send_inline(req, H2O_STRLIT(""));
}

/* An answer that is being sent. */
struct leaving {
	struct answer *answer;
	size_t *bytes_leaving;
};

static void on_gone(void *memory)
{
	struct leaving *leaving = memory;

	*leaving->bytes_leaving -= leaving->answer->len;
	answer_release(leaving->answer);
}

/**
 * respond_answer() - send an endpoint's answer, or say that the client has it already
 * @req: the request; answered afterwards
 * @status: 200, or 503 of an answer that is bad news
 * @answer: the body; the caller's reference goes with the request
 * @bytes_leaving: has @answer's length added until it is sent or given up
 */
void respond_answer(h2o_req_t *req, unsigned int status, struct answer *answer,
		    size_t *bytes_leaving)
{
	static h2o_generator_t generator;
	h2o_iovec_t body = h2o_iovec_init(answer->body, answer->len);
	struct leaving *leaving;

	if (status != 200) {
		forbid_storing(req);
	} else if (is_not_modified(req, answer)) {
		respond_not_modified(req, answer);
		return;
	}
	leaving = h2o_mem_alloc_shared(&req->pool, sizeof(*leaving), on_gone);
	*leaving = (struct leaving){ answer, bytes_leaving };
	*bytes_leaving += answer->len;
	req->res.status = (int)status;
	req->res.reason = problem_title(status);
	req->res.content_length = answer->len;
	set_type(req, answer->type);
	h2o_start_response(req, &generator);
	h2o_send(req, &body, request_has_method(req, "HEAD") ? 0 : 1, H2O_SEND_STATE_FINAL);
}

/* ---- the filter ---- */

/* Takes the place of an error of h2o's own. */
struct replacement {
	h2o_ostream_t super;
	h2o_iovec_t body;
};

static void send_replacement(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *bufs, size_t n_bufs,
			     h2o_send_state_t state)
{
	struct replacement *replacement = H2O_STRUCT_FROM_MEMBER(struct replacement, super, super);
	bool last = state != H2O_SEND_STATE_IN_PROGRESS;

	(void)bufs, (void)n_bufs;
	h2o_ostream_send_next(super, req, &replacement->body,
			      last && !request_has_method(req, "HEAD") ? 1 : 0, state);
}

static const char *h2o_error_detail(int status)
{
	switch (status) {
	case 400:
		return "this is no HTTP/1.1 request";
	case 404:
		return "there is nothing of that name";
	case 413:
		return "the body is too large; no request here needs so much";
	case 417:
		return "the only expectation that is met is 100-continue";
	default:
		return "the request cannot be answered";
	}
}

static bool is_problem(h2o_req_t *req)
{
	ssize_t at = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);
	h2o_iovec_t *type = at < 0 ? NULL : &req->res.headers.entries[at].value;

	return type && (h2o_memis(type->base, type->len, H2O_STRLIT(PROBLEM_TYPE)) ||
			h2o_memis(type->base, type->len, H2O_STRLIT("application/json")));
}

static void replace_error(h2o_req_t *req, h2o_ostream_t **slot)
{
	struct replacement *replacement =
		(struct replacement *)h2o_add_ostream(req, sizeof(*replacement), slot);

	replacement->body = begin_problem(req, req->res.status, h2o_error_detail(req->res.status));
	replacement->super.do_send = send_replacement;
}

static void on_setup_ostream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
	(void)self;
	if (req->res.status >= 400 && !is_problem(req)) {
		replace_error(req, slot);
		slot = &(*slot)->next;
	}
	for (size_t i = 0; i < array_size(security_headers); i++)
		add_header(req, security_headers[i].name, security_headers[i].value);
	h2o_setup_next_ostream(req, slot);
}

/**
 * response_register_filter() - see to every response of a path
 * @path: h2o's configuration of it
 */
void response_register_filter(h2o_pathconf_t *path)
{
	h2o_filter_t *filter = h2o_create_filter(path, sizeof(*filter));

	filter->on_setup_ostream = on_setup_ostream;
}
