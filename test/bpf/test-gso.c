// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Large segments, as TCP and UDP give them to a device: sampler_tx counts what the oracle counts of the
 * frames that they become. Those are made here: the headers before each piece of the payload, with
 * lengths of their own, and FIN on the last one alone.
 *
 * The kernel fills in gso_type, and where the headers end, for real traffic only (test-sent.py); here
 * the program has gso_size, gso_segs and wire_len to go by.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "oracle.h"
#include "runner.h"

struct large {
	const char *name;
	size_t l3, l4, headers; /* offsets; headers: of the payload */
	uint32_t gso_size;
	uint32_t gso_segs; /* 0: not told, but by wire_len */
	uint32_t packets;
	struct layer layer[FRAME_MAX_LAYERS];
};

static const struct large all[] = {
	{ "ipv4-tcp", 14, 34, 54, 500, 6, 6, { ETH(), IP4(), TCP(.dport = 80), DATA(2600) } },
	{ "ipv4-tcp-fin",
	  14,
	  34,
	  54,
	  1000,
	  3,
	  3,
	  { ETH(), IP4(), TCP(.sport = 443, .flags = TH_FIN | TH_ACK), DATA(2001) } },
	{ "ipv4-tcp-options",
	  14,
	  34,
	  66,
	  400,
	  7,
	  7,
	  { ETH(), IP4(), TCP(.dport = 80, .doff = LIT(8), .options = LIT(12)), DATA(2401) } },
	{ "ipv4-tcp-whole-segments", 14, 34, 54, 1000, 3, 3, { ETH(), IP4(), TCP(), DATA(3000) } },
	{ "ipv4-tcp-last-of-one-byte",
	  14,
	  34,
	  54,
	  1000,
	  4,
	  4,
	  { ETH(), IP4(), TCP(), DATA(3001) } },
	{ "ipv4-tcp-one-segment", 14, 34, 54, 1460, 1, 1, { ETH(), IP4(), TCP(), DATA(900) } },
	{ "ipv4-tcp-untold", 14, 34, 54, 700, 0, 4, { ETH(), IP4(), TCP(), DATA(2700) } },
	{ "ipv6-tcp", 14, 54, 74, 600, 5, 5, { ETH(), IP6(), TCP(.dport = 443), DATA(2500) } },
	{ "ipv6-tcp-behind-options",
	  14,
	  62,
	  82,
	  600,
	  5,
	  5,
	  { ETH(), IP6(), DSTOPT(), TCP(.dport = 443), DATA(2500) } },
	{ "ipv4-udp", 14, 34, 42, 300, 9, 9, { ETH(), IP4(), UDP(.dport = 443), DATA(2500) } },
	{ "ipv6-udp", 14, 54, 62, 1200, 2, 2, { ETH(), IP6(), UDP(.dport = 53), DATA(1300) } },
	{ "vlan-ipv4-tcp",
	  18,
	  38,
	  58,
	  500,
	  6,
	  6,
	  { ETH(), VLAN(), IP4(), TCP(.dport = 80), DATA(2600) } },
};

static struct runner runner;
static struct frame frame, piece;

static void put16(size_t at, size_t value)
{
	uint16_t n = htons((uint16_t)value);

	memcpy(piece.data + at, &n, sizeof(n));
}

/* The frame of the payload from @at on. */
static void make_piece(const struct large *large, size_t at)
{
	size_t left = frame.len - at, size = left < large->gso_size ? left : large->gso_size;
	size_t len = large->headers + size;

	memcpy(piece.data, frame.data, large->headers);
	memcpy(piece.data + large->headers, frame.data + at, size);
	piece.len = len;
	if (piece.data[large->l3] >> 4 == 4)
		put16(large->l3 + 2, len - large->l3);
	else
		put16(large->l3 + 4, len - large->l3 - 40);
	if (large->headers - large->l4 == 8)
		put16(large->l4 + 4, len - large->l4);
	else if (left > large->gso_size)
		piece.data[large->l4 + 13] &= (uint8_t) ~(TH_FIN | TH_PSH);
}

static uint32_t expect(const struct large *large, struct sampler_counters *ret, size_t *ret_len)
{
	uint64_t *sum = (uint64_t *)ret;
	uint32_t n = 0;

	memset(ret, 0, sizeof(*ret));
	*ret_len = 0;
	for (size_t at = large->headers; at < frame.len; at += large->gso_size, n++) {
		struct sampler_counters one;
		const uint64_t *add = (const uint64_t *)&one;

		make_piece(large, at);
		oracle_count(piece.data, piece.len, runner.ports, &one);
		for (size_t i = 0; i < sizeof(one) / sizeof(*sum); i++)
			sum[i] += add[i];
		*ret_len += piece.len;
	}
	return n;
}

static void counts_what_it_becomes(void **state)
{
	const struct large *large = *state;
	struct named_frame named = { .name = large->name };
	struct sampler_counters expected, got;
	struct __sk_buff sent = { .gso_size = large->gso_size, .gso_segs = large->gso_segs };
	size_t wire_len;

	memcpy(named.layer, large->layer, sizeof(named.layer));
	frame_build(&named, &frame);
	assert_int_equal(expect(large, &expected, &wire_len), large->packets);
	sent.wire_len = (uint32_t)wire_len;
	runner.sent_as = &sent;
	assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
	assert_true(runner_equal(&expected, &got));
}

/* What a device does not have to cut up is one frame, whatever else is said of it. */
static void without_gso_size_is_one_frame(void **state)
{
	struct __sk_buff sent = { .gso_segs = 7, .wire_len = 3000 };
	struct named_frame named = { .layer = { ETH(), IP4(), TCP(), DATA(900) } };
	struct sampler_counters expected, got;

	(void)state;
	frame_build(&named, &frame);
	oracle_count(frame.data, frame.len, runner.ports, &expected);
	runner.sent_as = &sent;
	assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
	assert_true(runner_equal(&expected, &got));
}

/* Frames that no stack makes: every frame is counted once at least, and no length is less than it. */
static void nonsense_is_bounded(void **state)
{
	static const struct {
		uint32_t gso_size, gso_segs, wire_len;
	} rows[] = {
		{ 65535, 65535, 65536 }, { 65535, 3, 2554 }, { 1, 65535, 65536 },
		{ 1, 2, 2554 },		 { 65535, 0, 2554 }, { 1, 0, 65536 },
	};
	struct named_frame named = { .layer = { ETH(), IP4(), TCP(), DATA(2500) } };

	(void)state;
	frame_build(&named, &frame);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct __sk_buff sent = { .gso_size = rows[i].gso_size,
					  .gso_segs = rows[i].gso_segs,
					  .wire_len = rows[i].wire_len };
		struct sampler_counters got;
		uint64_t sizes = 0;

		runner.sent_as = &sent;
		assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
		for (size_t k = 0; k < SAMPLER_N_SIZES; k++)
			sizes += got.size[k];
		assert_int_equal(sizes, got.l3[SAMPLER_IPV4].packets);
		assert_in_range(sizes, 1, 65535);
		assert_in_range(got.l3[SAMPLER_IPV4].bytes, frame.len, 65535 * 100);
	}
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

int main(void)
{
	enum { N = sizeof(all) / sizeof(all[0]) };
	struct CMUnitTest tests[N + 2] = {
		cmocka_unit_test(without_gso_size_is_one_frame),
		cmocka_unit_test(nonsense_is_bounded),
	};

	for (size_t i = 0; i < N; i++)
		tests[i + 2] = (struct CMUnitTest){ all[i].name, counts_what_it_becomes, NULL, NULL,
						    (void *)(uintptr_t)&all[i] };
	runner_open(&runner);
	runner_choose(&runner, SAMPLER_TX);
	return _cmocka_run_group_tests("gso", tests, N + 2, NULL, close_runner);
}
