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
 * joins or goes; after that only what has come since is searched, and that at most every 30 s.
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

/* A stretch of wall-clock time in equal steps, and the sum of the rates of each. */
struct grid {
	uint64_t step_ns;
	uint64_t first_end_ns;
	size_t n_steps;
	uint64_t since_ns; /* of the interface being added: what is older is of other counters */
	double bits_per_s[MAX_STEPS];
};

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

	if (step->delta && !step->partial && step->end_ns >= grid->first_end_ns &&
	    i < grid->n_steps && step->end_ns > grid->since_ns)
		grid->bits_per_s[i] += delta_bits_per_s(
			step->delta, counters_total(&step->delta->direction[SAMPLER_RX]));
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

static void add_history(struct grid *grid, const struct feed *feed, const struct range_query *query)
{
	struct range range;

	grid->since_ns = feed->meta.epoch;
	/* What cannot be read adds nothing; another request will tell why. */
	if (!range_plan(feed->history, query, &range) && range.step_ns == grid->step_ns)
		(void)range_for_each(feed->history, &range, add_step, grid);
}

static void find_highest(const struct grid *grid, struct peak *peak)
{
	for (size_t i = 0; i < grid->n_steps; i++) {
		if (grid->bits_per_s[i] <= 0 || grid->bits_per_s[i] < peak->bits_per_s)
			continue;
		peak->bits_per_s = grid->bits_per_s[i];
		peak->realtime_ns = grid->first_end_ns + i * grid->step_ns;
	}
}

static void search(struct peak *peak, const struct catalog *catalog, uint64_t from_ns,
		   uint64_t to_ns)
{
	_cleanup_free_ struct grid *grid = calloc(1, sizeof(*grid));
	struct range_query query = { .from_ns = from_ns, .to_ns = to_ns, .max_steps = MAX_STEPS };

	if (!grid || from_ns >= to_ns)
		return;
	query.step_ns = common_step(catalog, &query);
	if (!query.step_ns)
		return;
	grid->step_ns = query.step_ns;
	grid->first_end_ns = (from_ns / grid->step_ns + 1) * grid->step_ns;
	grid->n_steps = to_ns / grid->step_ns - from_ns / grid->step_ns;
	if (grid->n_steps > MAX_STEPS)
		return;
	for (size_t i = 0; i < catalog->n; i++) {
		if (searchable(catalog->feed[i]))
			add_history(grid, catalog->feed[i], &query);
	}
	find_highest(grid, peak);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* From the finest to the coarsest: an hour, a day, and all that the counters have. */
static void search_all(struct peak *peak, const struct catalog *catalog, uint64_t since_ns,
		       uint64_t now_ns)
{
	static const uint64_t ages[] = { 0, HOUR_NS, 24 * HOUR_NS, 15 * 24 * HOUR_NS };

	for (size_t i = 0; i + 1 < array_size(ages); i++) {
		uint64_t to = now_ns - least(now_ns, ages[i]);
		uint64_t from = now_ns - least(now_ns, ages[i + 1]);

		search(peak, catalog, from > since_ns ? from : since_ns, to);
	}
}

/* Which counters are in it, and since when the oldest of them counts. */
static uint64_t members_of(const struct catalog *catalog, uint64_t *ret_since_ns)
{
	uint64_t members = 0, since = UINT64_MAX;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];

		if (!counts(feed))
			continue;
		members = hash64(feed->key, sizeof(feed->key), members ^ feed->meta.epoch);
		since = least(since, feed->meta.epoch);
	}
	*ret_since_ns = since;
	return members;
}

static double current_sum(const struct catalog *catalog, uint64_t *ret_realtime_ns)
{
	double sum = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];

		if (!counts(feed) || !feed->has_delta)
			continue;
		sum += delta_bits_per_s(&feed->delta,
					counters_total(&feed->delta.direction[SAMPLER_RX]));
		if (feed->newest.realtime_ns > *ret_realtime_ns)
			*ret_realtime_ns = feed->newest.realtime_ns;
	}
	return sum;
}

/**
 * peak_refresh() - bring the peak up to now
 * @peak: zeros at first
 * @catalog: refreshed; what counts is what is attached and can be read
 * @boottime_ns: CLOCK_BOOTTIME now
 * @realtime_ns: CLOCK_REALTIME now
 *
 * It is never below the sum of the current rates.
 */
void peak_refresh(struct peak *peak, const struct catalog *catalog, uint64_t boottime_ns,
		  uint64_t realtime_ns)
{
	uint64_t since, newest = 0, members = members_of(catalog, &since);
	double now;

	if (members != peak->members) {
		*peak = (struct peak){ .members = members };
		search_all(peak, catalog, since, realtime_ns);
	} else if (boottime_ns >= peak->refresh_ns) {
		uint64_t from = peak->computed_ns - least(peak->computed_ns, OVERLAP_NS);

		search(peak, catalog, from > since ? from : since, realtime_ns);
	}
	if (boottime_ns >= peak->refresh_ns) {
		peak->refresh_ns = boottime_ns + REFRESH_NS;
		peak->computed_ns = realtime_ns;
	}
	now = current_sum(catalog, &newest);
	if (now > peak->bits_per_s) {
		peak->bits_per_s = now;
		peak->realtime_ns = newest;
	}
}
