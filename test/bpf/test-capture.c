// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Runs captured frames through the program, one by one, and compares each with the oracle.
 *
 *   test-capture FILE.pcap...              every frame of these captures, and what they add up to
 *   test-capture --hex HEX [--linear N]    one frame, as a failing test prints it
 *   test-capture                           the named frames, written to and read from a capture
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "oracle.h"
#include "pcap.h"
#include "runner.h"
#include "util/cleanup.h"

static struct runner runner;
static struct frame frame;
static uint8_t bytes[FRAME_MAX];

struct totals {
	uint64_t n_run, n_short, n_failed;
	struct sampler_counters counters;
};

static void add_frame(struct totals *t, const uint8_t *data, size_t len)
{
	struct sampler_counters one;
	uint64_t *sum = (uint64_t *)&t->counters;

	if (len < FRAME_MIN) {
		t->n_short++; /* a test run takes no frame without a whole Ethernet header */
		return;
	}
	t->n_run++;
	t->n_failed += !runner_agrees(&runner, data, len, 0);
	oracle_count(data, len, runner.ports, &one);
	for (size_t i = 0; i < sizeof(one) / sizeof(*sum); i++)
		sum[i] += ((const uint64_t *)&one)[i];
}

static void print_totals(const struct totals *t)
{
	const struct sampler_counters *c = &t->counters;

	printf("# %" PRIu64 " frames, %" PRIu64 " shorter than an Ethernet header left out\n",
	       t->n_run, t->n_short);
	printf("# ipv4 %llu, ipv6 %llu, arp %llu, other %llu\n", c->l3[SAMPLER_IPV4].packets,
	       c->l3[SAMPLER_IPV6].packets, c->l3[SAMPLER_ARP].packets,
	       c->l3[SAMPLER_L3_OTHER].packets);
	printf("# tcp %llu, udp %llu, icmp %llu, sctp %llu, other %llu\n",
	       c->l4[SAMPLER_TCP].packets, c->l4[SAMPLER_UDP].packets, c->l4[SAMPLER_ICMP].packets,
	       c->l4[SAMPLER_SCTP].packets, c->l4[SAMPLER_L4_OTHER].packets);
	printf("# vlan %llu, fragments %llu, malformed %llu\n", c->mark[SAMPLER_VLAN].packets,
	       c->mark[SAMPLER_FRAGMENT].packets, c->mark[SAMPLER_MALFORMED].packets);
}

static int run_file(FILE *file, struct totals *ret)
{
	struct pcap pcap;
	const char *reason;
	size_t len;
	int n = pcap_open(&pcap, file, &reason);

	memset(ret, 0, sizeof(*ret));
	if (n == 0)
		while ((n = pcap_next(&pcap, bytes, sizeof(bytes), &len, &reason)) > 0)
			add_frame(ret, bytes, len);
	if (n < 0)
		printf("# %s\n", reason);
	return n;
}

static void capture_agrees(void **state)
{
	const char *path = *state;
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	struct totals totals;

	if (!file)
		fail_msg("cannot open %s: %s", path, strerror(errno));
	assert_int_equal(run_file(file, &totals), 0);
	print_totals(&totals);
	assert_int_equal(totals.n_failed, 0);
}

static void named_frames_survive_a_capture(bool swapped)
{
	const struct named_frame *all[FRAMES_MAX];
	size_t n = frames_all(all, FRAMES_MAX);
	_cleanup_fclose_ FILE *file = tmpfile();
	struct totals totals;

	assert_non_null(file);
	pcap_write_head(file, swapped);
	for (size_t i = 0; i < n; i++) {
		frame_build(all[i], &frame);
		pcap_write_frame(file, swapped, frame.data, frame.len);
	}
	pcap_write_frame(file, swapped, frame.data, FRAME_MIN - 1);
	rewind(file);
	assert_int_equal(run_file(file, &totals), 0);
	assert_int_equal(totals.n_run, n);
	assert_int_equal(totals.n_short, 1);
	assert_int_equal(totals.n_failed, 0);
}

static void native_byte_order_is_read(void **state)
{
	(void)state;
	named_frames_survive_a_capture(false);
}

static void other_byte_order_is_read(void **state)
{
	(void)state;
	named_frames_survive_a_capture(true);
}

static void assert_refused(const void *content, size_t n)
{
	_cleanup_fclose_ FILE *file = tmpfile();
	struct totals totals;

	assert_non_null(file);
	if (n)
		assert_int_equal(fwrite(content, n, 1, file), 1);
	rewind(file);
	assert_int_equal(run_file(file, &totals), -EINVAL);
}

static void what_is_no_capture_is_refused(void **state)
{
	static const uint32_t cut_frame[] = {
		0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1, 0, 0, 60, 60
	};
	static const uint32_t raw_ip[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101 };
	static const uint32_t huge[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1, 0, 0, ~0u, ~0u };
	static const uint32_t ng[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0u, ~0u, 28 };

	(void)state;
	assert_refused("", 0);
	assert_refused("not a capture, only some words", 30);
	assert_refused(cut_frame, sizeof(cut_frame));
	assert_refused(cut_frame, 30);
	assert_refused(raw_ip, sizeof(raw_ip));
	assert_refused(huge, sizeof(huge));
	assert_refused(ng, sizeof(ng));
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

static int run_self_test(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_byte_order_is_read),
		cmocka_unit_test(other_byte_order_is_read),
		cmocka_unit_test(what_is_no_capture_is_refused),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, close_runner);
}

static int run_captures(char **paths, size_t n)
{
	_cleanup_free_ struct CMUnitTest *tests = calloc(n, sizeof(*tests));

	if (!tests)
		return EXIT_FAILURE;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ paths[i], capture_agrees, NULL, NULL, paths[i] };
	return _cmocka_run_group_tests("captures", tests, n, NULL, close_runner);
}

static size_t read_hex(const char *hex)
{
	size_t n = strlen(hex);

	if (n % 2 || n / 2 > FRAME_MAX || n / 2 < FRAME_MIN)
		return 0;
	for (size_t i = 0; i < n / 2; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
			return 0;
	return n / 2;
}

static int run_hex(const char *hex, const char *linear)
{
	size_t len = read_hex(hex);
	struct totals totals = { 0 };
	bool agrees;

	if (!len) {
		fprintf(stderr, "test-capture: --hex takes 14 bytes or more as hex digits\n");
		return 2;
	}
	agrees = runner_agrees(&runner, bytes, len, (uint32_t)strtoul(linear, NULL, 10));
	add_frame(&totals, bytes, len);
	print_totals(&totals);
	runner_close(&runner);
	printf("1..1\n%s 1 - hex\n", agrees ? "ok" : "not ok");
	return agrees ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	runner_open(&runner);
	if (argc >= 3 && strcmp(argv[1], "--hex") == 0)
		return run_hex(argv[2],
			       argc == 5 && strcmp(argv[3], "--linear") == 0 ? argv[4] : "0");
	return argc > 1 ? run_captures(argv + 1, (size_t)(argc - 1)) : run_self_test();
}
