// SPDX-License-Identifier: MIT OR Apache-2.0
/* Which Host a request may have, tried with what a rebinding page would like to get past. */
#include "http/hosts.h"

#include "util/cleanup.h"

#include <string.h>

#include "unit.h"

static const char *const names[] = { "box7", "Sampler.Example.org", "my_host" };

static bool allowed(const char *host)
{
	return host_allowed(host, strlen(host), names, array_size(names));
}

static void check_all(const char *const *hosts, size_t n, bool want)
{
	for (size_t i = 0; i < n; i++)
		if (allowed(hosts[i]) != want)
			fail_msg("\"%s\" should%s be allowed", hosts[i], want ? "" : " not");
}

static void addresses_are_always_allowed(void **state)
{
	static const char *const good[] = { "127.0.0.1",	 "127.0.0.1:3000",
					    "127.0.0.1:",	 "10.0.0.1:65535",
					    "255.255.255.255:1", "[::1]",
					    "[::1]:3000",	 "[::1]:",
					    "[fe80::1]:80",	 "[::ffff:1.2.3.4]",
					    "[2001:DB8::A]:1" };
	static const char *const bad[] = { "::1",	    "::1:3000",	    "[::1",
					   "::1]",	    "[::1]3000",    "[::1]:x",
					   "[::1]:3 ",	    "[]",	    "[127.0.0.1]",
					   "127.0.0.1:80a", "127.0.0.1:-1", "127.0.0.1:80:80",
					   "127.1",	    "0x7f000001",   "2130706433",
					   "127.0.0.1.",    "127.0.0.01",   "256.0.0.1",
					   "127.0.0.1 ",    " 127.0.0.1",   "1.2.3.4.5",
					   "[::1]evil.com", "[::1]:1]:1",   "127.0.0.1@evil.com",
					   "[fe80::1%eth0]" };

	(void)state;
	check_all(good, array_size(good), true);
	check_all(bad, array_size(bad), false);
}

static void localhost_is_always_allowed(void **state)
{
	static const char *const good[] = { "localhost",     "LOCALHOST:3000", "localhost.",
					    "localhost.:80", "a.localhost",    "a.b.LocalHost:1" };
	static const char *const bad[] = { "localhost..",
					   "localhos",
					   "localhosts",
					   "notlocalhost",
					   ".localhost",
					   "localhost.evil.com",
					   "localhost:80@evil.com",
					   "localhost/",
					   "localhost:80/",
					   "local host",
					   "localhost\t" };

	(void)state;
	check_all(good, array_size(good), true);
	check_all(bad, array_size(bad), false);
}

static void other_names_only_where_named(void **state)
{
	static const char *const good[] = { "box7", "BOX7:1", "box7.", "sampler.example.org:3000",
					    "my_host" };
	static const char *const bad[] = { "evil.com",
					   "box",
					   "box77",
					   "box7.evil.com",
					   "x.box7",
					   "evil.com/.localhost",
					   "evil.com?.localhost",
					   "evil#.localhost",
					   "a b.localhost",
					   "..localhost",
					   "a..localhost",
					   "\xc3\xa4.localhost",
					   "example.org",
					   "x.sampler.example.org",
					   "sampler-example.org",
					   "",
					   ".",
					   ":80",
					   ":" };

	(void)state;
	check_all(good, array_size(good), true);
	check_all(bad, array_size(bad), false);
	assert_false(host_allowed("box7", 4, NULL, 0));
	assert_true(host_allowed("localhost", 9, NULL, 0));
}

/* What the length says counts, not where a NUL is. */
static void the_length_counts_not_a_nul(void **state)
{
	char host[1024];

	(void)state;
	assert_false(host_allowed("localhost\0.evil.com", 19, NULL, 0));
	assert_false(host_allowed("127.0.0.1\0", 10, NULL, 0));
	assert_true(host_allowed("localhostile", 9, NULL, 0));
	assert_false(host_allowed("localhost", 0, NULL, 0));
	for (size_t len = 1; len <= sizeof(host); len++) {
		memset(host, 'a', sizeof(host));
		assert_false(host_allowed(host, len, names, array_size(names)));
		memset(host, '[', sizeof(host));
		assert_false(host_allowed(host, len, names, array_size(names)));
		memset(host, ':', sizeof(host));
		assert_false(host_allowed(host, len, names, array_size(names)));
	}
}

/* A name of DNS's full length with a dot and a port still fits. */
static void the_longest_name_fits(void **state)
{
	char host[300];

	(void)state;
	memset(host, 'a', 253);
	strcpy(host + 253 - strlen(".localhost"), ".localhost");
	assert_true(allowed(host));
	strcat(host, ".:65535");
	assert_true(allowed(host));
	memmove(host + 1, host, strlen(host) + 1);
	assert_false(allowed(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_always_allowed),
		cmocka_unit_test(localhost_is_always_allowed),
		cmocka_unit_test(other_names_only_where_named),
		cmocka_unit_test(the_length_counts_not_a_nul),
		cmocka_unit_test(the_longest_name_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
