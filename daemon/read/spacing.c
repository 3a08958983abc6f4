// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How far apart records are, in a piece of a history within which that may have changed.
 *
 * Each record says at which interval it was taken. Steps have to be as wide as the widest spacing
 * that lasted, or many of them would have no record of their own and show as gaps where nothing is
 * missing. A spacing lasted where two records in a row were taken at it: one alone is a change that
 * was taken back before the next tick.
 *
 * An hour has thousands of records and hardly ever more than one interval. So two records are
 * compared: where they are as far apart as their numbers say, all between them are regular, and none
 * of those is read. Where they are not (a change, a tick that was missed, a pause), both halves are
 * looked at in the same way. That reads a few records for each irregularity, whichever they are, so
 * the answer is the same for every query of the same piece.
 */
#include "read/spacing.h"

#include "read/stretch.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdbool.h>

#define MAX_READS  16384 /* of a file in which nothing is regular */
#define LAST_TRIES 8	 /* back from a last record that cannot be read */

/* A record, as far as it matters here. */
struct spot {
	uint64_t number;
	uint64_t spacing_ns;
	uint64_t due_ns; /* wall clock, as the next */
	uint64_t taken_ns;
};

struct search {
	const struct history_reader *history;
	enum history_ring ring;
	uint64_t from_ns;
	uint64_t to_ns;
	const struct stretch *stretch;
	uint64_t widest_ns;
	unsigned int reads;
};

/* The first record from @number on. Return: whether there is one. */
static bool read_spot(struct search *s, uint64_t number, struct spot *ret_spot)
{
	struct sample sample;

	s->reads++;
	if (next_readable(s->history, s->ring, s->stretch, &number, &sample))
		return false;
	*ret_spot = (struct spot){
		.number = number,
		.spacing_ns = spacing_ns(s->history, s->ring, &sample),
		.due_ns = due_wall_ns(s->history, s->ring, s->stretch, &sample),
		.taken_ns = taken_wall_ns(s->stretch, &sample),
	};
	return true;
}

static bool is_regular(const struct spot *a, const struct spot *b)
{
	return a->spacing_ns == b->spacing_ns && b->due_ns > a->due_ns &&
	       (b->due_ns - a->due_ns) / a->spacing_ns == b->number - a->number;
}

/* What is between two records, @a before @b. */
static void look_between(struct search *s, const struct spot *a, const struct spot *b)
{
	uint64_t n = b->number - a->number;
	struct spot middle;

	if (b->taken_ns <= s->from_ns || a->taken_ns >= s->to_ns)
		return;
	if (n == 1 || is_regular(a, b) || s->reads >= MAX_READS ||
	    !read_spot(s, a->number + n / 2, &middle) || middle.number >= b->number) {
		s->widest_ns = larger(s->widest_ns, smaller(a->spacing_ns, b->spacing_ns));
		return;
	}
	look_between(s, a, &middle);
	look_between(s, &middle, b);
}

static void look_at_stretch(struct search *s, const struct stretch *stretch)
{
	struct spot first, last;
	s->stretch = stretch;
	if (!stretch->until_ns || !read_spot(s, stretch->first, &first))
		return;
	for (uint64_t back = 1; back <= LAST_TRIES && stretch->end - back > first.number; back++) {
		if (!read_spot(s, stretch->end - back, &last))
			continue;
		look_between(s, &first, &last);
		return;
	}
}

/**
 * find_widest_spacing() - how far apart the records of a piece of a history are at most
 * @history: an open history
 * @ring: which of its rings
 * @from_ns: wall-clock time at which the piece begins
 * @to_ns: and ends
 * @ret_spacing_ns: the widest spacing at which two records in a row were taken; pauses are none
 *
 * Return: 0, -ENODATA where it has no two records in a row, -ENOMEM, or what the history cannot be
 * read for.
 */
int find_widest_spacing(const struct history_reader *history, enum history_ring ring,
			uint64_t from_ns, uint64_t to_ns, uint64_t *ret_spacing_ns)
{
	_cleanup_free_ struct stretches *all = malloc(sizeof(*all));
	struct search s = { .history = history, .ring = ring, .from_ns = from_ns, .to_ns = to_ns };
	int r = all ? find_stretches(history, ring, all) : -ENOMEM;

	if (r)
		return r;
	for (size_t i = 0; i < all->n; i++)
		look_at_stretch(&s, &all->stretch[i]);
	if (!s.widest_ns)
		return -ENODATA;
	*ret_spacing_ns = s.widest_ns;
	return 0;
}
