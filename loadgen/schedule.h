/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The open-loop schedule of a run: request k is due at an absolute time, whatever became of those
 * before. Request k belongs to worker k mod n; a worker knows its own without talking to the others.
 */
#ifndef LOADGEN_SCHEDULE_H
#define LOADGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A run's pace as an exact fraction: requests_num requests in ns_den nanoseconds. 0: no schedule. It
 * grows from nothing to that in the first ramp_ns nanoseconds.
 */
struct pace {
	uint64_t requests_num;
	uint64_t ns_den;
	uint64_t ramp_ns;
};

struct schedule {
	struct pace pace;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	uint64_t end_ns;   /* nothing is due at or after it; UINT64_MAX: no end */
	uint64_t n_total;  /* requests of the whole run, UINT64_MAX: no limit */
	uint32_t worker, n_workers;
	uint64_t next; /* k of this worker's next request */
};

void pace_from_bandwidth(uint64_t bandwidth_bps, uint64_t request_size, struct pace *ret_pace);
void pace_from_rate(double requests_per_s, struct pace *ret_pace);
double pace_n_due(const struct pace *pace, uint64_t from_ns, uint64_t to_ns);

void schedule_init(struct schedule *schedule, const struct pace *pace, uint64_t start_ns,
		   uint64_t end_ns, uint64_t n_total, uint32_t worker, uint32_t n_workers);
bool schedule_is_open_loop(const struct schedule *schedule);
bool schedule_done(const struct schedule *schedule);
uint64_t schedule_due_ns(const struct schedule *schedule, uint64_t k);
uint64_t schedule_next_due_ns(const struct schedule *schedule);
uint64_t schedule_take(struct schedule *schedule);
uint64_t schedule_skip(struct schedule *schedule, uint64_t before_ns);
uint64_t schedule_n_due(const struct schedule *schedule, uint64_t now_ns);

#endif
