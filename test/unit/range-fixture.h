/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of read/range.c share: a history that is written and asked for as a story goes on. */
#ifndef SAMPLER_TEST_RANGE_FIXTURE_H
#define SAMPLER_TEST_RANGE_FIXTURE_H

#include "history-fixture.h"

#include "read/range.h"
#include "util/clock.h"

#include <stdbool.h>

#define SEC	  NSEC_PER_SEC
#define DAY_2026  (1767225600ULL * SEC) /* 2026-01-01, a multiple of 5 min */
#define MAX_STEPS 4200

/* A history that is being written, and what is read from it. */
struct story {
	struct fixture *f;
	struct history_writer *w;
	uint64_t offset_ns; /* REALTIME - BOOTTIME */
	uint64_t counters_id;
	uint64_t jitter_ns; /* records come late by less than that */
	uint64_t seed;
	uint32_t flags;
	uint64_t
		tx_since_ns; /* boot time from which transmitted packets are counted, with SAMPLE_TX */
	uint64_t interval_ns; /* that records say they were taken at; 0: none */
	uint64_t now_ns;      /* of queries */
	struct range range;
	size_t n;
	struct step {
		uint64_t end_ns;
		bool known;
		bool partial;
		uint64_t packets;
		bool tx_known;
		uint64_t interval_ns;
		bool vlan_unknown;
		char service[SAMPLER_NAME_MAX];
	} step[MAX_STEPS];
};

struct story *begin_story(void **state);
void end_story(struct story *s);
void record_at(struct story *s, uint64_t boottime_ns);
void record(struct story *s, uint64_t first, uint64_t last);
void record_each(struct story *s, double first, double last, uint64_t interval_ns);
void ask(struct story *s, double from, double to, uint64_t step_ns, size_t max_steps);
const struct step *step_ending(const struct story *s, uint64_t second);
size_t count_known(const struct story *s);
void expect_one_run(const struct story *s, size_t n);
uint64_t sum_of_packets(const struct story *s);

#endif
