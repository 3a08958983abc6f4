// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/config*.c and header.c: methods and payload, headers, TLS, outputs, thresholds; what of
 * them is refused, and where each value is said to come from. test-loadgen-config.c has the other
 * keys.
 */
#include "loadgen-config-fixture.h"

#include "header.h"
#include "util/cleanup.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char warning[512]; /* the last one */
static unsigned int n_warnings;

/* ---- methods ---- */

static void method_and_payload_follow_each_other(void **state)
{
	static const struct {
		const char *args[7];
		enum http_method method;
		uint64_t request_size;
	} cases[] = {
		{ { NULL }, METHOD_POST, 1000 },
		{ { "method", "PUT" }, METHOD_PUT, 1000 },
		{ { "method", "PATCH", "request-size", "5" }, METHOD_PATCH, 5 },
		{ { "request-size", "0", "rate", "1" }, METHOD_GET, 0 },
		{ { "method", "GET", "rate", "1" }, METHOD_GET, 0 },
		{ { "method", "HEAD", "rate", "1" }, METHOD_HEAD, 0 },
		{ { "method", "DELETE", "bandwidth", "0" }, METHOD_DELETE, 0 },
		{ { "method", "POST", "request-size", "0", "rate", "1" }, METHOD_POST, 0 },
		{ { "method", "GET", "request-size", "0", "rate", "1" }, METHOD_GET, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct config c;

		must_resolve(URL, cases[i].args, &c);
		if (c.method != cases[i].method || c.request_size != cases[i].request_size)
			fail_msg("%zu: %s, %ju bytes", i, method_name(c.method),
				 (uintmax_t)c.request_size);
	}
	must_fail(URL, ARGS("method", "GET", "request-size", "1KB", "rate", "1"),
		  "^method = GET \\(--method\\) and request_size = 1KB \\(--request-size\\): this "
		  "method has no payload; drop request_size, or have POST, PUT or PATCH");
	must_fail(URL "[traffic]\nrequest_size = 7\nmethod = HEAD\n", ARGS("rate", "1"),
		  "^method = HEAD .* and request_size = 7B \\(/tmp/.*:4\\): ");
	must_fail(URL, ARGS("method", "GET"),
		  "^bandwidth = 10Mbps \\(default\\) and request_size = 0 \\(follows from "
		  "method\\): ");
	must_fail(URL, ARGS("method", "get"), "^--method get: expected POST, PUT or PATCH, or GET");
	must_fail(URL, ARGS("method", "TRACE"), "^--method TRACE: expected");
	must_fail(URL, ARGS("method", ""), "^--method : expected");
}

static void all_methods_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(method_name(METHOD_POST), "POST");
	assert_string_equal(method_name(METHOD_DELETE), "DELETE");
	assert_true(method_has_payload(METHOD_POST) && method_has_payload(METHOD_PUT) &&
		    method_has_payload(METHOD_PATCH));
	assert_false(method_has_payload(METHOD_GET) || method_has_payload(METHOD_HEAD) ||
		     method_has_payload(METHOD_DELETE));
}

/* ---- headers ---- */

static void options_replace_the_headers_of_a_file(void **state)
{
	static const char file[] = URL "[traffic]\nheader = A: 1\nheader = B: 2\nheader = A: 3\n";
	struct config c;

	(void)state;
	must_resolve(file, NULL, &c);
	assert_int_equal(c.headers.n, 3);
	assert_string_equal(c.headers.text[2], "A: 3");
	must_resolve(file, ARGS("header", "C: 4", "header", "A: 5"), &c);
	assert_int_equal(c.headers.n, 2);
	assert_string_equal(c.headers.text[0], "C: 4");
	assert_string_equal(c.headers.text[1], "A: 5");
	must_resolve(file, ARGS("header", ""), &c);
	assert_int_equal(c.headers.n, 0);
	must_resolve(URL "[traffic]\nheader =\n", NULL, &c);
	assert_int_equal(c.headers.n, 0);
}

static void headers_that_are_good(void **state)
{
	static const char *const good[] = {
		"A: b",
		"A:b",
		"A:",
		"A:  b c",
		"a!#$%&'*+-.^_`|~9: x",
		"A: b;c",
		"A: \"b; c\"",
		"Content-Type: text/html; charset=utf-8",
		"Host: a",
		"HOST: a.b:80",
		"Host: [::1]:80",
		"A: \xc3\xa9",
		"A: b\tc",
		"Connection: close",
		"Content-Lengths: 5",
	};

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		struct config c;

		must_resolve(NULL, ARGS("url", "a", "header", good[i]), &c);
		assert_int_equal(c.headers.n, 1);
		assert_string_equal(c.headers.text[0], good[i]);
	}
}

static void headers_that_are_not(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "A", "expected a header such as X-Test: value" },
		{ ": b", "expected" },
		{ "A b: c", "expected" },
		{ "A : b", "expected" },
		{ " A: b", "expected" },
		{ "A: b ", "expected" },
		{ "A: b\t", "expected" },
		{ "A: b\r\nC: d", "expected" },
		{ "A: b\nC: d", "expected" },
		{ "A: \x7f", "expected" },
		{ "A: \x01", "expected" },
		{ "\xc3\xa9: b", "expected" },
		{ "(A): b", "expected" },
		{ "A: b ; c", "a blank before ; begins a comment" },
		{ "Content-Length: 5", "Content-Length follows from request_size" },
		{ "content-length:5", "Content-Length follows from request_size" },
		{ "Transfer-Encoding: chunked", "requests are sent with Content-Length" },
		{ "Host:", "Host cannot be empty" },
		{ "Host: a b", "expected Host: NAME\\[:PORT\\]" },
		{ "Host: a/b", "expected Host: NAME" },
		{ "Host: u@a", "expected Host: NAME" },
	};
	char text[600] = "A: ";

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++)
		must_fail(NULL, ARGS("url", "a", "header", bad[i].text), bad[i].why);
	must_fail(NULL, ARGS("url", "a", "header", "Host: a", "header", "host: b"),
		  "^--header host: b: a request has one Host");
	must_fail(URL "[traffic]\n\nheader = A\n", NULL,
		  ":5: header = A: expected a header such as");
	memset(text + 3, 'x', 497);
	assert_int_equal(strlen(text), 500);
	must_resolve(NULL, ARGS("url", "a", "header", text), &(struct config){ 0 });
	text[500] = 'x';
	must_fail(NULL, ARGS("url", "a", "header", text), "at most 500 characters");
}

static void there_are_32_headers_at_most(void **state)
{
	const char *args[2 * 34 + 1] = { "url", "a" };
	struct config c;

	(void)state;
	for (size_t i = 1; i < 34; i++) {
		args[2 * i] = "header";
		args[2 * i + 1] = "A: b";
	}
	must_fail(NULL, args, "^--header A: b: more than 32 headers");
	args[2 * 33] = NULL;
	must_resolve(NULL, args, &c);
	assert_int_equal(c.headers.n, 32);
}

static void headers_are_found_by_name(void **state)
{
	struct config c;

	(void)state;
	must_resolve(NULL, ARGS("url", "a", "header", "Host:  x", "header", "Ab: c"), &c);
	assert_string_equal(header_value(header_find(&c.headers, "hOST")), "x");
	assert_string_equal(header_value(header_find(&c.headers, "AB")), "c");
	assert_null(header_find(&c.headers, "A"));
	assert_null(header_find(&c.headers, "Abc"));
}

/* ---- what else is refused ---- */

static void keys_are_told_what_they_lack(void **state)
{
	static const struct {
		const char *args[7];
		const char *why;
	} cases[] = {
		{ { "ramp", "5s", "bandwidth", "0" },
		  "^ramp = 5s \\(--ramp\\): there is no pace to grow to; give bandwidth or rate" },
		{ { "ramp", "5s", "duration", "4s" },
		  "^ramp = 5s .* and duration = 4s .*: the run ends before its pace is reached" },
		{ { "ramp", "25h" }, "^--ramp 25h: expected a duration such as 10s, up to 1d" },
		{ { "give-up", "1" }, "^--give-up 1: expected a duration such as 30s, up to 1d" },
		{ { "key-file", "k" }, "^key_file = k \\(--key-file\\): .*give cert_file" },
		{ { "cert-file", "a;b" }, "^--cert-file a;b: expected a path" },
		{ { "server-name", "a/b" }, "^--server-name a/b: expected a host name" },
		{ { "server-name", "-a" }, "^--server-name -a: expected a host name" },
		{ { "server-name", ".a" }, "^--server-name .a: expected a host name" },
		{ { "min-version", "1.1" }, "^--min-version 1.1: expected 1.2 or 1.3" },
		{ { "min-version", "" }, "^--min-version : expected 1.2 or 1.3" },
		{ { "session-reuse", "on" }, "^--session-reuse on: expected yes or no" },
		{ { "json", "x", "csv", "x" },
		  "^json = x .* and csv = x .*: each needs a file of its own" },
		{ { "ndjson", "-", "hdr", "-" }, "^ndjson = - .* and hdr = - .*standard output" },
		{ { "max-p99", "5" }, "^--max-p99 5: expected a duration such as 50ms, up to 1h" },
		{ { "max-p50", "61min" }, "^--max-p50 61min: expected" },
		{ { "max-p99-9", "x" }, "^--max-p99-9 x: expected" },
		{ { "max-errors", "1" }, "^--max-errors 1: expected a share such as 1% or 99.5%" },
		{ { "max-errors", "100.1%" }, "^--max-errors 100.1%: expected .*up to 100%" },
		{ { "min-achieved", "-1%" }, "^--min-achieved -1%: expected" },
		{ { "min-achieved", "99%", "bandwidth", "0" },
		  "^min_achieved = 99% \\(--min-achieved\\): there is no pace to achieve" },
		{ { "verify", "http://" }, "^--verify http://: no host" },
		{ { "verify", "a:3000/?if=eth0" },
		  "^verify = a:3000/\\?if=eth0 \\(--verify\\): .* as "
		  "http://HOST:3000/\\?interface=eth0" },
		{ { "verify", "a/?interface=" }, "^verify = .*: of a sampler's address only the" },
		{ { "verify", "a/?interface=a%20b" },
		  "^verify = .*: of a sampler's address only the" },
		{ { "verify", "a/?interface=a&b=c" },
		  "^verify = .*: of a sampler's address only the" },
		{ { "verify-others", "1" }, "^--verify-others 1: expected yes or no" },
		{ { "verify-token-file", "t" },
		  "^verify_token_file = t \\(--verify-token-file\\): no sampler is asked: give "
		  "verify" },
		{ { "verify-ca-file", "t" },
		  "^verify_ca_file = t .*: no sampler is asked: give verify" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		must_fail(URL, cases[i].args, cases[i].why);
}

/* ---- origins ---- */

struct origins {
	char text[4000];
};

static void take_origin(const struct config_item *item, void *user)
{
	struct origins *origins = user;
	size_t n = strlen(origins->text);

	if (strcmp(item->origin, "default") != 0)
		snprintf(origins->text + n, sizeof(origins->text) - n, "%s=%s(%s) ", item->name,
			 item->value, item->origin);
}

static void each_value_says_where_it_is_from(void **state)
{
	struct origins origins = { "" };
	struct config c;

	(void)state;
	must_resolve(NULL,
		     ARGS("url", "https://a", "method", "GET", "rate", "5", "header", "A: b",
			  "total_size", "0", "header", "C: d"),
		     &c);
	config_items(&c, take_origin, &origins);
	assert_string_equal(
		origins.text,
		"url=https://a(--url) protocol=https(follows from url) method=GET(--method) "
		"header=A: b(--header) header=C: d(--header) bandwidth=0(follows from rate) "
		"rate=5(--rate) request_size=0(follows from method) "
		"total_size=0(--total-size) ");
	origins.text[0] = '\0';
	must_resolve(URL "[traffic]\n; x\nrate = 1\nheader = A: b\n\nrequest_size = 0\n",
		     ARGS("rate", "2"), &c);
	config_items(&c, take_origin, &origins);
	assert_string_equal(
		origins.text,
		"url=http://192.0.2.1/(x.ini:2) protocol=http(follows from url) "
		"method=GET(follows from request_size) header=A: b(x.ini:6) "
		"bandwidth=0(follows from rate) rate=2(--rate) request_size=0(x.ini:8) ");
}

static void a_line_without_room_has_its_origin_above(void **state)
{
	_cleanup_free_ char *text = NULL;
	char path[200] = "";
	struct config c;
	size_t n;
	FILE *out;

	(void)state;
	memset(path, 'p', 180);
	must_resolve(NULL, ARGS("url", "a", "cert-file", path), &c);
	out = open_memstream(&text, &n);
	assert_non_null(out);
	config_print(&c, out);
	assert_int_equal(fclose(out), 0);
	assert_true(matches(text, "\n; --cert-file:\ncert_file = p{180}\n"));
	must_resolve(text, NULL, &c);
	assert_string_equal(c.cert_file, path);
}

/* ---- lines that a file cannot hold ---- */

static int note_warning(int level, const char *message_id, const char *text, const void *user)
{
	(void)level, (void)message_id, (void)user;
	snprintf(warning, sizeof(warning), "%s", text);
	n_warnings++;
	return 0;
}

/* A URL of so many characters, printed and read again. Return: whether that could be read. */
static bool reads_back(size_t length)
{
	_cleanup_free_ char *text = NULL;
	char url[400] = "http://a/";
	struct config before, after;
	struct error err;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	bool read;

	assert_non_null(out);
	memset(url + strlen(url), 'u', length - strlen(url));
	must_resolve(NULL, ARGS("url", url), &before);
	config_print(&before, out);
	assert_int_equal(fclose(out), 0);
	n_warnings = 0;
	log_set_sink(note_warning, NULL);
	config_warn_long(&before);
	log_set_sink(NULL, NULL);
	read = resolve(text, NULL, &after, &err) == 0;
	assert_true(!read || !strcmp(after.url_text, url));
	return read;
}

static void what_a_file_cannot_hold_is_told(void **state)
{
	(void)state;
	for (size_t length = 150; length <= 195; length++) {
		if (!reads_back(length) || n_warnings)
			fail_msg("%zu characters: %s", length, warning);
	}
	assert_false(reads_back(196));
	assert_int_equal(n_warnings, 1);
	assert_true(
		matches(warning, "url http://a/u+\\.\\.\\. \\(--url\\): no file can hold this"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(method_and_payload_follow_each_other),
		cmocka_unit_test(all_methods_have_their_names),
		cmocka_unit_test(options_replace_the_headers_of_a_file),
		cmocka_unit_test(headers_that_are_good),
		cmocka_unit_test(headers_that_are_not),
		cmocka_unit_test(there_are_32_headers_at_most),
		cmocka_unit_test(headers_are_found_by_name),
		cmocka_unit_test(keys_are_told_what_they_lack),
		cmocka_unit_test(each_value_says_where_it_is_from),
		cmocka_unit_test(a_line_without_room_has_its_origin_above),
		cmocka_unit_test(what_a_file_cannot_hold_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
