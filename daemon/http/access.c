// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Who is let in.
 *
 * Where there are tokens, whoever comes by an IP socket has to have one: as "Authorization: Bearer", or, in a browser, as
 * the cookie that the login makes of it. Who may open a UNIX socket is let in: its file's mode says who that is.
 *
 * A wrong token is a guess, and an address has few of them; then each token from there is refused, right ones, too,
 * since an answer that told them apart would go on answering guesses. A wrong cookie is none: it is an HMAC, which
 * nobody guesses, and old ones are sent by each page that was left open when a token was changed.
 *
 * Cookies are SameSite=Strict, no answer lets another origin read it, and a request can change nothing here but whether
 * its own browser is logged in. So a page from elsewhere that makes requests gains nothing; a login or logout that
 * comes from one is refused all the same (by Origin, RFC 6454).
 */
#include "http/access.h"

#include "http/connections.h"
#include "http/guesses.h"
#include "http/query.h"
#include "http/response.h"
#include "util/clock.h"
#include "util/log.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#define LOGIN_PATH   "/login"
#define LOGOUT_PATH  "/logout"
#define COOKIE_PLAIN "sampler-web"
#define COOKIE_TLS \
	"__Host-sampler-web" /* which browsers take only with Secure, Path=/ and no Domain */
#define COOKIE_NAME_MAX 32
#define PORT_DIGITS	5
#define COMPLAINT_NS	(60 * NSEC_PER_SEC) /* between two warnings; others are for --verbose */
#define BEARER		"bearer "	    /* in any case */
#define CHALLENGE	"Bearer realm=\"sampler\""
#define WRONG		CHALLENGE ", error=\"invalid_token\""

struct access {
	const struct tokens *tokens; /* the caller's; a reload changes them */
	struct guesses *guesses;
	uint64_t complain_at_ns; /* not before */
};

static bool is_tls(h2o_req_t *req)
{
	return connection_of(req)->socket->ssl;
}

/* ---- guesses ---- */

static uint64_t wait_ns(const struct access *access, h2o_req_t *req, uint64_t now_ns)
{
	struct sockaddr_storage peer = {};

	req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&peer);
	return guesses_wait_ns(access->guesses, (struct sockaddr *)&peer, now_ns);
}

static void refuse_for_now(h2o_req_t *req, uint64_t wait)
{
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%" PRIu64, (uint64_t)(wait / NSEC_PER_SEC + 1));
	respond_retry_after(req, h2o_strdup(&req->pool, seconds, SIZE_MAX).base);
	respond_problem(
		req, 429,
		"too many wrong tokens have come from this address: none is looked at for a while");
}

static void count_guess(struct access *access, h2o_req_t *req, uint64_t now_ns)
{
	struct sockaddr_storage peer = {};
	socklen_t len = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&peer);
	char name[NI_MAXHOST] = "?";
	bool due = now_ns >= access->complain_at_ns;

	guesses_count(access->guesses, (struct sockaddr *)&peer, now_ns);
	if (h2o_socket_getnumerichost((struct sockaddr *)&peer, len, name) == SIZE_MAX)
		snprintf(name, sizeof(name), "?");
	log_write(due ? LOG_WARNING : LOG_DEBUG, "a wrong token from %s%s", name,
		  guesses_wait_ns(access->guesses, (struct sockaddr *)&peer, now_ns)
			  ? ", after many: that address is refused for a while"
			  : "");
	if (due)
		access->complain_at_ns = now_ns + COMPLAINT_NS;
}

/* Return: which token it is; -ENOENT: none, and that has been answered. */
static int judge_token(struct access *access, h2o_req_t *req, const char *token, size_t len)
{
	uint64_t now_ns = clock_boottime_ns(), wait = wait_ns(access, req, now_ns);
	int which;

	if (wait) {
		refuse_for_now(req, wait);
		return -ENOENT;
	}
	which = tokens_find(access->tokens, token, len);
	if (which < 0) {
		count_guess(access, req, now_ns);
		respond_challenge(req, WRONG);
		respond_problem(req, 401, "this token is none of those that let in");
	}
	return which;
}

/* ---- cookies ---- */

/*
 * Cookies do not tell ports apart (RFC 6265, section 8.5), and whoever has tunnels to several machines has all of them
 * at localhost: by the port that the client asks each keeps its login.
 */
static void name_cookie(h2o_req_t *req, char ret_name[COOKIE_NAME_MAX])
{
	h2o_iovec_t host = req->input.authority;
	size_t n = 0;

	while (n < PORT_DIGITS && n < host.len &&
	       isdigit((unsigned char)host.base[host.len - 1 - n]))
		n++;
	if (n == host.len || host.base[host.len - 1 - n] != ':')
		n = 0;
	snprintf(ret_name, COOKIE_NAME_MAX, "%s%s%.*s", is_tls(req) ? COOKIE_TLS : COOKIE_PLAIN,
		 n ? "-" : "", (int)n, host.base + host.len - n);
}

/* Whether "a=1; name=2" has the name, as in RFC 6265, section 4.2.1. */
static bool cookie_value(h2o_iovec_t header, const char *name, h2o_iovec_t *ret_value)
{
	const char *at = header.base, *end = at + header.len;
	size_t len = strlen(name);

	while (at < end) {
		const char *next = memchr(at, ';', (size_t)(end - at)) ?: end;

		while (at < next && *at == ' ')
			at++;
		if ((size_t)(next - at) > len && !memcmp(at, name, len) && at[len] == '=') {
			*ret_value = h2o_iovec_init(at + len + 1, (size_t)(next - at) - len - 1);
			return true;
		}
		at = next + (next < end);
	}
	return false;
}

static bool has_cookie(const struct access *access, h2o_req_t *req)
{
	char name[COOKIE_NAME_MAX];
	h2o_iovec_t value;
	ssize_t at = -1;

	name_cookie(req, name);
	while ((at = h2o_find_header(&req->headers, H2O_TOKEN_COOKIE, at)) >= 0)
		if (cookie_value(req->headers.entries[at].value, name, &value))
			return tokens_know_cookie(access->tokens, value.base, value.len,
						  clock_realtime_ns() / NSEC_PER_SEC);
	return false;
}

/** access_demand() - tell a stranger what is missing */
void access_demand(h2o_req_t *req)
{
	respond_challenge(req, CHALLENGE);
	respond_problem(req, 401,
			"this needs a token, as \"Authorization: Bearer ...\", or in a browser by "
			"the page /" LOGIN_PAGE);
}

/* ---- login and logout ---- */

static bool is_origin(h2o_iovec_t origin, const char *scheme, h2o_iovec_t host)
{
	size_t len = strlen(scheme);

	return origin.len == len + host.len && !memcmp(origin.base, scheme, len) &&
	       h2o_lcstris(origin.base + len, host.len, host.base, host.len);
}

/*
 * A form of ours has our own origin, which is https:// also where a proxy in front does the TLS; what is no browser has
 * none.
 */
static bool is_from_elsewhere(h2o_req_t *req)
{
	ssize_t at = h2o_find_header_by_str(&req->headers, H2O_STRLIT("origin"), -1);
	h2o_iovec_t origin;

	if (at < 0)
		return false;
	origin = req->headers.entries[at].value;
	return !is_origin(origin, "https://", req->input.authority) &&
	       (is_tls(req) || !is_origin(origin, "http://", req->input.authority));
}

/* Return: whether it is one that may change the browser's cookie; otherwise it has been answered. */
static bool may_change_cookie(h2o_req_t *req)
{
	if (!request_has_method(req, "POST"))
		respond_not_allowed(
			req, "POST",
			"login and logout take POST; the page for that is /" LOGIN_PAGE);
	else if (is_from_elsewhere(req))
		respond_problem(req, 403, "a page of another origin sends this");
	else
		return true;
	return false;
}

static void set_cookie(h2o_req_t *req, const char *value, long max_age_s)
{
	char name[COOKIE_NAME_MAX], text[256];
	h2o_iovec_t copy;

	name_cookie(req, name);
	snprintf(text, sizeof(text), "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Strict%s",
		 name, value, max_age_s, is_tls(req) ? "; Secure" : "");
	copy = h2o_strdup(&req->pool, text, SIZE_MAX);
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_SET_COOKIE, NULL, copy.base,
		       copy.len);
}

/* A form with a token: a cookie for the right one. */
static void log_in(struct access *access, h2o_req_t *req)
{
	char cookie[TOKEN_COOKIE_MAX];
	struct query_text form;
	struct error err;
	const char *token;
	int which;

	if (!may_change_cookie(req))
		return;
	token = query_parse(req->entity.base, req->entity.len, &form, &err)
			? NULL
			: query_get(&form.query, "token");
	if (!token) {
		respond_problem(
			req, 400,
			"expected a form (application/x-www-form-urlencoded) with the field token");
		return;
	}
	which = judge_token(access, req, token, strlen(token));
	if (which < 0)
		return;
	tokens_make_cookie(access->tokens, which, clock_realtime_ns() / NSEC_PER_SEC, cookie);
	set_cookie(req, cookie, TOKEN_COOKIE_S);
	respond_elsewhere(req, "./");
}

/* The answer leads to the login. */
static void log_out(h2o_req_t *req)
{
	if (!may_change_cookie(req))
		return;
	set_cookie(req, "", 0);
	respond_elsewhere(req, LOGIN_PAGE);
}

/* ---- requests ---- */

static enum access_verdict judge(struct access *access, h2o_req_t *req)
{
	static const size_t scheme = sizeof(BEARER) - 1;
	ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_AUTHORIZATION, -1);
	h2o_iovec_t value = at < 0 ? h2o_iovec_init(NULL, 0) : req->headers.entries[at].value;

	while (value.len && strchr(" \t", value.base[value.len - 1]))
		value.len--; /* h2o leaves the blanks behind a value */
	/* Another scheme is for a proxy: browsers send what that has asked for with each request. */
	if (value.len <= scheme || !h2o_lcstris(value.base, scheme, BEARER, scheme))
		return has_cookie(access, req) ? ACCESS_GRANTED : ACCESS_STRANGER;
	return judge_token(access, req, value.base + scheme, value.len - scheme) < 0
		       ? ACCESS_ANSWERED
		       : ACCESS_GRANTED;
}

/**
 * access_judge() - is a request let in
 * @access: the tokens, and who has guessed
 * @req: the request
 * @path: what it asks for; login and logout are answered here
 *
 * Return: how it is; where that is ACCESS_ANSWERED nothing is left to do.
 */
enum access_verdict access_judge(struct access *access, h2o_req_t *req, h2o_iovec_t path)
{
	if (!access->tokens->n || connection_of(req)->is_unix)
		return ACCESS_GRANTED;
	if (h2o_memis(path.base, path.len, H2O_STRLIT(LOGIN_PATH)))
		log_in(access, req);
	else if (h2o_memis(path.base, path.len, H2O_STRLIT(LOGOUT_PATH)))
		log_out(req);
	else
		return judge(access, req);
	return ACCESS_ANSWERED;
}

/**
 * access_create() - nobody has guessed yet
 * @tokens: what lets in; may change, and outlives the result
 * @ret_access: to be freed with access_free()
 *
 * Return: 0 or negative errno.
 */
int access_create(const struct tokens *tokens, struct access **ret_access)
{
	struct access *access = calloc(1, sizeof(*access));
	uint64_t seed;

	if (!access || getrandom(&seed, sizeof(seed), 0) != sizeof(seed) ||
	    guesses_create(seed, &access->guesses)) {
		free(access);
		return -ENOMEM;
	}
	access->tokens = tokens;
	*ret_access = access;
	return 0;
}

/** access_free() - NULL is fine, too */
void access_free(struct access *access)
{
	if (access)
		guesses_free(access->guesses);
	free(access);
}
