// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Seeded random mutations of the named frames: they pass, the invariants hold, and
 * the program agrees with the oracle on every counter.
 *
 * At the end each counter must have been hit, so that a mutator which only makes rubbish of one
 * kind does not pass for a test. --seed, --count and --only make a run, or one mutation of it,
 * again.
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
#include "mutate.h"
#include "oracle.h"
#include "runner.h"

#define DEFAULT_SEED  20241122
#define DEFAULT_COUNT 100000
#define MIN_HITS      20 /* of each counter, in a run of the default length */
#define MAX_FAILURES  10

struct options {
	uint64_t seed, count, from;
};

static struct runner runner;
static struct frame frame;
static struct options options = { DEFAULT_SEED, DEFAULT_COUNT, 0 };
static struct sampler_counters hits;

static void add_hits(const struct frame *f)
{
	struct sampler_counters one;
	uint64_t *sum = (uint64_t *)&hits;
	const uint64_t *add = (const uint64_t *)&one;

	oracle_count(f->data, f->len, runner.ports, &one);
	for (size_t i = 0; i < sizeof(one) / sizeof(*sum); i++)
		sum[i] += add[i];
}

static void program_agrees_with_oracle(void **state)
{
	unsigned n_failures = 0;

	(void)state;
	for (uint64_t i = options.from; i < options.from + options.count; i++) {
		mutate_frame(options.seed, i, &frame);
		if (!runner_takes(runner.direction, frame.data, frame.len))
			continue;
		add_hits(&frame);
		if (runner_agrees(&runner, frame.data, frame.len,
				  runner.can_split ? frame.linear : 0))
			continue;
		printf("# again: test-mutations --seed %" PRIu64 " --only %" PRIu64 "\n",
		       options.seed, i);
		if (++n_failures == MAX_FAILURES)
			break;
	}
	assert_int_equal(n_failures, 0);
}

static void assert_hit(const char *what, uint64_t n)
{
	printf("# %s: %" PRIu64 " mutations\n", what, n);
	assert_in_range(n, MIN_HITS, UINT64_MAX);
}

static void every_counter_was_hit(void **state)
{
	static const char *const l3[] = { "ipv4", "ipv6", "arp", "other" };
	static const char *const l4[] = { "tcp", "udp", "icmp", "sctp", "l4 other" };
	static const char *const mark[] = { "vlan", "fragment", "malformed" };
	static const char *const flag[] = { "syn", "syn_ack", "fin", "rst" };
	static const unsigned services[] = { HTTP, HTTPS, DNS, QUIC, EDGES, LAST };

	(void)state;
	if (options.count < DEFAULT_COUNT)
		skip();
	for (size_t i = 0; i < SAMPLER_N_L3; i++)
		assert_hit(l3[i], hits.l3[i].packets);
	for (size_t i = 0; i < SAMPLER_N_L4; i++)
		assert_hit(l4[i], hits.l4[i].packets);
	for (size_t i = 0; i < SAMPLER_N_MARKS; i++)
		assert_hit(mark[i], hits.mark[i].packets);
	for (size_t i = 0; i < SAMPLER_N_FLAGS; i++)
		assert_hit(flag[i], hits.tcp_flag[i]);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		assert_hit("a service", hits.service[services[i] - 1].packets);
	for (size_t i = 0; i < SAMPLER_N_SIZES; i++)
		assert_hit("a size", hits.size[i]);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-') {
		fprintf(stderr, "test-mutations: '%s' is not a number\n", text);
		exit(2);
	}
	return n;
}

static void parse(int argc, char **argv)
{
	const char *seed = getenv("SAMPLER_TEST_SEED"), *count = getenv("SAMPLER_TEST_MUTATIONS");

	if (seed)
		options.seed = number(seed);
	if (count)
		options.count = number(count);
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--seed") == 0) {
			options.seed = number(value);
		} else if (strcmp(argv[i], "--count") == 0) {
			options.count = number(value);
		} else if (strcmp(argv[i], "--only") == 0) {
			options.from = number(value);
			options.count = 1;
		} else {
			fprintf(stderr,
				"usage: test-mutations [--seed N] [--count N | --only I]\n");
			exit(2);
		}
	}
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_agrees_with_oracle),
		cmocka_unit_test(every_counter_was_hit),
	};

	parse(argc, argv);
	runner_open(&runner);
	printf("# seed %" PRIu64 ", %" PRIu64 " mutations, linear part %s\n", options.seed,
	       options.count, runner.can_split ? "random in one of two" : "the kernel's choice");
	return cmocka_run_group_tests_name("mutations", tests, NULL, close_runner);
}
