// SPDX-License-Identifier: MIT OR Apache-2.0
/* Queries: what they decode to, and what is refused. */
#include "http/query.h"

#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static int parse(const char *text, struct query_text *ret_query)
{
	struct error err = { "" };
	int r = query_parse(text, strlen(text), ret_query, &err);

	assert_int_equal(!r, !*err.text);
	return r;
}

static void parameters_are_taken_apart(void **state)
{
	struct query_text query;

	(void)state;
	assert_int_equal(parse("a=1&bc=&d&e=f=g", &query), 0);
	assert_int_equal(query.query.n, 4);
	assert_string_equal(query_get(&query.query, "a"), "1");
	assert_string_equal(query_get(&query.query, "bc"), "");
	assert_string_equal(query_get(&query.query, "d"), "");
	assert_string_equal(query_get(&query.query, "e"), "f=g");
	assert_null(query_get(&query.query, "b"));
	assert_int_equal(parse("", &query), 0);
	assert_int_equal(query.query.n, 0);
	assert_int_equal(parse("&&x=1&", &query), 0);
	assert_int_equal(query.query.n, 1);
}

static void values_are_decoded_once(void **state)
{
	static const struct {
		const char *text, *value;
	} good[] = {
		{ "a+b", "a b" },
		{ "%2B%2b", "++" },
		{ "a%20b%26c%3Dd", "a b&c=d" },
		{ "%C3%A9", "\xc3\xa9" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "%e2%82%ac", "\xe2\x82\xac" },
		{ "%F0%9F%98%80", "\xf0\x9f\x98\x80" },
		{ "%F4%8F%BF%BF", "\xf4\x8f\xbf\xbf" },
		{ "%ED%9F%BF", "\xed\x9f\xbf" },
		{ "%2561", "%61" },
		{ "%7F%01", "\x7f\x01" },
	};
	struct query_text query;
	char text[64];

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		snprintf(text, sizeof(text), "x=%s", good[i].text);
		assert_int_equal(parse(text, &query), 0);
		assert_string_equal(query_get(&query.query, "x"), good[i].value);
	}
	assert_int_equal(parse("%78=1", &query), 0);
	assert_string_equal(query_get(&query.query, "x"), "1");
}

static void what_is_no_text_is_refused(void **state)
{
	static const char *const bad[] = {
		"%",	     "%4",	  "%4g",	  "%g4",
		"%%41",	     "% 41",	  "%00",	  "a%00b",
		"%80",	     "%C3",	  "%C3%28",	  "%C0%80",
		"%C1%BF",    "%E0%9F%BF", "%E0%80%AF",	  "%F0%8F%BF%BF",
		"%ED%A0%80", "%ED%BF%BF", "%F4%90%80%80", "%F8%88%80%80%80",
		"%FF",	     "%E2%82",	  "%C3&y=%A9"
	};
	struct query_text query;
	char text[64];

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		snprintf(text, sizeof(text), "x=%s", bad[i]);
		if (parse(text, &query) != -EINVAL)
			fail_msg("\"%s\" should be refused", text);
		snprintf(text, sizeof(text), "%s=1", bad[i]);
		if (parse(text, &query) != -EINVAL)
			fail_msg("\"%s\" should be refused", text);
	}
}

static void a_parameter_comes_once(void **state)
{
	struct query_text query;
	struct error err;

	(void)state;
	assert_int_equal(parse("a=1&b=2&a=1", &query), -EINVAL);
	assert_int_equal(parse("a&a", &query), -EINVAL);
	assert_int_equal(query_parse("a=1&%61=2", 9, &query, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"a\""));
	assert_int_equal(parse("a=1&A=1", &query), 0);
}

/* As much as there is room for, written in the ways that take the most room once decoded. */
static void as_much_as_there_is_room_for(void **state)
{
	struct query_text *query = malloc(sizeof(*query)); /* for the sanitizer to watch its end */
	char text[QUERY_MAX_LENGTH + 2];
	struct error err;

	(void)state;
	assert_int_equal(parse("a&b&c&d&e&f&g&h", query), 0);
	assert_int_equal(query->query.n, QUERY_MAX_PARAMETERS);
	assert_int_equal(parse("a&b&c&d&e&f&g&h&i", query), -EINVAL);
	memset(text, 'x', sizeof(text));
	assert_int_equal(query_parse(text, QUERY_MAX_LENGTH, query, &err), 0);
	assert_int_equal(strlen(query->query.parameter[0].name), QUERY_MAX_LENGTH);
	assert_int_equal(query_parse(text, QUERY_MAX_LENGTH + 1, query, &err), -E2BIG);
	memcpy(text, "a&b&c&d&e&f&g&", 14);
	assert_int_equal(query_parse(text, QUERY_MAX_LENGTH, query, &err), 0);
	assert_int_equal(query->query.n, QUERY_MAX_PARAMETERS);
	free(query);
}

static void unknown_parameters_are_named(void **state)
{
	static const char *const parameters[] = { "interface", "from", NULL };
	static const char *const none[] = { NULL };
	struct query_text query;
	struct error err;

	(void)state;
	assert_int_equal(parse("from=1&interface=x", &query), 0);
	assert_int_equal(query_check(&query.query, parameters, &err), 0);
	assert_int_equal(query_check(&query.query, none, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"from\""));
	assert_int_equal(parse("interface=x&Interface=y", &query), 0);
	assert_int_equal(query_check(&query.query, parameters, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"Interface\""));
	assert_non_null(strstr(err.text, "interface, from"));
}

static void check_same(const char *a, const char *b, bool want)
{
	static const char *const parameters[] = { "x", "y", "z", NULL };
	char first[QUERY_CANONICAL_MAX], second[QUERY_CANONICAL_MAX];
	struct query_text query;
	size_t n, m;

	assert_int_equal(parse(a, &query), 0);
	n = query_canonical(&query.query, parameters, first);
	assert_int_equal(parse(b, &query), 0);
	m = query_canonical(&query.query, parameters, second);
	if ((n == m && !memcmp(first, second, n)) != want)
		fail_msg("\"%s\" and \"%s\" should%s be the same question", a, b,
			 want ? "" : " not");
}

static void one_form_for_one_question(void **state)
{
	(void)state;
	check_same("x=1&y=2", "y=2&x=1", true);
	check_same("x=%41", "x=A", true);
	check_same("", "&", true);
	check_same("x=", "", false);
	check_same("x=1", "y=1", false);
	check_same("x=1&y=", "x=1", false);
	check_same("x=y&y=z", "x=z&y=y", false);
	check_same("x=%01y", "x=&y=y", false);
	check_same("y=%01", "y=&z=", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_taken_apart),
		cmocka_unit_test(values_are_decoded_once),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(a_parameter_comes_once),
		cmocka_unit_test(as_much_as_there_is_room_for),
		cmocka_unit_test(unknown_parameters_are_named),
		cmocka_unit_test(one_form_for_one_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
