// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The open-loop schedule: when each request of a run is due.
 *
 * Request k is due k * ns_den / requests_num nanoseconds after the start, rounded up. That is
 * worked out from k each time, in 128 bits, and never by adding intervals: there is nothing to
 * drift, and workers that share a run by k mod n agree without a word. The schedule does not know
 * what became of the requests; who falls behind asks schedule_n_due() how far.
 *
 * While the pace grows, from none to all of it in the time of the ramp, the number of requests that
 * are due grows with the square of the time, so that request k is due at the square root of 2 *
 * ramp * k * ns_den / requests_num. That too is worked out in integers. After the ramp, of which
 * half was lost, the schedule is the plain one, later by that half.
 *
 * Without a pace (closed loop) everything is due from the start on.
 */
#include "schedule.h"

#include "util/clock.h"

#include <math.h>

#define RATE_PARTS 1000000 /* rates are exact to this part of a request a second */
#define RAMP_BITS  16	   /* times below the root are in 2^-16 ns */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void pace_set(struct pace *pace, uint64_t requests_num, uint64_t ns_den)
{
	uint64_t common = gcd(requests_num, ns_den);

	*pace = (struct pace){ 0 };
	if (!requests_num || !ns_den)
		return;
	pace->requests_num = requests_num / common;
	pace->ns_den = ns_den / common;
}

/**
 * pace_from_bandwidth() - the pace that makes a bandwidth of payload
 * @bandwidth_bps: bits of payload a second; 0: no schedule
 * @request_size: bytes of payload of each request, at most LOADGEN_MAX_REQUEST; 0: no schedule
 * @ret_pace: bandwidth / (8 * request_size) requests a second, exactly
 */
void pace_from_bandwidth(uint64_t bandwidth_bps, uint64_t request_size, struct pace *ret_pace)
{
	pace_set(ret_pace, bandwidth_bps, 8 * request_size * NSEC_PER_SEC);
}

/**
 * pace_from_rate() - the pace of so many requests a second
 * @requests_per_s: up to 10^12, taken to a millionth of a request; 0 or less: no schedule
 * @ret_pace: the same as a fraction
 */
void pace_from_rate(double requests_per_s, struct pace *ret_pace)
{
	uint64_t parts = requests_per_s > 0 ? (uint64_t)(requests_per_s * RATE_PARTS + 0.5) : 0;

	pace_set(ret_pace, parts, RATE_PARTS * NSEC_PER_SEC);
}

/* Requests that are due until a time after the start, as far as parts of one count. */
static double n_due_until(const struct pace *pace, uint64_t ns)
{
	double rate = (double)pace->requests_num / (double)pace->ns_den, t = (double)ns;

	if (ns < pace->ramp_ns)
		return rate * t * t / (2 * (double)pace->ramp_ns);
	return rate * (t - (double)(pace->ramp_ns / 2));
}

/**
 * pace_n_due() - how much of a run is due in a stretch of it
 * @pace: of the run; without one nothing is
 * @from_ns: the stretch's begin, after the run's start
 * @to_ns: its end
 *
 * Return: requests, with fractions.
 */
double pace_n_due(const struct pace *pace, uint64_t from_ns, uint64_t to_ns)
{
	return pace->requests_num ? n_due_until(pace, to_ns) - n_due_until(pace, from_ns) : 0;
}

/**
 * schedule_init() - begin one worker's part of a run
 * @schedule: filled
 * @pace: of the whole run; no pace (all 0) for a closed loop
 * @start_ns: when request 0 is due, CLOCK_MONOTONIC, the same for all workers
 * @end_ns: nothing is due at or after it; UINT64_MAX: no end
 * @n_total: requests of the whole run; UINT64_MAX: no limit
 * @worker: this worker's number, from 0
 * @n_workers: how many there are
 */
void schedule_init(struct schedule *schedule, const struct pace *pace, uint64_t start_ns,
		   uint64_t end_ns, uint64_t n_total, uint32_t worker, uint32_t n_workers)
{
	*schedule = (struct schedule){
		.pace = *pace,
		.start_ns = start_ns,
		.end_ns = end_ns,
		.n_total = n_total,
		.worker = worker,
		.n_workers = n_workers,
		.next = worker,
	};
}

/** schedule_is_open_loop() - whether requests have their times, whatever became of those before */
bool schedule_is_open_loop(const struct schedule *schedule)
{
	return schedule->pace.requests_num != 0;
}

/* The least integer whose square is value or more; value is below 2^98. */
static uint64_t root(unsigned __int128 value)
{
	uint64_t r = (uint64_t)sqrt((double)value); /* right to a few */

	while ((unsigned __int128)r * r >= value && r)
		r--;
	while ((unsigned __int128)r * r < value)
		r++;
	return r;
}

/*
 * When request k is due after the start, while the pace grows: at most half the ramp's time of
 * requests at full pace are due until its end, so that nothing overflows (a ramp is a day at most).
 */
static uint64_t ramp_after_ns(const struct pace *pace, unsigned __int128 product)
{
	unsigned __int128 at_full = (product << RAMP_BITS) / pace->requests_num;

	return root(2 * pace->ramp_ns * at_full >> RAMP_BITS);
}

/* Nanoseconds after the start, rounded up. */
static unsigned __int128 after_ns(const struct pace *pace, uint64_t k)
{
	unsigned __int128 product = (unsigned __int128)k * pace->ns_den;
	uint64_t half = pace->ramp_ns / 2;

	if (product < (unsigned __int128)half * pace->requests_num)
		return ramp_after_ns(pace, product);
	return (product + pace->requests_num - 1) / pace->requests_num + half;
}

/**
 * schedule_due_ns() - when a request is due, whosever it is
 * @schedule: any worker's schedule
 * @k: the request's number in the whole run
 *
 * Return: CLOCK_MONOTONIC, never before its exact time and less than a nanosecond after; the start
 * in a closed loop; UINT64_MAX for what is beyond all time.
 */
uint64_t schedule_due_ns(const struct schedule *schedule, uint64_t k)
{
	unsigned __int128 after = 0;
	uint64_t due;

	if (schedule->pace.requests_num)
		after = after_ns(&schedule->pace, k);
	if (after > UINT64_MAX || __builtin_add_overflow(schedule->start_ns, (uint64_t)after, &due))
		return UINT64_MAX;
	return due;
}

/**
 * schedule_done() - whether nothing more is due, ever
 * @schedule: a worker's schedule
 *
 * In a closed loop the end time is not looked at, since there the clock decides when a request is
 * due.
 */
bool schedule_done(const struct schedule *schedule)
{
	if (schedule->next >= schedule->n_total)
		return true;
	return schedule_is_open_loop(schedule) &&
	       schedule_due_ns(schedule, schedule->next) >= schedule->end_ns;
}

/**
 * schedule_next_due_ns() - when the worker's next request is due
 * @schedule: a worker's schedule
 *
 * Return: CLOCK_MONOTONIC, never before its exact time and less than a nanosecond after; the start
 * in a closed loop; UINT64_MAX when nothing more is due.
 */
uint64_t schedule_next_due_ns(const struct schedule *schedule)
{
	return schedule_done(schedule) ? UINT64_MAX : schedule_due_ns(schedule, schedule->next);
}

/**
 * schedule_take() - take the worker's next request off the schedule, due or not
 * @schedule: a worker's schedule
 *
 * Return: its number k in the whole run, or UINT64_MAX, with nothing taken, when schedule_done().
 */
uint64_t schedule_take(struct schedule *schedule)
{
	uint64_t k = schedule->next;

	if (schedule_done(schedule))
		return UINT64_MAX;
	if (__builtin_add_overflow(k, schedule->n_workers, &schedule->next))
		schedule->next = UINT64_MAX;
	return k;
}

/* How many requests at full pace are due before a time after the start is over: 0 to n - 1. */
static unsigned __int128 n_at_pace(const struct pace *pace, uint64_t after)
{
	return (unsigned __int128)after * pace->requests_num / pace->ns_den + 1;
}

/* The same while the pace grows, by search: so it agrees with after_ns() to the last nanosecond. */
static uint64_t n_in_ramp(const struct pace *pace, uint64_t after)
{
	uint64_t low = 0, high = (uint64_t)n_at_pace(pace, pace->ramp_ns / 2);

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (after_ns(pace, middle) <= after)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many requests of the whole run are due before the time of now_ns is over: 0 to n - 1. */
static uint64_t n_due_of_all(const struct schedule *schedule, uint64_t now_ns)
{
	const struct pace *pace = &schedule->pace;
	unsigned __int128 n;
	uint64_t after;

	if (schedule_is_open_loop(schedule) && schedule->end_ns != UINT64_MAX &&
	    now_ns >= schedule->end_ns)
		now_ns = schedule->end_ns - 1; /* an end of 0 is before any start */
	if (!schedule->end_ns || now_ns < schedule->start_ns)
		return 0;
	if (!schedule_is_open_loop(schedule))
		return schedule->n_total;
	after = now_ns - schedule->start_ns;
	n = after < pace->ramp_ns ? n_in_ramp(pace, after)
				  : n_at_pace(pace, after - pace->ramp_ns / 2);
	return n < schedule->n_total ? (uint64_t)n : schedule->n_total;
}

/**
 * schedule_n_due() - how many of the worker's requests are due and not yet taken
 * @schedule: a worker's schedule
 * @now_ns: CLOCK_MONOTONIC
 *
 * Return: the number; in a closed loop all that are left, from the start on.
 */
uint64_t schedule_n_due(const struct schedule *schedule, uint64_t now_ns)
{
	uint64_t n = n_due_of_all(schedule, now_ns);

	return n > schedule->next ? (n - schedule->next - 1) / schedule->n_workers + 1 : 0;
}

/**
 * schedule_skip() - take all of the worker's requests off the schedule that were due before a time
 * @schedule: a worker's schedule; an open loop
 * @before_ns: CLOCK_MONOTONIC
 *
 * Return: how many they were.
 */
uint64_t schedule_skip(struct schedule *schedule, uint64_t before_ns)
{
	uint64_t n = before_ns ? schedule_n_due(schedule, before_ns - 1) : 0;

	schedule->next += n * schedule->n_workers;
	return n;
}
