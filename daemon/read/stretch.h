/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The epochs of a history on the wall clock, and when records were due: internal to read/. */
#ifndef SAMPLER_READ_STRETCH_H
#define SAMPLER_READ_STRETCH_H

#include "store/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_EPOCHS  128
#define MAX_WALL_NS (1ULL << 62) /* in the year 2116: beyond it no clock is believed */

/* An epoch's records of one ring, and the wall-clock time that is its own. */
struct stretch {
	uint32_t ordinal;
	uint64_t first; /* number of its first record, and of the first that is not its */
	uint64_t end;
	uint64_t offset_ns;
	uint64_t begin_ns;  /* wall-clock time of its first and its newest record */
	uint64_t newest_ns; /* 0: none can be read */
	uint64_t until_ns; /* records due from this wall-clock time on are hidden by later epochs */
	struct history_services services;
};

struct stretches {
	size_t n;
	struct stretch stretch[MAX_EPOCHS]; /* by their begin */
};

/* The wall-clock times of the oldest and the newest record of a ring, and how close they are. */
struct extent {
	bool known;
	uint64_t spacing_ns;
	uint64_t oldest_ns;
	uint64_t newest_ns;
};

static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t ring_step(const struct history_reader *history, enum history_ring ring);
uint64_t due_wall_ns(const struct history_reader *history, enum history_ring ring,
		     const struct stretch *stretch, const struct sample *sample);
uint64_t number_before(const struct history_reader *history, enum history_ring ring,
		       const struct stretch *stretch, uint64_t wall_ns);
int find_stretches(const struct history_reader *history, enum history_ring ring,
		   struct stretches *ret_all);
int find_extents(const struct history_reader *history, struct extent *ret_extents);

#endif
