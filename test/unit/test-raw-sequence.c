// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/raw-sequence.c, raw-pace.c: which frames a run has, in which shares, how many within its limits,
 * when each is due; and that the account of what was sent is that of the frames themselves.
 */
#include "loadgen-config-fixture.h"

#include "raw-pace.h"
#include "raw-sequence.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

#define RAW(...)                                                                          \
	ARGS("protocol", "raw", "interface", "v0", "destination", "198.18.0.2 2001:2::2", \
	     "destination_mac", "02:00:00:00:00:01", __VA_ARGS__)

struct fixture {
	struct config config;
	struct raw_sequence s;
};

static void make(const char *const *args, struct fixture *f)
{
	static const struct raw_ends ends = { .mac4 = { 2 }, .mac6 = { 2 } };
	struct raw_file none = { 0 };
	struct error err = { "" };

	must_resolve(NULL, args, &f->config);
	if (raw_sequence_make(&f->config, &ends, &none, &f->s, &err))
		fail_msg("%s", err.text);
}

static void shares_are_exact_in_each_block(void **state)
{
	struct fixture f;

	(void)state;
	make(RAW("frames", "1", "frame_size", "imix", "mix", "tcp4:3 udp4:2"), &f);
	assert_int_equal(f.s.period % 60, 0);
	for (uint64_t from = 0; from < f.s.period; from += 60) {
		uint32_t n_small = 0, n_large = 0, n_udp = 0;

		for (uint64_t k = from; k < from + 60; k++) {
			n_small += raw_sequence_len(&f.s, (uint32_t)k) == 60;
			n_large += raw_sequence_len(&f.s, (uint32_t)k) == 1514;
			n_udp += f.s.template[f.s.entry[k].template].class.l4 == RAW_UDP;
		}
		assert_int_equal(n_small, 35);
		assert_int_equal(n_large, 5);
		assert_int_equal(n_udp, 24);
	}
	raw_sequence_free(&f.s);
}

/* By walking: what the sums say at once. */
static void bytes_are_those_of_the_frames(void **state)
{
	uint64_t bytes = 0, wire = 0;
	uint32_t len;
	struct fixture f;

	(void)state;
	make(RAW("frames", "1", "frame_size", "60-1514", "mix", "udp4 bad-ip4-cut"), &f);
	for (uint64_t k = 0; k < 2ULL * f.s.period + 100; k++) {
		assert_int_equal(raw_sequence_bytes(&f.s, k), bytes);
		assert_int_equal(raw_sequence_wire(&f.s, k), wire);
		len = raw_sequence_len(&f.s, (uint32_t)(k % f.s.period));
		bytes += len;
		wire += 24 + (len < 60 ? 60 : len);
	}
	raw_sequence_free(&f.s);
}

static void limits_are_exact_to_the_frame(void **state)
{
	struct fixture f;

	(void)state;
	make(RAW("total_size", "123456789", "frame_size", "60-1514"), &f);
	for (f.config.total_size = 123456789; f.config.total_size < 123458900;
	     f.config.total_size += 13) {
		uint64_t n = raw_sequence_n_frames(&f.s);

		assert_true(raw_sequence_bytes(&f.s, n) <= f.config.total_size);
		assert_true(raw_sequence_bytes(&f.s, n + 1) > f.config.total_size);
	}
	f.config.total_size = raw_sequence_bytes(&f.s, 7ULL * f.s.period);
	assert_int_equal(raw_sequence_n_frames(&f.s), 7ULL * f.s.period);
	f.config.total_size--;
	assert_int_equal(raw_sequence_n_frames(&f.s), 7ULL * f.s.period - 1);
	f.config.raw.frames = 99;
	assert_int_equal(raw_sequence_n_frames(&f.s), 99);
	f.config.raw.frames = f.config.total_size = 0;
	assert_true(raw_sequence_n_frames(&f.s) == UINT64_MAX);
	raw_sequence_free(&f.s);
}

static void flows_belong_to_one_thread(void **state)
{
	static const char *const orders[] = { "round-robin", "uniform", "zipf" };

	(void)state;
	for (size_t i = 0; i < array_size(orders); i++) {
		struct fixture f;
		uint32_t n[40] = { 0 };

		make(RAW("frames", "1", "threads", "4", "flows", "40", "flow_order", orders[i],
			 "mix", "udp4:3 udp6-fragments"),
		     &f);
		assert_int_equal(f.s.period % 8, 0);
		for (uint32_t k = 0; k < f.s.period; k++) {
			assert_int_equal(f.s.entry[k].flow % 4, k % 4);
			n[f.s.entry[k].flow]++;
		}
		for (uint32_t flow = 0; flow < 40; flow++)
			assert_true(n[flow]);
		if (i == 2)
			assert_true(n[0] > n[4] * 3 / 2 && n[4] > n[8] && n[8] > n[36]);
		raw_sequence_free(&f.s);
	}
}

/* The second fragment is the thread's next frame, and of the first one's flow and datagram. */
static void fragments_stay_together(void **state)
{
	const struct raw_template *t;
	struct fixture f;
	uint32_t n = 0;

	(void)state;
	make(RAW("frames", "1", "threads", "3", "mix", "udp4:3 tcp4-fragments icmp6-fragments:2"),
	     &f);
	for (uint32_t k = 0; k < f.s.period; k++) {
		t = &f.s.template[f.s.entry[k].template];
		if (!t->n_back)
			continue;
		n++;
		assert_true(k >= 3);
		assert_int_equal(f.s.entry[k - 3].template + 1, f.s.entry[k].template);
		assert_int_equal(f.s.entry[k - 3].flow, f.s.entry[k].flow);
	}
	assert_true(n > f.s.period / 4);
	raw_sequence_free(&f.s);
}

/* Frame by frame, as they are sent, against what is worked out from their numbers. */
static void the_account_is_that_of_the_frames(void **state)
{
	const uint64_t n_sent[] = { 70001, 12, 140003 };
	struct raw_account sent = { .n_ports = 0 }, told = { .n_ports = 0 };
	uint8_t *buffer;
	struct fixture f;

	(void)state;
	make(RAW("frames", "1", "threads", "3", "flows", "30", "port", "79-81", "tcp_flags",
		 "syn+ack", "vlan", "5", "frame_size", "imix", "mix",
		 "tcp4 udp6:2 arp ethertype icmp4-fragments bad-udp4-length-long bad-ip6-long "
		 "sctp4"),
	     &f);
	buffer = malloc(f.s.max_len + RAW_HEAD);
	raw_pattern(buffer, 0, f.s.max_len + RAW_HEAD);
	for (uint32_t thread = 0; thread < 3; thread++) {
		for (uint64_t n = 0; n < n_sent[thread]; n++) {
			uint64_t k = thread + 3 * n;
			struct raw_class class;
			const uint8_t *frame;
			uint32_t len = raw_sequence_frame(&f.s, (uint32_t)(k % f.s.period), k, k,
							  buffer, &frame);

			raw_classify(frame, len, &class);
			assert_int_equal(raw_account_add(&sent, &class, 1), 0);
		}
	}
	assert_int_equal(raw_sequence_account(&f.s, n_sent, &told), 0);
	assert_int_equal(told.total.frames, 70001 + 12 + 140003);
	assert_memory_equal(&sent, &told, offsetof(struct raw_account, ports));
	assert_true(sent.n_ports_used >= 20 * 2); /* all flows of the two that sent many */
	assert_int_equal(told.n_ports_used, sent.n_ports_used);
	for (size_t i = 0; i < told.n_ports; i++) {
		const struct raw_ports *p = &told.ports[i];
		size_t j = 0;

		while (p->count.frames && memcmp(&sent.ports[j], p, sizeof(*p)))
			assert_true(++j < sent.n_ports);
	}
	raw_account_free(&sent);
	raw_account_free(&told);
	raw_sequence_free(&f.s);
	free(buffer);
}

/* ---- the pace ---- */

static void frames_are_due_when_those_before_are_over(void **state)
{
	struct raw_pace pace;
	struct fixture f;

	(void)state;
	make(RAW("frames", "1", "frame_size", "imix", "bandwidth", "123456789bps"), &f);
	raw_pace_init(&pace, &f.s, 1000);
	for (uint64_t k = 0; k < 3ULL * f.s.period; k += 997) {
		unsigned __int128 bits = (unsigned __int128)8 * raw_sequence_bytes(&f.s, k);
		uint64_t due = (uint64_t)((bits * NSEC_PER_SEC + 123456788) / 123456789);

		assert_int_equal(raw_pace_due_ns(&pace, k), 1000 + due);
	}
	raw_sequence_free(&f.s);
	make(RAW("frames", "1", "frame_size", "100", "bandwidth", "992bps", "bandwidth_layer", "1"),
	     &f);
	raw_pace_init(&pace, &f.s, 0);
	assert_int_equal(raw_pace_due_ns(&pace, 5), 5 * NSEC_PER_SEC); /* 124 bytes each */
	assert_int_equal(raw_pace_n_before(&pace, 5 * NSEC_PER_SEC, 1000), 5);
	assert_int_equal(raw_pace_n_before(&pace, 5 * NSEC_PER_SEC + 1, 1000), 6);
	assert_int_equal(raw_pace_n_before(&pace, 5 * NSEC_PER_SEC + 1, 3), 3);
	raw_sequence_free(&f.s);
}

static void bursts_and_ramps(void **state)
{
	struct raw_pace pace;
	struct fixture f;

	(void)state;
	make(RAW("frames", "1", "rate", "100", "burst", "10"), &f);
	raw_pace_init(&pace, &f.s, 7);
	for (uint64_t k = 0; k < 100; k++)
		assert_int_equal(raw_pace_due_ns(&pace, k), 7 + k / 10 * 100 * NSEC_PER_MSEC);
	raw_sequence_free(&f.s);
	make(RAW("duration", "10s", "rate", "100", "ramp", "10s"), &f);
	raw_pace_init(&pace, &f.s, 0);
	assert_int_equal(raw_pace_n_before(&pace, 10 * NSEC_PER_SEC, UINT64_MAX), 500);
	raw_sequence_free(&f.s);
	make(RAW("frames", "9", "bandwidth", "0"), &f);
	raw_pace_init(&pace, &f.s, 7);
	assert_int_equal(pace.kind, RAW_UNPACED);
	assert_int_equal(raw_pace_due_ns(&pace, 8), 7);
	raw_sequence_free(&f.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_exact_in_each_block),
		cmocka_unit_test(bytes_are_those_of_the_frames),
		cmocka_unit_test(limits_are_exact_to_the_frame),
		cmocka_unit_test(flows_belong_to_one_thread),
		cmocka_unit_test(fragments_stay_together),
		cmocka_unit_test(the_account_is_that_of_the_frames),
		cmocka_unit_test(frames_are_due_when_those_before_are_over),
		cmocka_unit_test(bursts_and_ramps),
	};

	log_set_level(LOG_WARNING); /* not of each size that grows */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
