// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Requests: the bytes that are sent are the same wherever a write was cut, and no two bodies are.
 */
#include "unit.h"

#include "request.h"
#include "util/cleanup.h"

#include <stdint.h>
#include <string.h>

struct maker {
	struct config config;
	struct request_maker maker;
};

static void make(struct maker *m, uint64_t size)
{
	*m = (struct maker){ .config = { .request_size = size } };
	strcpy(m->config.url.target, "/a?b=c");
	strcpy(m->config.url.authority, "[::1]:8080");
	assert_int_equal(request_maker_init(&m->maker, &m->config, 12345), 0);
}

/* The whole request as writes of at most so many bytes send it. */
static char *sent_in(struct maker *m, struct request *request, uint64_t step)
{
	uint64_t total = request_size(request);
	struct iovec iov[REQUEST_MAX_IOV];
	char *all = malloc(total + 1);
	int n_iov;

	assert_non_null(all);
	for (request->sent = 0; request->sent < total;) {
		uint64_t left = step, at = request->sent;

		n_iov = request_iov(&m->maker, request, iov);
		assert_in_range(n_iov, 1, REQUEST_MAX_IOV);
		for (int i = 0; i < n_iov && left; i++) {
			uint64_t n = iov[i].iov_len < left ? iov[i].iov_len : left;

			assert_in_range(n, 1, total - at);
			memcpy(all + at, iov[i].iov_base, n);
			at += n;
			left -= n;
		}
		request->sent = at;
	}
	assert_int_equal(request_iov(&m->maker, request, iov), 0);
	all[total] = 0;
	return all;
}

static void the_head_names_host_and_length(void **state)
{
	static const char want[] = "POST /a?b=c HTTP/1.1\r\nHost: [::1]:8080\r\n";
	_cleanup_free_ char *all = NULL;
	struct request request;
	struct maker m;

	(void)state;
	make(&m, 1000);
	assert_int_equal(request_begin(&m.maker, 0, 1000, &request), 0);
	all = sent_in(&m, &request, UINT64_MAX);
	assert_memory_equal(all, want, sizeof(want) - 1);
	assert_non_null(strstr(all, "\r\nContent-Length: 1000\r\n"));
	assert_ptr_equal(strstr(all, "\r\n\r\n") + 4, all + request.n_head);
	request_end(&request);
	request_maker_free(&m.maker);
}

static void a_get_has_no_length(void **state)
{
	_cleanup_free_ char *all = NULL;
	struct request request;
	struct maker m;

	(void)state;
	make(&m, 0);
	request_maker_free(&m.maker);
	m.config.method = METHOD_GET;
	assert_int_equal(request_maker_init(&m.maker, &m.config, 12345), 0);
	assert_int_equal(request_begin(&m.maker, 7, 0, &request), 0);
	all = sent_in(&m, &request, 1);
	assert_memory_equal(all, "GET /a?b=c HTTP/1.1\r\n", 21);
	assert_null(strstr(all, "Content-Length"));
	assert_string_equal(all + strlen(all) - 4, "\r\n\r\n");
	request_end(&request);
	request_maker_free(&m.maker);
}

static void check_head(struct maker *m, uint64_t size, const char *want)
{
	_cleanup_free_ char *all = NULL;
	struct request request;

	assert_int_equal(request_maker_init(&m->maker, &m->config, 12345), 0);
	assert_int_equal(request_begin(&m->maker, 0, size, &request), 0);
	all = sent_in(m, &request, UINT64_MAX);
	all[request.n_head] = '\0';
	assert_string_equal(all, want);
	request_end(&request);
	request_maker_free(&m->maker);
}

static void add_header(struct maker *m, const char *text)
{
	strcpy(m->config.headers.text[m->config.headers.n++], text);
}

static void each_method_has_its_head(void **state)
{
	struct maker m = { .config = { .method = METHOD_PUT } };

	(void)state;
	strcpy(m.config.url.target, "/");
	strcpy(m.config.url.authority, "a");
	add_header(&m, "User-Agent: me");
	check_head(&m, 0,
		   "PUT / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n"
		   "Content-Type: application/octet-stream\r\nContent-Length: 0\r\n"
		   "User-Agent: me\r\n\r\n");
	m.config.method = METHOD_HEAD;
	check_head(&m, 0, "HEAD / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: me\r\n\r\n");
}

static void configured_headers_take_the_place_of_ours(void **state)
{
	struct maker m = { .config = { .method = METHOD_POST, .request_size = 3 } };

	(void)state;
	strcpy(m.config.url.target, "/x");
	strcpy(m.config.url.authority, "a");
	add_header(&m, "X-A: 1");
	add_header(&m, "host:b.example:81");
	add_header(&m, "X-A:2");
	add_header(&m, "user-AGENT:");
	add_header(&m, "Accept: text/plain");
	add_header(&m, "content-type: text/plain; charset=utf-8");
	check_head(&m, 3,
		   "POST /x HTTP/1.1\r\nHost: b.example:81\r\nContent-Length: 3\r\nX-A: 1\r\n"
		   "X-A: 2\r\nuser-AGENT: \r\nAccept: text/plain\r\n"
		   "content-type: text/plain; charset=utf-8\r\n\r\n");
}

/* The most that a configuration can ask for. */
static void the_longest_head_fits(void **state)
{
	struct maker m = { .config = { .method = METHOD_DELETE } };
	struct request request;

	(void)state;
	memset(m.config.url.target, 't', sizeof(m.config.url.target) - 1);
	memset(m.config.url.authority, 'a', sizeof(m.config.url.authority) - 1);
	for (size_t i = 0; i < LOADGEN_MAX_HEADERS; i++) {
		memset(m.config.headers.text[i], 'x', LOADGEN_MAX_HEADER);
		m.config.headers.text[i][1] = ':'; /* without a blank, that is sent */
		m.config.headers.n++;
	}
	assert_int_equal(request_maker_init(&m.maker, &m.config, 1), 0);
	assert_int_equal(request_begin(&m.maker, 0, 0, &request), 0);
	assert_true(request_size(&request) > 1023 + 271 + 32 * 503);
	request_end(&request);
	request_maker_free(&m.maker);
}

static void the_last_can_be_smaller(void **state)
{
	_cleanup_free_ char *all = NULL;
	struct request request;
	struct maker m;

	(void)state;
	make(&m, 1000);
	assert_int_equal(request_begin(&m.maker, 3, 17, &request), 0);
	all = sent_in(&m, &request, 5);
	assert_non_null(strstr(all, "\r\nContent-Length: 17\r\n"));
	assert_int_equal(request_size(&request), request.n_head + 17);
	assert_int_equal(request_payload_sent(&request), 17);
	request_end(&request);
	request_maker_free(&m.maker);
}

/* Sizes around the fresh bytes and the arena's greatest; a large k starts anywhere in the arena. */
static void a_cut_changes_no_byte(void **state)
{
	static const uint64_t sizes[] = { 1,	   7,	    8,	     9,	      100,
					  1 << 20, 1048577, 3000000, 2097160, 5 << 20 };
	static const uint64_t steps[] = { 1, 3, 4096, 65537 };
	struct maker m;

	(void)state;
	for (size_t i = 0; i < array_size(sizes); i++) {
		_cleanup_free_ char *whole = NULL;
		struct request request;

		make(&m, sizes[i]);
		assert_int_equal(request_begin(&m.maker, i * 977, sizes[i], &request), 0);
		whole = sent_in(&m, &request, UINT64_MAX);
		for (size_t j = sizes[i] > 100; j < array_size(steps); j++) {
			_cleanup_free_ char *cut = sent_in(&m, &request, steps[j]);

			assert_memory_equal(cut, whole, request_size(&request));
		}
		request_end(&request);
		request_maker_free(&m.maker);
	}
}

/* As far as the arena may grow with it. */
static void a_body_does_not_repeat_itself(void **state)
{
	static const uint64_t sizes[] = { 1000, 32769, 65536, 100000, 524288, 1000000 };
	struct request request;
	struct maker m;

	(void)state;
	for (size_t i = 0; i < array_size(sizes); i++) {
		_cleanup_free_ char *all = NULL;
		const char *body;

		make(&m, sizes[i]);
		assert_int_equal(request_begin(&m.maker, 0, sizes[i], &request), 0);
		all = sent_in(&m, &request, UINT64_MAX);
		body = all + request.n_head + REQUEST_FRESH_SIZE;
		assert_null(memmem(body + 1, sizes[i] - REQUEST_FRESH_SIZE - 1, body, 16));
		request_end(&request);
		request_maker_free(&m.maker);
	}
}

/* Where their random bytes begin is by chance one of 1,024 places, and of more where bodies are larger. */
static void bodies_are_of_other_random_bytes(void **state)
{
	static const uint64_t sizes[] = { 1000, 100000 };
	struct request request;
	struct maker m;

	(void)state;
	for (size_t i = 0; i < array_size(sizes); i++) {
		_cleanup_free_ char *before = NULL;
		unsigned int n_equal = 0;

		make(&m, sizes[i]);
		for (uint64_t k = 0; k < 200; k++) {
			_cleanup_free_ char *all = NULL;
			size_t random;

			assert_int_equal(request_begin(&m.maker, k, sizes[i], &request), 0);
			all = sent_in(&m, &request, UINT64_MAX);
			random = request.n_head + REQUEST_FRESH_SIZE;
			n_equal += before && !memcmp(before + random, all + random, 64);
			free(before);
			before = take_ptr(all);
			request_end(&request);
		}
		assert_true(n_equal <= 4);
		request_maker_free(&m.maker);
	}
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void no_two_bodies_are_equal(void **state)
{
	enum { N = 100000 };
	uint64_t *fresh = calloc(N, sizeof(*fresh));
	struct request request;
	bool seen[256] = { false };
	struct maker m;

	(void)state;
	assert_non_null(fresh);
	make(&m, 1000);
	for (uint64_t k = 0; k < N; k++) {
		assert_int_equal(request_begin(&m.maker, k, 1000, &request), 0);
		memcpy(&fresh[k], request.fresh, sizeof(fresh[k]));
		if (k < 256) {
			assert_false(
				seen[(unsigned char)request.fresh[0]]); /* a body of one byte */
			seen[(unsigned char)request.fresh[0]] = true;
		}
		request_end(&request);
	}
	qsort(fresh, N, sizeof(*fresh), compare_u64);
	for (size_t i = 1; i < N; i++)
		assert_true(fresh[i - 1] < fresh[i]);
	free(fresh);
	request_maker_free(&m.maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_names_host_and_length),
		cmocka_unit_test(a_get_has_no_length),
		cmocka_unit_test(each_method_has_its_head),
		cmocka_unit_test(configured_headers_take_the_place_of_ours),
		cmocka_unit_test(the_longest_head_fits),
		cmocka_unit_test(the_last_can_be_smaller),
		cmocka_unit_test(a_cut_changes_no_byte),
		cmocka_unit_test(a_body_does_not_repeat_itself),
		cmocka_unit_test(bodies_are_of_other_random_bytes),
		cmocka_unit_test(no_two_bodies_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
