/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_TEST_RUNNER_H
#define SAMPLER_TEST_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler_abi.h"

#define RUNNER_GENERATION 7

/* Of sampler_tx, for which the kernel takes one page. */
#define RUNNER_TX_MAX 3500

struct sampler_bpf;
struct __sk_buff;

/* The loaded programs and their maps; owns all of them. */
struct runner {
	struct sampler_bpf *skel;
	enum sampler_direction direction; /* of the program that runs: rx, or DIRECTION=tx */
	const struct __sk_buff *sent_as;  /* what sampler_tx is told of a frame; NULL: nothing */
	int prog_fd, counters_fd, control_fd, ports_fd;
	int n_cpus;
	bool can_split;			  /* the kernel takes the linear part's size from us */
	struct sampler_counters *per_cpu; /* one read of one direction */
	struct sampler_counters before[SAMPLER_N_DIRECTIONS];
	struct sampler_port_table *ports; /* the tests' table, in both slots after runner_open() */
};

void runner_open(struct runner *ret);
void runner_close(struct runner *r);
void runner_choose(struct runner *r, enum sampler_direction direction);
uint32_t runner_verdict(const struct runner *r);
bool runner_takes(enum sampler_direction direction, const uint8_t *frame, size_t len);
enum sampler_direction runner_direction(void);
int runner_run(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear, uint32_t *ret);
void runner_delta(struct runner *r, enum sampler_direction direction, struct sampler_counters *ret);
void runner_control(struct runner *r, uint32_t generation, uint32_t port_table);
void runner_ports(struct runner *r, uint32_t slot, const struct sampler_port_table *ports);

bool runner_count(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear,
		  struct sampler_counters *ret);
bool runner_equal(const struct sampler_counters *expected, const struct sampler_counters *got);
bool runner_agrees(struct runner *r, const uint8_t *frame, size_t len, uint32_t linear);
int runner_each_frame(const char *name, void (*test)(void **state), int (*end)(void **state));
void runner_hex(const uint8_t *frame, size_t len);
void test_skip_all(const char *reason) __attribute__((noreturn));

#endif
