// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The way of a request: is it for us, what does it ask, who answers.
 *
 * Paths are compared byte for byte as they came, neither decoded nor normalized: there are few of
 * them, none needs an escape, and so there is no second spelling that could get past a check.
 */
#include "http/request.h"

#include "http/connections.h"
#include "http/feed-json.h"
#include "http/hosts.h"
#include "http/json-text.h"
#include "http/query.h"
#include "http/response.h"
#include "http/stream.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <malloc.h>

#define JSON_TYPE    "application/json"
#define LARGE_ANSWER (256 << 10)
#define SMALL_ANSWER (64 << 10)
#define MAX_LEAVING  (32 << 20) /* of answers that wait for their clients, the small ones apart */

/* The request target in its parts; they point into the request. */
struct target {
	bool has_host;	  /* a header of that name */
	h2o_iovec_t host; /* base is NULL where the request has none, nor names one in its target */
	h2o_iovec_t path;
	h2o_iovec_t query; /* empty as well where there is no "?" */
};

/* Length of the scheme of a target in absolute form (RFC 9112, section 3.2.2), 0: another form. */
static size_t scheme_len(h2o_iovec_t target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < array_size(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (target.len > len && h2o_lcstris(target.base, len, schemes[i], len))
			return len;
	}
	return 0;
}

static size_t span_until(h2o_iovec_t text, size_t from, const char *ends)
{
	while (from < text.len && !strchr(ends, text.base[from]))
		from++;
	return from;
}

/* Blanks behind a header's value are not part of it (RFC 9112, section 5), but h2o leaves them. */
static h2o_iovec_t without_blanks(h2o_iovec_t value)
{
	while (value.len && strchr(" \t", value.base[value.len - 1]))
		value.len--;
	return value;
}

static bool split_target(const struct site *site, h2o_req_t *req, struct target *ret_target)
{
	h2o_iovec_t whole = req->input.path;
	size_t start = scheme_len(whole), path_end;
	struct target target = { .has_host = req->input.authority.base != site->no_host };

	if (target.has_host)
		target.host = without_blanks(req->input.authority);
	if (start) {
		size_t end = span_until(whole, start, "/?");

		target.host = h2o_iovec_init(whole.base + start, end - start);
		start = end;
	}
	path_end = span_until(whole, start, "?");
	target.path = h2o_iovec_init(whole.base + start, path_end - start);
	if (!target.path.len && start)
		target.path = h2o_iovec_init(H2O_STRLIT("/"));
	if (path_end < whole.len)
		target.query = h2o_iovec_init(whole.base + path_end + 1, whole.len - path_end - 1);
	*ret_target = target;
	return target.path.len && *target.path.base == '/';
}

/*
 * What a proxy in front may have read otherwise: of two Hosts it may have judged the other one, and where two say how
 * long the body is, it may see two requests where we see one (RFC 9112, sections 3.2 and 6.3). h2o keeps only the last.
 * A field that goes on in the next line (section 5.2) ends for h2o with its first. So we look at the head itself, which
 * is still where it was read to.
 *
 * Return: what is wrong with it, or NULL.
 */
static const char *ambiguity(h2o_req_t *req)
{
	const h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
	size_t n_hosts = 0, n_lengths = 0;
	const char *line = memchr(input->bytes, '\n', input->size);

	while (line) {
		size_t left = input->size - (size_t)(++line - input->bytes);
		const char *end = memchr(line, '\n', left), *colon;

		if (!end || end == line || (end == line + 1 && *line == '\r'))
			break; /* the head's end */
		if (*line == ' ' || *line == '\t')
			return "a field of the head goes on in the next line, which HTTP/1.1 has "
			       "given up";
		colon = memchr(line, ':', (size_t)(end - line));
		if (colon && h2o_lcstris(line, (size_t)(colon - line), H2O_STRLIT("host")))
			n_hosts++;
		if (colon &&
		    (h2o_lcstris(line, (size_t)(colon - line), H2O_STRLIT("content-length")) ||
		     h2o_lcstris(line, (size_t)(colon - line), H2O_STRLIT("transfer-encoding"))))
			n_lengths++;
		line = end;
	}
	if (n_hosts > 1)
		return "a request has one Host, not several";
	if (n_lengths > 1)
		return "a request has one Content-Length or Transfer-Encoding, not several";
	return NULL;
}

static void refuse_ambiguous(h2o_req_t *req, const char *why)
{
	req->http1_is_persistent = 0; /* nobody knows where it ends */
	respond_problem(req, 400, why);
}

/* ---- endpoints ---- */

static const struct endpoint *find_endpoint(h2o_iovec_t path)
{
	for (size_t i = 0; i < n_endpoints; i++)
		if (h2o_memis(path.base, path.len, endpoints[i].path, strlen(endpoints[i].path)))
			return &endpoints[i];
	return NULL;
}

/* Takes json over. Return: its text with a newline, NULL without memory. */
static struct answer *serialize(json_t *json)
{
	size_t len = 0;
	char *text = json_text(json, &len);

	json_decref(json);
	if (len >= LARGE_ANSWER)
		malloc_trim(0); /* thousands of small objects that are not needed for long */
	if (!text)
		return NULL;
	text[len++] = '\n'; /* in place of the NUL, which nobody needs any more */
	return answer_new(JSON_TYPE, text, len);
}

struct question {
	struct answer_key key;
	struct endpoint_context context;
	const struct query *query;
	uint64_t version; /* where the endpoint knows one */
};

static bool is_too_much(const struct site *site, const struct answer *answer)
{
	return answer->len > SMALL_ANSWER && *site->bytes_leaving + answer->len > MAX_LEAVING;
}

/* Return: the answer, or NULL where a problem was sent. */
static struct answer *make_json(h2o_req_t *req, const struct question *question,
				unsigned int *ret_status)
{
	struct error err = { "" };
	json_t *body = NULL;
	struct answer *answer;

	*ret_status =
		question->key.endpoint->answer(&question->context, question->query, &body, &err);
	if (!body) {
		respond_problem(req, *ret_status, err.text);
		return NULL;
	}
	answer = serialize(body);
	if (!answer)
		respond_problem(req, 500, "no memory for the answer");
	return answer;
}

static struct answer *make_text(h2o_req_t *req, const struct question *question,
				unsigned int *ret_status)
{
	struct endpoint_text text;
	struct answer *answer = NULL;

	*ret_status = 200;
	if (!question->key.endpoint->text(&question->context, question->key.type, &text))
		answer = answer_new(question->key.type, text.body, text.len);
	if (!answer)
		respond_problem(req, 500, "no memory for the answer");
	return answer;
}

static void answer_anew(const struct site *site, h2o_req_t *req, const struct question *question)
{
	const struct endpoint *endpoint = question->key.endpoint;
	unsigned int status;
	struct answer *answer = endpoint->text ? make_text(req, question, &status)
					       : make_json(req, question, &status);

	if (!answer)
		return;
	if (is_too_much(site, answer)) {
		answer_release(answer);
		respond_problem(req, 503, "too many large answers wait for clients that are slow");
		return;
	}
	if (status == 200 && endpoint->version)
		answers_keep(site->answers, &question->key, question->version, answer);
	respond_answer(req, status, answer, site->bytes_leaving);
}

/* What the client accepts is asked only where there is a choice. */
static const char *choose_type(h2o_req_t *req, const struct endpoint *endpoint)
{
	ssize_t at;

	if (!endpoint->type)
		return JSON_TYPE;
	at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT, -1);
	if (at < 0)
		return endpoint->type(NULL, 0);
	return endpoint->type(req->headers.entries[at].value.base,
			      req->headers.entries[at].value.len);
}

static void ask(const struct site *site, h2o_req_t *req, const struct endpoint *endpoint,
		const struct query *query, bool is_stranger)
{
	char canonical[QUERY_CANONICAL_MAX];
	struct question question = {
		.key = { .endpoint = endpoint,
			 .type = choose_type(req, endpoint),
			 .query = canonical },
		.context = { .catalog = site->catalog,
			     .boottime_ns = clock_boottime_ns(),
			     .realtime_ns = clock_realtime_ns(),
			     .certificate_expires_s = site->secrets->dates.expires_s,
			     .is_stranger = is_stranger },
		.query = query,
	};
	struct answer *kept = NULL;

	catalog_refresh(site->catalog, question.context.boottime_ns);
	if (endpoint->is_stream) {
		streams_open(site->streams, req, &question.context, query);
		return;
	}
	if (endpoint->version) {
		question.key.query_len = query_canonical(query, endpoint->parameters, canonical);
		question.version = endpoint->version(&question.context, query);
		kept = answers_find(site->answers, &question.key, question.version);
	}
	if (kept)
		respond_answer(req, 200, kept, site->bytes_leaving);
	else
		answer_anew(site, req, &question);
}

static void parse_and_ask(const struct site *site, h2o_req_t *req, const struct endpoint *endpoint,
			  h2o_iovec_t text, bool is_stranger)
{
	struct query_text query;
	struct error err;
	int r = query_parse(text.base, text.len, &query, &err);

	r = r ?: query_check(&query.query, endpoint->parameters, &err);
	if (r)
		respond_problem(req, r == -E2BIG ? 414 : 400, err.text);
	else
		ask(site, req, endpoint, &query.query, is_stranger);
}

/* ---- files ---- */

/* Of many ranges that overlap a small request would make an answer without end; all of the file is one, too. */
static void ignore_many_ranges(h2o_req_t *req)
{
	ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_RANGE, -1);

	if (at >= 0 &&
	    memchr(req->headers.entries[at].value.base, ',', req->headers.entries[at].value.len))
		h2o_delete_header(&req->headers, at);
}

/* Browsers ask anew whether a file is still the same: the next version of the page has these names. */
static void send_file(h2o_req_t *req, h2o_handler_t *file)
{
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL,
		       H2O_STRLIT("no-cache"));
	ignore_many_ranges(req);
	if (file->on_req(file, req))
		respond_problem(req, 404, "the file is gone");
}

/* All paths there are, as far as there is room. */
static void name_paths(const struct site *site, struct error *ret_text)
{
	char paths[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < n_endpoints && n < sizeof(paths); i++)
		n += (size_t)snprintf(paths + n, sizeof(paths) - n, ", %s", endpoints[i].path);
	error_set(ret_text, 0, "there is no such path; there are: %s%s",
		  site->assets.n ? "/, " : "", paths + 2);
}

static void not_found(const struct site *site, h2o_req_t *req, h2o_iovec_t path)
{
	struct error paths;

	name_paths(site, &paths);
	if (!site->assets.n && h2o_memis(path.base, path.len, H2O_STRLIT("/")))
		respond_problem(req, 503,
				"the page is not installed where this server looks for it (its log "
				"says where); /api/ works without it");
	else
		respond_problem(req, 404, paths.text);
}

/* The page leads to its login, and what it was asked with goes along. */
static void lead_to_login(h2o_req_t *req, h2o_iovec_t query)
{
	h2o_iovec_t mark = h2o_iovec_init("?", query.len ? 1 : 0);

	respond_elsewhere(
		req,
		h2o_concat(&req->pool, h2o_iovec_init(H2O_STRLIT(LOGIN_PAGE)), mark, query).base);
}

static bool is_page(const struct target *target)
{
	return h2o_memis(target->path.base, target->path.len, H2O_STRLIT("/"));
}

static void route(const struct site *site, h2o_req_t *req, const struct target *target,
		  bool is_stranger)
{
	const struct endpoint *endpoint = find_endpoint(target->path);
	h2o_handler_t *file = assets_find(&site->assets, target->path.base, target->path.len);

	if (is_stranger && !file && (!endpoint || !endpoint->is_open))
		access_demand(req);
	else if (!endpoint && !file)
		not_found(site, req, target->path);
	else if (!request_has_method(req, "GET") && !request_has_method(req, "HEAD"))
		respond_not_allowed(req, "GET, HEAD",
				    "this server only tells: its methods are GET and HEAD");
	else if (endpoint)
		parse_and_ask(site, req, endpoint, target->query, is_stranger);
	else if (is_stranger && is_page(target))
		lead_to_login(req, target->query);
	else
		send_file(req, file);
}

static void let_in(const struct site *site, h2o_req_t *req, const struct target *target)
{
	enum access_verdict verdict = access_judge(site->access, req, target->path);

	connection_is_active(connection_of(req), verdict == ACCESS_GRANTED);
	if (verdict != ACCESS_ANSWERED)
		route(site, req, target, verdict == ACCESS_STRANGER);
}

/**
 * request_handle() - answer a request
 * @site: what from
 * @req: h2o's request; answered, or being answered, afterwards
 */
void request_handle(const struct site *site, h2o_req_t *req)
{
	const char *ambiguous = ambiguity(req);
	struct target target;

	if (ambiguous)
		refuse_ambiguous(req, ambiguous);
	else if (!split_target(site, req, &target))
		respond_problem(req, 400, "the request target has to be a path or an http:// URL");
	else if (!target.has_host && req->version >= 0x101)
		respond_problem(req, 400, "HTTP/1.1 requests need a Host");
	else if (target.host.base &&
		 !host_allowed(target.host.base, target.host.len, site->hosts, site->n_hosts))
		respond_problem(req, 421,
				"this server answers to addresses, localhost and the machine's "
				"name; its option --allow-host and its key allow_hosts add names");
	else
		let_in(site, req, &target);
}
