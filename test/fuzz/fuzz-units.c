// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * daemon/util/units.c and address.c: any text as a number, duration, size, bandwidth or address. What is
 * taken is within its bounds, and what is written of it reads back as the same.
 */
#include "fuzz.h"

#include "util/address.h"
#include "util/units.h"

#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

/* Of a value that was parsed within [min, max]; one that was not leaves it as it was. */
#define CHECK(r, value, min, max) \
	fuzz_assert((r) ? (value) == UNTOUCHED : (value) >= (min) && (value) <= (max))

static void check_numbers(const char *text, uint64_t min, uint64_t max)
{
	uint64_t value = UNTOUCHED;
	int r = parse_u64(text, min, max, &value);

	CHECK(r, value, min, max);
	value = UNTOUCHED;
	r = parse_decimal(text, 1000000, min, max, &value);
	CHECK(r, value, min, max);
}

typedef int parse_fn(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);
typedef int format_fn(char *buf, size_t size, uint64_t value);

static void check_unit(parse_fn *parse, format_fn *format, const char *text, uint64_t min,
		       uint64_t max)
{
	uint64_t value = UNTOUCHED, again = 0;
	char buf[FORMAT_MAX];
	int r = parse(text, min, max, &value);

	CHECK(r, value, min, max);
	if (r || format(buf, sizeof(buf), value) < 0)
		return;
	fuzz_assert(!parse(buf, 0, UINT64_MAX, &again));
	fuzz_assert(again == value);
}

static void check_address(const char *text)
{
	struct address address, again;
	char buf[ADDRESS_TEXT_MAX];

	memset(&address, 0, sizeof(address));
	if (address_parse(text, &address))
		return;
	address_format(&address, buf);
	memset(&again, 0, sizeof(again));
	fuzz_assert(!address_parse(buf, &again));
	fuzz_assert(again.len == address.len && again.sa.sa_family == address.sa.sa_family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t min = fuzz_byte(&data, &n) & 1;
	uint64_t max = UINT64_MAX >> fuzz_byte(&data, &n) % 63;
	_cleanup_free_ char *text = fuzz_text(data, n);

	check_numbers(text, min, max);
	check_unit(parse_duration_ns, format_duration, text, min, max);
	check_unit(parse_size, format_size, text, min, max);
	check_unit(parse_bandwidth, format_bandwidth, text, min, max);
	check_address(text);
	return 0;
}
