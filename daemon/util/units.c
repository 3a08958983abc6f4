// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Integers, durations, sizes and rates as people write and read them.
 *
 * There is one integer parser in the project, and everything that takes a number from outside comes
 * through it. All parsers take the whole text or nothing: no sign, no blanks, no rest. Durations
 * are exact: decimals that do not make a whole number of nanoseconds are refused instead of rounded.
 * The parsers allocate nothing and do not look at the locale.
 */
#include "util/units.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_DECIMALS 18 /* as many as keep the product below in 128 bits */

struct duration_unit {
	const char *name;
	uint64_t ns;
};

/* From the largest, as format_duration() tries them. */
static const struct duration_unit duration_units[] = {
	{ "d", 86400 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "min", 60 * NSEC_PER_SEC },
	{ "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC },
	{ "us", NSEC_PER_USEC },
	{ "ns", 1 },
};

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

/* Takes ".5" at *text, if there is a point, as a part of unit_ns that the caller adds. */
static int decimals_ns(const char *digits, size_t n, uint64_t unit_ns, uint64_t *ret_ns)
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
	product = (unsigned __int128)numerator * unit_ns;
	if (product % denominator)
		return -EINVAL;
	*ret_ns = (uint64_t)(product / denominator);
	return 0;
}

static const struct duration_unit *duration_unit_find(const char *name)
{
	for (size_t i = 0; i < array_size(duration_units); i++) {
		if (!strcmp(duration_units[i].name, name))
			return &duration_units[i];
	}
	return NULL;
}

/* "1.5s" as its whole part, its decimals (not NUL-terminated) and its unit. */
static int split_duration(const char *text, const char **ret_decimals, size_t *ret_n_decimals,
			  const struct duration_unit **ret_unit, uint64_t *ret_whole)
{
	const char *decimals = "", *name = text + strspn(text, "0123456789");
	size_t n = 0;

	if (*name == '.') {
		decimals = name + 1;
		n = strspn(decimals, "0123456789");
		if (!n)
			return -EINVAL;
		name = decimals + n;
	}
	*ret_unit = duration_unit_find(name);
	if (name == text || !*ret_unit)
		return -EINVAL;
	*ret_decimals = decimals;
	*ret_n_decimals = n;
	return take_digits(&text, ret_whole);
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
	const struct duration_unit *unit;
	const char *decimals;
	uint64_t whole, part, ns;
	size_t n_decimals;
	int r;

	if (!strcmp(text, "0"))
		return parse_u64(text, min_ns, max_ns, ret_ns);
	r = split_duration(text, &decimals, &n_decimals, &unit, &whole);
	if (r)
		return r;
	r = decimals_ns(decimals, n_decimals, unit->ns, &part);
	if (r)
		return r;
	if (__builtin_mul_overflow(whole, unit->ns, &ns) || __builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	if (ns < min_ns || ns > max_ns)
		return -ERANGE;
	*ret_ns = ns;
	return 0;
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
	const struct duration_unit *unit = duration_unit_find("s");
	char text[FORMAT_MAX];

	for (size_t i = 0; ns && i < array_size(duration_units); i++) {
		unit = &duration_units[i];
		if (ns % unit->ns == 0)
			break;
	}
	if ((size_t)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)(ns / unit->ns),
			     unit->name) >= size)
		return -ENOSPC;
	strcpy(buf, text);
	return 0;
}
