// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Steps of a history: which records stand at their boundaries, and what was counted between.
 *
 * Records are cumulative, so one record stands for each boundary between two steps, and a step is
 * the difference of the two records at its ends. As both neighbours of a boundary use the same
 * record, steps that follow each other without a gap add up to exactly the difference of the first
 * and the last record: nothing is lost, nothing doubled. A rate is always over the real time between
 * the two records, so it is right also where they do not lie exactly on the boundaries.
 *
 * How long. The interval of a recorder can be changed while it runs. A step is never shorter than the
 * widest spacing that lasted in the asked time (spacing.c): shorter ones would have no records of
 * their own there, and counts cannot be shared out among steps without making some up. So a piece with
 * records each second and each two seconds is told in steps of two seconds, throughout.
 *
 * Which record. A recorder's ticks are at multiples of its interval on CLOCK_BOOTTIME and come late,
 * never early, but steps end at multiples of their length on the wall clock. Taken as they are, a few
 * milliseconds of lateness would move a record now into one step, now into the next. So a record counts
 * as of the multiple (of its interval, or of the ring's step) that it was due at; this "due time" has
 * no jitter.
 * Of several records that were due at the same time (one taken at a stop, one at a start) the first
 * is meant. A boundary takes the record whose due time on the wall clock is nearest to it, and not
 * farther away than half the ring's spacing, or than a quarter of the step where that is more. Hence
 * every boundary has its record while records come regularly, at whatever phase.
 *
 * What is unknown. A boundary that has no record makes the steps on both of its sides unknown. A
 * step in which nothing was recorded for longer than half of it (and than the ring's spacing) is
 * unknown: the machine may have slept, and sleep is not a low rate. A single tick that was missed in
 * a long step is no gap, since the next record has what it would have counted. Records of two epochs
 * are never compared. What was transmitted is unknown in a step with a record that does not count it.
 *
 * Where an epoch begins or ends within a step that has no records of another, its first or last
 * record stands for the boundary, so that also these counts are in a step. One that is known for less
 * than half of its length is marked as partial: its rate is not the step's.
 *
 * Wall-clock times are those of each epoch's latest offset. Where a clock was set back between two
 * epochs, so that both claim the same time, the later epoch has it. Steps whose last record may still come are
 * not shown; steps that nobody recorded are shown as gaps up to the end of the query.
 *
 * What is read. Of a step that has many records, only those around its ends are: where two records are as
 * far apart as their numbers say, all between them are regular, and no hole is there to be found. (That
 * what is transmitted was not counted for a while among them is not seen.)
 *
 * Everything in a file may be damaged or hostile: numbers are kept within the ring and only go up,
 * so that no query reads more records than a ring holds, and each record must be of the epoch and
 * later than the one before.
 */
#include "read/range.h"

#include "read/spacing.h"
#include "read/stretch.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define BATCH		 32 /* records a read */
#define PENDING_SLACK_NS NSEC_PER_SEC
#define SKIP_AGAIN	 (16 * BATCH) /* records behind which to look anew for regular ones */
#define NEAR_TRIES	 8	      /* records next to one that cannot be read */

/* ---- plan ---- */

/**
 * range_extent() - what time a history covers
 * @history: an open history
 * @ret_from_ns: wall-clock time of its oldest record
 * @ret_to_ns: of its newest
 *
 * Return: 0, -ENODATA where it has no record that can be read, or another negative errno.
 */
int range_extent(const struct history_reader *history, uint64_t *ret_from_ns, uint64_t *ret_to_ns)
{
	struct extent extents[HISTORY_N_RINGS];
	uint64_t from = MAX_WALL_NS, to = 0;
	int r = find_extents(history, extents);

	if (r)
		return r;
	for (int i = HISTORY_FINE; i < HISTORY_N_RINGS; i++) {
		if (!extents[i].known)
			continue;
		from = smaller(from, extents[i].oldest_ns);
		to = larger(to, extents[i].last_ns);
	}
	if (!to)
		return -ENODATA;
	*ret_from_ns = from;
	*ret_to_ns = to;
	return 0;
}

/* Wall-clock time of the first record that can be read in a direction; 0: none of the next few can. */
static uint64_t wall_near(const struct history_reader *history, enum history_ring ring,
			  uint64_t number, int direction)
{
	struct history_epoch epoch;
	struct sample sample;

	for (int tries = 0; tries < NEAR_TRIES; tries++, number += (uint64_t)direction) {
		if (history_read(history, ring, number, &sample) ||
		    history_reader_epoch(history, sample.epoch, &epoch))
			continue;
		return history_wall_ns(epoch.offset_ns, sample.boottime_ns);
	}
	return 0;
}

/**
 * range_ends() - when the oldest record was taken, and the newest
 * @history: an open history
 * @ret_from_ns: wall-clock time
 * @ret_to_ns: wall-clock time
 *
 * As range_extent() where no clock was set back between two epochs, and a hundred times cheaper where
 * there are many.
 *
 * Return: 0, -ENODATA where it has no record that can be read, or another negative errno.
 */
int range_ends(const struct history_reader *history, uint64_t *ret_from_ns, uint64_t *ret_to_ns)
{
	uint64_t from = MAX_WALL_NS, to = 0;

	for (int ring = HISTORY_FINE; ring < HISTORY_N_RINGS; ring++) {
		uint64_t capacity = history_reader_info(history)->ring[ring].capacity, head, first;
		int r = history_reader_head(history, ring, &head);

		if (r)
			return r;
		first = head ? wall_near(history, ring, history_oldest(head, capacity), 1) : 0;
		if (!first)
			continue;
		from = smaller(from, first);
		to = larger(to, wall_near(history, ring, head - 1, -1));
	}
	if (!to)
		return -ENODATA;
	*ret_from_ns = smaller(from, to);
	*ret_to_ns = to;
	return 0;
}

/*
 * The finest ring that reaches back to @from_ns, or as far as any does. One that has far more
 * records than the steps need gives way to a coarser one that is still fine enough.
 */
static enum history_ring choose_ring(const struct extent *extents, uint64_t from_ns,
				     uint64_t step_ns)
{
	uint64_t oldest = UINT64_MAX;
	enum history_ring best = HISTORY_N_RINGS;

	for (int i = HISTORY_FINE; i < HISTORY_N_RINGS; i++) {
		if (extents[i].known && extents[i].oldest_ns < oldest)
			oldest = extents[i].oldest_ns;
	}
	oldest = larger(oldest, from_ns);
	for (int i = HISTORY_FINE; i < HISTORY_N_RINGS; i++) {
		if (!extents[i].known || extents[i].oldest_ns > oldest + extents[i].spacing_ns)
			continue;
		if (best == HISTORY_N_RINGS || (step_ns / extents[best].spacing_ns > 64 &&
						step_ns / extents[i].spacing_ns >= 4))
			best = i;
	}
	return best == HISTORY_N_RINGS ? HISTORY_FINE : best;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* Steps from the one that @from_ns is in up to the last that ends by @to_ns. */
static size_t count_steps(uint64_t from_ns, uint64_t to_ns, uint64_t step_ns)
{
	return to_ns / step_ns - from_ns / step_ns;
}

static uint64_t choose_step(const struct range_query *query, uint64_t record_spacing)
{
	uint64_t step = larger(query->step_ns, record_spacing);

	if (count_steps(query->from_ns, query->to_ns, step) <= query->max_steps)
		return step;
	step = round_up((query->to_ns - query->from_ns) / query->max_steps, record_spacing);
	step = larger(step, record_spacing);
	while (count_steps(query->from_ns, query->to_ns, step) > query->max_steps)
		step += round_up(step / query->max_steps + 1, record_spacing);
	return step;
}

/*
 * The last moment of which all records are there. A recorder that is at work has records to come
 * for what is later; two spacings after its newest record it is not at work.
 */
static uint64_t known_until(const struct extent *extent, uint64_t to_ns, uint64_t record_spacing)
{
	uint64_t newest = extent->newest_ns;

	if (!extent->known ||
	    to_ns > newest + 2 * larger(extent->spacing_ns, record_spacing) + PENDING_SLACK_NS)
		return to_ns;
	return smaller(newest + (record_spacing - 1) / 2, to_ns);
}

static int find_resolution(const struct history_reader *history, const struct extent *extent,
			   const struct range_query *query, struct range *range)
{
	int r = find_widest_spacing(history, range->ring, query->from_ns, query->to_ns,
				    &range->resolution_ns);

	if (r != -ENODATA)
		return r;
	range->resolution_ns = extent->known ? extent->spacing_ns : ring_step(history, range->ring);
	return 0;
}

/* How many steps end by the end of the query, as far as all of their records are there. */
static size_t known_steps(const struct extent *extent, const struct range_query *query,
			  const struct range *range)
{
	uint64_t first_end = range->first_end_ns, step = range->step_ns;
	uint64_t until = known_until(extent, query->to_ns, range->resolution_ns);
	size_t n = until > query->from_ns ? count_steps(query->from_ns, until, step) : 0;

	if (n || first_end > query->now_ns)
		return n;
	return known_until(extent, first_end, range->resolution_ns) == first_end;
}

/**
 * range_plan() - settle which records a query is answered from, and in which steps
 * @history: an open history
 * @query: from_ns below to_ns below 2^62, max_steps above 0
 * @ret_range: the plan; the first step begins at or before from_ns, the last ends at or before to_ns,
 * but for a single step that the query is within
 *
 * The ring is the finest that reaches back to from_ns, or as far as the history does. The step is
 * the one that was asked for, or wider where records are too far apart or steps too many.
 *
 * Return: 0, -EINVAL for an impossible query, -ENOMEM, or what the history cannot be read for.
 */
int range_plan(const struct history_reader *history, const struct range_query *query,
	       struct range *ret_range)
{
	struct extent extents[HISTORY_N_RINGS];
	struct range range = { .n_steps = 0 };
	uint64_t least;
	int r;

	if (query->from_ns >= query->to_ns || query->to_ns >= MAX_WALL_NS || !query->max_steps ||
	    query->step_ns >= MAX_WALL_NS)
		return -EINVAL;
	r = find_extents(history, extents);
	if (r)
		return r;
	least = larger(query->step_ns, (query->to_ns - query->from_ns) / query->max_steps);
	range.ring = choose_ring(extents, query->from_ns, least);
	r = find_resolution(history, &extents[range.ring], query, &range);
	if (r)
		return r;
	range.step_ns = choose_step(query, range.resolution_ns);
	range.first_end_ns = (query->from_ns / range.step_ns + 1) * range.step_ns;
	range.n_steps = known_steps(&extents[range.ring], query, &range);
	*ret_range = range;
	return 0;
}

/* ---- walk ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* What was seen from one record to another. */
struct between {
	uint64_t hole_ns; /* in which nothing was recorded, at most */
	uint32_t unknown; /* unknown_in() any of the records */
};

/* A record, and what was seen before it since the last boundary's. */
struct mark {
	bool there;
	struct sample sample;
	uint64_t due_ns; /* wall clock */
	struct between before;
	uint64_t number;
	const struct stretch *stretch;
};

struct walk {
	const struct range *range;
	const struct history_reader *history;
	uint64_t window_ns;   /* a boundary's record is not farther away */
	uint64_t max_hole_ns; /* within a step */
	range_fn fn;
	void *user;
	size_t boundary;	/* the one that is looked for: 0 is where the first step begins */
	struct mark begin, end; /* records at the boundary before it, and at it as far as seen */
	struct between since;	/* begin's record, or end's where that is there */
	struct mark last;	/* the last record taken */
	uint64_t skip_from;	/* number before which skip_regular() has found nothing to skip */
};

/* What a sample says nothing of, by its flags: SAMPLE_VLAN_STRIPPED, SAMPLE_TX. */
static uint32_t unknown_in(const struct sample *sample)
{
	return (sample->flags ^ SAMPLE_TX) & (SAMPLE_VLAN_STRIPPED | SAMPLE_TX);
}

static uint64_t boundary_ns(const struct walk *w)
{
	return w->range->first_end_ns + (w->boundary - 1) * w->range->step_ns;
}

static void fill_step(const struct walk *w, const struct mark *end, struct delta *delta,
		      struct range_step *step)
{
	const struct mark *begin = &w->begin;

	uint32_t unknown = unknown_in(&begin->sample) | end->before.unknown;

	if (!begin->there || !end->there || end->before.hole_ns > w->max_hole_ns ||
	    rates_between(&begin->sample, &end->sample, delta))
		return;
	if (unknown & SAMPLE_TX)
		rates_forget(delta, SAMPLER_TX);
	step->delta = delta;
	step->from_boottime_ns = begin->sample.boottime_ns;
	step->partial = delta->interval_ns < w->range->step_ns / 2;
	step->vlan_unknown = unknown & SAMPLE_VLAN_STRIPPED;
	step->services = end->stretch->services.name;
}

/*
 * No later record can be the boundary's: tell the step that ends there, and go on to the next.
 * @next is the epoch that the walk is in by now, NULL at its end.
 */
static int close_boundary(struct walk *w, const struct stretch *next)
{
	struct range_step step = { .end_ns = boundary_ns(w) };
	const struct mark *end = &w->end;
	struct delta delta;
	int r = 0;

	if (!end->there && w->last.there && w->last.stretch != next) {
		w->last.before = w->since;
		end = &w->last; /* with it its epoch ended; one before begin's gives no delta */
	}
	if (w->boundary > 0) {
		fill_step(w, end, &delta, &step);
		r = w->fn(&step, w->user);
	}
	w->begin = w->end;
	w->end.there = false;
	w->boundary++;
	return r;
}

static bool finished(const struct walk *w)
{
	return w->boundary > w->range->n_steps;
}

static void note_hole(struct walk *w, const struct stretch *stretch, uint64_t due)
{
	if (w->last.there && w->last.stretch == stretch && due - w->last.due_ns > w->since.hole_ns)
		w->since.hole_ns = due - w->last.due_ns;
}

/* An epoch that begins within a step, and has it for itself, begins it. */
static void begin_within(struct walk *w, const struct mark *first)
{
	if (w->begin.there || !w->boundary ||
	    (w->last.there && w->last.due_ns > boundary_ns(w) - w->range->step_ns))
		return;
	w->begin = *first;
	w->since = (struct between){ 0 };
}

/* A record of which the boundary has none that is nearer. */
static void end_with(struct walk *w, const struct mark *mark)
{
	uint64_t boundary = boundary_ns(w);
	struct between before = w->since;

	if (distance(mark->due_ns, boundary) > w->window_ns ||
	    (w->end.there && distance(mark->due_ns, boundary) > distance(w->end.due_ns, boundary)))
		return;
	if (w->end.there) {
		before.hole_ns = larger(before.hole_ns, w->end.before.hole_ns);
		before.unknown |= w->end.before.unknown;
	}
	w->end = *mark;
	w->end.before = before;
	w->since = (struct between){ 0 };
}

/* One record, in order. Return: 0, or what ended the walk. */
static int take(struct walk *w, const struct stretch *stretch, uint64_t number,
		const struct sample *sample)
{
	struct mark mark = {
		.there = true,
		.sample = *sample,
		.due_ns = due_wall_ns(w->history, w->range->ring, stretch, sample),
		.number = number,
		.stretch = stretch,
	};
	int r = 0;

	if (!mark.due_ns || mark.due_ns >= stretch->until_ns)
		return 0;
	if (w->last.there && w->last.stretch == stretch && mark.due_ns <= w->last.due_ns) {
		w->last.sample = *sample; /* its epoch may end with it */
		w->last.number = number;
		w->since.unknown |= unknown_in(sample);
		return 0;
	}
	note_hole(w, stretch, mark.due_ns);
	while (!r && !finished(w) && mark.due_ns > boundary_ns(w) + w->window_ns)
		r = close_boundary(w, stretch);
	if (r || finished(w))
		return r;
	w->since.unknown |= unknown_in(sample);
	if (number == stretch->first)
		begin_within(w, &mark);
	end_with(w, &mark);
	w->last = mark;
	return 0;
}

/*
 * The next moment of which a record matters: the boundary, or, where that has its record, the one from
 * which on it cannot get another.
 */
static uint64_t next_needed_ns(const struct walk *w)
{
	uint64_t boundary = boundary_ns(w);

	return w->end.there && w->last.due_ns >= boundary ? boundary + w->window_ns : boundary;
}

/*
 * Go over records that are regular: on to one that is due a little before the next moment that matters,
 * as if the one before it had been the last. Where not all are, try half as far.
 * Return: number of the record to go on with.
 */
static uint64_t skip_regular(struct walk *w, const struct stretch *stretch, uint64_t number)
{
	const enum history_ring ring = w->range->ring;
	struct mark *last = &w->last;
	uint64_t spacing, needed = next_needed_ns(w), n;
	struct sample sample;

	if (!last->there || last->stretch != stretch || last->number + 1 != number ||
	    number < w->skip_from)
		return number;
	spacing = spacing_ns(w->history, ring, &last->sample);
	n = needed > last->due_ns ? (needed - last->due_ns) / spacing : 0;
	n = smaller(n, stretch->end - number);
	for (; n > 2 * BATCH; n /= 2) {
		uint64_t there = last->number + n - BATCH / 2;
		uint64_t due = last->due_ns + (there - last->number) * spacing;

		if (history_read(w->history, ring, there, &sample) ||
		    sample.epoch != stretch->ordinal ||
		    spacing_ns(w->history, ring, &sample) != spacing ||
		    due_wall_ns(w->history, ring, stretch, &sample) != due)
			continue;
		last->number = there - 1;
		last->due_ns = due - spacing;
		return there;
	}
	w->skip_from = number + SKIP_AGAIN;
	return number;
}

/* The records of an epoch from the first that can matter on. */
static int walk_stretch(struct walk *w, const struct stretch *stretch)
{
	const enum history_ring ring = w->range->ring;
	uint64_t begin = boundary_ns(w), n;
	struct sample samples[BATCH];
	int r = 0;

	if (!stretch->until_ns || stretch->newest_ns + w->window_ns < begin)
		return 0;
	begin -= smaller(begin, w->window_ns);
	w->skip_from = 0;
	n = number_before(w->history, ring, stretch, begin);
	while (!r && !finished(w) && n < stretch->end) {
		size_t count;

		n = skip_regular(w, stretch, n);
		count = smaller(BATCH, stretch->end - n);
		r = history_read_range(w->history, ring, n, count, samples);
		if (r < 0)
			return r;
		r = 0;
		for (size_t i = 0; !r && i < count && !finished(w); i++) {
			if (samples[i].epoch == stretch->ordinal)
				r = take(w, stretch, n + i, &samples[i]);
		}
		n += count;
	}
	return r;
}

/**
 * range_for_each() - walk over the steps of a plan, the earliest first
 * @history: the history that was planned for
 * @range: the plan
 * @fn: called for each of its steps, also those of which nothing is known
 * @user: handed to @fn
 *
 * Return: 0, what @fn returned when that was not 0, -ENOMEM, or what the history cannot be read for.
 */
int range_for_each(const struct history_reader *history, const struct range *range, range_fn fn,
		   void *user)
{
	_cleanup_free_ struct stretches *all = malloc(sizeof(*all));
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	const uint64_t record_spacing = range->resolution_ns;
	int r = all && w ? find_stretches(history, range->ring, all) : -ENOMEM;

	if (r || !range->n_steps)
		return r;
	*w = (struct walk){
		.range = range,
		.history = history,
		.window_ns = larger(record_spacing / 2, range->step_ns / 4),
		.max_hole_ns = larger(record_spacing, range->step_ns / 2),
		.fn = fn,
		.user = user,
	};
	for (size_t i = 0; !r && i < all->n && !finished(w); i++)
		r = walk_stretch(w, &all->stretch[i]);
	while (!r && !finished(w))
		r = close_boundary(w, NULL);
	return r;
}
