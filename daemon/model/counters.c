// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Arithmetic on whole sets of counters.
 *
 * struct sampler_counters is nothing but 64-bit counters, so adding and comparing go over it word
 * by word and need no change when a counter joins. There is no stored total: it is the sum of the
 * exclusive L3 classes, so that classes and total agree by construction.
 */
#include "model/counters.h"

#include <stddef.h>

#define N_WORDS (sizeof(struct sampler_counters) / sizeof(__u64))

_Static_assert(sizeof(struct sampler_counters) % sizeof(__u64) == 0, "only 64-bit counters");

/**
 * counters_total() - all frames of a direction
 * @counters: one direction
 *
 * Return: packets and bytes, summed over the L3 classes.
 */
struct sampler_count counters_total(const struct sampler_counters *counters)
{
	struct sampler_count total = { 0 };

	for (size_t i = 0; i < SAMPLER_N_L3; i++) {
		total.packets += counters->l3[i].packets;
		total.bytes += counters->l3[i].bytes;
	}
	return total;
}

/**
 * counters_add() - add up, e.g. over CPUs
 * @dst: grows by @src
 * @src: what to add
 */
void counters_add(struct sampler_counters *dst, const struct sampler_counters *src)
{
	__u64 *to = (__u64 *)dst;
	const __u64 *from = (const __u64 *)src;

	for (size_t i = 0; i < N_WORDS; i++)
		to[i] += from[i];
}

/**
 * counters_subtract() - what was counted since
 * @dst: the newer counters; @src is taken off
 * @src: the older counters, of which counters_fell() says that none is greater
 */
void counters_subtract(struct sampler_counters *dst, const struct sampler_counters *src)
{
	__u64 *to = (__u64 *)dst;
	const __u64 *from = (const __u64 *)src;

	for (size_t i = 0; i < N_WORDS; i++)
		to[i] -= from[i];
}

/**
 * counters_fell() - see a restart
 * @older: counters of a direction
 * @newer: the same, read later
 *
 * Return: whether any counter is smaller than it was, which counting alone cannot do.
 */
bool counters_fell(const struct sampler_counters *older, const struct sampler_counters *newer)
{
	const __u64 *before = (const __u64 *)older;
	const __u64 *after = (const __u64 *)newer;

	for (size_t i = 0; i < N_WORDS; i++) {
		if (after[i] < before[i])
			return true;
	}
	return false;
}
