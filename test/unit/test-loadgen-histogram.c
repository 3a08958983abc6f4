// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/histogram.c against the same data, sorted. */
#include "unit.h"

#include "histogram.h"
#include "util/cleanup.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define N_VALUES 100003

static const double percents[] = { 0,  0.001, 1,    10,	   25,	   50,	    75,	      90,
				   95, 99,    99.9, 99.99, 99.999, 99.9999, 99.99999, 100 };

/* SplitMix64: the same numbers on every machine. */
static uint64_t random_u64(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct histogram *histogram_new(void)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	assert_non_null(histogram);
	return histogram;
}

/* Kinds of data: any magnitude, microseconds, few values, powers of two and their neighbours. */
static uint64_t random_value(unsigned int kind, uint64_t *seed)
{
	uint64_t random = random_u64(seed), power = 1ULL << random % 42;

	switch (kind) {
	case 0:
		return random_u64(seed) % HISTOGRAM_MAX_NS >> random % 42;
	case 1:
		return 20000 + random % 400000;
	case 2:
		return 1000000 + random % 3;
	default:
		power += random_u64(seed) % 3;
		return power - 1 < HISTOGRAM_MAX_NS ? power - 1 : HISTOGRAM_MAX_NS;
	}
}

/* The least of the sorted values that at least percent of all do not exceed. */
static uint64_t exact_percentile(const uint64_t *sorted, size_t n, double percent)
{
	uint64_t parts = (uint64_t)(percent * 1000000 + 0.5), rank;

	rank = (n * parts + 100000000 - 1) / 100000000;
	return sorted[rank ? rank - 1 : 0];
}

static void check_against_sorted(const struct histogram *histogram, const uint64_t *sorted,
				 size_t n)
{
	assert_int_equal(histogram->n, n);
	assert_true(histogram->min_ns == sorted[0] && histogram->max_ns == sorted[n - 1]);
	for (size_t i = 0; i < array_size(percents); i++) {
		uint64_t exact = exact_percentile(sorted, n, percents[i]);
		uint64_t got = histogram_percentile(histogram, percents[i]);

		if (got < exact || got - exact > exact >> HISTOGRAM_SUB_BITS)
			fail_msg("p%g: %ju, exactly %ju", percents[i], (uintmax_t)got,
				 (uintmax_t)exact);
	}
}

static void percentiles_are_those_of_the_data(void **state)
{
	_cleanup_free_ uint64_t *values = calloc(N_VALUES, sizeof(*values));
	uint64_t seed = 1;

	(void)state;
	assert_non_null(values);
	for (unsigned int kind = 0; kind < 4; kind++) {
		for (size_t n = 1; n <= N_VALUES; n = n < 10 ? n + 1 : n * 7 + 1) {
			_cleanup_free_ struct histogram *histogram = histogram_new();
			unsigned __int128 sum = 0;

			for (size_t i = 0; i < n; i++) {
				values[i] = random_value(kind, &seed);
				sum += values[i];
				histogram_record(histogram, values[i]);
			}
			qsort(values, n, sizeof(*values), compare_u64);
			check_against_sorted(histogram, values, n);
			assert_true(histogram->sum_ns == sum);
			assert_true(histogram_mean(histogram) == (double)sum / (double)n);
		}
	}
}

static void small_values_are_exact(void **state)
{
	_cleanup_free_ struct histogram *histogram = histogram_new();

	(void)state;
	for (uint64_t ns = 0; ns < 512; ns++)
		histogram_record(histogram, ns);
	for (uint64_t ns = 0; ns < 512; ns++)
		assert_int_equal(histogram_percentile(histogram, 100.0 * (ns + 1) / 512), ns);
}

static void the_ends_are_within_bounds(void **state)
{
	static const uint64_t values[] = { HISTOGRAM_MAX_NS - 1, HISTOGRAM_MAX_NS,
					   HISTOGRAM_MAX_NS + 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < array_size(values); i++) {
		uint64_t counted = values[i] < HISTOGRAM_MAX_NS ? values[i] : HISTOGRAM_MAX_NS;
		_cleanup_free_ struct histogram *histogram = histogram_new();

		histogram_record(histogram, values[i]);
		assert_int_equal(histogram->max_ns, counted);
		assert_int_equal(histogram_percentile(histogram, 50), counted);
		assert_true(histogram->sum_ns == counted);
	}
}

static void an_empty_one_says_zero(void **state)
{
	_cleanup_free_ struct histogram *empty = histogram_new(), *other = histogram_new();

	(void)state;
	assert_int_equal(histogram_percentile(empty, 50), 0);
	assert_int_equal(histogram_percentile(empty, 100), 0);
	assert_true(histogram_mean(empty) == 0);
	histogram_record(other, 7);
	histogram_add(other, empty);
	assert_int_equal(other->n, 1);
	assert_int_equal(other->min_ns, 7);
	histogram_add(empty, other);
	assert_memory_equal(empty, other, sizeof(*empty));
}

static void odd_percents_are_the_ends(void **state)
{
	_cleanup_free_ struct histogram *histogram = histogram_new();

	(void)state;
	histogram_record(histogram, 3);
	histogram_record(histogram, 9);
	assert_int_equal(histogram_percentile(histogram, -1), 3);
	assert_int_equal(histogram_percentile(histogram, NAN), 3);
	assert_int_equal(histogram_percentile(histogram, -INFINITY), 3);
	assert_int_equal(histogram_percentile(histogram, 101), 9);
	assert_int_equal(histogram_percentile(histogram, INFINITY), 9);
	assert_int_equal(histogram_percentile(histogram, 50), 3);
	assert_int_equal(histogram_percentile(histogram, 50.0001), 9);
}

/* 1000 values: 99.9 percent of them are 999, though 99.9 is no binary fraction. */
static void ranks_do_not_suffer_from_binary_fractions(void **state)
{
	_cleanup_free_ struct histogram *histogram = histogram_new();

	(void)state;
	for (unsigned int i = 1; i < 1000; i++)
		histogram_record(histogram, 10);
	histogram_record(histogram, 100);
	assert_int_equal(histogram_percentile(histogram, 99.9), 10);
	assert_int_equal(histogram_percentile(histogram, 99.90001), 100);
}

static void parts_add_up_to_the_whole(void **state)
{
	_cleanup_free_ struct histogram *whole = histogram_new(), *sum = histogram_new();
	uint64_t seed = 2;

	(void)state;
	for (unsigned int part = 0; part < 5; part++) {
		_cleanup_free_ struct histogram *one = histogram_new();

		for (unsigned int i = 0; i < 1000 * part; i++) {
			uint64_t ns = random_value(part % 4, &seed);

			histogram_record(one, ns);
			histogram_record(whole, ns);
		}
		histogram_add(sum, one);
	}
	assert_memory_equal(whole, sum, sizeof(*whole));
}

static void differences_are_what_came_since(void **state)
{
	_cleanup_free_ uint64_t *values = calloc(5000, sizeof(*values));
	_cleanup_free_ struct histogram *later = histogram_new(), *earlier = histogram_new();
	uint64_t seed = 3;

	(void)state;
	assert_non_null(values);
	for (unsigned int i = 0; i < 5000; i++)
		histogram_record(later, random_value(0, &seed));
	*earlier = *later;
	for (unsigned int i = 0; i < 5000; i++)
		histogram_record(later, values[i] = random_value(1, &seed));
	histogram_subtract(later, earlier);
	qsort(values, 5000, sizeof(*values), compare_u64);
	assert_int_equal(later->n, 5000);
	for (size_t i = 0; i < array_size(percents); i++) {
		uint64_t exact = exact_percentile(values, 5000, percents[i]);
		uint64_t got = histogram_percentile(later, percents[i]);

		/* the ends too are only known to their bucket now */
		assert_in_range(got, exact - (exact >> HISTOGRAM_SUB_BITS),
				exact + (exact >> HISTOGRAM_SUB_BITS));
	}
}

static void a_difference_of_nothing_is_empty(void **state)
{
	_cleanup_free_ struct histogram *later = histogram_new(), *earlier = histogram_new();
	_cleanup_free_ struct histogram *empty = histogram_new();

	(void)state;
	histogram_record(later, 5);
	histogram_subtract(later, earlier);
	assert_int_equal(later->n, 1);
	assert_int_equal(later->min_ns, 5);
	assert_int_equal(later->max_ns, 5);
	*earlier = *later;
	histogram_subtract(later, earlier);
	assert_memory_equal(later, empty, sizeof(*later));
}

static void ranks_are_those_of_the_data(void **state)
{
	_cleanup_free_ struct histogram *histogram = histogram_new();

	(void)state;
	assert_int_equal(histogram_n_at_most(histogram, UINT64_MAX), 0);
	for (uint64_t ns = 1; ns <= 200; ns++)
		histogram_record(histogram, ns);
	for (uint64_t ns = 0; ns <= 200; ns++)
		assert_int_equal(histogram_n_at_most(histogram, ns), ns);
	histogram_record(histogram, UINT64_MAX);
	assert_int_equal(histogram_n_at_most(histogram, 3600ULL * 1000000000 - 1), 200 + 1);
	assert_int_equal(histogram_n_at_most(histogram, 3000ULL * 1000000000), 200);
	assert_int_equal(histogram_n_at_most(histogram, UINT64_MAX), 201);
}

/* 1 to 200: variance (200^2 - 1) / 12. Greater values are only known to a bucket's width. */
static void the_deviation_is_that_of_the_data(void **state)
{
	_cleanup_free_ struct histogram *histogram = histogram_new();

	(void)state;
	assert_true(histogram_deviation(histogram) == 0);
	for (uint64_t ns = 1; ns <= 200; ns++)
		histogram_record(histogram, ns);
	assert_true(fabs(histogram_deviation(histogram) - sqrt(39999.0 / 12)) < 1e-9);
	memset(histogram, 0, sizeof(*histogram));
	for (uint64_t i = 0; i < 1000; i++)
		histogram_record(histogram, i % 2 ? 1000000 : 3000000);
	assert_true(fabs(histogram_deviation(histogram) - 1e6) < 1e6 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_the_data),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(the_ends_are_within_bounds),
		cmocka_unit_test(an_empty_one_says_zero),
		cmocka_unit_test(odd_percents_are_the_ends),
		cmocka_unit_test(ranks_do_not_suffer_from_binary_fractions),
		cmocka_unit_test(ranks_are_those_of_the_data),
		cmocka_unit_test(the_deviation_is_that_of_the_data),
		cmocka_unit_test(parts_add_up_to_the_whole),
		cmocka_unit_test(differences_are_what_came_since),
		cmocka_unit_test(a_difference_of_nothing_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
