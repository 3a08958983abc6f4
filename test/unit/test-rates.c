// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/rates.c: exact differences, and no rate across a restart. */
#include "unit.h"

#include "model/counters.h"
#include "model/rates.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define N_WORDS (sizeof(struct sampler_counters) / sizeof(uint64_t))

static struct sample sample_at(uint64_t boottime_ns, uint64_t packets, uint64_t bytes)
{
	struct sample sample = { .boottime_ns = boottime_ns, .epoch = 3, .flags = SAMPLE_TX };

	sample.direction[SAMPLER_RX].l3[SAMPLER_IPV4] = (struct sampler_count){ packets, bytes };
	sample.direction[SAMPLER_TX].l3[SAMPLER_IPV6] =
		(struct sampler_count){ 2 * packets, 2 * bytes };
	return sample;
}

static void rates_are_differences_over_time(void **state)
{
	struct sample older = sample_at(5 * NSEC_PER_SEC, 1000, 64000);
	struct sample newer = sample_at(7 * NSEC_PER_SEC, 11007, 704448);
	struct sampler_count rx, tx;
	struct delta delta;

	(void)state;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	assert_true(delta.interval_ns == 2 * NSEC_PER_SEC);
	rx = counters_total(&delta.direction[SAMPLER_RX]);
	tx = counters_total(&delta.direction[SAMPLER_TX]);
	assert_int_equal(rx.packets, 10007);
	assert_int_equal(rx.bytes, 640448);
	assert_int_equal(tx.packets, 20014);
	assert_true(delta_packets_per_s(&delta, rx) == 5003.5);
	assert_true(delta_bits_per_s(&delta, rx) == 2561792.0);
	assert_true(delta_packets_per_s(&delta, tx) == 10007.0);
}

static void rates_use_the_real_interval(void **state)
{
	struct sample older = sample_at(1, 0, 0);
	struct sample newer = sample_at(1 + NSEC_PER_SEC / 10, 100, 12500);
	struct delta delta;

	(void)state;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	assert_true(delta_packets_per_s(&delta, delta.direction[0].l3[0]) == 1000.0);
	assert_true(delta_bits_per_s(&delta, delta.direction[0].l3[0]) == 1e6);
}

static void silence_is_a_rate_of_zero(void **state)
{
	struct sample older = sample_at(1, 77, 777), newer = sample_at(2, 77, 777);
	struct delta delta;

	(void)state;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	assert_true(delta_bits_per_s(&delta, counters_total(&delta.direction[0])) == 0.0);
}

static void a_step_of_the_wall_clock_changes_nothing(void **state)
{
	struct sample older = sample_at(NSEC_PER_SEC, 0, 0);
	struct sample newer = sample_at(2 * NSEC_PER_SEC, 50, 5000);
	struct delta delta;

	(void)state;
	older.realtime_ns = 2000000000 * NSEC_PER_SEC;
	newer.realtime_ns = 1000000000 * NSEC_PER_SEC;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	assert_true(delta_packets_per_s(&delta, delta.direction[0].l3[0]) == 50.0);
}

static void expect_refused(const struct sample *older, const struct sample *newer, int result)
{
	struct delta delta, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	memcpy(&delta, &untouched, sizeof(delta));
	assert_int_equal(rates_between(older, newer, &delta), result);
	assert_memory_equal(&delta, &untouched, sizeof(delta));
}

static void another_epoch_gives_no_rate(void **state)
{
	struct sample older = sample_at(1, 0, 0), newer = sample_at(2, 5, 5);

	(void)state;
	newer.epoch++;
	expect_refused(&older, &newer, -ESTALE);
	newer.boottime_ns = 0; /* after a reboot time has not advanced either */
	expect_refused(&older, &newer, -ESTALE);
}

static void the_peak_is_the_highest_so_far(void **state)
{
	struct sample a = sample_at(1 * NSEC_PER_SEC, 0, 0),
		      b = sample_at(2 * NSEC_PER_SEC, 10, 1000),
		      c = sample_at(3 * NSEC_PER_SEC, 12, 1100);

	(void)state;
	rates_carry_peak(&a, &b, NSEC_PER_SEC / 2);
	assert_int_equal(b.peak[SAMPLER_RX].bits_per_s, 8000);
	assert_int_equal(b.peak[SAMPLER_RX].boottime_ns, b.boottime_ns);
	assert_int_equal(b.peak[SAMPLER_TX].bits_per_s, 16000);
	rates_carry_peak(&b, &c, NSEC_PER_SEC / 2);
	assert_memory_equal(&c.peak, &b.peak, sizeof(c.peak));
}

static void a_short_interval_sets_no_peak(void **state)
{
	struct sample a = sample_at(1 * NSEC_PER_SEC, 0, 0),
		      b = sample_at(2 * NSEC_PER_SEC, 10, 1000);

	(void)state;
	rates_carry_peak(&a, &b, 2 * NSEC_PER_SEC);
	assert_memory_equal(&b.peak, &a.peak, sizeof(a.peak));
}

static void another_epoch_begins_without_a_peak(void **state)
{
	struct sample a = sample_at(1 * NSEC_PER_SEC, 0, 0),
		      b = sample_at(2 * NSEC_PER_SEC, 10, 1000);

	(void)state;
	a.peak[SAMPLER_RX] = (struct sample_peak){ 9000, a.boottime_ns };
	b.peak[SAMPLER_RX] = a.peak[SAMPLER_RX];
	b.epoch++;
	rates_carry_peak(&a, &b, 0);
	assert_int_equal(b.peak[SAMPLER_RX].bits_per_s, 0);
	assert_int_equal(b.peak[SAMPLER_RX].boottime_ns, 0);
}

static void a_fallen_counter_is_a_restart(void **state)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		struct sample older = sample_at(1, 10, 10), newer = sample_at(2, 20, 20);

		((uint64_t *)&older.direction[SAMPLER_RX])[i] = 1000;
		((uint64_t *)&newer.direction[SAMPLER_RX])[i] = 999;
		assert_true(rates_fell(&older, &newer, SAMPLER_RX));
		assert_false(rates_fell(&older, &newer, SAMPLER_TX));
		expect_refused(&older, &newer, -ESTALE);
	}
	(void)state;
}

/* Of transmitted frames nothing is known, and of received ones all there is. */
static void expect_unknown_tx(const struct sample *older, const struct sample *newer)
{
	static const struct sampler_counters zeros;
	struct delta delta;

	memset(&delta, 0x5a, sizeof(delta));
	assert_int_equal(rates_between(older, newer, &delta), 0);
	assert_true(delta.known[SAMPLER_RX]);
	assert_int_equal(counters_total(&delta.direction[SAMPLER_RX]).packets, 10);
	assert_false(delta.known[SAMPLER_TX]);
	assert_memory_equal(&delta.direction[SAMPLER_TX], &zeros, sizeof(zeros));
}

static void what_is_not_counted_in_both_is_unknown(void **state)
{
	struct sample older = sample_at(1, 10, 1000), newer = sample_at(2, 20, 2000);
	struct delta delta;

	(void)state;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	assert_true(delta.known[SAMPLER_RX] && delta.known[SAMPLER_TX]);
	older.flags = SAMPLE_DEGRADED;
	expect_unknown_tx(&older, &newer); /* it began to be counted */
	expect_unknown_tx(&newer, &(struct sample){ .boottime_ns = 3,
						    .epoch = 3,
						    .direction = { { .l3 = { { 30, 3000 } } } } });
	newer.flags = 0;
	expect_unknown_tx(&older, &newer);
	/* What is not counted may fall, too. */
	newer.direction[SAMPLER_TX].l3[SAMPLER_IPV6].packets = 1;
	expect_unknown_tx(&older, &newer);
	assert_false(rates_fell(&older, &newer, SAMPLER_TX));
}

/* It was not counted for a while between the two, and then from 0 on: no reason to lose what was received. */
static void transmitted_frames_that_fell_are_unknown(void **state)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		struct sample older = sample_at(1, 10, 1000), newer = sample_at(2, 20, 2000);

		((uint64_t *)&older.direction[SAMPLER_TX])[i] = 1000;
		((uint64_t *)&newer.direction[SAMPLER_TX])[i] = 999;
		assert_true(rates_fell(&older, &newer, SAMPLER_TX));
		expect_unknown_tx(&older, &newer);
	}
	(void)state;
}

static void a_direction_can_be_forgotten(void **state)
{
	struct sample older = sample_at(1, 10, 1000), newer = sample_at(2, 20, 2000);
	struct delta delta;

	(void)state;
	assert_int_equal(rates_between(&older, &newer, &delta), 0);
	rates_forget(&delta, SAMPLER_TX);
	assert_false(delta.known[SAMPLER_TX]);
	assert_int_equal(counters_total(&delta.direction[SAMPLER_TX]).packets, 0);
	assert_int_equal(counters_total(&delta.direction[SAMPLER_RX]).packets, 10);
}

static void the_peak_of_what_is_not_counted_stays(void **state)
{
	struct sample a = sample_at(1 * NSEC_PER_SEC, 0, 0),
		      b = sample_at(2 * NSEC_PER_SEC, 10, 1000);

	(void)state;
	a.peak[SAMPLER_TX] = (struct sample_peak){ 9, 1 };
	b.flags = 0;
	rates_carry_peak(&a, &b, 0);
	assert_int_equal(b.peak[SAMPLER_RX].bits_per_s, 8000);
	assert_memory_equal(&b.peak[SAMPLER_TX], &a.peak[SAMPLER_TX], sizeof(a.peak[0]));
}

static void time_has_to_advance(void **state)
{
	struct sample older = sample_at(5, 1, 1), newer = sample_at(5, 2, 2);

	(void)state;
	expect_refused(&older, &newer, -EINVAL);
	newer.boottime_ns = 4;
	expect_refused(&older, &newer, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences_over_time),
		cmocka_unit_test(rates_use_the_real_interval),
		cmocka_unit_test(silence_is_a_rate_of_zero),
		cmocka_unit_test(a_step_of_the_wall_clock_changes_nothing),
		cmocka_unit_test(another_epoch_gives_no_rate),
		cmocka_unit_test(the_peak_is_the_highest_so_far),
		cmocka_unit_test(a_short_interval_sets_no_peak),
		cmocka_unit_test(another_epoch_begins_without_a_peak),
		cmocka_unit_test(a_fallen_counter_is_a_restart),
		cmocka_unit_test(what_is_not_counted_in_both_is_unknown),
		cmocka_unit_test(transmitted_frames_that_fell_are_unknown),
		cmocka_unit_test(a_direction_can_be_forgotten),
		cmocka_unit_test(the_peak_of_what_is_not_counted_stays),
		cmocka_unit_test(time_has_to_advance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
