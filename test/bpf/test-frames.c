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
	runner_open(&runner);
	return runner_each_frame("frames", frame_counts_as_written, close_runner);
}
