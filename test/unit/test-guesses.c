// SPDX-License-Identifier: MIT OR Apache-2.0
/* How often an address may guess, and that it is judged by its own guesses alone. */
#include "unit.h"

#include "http/guesses.h"
#include "util/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define NOW (1000 * NSEC_PER_SEC)

static struct sockaddr *at(const char *text)
{
	static struct sockaddr_storage address;
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	memset(&address, 0, sizeof(address));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		in->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		in6->sin6_family = AF_INET6;
	return (struct sockaddr *)&address;
}

static struct guesses *make(void)
{
	struct guesses *guesses = NULL;

	assert_int_equal(guesses_create(7, &guesses), 0);
	return guesses;
}

/* Return: how many guesses of those tried at once were let through. */
static int guess(struct guesses *guesses, const char *address, uint64_t now_ns, int tries)
{
	int n = 0;

	for (int i = 0; i < tries; i++) {
		if (guesses_wait_ns(guesses, at(address), now_ns))
			continue;
		guesses_count(guesses, at(address), now_ns);
		n++;
	}
	return n;
}

static void test_burst_then_pace(void **state)
{
	struct guesses *guesses = make();

	(void)state;
	assert_int_equal(guess(guesses, "192.0.2.1", NOW, 100), GUESSES_AT_ONCE);
	assert_int_equal(guesses_wait_ns(guesses, at("192.0.2.1"), NOW), GUESSES_EVERY_NS);
	assert_int_equal(guess(guesses, "192.0.2.1", NOW + GUESSES_EVERY_NS - 1, 100), 0);
	assert_int_equal(guess(guesses, "192.0.2.1", NOW + GUESSES_EVERY_NS, 100), 1);
	assert_int_equal(guess(guesses, "192.0.2.1", NOW + 4 * GUESSES_EVERY_NS, 100), 3);
	assert_int_equal(guess(guesses, "192.0.2.1", NOW + 1000 * GUESSES_EVERY_NS, 100),
			 GUESSES_AT_ONCE);
	guesses_free(guesses);
}

static void test_seldom_is_never_too_often(void **state)
{
	struct guesses *guesses = make();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(guess(guesses, "192.0.2.1", NOW + i * GUESSES_EVERY_NS, 1), 1);
	guesses_free(guesses);
}

static void test_addresses(void **state)
{
	struct guesses *guesses = make();
	static const char *const same[][2] = { { "2001:db8::1", "2001:db8::ffff:1:2:3" },
					       { "192.0.2.1", "::ffff:192.0.2.1" } };
	static const char *const other[][2] = { { "2001:db8:0:1::1", "2001:db8:0:2::1" },
						{ "198.51.100.1", "198.51.100.2" },
						{ "::ffff:198.51.100.3", "::ffff:198.51.100.4" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(guess(guesses, same[i][0], NOW, 100), GUESSES_AT_ONCE);
		assert_int_equal(guess(guesses, same[i][1], NOW, 100), 0);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(guess(guesses, other[i][0], NOW, 100), GUESSES_AT_ONCE);
		assert_int_equal(guess(guesses, other[i][1], NOW, 100), GUESSES_AT_ONCE);
	}
	guesses_free(guesses);
}

/* Whoever comes first, last or in between: a burst of its own, whatever the table is full of. */
static void test_more_addresses_than_there_is_room_for(void **state)
{
	struct guesses *guesses = make();
	char text[INET_ADDRSTRLEN];

	(void)state;
	for (unsigned int i = 0; i < 20 * GUESSES_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		assert_int_equal(guesses_wait_ns(guesses, at(text), NOW), 0);
		assert_int_equal(guess(guesses, text, NOW, 20), GUESSES_AT_ONCE);
	}
	guesses_free(guesses);
}

/* One who goes on is not forgotten for those who have tried once. */
static void test_who_guesses_most_is_remembered(void **state)
{
	struct guesses *guesses = make();
	char text[INET_ADDRSTRLEN];

	(void)state;
	guess(guesses, "192.0.2.1", NOW, 100);
	for (unsigned int i = 0; i < 20 * GUESSES_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		assert_int_equal(guess(guesses, text, NOW, 1), 1);
	}
	assert_true(guesses_wait_ns(guesses, at("192.0.2.1"), NOW) > 0);
	guesses_free(guesses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_pace),
		cmocka_unit_test(test_seldom_is_never_too_often),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_more_addresses_than_there_is_room_for),
		cmocka_unit_test(test_who_guesses_most_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
