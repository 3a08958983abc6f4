// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/response.c: responses and what becomes of them, however they are cut into pieces. */
#include "unit.h"

#include "response.h"
#include "responses.h"
#include "util/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N_MUTATIONS 200000

/* What a connection ends amid. */
static const struct {
	const char *text, *why;
} cuts[] = {
	{ "", "before a response" },
	{ "H", "amid the headers" },
	{ "HTTP/1.1 200 OK", "amid the headers" },
	{ OK, "amid the headers" },
	{ OK "Content-Length: 0\r\n\r", "amid the headers" },
	{ "HTTP/1.1 100 Continue\r\n\r\n", "amid the headers" },
	{ OK "Content-Length: 1\r\n\r\n", "amid the body" },
	{ OK "Content-Length: 18446744073709551614\r\n\r\nx", "amid the body" },
	{ CHUNKED, "amid the body" },
	{ CHUNKED "5", "amid the body" },
	{ CHUNKED "5\r\nhell", "amid the body" },
	{ CHUNKED "5\r\nhello", "amid the body" },
	{ CHUNKED "5\r\nhello\r\n0\r\n", "amid the body" },
	{ CHUNKED "0\r\nX: y\r\n", "amid the body" },
	{ CHUNKED "ffffffffffffffff\r\nhello", "amid the body" },
};

static void check_good(const struct good *good, const struct cutting *cutting)
{
	const char *why = "";
	size_t n = strlen(good->text), used;
	enum response_result result;
	struct response response;

	response_init(&response, good->head_request);
	used = feed_text(&response, good->text, n, cutting, &result, &why);
	if (result != (good->ends ? RESPONSE_MORE : RESPONSE_DONE))
		fail_msg("%d (%s), cut at %zu: %s", result, why, cutting->first, good->text);
	assert_int_equal(used, n - good->n_rest);
	if (good->ends)
		assert_true(response_skippable(&response) == UINT64_MAX);
	assert_int_equal(response_end(&response, &why), RESPONSE_DONE);
	assert_int_equal(response_skippable(&response), 0);
	if (response.status != good->status || response.keep_alive != good->keep_alive ||
	    response.message.n_body != good->n_body ||
	    response.message.n_head != n - good->n_body - good->n_rest)
		fail_msg("%u, keep alive %d, %ju + %ju bytes: %s", response.status,
			 response.keep_alive, (uintmax_t)response.message.n_head,
			 (uintmax_t)response.message.n_body, good->text);
	assert_int_equal(response_feed(&response, "x", 1, &used, &why), RESPONSE_DONE);
	assert_int_equal(used, 0);
}

static void check_bad(const struct bad *bad, const struct cutting *cutting)
{
	const char *why = "";
	size_t n = strlen(bad->text), used;
	enum response_result result;
	struct response response;

	response_init(&response, false);
	used = feed_text(&response, bad->text, n, cutting, &result, &why);
	if (result != RESPONSE_BAD || !strstr(why, bad->why))
		fail_msg("%d (%s), cut at %zu: %s", result, why, cutting->first, bad->text);
	if (strcmp(bad->why, "status line"))
		assert_int_equal(used, n); /* at the byte that makes it bad */
	assert_false(response.keep_alive);
	assert_int_equal(response_skippable(&response), 0);
	assert_int_equal(response_feed(&response, OK, 5, &used, &why), RESPONSE_BAD);
	assert_int_equal(response_end(&response, &why), RESPONSE_BAD);
}

static void good_responses_are_complete_where_they_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_goods; i++) {
		size_t n = strlen(goods[i].text);

		check_good(&goods[i], &(struct cutting){ n, n, false });
		check_good(&goods[i], &(struct cutting){ 1, 1, false });
		check_good(&goods[i], &(struct cutting){ 1, 1, true });
		for (size_t at = 1; at < n; at++) {
			check_good(&goods[i], &(struct cutting){ at, n, false });
			check_good(&goods[i], &(struct cutting){ at, n, true });
		}
	}
}

static void bad_responses_are_refused_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_bads; i++) {
		size_t n = strlen(bads[i].text);

		check_bad(&bads[i], &(struct cutting){ n, n, false });
		check_bad(&bads[i], &(struct cutting){ 1, 1, false });
		check_bad(&bads[i], &(struct cutting){ 1, 1, true });
		for (size_t at = 1; at < n; at++)
			check_bad(&bads[i], &(struct cutting){ at, n, false });
	}
}

static void connections_that_end_too_early_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(cuts); i++) {
		const char *why = "";
		size_t n = strlen(cuts[i].text);
		enum response_result result;
		struct response response;

		response_init(&response, false);
		feed_text(&response, cuts[i].text, n, &(struct cutting){ 3, 3, false }, &result,
			  &why);
		assert_int_equal(result, RESPONSE_MORE);
		assert_int_equal(response_end(&response, &why), RESPONSE_BAD);
		if (!strstr(why, cuts[i].why))
			fail_msg("\"%s\": %s", cuts[i].text, why);
		assert_int_equal(response_end(&response, &why), RESPONSE_BAD);
	}
}

static void a_nul_byte_is_no_text(void **state)
{
	const char *why = "";
	struct response response;
	size_t used;

	(void)state;
	response_init(&response, false);
	assert_int_equal(
		response_feed(&response, OK "X: a\0b", sizeof(OK "X: a\0b") - 1, &used, &why),
		RESPONSE_BAD);
	assert_string_equal(why, "control character in a line");
	assert_int_equal(used, sizeof(OK "X: a"));
}

/* Feeds before, n times c, after. */
static enum response_result feed_long(const char *before, char c, size_t n, const char *after,
				      struct response *response, const char **ret_why)
{
	static char text[200000];
	size_t n_before = strlen(before), used;

	assert_true(n_before + n + strlen(after) < sizeof(text));
	memcpy(text, before, n_before);
	memset(text + n_before, c, n);
	strcpy(text + n_before + n, after);
	response_init(response, false);
	return feed_piece(response, text, n_before + n + strlen(after), &used, ret_why);
}

static void long_lines_are_taken_up_to_the_limit(void **state)
{
	static const char end[] = "\r\nContent-Length: 0\r\n\r\n";
	size_t room = RESPONSE_MAX_HEAD - strlen(OK "X:") - strlen(end);
	struct response r;
	const char *why = "";

	(void)state;
	assert_int_equal(feed_long(OK "X:", 'x', room, end, &r, &why), RESPONSE_DONE);
	assert_int_equal(r.message.n_head, RESPONSE_MAX_HEAD);
	assert_int_equal(feed_long(OK "X:", 'x', room + 1, end, &r, &why), RESPONSE_BAD);
	assert_string_equal(why, "more than 32 KiB of headers");
	assert_int_equal(feed_long(OK "X:", 'x', 150000, end, &r, &why), RESPONSE_BAD);
	assert_string_equal(why, "more than 32 KiB of headers");
	assert_int_equal(feed_long("HTTP/1.1 200 ", 'x', 1000, end, &r, &why), RESPONSE_DONE);
	assert_int_equal(feed_long(OK, 'x', 510, ": y\r\n", &r, &why), RESPONSE_MORE);
	assert_int_equal(feed_long(OK, 'x', 511, ": y\r\n", &r, &why), RESPONSE_BAD);
	assert_int_equal(feed_long(OK "Content-Length: ", '0', 495, "\r\n\r\n", &r, &why),
			 RESPONSE_DONE);
	assert_int_equal(feed_long(OK "Content-Length: ", '0', 496, "\r\n\r\n", &r, &why),
			 RESPONSE_BAD);
	assert_string_equal(why, "a header about the framing is too long");
	assert_int_equal(feed_long(OK "Connection: a", ' ', 600, ",close\r\n\r\n", &r, &why),
			 RESPONSE_BAD);
}

static void chunk_lines_and_trailers_are_bounded(void **state)
{
	struct response r;
	const char *why = "";

	(void)state;
	assert_int_equal(
		feed_long(CHUNKED "1;", 'x', RESPONSE_MAX_HEAD - 4, "\r\na\r\n0\r\n\r\n", &r, &why),
		RESPONSE_DONE);
	assert_int_equal(r.message.n_body, RESPONSE_MAX_HEAD + strlen("a\r\n0\r\n\r\n"));
	assert_int_equal(feed_long(CHUNKED "1;", 'x', RESPONSE_MAX_HEAD - 3, "\r\n", &r, &why),
			 RESPONSE_BAD);
	assert_int_equal(feed_long(CHUNKED "1", ' ', 600, ";\r\n", &r, &why), RESPONSE_BAD);
	assert_int_equal(feed_long(CHUNKED, '0', 30000, "1\r\na\r\n0\r\n\r\n", &r, &why),
			 RESPONSE_BAD);
	/* the 5 is not kept: neither is this the end, nor "X: y" a trailer */
	assert_int_equal(feed_long(CHUNKED, '0', 600, "5\r\nX: y\r\n\r\n", &r, &why), RESPONSE_BAD);
	assert_int_equal(feed_long(CHUNKED, '0', 600, "\r\n\r\n", &r, &why), RESPONSE_BAD);
	assert_int_equal(feed_long(CHUNKED, '0', 500, "1\r\na\r\n0\r\n\r\n", &r, &why),
			 RESPONSE_DONE);
	assert_int_equal(
		feed_long(CHUNKED "0\r\nX:", 'x', RESPONSE_MAX_HEAD - 6, "\r\n\r\n", &r, &why),
		RESPONSE_DONE);
	assert_int_equal(
		feed_long(CHUNKED "0\r\nX:", 'x', RESPONSE_MAX_HEAD - 5, "\r\n\r\n", &r, &why),
		RESPONSE_BAD);
}

static void interim_responses_cannot_go_on_for_ever(void **state)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *why = "";
	struct response response;
	size_t used, n = 0;

	(void)state;
	response_init(&response, false);
	while (response_feed(&response, interim, strlen(interim), &used, &why) == RESPONSE_MORE)
		n += used;
	assert_in_range(n, RESPONSE_MAX_HEAD - strlen(interim), RESPONSE_MAX_HEAD);
}

static void no_more_is_skipped_than_there_is(void **state)
{
	const char *why = "";
	struct response response;
	size_t used;

	(void)state;
	response_init(&response, false);
	assert_int_equal(response_skippable(&response), 0);
	assert_int_equal(response_skip(&response, 0), RESPONSE_MORE);
	response_feed(&response, OK "Content-Length: 10\r\n\r\nab",
		      strlen(OK "Content-Length: 10\r\n\r\nab"), &used, &why);
	assert_int_equal(response_skippable(&response), 8);
	assert_int_equal(response_skip(&response, 0), RESPONSE_MORE);
	assert_int_equal(response_skip(&response, 3), RESPONSE_MORE);
	assert_int_equal(response_skippable(&response), 5);
	assert_int_equal(response_skip(&response, 6), RESPONSE_BAD);
	assert_int_equal(response_skip(&response, 5), RESPONSE_BAD);
}

static void huge_bodies_are_counted(void **state)
{
	static const char head[] = CHUNKED "ffffffffffffffff\r\n";
	const char *why = "";
	struct response response;
	size_t used;

	(void)state;
	response_init(&response, false);
	response_feed(&response, head, strlen(head), &used, &why);
	assert_true(response_skippable(&response) == UINT64_MAX);
	assert_int_equal(response_skip(&response, 1ULL << 62), RESPONSE_MORE);
	assert_true(response_skippable(&response) == UINT64_MAX - (1ULL << 62));
	assert_true(response.message.n_body == (1ULL << 62) + 18);
}

/* ---- mutations ---- */

static uint64_t random_u64(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* A few bytes flipped, put in, taken out, or a part of another response. Return: the new length. */
static size_t mutate(char *text, size_t n, size_t size, uint64_t *seed)
{
	static const char special[] = "\r\n :;,\t0159afAFx\0\x7f\xff";
	const char *other = goods[random_u64(seed) % n_goods].text;
	size_t at = n ? random_u64(seed) % n : 0, n_other = strlen(other), from, some;

	switch (random_u64(seed) % 5) {
	case 0:
		if (n)
			text[at] = (char)random_u64(seed);
		return n;
	case 1:
		if (n)
			text[at] = special[random_u64(seed) % (sizeof(special) - 1)];
		return n;
	case 2:
		some = n ? random_u64(seed) % (n - at) : 0;
		memmove(text + at, text + at + some, n - at - some);
		return n - some;
	case 3:
		if (n + 1 > size)
			return n;
		memmove(text + at + 1, text + at, n - at);
		text[at] = special[random_u64(seed) % (sizeof(special) - 1)];
		return n + 1;
	default:
		from = random_u64(seed) % n_other;
		some = random_u64(seed) % (n_other - from);
		if (n + some > size)
			return n;
		memmove(text + at + some, text + at, n - at);
		memcpy(text + at, other + from, some);
		return n + some;
	}
}

/* However it is cut, the same comes out. */
static void check_same(const char *text, size_t n, uint64_t *seed)
{
	struct cutting whole = { n, n, false };
	struct cutting pieces = { 1 + random_u64(seed) % (n ?: 1), 1 + random_u64(seed) % 40,
				  random_u64(seed) & 1 };
	const char *why_a = NULL, *why_b = NULL;
	enum response_result a, b;
	struct response one, other;
	size_t used_a, used_b;

	response_init(&one, false);
	response_init(&other, false);
	used_a = feed_text(&one, text, n, &whole, &a, &why_a);
	used_b = feed_text(&other, text, n, &pieces, &b, &why_b);
	if (a != b || used_a != used_b || why_a != why_b || one.status != other.status ||
	    one.message.n_head != other.message.n_head ||
	    one.message.n_body != other.message.n_body || one.keep_alive != other.keep_alive ||
	    response_skippable(&one) != response_skippable(&other))
		fail_msg("%d, %d (%s, %s) after %zu, %zu: %.*s", a, b, why_a ?: "", why_b ?: "",
			 used_a, used_b, (int)n, text);
	if ((a == RESPONSE_BAD) != (why_a != NULL) ||
	    one.message.n_head + one.message.n_body != used_a)
		fail_msg("%d (%s), %ju + %ju of %zu: %.*s", a, why_a ?: "",
			 (uintmax_t)one.message.n_head, (uintmax_t)one.message.n_body, used_a,
			 (int)n, text);
	assert_int_equal(response_end(&one, &why_a), response_end(&other, &why_b));
	assert_true(why_a == why_b);
}

static void mutations_are_read_the_same_however_cut(void **state)
{
	uint64_t seed = 20260801;
	size_t n_done = 0;

	(void)state;
	for (unsigned int i = 0; i < N_MUTATIONS; i++) {
		const char *from = i % 4 ? goods[random_u64(&seed) % n_goods].text
					 : bads[random_u64(&seed) % n_bads].text;
		size_t n = strlen(from);
		char text[1024];

		memcpy(text, from, n);
		for (uint64_t j = random_u64(&seed) % 4; j < 4; j++)
			n = mutate(text, n, sizeof(text), &seed);
		check_same(text, n, &seed);
		n_done++;
	}
	assert_int_equal(n_done, N_MUTATIONS);
}

static void feed_both(struct response pair[2], struct response_memory *memory, const char *text)
{
	enum response_result result[2];
	const char *why[2] = { "", "" };
	size_t used[2];

	result[0] = response_feed(&pair[0], text, strlen(text), &used[0], &why[0]);
	result[1] = response_feed_known(&pair[1], memory, text, strlen(text), &used[1], &why[1]);
	assert_int_equal(result[0], result[1]);
	assert_int_equal(used[0], used[1]);
	assert_string_equal(why[0], why[1]);
	assert_int_equal(pair[0].status, pair[1].status);
	assert_int_equal(pair[0].keep_alive, pair[1].keep_alive);
	assert_int_equal(pair[0].message.n_head, pair[1].message.n_head);
	assert_int_equal(pair[0].message.n_body, pair[1].message.n_body);
}

/* The same again, some that begin alike, also of equal length, one that is longer, two pieces. */
static void what_is_known_reads_as_before(void **state)
{
	static const char *const texts[][2] = {
		{ OK "Content-Length: 3\r\n\r\nabc" },
		{ OK "Content-Length: 3\r\n\r\nabc" },
		{ OK "Content-Length: 3\r\n\r\nabcd" },
		{ OK "Content-Length: 3\r\n\r\nab" },
		{ OK "Content-Length: 3\r\n\r\nabc" },
		{ OK "Content-Length: 4\r\n\r\nabc" },
		{ OK "Connectio-: close\r\nContent-Length: 0\r\n\r\n" },
		{ OK "Connection: close\r\nContent-Length: 0\r\n\r\n" },
		{ OK "Content-Length: 3\r\n\r\nabc", "d" },
		{ "HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n" },
		{ "HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n" },
		{ OK, "HTTP/1.1 404 OK\r\nContent-Length: 0\r\n\r\n" },
		{ OK "Content-Length: 9\r\n\r\n", OK "Content-Length: 0\r\n\r\n" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n" },
		{ OK "Content-Length: 1 2\r\n\r\n" },
		{ OK "Content-Length: 1 2\r\n\r\n" },
		{ "" },
	};
	struct response_memory memory = { 0 };
	struct response pair[2];

	(void)state;
	for (size_t i = 0; i < array_size(texts); i++) {
		response_init(&pair[0], false);
		response_init(&pair[1], false);
		for (size_t j = 0; j < 2 && texts[i][j]; j++)
			feed_both(pair, &memory, texts[i][j]);
	}
}

static void no_long_response_is_remembered(void **state)
{
	struct response_memory memory = { 0 };
	struct response pair[2];
	char text[2000];

	(void)state;
	for (size_t n = 0; n < 1500; n++) {
		int n_head = snprintf(text, sizeof(text), OK "Content-Length: %04zu\r\n\r\n", n);

		memset(text + n_head, 'x', n);
		text[(size_t)n_head + n] = '\0';
		for (int again = 0; again < 2; again++) {
			response_init(&pair[0], false);
			response_init(&pair[1], false);
			feed_both(pair, &memory, text);
		}
		assert_true(memory.n <= sizeof(memory.text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_responses_are_complete_where_they_end),
		cmocka_unit_test(bad_responses_are_refused_and_why),
		cmocka_unit_test(connections_that_end_too_early_are_told),
		cmocka_unit_test(a_nul_byte_is_no_text),
		cmocka_unit_test(long_lines_are_taken_up_to_the_limit),
		cmocka_unit_test(chunk_lines_and_trailers_are_bounded),
		cmocka_unit_test(interim_responses_cannot_go_on_for_ever),
		cmocka_unit_test(no_more_is_skipped_than_there_is),
		cmocka_unit_test(huge_bodies_are_counted),
		cmocka_unit_test(mutations_are_read_the_same_however_cut),
		cmocka_unit_test(what_is_known_reads_as_before),
		cmocka_unit_test(no_long_response_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
