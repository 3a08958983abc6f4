// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Integers, durations, sizes and rates as people write and read them.
 *
 * There is one integer parser in the project, and everything that takes a number from outside comes
 * through it. All parsers take the whole text or nothing: no sign, no blanks, no rest. They are
 * exact: decimals that do not make a whole number of nanoseconds, bytes or bits are refused instead
 * of rounded. Units are case-sensitive, since a bit is b and a byte is B. The parsers allocate
 * nothing and do not look at the locale.
 */
#include "util/units.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_DECIMALS  18 /* as many as keep the product below in 128 bits */
#define PPM_A_PERCENT 10000

struct unit {
	const char *name;
	uint64_t factor;
};

/* In nanoseconds, from the largest, as format_duration() tries them. */
static const struct unit duration_units[] = {
	{ "d", 86400 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "min", 60 * NSEC_PER_SEC },
	{ "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC },
	{ "us", NSEC_PER_USEC },
	{ "ns", 1 },
};

/* Before B, bit/s and the like. Both kilos are read, the first of two that are equal is written. */
static const struct unit unit_prefixes[] = {
	{ "", 1 },
	{ "K", 1000 },
	{ "k", 1000 },
	{ "Ki", 1ULL << 10 },
	{ "M", 1000000 },
	{ "Mi", 1ULL << 20 },
	{ "G", 1000000000 },
	{ "Gi", 1ULL << 30 },
	{ "T", 1000000000000 },
	{ "Ti", 1ULL << 40 },
};

static const struct unit size_units[] = { { "B", 1 } };
static const struct unit bandwidth_units[] = { { "bps", 1 },
					       { "bit/s", 1 },
					       { "b/s", 1 },
					       { "B/s", 8 } };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes the digits at *text and moves it behind them. */
static int take_digits(const char **text, uint64_t *ret_value)
{
	const char *c = *text;
	uint64_t value = 0;

	if (!is_digit(*c))
		return -EINVAL;
	for (; is_digit(*c); c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *c - '0', &value))
			return -ERANGE;
	}
	*text = c;
	*ret_value = value;
	return 0;
}

/**
 * parse_u64() - read a decimal integer
 * @text: digits and nothing else
 * @min: least value to accept
 * @max: greatest value to accept
 * @ret_value: the number
 *
 * Return: 0, -EINVAL when @text is not a number, -ERANGE when it is one outside @min to @max.
 */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	if (take_digits(&text, &value) || value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/**
 * parse_u64_range() - read a range of decimal integers, or one that is its own range
 * @text: "80-89" or "80", and nothing else
 * @min: least value to accept
 * @max: greatest value to accept
 * @ret_first: the number before the hyphen
 * @ret_last: the number behind it, which is not less
 *
 * Return: 0, -EINVAL when @text is no range, -ERANGE when it is one that is not to be accepted.
 */
int parse_u64_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret_first,
		    uint64_t *ret_last)
{
	uint64_t first, last;
	int r = take_digits(&text, &first);

	if (r)
		return r;
	last = first;
	if (*text == '-')
		r = parse_u64(text + 1, first, max, &last);
	else if (*text)
		return -EINVAL;
	if (r)
		return r;
	if (first < min || first > max)
		return -ERANGE;
	*ret_first = first;
	*ret_last = last;
	return 0;
}

/* The part of factor that the decimals (".5" without its point) stand for. */
static int scale_decimals(const char *digits, size_t n, uint64_t factor, uint64_t *ret_part)
{
	uint64_t numerator = 0, denominator = 1;
	unsigned __int128 product;

	while (n && digits[n - 1] == '0')
		n--;
	if (n > MAX_DECIMALS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		numerator = numerator * 10 + (uint64_t)(digits[i] - '0');
		denominator *= 10;
	}
	product = (unsigned __int128)numerator * factor;
	if (product % denominator)
		return -EINVAL;
	*ret_part = (uint64_t)(product / denominator);
	return 0;
}

/* "1.5s" cut in two: the number, still as text, and the name of its unit. */
struct quantity {
	const char *whole;
	const char *decimals; /* not NUL-terminated */
	size_t n_decimals;
	const char *unit;
};

static int quantity_split(const char *text, struct quantity *ret_quantity)
{
	struct quantity q = { .whole = text, .unit = text + strspn(text, "0123456789") };

	if (q.unit == text)
		return -EINVAL;
	if (*q.unit == '.') {
		q.decimals = q.unit + 1;
		q.n_decimals = strspn(q.decimals, "0123456789");
		q.unit = q.decimals + q.n_decimals;
		if (!q.n_decimals)
			return -EINVAL;
	}
	*ret_quantity = q;
	return 0;
}

/* The quantity in units of 1 / factor. */
static int quantity_scale(const struct quantity *q, uint64_t factor, uint64_t min, uint64_t max,
			  uint64_t *ret_value)
{
	const char *text = q->whole;
	uint64_t whole, part, value;
	int r = take_digits(&text, &whole)
			?: scale_decimals(q->decimals, q->n_decimals, factor, &part);

	if (r)
		return r;
	if (__builtin_mul_overflow(whole, factor, &value) ||
	    __builtin_add_overflow(value, part, &value) || value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static const struct unit *unit_find(const struct unit *units, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(units[i].name, name))
			return &units[i];
	}
	return NULL;
}

/* What "KiB/s" multiplies by, 0 when there is no such unit among these, with or without prefix. */
static uint64_t prefixed_factor(const struct unit *units, size_t n, const char *name)
{
	for (size_t i = 0; i < array_size(unit_prefixes); i++) {
		size_t len = strlen(unit_prefixes[i].name);
		const struct unit *unit;

		if (strncmp(unit_prefixes[i].name, name, len))
			continue;
		unit = unit_find(units, n, name + len);
		if (unit)
			return unit_prefixes[i].factor * unit->factor;
	}
	return 0;
}

/**
 * parse_decimal() - read a number with decimals as a whole number of parts
 * @text: digits, with a point and decimals or without
 * @parts: what 1 counts as: 1000 makes 1500 of "1.5"
 * @min: least value to accept, in parts
 * @max: greatest value to accept, in parts
 * @ret_value: the number in parts
 *
 * Return: 0, -EINVAL when @text is not a number or not a whole number of parts, -ERANGE when it is
 * one outside @min to @max.
 */
int parse_decimal(const char *text, uint64_t parts, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	struct quantity quantity;
	int r = quantity_split(text, &quantity);

	if (r || *quantity.unit)
		return -EINVAL;
	return quantity_scale(&quantity, parts, min, max, ret_value);
}

/**
 * parse_duration_ns() - read a duration such as "100ms", "1.5s", "5min" or "14d"
 * @text: a number with or without decimals, directly followed by ns, us, ms, s, min, h or d; or "0"
 * @min_ns: least value to accept
 * @max_ns: greatest value to accept
 * @ret_ns: the duration in nanoseconds
 *
 * Return: 0, -EINVAL when @text is not a duration or not a whole number of nanoseconds, -ERANGE
 * when it is one outside @min_ns to @max_ns.
 */
int parse_duration_ns(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns)
{
	const struct unit *unit;
	struct quantity quantity;
	int r;

	if (!strcmp(text, "0"))
		return parse_u64(text, min_ns, max_ns, ret_ns);
	r = quantity_split(text, &quantity);
	if (r)
		return r;
	unit = unit_find(duration_units, array_size(duration_units), quantity.unit);
	if (!unit)
		return -EINVAL;
	return quantity_scale(&quantity, unit->factor, min_ns, max_ns, ret_ns);
}

/**
 * parse_size() - read a size such as "1KB" (1000 bytes), "1KiB" (1024), "1.5MB" or "512"
 * @text: whole bytes without a unit; or a number with or without decimals, directly followed by B,
 *        by KB (or kB), MB, GB, TB, or by KiB, MiB, GiB, TiB
 * @min: least value to accept
 * @max: greatest value to accept
 * @ret_bytes: the size in bytes
 *
 * Return: 0, -EINVAL when @text is not a size or not a whole number of bytes, -ERANGE when it is
 * one outside @min to @max.
 */
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes)
{
	struct quantity quantity;
	uint64_t factor;
	int r = quantity_split(text, &quantity);

	if (r)
		return r;
	if (!*quantity.unit)
		return parse_u64(text, min, max, ret_bytes);
	factor = prefixed_factor(size_units, array_size(size_units), quantity.unit);
	return factor ? quantity_scale(&quantity, factor, min, max, ret_bytes) : -EINVAL;
}

/**
 * parse_bandwidth() - read a bandwidth such as "10Mbps", "10Mbit/s" or "100KB/s" (800,000 bit/s)
 * @text: a number with or without decimals, directly followed by bps, bit/s, b/s (bits) or B/s
 *        (bytes), with one of the prefixes of parse_size() or without; or "0"
 * @min: least value to accept
 * @max: greatest value to accept
 * @ret_bits_per_s: the bandwidth in bit/s
 *
 * Return: 0, -EINVAL when @text is not a bandwidth or not a whole number of bit/s, -ERANGE when it
 * is one outside @min to @max.
 */
int parse_bandwidth(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bits_per_s)
{
	struct quantity quantity;
	uint64_t factor;
	int r;

	if (!strcmp(text, "0"))
		return parse_u64(text, min, max, ret_bits_per_s);
	r = quantity_split(text, &quantity);
	if (r)
		return r;
	factor = prefixed_factor(bandwidth_units, array_size(bandwidth_units), quantity.unit);
	return factor ? quantity_scale(&quantity, factor, min, max, ret_bits_per_s) : -EINVAL;
}

/**
 * parse_percent() - read a share such as "1%" or "99.9%"
 * @text: a number with or without decimals, directly followed by %
 * @min_ppm: least value to accept
 * @max_ppm: greatest value to accept
 * @ret_ppm: the share in millionths of the whole: 10,000 for "1%"
 *
 * Return: 0, -EINVAL when @text is not a share or not a whole number of millionths, -ERANGE when it
 * is one outside @min_ppm to @max_ppm.
 */
int parse_percent(const char *text, uint64_t min_ppm, uint64_t max_ppm, uint64_t *ret_ppm)
{
	struct quantity quantity;
	int r = quantity_split(text, &quantity);

	if (r || strcmp(quantity.unit, "%"))
		return -EINVAL;
	return quantity_scale(&quantity, PPM_A_PERCENT, min_ppm, max_ppm, ret_ppm);
}

/*
 * Three significant digits of value, scaled so that it stays below limit once it is rounded (a
 * value below one keeps three decimals).
 */
static int format_scaled(char *buf, size_t size, double value, double step,
			 const char *const *prefixes, size_t n_prefixes, const char *unit)
{
	char text[FORMAT_MAX * 2];
	size_t i = 0;
	int decimals, n;

	for (; value >= step - 0.5 && i + 1 < n_prefixes; i++)
		value /= step;
	decimals = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	if (value == 0)
		decimals = 0;
	n = snprintf(text, sizeof(text), "%.*f %s%s", decimals, value, prefixes[i], unit);
	if (n < 0 || (size_t)n >= sizeof(text) || (size_t)n >= size)
		return -ENOSPC;
	memcpy(buf, text, (size_t)n + 1);
	return 0;
}

/**
 * format_rate() - write a rate with SI prefixes, as in "9.61 Mbit/s" or "10.0 kpkt/s"
 * @buf: where to, FORMAT_MAX is enough for the usual units
 * @size: bytes at @buf
 * @per_second: the rate; what is no number or negative is shown as "? bit/s"
 * @unit: unit without a prefix, e.g. "bit/s"
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_rate(char *buf, size_t size, double per_second, const char *unit)
{
	static const char *const si[] = { "", "k", "M", "G", "T", "P", "E" };

	if (isfinite(per_second) && per_second >= 0)
		return format_scaled(buf, size, per_second, 1000, si, array_size(si), unit);
	if (strlen(unit) + sizeof("? ") > size)
		return -ENOSPC;
	snprintf(buf, size, "? %s", unit);
	return 0;
}

/**
 * format_bytes() - write a size with IEC prefixes, as in "512 B" or "1.50 MiB"
 * @buf: where to, FORMAT_MAX is enough
 * @size: bytes at @buf
 * @bytes: the size to write
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char *const iec[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	char text[FORMAT_MAX];

	if (bytes >= 1024)
		return format_scaled(buf, size, (double)bytes, 1024, iec, array_size(iec), "B");
	if ((size_t)snprintf(text, sizeof(text), "%u B", (unsigned int)bytes) >= size)
		return -ENOSPC;
	strcpy(buf, text);
	return 0;
}

/**
 * format_duration() - write a duration so that parse_duration_ns() reads the same value
 * @buf: where to, FORMAT_MAX is enough
 * @size: bytes at @buf
 * @ns: the duration, written in the largest unit of which it is a whole number: "90s", "14d"
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_duration(char *buf, size_t size, uint64_t ns)
{
	const struct unit *unit = unit_find(duration_units, array_size(duration_units), "s");
	char text[FORMAT_MAX];

	for (size_t i = 0; ns && i < array_size(duration_units); i++) {
		unit = &duration_units[i];
		if (ns % unit->factor == 0)
			break;
	}
	if ((size_t)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)(ns / unit->factor),
			     unit->name) >= size)
		return -ENOSPC;
	strcpy(buf, text);
	return 0;
}

/* value in the unit that leaves the least whole number: "2KiB" for 2048, "2KB" for 2000. */
static int format_exact(char *buf, size_t size, uint64_t value, const char *unit)
{
	const struct unit *prefix = &unit_prefixes[0];
	char text[FORMAT_MAX];

	for (size_t i = 1; i < array_size(unit_prefixes); i++) {
		if (value % unit_prefixes[i].factor == 0 &&
		    unit_prefixes[i].factor > prefix->factor)
			prefix = &unit_prefixes[i];
	}
	if (!value)
		strcpy(text, "0");
	else
		snprintf(text, sizeof(text), "%llu%s%s",
			 (unsigned long long)(value / prefix->factor), prefix->name, unit);
	if (strlen(text) >= size)
		return -ENOSPC;
	strcpy(buf, text);
	return 0;
}

/**
 * format_size() - write a size so that parse_size() reads the same value
 * @buf: where to, FORMAT_MAX is enough
 * @size: bytes at @buf
 * @bytes: the size to write, as in "1KB", "64KiB", "1500B" or "0"
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_size(char *buf, size_t size, uint64_t bytes)
{
	return format_exact(buf, size, bytes, "B");
}

/**
 * format_bandwidth() - write a bandwidth so that parse_bandwidth() reads the same value
 * @buf: where to, FORMAT_MAX is enough
 * @size: bytes at @buf
 * @bits_per_s: the bandwidth to write, as in "10Mbps" or "0"
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_bandwidth(char *buf, size_t size, uint64_t bits_per_s)
{
	return format_exact(buf, size, bits_per_s, "bps");
}

/**
 * format_percent() - write a share so that parse_percent() reads the same value
 * @buf: where to, FORMAT_MAX is enough
 * @size: bytes at @buf
 * @ppm: the share in millionths of the whole, written as in "1%", "99.95%" or "0%"
 *
 * Return: 0, or -ENOSPC with @buf as it was.
 */
int format_percent(char *buf, size_t size, uint64_t ppm)
{
	char text[FORMAT_MAX];
	size_t n = (size_t)snprintf(text, sizeof(text), "%llu.%04u",
				    (unsigned long long)(ppm / PPM_A_PERCENT),
				    (unsigned int)(ppm % PPM_A_PERCENT));

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	if (n + sizeof("%") > size)
		return -ENOSPC;
	snprintf(buf, size, "%.*s%%", (int)n, text);
	return 0;
}
