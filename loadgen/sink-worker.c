// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A thread of the sink: its own listening sockets, event loop, clients and counters. The kernel deals
 * connections out among the sockets of an address (SO_REUSEPORT); workers share nothing that is
 * written to.
 *
 * Clients are a list by when something last moved, in ticks of a second, which is all that timeouts
 * need. There are never more of them than max_connections: who comes then is turned away and counted.
 * Where the process has no more descriptors, accepting waits for the next tick.
 */
#include "sink-worker.h"

#include "monotonic.h"
#include "notify.h"
#include "util/clock.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ACCEPTS 64 /* in one event */
#define LINGER_S    2  /* ticks, of which the first is seldom whole */

/* ---- accepting ---- */

static void accept_again(struct sink_worker *w, bool again)
{
	if (w->accepting == again)
		return;
	w->accepting = again;
	for (unsigned int i = 0; i < w->sink->config->n_addresses; i++) {
		if (w->listen_fd[i] < 0)
			continue;
		if (again)
			event_add(&w->listen_event[i], NULL);
		else
			event_del(&w->listen_event[i]);
	}
}

static bool is_out_of_something(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void take_client(struct sink_worker *w, int fd)
{
	if (w->n_connections < w->sink->max_connections && !sink_connection_new(w, fd))
		return;
	sink_count_add(&w->stats, SINK_TURNED_AWAY, 1);
	close(fd);
}

static void on_client(evutil_socket_t listen_fd, short what, void *arg)
{
	struct sink_worker *w = arg;
	int fd;

	(void)what;
	for (int i = 0; i < MAX_ACCEPTS; i++) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			take_client(w, fd);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (is_out_of_something(errno))
			accept_again(w, false);
		if (!w->accepting)
			return;
	}
}

/* ---- ticks ---- */

static void end_stale(struct sink_worker *w)
{
	uint64_t timeout_s = w->sink->config->timeout_ns / NSEC_PER_SEC;
	struct sink_connection *c;

	while ((c = TAILQ_FIRST(&w->active)) && c->progress_s + timeout_s < w->now_s) {
		sink_count_add(&w->stats, SINK_TIMED_OUT, 1);
		sink_connection_end(c);
	}
	while ((c = TAILQ_FIRST(&w->lingering)) && c->progress_s + LINGER_S < w->now_s)
		sink_connection_end(c);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sink_worker *w = arg;

	(void)fd, (void)what;
	w->now_s++;
	sink_date(w->date);
	__atomic_store_n(&w->cpu_ns, clock_thread_ns(), __ATOMIC_RELAXED);
	end_stale(w);
	accept_again(w, true);
}

static void end_all(struct sink_connection_list *list)
{
	struct sink_connection *c;

	while ((c = TAILQ_FIRST(list)))
		sink_connection_end(c);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct sink_worker *w = arg;

	(void)fd, (void)what;
	accept_again(w, false);
	end_all(&w->active);
	end_all(&w->lingering);
	__atomic_store_n(&w->cpu_ns, clock_thread_ns(), __ATOMIC_RELAXED);
	event_base_loopbreak(w->base);
}

/* ---- for the main thread ---- */

static int make_loop(struct sink_worker *w, struct error *err)
{
	const struct timeval second = { .tv_sec = 1 };
	struct event_config *config = event_config_new();

	if (!config)
		return error_set(err, -ENOMEM, "out of memory");
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	w->base = event_base_new_with_config(config);
	event_config_free(config);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!w->base || w->wake_fd < 0)
		return error_set(err, -ENOMEM, "cannot make an event loop");
	event_assign(&w->tick_event, w->base, -1, EV_PERSIST, on_tick, w);
	event_assign(&w->wake_event, w->base, w->wake_fd, EV_READ, on_wake, w);
	if (event_add(&w->tick_event, &second) || event_add(&w->wake_event, NULL))
		return error_set(err, -ENOMEM, "cannot wait for a timer");
	return 0;
}

/**
 * sink_worker_init() - make a worker that does nothing yet
 * @w: zeroed memory; to be freed by sink_worker_free(), also after a failure
 * @sink: what all workers share, longer alive than they
 * @err: why not
 *
 * Its listening sockets are to be set by the caller.
 *
 * Return: 0 or negative errno.
 */
int sink_worker_init(struct sink_worker *w, const struct sink *sink, struct error *err)
{
	int r;

	w->sink = sink;
	w->wake_fd = -1;
	for (unsigned int i = 0; i < SINK_MAX_ADDRESSES; i++)
		w->listen_fd[i] = -1;
	TAILQ_INIT(&w->active);
	TAILQ_INIT(&w->lingering);
	w->buffer = malloc(SINK_BUFFER_SIZE);
	if (!w->buffer)
		return error_set(err, -ENOMEM, "out of memory");
	r = make_loop(w, err);
	return r ?: sink_tls_context(&sink->identity, &w->tls_context, err);
}

static void *thread(void *arg)
{
	struct sink_worker *w = arg;

	sink_date(w->date);
	accept_again(w, true);
	event_base_dispatch(w->base);
	return NULL;
}

/** sink_worker_start() - start a worker's thread; its sockets listen by then */
int sink_worker_start(struct sink_worker *w, struct error *err)
{
	int r;

	for (unsigned int i = 0; i < w->sink->config->n_addresses; i++)
		event_assign(&w->listen_event[i], w->base, w->listen_fd[i], EV_READ | EV_PERSIST,
			     on_client, w);
	r = pthread_create(&w->thread, NULL, thread, w);
	if (r)
		return error_set(err, -r, "cannot start a thread: %s", strerror(r));
	w->started = true;
	return 0;
}

/** sink_worker_stop() - have a worker end its clients and itself */
void sink_worker_stop(struct sink_worker *w)
{
	if (w->started)
		notify(w->wake_fd);
}

/** sink_worker_join() - wait for the end of a worker's thread */
void sink_worker_join(struct sink_worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

/** sink_worker_free() - release a worker that is not running */
void sink_worker_free(struct sink_worker *w)
{
	if (!w->sink)
		return;
	for (unsigned int i = 0; i < SINK_MAX_ADDRESSES; i++) {
		if (w->listen_fd[i] >= 0)
			close(w->listen_fd[i]);
	}
	free(w->buffer);
	SSL_CTX_free(w->tls_context);
	if (w->base)
		event_base_free(w->base);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
}
