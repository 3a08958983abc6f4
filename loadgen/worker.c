// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A worker: a thread with its own event loop, connections, part of the schedule and counters. On
 * the way of a request it takes no lock and shares nothing that is written to.
 *
 * One timer is enough: think times are all the same, so those who think are a queue, and the
 * schedule knows its next time. The nearest of both, of the tick and of the end is set as an
 * absolute time in one timerfd, only when it changes. libevent's own timers
 * (EVENT_BASE_FLAG_PRECISE_TIMER) would set theirs before each wait, which costs a system call for
 * about every request.
 *
 * Due requests wait in the schedule, which knows how many they are without keeping them, until a
 * connection is free. A worker that is behind sends one after the other as fast as the connections
 * allow, until it has caught up or, when the run has no number of requests to keep, 10 s of the
 * schedule are lost: older ones are given up and counted as skipped.
 *
 * Each second it hands a copy of its counters to the main thread, and at the end the last one.
 */
#include "worker.h"

#include "exchange.h"
#include "monotonic.h"
#include "util/clock.h"

#include <sys/timerfd.h>
#include <unistd.h>

#define CATCH_UP_NS	(10 * NSEC_PER_SEC)
#define MAX_OPENING	128 /* connections that are being opened at once */
#define TICKS_A_SECOND	(NSEC_PER_SEC / WORKER_TICK_NS)
#define FEW_CONNECTIONS 100  /* whose counters are read once a second, not once a tick */
#define MAX_WIRE_READS	1000 /* a tick; each is a system call of a microsecond */
#define MAX_MOVED	16   /* connections that are looked after before requests are sent */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- the timer ---- */

static uint64_t next_wake(const struct worker *w, uint64_t now_ns)
{
	const struct connection *thinker = TAILQ_FIRST(&w->thinking);
	uint64_t next = w->tick_ns;

	if (w->state != WORKER_RUNNING)
		return next;
	if (now_ns < w->schedule.start_ns)
		return min_u64(next, w->schedule.start_ns);
	next = min_u64(next, w->end_ns);
	if (thinker)
		next = min_u64(next, thinker->think_ns);
	if (!TAILQ_EMPTY(&w->idle))
		next = min_u64(next, w->next_due_ns);
	return next;
}

static void arm(struct worker *w, uint64_t now_ns)
{
	uint64_t next = next_wake(w, now_ns);
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(next / NSEC_PER_SEC),
						 .tv_nsec = (long)(next % NSEC_PER_SEC) } };

	if (next == w->armed_ns)
		return;
	w->armed_ns = next;
	timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* ---- what happens when ---- */

static void open_more(struct worker *w, uint64_t now_ns)
{
	struct connection *c;

	while (w->n_opening < MAX_OPENING && (c = TAILQ_FIRST(&w->waiting))) {
		TAILQ_REMOVE(&w->waiting, c, link);
		w->n_opening++;
		connection_open(c, now_ns);
	}
}

static void become_idle(struct worker *w, struct connection *c, uint64_t since_ns)
{
	c->state = CONNECTION_IDLE;
	c->idle_ns = since_ns;
	TAILQ_INSERT_TAIL(&w->idle, c, link);
}

static void end_thinking(struct worker *w, uint64_t now_ns)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&w->thinking)) && c->think_ns <= now_ns) {
		TAILQ_REMOVE(&w->thinking, c, link);
		become_idle(w, c, c->think_ns);
	}
}

static void skip_lost(struct worker *w, uint64_t now_ns)
{
	if (w->run->n_requests != UINT64_MAX || now_ns < CATCH_UP_NS ||
	    w->next_due_ns >= now_ns - CATCH_UP_NS)
		return;
	w->stats.n_skipped += schedule_skip(&w->schedule, now_ns - CATCH_UP_NS);
	w->next_due_ns = schedule_next_due_ns(&w->schedule);
}

static void begin_scheduled(struct worker *w, uint64_t now_ns)
{
	struct connection *c;
	uint64_t due;

	skip_lost(w, now_ns);
	while (w->next_due_ns <= now_ns && now_ns < w->end_ns && (c = TAILQ_FIRST(&w->idle))) {
		TAILQ_REMOVE(&w->idle, c, link);
		w->n_busy++;
		due = w->next_due_ns;
		exchange_begin(c, schedule_take(&w->schedule), due, now_ns);
		w->next_due_ns = schedule_next_due_ns(&w->schedule);
		now_ns = monotonic_ns();
	}
}

static void begin_at_once(struct worker *w, uint64_t now_ns)
{
	struct connection *c;

	while (!schedule_done(&w->schedule) && now_ns < w->end_ns && (c = TAILQ_FIRST(&w->idle))) {
		TAILQ_REMOVE(&w->idle, c, link);
		w->n_busy++;
		exchange_begin(c, schedule_take(&w->schedule), now_ns, now_ns);
		if (!TAILQ_EMPTY(&w->idle))
			now_ns = monotonic_ns();
	}
}

static bool limit_reached(const struct worker *w)
{
	return w->schedule.next >= w->run->n_requests && !w->n_busy;
}

static void run_on(struct worker *w, uint64_t now_ns)
{
	end_thinking(w, now_ns);
	if (schedule_is_open_loop(&w->schedule))
		begin_scheduled(w, now_ns);
	else
		begin_at_once(w, now_ns);
}

/**
 * worker_pump() - do all that is to be done now, and see to being woken for the rest
 * @w: a worker, of which something may have changed
 * @now_ns: now
 */
void worker_pump(struct worker *w, uint64_t now_ns)
{
	if (w->state == WORKER_ENDED)
		return;
	if (w->state == WORKER_RUNNING && now_ns >= w->schedule.start_ns) {
		if (now_ns < w->end_ns)
			run_on(w, now_ns);
		if (now_ns >= w->end_ns || limit_reached(w)) {
			worker_end(w, now_ns);
			return;
		}
	}
	open_more(w, now_ns); /* also those that were lost just now, while they sent */
	arm(w, now_ns);
}

static void end_turn(struct worker *w)
{
	w->n_moved = 0;
	worker_pump(w, monotonic_ns());
}

/**
 * worker_moved() - something has moved on a connection: see to worker_pump() soon
 * @w: the worker
 *
 * What is ready at once is read first, then what has become due is sent: the server, and with it the
 * rest of this machine, is woken once for many requests, where it would be for each.
 */
void worker_moved(struct worker *w)
{
	if (++w->n_moved == 1)
		event_active(&w->turn_event, 0, 0);
	else if (w->n_moved == MAX_MOVED)
		end_turn(w);
}

/** worker_on_turn_end() - libevent's call behind those for what was ready before worker_moved() */
void worker_on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->n_moved)
		end_turn(w);
}

/* Those whose counters have changed, but not so many at once that requests are held up. */
static void read_wires(struct worker *w)
{
	uint32_t n_reads = 0;

	for (uint32_t i = 0; i < w->n_connections && n_reads < MAX_WIRE_READS; i++) {
		struct connection *c = &w->connection[w->next_wire_read];

		if (c->wire_stale) {
			connection_read_wire(c);
			n_reads++;
		}
		w->next_wire_read = (w->next_wire_read + 1) % w->n_connections;
	}
}

/*
 * The run is not held up until the last of many connections has waited for its timeout: once one
 * has, those that are up begin.
 */
static void check_timeouts(struct worker *w, uint64_t now_ns)
{
	for (uint32_t i = 0; i < w->n_connections; i++)
		connection_check(&w->connection[i], now_ns);
	if (!w->n_untried || !w->stats.errors[PHASE_TIMEOUT].n)
		return;
	w->n_untried = 0;
	worker_tell_ready(w);
}

/* Ticks that were missed (the process was stopped) are made up for by one. */
static void tick(struct worker *w, uint64_t now_ns)
{
	uint64_t before = w->n_ticks;
	bool second_over;

	w->n_ticks += (now_ns - w->tick_ns) / WORKER_TICK_NS + 1;
	w->tick_ns += (w->n_ticks - before) * WORKER_TICK_NS;
	second_over = w->n_ticks / TICKS_A_SECOND != before / TICKS_A_SECOND;
	if (w->n_connections > FEW_CONNECTIONS || second_over)
		read_wires(w);
	if (w->n_ticks / w->check_ticks != before / w->check_ticks)
		check_timeouts(w, now_ns);
	if (second_over && w->state == WORKER_RUNNING)
		worker_publish(w, now_ns);
}

/* ---- events ---- */

/**
 * worker_on_timer() - libevent's call when the timer has fired
 *
 * The event is edge-triggered: setting the timer anew is all that has to be done with it.
 */
void worker_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t now = monotonic_ns();

	(void)fd;
	(void)what;
	w->armed_ns = 0;
	worker_pump(w, now);
	if (w->state == WORKER_ENDED || now < w->tick_ns)
		return;
	tick(w, now);
	worker_pump(w, monotonic_ns());
}

static void begin(struct worker *w, uint64_t start_ns)
{
	const struct run *run = w->run;
	uint64_t duration = run->config->duration_ns;

	w->end_ns = duration ? start_ns + duration : UINT64_MAX;
	w->tick_ns = start_ns + WORKER_TICK_NS;
	w->n_ticks = 0;
	schedule_init(&w->schedule, &run->pace, start_ns, w->end_ns, run->n_requests, w->index,
		      run->config->threads);
	w->next_due_ns = schedule_next_due_ns(&w->schedule);
	w->cpu_before_ns = clock_thread_ns();
	w->state = WORKER_RUNNING;
}

/** worker_on_wake() - libevent's call when the main thread has put something into the mailbox */
void worker_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t start, drained;
	bool stop;

	(void)what;
	if (read(fd, &drained, sizeof(drained)) < 0)
		return;
	pthread_mutex_lock(&w->mailbox.lock);
	start = w->mailbox.start_ns;
	stop = w->mailbox.stop;
	pthread_mutex_unlock(&w->mailbox.lock);
	if (w->state == WORKER_PREPARING && start)
		begin(w, start);
	if (stop && w->state != WORKER_ENDED)
		worker_end(w, monotonic_ns());
	else
		worker_pump(w, monotonic_ns());
}

/* ---- connections tell ---- */

static void tried(struct worker *w, struct connection *c)
{
	w->n_opening--;
	if (c->tried)
		return;
	c->tried = true;
	if (w->n_untried && --w->n_untried == 0)
		worker_tell_ready(w);
}

static void think(struct worker *w, struct connection *c)
{
	struct connection *before = TAILQ_LAST(&w->thinking, connection_list);

	/* Only a connection that had to be opened again is ever not the last. */
	while (before && before->think_ns > c->think_ns)
		before = TAILQ_PREV(before, connection_list, link);
	c->state = CONNECTION_THINKING;
	if (before)
		TAILQ_INSERT_AFTER(&w->thinking, before, c, link);
	else
		TAILQ_INSERT_HEAD(&w->thinking, c, link);
}

static void settle(struct worker *w, struct connection *c, uint64_t now_ns)
{
	if (c->think_ns > now_ns)
		think(w, c);
	else
		become_idle(w, c, now_ns);
}

/** worker_opened() - a connection is up, handshake and all */
void worker_opened(struct worker *w, struct connection *c, uint64_t now_ns)
{
	tried(w, c);
	w->stats.n_connects++;
	w->stats.n_connected++;
	settle(w, c, now_ns);
}

/** worker_freed() - a connection has its response and can take the next request */
void worker_freed(struct worker *w, struct connection *c, uint64_t now_ns)
{
	w->n_busy--;
	settle(w, c, now_ns);
}

/**
 * worker_lost() - a connection is closed; see to its being opened again
 * @w: the worker
 * @c: the connection, its state still as it was
 * @delay_ns: not before this time has gone by
 */
void worker_lost(struct worker *w, struct connection *c, uint64_t delay_ns)
{
	const struct timeval delay = { .tv_sec = (time_t)(delay_ns / NSEC_PER_SEC),
				       .tv_usec = (suseconds_t)(delay_ns % NSEC_PER_SEC / 1000) };
	enum connection_state was = c->state;

	c->state = CONNECTION_DOWN;
	if (was == CONNECTION_IDLE)
		TAILQ_REMOVE(&w->idle, c, link);
	else if (was == CONNECTION_THINKING)
		TAILQ_REMOVE(&w->thinking, c, link);
	else if (was == CONNECTION_BUSY)
		w->n_busy--;
	else
		tried(w, c);
	if (was >= CONNECTION_THINKING)
		w->stats.n_connected--;
	if (delay_ns)
		event_add(&c->retry_event, &delay);
	else
		TAILQ_INSERT_TAIL(&w->waiting, c, link);
}
