// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Loads the skeleton without attaching or pinning anything, runs single frames through
 * BPF_PROG_TEST_RUN and reads what each of them changed in the counters, summed over all CPUs.
 *
 * A test that cannot run here ends its program with a TAP plan of none and the reason. The exit
 * status is then 77, except under meson: meson reads the skip from the plan and takes any other
 * status than 0 from a TAP test for an error.
 *
 * Invariant: `before` equals the maps whenever no run is between runner_run() and runner_delta().
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "frames.h"
#include "oracle.h"
#include "runner.h"
#include "util/cleanup.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* bpftool's generated code */
#include "sampler.skel.h"
#pragma GCC diagnostic pop

#define EXIT_SKIP      77
#define HEX_MAX	       4096
#define FRAGMENTS_ROOM (17 * 4096) /* MAX_SKB_FRAGS pages */

/**
 * test_skip_all() - end this test program: it cannot run here
 * @reason: what is missing, one line
 */
void test_skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	fflush(stdout);
	exit(getenv("MESON_TEST_ITERATION") ? EXIT_SUCCESS : EXIT_SKIP);
}

static void die(const char *what, int error)
{
	printf("Bail out! %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(EXIT_FAILURE);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static void require_bpf(void)
{
	int fd;

	if (geteuid() != 0)
		test_skip_all("needs root to load BPF programs");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, NULL);
	if (fd < 0)
		test_skip_all(errno == EPERM ? "no permission for bpf(2), root without CAP_BPF"
					     : "bpf(2) makes no map on this kernel");
	close(fd);
}

static int map_fd(struct runner *r, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(r->skel->obj, name);

	if (!map)
		die(name, ENOENT);
	return bpf_map__fd(map);
}

static void unpin_maps(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) bpf_map__set_pin_path(map, NULL);
}

/* The two ways to a frame's length: SEES_KERNEL=1 is the one that Linux 6.1 does not have. */
static bool wants_to_see_kernel(void)
{
	const char *text = getenv("SEES_KERNEL");
	struct btf *btf;
	bool can;

	if (!text || strcmp(text, "1"))
		return false;
	btf = btf__load_vmlinux_btf();
	can = btf && btf__find_by_name_kind(btf, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC) > 0;
	btf__free(btf);
	if (!can)
		test_skip_all("this kernel has no bpf_cast_to_kern_ctx() (Linux 6.2)");
	return true;
}

/** runner_direction() - Return: that of the program that the environment asks for */
enum sampler_direction runner_direction(void)
{
	const char *text = getenv("DIRECTION");

	return text && !strcmp(text, "tx") ? SAMPLER_TX : SAMPLER_RX;
}

/**
 * runner_choose() - which program is to run
 * @r: the runner
 * @direction: SAMPLER_RX for sampler_rx, SAMPLER_TX for sampler_tx
 */
void runner_choose(struct runner *r, enum sampler_direction direction)
{
	const char *name = direction == SAMPLER_RX ? SAMPLER_PROG_RX : SAMPLER_PROG_TX;

	r->direction = direction;
	r->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(r->skel->obj, name));
	if (r->prog_fd < 0)
		die(name, ENOENT);
}

static void load(struct runner *r)
{
	int n;

	r->skel = sampler_bpf__open();
	if (!r->skel)
		die("cannot open the BPF skeleton", errno);
	unpin_maps(r->skel->obj);
	r->skel->rodata_gen->sampler_generation = RUNNER_GENERATION;
	r->skel->rodata->sampler_sees_kernel = wants_to_see_kernel();
	n = sampler_bpf__load(r->skel);
	if (n < 0)
		die("the kernel refuses the BPF programs", n);
	runner_choose(r, runner_direction());
	r->counters_fd = map_fd(r, SAMPLER_MAP_COUNTERS);
	r->control_fd = map_fd(r, SAMPLER_MAP_CONTROL);
	r->ports_fd = map_fd(r, SAMPLER_MAP_PORTS);
}

/* A program whose verdict is the size of the linear part. */
static int load_measure(void)
{
	const struct bpf_insn insns[] = {
		{ BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct xdp_md, data), 0 },
		{ BPF_LDX | BPF_MEM | BPF_W, 0, 1, offsetof(struct xdp_md, data_end), 0 },
		{ BPF_ALU64 | BPF_SUB | BPF_X, 0, 2, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "measure", "GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), &opts);
}

/* Whether the kernel makes the linear part as short as asked; 6.1.0 refuses, its later stable
 * releases do, and one that only ignored the wish would make every split test an empty one. */
static bool probe_split(struct runner *r)
{
	static const uint8_t zero[64];
	_cleanup_close_ int fd = load_measure();
	struct runner measure = *r;
	uint32_t linear;

	measure.prog_fd = fd;
	return fd >= 0 && runner_run(&measure, zero, sizeof(zero), FRAME_MIN, &linear) == 0 &&
	       linear == FRAME_MIN;
}

static void fold(struct runner *r, uint32_t direction, struct sampler_counters *ret)
{
	const size_t words = sizeof(*ret) / sizeof(uint64_t);
	uint64_t *sum = (uint64_t *)ret;

	if (bpf_map_lookup_elem(r->counters_fd, &direction, r->per_cpu) < 0)
		die("cannot read the counters", errno);
	memset(ret, 0, sizeof(*ret));
	for (int cpu = 0; cpu < r->n_cpus; cpu++) {
		const uint64_t *one = (const uint64_t *)&r->per_cpu[cpu];

		for (size_t i = 0; i < words; i++)
			sum[i] += one[i];
	}
}

/**
 * runner_open() - load the program, with the tests' ports in both tables and counting on
 * @ret: the runner; runner_close() it
 *
 * Ends the test program where BPF cannot run (skip) or the program does not load (failure).
 */
void runner_open(struct runner *ret)
{
	memset(ret, 0, sizeof(*ret));
	libbpf_set_print(quiet);
	require_bpf();
	load(ret);
	ret->n_cpus = libbpf_num_possible_cpus();
	ret->per_cpu = calloc((size_t)ret->n_cpus, sizeof(*ret->per_cpu));
	ret->ports = calloc(1, sizeof(*ret->ports));
	if (!ret->per_cpu || !ret->ports)
		die("memory", ENOMEM);
	ret->can_split = ret->direction == SAMPLER_RX && probe_split(ret);
	frames_fill_ports(ret->ports);
	runner_ports(ret, 0, ret->ports);
	runner_ports(ret, 1, ret->ports);
	runner_control(ret, RUNNER_GENERATION, 0);
	for (uint32_t d = 0; d < SAMPLER_N_DIRECTIONS; d++)
		fold(ret, d, &ret->before[d]);
}

/**
 * runner_close() - unload everything
 * @r: from runner_open()
 */
void runner_close(struct runner *r)
{
	sampler_bpf__destroy(r->skel);
	free(r->per_cpu);
	free(r->ports);
}

/** runner_verdict() - Return: what the program always says */
uint32_t runner_verdict(const struct runner *r)
{
	return r->direction == SAMPLER_RX ? XDP_PASS : (uint32_t)TC_ACT_UNSPEC;
}

/* What has to be there for sampler_tx: an IP header where there is to be one, something where not. */
static size_t least_sent(const uint8_t *frame)
{
	switch (frame[12] << 8 | frame[13]) {
	case 0x0800:
		return 34;
	case 0x86dd:
		return 54;
	default:
		return 15;
	}
}

/**
 * runner_takes() - whether the kernel runs a program on a frame
 * @direction: of the program
 * @frame: its bytes
 * @len: their number, at least FRAME_MIN
 *
 * Return: true for all frames and sampler_rx.
 */
bool runner_takes(enum sampler_direction direction, const uint8_t *frame, size_t len)
{
	return direction == SAMPLER_RX || (len >= least_sent(frame) && len <= RUNNER_TX_MAX);
}

/**
 * runner_run() - one frame through the program, nothing read or compared
 * @r: the runner
 * @frame: its bytes
 * @len: their number, 14 to FRAME_MAX
 * @linear: bytes of them in the linear part, the rest in page fragments; 0 leaves it to the kernel,
 *          and what the fragments cannot hold is linear all the same
 * @ret: the verdict
 *
 * Return: 0 or a negative errno.
 */
int runner_run(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear, uint32_t *ret)
{
	struct xdp_md ctx = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = 1);
	int n;

	if (r->direction == SAMPLER_TX && r->sent_as) {
		opts.ctx_in = r->sent_as;
		opts.ctx_size_in = sizeof(*r->sent_as);
	} else if (linear != 0 && linear < len) {
		if (len - linear > FRAGMENTS_ROOM)
			ctx.data_end = (uint32_t)(len - FRAGMENTS_ROOM);
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	do {
		n = bpf_prog_test_run_opts(r->prog_fd, &opts);
	} while (n == -EINTR || n == -EAGAIN);
	if (n == 0)
		*ret = opts.retval;
	return n;
}

/**
 * runner_delta() - what changed in one direction since the last call
 * @r: the runner
 * @direction: which counters
 * @ret: the difference
 */
void runner_delta(struct runner *r, enum sampler_direction direction, struct sampler_counters *ret)
{
	struct sampler_counters now;
	const uint64_t *after = (const uint64_t *)&now;
	const uint64_t *before = (const uint64_t *)&r->before[direction];
	uint64_t *delta = (uint64_t *)ret;

	fold(r, direction, &now);
	for (size_t i = 0; i < sizeof(now) / sizeof(uint64_t); i++)
		delta[i] = after[i] - before[i];
	r->before[direction] = now;
}

/**
 * runner_control() - write the control map
 * @r: the runner
 * @generation: the program counts where this is RUNNER_GENERATION
 * @port_table: table in use, 0 or 1
 */
void runner_control(struct runner *r, uint32_t generation, uint32_t port_table)
{
	struct sampler_control control = { generation, port_table };
	uint32_t key = 0;

	if (bpf_map_update_elem(r->control_fd, &key, &control, BPF_ANY) < 0)
		die("cannot write " SAMPLER_MAP_CONTROL, errno);
}

/**
 * runner_ports() - write one of the two port tables
 * @r: the runner
 * @slot: 0 or 1
 * @ports: the table
 */
void runner_ports(struct runner *r, uint32_t slot, const struct sampler_port_table *ports)
{
	if (bpf_map_update_elem(r->ports_fd, &slot, ports, BPF_ANY) < 0)
		die("cannot write " SAMPLER_MAP_PORTS, errno);
}

/**
 * runner_hex() - print a frame as diagnostics, to be given to test-capture --hex
 * @frame: its bytes
 * @len: their number; of more than HEX_MAX only the first are shown (TAP readers bound a line)
 */
void runner_hex(const uint8_t *frame, size_t len)
{
	printf("# frame of %zu bytes: ", len);
	for (size_t i = 0; i < len && i < HEX_MAX; i++)
		printf("%02x", frame[i]);
	printf("%s\n", len > HEX_MAX ? "..." : "");
}

/**
 * runner_count() - one frame through the program: it passes, and only its direction's counters change
 * @r: the runner
 * @frame: its bytes
 * @len: their number
 * @linear: as in runner_run()
 * @ret: what it changed in them
 *
 * Return: true, or false after a diagnostic line.
 */
bool runner_count(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear,
		  struct sampler_counters *ret)
{
	static const struct sampler_counters none;
	struct sampler_counters other;
	uint32_t verdict = XDP_ABORTED;
	int n = runner_run(r, frame, len, linear, &verdict);

	runner_delta(r, r->direction, ret);
	runner_delta(r, !r->direction, &other);
	if (n < 0)
		printf("# BPF_PROG_TEST_RUN: %s\n", strerror(-n));
	else if (verdict != runner_verdict(r))
		printf("# verdict %" PRIu32 ", expected %" PRIu32 "\n", verdict, runner_verdict(r));
	else if (memcmp(&other, &none, sizeof(other)) != 0)
		printf("# counters of the other direction changed\n");
	else
		return true;
	runner_hex(frame, len);
	return false;
}

static const char *name_of(size_t word)
{
	static const char *const counts[] = {
		"l3.ipv4", "l3.ipv6", "l3.arp",	  "l3.other",  "l4.tcp",	"l4.udp",
		"l4.icmp", "l4.sctp", "l4.other", "mark.vlan", "mark.fragment", "mark.malformed",
	};
	static const char *const rest[] = { "size0",	    "size1",	"size2",   "size3",
					    "size4",	    "size5",	"size6",   "flag.syn",
					    "flag.syn_ack", "flag.fin", "flag.rst" };
	const size_t n_counts = sizeof(counts) / sizeof(counts[0]);

	if (word / 2 < n_counts)
		return counts[word / 2];
	word -= 2 * (n_counts + SAMPLER_MAX_SERVICES);
	return word < sizeof(rest) / sizeof(rest[0]) ? rest[word] : "service";
}

static void print_difference(size_t word, uint64_t expected, uint64_t got)
{
	size_t service_at = offsetof(struct sampler_counters, service) / 8;
	size_t size_at = offsetof(struct sampler_counters, size) / 8;

	printf("# %s", name_of(word));
	if (word >= service_at && word < size_at)
		printf("[%zu]", (word - service_at) / 2);
	if (word < size_at)
		printf(".%s", word % 2 ? "bytes" : "packets");
	printf(": expected %" PRIu64 ", got %" PRIu64 "\n", expected, got);
}

/**
 * runner_equal() - whether two sets of counters are equal, to the last word
 * @expected: the one
 * @got: the other
 *
 * Return: true, or false after a diagnostic line for each difference.
 */
bool runner_equal(const struct sampler_counters *expected, const struct sampler_counters *got)
{
	const uint64_t *e = (const uint64_t *)expected, *g = (const uint64_t *)got;
	bool equal = true;

	for (size_t i = 0; i < sizeof(*got) / sizeof(*g); i++) {
		if (e[i] == g[i])
			continue;
		print_difference(i, e[i], g[i]);
		equal = false;
	}
	return equal;
}

/**
 * runner_agrees() - one frame keeps the invariants and the program counts it as the oracle does
 * @r: the runner
 * @frame: its bytes
 * @len: their number
 * @linear: as in runner_run()
 *
 * Return: true, or false after diagnostics with the frame as hex.
 */
bool runner_agrees(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear)
{
	struct sampler_counters expected, got;
	const char *broken;

	if (!runner_count(r, frame, len, linear, &got))
		return false;
	oracle_count(frame, len, r->ports, &expected);
	broken = oracle_invariant(&got, len);
	if (broken)
		printf("# invariant broken: %s\n", broken);
	if (runner_equal(&expected, &got) && !broken)
		return true;
	printf("# linear part %u (0: the kernel's choice)\n", linear);
	runner_hex(frame, len);
	return false;
}

/**
 * runner_each_frame() - a group of cmocka tests, one for each named frame
 * @name: of the group
 * @test: gets the named frame as its state
 * @end: what comes after all of them
 *
 * Return: how many failed.
 */
int runner_each_frame(const char *name, void (*test)(void **state), int (*end)(void **state))
{
	static struct frame frame;
	const struct named_frame *all[FRAMES_MAX];
	struct CMUnitTest tests[FRAMES_MAX];
	size_t n_all = frames_all(all, FRAMES_MAX), n = 0;

	for (size_t i = 0; i < n_all; i++) {
		frame_build(all[i], &frame);
		if (runner_takes(runner_direction(), frame.data, frame.len))
			tests[n++] = (struct CMUnitTest){ all[i]->name, test, NULL, NULL,
							  (void *)(uintptr_t)all[i] };
	}
	printf("# %zu of %zu named frames\n", n, n_all);
	return _cmocka_run_group_tests(name, tests, n, NULL, end);
}
