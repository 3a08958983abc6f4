// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/range.c on a long fine ring: wide steps are what a look at each record makes them, and are found
 * without that look.
 */
#include "range-fixture.h"

#include "model/layout.h"
#include "util/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define N_RECORDS 40000

static const struct history_geometry long_fine = { .interval_ns = SEC,
						   .fine_records = N_RECORDS,
						   .medium_span_ns = 600 * SEC,
						   .coarse_span_ns = 3600 * SEC };

static struct story *begin_long_story(void **state)
{
	struct story *s = begin_story(state);

	history_close_writer(s->w);
	assert_int_equal(history_purge(s->f->dir, "eth0", &s->f->err), 0);
	s->w = open_writer(s->f, &long_fine);
	return s;
}

/* System calls that have read something so far. */
static uint64_t reads(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/io", "re");
	char line[128];
	uint64_t n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		(void)!sscanf(line, "syscr: %" SCNu64, &n);
	return n;
}

/* ---- what the steps have to be, by a look at each record ---- */

struct due {
	uint64_t wall_ns;
	uint64_t boottime_ns;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static size_t read_all(const struct story *s, struct due *due)
{
	struct history_reader *r = open_reader(s->f);
	uint64_t head = 0;
	size_t n = 0;

	assert_int_equal(history_reader_head(r, HISTORY_FINE, &head), 0);
	for (uint64_t i = history_oldest(head, N_RECORDS); i < head; i++) {
		struct sample sample;

		if (history_read(r, HISTORY_FINE, i, &sample))
			continue;
		due[n++] = (struct due){ s->offset_ns + sample.boottime_ns / SEC * SEC,
					 sample.boottime_ns };
	}
	history_close_reader(r);
	return n;
}

/* The record that stands for a boundary, n: none does. */
static size_t nearest(const struct due *due, size_t n, uint64_t boundary, uint64_t window)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++) {
		if (distance(due[i].wall_ns, boundary) <= window &&
		    (best == n ||
		     distance(due[i].wall_ns, boundary) <= distance(due[best].wall_ns, boundary)))
			best = i;
	}
	return best;
}

static void expect_step(const struct story *s, const struct due *due, size_t n,
			const struct step *step)
{
	const uint64_t width = s->range.step_ns;
	size_t begin = nearest(due, n, step->end_ns - width, width / 4);
	size_t end = nearest(due, n, step->end_ns, width / 4);
	uint64_t hole = 0;

	if (begin == n || end == n) {
		assert_false(step->known);
		return;
	}
	for (size_t i = begin; i < end; i++) {
		if (due[i + 1].wall_ns - due[i].wall_ns > hole)
			hole = due[i + 1].wall_ns - due[i].wall_ns;
	}
	assert_int_equal(step->known, hole <= width / 2);
	if (step->known)
		assert_int_equal(step->packets,
				 (due[end].boottime_ns - due[begin].boottime_ns) / NSEC_PER_USEC);
}

static void check(struct story *s, uint64_t first, uint64_t last, uint64_t step_ns)
{
	_cleanup_free_ struct due *due = malloc(N_RECORDS * sizeof(*due));
	size_t n;

	assert_non_null(due);
	n = read_all(s, due);
	s->now_ns = s->offset_ns + (last + 100) * SEC;
	ask(s, (double)first, (double)last, step_ns, MAX_STEPS);
	assert_int_equal(s->range.ring, HISTORY_FINE);
	assert_int_equal(s->range.step_ns, step_ns);
	assert_true(s->n > 10);
	/* Where the epoch begins and ends there are other rules (test-range-gaps.c). */
	for (size_t i = 1; i + 2 < s->n; i++)
		expect_step(s, due, n, &s->step[i]);
}

/* ---- stories ---- */

static void regular_records_are_not_all_read(void **state)
{
	struct story *s = begin_long_story(state);
	uint64_t before;

	s->jitter_ns = 20 * NSEC_PER_MSEC;
	record(s, 1000, 1000 + N_RECORDS - 1);
	check(s, 1000, 1000 + N_RECORDS - 1, 1000 * SEC);
	before = reads();
	ask(s, 1000, 1000 + N_RECORDS - 1, 1000 * SEC, MAX_STEPS);
	/* To read each record, in batches, takes 6,000. */
	assert_true(reads() - before < 1500);
	assert_true(count_known(s) > 30);
	end_story(s);
}

/* Ticks missed, one and many; pauses about half a step long; at the boundaries and elsewhere. */
static void irregular_ones_are_seen(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct story *s = begin_long_story(state);
		uint64_t at = 1000, step = 200 + 100 * (seed % 5);

		s->seed = seed;
		s->jitter_ns = 20 * NSEC_PER_MSEC;
		while (at < 20000) {
			uint64_t run = 1 + random64(&s->seed) % 1500;
			uint64_t pause = random64(&s->seed) % 4 ? 1 + random64(&s->seed) % 3
								: random64(&s->seed) % step;

			record(s, at, at + run);
			at += run + 1 + pause;
		}
		check(s, 1000, at - 1, step * SEC);
		end_story(s);
	}
}

/* A header that claims the most there can be, and a file with nothing but holes between two records. */
static void a_file_of_holes_costs_no_more_than_one_of_records(void **state)
{
	static const struct history_geometry huge = { .interval_ns = SEC,
						      .fine_records = HISTORY_MAX_RECORDS,
						      .medium_span_ns = 600 * SEC,
						      .coarse_span_ns = 3600 * SEC };
	struct story *s = begin_story(state);
	const uint64_t last = HISTORY_MAX_RECORDS - 1;
	struct history_disk_slot slot = { .sequence = history_sequence_done(last) };
	uint64_t before;

	history_close_writer(s->w);
	assert_int_equal(history_purge(s->f->dir, "eth0", &s->f->err), 0);
	s->w = open_writer(s->f, &huge);
	record(s, 1000, 1100);
	slot.sample = (struct sample){ .boottime_ns = (1000 + last) * SEC, .epoch = 1 };
	slot.checksum = hash64(&slot.sample, sizeof(slot.sample), last);
	poke(s->f, HISTORY_HEADER_SIZE + last * sizeof(slot), &slot, sizeof(slot));
	poke_head(s->f, HISTORY_FINE, last + 1);
	before = reads();
	ask(s, 1000 + last - 300, 1000 + last, SEC, MAX_STEPS);
	/* Batches of 32 take five reads each. */
	assert_in_range(reads() - before, 100000, 6 * HISTORY_MAX_RECORDS / 32);
	assert_int_equal(count_known(s), 0);
	end_story(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regular_records_are_not_all_read),
		TEST(irregular_ones_are_seen),
		TEST(a_file_of_holes_costs_no_more_than_one_of_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
