// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/recheck.c: asked soon, again while there is no answer, and said when none comes. */
#include "unit.h"

#include "model/recheck.h"

#define START (1000 * NSEC_PER_SEC)

/* Tick so long. Return: requests. */
static unsigned int ticks(struct recheck *recheck, uint64_t *now_ns, uint64_t interval_ns,
			  unsigned int n)
{
	unsigned int asked = 0;

	for (; n; n--, *now_ns += interval_ns)
		asked += recheck_tick(recheck, *now_ns);
	return asked;
}

static void a_suspicion_is_looked_into_at_once(void **state)
{
	struct recheck recheck = {};

	(void)state;
	assert_false(recheck_is_overdue(&recheck, START));
	assert_true(recheck_tick(&recheck, START));
	assert_false(recheck_is_overdue(&recheck, START));
}

static void it_is_said_after_three_ticks_without_a_verdict(void **state)
{
	struct recheck recheck = {};
	uint64_t now_ns = START;

	(void)state;
	for (int tick = 0; tick < RECHECK_PATIENCE_TICKS; tick++, now_ns += NSEC_PER_SEC) {
		recheck_tick(&recheck, now_ns);
		assert_false(recheck_is_overdue(&recheck, now_ns));
	}
	recheck_tick(&recheck, now_ns);
	assert_true(recheck_is_overdue(&recheck, now_ns));
	recheck_close(&recheck);
	assert_false(recheck_is_overdue(&recheck, now_ns));
}

static void fast_ticks_do_not_outrun_the_answer(void **state)
{
	struct recheck recheck = {};
	uint64_t now_ns = START, interval_ns = NSEC_PER_SEC / 10;

	(void)state;
	assert_int_equal(ticks(&recheck, &now_ns, interval_ns, 30), 3); /* one a second */
	assert_false(recheck_is_overdue(&recheck, now_ns - interval_ns));
	recheck_tick(&recheck, now_ns);
	assert_true(recheck_is_overdue(&recheck, now_ns));
}

static void slow_ticks_have_their_three_too(void **state)
{
	struct recheck recheck = {};
	uint64_t now_ns = START;

	(void)state;
	assert_int_equal(ticks(&recheck, &now_ns, 60 * NSEC_PER_SEC, 3), 3);
	assert_false(recheck_is_overdue(&recheck, now_ns));
	assert_true(recheck_tick(&recheck, now_ns));
	assert_true(recheck_is_overdue(&recheck, now_ns));
}

/* With nobody there, or after the unit's start limit, for as long as it takes. */
static void requests_become_rare_when_nobody_answers(void **state)
{
	struct recheck recheck = {};
	uint64_t now_ns = START;

	(void)state;
	assert_int_equal(ticks(&recheck, &now_ns, NSEC_PER_SEC, 3), 3);
	assert_int_equal(ticks(&recheck, &now_ns, NSEC_PER_SEC, 300), 10);
}

/* A chain that changes all the time stays below what systemd starts. */
static void new_suspicions_keep_the_pause(void **state)
{
	struct recheck recheck = {};
	uint64_t now_ns = START;
	unsigned int asked = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		asked += ticks(&recheck, &now_ns, NSEC_PER_SEC / 10, 1);
		recheck_close(&recheck);
	}
	assert_int_equal(asked, 10);
}

static void a_suspicion_within_the_pause_is_looked_into_after_it(void **state)
{
	struct recheck recheck = {};

	(void)state;
	assert_true(recheck_tick(&recheck, START));
	recheck_close(&recheck);
	assert_false(recheck_tick(&recheck, START + RECHECK_PAUSE_NS - 1));
	assert_true(recheck_tick(&recheck, START + RECHECK_PAUSE_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_suspicion_is_looked_into_at_once),
		cmocka_unit_test(it_is_said_after_three_ticks_without_a_verdict),
		cmocka_unit_test(fast_ticks_do_not_outrun_the_answer),
		cmocka_unit_test(slow_ticks_have_their_three_too),
		cmocka_unit_test(requests_become_rare_when_nobody_answers),
		cmocka_unit_test(new_suspicions_keep_the_pause),
		cmocka_unit_test(a_suspicion_within_the_pause_is_looked_into_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
