/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of store/ share: a directory for one history, and small files in it. */
#ifndef SAMPLER_TEST_HISTORY_FIXTURE_H
#define SAMPLER_TEST_HISTORY_FIXTURE_H

#include "unit.h"

#include "store/history-format.h"

#define FINE   16 /* records of the small geometry */
#define MEDIUM 8
#define COARSE 4

extern const struct history_geometry small;
extern const struct history_source source;

/* A directory of the test's own, and what it needs to open files there. */
struct fixture {
	char dir[64];
	struct history_place place;
	struct error err;
};

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int setup(void **state);
const char *path_of(const struct fixture *f, const char *suffix);
int teardown(void **state);
struct history_writer *open_writer(struct fixture *f, const struct history_geometry *g);
struct history_reader *open_reader(struct fixture *f);
struct sample at(uint64_t t);
void append(struct history_writer *w, uint64_t t);
void begin(struct history_writer *w, uint64_t t, int expected);
void assert_sample(const struct sample *s, uint64_t t, uint32_t epoch);
void assert_record(struct history_reader *r, enum history_ring ring, uint64_t number, uint64_t t,
		   uint32_t epoch);
int read_error(struct history_reader *r, enum history_ring ring, uint64_t number);
uint64_t head_of(struct history_reader *r, enum history_ring ring);
void make_history(struct fixture *f, uint64_t n);
int open_raw(struct fixture *f);
void poke(struct fixture *f, uint64_t offset, const void *data, size_t size);
void peek(struct fixture *f, uint64_t offset, void *data, size_t size);
void poke_head(struct fixture *f, enum history_ring ring, uint64_t head);
uint64_t fine_slot(uint64_t number);
void poke_constant(struct fixture *f, size_t offset, const void *data, size_t size);
uint64_t random64(uint64_t *seed);
int run_in_child(struct fixture *f, int (*function)(struct fixture *));

#endif
