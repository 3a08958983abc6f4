// SPDX-License-Identifier: MIT OR Apache-2.0
/* Which of Prometheus' formats suits a request's Accept, and what a label's value may hold. */
#include "http/exposition.h"

#include "util/cleanup.h"

#include <string.h>

#include "unit.h"

#define OPEN "application/openmetrics-text"

static bool gets_open_metrics(const char *accept)
{
	/* In memory of exactly its size, so that a look behind its end is seen. */
	size_t len = strlen(accept);
	_cleanup_free_ char *copy = malloc(len ?: 1);

	assert_non_null(copy);
	memcpy(copy, accept, len);
	return exposition_is_open_metrics(exposition_type(copy, len));
}

static void who_asks_for_openmetrics_gets_it(void **state)
{
	static const char *const asks[] = {
		OPEN,
		"Application/OpenMetrics-Text",
		OPEN ";version=1.0.0",
		OPEN "; version=1.0.0; charset=utf-8",
		"text/plain;q=0.5," OPEN,
		"text/plain;q=0.5, " OPEN ";q=0.8",
		OPEN ";version=1.0.0;q=0.8," OPEN
		     ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		OPEN ";q=0.001",
		OPEN ";q=0.1234567890123456789",
		OPEN " ;q=0.7\t,text/plain; q=0.7",
		"*/*," OPEN,
	};

	(void)state;
	for (size_t i = 0; i < array_size(asks); i++)
		assert_true(gets_open_metrics(asks[i]));
}

static void everybody_else_gets_text(void **state)
{
	static const char *const asks[] = {
		"",
		"*/*",
		"text/plain",
		"text/html,application/xhtml+xml,*/*;q=0.8",
		OPEN ";q=0",
		OPEN ";q=0.000",
		OPEN ";q=0.4,text/plain;q=0.5",
		OPEN ";q=",
		OPEN ";q=1.5",
		OPEN ";q=-1",
		OPEN ";q=nan",
		"application/openmetrics",
		"application/openmetrics-text2",
		"xapplication/openmetrics-text",
		",,,;;;",
		"q=1;" OPEN,
	};

	(void)state;
	assert_false(exposition_is_open_metrics(exposition_type(NULL, 0)));
	for (size_t i = 0; i < array_size(asks); i++)
		assert_false(gets_open_metrics(asks[i]));
}

static void labels_are_escaped_and_utf8(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "eth0", "eth0" },
		{ "a\"b\\c", "a\\\"b\\\\c" },
		{ "a\nb", "a\\nb" },
		{ "br\xc3\xbc"
		  "cke",
		  "br\xc3\xbc"
		  "cke" },
		{ "\xff\xfe", "??" },
		{ "", "" },
		{ "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
		  "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[33];

		exposition_label(buf, sizeof(buf), cases[i].text, strlen(cases[i].text));
		assert_string_equal(buf, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_for_openmetrics_gets_it),
		cmocka_unit_test(everybody_else_gets_text),
		cmocka_unit_test(labels_are_escaped_and_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
