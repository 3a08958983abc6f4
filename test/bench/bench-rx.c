// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What sampler_rx costs a frame, over an empty program: both run the same frame through
 * BPF_PROG_TEST_RUN, in turns, so that what disturbs one round disturbs both.
 *
 * Prints the nanoseconds of every round as JSON and judges nothing; test/bench/bench.py does the
 * arithmetic. Time is this thread's CPU time, so being scheduled away costs nothing. Fails where the
 * program has not counted every frame that it was given: what does no work is quick.
 */
#include "empty.skel.h"
#include "sampler.skel.h"
#include "sampler_abi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GENERATION   1
#define FRAME_MIN    64
#define ROUNDS_MAX   1000
#define PORT_HTTP    80
#define PORT_NOTHING 49152

struct frame_kind {
	const char *name;
	bool ipv6, vlan;
	uint16_t port;
};

static const struct frame_kind kinds[] = {
	{ "IPv4 TCP, a service's port", false, false, PORT_HTTP },
	{ "IPv4 TCP, no service's port", false, false, PORT_NOTHING },
	{ "IPv6 TCP, a service's port", true, false, PORT_HTTP },
	{ "IPv4 TCP, one VLAN tag", false, true, PORT_HTTP },
};

struct bench {
	int empty_fd, sampler_fd, counters_fd;
	uint32_t repeat;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "bench-rx: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(EXIT_FAILURE);
}

/* ---- frames ---- */

static size_t put(uint8_t *frame, size_t at, const void *header, size_t size)
{
	memcpy(frame + at, header, size);
	return at + size;
}

static size_t put_ethernet(uint8_t *frame, const struct frame_kind *kind)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 }, .h_source = { 2, 0, 0, 0, 0, 2 } };
	uint16_t inner = htons(kind->ipv6 ? ETH_P_IPV6 : ETH_P_IP), tci = htons(100);
	size_t at;

	eth.h_proto = kind->vlan ? htons(ETH_P_8021Q) : inner;
	at = put(frame, 0, &eth, sizeof(eth));
	if (!kind->vlan)
		return at;
	at = put(frame, at, &tci, sizeof(tci));
	return put(frame, at, &inner, sizeof(inner));
}

static size_t put_ip(uint8_t *frame, size_t at, const struct frame_kind *kind, size_t len)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
	struct ipv6hdr ip6 = { .version = 6, .hop_limit = 64, .nexthdr = IPPROTO_TCP };

	ip.tot_len = htons((uint16_t)(len - at));
	ip6.payload_len = htons((uint16_t)(len - at - sizeof(ip6)));
	return kind->ipv6 ? put(frame, at, &ip6, sizeof(ip6)) : put(frame, at, &ip, sizeof(ip));
}

/* The shortest that there is: 64 bytes, or 74 where IPv6 needs them. Return: its length. */
static size_t make_frame(uint8_t *frame, const struct frame_kind *kind)
{
	size_t len =
		kind->ipv6 ? ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr) : FRAME_MIN;
	struct tcphdr tcp = { .doff = 5, .ack = 1 };

	tcp.source = htons(PORT_NOTHING + 1);
	tcp.dest = htons(kind->port);
	memset(frame, 0, len);
	put(frame, put_ip(frame, put_ethernet(frame, kind), kind, len), &tcp, sizeof(tcp));
	return len;
}

/* ---- programs ---- */

static int load_empty(void)
{
	struct empty_bpf *skel = empty_bpf__open_and_load();

	if (!skel)
		die("the empty program", errno);
	return bpf_program__fd(skel->progs.empty);
}

static void load_sampler(struct bench *b)
{
	struct sampler_control control = { .generation = GENERATION };
	struct sampler_port_table *table = calloc(1, sizeof(*table));
	struct sampler_bpf *skel = sampler_bpf__open();
	uint32_t zero = 0;

	if (!skel || !table)
		die("sampler_rx", errno);
	skel->rodata_gen->sampler_generation = GENERATION;
	bpf_program__set_autoload(skel->progs.sampler_tx, false);
	skel->rodata->sampler_sees_kernel = true;
	if (sampler_bpf__load(skel))
		die("sampler_rx does not load", errno);
	table->tcp[PORT_HTTP] = SAMPLER_HTTP + 1;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.sampler_ports), &zero, table, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.sampler_control), &zero, &control, BPF_ANY))
		die("sampler_rx's maps", errno);
	free(table);
	b->sampler_fd = bpf_program__fd(skel->progs.sampler_rx);
	b->counters_fd = bpf_map__fd(skel->maps.sampler_count);
}

static uint64_t frames_counted(const struct bench *b)
{
	int n_cpus = libbpf_num_possible_cpus();
	struct sampler_counters *per_cpu = calloc((size_t)n_cpus, sizeof(*per_cpu));
	uint32_t direction = SAMPLER_RX;
	uint64_t n = 0;

	if (!per_cpu || bpf_map_lookup_elem(b->counters_fd, &direction, per_cpu))
		die("sampler_rx's counters", errno);
	for (int cpu = 0; cpu < n_cpus; cpu++)
		for (int class = 0; class < SAMPLER_N_L3; class ++)
			n += per_cpu[cpu].l3[class].packets;
	free(per_cpu);
	return n;
}

/* ---- measuring ---- */

static double thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Return: nanoseconds a frame. */
static double run(int fd, const uint8_t *frame, size_t len, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = (int)repeat);
	double start = thread_ns();
	int n = bpf_prog_test_run_opts(fd, &opts);

	if (n)
		die("BPF_PROG_TEST_RUN", n);
	return (thread_ns() - start) / repeat;
}

static void print_list(const char *name, const double *ns, int n)
{
	printf(", \"%s\": [", name);
	for (int i = 0; i < n; i++)
		printf("%s%.3f", i ? ", " : "", ns[i]);
	printf("]");
}

static void measure(const struct bench *b, const struct frame_kind *kind, int rounds)
{
	uint64_t before = frames_counted(b), expected = (uint64_t)(rounds + 1) * b->repeat;
	double empty[ROUNDS_MAX], sampler[ROUNDS_MAX];
	uint8_t frame[128];
	size_t len = make_frame(frame, kind);

	run(b->empty_fd, frame, len, b->repeat);
	run(b->sampler_fd, frame, len, b->repeat);
	for (int i = 0; i < rounds; i++) {
		if (i % 2)
			sampler[i] = run(b->sampler_fd, frame, len, b->repeat);
		empty[i] = run(b->empty_fd, frame, len, b->repeat);
		if (!(i % 2))
			sampler[i] = run(b->sampler_fd, frame, len, b->repeat);
	}
	if (frames_counted(b) - before != expected)
		die("sampler_rx has not counted what it was given", EPROTO);
	printf("{\"name\": \"%s\", \"bytes\": %zu", kind->name, len);
	print_list("empty_ns", empty, rounds);
	print_list("sampler_ns", sampler, rounds);
	printf("}");
}

static void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot stay on one CPU", errno);
}

static uint32_t number(const char *text, uint32_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > max) {
		fprintf(stderr, "bench-rx: %s: expected 1 to %u\n", text, max);
		exit(2);
	}
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	struct bench b = {};
	int rounds;

	if (argc != 3) {
		fprintf(stderr, "Usage: bench-rx ROUNDS FRAMES-A-ROUND\n");
		return 2;
	}
	rounds = (int)number(argv[1], ROUNDS_MAX);
	b.repeat = number(argv[2], 1000000000);
	stay_on_this_cpu();
	b.empty_fd = load_empty();
	load_sampler(&b);
	printf("[");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		printf(i ? ",\n" : "");
		measure(&b, &kinds[i], rounds);
	}
	printf("]\n");
	return EXIT_SUCCESS;
}
