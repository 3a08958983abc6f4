// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/key.c: every name gives a key that bpffs and file systems take. */
#include "unit.h"

#include "model/key.h"
#include "util/cleanup.h"

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

static void expect_parsed(const char *key, const char *name, uint64_t netns_inode)
{
	char parsed[SAMPLER_NAME_MAX];
	uint64_t inode = 99;

	assert_int_equal(key_parse(key, parsed, &inode), 0);
	assert_string_equal(parsed, name);
	assert_true(inode == netns_inode);
}

static void keys_lead_back_to_their_names(void **state)
{
	(void)state;
	expect_parsed("eth0", "eth0", 0);
	expect_parsed("eth0%2E100@4026532001", "eth0.100", 4026532001);
	expect_parsed("%25%40%FF", "%@\xff", 0);
	expect_parsed("%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E@18446744073709551615",
		      "...............", UINT64_MAX);
}

static void nothing_else_is_a_key(void **state)
{
	static const char *const others[] = {
		"",
		".",
		"..",
		"a.b",
		"a/b",
		"a b",
		"a~",
		"@lock",
		"@1",
		"a@",
		"a@0",
		"a@01",
		"a@x",
		"a@1@2",
		"a@1 ",
		"a%",
		"a%2",
		"a%2e",
		"a%41",
		"a%00",
		"%",
		"a%G0",
		"a%2F%2f",
		"a234567890123456",
		"a@18446744073709551616",
		"\xff",
	};
	char name[SAMPLER_NAME_MAX] = "untouched";
	uint64_t inode = 99;

	(void)state;
	for (size_t i = 0; i < array_size(others); i++) {
		if (key_parse(others[i], name, &inode) != -EINVAL)
			fail_msg("\"%s\" is taken for a key", others[i]);
	}
	assert_string_equal(name, "untouched");
	assert_true(inode == 99);
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
		cmocka_unit_test(keys_lead_back_to_their_names),
		cmocka_unit_test(nothing_else_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
