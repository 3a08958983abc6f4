// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/range.c: which steps a history has and which records they are of, on files made by the writer.
 */
#include "range-fixture.h"

#include "util/cleanup.h"

#include <errno.h>

/* ---- regular records ---- */

static const uint64_t phases[] = { 0,	      1,	 3000000,   300000000, 499999999,
				   500000000, 500000001, 997000000, 999999999 };

static void regular_records_have_no_gaps_at_any_phase(void **state)
{
	for (size_t i = 0; i < array_size(phases); i++) {
		struct story *s = begin_story(state);

		s->offset_ns = DAY_2026 + phases[i];
		s->jitter_ns = 8 * NSEC_PER_MSEC;
		record(s, 1000, 1300);
		ask(s, 1100, 1200, SEC, MAX_STEPS);
		assert_int_equal(s->range.ring, HISTORY_FINE);
		assert_int_equal(s->n, 100);
		expect_one_run(s, 100);
		end_story(s);
		assert_int_equal(unlink(path_of(*state, "")), 0);
	}
}

static void steps_add_up_to_the_difference_of_the_records(void **state)
{
	static const uint64_t steps[] = {
		SEC, 1500 * NSEC_PER_MSEC, 2 * SEC, 3 * SEC, 7 * SEC, 10 * SEC, 60 * SEC
	};

	for (size_t i = 0; i < array_size(steps); i++) {
		struct story *s = begin_story(state);
		uint64_t step_s;

		s->offset_ns = DAY_2026 + 300 * NSEC_PER_MSEC;
		record(s, 1000, 1500);
		ask(s, 1050, 1450, steps[i], MAX_STEPS);
		assert_true(s->range.step_ns == steps[i]);
		expect_one_run(s, s->n);
		step_s = s->n * steps[i] / SEC;
		/* The outermost records are within half a second (or a quarter step) of its ends. */
		assert_true(sum_of_packets(s) % 1000000 == 0);
		assert_in_range(sum_of_packets(s) / 1000000, step_s - 1, step_s + 1);
		end_story(s);
		assert_int_equal(unlink(path_of(*state, "")), 0);
	}
}

/* At this phase the record of :00.3 stands for the boundary :00, also when it comes very late. */
static void a_boundary_takes_the_nearest_record_by_when_it_was_due(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 300 * NSEC_PER_MSEC;
	record(s, 1000, 1009);
	record_at(s, 1010 * SEC + 450 * NSEC_PER_MSEC);
	record(s, 1011, 1020);
	ask(s, 1002, 1019, SEC, MAX_STEPS);
	expect_one_run(s, 17);
	assert_true(step_ending(s, 1010)->interval_ns == 1450 * NSEC_PER_MSEC);
	assert_true(step_ending(s, 1011)->interval_ns == 550 * NSEC_PER_MSEC);
	assert_true(sum_of_packets(s) == 17000000);
	end_story(s);
}

/* ---- plan ---- */

static void steps_are_multiples_of_their_length(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1500);
	ask(s, 1101.5, 1399.5, 60 * SEC, MAX_STEPS);
	assert_true(s->range.first_end_ns == DAY_2026 + 1140 * SEC);
	assert_int_equal(s->n, 5);
	assert_true(s->step[4].end_ns == DAY_2026 + 1380 * SEC);
	ask(s, 1100, 1110, 0, MAX_STEPS);
	assert_true(s->range.step_ns == SEC);
	assert_true(s->range.resolution_ns == SEC);
	assert_int_equal(s->n, 10);
	end_story(s);
}

static void the_ring_is_the_finest_that_reaches_back(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1, 10 * 3600);
	ask(s, 36000 - 500, 36000, 0, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_FINE);
	expect_one_run(s, 500);
	ask(s, 36000 - 3000, 36000, 0, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_MEDIUM);
	assert_true(s->range.step_ns == 30 * SEC);
	expect_one_run(s, 100);
	ask(s, 36000 - 5 * 3600, 36000, 0, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_COARSE);
	assert_true(s->range.resolution_ns == 300 * SEC);
	expect_one_run(s, 60);
	/* Farther than anything reaches: the one that reaches farthest, with gaps before. */
	ask(s, 1, 36000, SEC, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_COARSE);
	assert_true(s->range.step_ns == 300 * SEC);
	expect_one_run(s, 71);
	end_story(s);
}

static void a_short_history_is_shown_from_the_fine_ring(void **state)
{
	struct story *s = begin_story(state);

	record(s, 5000, 5100);
	ask(s, 1500, 5100, 0, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_FINE);
	assert_int_equal(s->n, 3600);
	expect_one_run(s, 100);
	end_story(s);
}

static void steps_are_widened_until_they_are_few_enough(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1500);
	ask(s, 1100, 1400, SEC, 100);
	assert_true(s->range.step_ns == 3 * SEC);
	assert_int_equal(s->n, 100);
	ask(s, 1100.5, 1400, SEC / 10, 99);
	assert_true(s->range.step_ns == 4 * SEC);
	ask(s, 1100, 1400, NSEC_PER_MSEC, MAX_STEPS);
	assert_true(s->range.step_ns == SEC);
	ask(s, 1100, 1400, 0, 1);
	assert_int_equal(s->n, 1);
	end_story(s);
}

static void long_steps_do_not_read_a_hundred_records_each(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1, 600);
	ask(s, 1, 600, 200 * SEC, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_MEDIUM);
	end_story(s);
}

static void impossible_queries_are_refused(void **state)
{
	const struct range_query bad[] = { { 5, 5, 1, 10, 0 },
					   { 6, 5, 1, 10, 0 },
					   { 1, 5, 1, 0, 0 },
					   { 1, UINT64_MAX, 1, 10, 0 },
					   { 1, 5, UINT64_MAX, 10, 0 } };
	struct story *s = begin_story(state);
	struct history_reader *r = open_reader(s->f);

	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(range_plan(r, &bad[i], &s->range), -EINVAL);
	history_close_reader(r);
	end_story(s);
}

static void an_empty_history_is_all_gaps(void **state)
{
	struct story *s = begin_story(state);
	struct history_reader *r = open_reader(s->f);
	uint64_t from, to;

	ask(s, 100, 200, SEC, MAX_STEPS);
	expect_one_run(s, 0);
	assert_int_equal(s->n, 100);
	assert_int_equal(range_extent(r, &from, &to), -ENODATA);
	assert_int_equal(range_ends(r, &from, &to), -ENODATA);
	history_close_reader(r);
	end_story(s);
}

static void the_extent_is_from_the_oldest_to_the_newest(void **state)
{
	struct story *s = begin_story(state);
	struct history_reader *r = open_reader(s->f);
	uint64_t from, to;

	record(s, 100, 4999);
	record_at(s, 5000 * SEC + SEC / 4);
	assert_int_equal(range_extent(r, &from, &to), 0);
	assert_true(from == DAY_2026 + 100 * SEC);
	assert_true(to == DAY_2026 + 5000 * SEC + SEC / 4);
	history_close_reader(r);
	end_story(s);
}

/* ---- rings ---- */

static void a_ring_that_has_wrapped_shows_what_it_still_has(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1, 1999);
	ask(s, 1500, 1999, SEC, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_FINE);
	expect_one_run(s, 499);
	ask(s, 1399, 1999, SEC, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_FINE);
	expect_one_run(s, 599);
	end_story(s);
}

/* Both sides of a pause are in the coarse rings beside the regular records. */
static void a_pause_is_a_gap_in_coarse_rings_too(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1, 5000);
	record(s, 5400, 9000);
	ask(s, 4200, 9000, 0, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_COARSE);
	assert_int_equal(s->n, 16);
	assert_int_equal(count_known(s), 15);
	assert_true(step_ending(s, 5100)->interval_ns == 200 * SEC);
	assert_false(step_ending(s, 5400)->known);
	assert_true(step_ending(s, 5700)->interval_ns == 300 * SEC);
	ask(s, 3600, 9000, 900 * SEC, MAX_STEPS); /* 400 s of 900 */
	expect_one_run(s, 6);
	end_story(s);
}

static void names_and_flags_come_with_each_step(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1010);
	s->flags = SAMPLE_VLAN_STRIPPED;
	record(s, 1011, 1020);
	ask(s, 1005, 1020, SEC, MAX_STEPS);
	assert_false(step_ending(s, 1010)->vlan_unknown);
	assert_true(step_ending(s, 1011)->vlan_unknown);
	assert_true(step_ending(s, 1012)->vlan_unknown);
	assert_string_equal(step_ending(s, 1012)->service, "dns");
	end_story(s);
}

static int stop_at_third(const struct range_step *step, void *user)
{
	(void)step;
	return ++*(int *)user == 3 ? 99 : 0;
}

static void the_walk_ends_when_it_is_told_to(void **state)
{
	struct story *s = begin_story(state);
	struct history_reader *r = open_reader(s->f);
	int n = 0;

	record(s, 1000, 1100);
	ask(s, 1050, 1100, SEC, MAX_STEPS);
	assert_int_equal(range_for_each(r, &s->range, stop_at_third, &n), 99);
	assert_int_equal(n, 3);
	history_close_reader(r);
	end_story(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regular_records_have_no_gaps_at_any_phase),
		TEST(steps_add_up_to_the_difference_of_the_records),
		TEST(a_boundary_takes_the_nearest_record_by_when_it_was_due),
		TEST(steps_are_multiples_of_their_length),
		TEST(the_ring_is_the_finest_that_reaches_back),
		TEST(a_short_history_is_shown_from_the_fine_ring),
		TEST(steps_are_widened_until_they_are_few_enough),
		TEST(long_steps_do_not_read_a_hundred_records_each),
		TEST(impossible_queries_are_refused),
		TEST(an_empty_history_is_all_gaps),
		TEST(the_extent_is_from_the_oldest_to_the_newest),
		TEST(a_ring_that_has_wrapped_shows_what_it_still_has),
		TEST(a_pause_is_a_gap_in_coarse_rings_too),
		TEST(names_and_flags_come_with_each_step),
		TEST(the_walk_ends_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
