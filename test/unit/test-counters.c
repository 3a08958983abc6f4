// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/counters.c: arithmetic reaches every single counter. */
#include "unit.h"

#include "model/counters.h"

#include <string.h>

#define N_WORDS (sizeof(struct sampler_counters) / sizeof(uint64_t))

union words {
	struct sampler_counters counters;
	uint64_t word[N_WORDS];
};

static void the_total_is_the_sum_of_l3(void **state)
{
	struct sampler_counters counters;
	struct sampler_count total;

	(void)state;
	memset(&counters, 0x7f, sizeof(counters)); /* what must not be in it */
	counters.l3[SAMPLER_IPV4] = (struct sampler_count){ 1, 10000 };
	counters.l3[SAMPLER_IPV6] = (struct sampler_count){ 20, 2000 };
	counters.l3[SAMPLER_ARP] = (struct sampler_count){ 300, 300 };
	counters.l3[SAMPLER_L3_OTHER] = (struct sampler_count){ 4000, 40 };
	total = counters_total(&counters);
	assert_int_equal(total.packets, 4321);
	assert_int_equal(total.bytes, 12340);
}

static void adding_reaches_every_counter(void **state)
{
	union words sum = { 0 }, cpu;

	(void)state;
	for (size_t i = 0; i < N_WORDS; i++) {
		sum.word[i] = i;
		cpu.word[i] = 1000 * i + 7;
	}
	counters_add(&sum.counters, &cpu.counters);
	for (size_t i = 0; i < N_WORDS; i++)
		assert_int_equal(sum.word[i], 1001 * i + 7);
}

static void subtracting_undoes_adding(void **state)
{
	union words a, b, sum;

	(void)state;
	for (size_t i = 0; i < N_WORDS; i++) {
		a.word[i] = i * 0x123456789abULL;
		b.word[i] = i * i + 1;
	}
	sum = a;
	counters_add(&sum.counters, &b.counters);
	assert_memory_not_equal(&sum, &a, sizeof(a));
	counters_subtract(&sum.counters, &b.counters);
	assert_memory_equal(&sum, &a, sizeof(a));
}

static void a_fall_of_any_counter_is_seen(void **state)
{
	union words older, newer;

	(void)state;
	for (size_t i = 0; i < N_WORDS; i++)
		older.word[i] = newer.word[i] = 100 + i;
	assert_false(counters_fell(&older.counters, &newer.counters));
	for (size_t i = 0; i < N_WORDS; i++) {
		newer = older;
		newer.word[i]++;
		assert_false(counters_fell(&older.counters, &newer.counters));
		newer.word[(i + 1) % N_WORDS]--; /* even where others grew */
		assert_true(counters_fell(&older.counters, &newer.counters));
	}
}

static void great_counters_are_compared_unsigned(void **state)
{
	union words older = { 0 }, newer = { 0 };

	(void)state;
	older.word[3] = INT64_MAX;
	newer.word[3] = (uint64_t)INT64_MAX + 1;
	assert_false(counters_fell(&older.counters, &newer.counters));
	assert_true(counters_fell(&newer.counters, &older.counters));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_total_is_the_sum_of_l3),
		cmocka_unit_test(adding_reaches_every_counter),
		cmocka_unit_test(subtracting_undoes_adding),
		cmocka_unit_test(a_fall_of_any_counter_is_seen),
		cmocka_unit_test(great_counters_are_compared_unsigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
