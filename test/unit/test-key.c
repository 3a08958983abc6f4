// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/key.c: every name gives a key that bpffs and file systems take. */
#include "unit.h"

#include "model/key.h"

#include <errno.h>
#include <string.h>

static void expect_key(const char *ifname, uint64_t netns, const char *key)
{
	char buf[KEY_MAX] = "";

	assert_int_equal(key_from_interface(ifname, netns, buf, sizeof(buf)), 0);
	assert_string_equal(buf, key);
}

static void plain_names_are_their_own_keys(void **state)
{
	(void)state;
	expect_key("eth0", 0, "eth0");
	expect_key("br-lan_2", 0, "br-lan_2");
	expect_key("ABCXYZabcxyz09", 0, "ABCXYZabcxyz09");
	expect_key("x", 0, "x");
	expect_key("a23456789012345", 0, "a23456789012345");
}

static void other_bytes_are_escaped(void **state)
{
	(void)state;
	expect_key("eth0.100", 0, "eth0%2E100");
	expect_key("a%2E", 0, "a%252E");
	expect_key("eth@if7", 0, "eth%40if7");
	expect_key("..", 0, "%2E%2E");
	expect_key("a/b c", 0, "a%2Fb%20c");
	expect_key("\xc3\xa9\xff\x01\x7f", 0, "%C3%A9%FF%01%7F");
	expect_key("[`{/:^@", 0, "%5B%60%7B%2F%3A%5E%40"); /* the neighbours of the plain ranges */
}

static void other_namespaces_follow_an_at(void **state)
{
	(void)state;
	expect_key("eth0", 4026532001, "eth0@4026532001");
	expect_key("eth0.1", 1, "eth0%2E1@1");
}

static void the_longest_key_fits(void **state)
{
	static const char longest[] = "%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E"
				      "@18446744073709551615";

	(void)state;
	assert_int_equal(sizeof(longest), KEY_MAX);
	expect_key("...............", UINT64_MAX, longest);
}

static void names_that_no_interface_has_are_refused(void **state)
{
	char buf[KEY_MAX] = "untouched";

	(void)state;
	assert_int_equal(key_from_interface("", 0, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(key_from_interface("a234567890123456", 0, buf, sizeof(buf)), -EINVAL);
	assert_string_equal(buf, "untouched");
}

static void a_small_buffer_stays_as_it_was(void **state)
{
	char buf[] = "untouched";

	(void)state;
	assert_int_equal(key_from_interface("eth0", 0, buf, 4), -ENOSPC);
	assert_int_equal(key_from_interface("eth0", 7, buf, 6), -ENOSPC);
	assert_int_equal(key_from_interface("eth0", 0, buf, 0), -ENOSPC);
	assert_string_equal(buf, "untouched");
	assert_int_equal(key_from_interface("eth0", 0, buf, 5), 0);
	assert_string_equal(buf, "eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_are_their_own_keys),
		cmocka_unit_test(other_bytes_are_escaped),
		cmocka_unit_test(other_namespaces_follow_an_at),
		cmocka_unit_test(the_longest_key_fits),
		cmocka_unit_test(names_that_no_interface_has_are_refused),
		cmocka_unit_test(a_small_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
