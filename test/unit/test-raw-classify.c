// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/raw-classify.c and raw-account.c: how the load generator expects a frame to be counted is what
 * the oracle of the BPF tests says, which was written from the same text apart from it: of each named
 * frame, cut anywhere, and of many that were made of them by chance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "mutate.h"
#include "oracle.h"
#include "raw-account.h"

#define MAX_CUT	    400 /* bytes: all headers are before them */
#define N_MUTATIONS 60000
#define SEED	    20261126

static struct frame frame;
static struct sampler_port_table ports;

static struct sampler_count as_count(const struct raw_count *count)
{
	return (struct sampler_count){ count->frames, count->bytes };
}

/* A service goes by the destination, and where that is none by the source. */
static void add_services(const struct raw_account *account, struct sampler_counters *counters)
{
	for (size_t i = 0; i < account->n_ports; i++) {
		const struct raw_ports *p = &account->ports[i];
		const uint8_t *table = p->tcp ? ports.tcp : ports.udp;
		uint8_t slot = table[p->dest] ? table[p->dest] : table[p->source];

		if (!p->count.frames || !slot)
			continue;
		counters->service[slot - 1].packets += p->count.frames;
		counters->service[slot - 1].bytes += p->count.bytes;
	}
}

static void as_counters(const struct raw_account *account, struct sampler_counters *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < SAMPLER_N_L3; i++)
		ret->l3[i] = as_count(&account->l3[i]);
	for (size_t i = 0; i < SAMPLER_N_L4; i++)
		ret->l4[i] = as_count(&account->l4[i]);
	for (size_t i = 0; i < SAMPLER_N_MARKS; i++)
		ret->mark[i] = as_count(&account->mark[i]);
	memcpy(ret->size, account->size, sizeof(ret->size));
	memcpy(ret->tcp_flag, account->tcp_flag, sizeof(ret->tcp_flag));
	add_services(account, ret);
}

/* In memory of exactly its length, so that a look behind it is found by a sanitizer. */
static bool agrees(const uint8_t *data, size_t len)
{
	struct raw_account account = { .n_ports = 0 };
	struct sampler_counters got, want;
	uint8_t *exact = malloc(len);
	struct raw_class class;

	assert_non_null(exact);
	memcpy(exact, data, len);
	raw_classify(exact, len, &class);
	assert_int_equal(class.len, len);
	assert_int_equal(raw_account_add(&account, &class, 1), 0);
	as_counters(&account, &got);
	oracle_count(exact, len, &ports, &want);
	raw_account_free(&account);
	free(exact);
	return !memcmp(&got, &want, sizeof(got));
}

static void named_frame_cut_anywhere_agrees(void **state)
{
	frame_build(*state, &frame);
	assert_true(agrees(frame.data, frame.len));
	for (size_t len = FRAME_MIN; len < frame.len && len <= MAX_CUT; len++) {
		if (!agrees(frame.data, len))
			fail_msg("cut at %zu", len);
	}
}

static void mutations_agree(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < N_MUTATIONS; i++) {
		mutate_frame(SEED, i, &frame);
		if (!agrees(frame.data, frame.len))
			fail_msg("mutation %llu", (unsigned long long)i);
	}
}

static void less_than_a_header_is_malformed(void **state)
{
	const uint8_t bytes[FRAME_MIN] = { 2, 0, 0, 0, 0x50, 2, 2, 0, 0, 0, 0x50, 1, 8, 0 };

	(void)state;
	for (size_t len = 0; len <= FRAME_MIN; len++) {
		struct raw_class class;

		raw_classify(bytes, len, &class);
		assert_int_equal(class.l3, len < FRAME_MIN ? RAW_L3_OTHER : RAW_IPV4);
		assert_true(class.mark[RAW_MALFORMED] && !class.mark[RAW_VLAN]);
		assert_int_equal(class.len, len);
	}
}

int main(void)
{
	const struct named_frame *all[FRAMES_MAX];
	struct CMUnitTest tests[FRAMES_MAX + 2] = {
		cmocka_unit_test(mutations_agree),
		cmocka_unit_test(less_than_a_header_is_malformed),
	};
	size_t n = frames_all(all, FRAMES_MAX);

	frames_fill_ports(&ports);
	for (size_t i = 0; i < n; i++)
		tests[i + 2] = (struct CMUnitTest){ all[i]->name, named_frame_cut_anywhere_agrees,
						    NULL, NULL, (void *)(uintptr_t)all[i] };
	return _cmocka_run_group_tests("raw-classify", tests, n + 2, NULL, NULL);
}
