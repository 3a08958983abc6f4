// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/range.c, read/spacing.c: histories in which the recorder's interval was changed while it ran.
 * Nothing is missing in them, so no step may be unknown, and none may have been made up.
 */
#include "range-fixture.h"

#include "util/cleanup.h"

#define MS NSEC_PER_MSEC

static struct story *begin_jittery_story(void **state, uint64_t phase_ns)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + phase_ns;
	s->jitter_ns = 8 * MS;
	return s;
}

static void expect_steps(struct story *s, double from, double to, uint64_t step_ns)
{
	ask(s, from, to, MS, MAX_STEPS);
	assert_int_equal(s->range.resolution_ns, step_ns);
	assert_int_equal(s->range.step_ns, step_ns);
	expect_one_run(s, s->n);
}

static const struct {
	uint64_t before, after;
} changes[] = {
	{ 1 * SEC, 2 * SEC },	 { 2 * SEC, 1 * SEC },	 { 100 * MS, 1 * SEC },
	{ 1 * SEC, 100 * MS },	 { 1 * SEC, 1500 * MS }, { 1500 * MS, 1 * SEC },
	{ 1 * SEC, 10 * SEC },	 { 10 * SEC, 1 * SEC },	 { 700 * MS, 3 * SEC },
	{ 250 * MS, 7300 * MS },
};

static const uint64_t phases[] = { 0, 3 * MS, 300 * MS, 499 * MS, 500 * MS, 997 * MS };

static void a_change_is_followed_in_both_directions(void **state)
{
	for (size_t i = 0; i < array_size(changes) * array_size(phases); i++) {
		uint64_t before = changes[i / array_size(phases)].before;
		uint64_t after = changes[i / array_size(phases)].after;
		struct story *s = begin_jittery_story(state, phases[i % array_size(phases)]);

		record_each(s, 999.7, 1020.3, before);
		record_each(s, 1020.4, 1061, after);
		expect_steps(s, 1005, 1018, before);
		expect_steps(s, 1032, 1060, after);
		expect_steps(s, 1005, 1060, before > after ? before : after);
		end_story(s);
		assert_int_equal(unlink(path_of(*state, "")), 0);
	}
}

/* Right after the change there is but the sample that was taken at once. */
static void the_first_records_after_a_change_are_no_gaps(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 1000, 1020.3, SEC);
	record_each(s, 1020.4, 1020.4, 10 * SEC);
	ask(s, 1005, 1029.9, SEC, MAX_STEPS);
	assert_int_equal(s->range.step_ns, SEC);
	expect_one_run(s, s->n);
	assert_int_equal(s->step[s->n - 1].end_ns, DAY_2026 + 1020 * SEC);
	record_each(s, 1020.5, 1030.1, 10 * SEC);
	expect_steps(s, 1000, 1039.9, 10 * SEC);
	assert_int_equal(s->step[s->n - 1].end_ns, DAY_2026 + 1030 * SEC);
	assert_int_equal(sum_of_packets(s) / 1000000, 30);
	end_story(s);
}

static void a_change_that_is_taken_back_at_once_changes_nothing(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 1000, 1020.1, SEC);
	record_each(s, 1020.4, 1020.4, 60 * SEC);
	record_each(s, 1020.8, 1060, SEC);
	expect_steps(s, 1005, 1055, SEC);
	end_story(s);
}

/* It was due before the one before it, by its own interval; a search that meets it goes on rightly. */
static void a_sample_that_was_taken_at_once_misleads_no_search(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 1000, 1100.1, SEC);
	record_each(s, 1100.4, 1100.4, 60 * SEC); /* half of all are before it */
	record_each(s, 1100.8, 1200.1, SEC);
	expect_steps(s, 1090, 1098, SEC);
	assert_int_equal(s->n, 8);
	record_each(s, 1200.4, 1230.1, SEC);
	record_each(s, 1230.4, 1230.4, 60 * SEC);
	ask(s, 1190, 1260, SEC, MAX_STEPS);
	assert_int_equal(s->step[s->n - 1].end_ns, DAY_2026 + 1230 * SEC);
	expect_one_run(s, s->n);
	end_story(s);
}

static void a_short_episode_in_an_hour_is_found(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 1000, 1250.1, SEC);
	record_each(s, 1250.5, 1256.1, 2 * SEC);
	record_each(s, 1256.5, 1599, SEC);
	expect_steps(s, 1010, 1598, 2 * SEC);
	expect_steps(s, 1010, 1250, SEC);
	expect_steps(s, 1257, 1598, SEC);
	end_story(s);
}

/* A tick that was missed, a pause and a restart are irregular, and change no spacing. */
static void gaps_do_not_widen_the_steps(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 1000, 1100, SEC);
	record_each(s, 1102, 1150, SEC);
	record_each(s, 1170.3, 1200, SEC);
	s->counters_id = 2;
	record_each(s, 1200.5, 1300, SEC);
	ask(s, 1050, 1290, SEC, MAX_STEPS);
	assert_int_equal(s->range.step_ns, SEC);
	assert_false(step_ending(s, 1101)->known);
	assert_false(step_ending(s, 1160)->known);
	assert_true(step_ending(s, 1175)->known);
	end_story(s);
}

static void coarse_rings_follow_intervals_longer_than_their_own(void **state)
{
	struct story *s = begin_jittery_story(state, 0);

	record_each(s, 10000, 12000, 10 * SEC);
	record_each(s, 12000.5, 25000, 45 * SEC);
	ask(s, 22000, 24900, 0, 100); /* 600 fine records go back farther */
	assert_int_equal(s->range.resolution_ns, 45 * SEC);
	expect_one_run(s, s->n);
	ask(s, 10100, 24900, 600 * SEC, MAX_STEPS);
	expect_one_run(s, s->n);
	end_story(s);
}

/* ---- where there is less than a step ---- */

static void a_range_within_a_step_is_told_once_the_step_is_complete(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1300);
	s->now_ns = DAY_2026 + 1300 * SEC;
	ask(s, 1210, 1214, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->step[0].end_ns, DAY_2026 + 1260 * SEC);
	assert_int_equal(s->step[0].packets, 60000000);
	ask(s, 1296, 1300, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 0);
	record(s, 1301, 1319);
	s->now_ns = DAY_2026 + 1320 * SEC + SEC / 4; /* its last record is still to come */
	ask(s, 1310, 1314, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 0);
	record(s, 1320, 1320);
	ask(s, 1310, 1314, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 1);
	s->now_ns = DAY_2026 + 1379 * SEC; /* nobody records any more, but it is not over */
	ask(s, 1370, 1379, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 0);
	s->now_ns = DAY_2026 + 1390 * SEC;
	ask(s, 1370, 1375, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 1);
	assert_false(s->step[0].known);
	end_story(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_is_followed_in_both_directions),
		TEST(the_first_records_after_a_change_are_no_gaps),
		TEST(a_change_that_is_taken_back_at_once_changes_nothing),
		TEST(a_sample_that_was_taken_at_once_misleads_no_search),
		TEST(a_short_episode_in_an_hour_is_found),
		TEST(gaps_do_not_widen_the_steps),
		TEST(coarse_rings_follow_intervals_longer_than_their_own),
		TEST(a_range_within_a_step_is_told_once_the_step_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
