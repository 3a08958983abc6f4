// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each named frame laid out as a multi-buffer frame with every size of the linear part, so that
 * each header in turn lies in it, across its end and beyond it: the counters change as written by
 * hand.
 *
 * Skipped as a whole where the kernel lays out the linear part itself; the jumbo frames of
 * test-frames then still have headers across and beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "runner.h"

/* Behind this no header ends but in jumbo frames. */
#define SPLIT_MAX 256

static struct runner runner;
static struct frame frame;

static bool split_counts_as_written(const struct sampler_counters *expected, uint32_t linear)
{
	struct sampler_counters got;

	if (!runner_count(&runner, frame.data, frame.len, linear, &got))
		return false;
	if (runner_equal(expected, &got))
		return true;
	runner_hex(frame.data, frame.len);
	return false;
}

static void frame_split_anywhere_counts_as_written(void **state)
{
	const struct named_frame *named = *state;
	struct sampler_counters expected;
	uint32_t end;

	frame_build(named, &frame);
	frame_expect(named, &expected);
	end = frame.len < SPLIT_MAX ? (uint32_t)frame.len : SPLIT_MAX;
	for (uint32_t linear = FRAME_MIN; linear <= end; linear++)
		if (!split_counts_as_written(&expected, linear))
			fail_msg("linear part of %u", linear);
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
	if (!runner.can_split)
		test_skip_all("this kernel does not let a test run choose the linear part's size");
	return runner_each_frame("splits", frame_split_anywhere_counts_as_written, close_runner);
}
