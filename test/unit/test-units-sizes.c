// SPDX-License-Identifier: MIT OR Apache-2.0
/* util/units.c, sizes, bandwidths, shares and decimals: what is taken, what is not, what is written. */
#include "unit.h"

#include "util/cleanup.h"
#include "util/units.h"

#include <errno.h>
#include <string.h>

#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

struct number {
	const char *text;
	int result;
	uint64_t value;
};

static void check_all(const struct number *cases, size_t n,
		      int (*parse)(const char *text, uint64_t min, uint64_t max, uint64_t *ret))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = UNTOUCHED;
		int r = parse(cases[i].text, 0, UINT64_MAX, &value);

		if (r != cases[i].result || value != (r ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": %d, %ju", cases[i].text, r, (uintmax_t)value);
	}
}

static void sizes_are_exact(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0B", 0, 0 },
		{ "1B", 0, 1 },
		{ "1.0B", 0, 1 },
		{ "1KB", 0, 1000 },
		{ "1kB", 0, 1000 },
		{ "1KiB", 0, 1024 },
		{ "64KiB", 0, 65536 },
		{ "1.5KB", 0, 1500 },
		{ "1.5KiB", 0, 1536 },
		{ "1.5MB", 0, 1500000 },
		{ "0.001KB", 0, 1 },
		{ "1.460KB", 0, 1460 },
		{ "1MB", 0, 1000000 },
		{ "1MiB", 0, 1 << 20 },
		{ "1GB", 0, 1000000000 },
		{ "1GiB", 0, 1 << 30 },
		{ "1TB", 0, 1000000000000 },
		{ "1TiB", 0, 1ULL << 40 },
		{ "0.0000000000009094947017729282379150390625TiB", -EINVAL, 0 }, /* 1 B, but long */
		{ "18446744073709551615B", 0, UINT64_MAX },
		{ "18446744.073709551615TB", 0, UINT64_MAX },
		{ "18446744.073709551616TB", -ERANGE, 0 },
		{ "16777215.5TiB", 0, UINT64_MAX - (1ULL << 39) + 1 },
		{ "16777216TiB", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999KB", -ERANGE, 0 },
		{ "1.5B", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "512.0", -EINVAL, 0 },
		{ "0.0001KB", -EINVAL, 0 },
		{ "0.1KiB", -EINVAL, 0 },
		{ "1.0001KB", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "B", -EINVAL, 0 },
		{ "KB", -EINVAL, 0 },
		{ ".5KB", -EINVAL, 0 },
		{ "1.KB", -EINVAL, 0 },
		{ "1..5KB", -EINVAL, 0 },
		{ "1,5KB", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "-1KB", -EINVAL, 0 },
		{ "+1KB", -EINVAL, 0 },
		{ " 1KB", -EINVAL, 0 },
		{ "1KB ", -EINVAL, 0 },
		{ "1 KB", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "1k", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1M", -EINVAL, 0 },
		{ "1kb", -EINVAL, 0 },
		{ "1Kb", -EINVAL, 0 },
		{ "1Mb", -EINVAL, 0 },
		{ "1mB", -EINVAL, 0 },
		{ "1b", -EINVAL, 0 },
		{ "1kiB", -EINVAL, 0 },
		{ "1KIB", -EINVAL, 0 },
		{ "1KBB", -EINVAL, 0 },
		{ "1KB/s", -EINVAL, 0 },
		{ "1KB1", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1e3B", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1bytes", -EINVAL, 0 },
		{ "tenKB", -EINVAL, 0 },
		{ "\xd9\xa1KB", -EINVAL, 0 },
	};

	(void)state;
	check_all(cases, array_size(cases), parse_size);
}

static void bandwidths_tell_bits_from_bytes(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "0bps", 0, 0 },
		{ "0Mbps", 0, 0 },
		{ "1bps", 0, 1 },
		{ "1bit/s", 0, 1 },
		{ "1b/s", 0, 1 },
		{ "1B/s", 0, 8 },
		{ "0.125B/s", 0, 1 },
		{ "100Kbps", 0, 100000 },
		{ "100kbps", 0, 100000 },
		{ "100kbit/s", 0, 100000 },
		{ "100Kbit/s", 0, 100000 },
		{ "100kb/s", 0, 100000 },
		{ "100KB/s", 0, 800000 },
		{ "100kB/s", 0, 800000 },
		{ "10Mbps", 0, 10000000 },
		{ "10Mbit/s", 0, 10000000 },
		{ "10Mb/s", 0, 10000000 },
		{ "10MB/s", 0, 80000000 },
		{ "1.5Mbps", 0, 1500000 },
		{ "0.1Mbps", 0, 100000 },
		{ "9.999999Mbps", 0, 9999999 },
		{ "1Gbps", 0, 1000000000 },
		{ "1Gbit/s", 0, 1000000000 },
		{ "1GB/s", 0, 8000000000 },
		{ "1Tbps", 0, 1000000000000 },
		{ "1Kibps", 0, 1024 },
		{ "1Kibit/s", 0, 1024 },
		{ "1KiB/s", 0, 8192 },
		{ "1Mibps", 0, 1 << 20 },
		{ "1MiB/s", 0, 1 << 23 },
		{ "0.5MiB/s", 0, 1 << 22 },
		{ "18446744073709551615bps", 0, UINT64_MAX },
		{ "18446744073709551616bps", -ERANGE, 0 },
		{ "2305843009213693952B/s", -ERANGE, 0 },
		{ "18446745Tbps", -ERANGE, 0 },
		{ "99999999999999999999Mbps", -ERANGE, 0 },
		{ "0.5bps", -EINVAL, 0 },
		{ "0.1B/s", -EINVAL, 0 },
		{ "1.0000001Mbps", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "10", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "0.0", -EINVAL, 0 },
		{ "10000000", -EINVAL, 0 },
		{ "10M", -EINVAL, 0 },
		{ "10Mb", -EINVAL, 0 },
		{ "10MB", -EINVAL, 0 },
		{ "10Mbit", -EINVAL, 0 },
		{ "10mbps", -EINVAL, 0 },
		{ "10mbit/s", -EINVAL, 0 },
		{ "10MBPS", -EINVAL, 0 },
		{ "10MBps", -EINVAL, 0 },
		{ "10Bps", -EINVAL, 0 },
		{ "10MBit/s", -EINVAL, 0 },
		{ "10gbps", -EINVAL, 0 },
		{ "10kibps", -EINVAL, 0 },
		{ "10Mbps/s", -EINVAL, 0 },
		{ "10Mbit/sec", -EINVAL, 0 },
		{ "10M/s", -EINVAL, 0 },
		{ "10 Mbps", -EINVAL, 0 },
		{ " 10Mbps", -EINVAL, 0 },
		{ "10Mbps ", -EINVAL, 0 },
		{ "-10Mbps", -EINVAL, 0 },
		{ "+10Mbps", -EINVAL, 0 },
		{ ".5Mbps", -EINVAL, 0 },
		{ "5.Mbps", -EINVAL, 0 },
		{ "1,5Mbps", -EINVAL, 0 },
		{ "1e6bps", -EINVAL, 0 },
		{ "Mbps", -EINVAL, 0 },
		{ "unlimited", -EINVAL, 0 },
		{ "infbps", -EINVAL, 0 },
	};

	(void)state;
	check_all(cases, array_size(cases), parse_bandwidth);
}

static void shares_have_their_percent(void **state)
{
	static const struct number cases[] = {
		{ "0%", 0, 0 },
		{ "1%", 0, 10000 },
		{ "100%", 0, 1000000 },
		{ "99.5%", 0, 995000 },
		{ "0.0001%", 0, 1 },
		{ "99.9999%", 0, 999999 },
		{ "5.000000%", 0, 50000 },
		{ "00.1%", 0, 1000 },
		{ "0.00001%", -EINVAL, 0 },
		{ "1844674407370955161%", -ERANGE, 0 },
		{ "99999999999999999999%", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "%", -EINVAL, 0 },
		{ "0", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "0.01", -EINVAL, 0 },
		{ "1 %", -EINVAL, 0 },
		{ "1%%", -EINVAL, 0 },
		{ "1% ", -EINVAL, 0 },
		{ " 1%", -EINVAL, 0 },
		{ "-1%", -EINVAL, 0 },
		{ "+1%", -EINVAL, 0 },
		{ ".5%", -EINVAL, 0 },
		{ "5.%", -EINVAL, 0 },
		{ "1,5%", -EINVAL, 0 },
		{ "1e1%", -EINVAL, 0 },
		{ "1percent", -EINVAL, 0 },
		{ "1ppm", -EINVAL, 0 },
	};
	uint64_t value = UNTOUCHED;

	(void)state;
	check_all(cases, array_size(cases), parse_percent);
	assert_int_equal(parse_percent("100.0001%", 0, 1000000, &value), -ERANGE);
	assert_true(value == UNTOUCHED);
}

static void shares_are_written_as_they_are_read(void **state)
{
	static const struct {
		uint64_t ppm;
		const char *text;
	} cases[] = {
		{ 0, "0%" },	     { 1, "0.0001%" },	{ 10000, "1%" },     { 1000000, "100%" },
		{ 995000, "99.5%" }, { 100000, "10%" }, { 10010, "1.001%" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[FORMAT_MAX] = "";
		uint64_t back = UNTOUCHED;

		assert_int_equal(format_percent(buf, sizeof(buf), cases[i].ppm), 0);
		assert_string_equal(buf, cases[i].text);
		assert_int_equal(parse_percent(buf, 0, UINT64_MAX, &back), 0);
		assert_true(back == cases[i].ppm);
		strcpy(buf, "?");
		assert_int_equal(format_percent(buf, strlen(cases[i].text), cases[i].ppm), -ENOSPC);
		assert_string_equal(buf, "?");
		assert_int_equal(format_percent(buf, strlen(cases[i].text) + 1, cases[i].ppm), 0);
	}
}

static void sizes_and_bandwidths_keep_to_their_range(void **state)
{
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_size("999", 1000, 2000, &value), -ERANGE);
	assert_int_equal(parse_size("2001B", 1000, 2000, &value), -ERANGE);
	assert_int_equal(parse_size("0", 1, 2000, &value), -ERANGE);
	assert_int_equal(parse_bandwidth("999bps", 1000, 2000, &value), -ERANGE);
	assert_int_equal(parse_bandwidth("1KB/s", 1000, 2000, &value), -ERANGE);
	assert_int_equal(parse_bandwidth("0", 1000, 2000, &value), -ERANGE);
	assert_true(value == UNTOUCHED);
	assert_int_equal(parse_size("1KB", 1000, 2000, &value), 0);
	assert_int_equal(value, 1000);
	assert_int_equal(parse_bandwidth("2kbps", 1000, 2000, &value), 0);
	assert_int_equal(value, 2000);
}

static void decimals_are_whole_parts(void **state)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1000000 },
		{ "0.5", 0, 500000 },
		{ "0.000001", 0, 1 },
		{ "3.1415920", 0, 3141592 },
		{ "18446744073709.551615", 0, UINT64_MAX },
		{ "18446744073709.551616", -ERANGE, 0 },
		{ "0.0000001", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ "1.5.5", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1/s", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
	};
	uint64_t value = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		int r;

		value = UNTOUCHED;
		r = parse_decimal(cases[i].text, 1000000, 0, UINT64_MAX, &value);
		if (r != cases[i].result || value != (r ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": %d, %ju", cases[i].text, r, (uintmax_t)value);
	}
	value = UNTOUCHED;
	assert_int_equal(parse_decimal("1.6", 10, 10, 15, &value), -ERANGE);
	assert_int_equal(parse_decimal("0.9", 10, 10, 15, &value), -ERANGE);
	assert_true(value == UNTOUCHED);
	assert_int_equal(parse_decimal("1.5", 10, 10, 15, &value), 0);
	assert_int_equal(value, 15);
}

static void sizes_and_bandwidths_are_written_as_they_are_read(void **state)
{
	static const struct {
		uint64_t value;
		const char *size, *bandwidth;
	} cases[] = {
		{ 0, "0", "0" },
		{ 1, "1B", "1bps" },
		{ 1001, "1001B", "1001bps" },
		{ 1000, "1KB", "1Kbps" },
		{ 1500, "1500B", "1500bps" },
		{ 1024, "1KiB", "1Kibps" },
		{ 2048, "2KiB", "2Kibps" },
		{ 128000, "125KiB", "125Kibps" },
		{ 10000000, "10MB", "10Mbps" },
		{ 1 << 20, "1MiB", "1Mibps" },
		{ 1000000000, "1GB", "1Gbps" },
		{ 1000000000000, "1TB", "1Tbps" },
		{ 3ULL << 40, "3TiB", "3Tibps" },
		{ UINT64_MAX, "18446744073709551615B", "18446744073709551615bps" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		char buf[FORMAT_MAX] = "";
		uint64_t back = UNTOUCHED;

		assert_int_equal(format_size(buf, sizeof(buf), cases[i].value), 0);
		assert_string_equal(buf, cases[i].size);
		assert_int_equal(parse_size(buf, 0, UINT64_MAX, &back), 0);
		assert_true(back == cases[i].value);
		assert_int_equal(format_bandwidth(buf, sizeof(buf), cases[i].value), 0);
		assert_string_equal(buf, cases[i].bandwidth);
		back = UNTOUCHED;
		assert_int_equal(parse_bandwidth(buf, 0, UINT64_MAX, &back), 0);
		assert_true(back == cases[i].value);
	}
}

static void a_small_buffer_stays_as_it_was(void **state)
{
	char buf[] = "12345678901";

	(void)state;
	assert_int_equal(format_size(buf, 4, 10000), -ENOSPC);
	assert_int_equal(format_bandwidth(buf, 1, 0), -ENOSPC);
	assert_string_equal(buf, "12345678901");
	assert_int_equal(format_size(buf, 5, 10000), 0);
	assert_string_equal(buf, "10KB");
	assert_int_equal(format_bandwidth(buf, 7, 10000000), 0);
	assert_string_equal(buf, "10Mbps");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_exact),
		cmocka_unit_test(bandwidths_tell_bits_from_bytes),
		cmocka_unit_test(shares_have_their_percent),
		cmocka_unit_test(shares_are_written_as_they_are_read),
		cmocka_unit_test(sizes_and_bandwidths_keep_to_their_range),
		cmocka_unit_test(decimals_are_whole_parts),
		cmocka_unit_test(sizes_and_bandwidths_are_written_as_they_are_read),
		cmocka_unit_test(a_small_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
