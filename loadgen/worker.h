/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_WORKER_H
#define LOADGEN_WORKER_H

#include "config.h"
#include "connection.h"
#include "request.h"
#include "schedule.h"
#include "stats.h"
#include "target.h"
#include "transport.h"
#include "util/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKER_BUFFER_SIZE (64 * 1024)
#define WORKER_TICK_NS	   100000000ULL /* divides a second */

/* What all workers share. Nothing of it changes while they run. */
struct run {
	const struct config *config;
	const struct transport *transport;
	const struct target *target;
	struct pace pace;
	uint64_t n_requests; /* of the whole run, UINT64_MAX: no limit */
	uint64_t fresh_base; /* for request_maker_init() */
	int notify_fd;	     /* eventfd: a worker has something to tell */
};

enum worker_state { WORKER_PREPARING, WORKER_RUNNING, WORKER_ENDED };

/* What passes between a worker's thread and the main one, under the lock. */
struct mailbox {
	pthread_mutex_t lock;
	uint64_t start_ns; /* to the worker: begin then; 0: not yet */
	bool stop;	   /* to the worker: end now */
	bool ready;	   /* from it: each connection has been tried */
	bool over;	   /* nothing counts any more but what closing takes */
	bool ended;
	uint64_t n_ticks;   /* seconds it has told of */
	struct stats stats; /* as of the last second, or of the end */
};

struct worker {
	const struct run *run;
	uint32_t index;
	pthread_t thread;
	bool started;
	struct event_base *base;
	struct event timer_event, wake_event;
	struct event turn_event; /* behind the others that are active */
	unsigned int n_moved;	 /* calls of worker_moved() that turn_event is for */
	int timer_fd, wake_fd;
	void *context; /* the transport's */
	struct request_maker maker;
	char *buffer; /* WORKER_BUFFER_SIZE bytes, for what is read */
	struct response_memory memory;

	enum worker_state state;
	struct connection *connection;
	uint32_t n_connections;
	uint32_t n_busy, n_opening, n_untried;
	struct connection_list idle;	 /* the longest idle first */
	struct connection_list thinking; /* whose time ends first */
	struct connection_list waiting;	 /* to be opened */

	struct schedule schedule;
	uint64_t end_ns, tick_ns, armed_ns;
	uint64_t n_ticks;	 /* since the start */
	uint64_t check_ticks;	 /* how many to look for timeouts after */
	uint64_t cpu_before_ns;	 /* of the thread, when the run started */
	uint64_t next_due_ns;	 /* of the schedule */
	uint32_t next_wire_read; /* connection */
	struct stats stats;
	struct mailbox mailbox;
};

/* For the main thread. */
int worker_init(struct worker *worker, const struct run *run, uint32_t index, struct error *err);
int worker_start(struct worker *worker, struct error *err);
void worker_begin(struct worker *worker, uint64_t start_ns);
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* For connections, in the worker's thread. */
void worker_opened(struct worker *worker, struct connection *connection, uint64_t now_ns);
void worker_freed(struct worker *worker, struct connection *connection, uint64_t now_ns);
void worker_lost(struct worker *worker, struct connection *connection, uint64_t delay_ns);
void worker_pump(struct worker *worker, uint64_t now_ns);
void worker_moved(struct worker *worker);
void worker_hung(struct worker *worker, uint64_t waited_ns);

/* Among the files of a worker. */
void worker_publish(struct worker *worker, uint64_t now_ns);
void worker_tell_ready(struct worker *worker);
void worker_end(struct worker *worker, uint64_t now_ns);
void worker_on_turn_end(evutil_socket_t fd, short what, void *arg);
void worker_on_timer(evutil_socket_t fd, short what, void *arg);
void worker_on_wake(evutil_socket_t fd, short what, void *arg);

#endif
