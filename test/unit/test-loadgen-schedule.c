// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/schedule.c, and how many requests a configuration makes: exact times, no drift, nothing
 * lost between workers, the total right to the byte.
 */
#include "unit.h"

#include "config.h"
#include "schedule.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <string.h>

#define START 123456789012345ULL
#define DAY   (86400 * NSEC_PER_SEC)

static struct schedule schedule_of(uint64_t num, uint64_t den, uint64_t end, uint64_t n_total,
				   uint32_t worker, uint32_t n_workers)
{
	struct pace pace = { num, den, 0 };
	struct schedule schedule;

	schedule_init(&schedule, &pace, START, end, n_total, worker, n_workers);
	return schedule;
}

static void bandwidth_is_an_exact_fraction(void **state)
{
	static const struct {
		uint64_t bps, size, num, den;
	} cases[] = {
		{ 10000000, 1000, 1, 800000 },			/* 1250 a second */
		{ 8, 1, 1, NSEC_PER_SEC },			/* 1 */
		{ 1000000000, 1024, 1, 8192 },			/* 122070.3125 */
		{ 1, 1 << 30, 1, (8ULL << 30) * NSEC_PER_SEC }, /* one in 272 years */
		{ 1000000000000, 1, 125, 1 },
		{ 7, 3, 7, 24 * NSEC_PER_SEC },
		{ 0, 1000, 0, 0 },
		{ 1000, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct pace pace = { 99, 99, 99 };

		pace_from_bandwidth(cases[i].bps, cases[i].size, &pace);
		if (pace.requests_num != cases[i].num || pace.ns_den != cases[i].den)
			fail_msg("%ju bit/s of %ju bytes: %ju / %ju", (uintmax_t)cases[i].bps,
				 (uintmax_t)cases[i].size, (uintmax_t)pace.requests_num,
				 (uintmax_t)pace.ns_den);
	}
}

static void rates_are_exact_to_a_millionth(void **state)
{
	static const struct {
		double rate;
		uint64_t num, den;
	} cases[] = {
		{ 1, 1, NSEC_PER_SEC },
		{ 0.1, 1, 10 * NSEC_PER_SEC },
		{ 0.3, 3, 10 * NSEC_PER_SEC },
		{ 1250, 1, 800000 },
		{ 3, 3, NSEC_PER_SEC },
		{ 333.333333, 333333333, 1000000 * NSEC_PER_SEC },
		{ 0.000001, 1, 1000000 * NSEC_PER_SEC },
		{ 9999999.999999, 9999999999999, 1000000 * NSEC_PER_SEC },
		{ 0, 0, 0 },
		{ -1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct pace pace = { 99, 99, 99 };

		pace_from_rate(cases[i].rate, &pace);
		if (pace.requests_num != cases[i].num || pace.ns_den != cases[i].den)
			fail_msg("%f: %ju / %ju", cases[i].rate, (uintmax_t)pace.requests_num,
				 (uintmax_t)pace.ns_den);
	}
}

static void the_first_request_is_due_at_the_start(void **state)
{
	struct schedule schedule = schedule_of(1, NSEC_PER_SEC, UINT64_MAX, UINT64_MAX, 0, 1);

	(void)state;
	assert_true(schedule_is_open_loop(&schedule));
	assert_true(schedule_next_due_ns(&schedule) == START);
	assert_int_equal(schedule_n_due(&schedule, START - 1), 0);
	assert_int_equal(schedule_n_due(&schedule, 0), 0);
	assert_int_equal(schedule_n_due(&schedule, START), 1);
	assert_int_equal(schedule_take(&schedule), 0);
	assert_int_equal(schedule_n_due(&schedule, START), 0);
	assert_true(schedule_next_due_ns(&schedule) == START + NSEC_PER_SEC);
}

/* Three in a second: a third of a nanosecond is rounded up each time, and adds up to nothing. */
static void nothing_drifts(void **state)
{
	struct schedule schedule = schedule_of(3, NSEC_PER_SEC, UINT64_MAX, UINT64_MAX, 0, 1);

	(void)state;
	schedule_take(&schedule);
	assert_true(schedule_next_due_ns(&schedule) == START + 333333334);
	schedule_take(&schedule);
	assert_true(schedule_next_due_ns(&schedule) == START + 666666667);
	schedule_take(&schedule);
	assert_true(schedule_next_due_ns(&schedule) == START + NSEC_PER_SEC);
	schedule.next = 3ULL * 86400 * 1000;
	assert_true(schedule_next_due_ns(&schedule) == START + 1000 * DAY);
	schedule.next++;
	assert_true(schedule_next_due_ns(&schedule) == START + 1000 * DAY + 333333334);
}

/* n_due at any time is the number of requests whose due time has come: both say the same. */
static void times_and_counts_agree(void **state)
{
	static const struct pace paces[] = {
		{ 1, 1, 0 },	  { 3, 1, 0 },	     { 1, 7, 0 },
		{ 7, 3, 0 },	  { 125, 1, 0 },     { 3, 1000, 0 },
		{ 997, 1009, 0 }, { 1, 800000, 0 },  { 333333333, 1000000, 0 },
		{ 1, 1, 1 },	  { 1, 7, 100 },     { 1, 7, 101 },
		{ 7, 3, 1000 },	  { 125, 1, 33 },    { 3, 1000, 100000 },
		{ 1, 1, 4000 },	  { 997, 1009, 77 }, { 1, 800000, 5000000 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(paces); i++) {
		struct schedule schedule;
		uint64_t n = 0;

		schedule_init(&schedule, &paces[i], START, UINT64_MAX, 3000, 0, 1);
		for (uint64_t now = START; now < START + 2000; now++) {
			struct schedule all = schedule;

			while (schedule_next_due_ns(&all) <= now)
				schedule_take(&all), n++;
			if (schedule_n_due(&schedule, now) != n)
				fail_msg("%ju/%ju at %ju: %ju are due, and told are %ju",
					 (uintmax_t)paces[i].requests_num,
					 (uintmax_t)paces[i].ns_den, (uintmax_t)(now - START),
					 (uintmax_t)n, (uintmax_t)schedule_n_due(&schedule, now));
			n = 0;
		}
	}
}

static void workers_share_without_gap_or_overlap(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 7, 256 };

	(void)state;
	for (size_t i = 0; i < array_size(counts); i++) {
		struct schedule one =
			schedule_of(7, 24 * NSEC_PER_USEC, START + 10 * NSEC_PER_MSEC, 2003, 0, 1);
		unsigned char taken[2003] = "";
		uint64_t n = 0, n_due = 0, now = START + NSEC_PER_MSEC;

		for (uint32_t worker = 0; worker < counts[i]; worker++) {
			struct schedule mine = one;

			schedule_init(&mine, &one.pace, one.start_ns, one.end_ns, one.n_total,
				      worker, counts[i]);
			n_due += schedule_n_due(&mine, now);
			for (; !schedule_done(&mine); n++) {
				uint64_t due = schedule_next_due_ns(&mine);
				uint64_t k = schedule_take(&mine);

				assert_int_equal(k % counts[i], worker);
				one.next = k;
				assert_true(due == schedule_next_due_ns(&one));
				assert_int_equal(taken[k]++, 0);
			}
			one.next = 0;
		}
		assert_int_equal(n, 2003);
		assert_int_equal(n_due, schedule_n_due(&one, now));
	}
}

static void nothing_is_due_at_the_end_or_after(void **state)
{
	struct schedule schedule =
		schedule_of(1, NSEC_PER_SEC, START + 3 * NSEC_PER_SEC, UINT64_MAX, 0, 1);

	(void)state;
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 3);
	assert_int_equal(schedule_n_due(&schedule, START + 3 * NSEC_PER_SEC), 3);
	for (uint64_t k = 0; k < 3; k++) {
		assert_false(schedule_done(&schedule));
		assert_int_equal(schedule_take(&schedule), k);
	}
	assert_true(schedule_done(&schedule));
	assert_true(schedule_next_due_ns(&schedule) == UINT64_MAX);
	assert_true(schedule_take(&schedule) == UINT64_MAX);
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 0);
	schedule = schedule_of(1, 1, START, UINT64_MAX, 0, 1);
	assert_true(schedule_done(&schedule));
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 0);
	schedule = schedule_of(1, 1, 0, UINT64_MAX, 0, 1);
	assert_true(schedule_done(&schedule));
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 0);
}

static void the_number_of_requests_ends_it(void **state)
{
	struct schedule schedule = schedule_of(1, 10, UINT64_MAX, 5, 1, 3); /* its: 1, 4 */

	(void)state;
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 2);
	assert_int_equal(schedule_take(&schedule), 1);
	assert_int_equal(schedule_n_due(&schedule, START + 39), 0);
	assert_int_equal(schedule_n_due(&schedule, START + 40), 1);
	assert_int_equal(schedule_take(&schedule), 4);
	assert_true(schedule_done(&schedule));
	assert_true(schedule_take(&schedule) == UINT64_MAX);
	schedule = schedule_of(1, 10, UINT64_MAX, 0, 0, 1);
	assert_true(schedule_done(&schedule));
	schedule = schedule_of(1, 10, UINT64_MAX, 5, 5, 6); /* more workers than requests */
	assert_true(schedule_done(&schedule));
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 0);
}

static void without_a_pace_all_is_due(void **state)
{
	struct schedule schedule = schedule_of(0, 0, START + 5, 5, 1, 3);

	(void)state;
	assert_false(schedule_is_open_loop(&schedule));
	assert_true(schedule_next_due_ns(&schedule) == START);
	assert_int_equal(schedule_n_due(&schedule, START - 1), 0);
	assert_int_equal(schedule_n_due(&schedule, START), 2);
	assert_int_equal(schedule_take(&schedule), 1);
	assert_true(schedule_next_due_ns(&schedule) == START);
	assert_int_equal(schedule_take(&schedule), 4);
	assert_true(schedule_done(&schedule));
	schedule = schedule_of(0, 0, UINT64_MAX, UINT64_MAX, 2, 3);
	assert_true(schedule_n_due(&schedule, START) == UINT64_MAX / 3);
}

static void the_edge_of_time_is_safe(void **state)
{
	struct schedule schedule = schedule_of(1, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 1);

	(void)state;
	assert_int_equal(schedule_take(&schedule), 0);
	assert_true(schedule_next_due_ns(&schedule) == UINT64_MAX);
	assert_true(schedule_done(&schedule)); /* beyond all time */
	schedule = schedule_of(UINT64_MAX, 1, UINT64_MAX, UINT64_MAX, 255, 256);
	assert_true(schedule_n_due(&schedule, UINT64_MAX) >= UINT64_MAX / 256);
	schedule.next = UINT64_MAX - 1;
	assert_true(schedule_take(&schedule) == UINT64_MAX - 1);
	assert_true(schedule.next == UINT64_MAX);
	assert_true(schedule_done(&schedule));
	schedule = schedule_of(0, 0, UINT64_MAX, UINT64_MAX, 0, 4000000000);
	schedule.next = UINT64_MAX - 5;
	schedule_take(&schedule);
	assert_true(schedule_done(&schedule));
}

static void what_was_due_before_a_time_is_skipped(void **state)
{
	struct schedule schedule = schedule_of(1, 10, START + 1000, UINT64_MAX, 1, 3), slow;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(schedule_skip(&schedule, 0), 0);
	assert_int_equal(schedule_skip(&schedule, START + 10), 0); /* due then, not before */
	assert_int_equal(schedule_skip(&schedule, START + 11), 1);
	assert_true(schedule_next_due_ns(&schedule) == START + 40);
	slow = schedule;
	for (; schedule_next_due_ns(&slow) < START + 777; n++)
		schedule_take(&slow);
	assert_int_equal(schedule_skip(&schedule, START + 777), n);
	assert_int_equal(schedule.next, slow.next);
	schedule_skip(&schedule, UINT64_MAX);
	assert_true(schedule_done(&schedule));
	assert_int_equal(schedule_n_due(&schedule, UINT64_MAX), 0);
}

static void the_total_is_exact_to_the_byte(void **state)
{
	static const struct {
		uint64_t size, total, requests;
		uint64_t n, last;
	} cases[] = {
		{ 1000, 0, 0, UINT64_MAX, 1000 },
		{ 1000, 0, 5, 5, 1000 },
		{ 1000, 5000, 0, 5, 1000 },
		{ 1000, 5001, 0, 6, 1 },
		{ 1000, 4999, 0, 5, 999 },
		{ 1000, 1000, 0, 1, 1000 },
		{ 1000, 1001, 0, 2, 1 },
		{ 1, 7, 0, 7, 1 },
		{ 1000, 5001, 3, 3, 1000 },
		{ 1000, 5001, 6, 6, 1 },
		{ 1000, 5001, 7, 6, 1 },
		{ 1 << 30, 1000000000000000000, 0, 931322575, 660865024 },
		{ 0, 0, 9, 9, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct config c = { .request_size = cases[i].size,
				    .total_size = cases[i].total,
				    .requests = cases[i].requests };
		uint64_t n = run_n_requests(&c);
		unsigned __int128 sum;

		if (n != cases[i].n || run_request_size(&c, n - 1) != cases[i].last ||
		    (n > 1 && run_request_size(&c, 0) != c.request_size))
			fail_msg("case %zu: %ju, the last of %ju", i, (uintmax_t)n,
				 (uintmax_t)run_request_size(&c, n - 1));
		if (!c.total_size)
			continue;
		sum = (unsigned __int128)(n - 1) * c.request_size + run_request_size(&c, n - 1);
		assert_true(c.requests ? sum <= c.total_size : sum == c.total_size);
		if (sum == c.total_size)
			assert_int_equal(run_request_size(&c, n), 0);
	}
}

/* In a ramp of 10 s to 1,000 a second 5,000 are due, half of what would be without. */
static void a_ramp_grows_to_the_pace(void **state)
{
	struct schedule schedule = schedule_of(1, 1000000, UINT64_MAX, UINT64_MAX, 0, 1);

	(void)state;
	schedule.pace.ramp_ns = 10 * NSEC_PER_SEC;
	assert_true(schedule_next_due_ns(&schedule) == START);
	assert_int_equal(schedule_n_due(&schedule, START + NSEC_PER_SEC - 1), 50);
	assert_int_equal(schedule_n_due(&schedule, START + NSEC_PER_SEC), 51);
	assert_int_equal(schedule_n_due(&schedule, START + 2 * NSEC_PER_SEC), 201);
	assert_int_equal(schedule_n_due(&schedule, START + 10 * NSEC_PER_SEC), 5001);
	assert_int_equal(schedule_n_due(&schedule, START + 11 * NSEC_PER_SEC), 6001);
	schedule.next = 50;
	assert_true(schedule_next_due_ns(&schedule) == START + NSEC_PER_SEC);
	schedule.next = 1250;
	assert_true(schedule_next_due_ns(&schedule) == START + 5 * NSEC_PER_SEC);
	schedule.next = 5000;
	assert_true(schedule_next_due_ns(&schedule) == START + 10 * NSEC_PER_SEC);
	schedule.next = 5001;
	assert_true(schedule_next_due_ns(&schedule) == START + 10 * NSEC_PER_SEC + 1000000);
}

/* No request before the one before it, at the ends of what rates and ramps there are. */
static void ramps_of_any_size_go_forward(void **state)
{
	static const struct pace paces[] = {
		{ 9999999999999, 1000000000000000, DAY }, { 1, 1000000 * NSEC_PER_SEC, DAY },
		{ 1000000000000, 8 * NSEC_PER_SEC, DAY }, { 125, 1, DAY },
		{ 1, (8ULL << 30) * NSEC_PER_SEC, DAY },  { 7, 24 * NSEC_PER_SEC, 1 },
		{ 333333333, 1000000 * NSEC_PER_SEC, 3 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(paces); i++) {
		struct schedule schedule;
		uint64_t before = 0, step;

		schedule_init(&schedule, &paces[i], START, UINT64_MAX, UINT64_MAX, 0, 1);
		step = (uint64_t)pace_n_due(&paces[i], 0, DAY) / 997 + 1;
		for (uint64_t k = 0; k < 2000 * step; k += step) {
			uint64_t due;

			schedule.next = k;
			due = schedule_next_due_ns(&schedule);
			assert_true(due >= before && due >= START);
			before = due;
		}
	}
}

static void a_stretch_has_what_is_due_in_it(void **state)
{
	static const struct pace plain = { 1, 1000000, 0 };
	static const struct pace ramp = { 1, 1000000, 10 * NSEC_PER_SEC };
	static const struct pace none = { 0, 0, 0 };

	(void)state;
	assert_true(pace_n_due(&none, 0, NSEC_PER_SEC) == 0);
	assert_true(pace_n_due(&plain, 0, NSEC_PER_SEC) == 1000);
	assert_true(pace_n_due(&plain, NSEC_PER_SEC, 3 * NSEC_PER_SEC) == 2000);
	assert_true(pace_n_due(&ramp, 0, NSEC_PER_SEC) == 50);
	assert_true(pace_n_due(&ramp, NSEC_PER_SEC, 2 * NSEC_PER_SEC) == 150);
	assert_true(pace_n_due(&ramp, 0, 10 * NSEC_PER_SEC) == 5000);
	assert_true(pace_n_due(&ramp, 9 * NSEC_PER_SEC, 11 * NSEC_PER_SEC) == 950 + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bandwidth_is_an_exact_fraction),
		cmocka_unit_test(rates_are_exact_to_a_millionth),
		cmocka_unit_test(the_first_request_is_due_at_the_start),
		cmocka_unit_test(nothing_drifts),
		cmocka_unit_test(times_and_counts_agree),
		cmocka_unit_test(workers_share_without_gap_or_overlap),
		cmocka_unit_test(nothing_is_due_at_the_end_or_after),
		cmocka_unit_test(the_number_of_requests_ends_it),
		cmocka_unit_test(without_a_pace_all_is_due),
		cmocka_unit_test(the_edge_of_time_is_safe),
		cmocka_unit_test(what_was_due_before_a_time_is_skipped),
		cmocka_unit_test(a_ramp_grows_to_the_pace),
		cmocka_unit_test(ramps_of_any_size_go_forward),
		cmocka_unit_test(a_stretch_has_what_is_due_in_it),
		cmocka_unit_test(the_total_is_exact_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
