// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Each named frame cut at every length from 14 bytes to its end: the invariants hold and the
 * program agrees with the oracle on every counter.
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

static void frame_cut_anywhere_agrees(void **state)
{
	const struct named_frame *named = *state;

	frame_build(named, &frame);
	for (size_t len = FRAME_MIN; len <= frame.len; len++)
		if (runner_takes(runner.direction, frame.data, len) &&
		    !runner_agrees(&runner, frame.data, len, 0))
			fail_msg("cut at %zu", len);
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
	return runner_each_frame("cuts", frame_cut_anywhere_agrees, close_runner);
}
