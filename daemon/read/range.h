/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A stretch of an interface's history in equal steps: the rates of each, or that nobody knows them.
 */
#ifndef SAMPLER_READ_RANGE_H
#define SAMPLER_READ_RANGE_H

#include "model/rates.h"
#include "store/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wall-clock times. */
struct range_query {
	uint64_t from_ns;
	uint64_t to_ns;	  /* above from_ns; not in the future */
	uint64_t step_ns; /* as asked for, 0: the finest that fits */
	size_t max_steps; /* the step grows until there are no more */
	uint64_t now_ns;  /* where not 0: one whole step is told that is longer than from to to */
};

/* What a query comes to. Steps end at multiples of step_ns on the wall clock. */
struct range {
	enum history_ring ring;
	uint64_t resolution_ns; /* spacing of the records used, where they are farthest apart */
	uint64_t step_ns;
	uint64_t first_end_ns; /* wall-clock time at which the first step ends */
	size_t n_steps;
};

struct range_step {
	uint64_t end_ns;	   /* wall clock */
	const struct delta *delta; /* what was counted in it; NULL: a gap, or another epoch began */
	uint64_t from_boottime_ns; /* of the two samples that delta is between */
	bool partial;		   /* delta is of less than half the step: no rate for it */
	bool vlan_unknown;	   /* tags were stripped before XDP could see them */
	const char (*services)[SAMPLER_NAME_MAX]; /* names by slot; NULL where delta is */
};

/* Called for each step in turn, gaps too. Anything but 0 ends the walk. */
typedef int (*range_fn)(const struct range_step *step, void *user);

int range_extent(const struct history_reader *history, uint64_t *ret_from_ns, uint64_t *ret_to_ns);
int range_ends(const struct history_reader *history, uint64_t *ret_from_ns, uint64_t *ret_to_ns);
int range_plan(const struct history_reader *history, const struct range_query *query,
	       struct range *ret_range);
int range_for_each(const struct history_reader *history, const struct range *range, range_fn fn,
		   void *user);

#endif
