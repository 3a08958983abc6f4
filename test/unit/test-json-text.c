// SPDX-License-Identifier: MIT OR Apache-2.0
/* http/json-text.c: what is printed is read back as what it was, and as short as jansson has it. */
#include "http/json-text.h"

#include "util/cleanup.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* Return: the text of a value, which is given up; the caller frees it. */
static char *text_of(json_t *json)
{
	size_t len = 12345;
	char *text;

	assert_non_null(json);
	text = json_text(json, &len);
	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	json_decref(json);
	return text;
}

static void expect_text(json_t *json, const char *expected)
{
	_cleanup_free_ char *text = text_of(json);

	assert_string_equal(text, expected);
}

static void values_are_printed_without_blanks_in_their_order(void **state)
{
	(void)state;
	expect_text(json_pack("{s:i, s:[], s:{}, s:b, s:b, s:n, s:[s, i, [f]], s:s}", "z", -7, "a",
			      "o", "t", 1, "f", 0, "n", "l", "x", 1, 0.5, "s", ""),
		    "{\"z\":-7,\"a\":[],\"o\":{},\"t\":true,\"f\":false,\"n\":null,"
		    "\"l\":[\"x\",1,[0.5]],\"s\":\"\"}");
	expect_text(json_integer(0), "0");
	expect_text(json_integer(INT64_MAX), "9223372036854775807");
	expect_text(json_integer(INT64_MIN), "-9223372036854775808");
}

static void reals_have_thirteen_digits_and_look_like_reals(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0.0" },
		{ 1, "1.0" },
		{ 10, "10.0" },
		{ 0.5, "0.5" },
		{ 5.5, "5.5" },
		{ 999.889659, "999.889659" },
		{ 12131338.584, "12131338.584" },
		{ 100.000000001, "100.000000001" },
		{ 1.000000000001, "1.000000000001" },
		{ 1.0000000000001, "1.0" }, /* the fourteenth */
		{ 9.9999999999999, "10.0" },
		{ 99999999999.96, "99999999999.96" },
		{ 99999999999.996, "100000000000.0" },
		{ 123456789012.34, "123456789012.3" },
		{ 999999999999.96, "1000000000000.0" },
		{ 1767225600.042, "1767225600.042" },
		{ 1.0 / 3, "0.3333333333333" },
		{ 2.0 / 3e6, "6.666666666667e-07" },
		{ 1e12, "1000000000000.0" },
		{ 9999999999999, "9999999999999.0" },
		{ 1e13, "1e+13" },
		{ 1.5e300, "1.5e+300" },
		{ -2.25, "-2.25" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		expect_text(json_real(cases[i].value), cases[i].text);
}

/* Of any size that a rate can have: at most one off in the thirteenth digit. */
static void reals_are_read_back(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double value, back;
		_cleanup_free_ char *text = NULL;
		json_t *read;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		value = (double)(seed >> 11) * pow(10, (double)(seed % 32) - 24);
		text = text_of(json_real(value));
		read = json_loads(text, JSON_DECODE_ANY, NULL);
		if (!json_is_real(read))
			fail_msg("%s is no real", text);
		back = json_real_value(read);
		json_decref(read);
		if (fabs(back - value) > value * 1.1e-12)
			fail_msg("%.17g was printed as %s", value, text);
		if (strspn(text, "0123456789.") == strlen(text) &&
		    strlen(text) > 1 + JSON_REAL_DIGITS + (value >= 1 ? 1 : 6))
			fail_msg("%.17g was printed as %s: too long", value, text);
	}
}

static void text_is_escaped_as_json_wants_it(void **state)
{
	char all[256], *text;
	json_t *object = json_object(), *back;
	size_t n = 0;

	(void)state;
	for (int c = 1; c < 128; c++)
		all[n++] = (char)c;
	strcpy(all + n, "b\xc3\xbcro \xf0\x9f\x90\xa7");
	json_object_set_new(object, all, json_string(all));
	json_object_set_new(object, "nul", json_stringn("a\0b", 3));
	text = text_of(json_incref(object));
	assert_non_null(strstr(text, "\\u0001"));
	assert_non_null(strstr(text, "\\\"#"));
	assert_non_null(strstr(text, "[\\\\]"));
	assert_non_null(strstr(text, "\"a\\u0000b\""));
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c >= ' ');
	back = json_loads(text, JSON_ALLOW_NUL, NULL);
	assert_true(json_equal(back, object));
	free(text);
	json_decref(back);
	json_decref(object);
}

/* As large as a history: it grows as it has to. */
static void large_ones_are_whole(void **state)
{
	json_t *array = json_array(), *back;
	char *text;

	(void)state;
	for (int i = 0; i < 50000; i++)
		json_array_append_new(array, i % 3 ? json_real(i * 1.25) : json_null());
	text = text_of(json_incref(array));
	back = json_loads(text, 0, NULL);
	assert_true(json_equal(back, array));
	free(text);
	json_decref(back);
	json_decref(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_printed_without_blanks_in_their_order),
		cmocka_unit_test(reals_have_thirteen_digits_and_look_like_reals),
		cmocka_unit_test(reals_are_read_back),
		cmocka_unit_test(text_is_escaped_as_json_wants_it),
		cmocka_unit_test(large_ones_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
