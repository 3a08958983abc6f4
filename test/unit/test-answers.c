// SPDX-License-Identifier: MIT OR Apache-2.0
/* Kept answers: the same question and version get them, and there is never more than the bounds. */
#include "http/answers.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static const struct endpoint here, there;
static const char json[] = "application/json", plain[] = "text/plain";

static struct answer *make(const char *text, size_t len)
{
	char *body = calloc(1, len + 1);

	assert_non_null(body);
	snprintf(body, len + 1, "%s", text);
	return answer_new(json, body, len);
}

static struct answer_key key_of(const struct endpoint *endpoint, const char *query)
{
	return (struct answer_key){ endpoint, json, query, strlen(query) };
}

static void keep(struct answers *answers, const char *query, uint64_t version, size_t len)
{
	struct answer_key key = key_of(&here, query);
	struct answer *answer = make(query, len);

	answers_keep(answers, &key, version, answer);
	answer_release(answer);
}

static bool has(struct answers *answers, const char *query, uint64_t version)
{
	struct answer_key key = key_of(&here, query);
	struct answer *answer = answers_find(answers, &key, version);
	bool same = answer && !strncmp(answer->body, query, answer->len);

	if (answer)
		answer_release(answer);
	return same;
}

static int setup(void **state)
{
	return answers_create((struct answers **)state);
}

static int teardown(void **state)
{
	answers_free(*state);
	return 0;
}

static void the_same_question_gets_it(void **state)
{
	struct answer_key elsewhere = key_of(&there, "a"), otherwise = key_of(&here, "a");

	otherwise.type = plain;
	keep(*state, "a", 1, 10);
	assert_true(has(*state, "a", 1));
	assert_true(has(*state, "a", 1));
	assert_false(has(*state, "b", 1));
	assert_null(answers_find(*state, &elsewhere, 1));
	assert_null(answers_find(*state, &otherwise, 1));
}

static void another_version_throws_it_away(void **state)
{
	keep(*state, "a", 1, 10);
	assert_false(has(*state, "a", 2));
	assert_false(has(*state, "a", 1)); /* thrown away then */
	keep(*state, "a", 2, 10);
	keep(*state, "a", 3, 10);
	assert_true(has(*state, "a", 3));
}

static void the_least_used_goes_first(void **state)
{
	char query[16];

	for (int i = 0; i < 2 * ANSWERS_MAX_KEPT; i++) {
		snprintf(query, sizeof(query), "q%d", i);
		keep(*state, query, 1, 10);
		assert_true(has(*state, query, 1));
		keep(*state, "often", 1, 10);
		assert_true(has(*state, "often", 1));
	}
	for (int i = 0; i < 2 * ANSWERS_MAX_KEPT; i++) {
		snprintf(query, sizeof(query), "q%d", i);
		assert_int_equal(has(*state, query, 1), i > ANSWERS_MAX_KEPT);
	}
}

static void bytes_are_bounded(void **state)
{
	keep(*state, "small", 1, 10);
	keep(*state, "too large", 1, ANSWERS_MAX_BYTES);
	assert_false(has(*state, "too large", 1));
	assert_true(has(*state, "small", 1));
	keep(*state, "a", 1, ANSWERS_MAX_BYTES / 2);
	assert_true(has(*state, "small", 1));
	keep(*state, "b", 1, ANSWERS_MAX_BYTES / 2);
	assert_false(has(*state, "a", 1));
	assert_true(has(*state, "b", 1));
	keep(*state, "c", 1, ANSWERS_MAX_BYTES - 1);
	assert_true(has(*state, "c", 1));
	assert_false(has(*state, "b", 1));
	assert_false(has(*state, "small", 1));
}

/* Somebody is still sending it. */
static void a_reference_outlives_the_slot(void **state)
{
	struct answer_key key = key_of(&here, "a");
	struct answer *held;

	keep(*state, "a", 1, 100);
	held = answers_find(*state, &key, 1);
	assert_non_null(held);
	assert_false(has(*state, "a", 2));
	answers_free(*state);
	assert_int_equal(answers_create((struct answers **)state), 0);
	assert_int_equal(held->references, 1);
	assert_string_equal(held->body, "a");
	answer_release(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_same_question_gets_it, setup, teardown),
		cmocka_unit_test_setup_teardown(another_version_throws_it_away, setup, teardown),
		cmocka_unit_test_setup_teardown(the_least_used_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reference_outlives_the_slot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
