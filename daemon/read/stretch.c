// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The epochs of a history, laid on the wall clock.
 *
 * Records carry CLOCK_BOOTTIME, queries come in wall-clock time, and each epoch has one offset
 * between the two. An epoch's records of a ring are a range of numbers within which time only grows,
 * so a time is found by halving. Where two epochs claim the same time, because a clock was set back
 * between them, the later one has it.
 *
 * Nothing that a file says is believed: ranges of numbers are kept within the ring and do not
 * overlap, and what is damaged is as if it were not there.
 */
#include "read/stretch.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>

#define SEARCH_ENDS    64 /* records: a batch or two may be read for nothing */
#define READABLE_TRIES 8  /* records next to one that cannot be read */

/* ---- due times ---- */

/** ring_step() - Return: nominal spacing of a ring's records */
uint64_t ring_step(const struct history_reader *history, enum history_ring ring)
{
	return history_reader_info(history)->ring[ring].step_ns;
}

/* The file's nominal one where the record has none. */
static uint64_t interval_ns(const struct history_reader *history, const struct sample *sample)
{
	return sample_interval_ns(sample) ?: ring_step(history, HISTORY_FINE);
}

/**
 * spacing_ns() - how far apart records are that are taken as this one was
 * @history: an open history
 * @ring: which of its rings
 * @sample: a record
 *
 * A recorder's interval can be changed while it runs, hence each record has its own. Records of a
 * coarse ring are fine ones, so they are never closer than those.
 *
 * Return: the spacing, never 0.
 */
uint64_t spacing_ns(const struct history_reader *history, enum history_ring ring,
		    const struct sample *sample)
{
	uint64_t interval = interval_ns(history, sample);

	return ring == HISTORY_FINE ? interval : larger(interval, ring_step(history, ring));
}

/*
 * When a record was due, on CLOCK_BOOTTIME. Coarse rings also have records of other times, on both
 * sides of a pause and of a change of epoch: those are far from any multiple, and are of their time.
 */
static uint64_t due_ns(const struct history_reader *history, enum history_ring ring,
		       const struct sample *sample)
{
	uint64_t late = sample->boottime_ns % spacing_ns(history, ring, sample);

	return late < 2 * interval_ns(history, sample) ? sample->boottime_ns - late
						       : sample->boottime_ns;
}

/* ---- epochs ---- */

/* Ordinals of the epochs that the file may know, the newest last. */
static int epoch_span(const struct history_reader *history, uint32_t *ret_first,
		      uint32_t *ret_newest)
{
	uint32_t newest = 0;
	int r = history_reader_newest_epoch(history, &newest);

	if (r)
		return r;
	*ret_newest = newest;
	*ret_first = newest >= MAX_EPOCHS ? newest - MAX_EPOCHS + 1 : 1;
	return 0;
}

static void add_stretch(struct stretches *all, const struct history_epoch *epoch,
			enum history_ring ring, uint64_t oldest, uint64_t head)
{
	struct stretch *last = all->n ? &all->stretch[all->n - 1] : NULL;
	uint64_t first = larger(epoch->first_record[ring], last ? last->first : oldest);

	if (first > head)
		first = head;
	if (last)
		last->end = first;
	all->stretch[all->n++] = (struct stretch){
		.ordinal = epoch->ordinal,
		.first = first,
		.end = head,
		.offset_ns = epoch->offset_ns,
		.begin_ns = history_wall_ns(epoch->offset_ns, epoch->first_boottime_ns),
		.services = epoch->source.services,
	};
}

/**
 * next_readable() - the first record from a number on that can be read and is of the stretch
 * @history: an open history
 * @ring: which of its rings
 * @stretch: one of its epochs
 * @number: where to begin; goes on to the record's
 * @ret_sample: the record
 *
 * Return: 0, -ENODATA where none of the next few can be read.
 */
int next_readable(const struct history_reader *history, enum history_ring ring,
		  const struct stretch *stretch, uint64_t *number, struct sample *ret_sample)
{
	for (int tries = 0; tries < READABLE_TRIES && *number < stretch->end; tries++, ++*number) {
		if (!history_read(history, ring, *number, ret_sample) &&
		    ret_sample->epoch == stretch->ordinal)
			return 0;
	}
	return -ENODATA;
}

/** taken_wall_ns() - Return: wall-clock time at which a record of the stretch was taken, 0: no time */
uint64_t taken_wall_ns(const struct stretch *stretch, const struct sample *sample)
{
	uint64_t wall = history_wall_ns(stretch->offset_ns, sample->boottime_ns);

	return wall < MAX_WALL_NS ? wall : 0;
}

/**
 * due_wall_ns() - when a record was due
 * @history: an open history
 * @ring: which of its rings
 * @stretch: the record's epoch
 * @sample: the record
 *
 * Return: wall-clock time, 0 where that is no time.
 */
uint64_t due_wall_ns(const struct history_reader *history, enum history_ring ring,
		     const struct stretch *stretch, const struct sample *sample)
{
	uint64_t due = due_ns(history, ring, sample);
	uint64_t wall = history_wall_ns(stretch->offset_ns, due);

	return wall < MAX_WALL_NS ? wall : 0;
}

/* Is the first readable record from @number on one of a later epoch? */
static bool is_later(const struct history_reader *history, enum history_ring ring,
		     const struct stretch *stretch, uint64_t number)
{
	struct sample sample;

	for (int tries = 0; tries < READABLE_TRIES && number < stretch->end; tries++, number++) {
		if (!history_read(history, ring, number, &sample))
			return sample.epoch > stretch->ordinal;
	}
	return false;
}

/* Take off the records of later epochs, which are there when those epochs' entries are damaged. */
static void trim(const struct history_reader *history, enum history_ring ring,
		 struct stretch *stretch)
{
	uint64_t low = stretch->first, high = stretch->end;

	if (high - low < 2 || !is_later(history, ring, stretch, high - 1))
		return;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (is_later(history, ring, stretch, middle))
			high = middle;
		else
			low = middle;
	}
	stretch->end = high;
}

/*
 * When the newest record of the stretch was due, and taken; 0 where none can be read. One that was
 * taken at once, when the interval became longer, was due before the one before it.
 */
static void find_newest(const struct history_reader *history, enum history_ring ring,
			struct stretch *stretch)
{
	uint64_t n = stretch->end - stretch->first;
	struct sample sample;

	for (uint64_t back = 1; back <= READABLE_TRIES && back <= n; back++) {
		bool known = stretch->newest_ns;

		if (history_read(history, ring, stretch->end - back, &sample) ||
		    sample.epoch != stretch->ordinal)
			continue;
		stretch->newest_ns =
			larger(stretch->newest_ns, due_wall_ns(history, ring, stretch, &sample));
		if (known)
			return;
		stretch->last_ns = history_wall_ns(stretch->offset_ns, sample.boottime_ns);
		stretch->spacing_ns = spacing_ns(history, ring, &sample);
	}
}

/*
 * What a later epoch has of the time of an earlier one. One that begins before it and goes over it
 * needs no rule: the walk, which goes by their begins, is then past the earlier one's time.
 */
static void hide(struct stretch *earlier, const struct stretch *later)
{
	if (later->newest_ns && later->begin_ns >= earlier->begin_ns &&
	    later->begin_ns < earlier->until_ns)
		earlier->until_ns = later->begin_ns;
}

static int by_begin(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->begin_ns < y->begin_ns ? -1 : x->begin_ns > y->begin_ns;
}

static void settle(const struct history_reader *history, enum history_ring ring,
		   struct stretches *all)
{
	for (size_t i = 0; i < all->n; i++) {
		all->stretch[i].until_ns = MAX_WALL_NS;
		trim(history, ring, &all->stretch[i]);
		find_newest(history, ring, &all->stretch[i]);
		for (size_t j = 0; j < i; j++)
			hide(&all->stretch[j], &all->stretch[i]);
	}
	qsort(all->stretch, all->n, sizeof(all->stretch[0]), by_begin);
}

/**
 * find_stretches() - the epochs of a history, as far as a ring has their records
 * @history: an open history
 * @ring: which ring
 * @ret_all: those whose entries are whole, by their begin
 *
 * Return: 0, or what the history cannot be read for.
 */
int find_stretches(const struct history_reader *history, enum history_ring ring,
		   struct stretches *ret_all)
{
	uint32_t first = 1, newest = 0;
	uint64_t head = 0, oldest;
	int r = history_reader_head(history, ring, &head) ?: epoch_span(history, &first, &newest);

	if (r)
		return r;
	oldest = history_oldest(head, history_reader_info(history)->ring[ring].capacity);
	ret_all->n = 0;
	for (uint64_t ordinal = first; ordinal <= newest; ordinal++) {
		struct history_epoch epoch;

		if (!history_reader_epoch(history, (uint32_t)ordinal, &epoch))
			add_stretch(ret_all, &epoch, ring, oldest, head);
	}
	settle(history, ring, ret_all);
	return 0;
}

/* ---- records of an epoch ---- */

/**
 * number_before() - where to begin to read
 * @history: an open history
 * @ring: which of its rings
 * @stretch: one of its epochs
 * @wall_ns: what is due before matters not
 *
 * It goes by when records were taken, which only grows, and is never before they were due.
 *
 * Return: number of a record before all those due at @wall_ns or later, not far from them.
 */
uint64_t number_before(const struct history_reader *history, enum history_ring ring,
		       const struct stretch *stretch, uint64_t wall_ns)
{
	uint64_t low = stretch->first, high = stretch->end;
	struct sample sample;

	while (high - low > SEARCH_ENDS) {
		uint64_t middle = low + (high - low) / 2, number = middle;

		if (next_readable(history, ring, stretch, &number, &sample) ||
		    history_wall_ns(stretch->offset_ns, sample.boottime_ns) >= wall_ns)
			high = middle;
		else
			low = middle;
	}
	return low;
}

/* ---- plan ---- */

static int find_extent(const struct history_reader *history, enum history_ring ring,
		       struct extent *ret_extent)
{
	_cleanup_free_ struct stretches *all = malloc(sizeof(*all));
	struct extent extent = { .oldest_ns = MAX_WALL_NS };
	int r = all ? find_stretches(history, ring, all) : -ENOMEM;

	if (r)
		return r;
	for (size_t i = 0; i < all->n; i++) {
		const struct stretch *stretch = &all->stretch[i];
		uint64_t newest = smaller(stretch->newest_ns, stretch->until_ns), oldest;
		uint64_t first = stretch->first;
		struct sample sample;

		if (!newest || next_readable(history, ring, stretch, &first, &sample))
			continue;
		oldest = history_wall_ns(stretch->offset_ns, sample.boottime_ns);
		extent.known = true;
		if (newest >= extent.newest_ns)
			extent.spacing_ns = stretch->spacing_ns;
		extent.oldest_ns = smaller(extent.oldest_ns, oldest);
		extent.newest_ns = larger(extent.newest_ns, newest);
		extent.last_ns =
			larger(extent.last_ns, smaller(stretch->last_ns, stretch->until_ns));
	}
	*ret_extent = extent;
	return 0;
}

/**
 * find_extents() - what time each ring covers, and how close its records are
 * @history: an open history
 * @ret_extents: HISTORY_N_RINGS of them
 *
 * Return: 0, -ENOMEM, or what the history cannot be read for.
 */
int find_extents(const struct history_reader *history, struct extent *ret_extents)
{
	int r = 0;

	for (int ring = HISTORY_FINE; !r && ring < HISTORY_N_RINGS; ring++)
		r = find_extent(history, ring, &ret_extents[ring]);
	return r;
}
