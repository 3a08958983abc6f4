// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/sink-request.c: requests and what becomes of them, however they are cut into pieces. */
#include "unit.h"

#include "sink-request.h"
#include "util/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MUTATIONS 100000
#define H	    "Host: a\r\n"
#define GET	    "GET / HTTP/1.1\r\n" H
#define POST	    "POST /x HTTP/1.1\r\n" H

static const struct good {
	const char *text;
	uint64_t n_content;
	uint64_t n_rest; /* bytes at the end that are of the next request */
	uint64_t wants;	 /* bytes of body, where @asks */
	bool asks, closes, is_head, is_old;
} goods[] = {
	/* request lines */
	{ .text = GET "\r\n" },
	{ .text = "\r\n" GET "\r\n" },
	{ .text = "\r\n\r\n\r\n" GET "\r\n" },
	{ .text = "HEAD / HTTP/1.1\r\n" H "\r\n", .is_head = true },
	{ .text = "DELETE /a%20b?c=d&e HTTP/1.1\r\n" H "\r\n" },
	{ .text = "OPTIONS * HTTP/1.1\r\n" H "\r\n" },
	{ .text = "M-SEARCH!#$%&'*+.^_`|~ http://x/y HTTP/1.9\r\n" H "\r\n" },
	{ .text = "GET https://[::1]:8080/ HTTP/1.1\r\n" H "\r\n" },
	{ .text = "head / HTTP/1.1\r\n" H "\r\n" }, /* methods are case-sensitive */
	{ .text = "GET / HTTP/1.0\r\n\r\n", .closes = true, .is_old = true },
	{ .text = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", .is_old = true },
	/* how much is wanted */
	{ .text = "GET /?body=7 HTTP/1.1\r\n" H "\r\n", .asks = true, .wants = 7 },
	{ .text = "GET /?body=0 HTTP/1.1\r\n" H "\r\n", .asks = true },
	{ .text = "GET /a?x=y&body=1KB HTTP/1.1\r\n" H "\r\n", .asks = true, .wants = 1000 },
	{ .text = "GET /a?body=1&body=1KiB HTTP/1.1\r\n" H "\r\n", .asks = true, .wants = 1024 },
	{ .text = "GET /?body=1TiB HTTP/1.1\r\n" H "\r\n", .asks = true, .wants = 1ULL << 40 },
	{ .text = "GET /?nobody=7 HTTP/1.1\r\n" H "\r\n" },
	{ .text = "GET /body=7 HTTP/1.1\r\n" H "\r\n" },
	{ .text = "GET /?body HTTP/1.1\r\n" H "\r\n" },
	/* bodies */
	{ .text = POST "Content-Length: 0\r\n\r\n" },
	{ .text = POST "Content-Length: 5\r\n\r\nhello", .n_content = 5 },
	{ .text = POST "content-length:  5 \r\n\r\nhelloGET", .n_content = 5, .n_rest = 3 },
	{ .text = POST "Content-Length: 5, 5\r\n\r\nhello", .n_content = 5 },
	{ .text = GET "Content-Length: 2\r\n\r\n\r\n", .n_content = 2 },
	{ .text = "HEAD / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab",
	  .n_content = 2,
	  .is_head = true },
	{ .text = "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
	  .n_content = 2,
	  .closes = true,
	  .is_old = true },
	{ .text = POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ .text = POST
	  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nPOST",
	  .n_content = 15,
	  .n_rest = 4 },
	{ .text = POST "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n00\r\nT: x\r\n\r\n",
	  .n_content = 1 },
	{ .text = GET "\r\n" GET "\r\n", .n_rest = sizeof(GET) + 1 },
	{ .text = GET "\r\nx", .n_rest = 1 },
	/* other headers */
	{ .text = GET "Connection: close\r\n\r\n", .closes = true },
	{ .text = GET "Connection: x, CLOSE\r\n\r\n", .closes = true },
	{ .text = GET "X: y\r\nEmpty:\r\nHosts: z\r\n\r\n" },
	{ .text = GET "Expect: 100-continue\r\n\r\n" }, /* nothing is to be sent behind it */
	{ .text = POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na", .n_content = 1 },
	{ .text = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	  .n_content = 1,
	  .closes = true,
	  .is_old = true },
};

static const struct bad {
	const char *text;
	unsigned int status;
	const char *why;
} bads[] = {
	{ "GET\r\n", 400, "request line" },
	{ "GET /\r\n", 400, "request line" },
	{ "GET  HTTP/1.1\r\n", 400, "request line" },
	{ "GET  / HTTP/1.1\r\n", 400, "request line" },
	{ "GET /  HTTP/1.1\r\n", 400, "request line" },
	{ "GET / HTTP/1.1 \r\n", 400, "request line" },
	{ "GET / HTTP/1.\r\n", 400, "request line" },
	{ "GET / HTTP/1.1x\r\n", 400, "request line" },
	{ "GET / http/1.1\r\n", 400, "request line" },
	{ "GET / HTTP/x\r\n", 400, "request line" },
	{ " GET / HTTP/1.1\r\n", 400, "request line" },
	{ "G(T / HTTP/1.1\r\n", 400, "request line" },
	{ "GET\t/ HTTP/1.1\r\n", 400, "request line" },
	{ "GET /\xc3\xa4 HTTP/1.1\r\n", 400, "request line" },
	{ "GET x HTTP/1.1\r\n", 400, "neither a path nor a URL" },
	{ "GET ** HTTP/1.1\r\n", 400, "neither a path nor a URL" },
	{ "GET / HTTP/1.1\n", 400, "LF without CR" },
	{ "GET / HTTP/1.1\rH", 400, "CR without LF" },
	{ "\r\n\n", 400, "LF without CR" },
	{ "\x16", 400, "control character" },
	{ "PRI * HTTP/2.0\r\n", 505, "only HTTP/1.1" },
	{ "GET / HTTP/0.9\r\n", 505, "only HTTP/1.1" },
	{ "GET / HTTP/11\r\n", 400, "request line" },
	{ "CONNECT a:80 HTTP/1.1\r\n", 501, "CONNECT" },
	{ "GET /?body= HTTP/1.1\r\n", 400, "not a size" },
	{ "GET /?body=x HTTP/1.1\r\n", 400, "not a size" },
	{ "GET /?body=-1 HTTP/1.1\r\n", 400, "not a size" },
	{ "GET /?body=1Kb HTTP/1.1\r\n", 400, "not a size" },
	{ "GET /?body=2TiB HTTP/1.1\r\n", 400, "not a size" },
	/* headers */
	{ "GET / HTTP/1.1\r\n\r\n", 400, "no Host" },
	{ "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, "no Host" },
	{ GET H, 400, "more than one Host" },
	{ GET "X : y\r\n", 400, "not \"name: value\"" },
	{ GET "X\r\n", 400, "not \"name: value\"" },
	{ GET ": y\r\n", 400, "not \"name: value\"" },
	{ GET " folded\r\n", 400, "folded" },
	{ GET "Content-Length: -1\r\n", 400, "not a number" },
	{ GET "Content-Length: 0x1\r\n", 400, "not a number" },
	{ GET "Content-Length: 1\r\nContent-Length: 2\r\n", 400, "differ" },
	{ GET "Content-Length: 99999999999999999999\r\n", 400, "not a number" },
	{ GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "both" },
	{ GET "Transfer-Encoding: gzip\r\n\r\n", 400, "not the last" },
	{ GET "Transfer-Encoding: chunked, gzip\r\n", 400, "after chunked" },
	{ "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0" },
	{ GET "Expect: 200-ok\r\n", 417, "100-continue" },
	{ GET "Expect: 100-continue, x\r\n", 417, "100-continue" },
	/* chunks */
	{ GET "Transfer-Encoding: chunked\r\n\r\nx", 0, "" },
	{ GET "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, "hexadecimal" },
	{ GET "Transfer-Encoding: chunked\r\n\r\n\r\n", 400, "without a size" },
	{ GET "Transfer-Encoding: chunked\r\n\r\n1\r\nab", 0, "" },
	{ GET "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400, "longer than" },
};

/* What a text comes to, handed over in pieces of memory of just their size. */
struct outcome {
	enum message_result result;
	unsigned int status;
	const char *why;
	size_t used;
	bool keeps, is_head, is_old;
	uint64_t n_content, wants;
};

static void feed_pieces(struct sink_request *request, const char *text, size_t n, size_t first,
			size_t size, struct outcome *ret)
{
	*ret = (struct outcome){ .result = MESSAGE_MORE, .why = "" };
	for (size_t at = 0; at < n && ret->result == MESSAGE_MORE; at += at ? size : first) {
		size_t piece = at ? size : first, used;
		_cleanup_free_ char *copy = NULL;

		if (piece > n - at)
			piece = n - at;
		copy = malloc(piece);
		assert_non_null(copy);
		memcpy(copy, text + at, piece);
		ret->result = sink_request_feed(request, copy, piece, &used, &ret->why);
		ret->used += used;
		if (ret->result == MESSAGE_MORE)
			assert_int_equal(used, piece);
	}
	ret->status = request->status;
	ret->keeps = request->keep_alive;
	ret->is_head = request->head_method;
	ret->is_old = request->is_http_1_0;
	ret->n_content = request->message.n_content;
	ret->wants = request->wants_body;
}

static void feed(const char *text, size_t n, size_t first, size_t size, struct outcome *ret)
{
	/* of its own, so that nothing is read behind it */
	_cleanup_free_ struct sink_request *request = malloc(sizeof(*request));

	assert_non_null(request);
	memset(request, 0xa5, sizeof(*request));
	sink_request_init(request);
	feed_pieces(request, text, n, first, size, ret);
}

static void check_good(const struct good *good, size_t first, size_t size)
{
	size_t n = strlen(good->text);
	struct outcome o;

	feed(good->text, n, first, size, &o);
	if (o.result != MESSAGE_DONE || o.used != n - good->n_rest)
		fail_msg("%d (%s) after %zu, cut at %zu: %s", o.result, o.why, o.used, first,
			 good->text);
	if (o.keeps == good->closes || o.is_head != good->is_head || o.is_old != good->is_old ||
	    o.n_content != good->n_content ||
	    o.wants != (good->asks ? good->wants : SINK_DEFAULT_BODY))
		fail_msg("keeps %d, HEAD %d, content %ju, wants %ju: %s", o.keeps, o.is_head,
			 (uintmax_t)o.n_content, (uintmax_t)o.wants, good->text);
	assert_int_equal(o.status, 0);
}

static void good_requests_are_complete_where_they_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(goods); i++) {
		size_t n = strlen(goods[i].text);

		check_good(&goods[i], 1, 1);
		for (size_t at = 1; at <= n; at++)
			check_good(&goods[i], at, n);
	}
}

static void check_bad(const struct bad *bad, size_t first, size_t size)
{
	size_t n = strlen(bad->text);
	struct outcome o;

	feed(bad->text, n, first, size, &o);
	if (!bad->status) {
		assert_int_equal(o.result, MESSAGE_MORE); /* bad only by what comes next */
		return;
	}
	if (o.result != MESSAGE_BAD || o.status != bad->status || !strstr(o.why, bad->why))
		fail_msg("%d, %u (%s), cut at %zu: %s", o.result, o.status, o.why, first,
			 bad->text);
	assert_int_equal(o.used, n); /* at the byte that makes it bad */
	assert_false(o.keeps);
}

static void bad_requests_are_refused_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(bads); i++) {
		size_t n = strlen(bads[i].text);

		check_bad(&bads[i], 1, 1);
		for (size_t at = 1; at <= n; at++)
			check_bad(&bads[i], at, n);
	}
}

/* Feeds start, then so many times a byte, then end, and tells the outcome. */
static void feed_long(const char *start, size_t n_more, const char *end, struct outcome *ret)
{
	size_t n_start = strlen(start), n_end = strlen(end);
	_cleanup_free_ char *text = malloc(n_start + n_more + n_end);

	assert_non_null(text);
	memcpy(text, start, n_start);
	memset(text + n_start, 'x', n_more);
	memcpy(text + n_start + n_more, end, n_end);
	feed(text, n_start + n_more + n_end, 1000, 777, ret);
}

static void request_lines_and_heads_are_bounded(void **state)
{
	size_t line = SINK_MAX_REQUEST_LINE - strlen("GET / HTTP/1.1");
	size_t head = MESSAGE_MAX_HEAD - strlen(GET "X:\r\n\r\n");
	struct outcome o;

	(void)state;
	feed_long("GET /", line, " HTTP/1.1\r\n" H "\r\n", &o);
	assert_int_equal(o.result, MESSAGE_DONE);
	feed_long("GET /", line + 1, " HTTP/1.1\r\n" H "\r\n", &o);
	assert_int_equal(o.status, 414);
	feed_long("GET /", 1 << 20, "", &o);
	assert_int_equal(o.status, 431);
	assert_int_equal(o.used, MESSAGE_MAX_HEAD + 1);
	feed_long(GET "X:", head, "\r\n\r\n", &o);
	assert_int_equal(o.result, MESSAGE_DONE);
	feed_long(GET "X:", head + 1, "\r\n\r\n", &o);
	assert_int_equal(o.status, 431);
	feed_long(GET "Content-Length: ", 10000, "\r\n\r\n", &o);
	assert_int_equal(o.status, 400);
	assert_non_null(strstr(o.why, "too long"));
}

/* RFC 9110 section 10.1.1: only who waits is told to go on, and only when its head is here. */
static void who_waits_for_a_word_is_known(void **state)
{
	static const struct {
		const char *text;
		bool waits;
	} cases[] = {
		{ POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", true },
		{ POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", true },
		{ POST "Content-Length: 1\r\nExpect: 100-continue\r\n", false },
		{ POST "Content-Length: 1\r\n\r\n", false },
		{ "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false },
	};
	struct sink_request request;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		sink_request_init(&request);
		assert_false(sink_request_begun(&request));
		feed_pieces(&request, cases[i].text, strlen(cases[i].text), 7, 7, &o);
		assert_int_equal(o.result, MESSAGE_MORE);
		assert_true(sink_request_begun(&request));
		assert_int_equal(request.wants_continue, cases[i].waits);
	}
}

/* xorshift64 */
static uint64_t random_u64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mutate(char *text, size_t n, uint64_t *seed)
{
	static const char alphabet[] = " \r\n\t:;,?&=0159aAfFxX/\0\x7f\xff";

	for (uint64_t i = random_u64(seed) % 3; i < 3; i++)
		text[random_u64(seed) % n] = alphabet[random_u64(seed) % sizeof(alphabet)];
}

static void mutations_are_read_the_same_however_cut(void **state)
{
	uint64_t seed = 20261126;
	struct outcome a, b;

	(void)state;
	for (unsigned int i = 0; i < N_MUTATIONS; i++) {
		const char *from = i % 3 ? goods[random_u64(&seed) % array_size(goods)].text
					 : bads[random_u64(&seed) % array_size(bads)].text;
		size_t n = strlen(from);
		char text[256];

		assert_in_range(n, 1, sizeof(text));
		memcpy(text, from, n);
		mutate(text, n, &seed);
		feed(text, n, n, n, &a);
		feed(text, n, 1 + random_u64(&seed) % n, 1 + random_u64(&seed) % 9, &b);
		if (a.result != b.result || a.status != b.status || a.why != b.why ||
		    a.used != b.used || a.keeps != b.keeps || a.n_content != b.n_content ||
		    a.wants != b.wants)
			fail_msg("%d, %d (%s, %s): %.*s", a.result, b.result, a.why, b.why, (int)n,
				 text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_complete_where_they_end),
		cmocka_unit_test(bad_requests_are_refused_and_why),
		cmocka_unit_test(request_lines_and_heads_are_bounded),
		cmocka_unit_test(who_waits_for_a_word_is_known),
		cmocka_unit_test(mutations_are_read_the_same_however_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
