// SPDX-License-Identifier: MIT OR Apache-2.0
/* Long options are written out, wherever they stand. */
#include "util/options.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static const struct option options[] = {
	{ "mode", required_argument, NULL, 1 },
	{ "model", no_argument, NULL, 2 },
	{ "print", no_argument, NULL, 3 },
	{},
};

#define CHECK(err, ...) options_check((char *[]){ program, __VA_ARGS__, NULL }, options, err)

static char program[] = "program";

static void whole_names_pass(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(CHECK(&err, (char[]){ "--mode" }, (char[]){ "x" }, (char[]){ "--print" }),
			 0);
	assert_int_equal(CHECK(&err, (char[]){ "--mode=--pri" }, (char[]){ "v0" }), 0);
	assert_int_equal(CHECK(&err, (char[]){ "--mode" }, (char[]){ "--pri" }), 0);
	assert_int_equal(CHECK(&err, (char[]){ "--" }, (char[]){ "--pri" }), 0);
	assert_int_equal(CHECK(&err, (char[]){ "-x" }, (char[]){ "-" }, (char[]){ "" }), 0);
	assert_int_equal(CHECK(&err, (char[]){ "--mode" }), 0); /* getopt's to refuse */
	assert_int_equal(options_check((char *[]){ NULL, NULL }, options, &err), 0);
}

static void cut_and_unknown_names_are_refused(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(CHECK(&err, (char[]){ "v0" }, (char[]){ "--pri" }), -EINVAL);
	assert_string_equal(err.text, "no option --pri; did you mean --print?");
	assert_int_equal(CHECK(&err, (char[]){ "--pri=x" }), -EINVAL);
	assert_string_equal(err.text, "no option --pri; did you mean --print?");
	assert_int_equal(CHECK(&err, (char[]){ "--mo" }), -EINVAL); /* two begin so */
	assert_string_equal(err.text, "no option --mo");
	assert_int_equal(CHECK(&err, (char[]){ "--printer" }), -EINVAL);
	assert_string_equal(err.text, "no option --printer");
	assert_int_equal(CHECK(&err, (char[]){ "--=x" }), -EINVAL);
	assert_int_equal(CHECK(&err, (char[]){ "--print" }, (char[]){ "--pri" }), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_names_pass),
		cmocka_unit_test(cut_and_unknown_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
