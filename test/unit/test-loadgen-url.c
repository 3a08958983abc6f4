// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/url.c: what every part of a URL may be, and what becomes of it. */
#include "unit.h"

#include "url.h"
#include "util/cleanup.h"

#include <errno.h>
#include <string.h>

static void good_urls_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		bool tls_by_default, tls;
		const char *host;
		unsigned int port;
		const char *authority, *target;
	} cases[] = {
		{ "http://a", false, false, "a", 80, "a", "/" },
		{ "http://a", true, false, "a", 80, "a", "/" },
		{ "https://a", false, true, "a", 443, "a", "/" },
		{ "HTTPS://a", false, true, "a", 443, "a", "/" },
		{ "a", false, false, "a", 80, "a", "/" },
		{ "a", true, true, "a", 443, "a", "/" },
		{ "localhost:8080", false, false, "localhost", 8080, "localhost:8080", "/" },
		{ "localhost:8080/x", true, true, "localhost", 8080, "localhost:8080", "/x" },
		{ "http://a:80/", false, false, "a", 80, "a", "/" },
		{ "https://a:443/", false, true, "a", 443, "a", "/" },
		{ "http://a:443/", false, false, "a", 443, "a:443", "/" },
		{ "https://a:80/", false, true, "a", 80, "a:80", "/" },
		{ "http://a:1", false, false, "a", 1, "a:1", "/" },
		{ "http://a:65535", false, false, "a", 65535, "a:65535", "/" },
		{ "http://a:008080", false, false, "a", 8080, "a:8080", "/" },
		{ "http://a.example.com./b", false, false, "a.example.com.", 80, "a.example.com.",
		  "/b" },
		{ "http://a-b_c.x--y/", false, false, "a-b_c.x--y", 80, "a-b_c.x--y", "/" },
		{ "http://192.0.2.1/p", false, false, "192.0.2.1", 80, "192.0.2.1", "/p" },
		{ "http://a.80/", false, false, "a.80", 80, "a.80", "/" },
		{ "http://0x7g.1/", false, false, "0x7g.1", 80, "0x7g.1", "/" },
		{ "http://0.x7/", false, false, "0.x7", 80, "0.x7", "/" },
		{ "http://1.2.3.4a/", false, false, "1.2.3.4a", 80, "1.2.3.4a", "/" },
		{ "http://[::1]/p", false, false, "::1", 80, "[::1]", "/p" },
		{ "http://[2001:DB8::1]:8080", false, false, "2001:DB8::1", 8080,
		  "[2001:DB8::1]:8080", "/" },
		{ "[::]:9", false, false, "::", 9, "[::]:9", "/" },
		{ "http://[::ffff:192.0.2.1]", false, false, "::ffff:192.0.2.1", 80,
		  "[::ffff:192.0.2.1]", "/" },
		{ "http://[fe80::1%25eth0]:81/", false, false, "fe80::1%eth0", 81, "[fe80::1]:81",
		  "/" },
		{ "http://[fe80::1%eth0]/", false, false, "fe80::1%eth0", 80, "[fe80::1]", "/" },
		{ "http://[fe80::1%25]/", false, false, "fe80::1%25", 80, "[fe80::1]", "/" },
		{ "http://a/b/c?d=e&f=g", false, false, "a", 80, "a", "/b/c?d=e&f=g" },
		{ "http://a?x", false, false, "a", 80, "a", "/?x" },
		{ "a/?u=http://b:1/@", false, false, "a", 80, "a", "/?u=http://b:1/@" },
		{ "http://a//b/../c;p=1", false, false, "a", 80, "a", "//b/../c;p=1" },
		{ "http://a/%41%2f%fF", false, false, "a", 80, "a", "/%41%2f%fF" },
		{ "http://a/-._~!$&'()*+,;=:@", false, false, "a", 80, "a", "/-._~!$&'()*+,;=:@" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct error err = { "" };
		struct url url;

		if (url_parse(cases[i].text, cases[i].tls_by_default, &url, &err))
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		assert_int_equal(url.tls, cases[i].tls);
		assert_string_equal(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_string_equal(url.authority, cases[i].authority);
		assert_string_equal(url.target, cases[i].target);
	}
}

static void bad_urls_are_refused(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "", "no host" },
		{ "http://", "no host" },
		{ "http:///path", "no host" },
		{ "/path", "no host" },
		{ "?x", "no host" },
		{ "http://:80/", "no host" },
		{ "http://[]/", "no host" },
		{ "ftp://a/", "unknown scheme" },
		{ "httpss://a/", "unknown scheme" },
		{ "://a/", "unknown scheme" },
		{ " http://a/", "unknown scheme" },
		{ "http://user@a/", "user@" },
		{ "http://user:pw@a/", "user@" },
		{ "http://a#x", "fragment" },
		{ "http://a/#x", "fragment" },
		{ "http://a/b?c#", "fragment" },
		{ "http://a:/", "port" },
		{ "http://a:0/", "port" },
		{ "http://a:65536/", "port" },
		{ "http://a:99999999999999999999/", "port" },
		{ "http://a:00000080/", "port" },
		{ "http://a:-1/", "port" },
		{ "http://a: 80/", "port" },
		{ "http://a:8o/", "port" },
		{ "http://[::1]:/", "port" },
		{ "http:a", "port" },
		{ "http://::1/", "needs brackets" },
		{ "2001:db8::1", "needs brackets" },
		{ "http://a:80:90/", "needs brackets" },
		{ "http://[::1/", "without" },
		{ "http://[::1]x/", "expected http://" },
		{ "http://[::1]80/", "expected http://" },
		{ "http://[a]/", "no IPv6" },
		{ "http://[1.2.3.4]/", "no IPv6" },
		{ "http://[1:2:3]/", "no IPv6" },
		{ "http://[::1%]/", "no IPv6" },
		{ "http://[::1%25a/b]/", "without" },
		{ "http://[::1%a b]/", "no IPv6" },
		{ "http://1.2.3/", "IPv4" },
		{ "http://1.2.3.4.5/", "IPv4" },
		{ "http://1.2.3.256/", "IPv4" },
		{ "http://10/", "IPv4" },
		{ "http://1.2.3.4./", "IPv4" },
		{ "http://./", "IPv4" },
		{ "http://0x7f.1/", "IPv4" },
		{ "http://0x7F000001/", "IPv4" },
		{ "http://127.0.0.0X1/", "IPv4" },
		{ "http://0x/", "IPv4" },
		{ "http://017700000001/", "IPv4" },
		{ "http://127.0.0.01/", "IPv4" },
		{ "http://a..b/", "no valid name" },
		{ "http://.a/", "no valid name" },
		{ "http://a../", "no valid name" },
		{ "http://-a/", "no valid name" },
		{ "http://a-/", "no valid name" },
		{ "http://a.-b/", "no valid name" },
		{ "http://a b/", "no valid name" },
		{ "http://a%41/", "no valid name" },
		{ "http://\xc3\xa4/", "xn--" },
		{ "http://a\n/", "no valid name" },
		{ "http://a]/", "no valid name" },
		{ "http://a\\b/", "no valid name" },
		{ "http://a/b c", "0x20" },
		{ "http://a/b\r\nX: y", "0x0d" },
		{ "http://a/b\tc", "0x09" },
		{ "http://a/\x7f", "0x7f" },
		{ "http://a/\xc3\xa4", "0xc3" },
		{ "http://a/\"", "0x22" },
		{ "http://a/<b>", "0x3c" },
		{ "http://a/{b}", "0x7b" },
		{ "http://a/b|c", "0x7c" },
		{ "http://a/[b]", "0x5b" },
		{ "http://a/%", "hexadecimal" },
		{ "http://a/%4", "hexadecimal" },
		{ "http://a/%4g", "hexadecimal" },
		{ "http://a/?%%41", "hexadecimal" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct url url, before;
		struct error err = { "" };

		memset(&url, 'x', sizeof(url));
		before = url;
		if (url_parse(cases[i].text, false, &url, &err) != -EINVAL)
			fail_msg("\"%s\" is taken", cases[i].text);
		if (!strstr(err.text, cases[i].word))
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		assert_memory_equal(&url, &before, sizeof(url));
	}
}

/* "http://" with n times c, and the rest; true when it is taken. */
static bool taken(char c, size_t n, const char *before, const char *rest)
{
	char text[2048];
	struct url url;
	size_t n_before = (size_t)snprintf(text, sizeof(text), "http://%s", before);

	memset(text + n_before, c, n);
	strcpy(text + n_before + n, rest);
	return !url_parse(text, false, &url, NULL);
}

static void lengths_are_bounded(void **state)
{
	static const char labels[] = /* four of 62 with their dots: 252 */
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.";

	(void)state;
	assert_true(taken('a', 63, "", "/"));
	assert_false(taken('a', 64, "", "/"));
	assert_true(taken('a', 1, labels, "/"));
	assert_true(taken('a', 1, labels, "./"));
	assert_false(taken('a', 2, labels, "/"));
	assert_false(taken('a', 3, labels, "/"));
	assert_false(taken('a', 4, labels, "/"));
	assert_false(taken('a', 300, labels, "/"));
	assert_true(taken('a', 1, labels, ":65535/"));
	assert_true(taken('p', 1021, "a/", ""));
	assert_false(taken('p', 1022, "a/", ""));
	assert_true(taken('q', 1021, "a?", ""));
	assert_false(taken('q', 1022, "a?", ""));
	assert_false(taken('p', 1900, "a/", ""));
	assert_false(taken('0', 1000, "a:", "80"));
	assert_false(taken('f', 1000, "[::", "]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls_are_taken_apart),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(lengths_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
