/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_UNITS_H
#define SAMPLER_UTIL_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define FORMAT_MAX 32 /* room for what any format_…() below writes with a unit as in "pkt/s" */

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);
int parse_u64_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret_first,
		    uint64_t *ret_last);
int parse_decimal(const char *text, uint64_t parts, uint64_t min, uint64_t max,
		  uint64_t *ret_value);
int parse_duration_ns(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns);
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes);
int parse_percent(const char *text, uint64_t min_ppm, uint64_t max_ppm, uint64_t *ret_ppm);
int parse_bandwidth(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bits_per_s);

int format_rate(char *buf, size_t size, double per_second, const char *unit);
int format_bytes(char *buf, size_t size, uint64_t bytes);
int format_duration(char *buf, size_t size, uint64_t ns);
int format_size(char *buf, size_t size, uint64_t bytes);
int format_percent(char *buf, size_t size, uint64_t ppm);
int format_bandwidth(char *buf, size_t size, uint64_t bits_per_s);

#endif
