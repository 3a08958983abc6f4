// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/range.c, read/stretch.c: what nobody knows is a gap, whatever the clocks did, whatever a file
 * says.
 */
#include "range-fixture.h"

#include "util/cleanup.h"

#include <errno.h>

/* ---- what is not known ---- */

static void a_step_that_is_being_recorded_is_not_shown(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 900 * NSEC_PER_MSEC; /* stands for the next full second */
	record(s, 1000, 1100);
	ask(s, 1050, 1101.001, SEC, MAX_STEPS);
	assert_true(s->step[s->n - 1].end_ns == DAY_2026 + 1101 * SEC);
	assert_true(s->step[s->n - 1].known);
	ask(s, 1050, 1102.001, SEC, MAX_STEPS); /* its record is late, it may still come */
	assert_true(s->step[s->n - 1].end_ns == DAY_2026 + 1101 * SEC);
	ask(s, 1050, 1090.5, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 1);
	assert_true(s->step[0].end_ns == DAY_2026 + 1080 * SEC);
	end_story(s);
}

static void what_nobody_records_any_more_is_a_gap_up_to_the_end(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1100);
	ask(s, 1050, 1200, SEC, MAX_STEPS);
	assert_int_equal(s->n, 150);
	expect_one_run(s, 50);
	assert_true(step_ending(s, 1100)->known);
	assert_false(step_ending(s, 1101)->known);
	end_story(s);
}

static void a_missing_record_makes_both_its_steps_unknown(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1049);
	record(s, 1051, 1100);
	ask(s, 1020, 1080, SEC, MAX_STEPS);
	assert_int_equal(s->n, 60);
	assert_int_equal(count_known(s), 58);
	assert_false(step_ending(s, 1050)->known);
	assert_false(step_ending(s, 1051)->known);
	ask(s, 1020, 1080, 10 * SEC, MAX_STEPS); /* the next record has what it would have had */
	expect_one_run(s, 6);
	end_story(s);
}

static void a_damaged_record_is_a_missing_one(void **state)
{
	struct story *s = begin_story(state);
	uint64_t rubbish = 12345;

	record(s, 1000, 1100);
	poke(s->f,
	     HISTORY_HEADER_SIZE + 50 * sizeof(struct history_disk_slot) +
		     offsetof(struct history_disk_slot, sample.direction),
	     &rubbish, sizeof(rubbish));
	ask(s, 1020, 1080, SEC, MAX_STEPS);
	assert_int_equal(count_known(s), 58);
	assert_false(step_ending(s, 1050)->known);
	assert_false(step_ending(s, 1051)->known);
	end_story(s);
}

static size_t count_tx_known(const struct story *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->step[i].tx_known;
	return n;
}

static void what_is_transmitted_is_unknown_where_it_is_not_counted(void **state)
{
	struct story *s = begin_story(state);

	record(s, 900, 999);
	s->flags = SAMPLE_TX;
	record(s, 1000, 1100);
	s->flags = 0;
	record(s, 1101, 1105);
	s->flags = SAMPLE_TX;
	record(s, 1106, 1300);
	ask(s, 960, 1260, SEC, MAX_STEPS);
	expect_one_run(s, 300); /* what was received is known throughout */
	assert_int_equal(count_tx_known(s), 260 - 6);
	assert_false(step_ending(s, 1000)->tx_known);
	assert_true(step_ending(s, 1001)->tx_known);
	assert_true(step_ending(s, 1100)->tx_known);
	assert_false(step_ending(s, 1101)->tx_known);
	assert_false(step_ending(s, 1106)->tx_known);
	assert_true(step_ending(s, 1107)->tx_known);
	/* A step of which both ends count it, and not all between. */
	ask(s, 960, 1260, 60 * SEC, MAX_STEPS);
	expect_one_run(s, 5);
	assert_false(step_ending(s, 1020)->tx_known);
	assert_true(step_ending(s, 1080)->tx_known);
	assert_false(step_ending(s, 1140)->tx_known);
	assert_true(step_ending(s, 1200)->tx_known);
	assert_true(step_ending(s, 1260)->tx_known);
	end_story(s);
}

static void purge(struct fixture *f)
{
	assert_int_equal(history_purge(f->dir, "eth0", &f->err), 0);
}

/* Next to a boundary, on either of its sides, since a boundary has a record and those near it are seen, too. */
static void not_counting_next_to_a_boundary_concerns_one_step(void **state)
{
	static const uint64_t seconds[] = { 1078, 1079, 1081, 1082 };

	for (size_t i = 0; i < 4; i++) {
		struct story *s = begin_story(state);
		uint64_t without = seconds[i];

		s->flags = SAMPLE_TX;
		record(s, 1000, without - 1);
		s->flags = 0;
		record(s, without, without);
		s->flags = SAMPLE_TX;
		record(s, without + 1, 1200);
		ask(s, 1020, 1140, 60 * SEC, MAX_STEPS);
		assert_int_equal(step_ending(s, 1080)->tx_known, without > 1080);
		assert_int_equal(step_ending(s, 1140)->tx_known, without < 1080);
		end_story(s);
		purge(*state);
	}
}

/* Counted anew from 0 on, within an epoch: no step is lost for it. */
static void transmitted_frames_that_begin_anew_hide_no_received_ones(void **state)
{
	struct story *s = begin_story(state);

	s->flags = SAMPLE_TX;
	record(s, 1000, 1080);
	s->flags = 0;
	record(s, 1081, 1082);
	s->flags = SAMPLE_TX;
	s->tx_since_ns = 1082 * SEC;
	record(s, 1083, 1200);
	ask(s, 1020, 1140, 60 * SEC, MAX_STEPS);
	expect_one_run(s, 2);
	assert_true(step_ending(s, 1080)->tx_known);
	assert_false(step_ending(s, 1140)->tx_known);
	ask(s, 1020, 1140, SEC, MAX_STEPS);
	expect_one_run(s, 120);
	assert_int_equal(count_tx_known(s), 117);
	end_story(s);
}

/* CLOCK_BOOTTIME runs while the machine sleeps, its counters do not. */
static void sleep_is_a_gap_and_not_a_low_rate(void **state)
{
	struct story *s = begin_story(state);

	record(s, 900, 1100);
	record(s, 1140, 1300);
	ask(s, 1020, 1260, 60 * SEC, MAX_STEPS);
	assert_int_equal(s->n, 4);
	assert_true(step_ending(s, 1080)->known);
	assert_false(step_ending(s, 1140)->known); /* 40 s of 60 unseen */
	assert_true(step_ending(s, 1200)->known);
	ask(s, 1020, 1260, 120 * SEC, MAX_STEPS); /* 40 s of 120 */
	expect_one_run(s, 2);
	ask(s, 1020, 1260, SEC, MAX_STEPS);
	assert_int_equal(count_known(s), 240 - 40);
	end_story(s);
}

static void a_boundary_far_from_any_record_has_none(void **state)
{
	struct story *s = begin_story(state);

	record(s, 900, 1060);
	record(s, 1100, 1300);
	ask(s, 960, 1260, 60 * SEC, MAX_STEPS);
	assert_true(step_ending(s, 1020)->known);
	assert_false(step_ending(s, 1080)->known); /* the nearest is 20 s away */
	assert_false(step_ending(s, 1140)->known);
	assert_true(step_ending(s, 1200)->known);
	end_story(s);
}

static void two_records_close_together_are_a_part_of_a_step(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 300 * NSEC_PER_MSEC;
	record_at(s, 1000 * SEC + 900 * NSEC_PER_MSEC); /* a start: 100 ms before the next */
	record(s, 1001, 1010);
	ask(s, 1000, 1010, SEC, MAX_STEPS);
	assert_true(step_ending(s, 1001)->partial);
	assert_false(step_ending(s, 1002)->partial);
	expect_one_run(s, 10);
	assert_true(sum_of_packets(s) == 9100000);
	end_story(s);
}

/* Nothing between the first and the last record of an epoch is lost, wherever steps begin. */
static void an_epoch_is_shown_from_its_first_record_to_its_last(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 300 * NSEC_PER_MSEC;
	record_at(s, 1000 * SEC + 600 * NSEC_PER_MSEC);
	record(s, 1001, 1019);
	record_at(s, 1019 * SEC + 700 * NSEC_PER_MSEC);
	ask(s, 950, 1100, 10 * SEC, MAX_STEPS);
	assert_true(sum_of_packets(s) == 19100000);
	expect_one_run(s, 3);
	assert_true(step_ending(s, 1030)->partial);
	ask(s, 950, 1100, 60 * SEC, MAX_STEPS);
	assert_true(sum_of_packets(s) == 19100000);
	assert_true(step_ending(s, 1020)->partial);
	s->counters_id = 2;
	record(s, 1050, 1055);
	record(s, 1057, 1065);
	ask(s, 950, 1100, 10 * SEC, MAX_STEPS);
	assert_true(sum_of_packets(s) == 19100000 + 15000000);
	end_story(s);
}

static void no_step_is_across_two_epochs(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1050);
	s->counters_id = 2;
	record(s, 1051, 1100);
	ask(s, 1020, 1080, SEC, MAX_STEPS);
	assert_int_equal(count_known(s), 59);
	assert_false(step_ending(s, 1051)->known);
	ask(s, 1020, 1080, 20 * SEC, MAX_STEPS);
	assert_true(step_ending(s, 1040)->known);
	assert_false(step_ending(s, 1060)->known);
	assert_true(step_ending(s, 1080)->known);
	s->counters_id = 3; /* two that begin in the same step: neither is the step's */
	record(s, 1106, 1109);
	s->counters_id = 4;
	record(s, 1110, 1140);
	ask(s, 1100, 1140, 20 * SEC, MAX_STEPS);
	assert_false(step_ending(s, 1120)->known);
	assert_true(step_ending(s, 1140)->known);
	end_story(s);
}

static void a_reboot_goes_on_in_wall_clock_time(void **state)
{
	struct story *s = begin_story(state);

	record(s, 100000, 100050);
	s->offset_ns = DAY_2026 + 100070 * SEC;
	s->counters_id = 2;
	record(s, 10, 60);
	ask(s, 100020, 100130, SEC, MAX_STEPS);
	assert_int_equal(s->n, 110);
	assert_true(step_ending(s, 100050)->known);
	for (uint64_t t = 100051; t <= 100080; t++)
		assert_false(step_ending(s, t)->known);
	assert_true(step_ending(s, 100081)->known);
	assert_int_equal(count_known(s), 30 + 50);
	end_story(s);
}

/* ---- clocks that are set ---- */

static void a_step_of_the_clock_moves_the_epoch_and_changes_no_rate(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1100);
	s->offset_ns = DAY_2026 + 3600 * SEC;
	record(s, 1101, 1200);
	ask(s, 4620, 4780, SEC, MAX_STEPS);
	expect_one_run(s, 160);
	ask(s, 1020, 1200, SEC, MAX_STEPS);
	expect_one_run(s, 0);
	end_story(s);
}

static void of_overlapping_epochs_the_later_one_counts(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 100 * SEC; /* 100 s ahead, and right again after the restart */
	record(s, 1000, 1100);
	s->offset_ns = DAY_2026;
	s->counters_id = 2;
	s->flags = SAMPLE_VLAN_STRIPPED;
	record(s, 1110, 1250);
	ask(s, 1101, 1240, SEC, MAX_STEPS);
	assert_int_equal(count_known(s), 139 - 1);
	assert_false(step_ending(s, 1110)->known);
	for (uint64_t t = 1111; t <= 1240; t++)
		assert_true(step_ending(s, t)->vlan_unknown);
	assert_false(step_ending(s, 1109)->vlan_unknown);
	end_story(s);
}

/* Set back for good: what the wrong clock claimed is in the midst of what the right one says. */
static void a_later_epoch_hides_what_it_goes_over(void **state)
{
	struct story *s = begin_story(state);

	s->offset_ns = DAY_2026 + 500 * SEC;
	record(s, 1000, 1100); /* as of 1500 to 1600 */
	s->offset_ns = DAY_2026;
	s->counters_id = 2;
	s->flags = SAMPLE_VLAN_STRIPPED;
	record(s, 1110, 1300);
	ask(s, 1100, 1600, SEC, MAX_STEPS); /* it has not come so far: both are shown */
	assert_int_equal(count_known(s), 190 + 100);
	assert_true(step_ending(s, 1300)->vlan_unknown);
	assert_false(step_ending(s, 1501)->vlan_unknown);
	record(s, 1301, 1700);
	ask(s, 1110, 1690, SEC, MAX_STEPS);
	expect_one_run(s, 580);
	for (size_t i = 0; i < s->n; i++)
		assert_true(s->step[i].vlan_unknown);
	end_story(s);
}

/* Nobody knows when its records were taken. */
static void an_epoch_whose_entry_is_damaged_is_a_gap(void **state)
{
	struct story *s = begin_story(state);
	const uint64_t rubbish = 12345;

	record(s, 1000, 1050);
	s->counters_id = 2;
	record(s, 1051, 1100);
	poke(s->f,
	     offsetof(struct history_disk_header, epoch) + 2 * sizeof(struct history_disk_epoch) +
		     offsetof(struct history_disk_epoch, checksum),
	     &rubbish, sizeof(rubbish));
	ask(s, 1010, 1100, SEC, MAX_STEPS);
	expect_one_run(s, 40);
	end_story(s);
}

static void a_boot_without_a_clock_hides_nothing(void **state)
{
	struct story *s = begin_story(state);

	record(s, 1000, 1100);
	s->offset_ns = 0; /* 1970 */
	s->counters_id = 2;
	record(s, 5, 20);
	s->offset_ns = DAY_2026 + 1200 * SEC;
	s->counters_id = 3;
	record(s, 10, 100);
	ask(s, 1000, 1300, SEC, MAX_STEPS);
	assert_int_equal(count_known(s), 100 + 90);
	end_story(s);
}

/* ---- damage ---- */

static int count_step(const struct range_step *step, void *user)
{
	uint64_t *last_end = user;

	assert_true(step->end_ns > *last_end);
	*last_end = step->end_ns;
	return 0;
}

/* Give an entry of the epoch table a right checksum for what was made of it. */
static void spoil_epoch(struct fixture *f, uint32_t ordinal, uint64_t *seed)
{
	const uint64_t at = offsetof(struct history_disk_header, epoch) +
			    ordinal * sizeof(struct history_disk_epoch);
	struct history_disk_epoch e;
	uint64_t *field[] = { &e.offset_ns, &e.first_record[HISTORY_FINE],
			      &e.first_record[HISTORY_MEDIUM], &e.first_boottime_ns };

	peek(f, at, &e, sizeof(e));
	*field[random64(seed) % array_size(field)] = random64(seed) >> random64(seed) % 64;
	e.checksum = history_disk_epoch_checksum(&e);
	poke(f, at, &e, sizeof(e));
}

/* Another step of a ring; some make a file that is refused. */
static void spoil_steps(struct fixture *f, uint64_t *seed)
{
	const size_t ring = random64(seed) % HISTORY_N_RINGS;
	const uint64_t step = random64(seed) >> random64(seed) % 64;

	poke_constant(f, offsetof(struct history_disk_constant, ring[ring].step_ns), &step,
		      sizeof(step));
}

static void nothing_in_a_file_leads_astray(void **state)
{
	struct story *s = begin_story(state);
	struct history_disk_constant constant;
	struct history_reader *r = NULL;
	uint64_t seed = 4711;

	record(s, 1000, 1200);
	s->counters_id = 2;
	record(s, 1201, 1400);
	peek(s->f, 0, &constant, sizeof(constant));
	for (int i = 0; i < 3000; i++) {
		struct range_query query = { .from_ns = DAY_2026 + random64(&seed) % (1400 * SEC),
					     .step_ns = random64(&seed) % (40 * SEC),
					     .max_steps = 1 + random64(&seed) % 300 };
		struct range range;
		uint64_t last = 0;

		query.to_ns = query.from_ns + 1 + random64(&seed) % (2000 * SEC);
		if (i % 20 == 0)
			spoil_steps(s->f, &seed);
		else if (i % 20 == 4)
			poke(s->f, 0, &constant, sizeof(constant));
		else if (i % 3 == 0)
			spoil_epoch(s->f, 1 + i % 2, &seed);
		else if (i % 3 == 1)
			poke_head(s->f, random64(&seed) % HISTORY_N_RINGS,
				  random64(&seed) >> random64(&seed) % 64);
		if (history_open_reader(s->f->dir, "eth0", &r, &s->f->err))
			continue;
		if (!range_plan(r, &query, &range)) {
			assert_true(range.n_steps <= query.max_steps);
			(void)range_for_each(r, &range, count_step, &last);
		}
		history_close_reader(r);
	}
	end_story(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_step_that_is_being_recorded_is_not_shown),
		TEST(what_nobody_records_any_more_is_a_gap_up_to_the_end),
		TEST(a_missing_record_makes_both_its_steps_unknown),
		TEST(a_damaged_record_is_a_missing_one),
		TEST(what_is_transmitted_is_unknown_where_it_is_not_counted),
		TEST(not_counting_next_to_a_boundary_concerns_one_step),
		TEST(transmitted_frames_that_begin_anew_hide_no_received_ones),
		TEST(sleep_is_a_gap_and_not_a_low_rate),
		TEST(a_boundary_far_from_any_record_has_none),
		TEST(two_records_close_together_are_a_part_of_a_step),
		TEST(an_epoch_is_shown_from_its_first_record_to_its_last),
		TEST(no_step_is_across_two_epochs),
		TEST(a_reboot_goes_on_in_wall_clock_time),
		TEST(a_step_of_the_clock_moves_the_epoch_and_changes_no_rate),
		TEST(of_overlapping_epochs_the_later_one_counts),
		TEST(a_later_epoch_hides_what_it_goes_over),
		TEST(an_epoch_whose_entry_is_damaged_is_a_gap),
		TEST(a_boot_without_a_clock_hides_nothing),
		TEST(nothing_in_a_file_leads_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
