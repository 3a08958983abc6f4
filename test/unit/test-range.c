// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/range.c: steps of a history, on files made by the writer.
 *
 * Every sample counts a packet a microsecond of its epoch, so that each known step has to show exactly
 * 1,000,000 packets/s whatever its records are, and each step's packets are its microseconds.
 */
#include "history-fixture.h"

#include "model/counters.h"
#include "read/range.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SEC	  NSEC_PER_SEC
#define DAY_2026  (1767225600ULL * SEC) /* 2026-01-01, a multiple of 5 min */
#define MAX_STEPS 4200

static const struct history_geometry geometry = { .interval_ns = SEC,
						  .fine_records = 600,
						  .medium_span_ns = 3600 * SEC,
						  .coarse_span_ns = 6 * 3600 * SEC };

/* A history that is being written, and what is read from it. */
struct story {
	struct fixture *f;
	struct history_writer *w;
	uint64_t offset_ns; /* REALTIME - BOOTTIME */
	uint64_t counters_id;
	uint64_t jitter_ns; /* records come late by less than that */
	uint64_t seed;
	uint32_t flags;
	struct range range;
	size_t n;
	struct step {
		uint64_t end_ns;
		bool known;
		bool partial;
		uint64_t packets;
		uint64_t interval_ns;
		bool vlan_unknown;
		char service[SAMPLER_NAME_MAX];
	} step[MAX_STEPS];
};

static struct story *begin_story(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->f = *state;
	s->w = open_writer(s->f, &geometry);
	s->offset_ns = DAY_2026;
	s->counters_id = 1;
	s->seed = 42;
	return s;
}

static void end_story(struct story *s)
{
	history_close_writer(s->w);
	free(s);
}

static void record_at(struct story *s, uint64_t boottime_ns)
{
	struct history_source from = { .counters_id = s->counters_id,
				       .boot_id = "boot",
				       .ifindex = 3,
				       .services = { { "http", "https", "dns" } } };
	struct sample sample = { .boottime_ns = boottime_ns,
				 .realtime_ns = boottime_ns + s->offset_ns,
				 .flags = s->flags };

	sample.direction[SAMPLER_RX].l3[0].packets = boottime_ns / NSEC_PER_USEC;
	assert_true(history_begin_epoch(s->w, &from, &sample) >= 0);
	assert_int_equal(history_append(s->w, &sample), 0);
}

/* Seconds of boot time from first to last, both included, as a recorder takes them. */
static void record(struct story *s, uint64_t first, uint64_t last)
{
	for (uint64_t t = first; t <= last; t++)
		record_at(s, t * SEC + (s->jitter_ns ? random64(&s->seed) % s->jitter_ns : 0) /
					       NSEC_PER_USEC * NSEC_PER_USEC);
}

static int take(const struct range_step *step, void *user)
{
	struct story *s = user;
	struct step *to = &s->step[s->n++];

	assert_true(s->n <= s->range.n_steps);
	*to = (struct step){ .end_ns = step->end_ns, .known = step->delta };
	assert_true(step->end_ns == s->range.first_end_ns + (s->n - 1) * s->range.step_ns);
	if (!step->delta) {
		assert_null(step->services);
		return 0;
	}
	to->packets = counters_total(&step->delta->direction[SAMPLER_RX]).packets;
	to->interval_ns = step->delta->interval_ns;
	to->vlan_unknown = step->vlan_unknown;
	to->partial = step->partial;
	strcpy(to->service, step->services[2]);
	return 0;
}

/* Ask for wall-clock times given as seconds from the beginning of the year. */
static void ask(struct story *s, double from, double to, uint64_t step_ns, size_t max_steps)
{
	struct range_query query = { .from_ns = DAY_2026 + (uint64_t)(from * 1e9),
				     .to_ns = DAY_2026 + (uint64_t)(to * 1e9),
				     .step_ns = step_ns,
				     .max_steps = max_steps };
	struct history_reader *r = open_reader(s->f);

	s->n = 0;
	assert_int_equal(range_plan(r, &query, &s->range), 0);
	assert_true(s->range.n_steps <= max_steps);
	assert_int_equal(range_for_each(r, &s->range, take, s), 0);
	assert_int_equal(s->n, s->range.n_steps);
	history_close_reader(r);
	for (size_t i = 0; i < s->n; i++) {
		if (s->step[i].known)
			assert_true(s->step[i].packets == s->step[i].interval_ns / NSEC_PER_USEC);
	}
}

static const struct step *step_ending(const struct story *s, uint64_t second)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->step[i].end_ns == DAY_2026 + second * SEC)
			return &s->step[i];
	}
	fail_msg("no step ends at %ju", (uintmax_t)second);
	return NULL;
}

static size_t count_known(const struct story *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->step[i].known;
	return n;
}

/* All known steps in a row; gaps are only before the first and behind the last. */
static void expect_one_run(const struct story *s, size_t n)
{
	size_t changes = 0;

	for (size_t i = 1; i < s->n; i++)
		changes += s->step[i].known != s->step[i - 1].known;
	assert_true(changes <= 2);
	assert_int_equal(count_known(s), n);
}

static uint64_t sum_of_packets(const struct story *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->step[i].packets;
	return sum;
}

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
	const struct range_query bad[] = { { 5, 5, 1, 10 },
					   { 6, 5, 1, 10 },
					   { 1, 5, 1, 0 },
					   { 1, UINT64_MAX, 1, 10 },
					   { 1, 5, UINT64_MAX, 10 } };
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

/* A reload can make the interval longer than the one that the file was made for. */
static void records_that_are_farther_apart_than_they_should_be_make_wider_steps(void **state)
{
	struct story *s = begin_story(state);

	for (uint64_t t = 1000; t <= 2000; t += 10)
		record_at(s, t * SEC);
	ask(s, 1500, 2000, SEC, MAX_STEPS);
	assert_true(s->range.step_ns == 10 * SEC);
	assert_true(s->range.resolution_ns == 10 * SEC);
	expect_one_run(s, 50);
	record(s, 2001, 2100); /* and back again */
	ask(s, 2010, 2100, SEC, MAX_STEPS);
	expect_one_run(s, 90);
	end_story(s);
}

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
		TEST(records_that_are_farther_apart_than_they_should_be_make_wider_steps),
		TEST(a_step_that_is_being_recorded_is_not_shown),
		TEST(what_nobody_records_any_more_is_a_gap_up_to_the_end),
		TEST(a_missing_record_makes_both_its_steps_unknown),
		TEST(a_damaged_record_is_a_missing_one),
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
		TEST(a_ring_that_has_wrapped_shows_what_it_still_has),
		TEST(a_pause_is_a_gap_in_coarse_rings_too),
		TEST(names_and_flags_come_with_each_step),
		TEST(the_walk_ends_when_it_is_told_to),
		TEST(nothing_in_a_file_leads_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
