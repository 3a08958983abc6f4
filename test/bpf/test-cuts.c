// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each named frame cut at every length from 14 bytes to its end, and each laid out with every size
 * of the linear part: the invariants hold and the program agrees with the oracle on every counter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "runner.h"

/* Every linear size up to here; behind it no header starts but in jumbo frames. */
#define SPLIT_MAX 256

static struct runner runner;
static struct frame frame;

static void frame_cut_anywhere_agrees(void **state)
{
	const struct named_frame *named = *state;

	frame_build(named, &frame);
	for (size_t len = FRAME_MIN; len <= frame.len; len++)
		if (!runner_agrees(&runner, frame.data, len, 0))
			fail_msg("cut at %zu", len);
}

static void frame_split_anywhere_agrees(void **state)
{
	const struct named_frame *named = *state;
	uint32_t end;

	if (!runner.can_split) {
		print_message("# %s: this kernel lays out the linear part itself\n", named->name);
		skip();
	}
	frame_build(named, &frame);
	end = frame.len < SPLIT_MAX ? (uint32_t)frame.len : SPLIT_MAX;
	for (uint32_t linear = FRAME_MIN; linear <= end; linear++)
		if (!runner_agrees(&runner, frame.data, frame.len, linear))
			fail_msg("linear part of %u", linear);
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

static struct CMUnitTest test_of(const struct named_frame *named, CMUnitTestFunction function)
{
	return (struct CMUnitTest){ named->name, function, NULL, NULL, (void *)(uintptr_t)named };
}

int main(void)
{
	const struct named_frame *all[FRAMES_MAX];
	struct CMUnitTest tests[2 * FRAMES_MAX];
	size_t n = frames_all(all, FRAMES_MAX);

	runner_open(&runner);
	for (size_t i = 0; i < n; i++) {
		tests[2 * i] = test_of(all[i], frame_cut_anywhere_agrees);
		tests[2 * i + 1] = test_of(all[i], frame_split_anywhere_agrees);
	}
	return _cmocka_run_group_tests("cuts", tests, 2 * n, NULL, close_runner);
}
