// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a worker tells the main thread: that it is ready, its counters each second, and at the end what
 * has become of its part of the run. All goes by the mailbox and an eventfd.
 */
#include "worker.h"

#include "notify.h"
#include "util/clock.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** worker_publish() - hand a copy of the counters to the main thread, for a line or the end */
void worker_publish(struct worker *w, uint64_t now_ns)
{
	w->stats.time_ns = now_ns;
	w->stats.cpu_ns = clock_thread_ns() - w->cpu_before_ns;
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.stats = w->stats;
	w->mailbox.n_ticks++;
	w->mailbox.over = w->state == WORKER_ENDED;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->run->notify_fd);
}

static void tell_ended(struct worker *w)
{
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.stats = w->stats;
	w->mailbox.ended = true;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->run->notify_fd);
}

/** worker_tell_ready() - each connection was tried; with what that took, so that lines can leave it out */
void worker_tell_ready(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_connections; i++)
		connection_read_wire(&w->connection[i]);
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.stats = w->stats;
	w->mailbox.ready = true;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->run->notify_fd);
}

/* ---- the end ---- */

/* Return: how many due requests without an answer have waited for longer than that. */
static uint64_t count_overdue(const struct worker *w, uint64_t now_ns, uint64_t limit_ns)
{
	uint64_t n = 0;

	if (now_ns <= limit_ns)
		return 0;
	if (schedule_is_open_loop(&w->schedule))
		n = schedule_n_due(&w->schedule, now_ns - limit_ns - 1);
	for (uint32_t i = 0; i < w->n_connections; i++)
		n += w->connection[i].state == CONNECTION_BUSY &&
		     w->connection[i].due_ns < now_ns - limit_ns;
	return n;
}

static uint64_t oldest(const struct worker *w, uint64_t now_ns)
{
	uint64_t due = now_ns;

	if (w->stats.n_unsent)
		due = min_u64(due, schedule_next_due_ns(&w->schedule));
	for (uint32_t i = 0; i < w->n_connections; i++) {
		if (w->connection[i].state == CONNECTION_BUSY)
			due = min_u64(due, w->connection[i].due_ns);
	}
	return now_ns - due;
}

static void limits_of(const struct worker *w, uint64_t ret_ns[N_OVERDUE])
{
	const struct config *c = w->run->config;

	ret_ns[OVERDUE_P50] = c->max_p50_ns;
	ret_ns[OVERDUE_P99] = c->max_p99_ns;
	ret_ns[OVERDUE_P99_9] = c->max_p99_9_ns;
	ret_ns[OVERDUE_LONG] = STATS_LONG_NS;
}

/**
 * worker_hung() - account for the time of a request that has no answer
 * @w: the worker
 * @waited_ns: how long it has waited
 *
 * In a closed loop no others become due meanwhile that would tell of it. What is short can be an answer
 * that is under way.
 */
void worker_hung(struct worker *w, uint64_t waited_ns)
{
	uint64_t limit_ns[N_OVERDUE];

	if (schedule_is_open_loop(&w->schedule) || waited_ns <= STATS_LONG_NS)
		return;
	limits_of(w, limit_ns);
	for (size_t i = 0; i < N_OVERDUE; i++)
		w->stats.hung_ns[i] += waited_ns > limit_ns[i] ? waited_ns : 0;
}

/* Latencies are of answers: what has none is told of besides. */
static void count_unanswered(struct worker *w, uint64_t now_ns)
{
	uint64_t limit_ns[N_OVERDUE];

	if (schedule_is_open_loop(&w->schedule))
		w->stats.n_unsent = schedule_n_due(&w->schedule, now_ns);
	w->stats.oldest_ns = oldest(w, now_ns);
	limits_of(w, limit_ns);
	for (size_t i = 0; i < N_OVERDUE; i++)
		w->stats.n_overdue[i] = count_overdue(w, now_ns, limit_ns[i]);
	for (uint32_t i = 0; i < w->n_connections; i++) {
		if (w->connection[i].state == CONNECTION_BUSY)
			worker_hung(w, now_ns - w->connection[i].due_ns);
	}
}

/**
 * worker_end() - end the run
 * @w: a worker that has not ended
 * @now_ns: now
 *
 * Closing many connections takes a while (some 20 us each, 40 with TLS). It is no part of the run:
 * what the run came to is told before.
 */
void worker_end(struct worker *w, uint64_t now_ns)
{
	for (uint32_t i = 0; i < w->n_connections; i++)
		connection_read_wire(&w->connection[i]);
	w->state = WORKER_ENDED;
	count_unanswered(w, now_ns);
	worker_publish(w, now_ns);
	for (uint32_t i = 0; i < w->n_connections; i++)
		connection_cut(&w->connection[i]);
	tell_ended(w);
	event_base_loopbreak(w->base);
}
