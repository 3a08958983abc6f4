// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The named frames against the oracle: two readings of the rules, one by hand for each frame and
 * one as a parser, must agree before either is used to judge the BPF program. Needs no privilege.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "oracle.h"
#include "runner.h"

static struct frame frame;
static struct sampler_port_table ports;

static void oracle_counts_as_written_by_hand(void **state)
{
	const struct named_frame *named = *state;
	struct sampler_counters expected, got;

	frame_build(named, &frame);
	assert_int_equal(frame.len, named->len);
	frame_expect(named, &expected);
	oracle_count(frame.data, frame.len, &ports, &got);
	assert_true(runner_equal(&expected, &got));
	assert_null(oracle_invariant(&got, frame.len));
}

static void names_are_unique(void **state)
{
	const struct named_frame *all[FRAMES_MAX];
	size_t n = frames_all(all, FRAMES_MAX);

	(void)state;
	assert_true(n >= 60);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			assert_string_not_equal(all[i]->name, all[k]->name);
}

int main(void)
{
	const struct named_frame *all[FRAMES_MAX];
	struct CMUnitTest tests[FRAMES_MAX + 1] = { cmocka_unit_test(names_are_unique) };
	size_t n = frames_all(all, FRAMES_MAX);

	frames_fill_ports(&ports);
	for (size_t i = 0; i < n; i++)
		tests[i + 1] = (struct CMUnitTest){ all[i]->name, oracle_counts_as_written_by_hand,
						    NULL, NULL, (void *)(uintptr_t)all[i] };
	return _cmocka_run_group_tests("oracle", tests, n + 1, NULL, NULL);
}
