// SPDX-License-Identifier: MIT OR Apache-2.0
/* util/error.c: always one line, always the code that came in. */
#include "unit.h"

#include "util/error.h"

#include <errno.h>
#include <string.h>

static void the_code_is_passed_on(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, -ENODEV, "no interface \"%s\"", "eth9"), -ENODEV);
	assert_string_equal(err.text, "no interface \"eth9\"");
	assert_int_equal(error_set(NULL, -EPERM, "nobody wants to know"), -EPERM);
}

static void a_text_is_one_line(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, -1, "verifier: %s", "first\nsecond\r\n");
	assert_string_equal(err.text, "verifier: first second  ");
}

static void a_long_text_is_cut(void **state)
{
	struct error err;
	char text[2 * sizeof(err.text)];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, -1, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_is_passed_on),
		cmocka_unit_test(a_text_is_one_line),
		cmocka_unit_test(a_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
