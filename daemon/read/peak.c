// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The highest bandwidth of several interfaces together.
 *
 * Peaks of different moments must not be added: one link's may have been at noon, the other's at
 * night. So the histories are laid over each other in steps of the same length, the rates of each
 * step are added, and the highest sum counts. What the fine ring has is searched in its steps, what
 * is older in coarser ones, where a short peak is flattened. An interface of which a step knows
 * nothing counts as nothing there, so the peak is one that was reached at least.
 *
 * That reads all histories, so it is done when it is first asked for and whenever another counter
 * joins or goes; after that only what has come since is searched, and that at most every 30 s. The
 * caller serves others meanwhile: a search that takes long goes on over several refreshes, and until it
 * ends the peak is that of what has been searched.
 *
 * The highest peak that one of them had by itself, which its recorder has kept at full resolution, was
 * reached by all together as well; so it counts, too.
 */
#include "read/peak.h"

#include "model/counters.h"
#include "model/layout.h"
#include "read/catalog.h"
#include "read/range.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define REFRESH_NS (30 * NSEC_PER_SEC)
#define OVERLAP_NS (600 * NSEC_PER_SEC) /* two coarse steps: what was not complete the last time */
#define MAX_STEPS  4200
#define HOUR_NS	   (3600 * NSEC_PER_SEC)
#define AT_ONCE	   48			/* histories that are read in one refresh, at most */
#define AT_ONCE_NS (20 * NSEC_PER_MSEC) /* of CPU; a history that is begun is read to its end */

/* From the finest to the coarsest: an hour, a day, and all that the counters have. */
static const uint64_t ages[] = { 0, HOUR_NS, 24 * HOUR_NS, 15 * 24 * HOUR_NS };

/* A stretch of wall-clock time in equal steps, and the sum of the rates of each. */
struct grid {
	uint64_t step_ns;
	uint64_t first_end_ns;
	size_t n_steps;
	uint64_t since_ns; /* of the interface being added: what is older is of other counters */
	double bits_per_s[SAMPLER_N_DIRECTIONS][MAX_STEPS];
};

/* What a refresh may do yet. */
struct budget {
	size_t histories;
	uint64_t until_ns; /* CLOCK_THREAD_CPUTIME_ID */
};

/* A search that is under way. */
struct peak_search {
	uint64_t offset_ns; /* REALTIME - BOOTTIME, modulo 2^64 */
	size_t n_windows;
	struct range_query window[array_size(ages) - 1];
	size_t done;	  /* windows */
	size_t n_in_grid; /* interfaces that the grid of the next one has already */
	struct grid grid;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool counts(const struct feed *feed)
{
	return feed->source == FEED_RECORDS || feed->source == FEED_COUNTERS;
}

static bool searchable(const struct feed *feed)
{
	return counts(feed) && feed->history;
}

static int add_step(const struct range_step *step, void *user)
{
	struct grid *grid = user;
	size_t i = (step->end_ns - grid->first_end_ns) / grid->step_ns;

	if (!step->delta || step->partial || step->end_ns < grid->first_end_ns ||
	    i >= grid->n_steps || step->end_ns <= grid->since_ns)
		return 0;
	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++)
		grid->bits_per_s[d][i] +=
			delta_bits_per_s(step->delta, counters_total(&step->delta->direction[d]));
	return 0;
}

/* The step that all histories can give: the widest of those that each would take. */
static uint64_t common_step(const struct catalog *catalog, const struct range_query *query)
{
	uint64_t step = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		struct range range;

		if (searchable(catalog->feed[i]) &&
		    !range_plan(catalog->feed[i]->history, query, &range) && range.step_ns > step)
			step = range.step_ns;
	}
	return step;
}

static void add_history(struct peak_search *s, const struct feed *feed)
{
	struct range range;

	if (!searchable(feed))
		return;
	s->grid.since_ns = s->offset_ns + feed->meta.epoch_boottime_ns;
	/* What cannot be read adds nothing; another request will tell why. */
	if (!range_plan(feed->history, &s->window[s->done], &range) &&
	    range.step_ns == s->grid.step_ns)
		(void)range_for_each(feed->history, &range, add_step, &s->grid);
}

static void find_highest(const struct grid *grid, enum sampler_direction direction,
			 struct peak_moment *highest)
{
	for (size_t i = 0; i < grid->n_steps; i++) {
		double bits_per_s = grid->bits_per_s[direction][i];

		if (bits_per_s <= 0 || bits_per_s < highest->bits_per_s)
			continue;
		highest->bits_per_s = bits_per_s;
		highest->realtime_ns = grid->first_end_ns + i * grid->step_ns;
	}
}

/* Return: false where there is nothing in the window. */
static bool begin_window(struct peak_search *s, const struct catalog *catalog)
{
	struct range_query *query = &s->window[s->done];
	struct grid *grid = &s->grid;

	query->step_ns = common_step(catalog, query);
	if (!query->step_ns)
		return false;
	*grid = (struct grid){ .step_ns = query->step_ns };
	grid->first_end_ns = (query->from_ns / grid->step_ns + 1) * grid->step_ns;
	grid->n_steps = query->to_ns / grid->step_ns - query->from_ns / grid->step_ns;
	return grid->n_steps <= MAX_STEPS;
}

/* Adds as many as are left to be read now. Return: whether the grid has all. */
static bool add_histories(struct peak_search *s, const struct catalog *catalog, struct budget *left)
{
	size_t n = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		if (!counts(catalog->feed[i]) || n++ < s->n_in_grid)
			continue;
		add_history(s, catalog->feed[i]);
		s->n_in_grid++;
		if (!--left->histories || clock_thread_ns() > left->until_ns)
			return false;
	}
	return true;
}

static void go_on(struct peak *peak, const struct catalog *catalog)
{
	struct peak_search *s = peak->search;
	struct budget left = { AT_ONCE, clock_thread_ns() + AT_ONCE_NS };

	for (; s->done < s->n_windows; s->done++, s->n_in_grid = 0) {
		if (!s->n_in_grid && !begin_window(s, catalog))
			continue;
		if (!add_histories(s, catalog, &left))
			return;
		for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++)
			find_highest(&s->grid, d, &peak->highest[d]);
	}
	peak_forget(peak);
}

static void add_window(struct peak_search *s, uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns < to_ns)
		s->window[s->n_windows++] = (struct range_query){ .from_ns = from_ns,
								  .to_ns = to_ns,
								  .max_steps = MAX_STEPS };
}

/* What is @from_age_ns to @to_age_ns old, as far as the counters count. */
static void add_ages(struct peak_search *s, uint64_t now_ns, uint64_t age_ns, uint64_t from_age_ns,
		     uint64_t to_age_ns)
{
	add_window(s, now_ns - least(now_ns, least(age_ns, from_age_ns)),
		   now_ns - least(now_ns, to_age_ns));
}

/* Which counters are in it, and since when the oldest of them counts, on CLOCK_BOOTTIME. */
static uint64_t members_of(const struct catalog *catalog, uint64_t *ret_since_ns)
{
	uint64_t members = 0, since = UINT64_MAX;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];

		if (!counts(feed))
			continue;
		members = hash64(feed->key, sizeof(feed->key), members ^ feed->meta.epoch);
		since = least(since, feed->meta.epoch_boottime_ns);
	}
	*ret_since_ns = since;
	return members;
}

static void raise_to(struct peak_moment *highest, double bits_per_s, uint64_t realtime_ns)
{
	if (bits_per_s > highest->bits_per_s)
		*highest = (struct peak_moment){ bits_per_s, realtime_ns };
}

static void raise_to_each(struct peak_moment *highest, const struct catalog *catalog,
			  enum sampler_direction direction)
{
	for (size_t i = 0; i < catalog->n; i++) {
		const struct sample *newest = &catalog->feed[i]->newest;
		const struct sample_peak *own = &newest->peak[direction];

		if (counts(catalog->feed[i]) && own->boottime_ns <= newest->boottime_ns)
			raise_to(highest, (double)own->bits_per_s,
				 newest->realtime_ns - (newest->boottime_ns - own->boottime_ns));
	}
}

static void raise_to_current_sum(struct peak_moment *highest, const struct catalog *catalog,
				 enum sampler_direction direction)
{
	uint64_t newest_ns = 0;
	double sum = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];

		if (!counts(feed) || !feed->has_delta)
			continue;
		sum += delta_bits_per_s(&feed->delta,
					counters_total(&feed->delta.direction[direction]));
		if (feed->newest.realtime_ns > newest_ns)
			newest_ns = feed->newest.realtime_ns;
	}
	raise_to(highest, sum, newest_ns);
}

/* Without memory there is no search now, and another one is tried at the next refresh. */
static void begin_search(struct peak *peak, uint64_t boottime_ns, uint64_t realtime_ns,
			 uint64_t since_ns)
{
	struct peak_search *s = calloc(1, sizeof(*s));
	uint64_t age_ns = boottime_ns - least(boottime_ns, since_ns);

	if (!s)
		return;
	s->offset_ns = realtime_ns - boottime_ns;
	if (peak->searched_ns)
		add_ages(s, realtime_ns, age_ns, boottime_ns - peak->searched_ns + OVERLAP_NS, 0);
	for (size_t i = 0; !peak->searched_ns && i + 1 < array_size(ages); i++)
		add_ages(s, realtime_ns, age_ns, ages[i + 1], ages[i]);
	peak->searched_ns = boottime_ns;
	peak->search = s;
}

/**
 * peak_refresh() - bring the peak up to now
 * @peak: zeros at first
 * @catalog: refreshed; what counts is what is attached and can be read
 * @boottime_ns: CLOCK_BOOTTIME now, not 0
 * @realtime_ns: CLOCK_REALTIME now
 *
 * It is never below the sum of the current rates. It reads a bounded number of histories, and goes on
 * with others at the next call.
 */
void peak_refresh(struct peak *peak, const struct catalog *catalog, uint64_t boottime_ns,
		  uint64_t realtime_ns)
{
	uint64_t since, members = members_of(catalog, &since);

	if (members != peak->members) {
		peak_forget(peak);
		*peak = (struct peak){ .members = members };
	}
	if (!peak->search && (!peak->searched_ns || boottime_ns >= peak->searched_ns + REFRESH_NS))
		begin_search(peak, boottime_ns, realtime_ns, since);
	if (peak->search)
		go_on(peak, catalog);
	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		raise_to_each(&peak->highest[d], catalog, d);
		raise_to_current_sum(&peak->highest[d], catalog, d);
	}
}

/** peak_forget() - end a search that is under way; the peak stays */
void peak_forget(struct peak *peak)
{
	free(peak->search);
	peak->search = NULL;
}
