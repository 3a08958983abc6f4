// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * util/units.c, integers and durations: every spelling that is taken, every one that is not, and what
 * is written. Sizes and bandwidths are in test-units-sizes.c.
 */
#include "unit.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

struct number {
	const char *text;
	int result;
	uint64_t value;
};

static void integers_are_the_whole_text_or_nothing(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "007", 0, 7 },
		{ "65535", 0, 65535 },
		{ "9223372036854775808", 0, 1ULL << 63 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "000000000000000000000000000001", 0, 1 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "184467440737095516150", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "-0", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1k", -EINVAL, 0 },
		{ "1,000", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "ten", -EINVAL, 0 },
		{ "99999999999999999999x", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 }, /* an Arabic digit one */
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		uint64_t value = UNTOUCHED;
		int r = parse_u64(cases[i].text, 0, UINT64_MAX, &value);

		if (r != cases[i].result || value != (r ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": %d, %ju", cases[i].text, r, (uintmax_t)value);
	}
}

static void ranges_are_one_number_or_two(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t first, last;
	} cases[] = {
		{ "80", 0, 80, 80 },
		{ "80-89", 0, 80, 89 },
		{ "80-80", 0, 80, 80 },
		{ "10-100", 0, 10, 100 },
		{ "000000000000000000000000000010-0100", 0, 10, 100 },
		{ "89-80", -ERANGE, 0, 0 },
		{ "9", -ERANGE, 0, 0 },
		{ "9-20", -ERANGE, 0, 0 },
		{ "101", -ERANGE, 0, 0 },
		{ "20-101", -ERANGE, 0, 0 },
		{ "18446744073709551616-20", -ERANGE, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "-", -EINVAL, 0, 0 },
		{ "-80", -EINVAL, 0, 0 },
		{ "80-", -EINVAL, 0, 0 },
		{ "80-89-90", -EINVAL, 0, 0 },
		{ "80--89", -EINVAL, 0, 0 },
		{ "80 -89", -EINVAL, 0, 0 },
		{ "80- 89", -EINVAL, 0, 0 },
		{ "80x", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		uint64_t first = UNTOUCHED, last = UNTOUCHED;
		int r = parse_u64_range(cases[i].text, 10, 100, &first, &last);

		if (r != cases[i].result || first != (r ? UNTOUCHED : cases[i].first) ||
		    last != (r ? UNTOUCHED : cases[i].last))
			fail_msg("\"%s\": %d, %ju to %ju", cases[i].text, r, (uintmax_t)first,
				 (uintmax_t)last);
	}
}

static void integers_keep_to_their_range(void **state)
{
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_u64("9", 10, 20, &value), -ERANGE);
	assert_int_equal(parse_u64("21", 10, 20, &value), -ERANGE);
	assert_true(value == UNTOUCHED);
	assert_int_equal(parse_u64("10", 10, 20, &value), 0);
	assert_int_equal(value, 10);
	assert_int_equal(parse_u64("20", 10, 20, &value), 0);
	assert_int_equal(value, 20);
	assert_int_equal(parse_u64("7", 7, 7, &value), 0);
	assert_int_equal(value, 7);
}

static void durations_are_exact(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "0d", 0, 0 },
		{ "1ns", 0, 1 },
		{ "500us", 0, 500 * NSEC_PER_USEC },
		{ "100ms", 0, 100 * NSEC_PER_MSEC },
		{ "1s", 0, NSEC_PER_SEC },
		{ "5min", 0, 300 * NSEC_PER_SEC },
		{ "1h", 0, 3600 * NSEC_PER_SEC },
		{ "14d", 0, 14 * 86400 * NSEC_PER_SEC },
		{ "1.5s", 0, 1500 * NSEC_PER_MSEC },
		{ "0.1s", 0, 100 * NSEC_PER_MSEC },
		{ "1.50s", 0, 1500 * NSEC_PER_MSEC },
		{ "2.0ns", 0, 2 },
		{ "0.25h", 0, 900 * NSEC_PER_SEC },
		{ "0.000000001s", 0, 1 },
		{ "1.000000001s", 0, NSEC_PER_SEC + 1 },
		{ "0.0000000000005d", -EINVAL, 0 }, /* 0.0432 ns */
		{ "0.00000000003125d", 0, 2700 },
		{ "1.50000000000000000000000000s", 0, 1500 * NSEC_PER_MSEC },
		{ "18446744073709551615ns", 0, UINT64_MAX },
		{ "18446744073.709551615s", 0, UINT64_MAX },
		{ "18446744073.709551616s", -ERANGE, 0 },
		{ "18446744073709551616ns", -ERANGE, 0 },
		{ "18446744074s", -ERANGE, 0 },
		{ "213504d", -ERANGE, 0 },
		{ "99999999999999999999999d", -ERANGE, 0 },
		{ "0.1ns", -EINVAL, 0 },
		{ "1.0000000001s", -EINVAL, 0 },
		{ "0.1234567890123456789d", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "0.0", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ ".5s", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 },
		{ "1..5s", -EINVAL, 0 },
		{ "1.5.5s", -EINVAL, 0 },
		{ "1,5s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "+1s", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "1s ", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1M", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "1ss", -EINVAL, 0 },
		{ "1mins", -EINVAL, 0 },
		{ "1h30min", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
		{ "0x1s", -EINVAL, 0 },
		{ "infs", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		uint64_t value = UNTOUCHED;
		int r = parse_duration_ns(cases[i].text, 0, UINT64_MAX, &value);

		if (r != cases[i].result || value != (r ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": %d, %ju", cases[i].text, r, (uintmax_t)value);
	}
}

static void durations_keep_to_their_range(void **state)
{
	const uint64_t min = 100 * NSEC_PER_MSEC, max = 60 * NSEC_PER_SEC;
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_duration_ns("99.999999ms", min, max, &value), -ERANGE);
	assert_int_equal(parse_duration_ns("60.000000001s", min, max, &value), -ERANGE);
	assert_int_equal(parse_duration_ns("0", min, max, &value), -ERANGE);
	assert_true(value == UNTOUCHED);
	assert_int_equal(parse_duration_ns("0.1s", min, max, &value), 0);
	assert_true(value == min);
	assert_int_equal(parse_duration_ns("1min", min, max, &value), 0);
	assert_true(value == max);
}

static void rates_have_three_significant_digits(void **state)
{
	static const struct {
		double value;
		const char *unit, *text;
	} cases[] = {
		{ 9.61e6, "bit/s", "9.61 Mbit/s" },  { 10e3, "pkt/s", "10.0 kpkt/s" },
		{ 0, "bit/s", "0 bit/s" },	     { 1, "pkt/s", "1.00 pkt/s" },
		{ 0.5, "pkt/s", "0.500 pkt/s" },     { 0.9994, "pkt/s", "0.999 pkt/s" },
		{ 0.9996, "pkt/s", "1.00 pkt/s" },   { 9.994, "pkt/s", "9.99 pkt/s" },
		{ 9.996, "pkt/s", "10.0 pkt/s" },    { 99.94, "pkt/s", "99.9 pkt/s" },
		{ 99.96, "pkt/s", "100 pkt/s" },     { 999, "pkt/s", "999 pkt/s" },
		{ 999.4, "pkt/s", "999 pkt/s" },     { 999.6, "pkt/s", "1.00 kpkt/s" },
		{ 999.6e3, "bit/s", "1.00 Mbit/s" }, { 1e9, "bit/s", "1.00 Gbit/s" },
		{ 123.4e9, "bit/s", "123 Gbit/s" },  { 4.2e12, "bit/s", "4.20 Tbit/s" },
		{ 1e15, "bit/s", "1.00 Pbit/s" },    { 1e18, "bit/s", "1.00 Ebit/s" },
		{ 5e21, "bit/s", "5000 Ebit/s" },    { -1, "bit/s", "? bit/s" },
		{ NAN, "bit/s", "? bit/s" },	     { INFINITY, "bit/s", "? bit/s" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[FORMAT_MAX];

		memset(buf, 'x', sizeof(buf));
		assert_int_equal(format_rate(buf, sizeof(buf), cases[i].value, cases[i].unit), 0);
		assert_string_equal(buf, cases[i].text);
	}
}

static void sizes_are_iec(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 3 << 19, "1.50 MiB" },
		{ 1023 * 1024, "1023 KiB" },
		{ (1 << 20) - 1, "1.00 MiB" },
		{ 12 << 20, "12.0 MiB" },
		{ 1ULL << 30, "1.00 GiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[FORMAT_MAX];

		memset(buf, 'x', sizeof(buf));
		assert_int_equal(format_bytes(buf, sizeof(buf), cases[i].value), 0);
		assert_string_equal(buf, cases[i].text);
	}
}

static void durations_are_written_as_they_are_read(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1500, "1500ns" },
		{ 500 * NSEC_PER_USEC, "500us" },
		{ 100 * NSEC_PER_MSEC, "100ms" },
		{ 1500 * NSEC_PER_MSEC, "1500ms" },
		{ 90 * NSEC_PER_SEC, "90s" },
		{ 300 * NSEC_PER_SEC, "5min" },
		{ 3600 * NSEC_PER_SEC, "1h" },
		{ 14 * 86400 * NSEC_PER_SEC, "14d" },
		{ UINT64_MAX, "18446744073709551615ns" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[FORMAT_MAX] = "";
		uint64_t back = UNTOUCHED;

		assert_int_equal(format_duration(buf, sizeof(buf), cases[i].value), 0);
		assert_string_equal(buf, cases[i].text);
		assert_int_equal(parse_duration_ns(buf, 0, UINT64_MAX, &back), 0);
		assert_true(back == cases[i].value);
	}
}

static void a_small_buffer_stays_as_it_was(void **state)
{
	char buf[] = "12345678901";

	(void)state;
	assert_int_equal(format_rate(buf, 11, 9.61e6, "bit/s"), -ENOSPC);
	assert_int_equal(format_rate(buf, 7, NAN, "bit/s"), -ENOSPC);
	assert_int_equal(format_bytes(buf, 8, 3 << 19), -ENOSPC);
	assert_int_equal(format_bytes(buf, 5, 512), -ENOSPC);
	assert_int_equal(format_duration(buf, 3, 90 * NSEC_PER_SEC), -ENOSPC);
	assert_string_equal(buf, "12345678901");
	assert_int_equal(format_rate(buf, 12, 9.61e6, "bit/s"), 0);
	assert_string_equal(buf, "9.61 Mbit/s");
	assert_int_equal(format_rate(buf, 8, NAN, "bit/s"), 0);
	assert_int_equal(format_bytes(buf, 9, 3 << 19), 0);
	assert_int_equal(format_bytes(buf, 6, 512), 0);
	assert_int_equal(format_duration(buf, 4, 90 * NSEC_PER_SEC), 0);
	assert_string_equal(buf, "90s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_the_whole_text_or_nothing),
		cmocka_unit_test(integers_keep_to_their_range),
		cmocka_unit_test(ranges_are_one_number_or_two),
		cmocka_unit_test(durations_are_exact),
		cmocka_unit_test(durations_keep_to_their_range),
		cmocka_unit_test(rates_have_three_significant_digits),
		cmocka_unit_test(sizes_are_iec),
		cmocka_unit_test(durations_are_written_as_they_are_read),
		cmocka_unit_test(a_small_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
