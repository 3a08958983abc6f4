// SPDX-License-Identifier: MIT OR Apache-2.0
/* Addresses to listen at: what is one, how it is written, and who can reach it. */
#include "util/address.h"

#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static void good_addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *written;
		bool local;
	} good[] = {
		{ "127.0.0.1:3000", "127.0.0.1:3000", true },
		{ "localhost:80", "127.0.0.1:80", true },
		{ "127.9.9.9:65535", "127.9.9.9:65535", true },
		{ "0.0.0.0:1", "0.0.0.0:1", false },
		{ "128.0.0.1:3000", "128.0.0.1:3000", false },
		{ "[::1]:3000", "[::1]:3000", true },
		{ "[0:0::1]:3000", "[::1]:3000", true },
		{ "[::]:3000", "[::]:3000", false },
		{ "[::2]:3000", "[::2]:3000", false },
		{ "[::ffff:127.0.0.2]:1", "[::ffff:127.0.0.2]:1", true },
		{ "[::ffff:126.0.0.2]:1", "[::ffff:126.0.0.2]:1", false },
		{ "unix:/run/x.sock", "unix:/run/x.sock", true },
	};
	struct address address;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		assert_int_equal(address_parse(good[i].text, &address), 0);
		address_format(&address, text);
		assert_string_equal(text, good[i].written);
		if (address_is_local(&address) != good[i].local)
			fail_msg("%s", good[i].text);
	}
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = { "",
					   ":",
					   "3000",
					   ":3000",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "127.0.0.1:+1",
					   "127.0.0.1:1 ",
					   " 127.0.0.1:1",
					   "127.1:1",
					   "::1:3000",
					   "[::1]",
					   "[::1]3000",
					   "[::1:3000",
					   "[]:3000",
					   "[127.0.0.1]:1",
					   "[fe80::1%lo]:1",
					   "localhost",
					   "Localhost:1",
					   "example.org:80",
					   "*:80",
					   "unix:",
					   "unix:x.sock",
					   "unix:@x",
					   "UNIX:/x",
					   "/run/x.sock",
					   "tcp:127.0.0.1:1" };
	struct address address;
	char text[200];

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++)
		if (address_parse(bad[i], &address) != -EINVAL)
			fail_msg("\"%s\" should be refused", bad[i]);
	for (size_t len = 0; len < 150; len++) {
		snprintf(text, sizeof(text), "unix:/%0*d", (int)len, 0);
		assert_int_equal(address_parse(text, &address),
				 strlen(text) - 5 < sizeof(address.un.sun_path) ? 0 : -EINVAL);
	}
	for (size_t len = 1; len < 150; len++) {
		snprintf(text, sizeof(text), "%0*d:1", (int)len, 0);
		assert_int_equal(address_parse(text, &address), -EINVAL);
		snprintf(text, sizeof(text), "[%0*d]:1", (int)len, 0);
		assert_int_equal(address_parse(text, &address), -EINVAL);
	}
}

/* As getsockname(2) gives them: without a name, and not NUL-terminated. */
static void every_socket_has_a_text(void **state)
{
	struct address address = { .un = { .sun_family = AF_UNIX } };
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	address.len = offsetof(struct sockaddr_un, sun_path);
	address_format(&address, text);
	assert_string_equal(text, "unix:");
	memset(address.un.sun_path, 'x', sizeof(address.un.sun_path));
	address.len = sizeof(address.un);
	address_format(&address, text);
	assert_int_equal(strlen(text), 5 + sizeof(address.un.sun_path));
	address = (struct address){ .sa.sa_family = AF_NETLINK };
	address_format(&address, text);
	assert_string_equal(text, "?");
	assert_false(address_is_local(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses_are_read_and_written),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(every_socket_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
