// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each named frame once through the program: the verdict is XDP_PASS and the counters change as
 * written beside the frame, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "runner.h"

static struct runner runner;
static struct frame frame;

static void frame_counts_as_written(void **state)
{
	const struct named_frame *named = *state;
	struct sampler_counters expected, got;

	frame_build(named, &frame);
	assert_int_equal(frame.len, named->len);
	frame_expect(named, &expected);
	assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
	if (runner_equal(&expected, &got))
		return;
	runner_hex(frame.data, frame.len);
	fail();
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

int main(void)
{
	const struct named_frame *all[FRAMES_MAX];
	struct CMUnitTest tests[FRAMES_MAX];
	size_t n = frames_all(all, FRAMES_MAX);

	runner_open(&runner);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ all[i]->name, frame_counts_as_written, NULL, NULL,
						(void *)(uintptr_t)all[i] };
	return _cmocka_run_group_tests("frames", tests, n, NULL, close_runner);
}
