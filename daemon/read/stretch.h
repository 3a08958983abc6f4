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
	/* Wall-clock times: */
	uint64_t begin_ns;  /* of its first record */
	uint64_t newest_ns; /* at which its newest record was due, 0: none can be read */
	uint64_t last_ns;   /* at which that was taken */
	uint64_t until_ns;  /* from which on its records are hidden by later epochs */

	uint64_t spacing_ns; /* of its newest records */
	struct history_services services;
};

struct stretches {
	size_t n;
	struct stretch stretch[MAX_EPOCHS]; /* by their begin */
};

/* The wall-clock times of a ring's oldest and newest record, and how far apart records are. */
struct extent {
	bool known;
	uint64_t spacing_ns; /* of the newest records: it can have been another before */
	uint64_t oldest_ns;
	uint64_t newest_ns; /* when it was due */
	uint64_t last_ns;   /* when it was taken */
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
uint64_t spacing_ns(const struct history_reader *history, enum history_ring ring,
		    const struct sample *sample);
int next_readable(const struct history_reader *history, enum history_ring ring,
		  const struct stretch *stretch, uint64_t *number, struct sample *ret_sample);
uint64_t taken_wall_ns(const struct stretch *stretch, const struct sample *sample);
uint64_t due_wall_ns(const struct history_reader *history, enum history_ring ring,
		     const struct stretch *stretch, const struct sample *sample);
uint64_t number_before(const struct history_reader *history, enum history_ring ring,
		       const struct stretch *stretch, uint64_t wall_ns);
int find_stretches(const struct history_reader *history, enum history_ring ring,
		   struct stretches *ret_all);
int find_extents(const struct history_reader *history, struct extent *ret_extents);

#endif
