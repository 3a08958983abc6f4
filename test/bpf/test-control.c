// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What user space may change while the program runs: the generation word and the port table; and
 * that counts add up over repetition and over CPUs. A frame passes in every one of these states.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/bpf_common.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"
#include "oracle.h"
#include "runner.h"
#include "util/cleanup.h"

#define PRIME 10007

static const struct named_frame http = {
	"http",
	54,
	0,
	SAMPLER_IPV4,
	SAMPLER_TCP,
	0,
	HTTP,
	SYN,
	{ ETH(), IP4(), TCP(.sport = 9999, .dport = 80, .flags = TH_SYN) }
};

static struct runner runner;
static struct frame frame;

static void assert_counted(const struct named_frame *as)
{
	struct sampler_counters expected, got;

	frame_expect(as, &expected);
	assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
	assert_true(runner_equal(&expected, &got));
}

static void assert_service(unsigned service)
{
	struct named_frame as = http;

	as.service = service;
	assert_counted(&as);
}

static void assert_nothing_counted(void)
{
	static const struct sampler_counters none;
	struct sampler_counters got;

	assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
	assert_true(runner_equal(&none, &got));
}

static void counts_only_in_its_generation(void **state)
{
	(void)state;
	assert_counted(&http);
	runner_control(&runner, RUNNER_GENERATION + 1, 0);
	assert_nothing_counted();
	runner_control(&runner, 0, 0);
	assert_nothing_counted();
	runner_control(&runner, RUNNER_GENERATION, 0);
	assert_counted(&http);
}

static void swapped_port_table_is_used_at_once(void **state)
{
	struct sampler_port_table *other = calloc(1, sizeof(*other));

	(void)state;
	assert_non_null(other);
	other->tcp[80] = 5;
	runner_ports(&runner, 1, other);
	assert_service(HTTP);
	runner_control(&runner, RUNNER_GENERATION, 1);
	assert_service(5);
	other->tcp[80] = NO_SERVICE;
	runner_ports(&runner, 1, other);
	assert_service(NO_SERVICE);
	other->tcp[9999] = 6; /* now by source port */
	runner_ports(&runner, 1, other);
	assert_service(6);
	other->udp[80] = 7; /* another protocol's table */
	runner_ports(&runner, 1, other);
	assert_service(6);
	runner_control(&runner, RUNNER_GENERATION, 0);
	assert_service(HTTP);
	runner_ports(&runner, 1, runner.ports);
	free(other);
}

static void every_slot_counts_in_its_place(void **state)
{
	struct sampler_port_table *other = calloc(1, sizeof(*other));

	(void)state;
	assert_non_null(other);
	runner_control(&runner, RUNNER_GENERATION, 1);
	for (unsigned slot = 1; slot <= SAMPLER_MAX_SERVICES; slot++) {
		other->tcp[80] = (uint8_t)slot;
		runner_ports(&runner, 1, other);
		assert_service(slot);
	}
	runner_control(&runner, RUNNER_GENERATION, 0);
	runner_ports(&runner, 1, runner.ports);
	free(other);
}

/* A table nobody should have written may name the wrong service; it loses and doubles nothing. */
static void slot_past_the_last_breaks_no_invariant(void **state)
{
	static const uint8_t bad[] = { SAMPLER_MAX_SERVICES + 1, 100, 255 };
	struct sampler_port_table *other = calloc(1, sizeof(*other));
	struct sampler_counters got;

	(void)state;
	assert_non_null(other);
	runner_control(&runner, RUNNER_GENERATION, 1);
	for (size_t i = 0; i < sizeof(bad); i++) {
		other->tcp[80] = bad[i];
		runner_ports(&runner, 1, other);
		assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
		assert_null(oracle_invariant(&got, frame.len));
	}
	runner_control(&runner, RUNNER_GENERATION, 0);
	runner_ports(&runner, 1, runner.ports);
	free(other);
}

static void table_number_out_of_range_loses_no_frame(void **state)
{
	struct sampler_counters got;

	(void)state;
	for (uint32_t table = 2; table != 0; table <<= 3) {
		runner_control(&runner, RUNNER_GENERATION, table);
		assert_true(runner_count(&runner, frame.data, frame.len, 0, &got));
		assert_int_equal(got.l3[SAMPLER_IPV4].packets, 1);
		assert_int_equal(got.l3[SAMPLER_IPV4].bytes, frame.len);
	}
	runner_control(&runner, RUNNER_GENERATION, 0);
}

static void ten_thousand_and_seven_frames_add_up(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data,
		    .data_size_in = (uint32_t)frame.len, .repeat = PRIME);
	struct sampler_counters got;

	(void)state;
	assert_int_equal(bpf_prog_test_run_opts(runner.prog_fd, &opts), 0);
	assert_int_equal(opts.retval, runner_verdict(&runner));
	runner_delta(&runner, runner.direction, &got);
	assert_int_equal(got.l3[SAMPLER_IPV4].packets, PRIME);
	assert_int_equal(got.l3[SAMPLER_IPV4].bytes, PRIME * frame.len);
	assert_int_equal(got.service[HTTP - 1].packets, PRIME);
	assert_int_equal(got.service[HTTP - 1].bytes, PRIME * frame.len);
	assert_int_equal(got.tcp_flag[SAMPLER_SYN], PRIME);
	assert_int_equal(got.size[0], PRIME);
}

static void every_cpu_counts_for_itself(void **state)
{
	cpu_set_t allowed, one;
	uint32_t verdict;
	int n_run = 0;
	struct sampler_counters got;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		assert_int_equal(runner_run(&runner, frame.data, frame.len, 0, &verdict), 0);
		n_run++;
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
	runner_delta(&runner, runner.direction, &got);
	assert_int_equal(got.l3[SAMPLER_IPV4].packets, n_run);
	assert_int_equal(got.size[0], n_run);
}

static int load_dummy(uint32_t flags)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags, .expected_attach_type = BPF_XDP);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "dummy", "GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), &opts);
}

/* Whether the program may stand in a table of those that take multi-buffer frames, or do not. */
static bool belongs_with(uint32_t flags)
{
	_cleanup_close_ int table = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "table", 4, 4, 2, NULL);
	_cleanup_close_ int dummy = load_dummy(flags);
	uint32_t first = 0, second = 1;

	assert_true(table >= 0 && dummy >= 0);
	assert_int_equal(bpf_map_update_elem(table, &first, &dummy, BPF_ANY), 0);
	return bpf_map_update_elem(table, &second, &runner.prog_fd, BPF_ANY) == 0;
}

/* A test run takes jumbo frames without the flag; a device of MTU 9000 does not. tc knows none. */
static void program_is_made_for_multi_buffer_frames(void **state)
{
	(void)state;
	if (runner.direction == SAMPLER_TX)
		return;
	assert_true(belongs_with(BPF_F_XDP_HAS_FRAGS));
	assert_false(belongs_with(0));
}

static int close_runner(void **state)
{
	(void)state;
	runner_close(&runner);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_only_in_its_generation),
		cmocka_unit_test(swapped_port_table_is_used_at_once),
		cmocka_unit_test(every_slot_counts_in_its_place),
		cmocka_unit_test(slot_past_the_last_breaks_no_invariant),
		cmocka_unit_test(table_number_out_of_range_loses_no_frame),
		cmocka_unit_test(ten_thousand_and_seven_frames_add_up),
		cmocka_unit_test(every_cpu_counts_for_itself),
		cmocka_unit_test(program_is_made_for_multi_buffer_frames),
	};

	runner_open(&runner);
	frame_build(&http, &frame);
	return cmocka_run_group_tests_name("control", tests, NULL, close_runner);
}
