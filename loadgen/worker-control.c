// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Workers as the main thread has them: made, started, told to begin and to stop, and freed. It owns
 * all of a worker before worker_start() and after worker_join(), and only the mailbox in between.
 */
#include "worker.h"

#include "monotonic.h"
#include "notify.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static int make_loop(struct worker *w, struct error *err)
{
	struct event_config *config = event_config_new();

	if (!config)
		return error_set(err, -ENOMEM, "out of memory");
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	w->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!w->base)
		return error_set(err, -ENOMEM, "cannot make an event loop");
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->timer_fd < 0 || w->wake_fd < 0)
		return error_set(err, -errno, "cannot make a timer: %s", strerror(errno));
	event_assign(&w->timer_event, w->base, w->timer_fd, EV_READ | EV_PERSIST | EV_ET,
		     worker_on_timer, w);
	event_assign(&w->wake_event, w->base, w->wake_fd, EV_READ | EV_PERSIST, worker_on_wake, w);
	event_assign(&w->turn_event, w->base, -1, 0, worker_on_turn_end, w);
	if (event_add(&w->timer_event, NULL) || event_add(&w->wake_event, NULL))
		return error_set(err, -ENOMEM, "cannot wait for a timer");
	return 0;
}

static uint32_t share(const struct config *config, uint32_t index)
{
	return config->connections / config->threads +
	       (index < config->connections % config->threads);
}

/* A tenth of a timeout is exact enough, and a second seldom enough for thousands of connections. */
static uint64_t check_interval_ticks(const struct config *config)
{
	uint64_t timeout = config->connect_timeout_ns < config->timeout_ns
				   ? config->connect_timeout_ns
				   : config->timeout_ns;
	uint64_t interval = timeout < 10 * NSEC_PER_SEC ? timeout / 10 : NSEC_PER_SEC;

	return interval > WORKER_TICK_NS ? interval / WORKER_TICK_NS : 1;
}

static int make_connections(struct worker *w, struct error *err)
{
	w->n_connections = w->n_untried = share(w->run->config, w->index);
	w->connection = calloc(w->n_connections, sizeof(*w->connection));
	if (!w->connection)
		return error_set(err, -ENOMEM, "out of memory for %u connections",
				 w->n_connections);
	for (uint32_t i = 0; i < w->n_connections; i++) {
		connection_init(&w->connection[i], w);
		TAILQ_INSERT_TAIL(&w->waiting, &w->connection[i], link);
	}
	return 0;
}

/**
 * worker_init() - make a worker that does nothing yet
 * @w: zeroed memory; to be freed by worker_free(), also after a failure
 * @run: what all workers share, longer alive than they
 * @index: its number, from 0
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int worker_init(struct worker *w, const struct run *run, uint32_t index, struct error *err)
{
	int r;

	w->run = run;
	w->index = index;
	w->check_ticks = check_interval_ticks(run->config);
	w->timer_fd = w->wake_fd = -1;
	pthread_mutex_init(&w->mailbox.lock, NULL);
	TAILQ_INIT(&w->idle);
	TAILQ_INIT(&w->thinking);
	TAILQ_INIT(&w->waiting);
	r = make_loop(w, err);
	if (!r)
		r = make_connections(w, err);
	if (!r)
		r = run->transport->context_new(run->config, &w->context, err);
	if (r)
		return r;
	w->buffer = malloc(WORKER_BUFFER_SIZE);
	if (!w->buffer || request_maker_init(&w->maker, run->config, run->fresh_base))
		return error_set(err, -ENOMEM, "out of memory for requests");
	return 0;
}

static void *thread(void *arg)
{
	struct worker *w = arg;
	uint64_t now = monotonic_ns();

	w->tick_ns = now + WORKER_TICK_NS;
	worker_pump(w, now);
	event_base_dispatch(w->base);
	return NULL;
}

/** worker_start() - start a worker's thread, which opens its connections and then waits */
int worker_start(struct worker *w, struct error *err)
{
	int r = pthread_create(&w->thread, NULL, thread, w);

	if (r)
		return error_set(err, -r, "cannot start thread %u: %s", w->index, strerror(r));
	w->started = true;
	return 0;
}

/**
 * worker_begin() - have a worker that is ready begin to send
 * @w: a worker whose mailbox says that it is ready
 * @start_ns: when the run starts, for all workers the same
 */
void worker_begin(struct worker *w, uint64_t start_ns)
{
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.start_ns = start_ns;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->wake_fd);
}

/** worker_stop() - have a worker end now; it tells when it has */
void worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.stop = true;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->wake_fd);
}

/** worker_join() - wait for the end of a worker's thread */
void worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

/** worker_free() - release a worker that is not running */
void worker_free(struct worker *w)
{
	if (!w->run)
		return;
	free(w->connection);
	free(w->buffer);
	request_maker_free(&w->maker);
	if (w->context)
		w->run->transport->context_free(w->context);
	if (w->base)
		event_base_free(w->base);
	if (w->timer_fd >= 0)
		close(w->timer_fd);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	pthread_mutex_destroy(&w->mailbox.lock);
}
