/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread that sends its part of the frames of a run. It talks to nobody while it does; once a second
 * it leaves a copy of what it has counted.
 */
#ifndef LOADGEN_RAW_WORKER_H
#define LOADGEN_RAW_WORKER_H

#include "raw-pace.h"
#include "raw-sequence.h"
#include "raw-socket.h"
#include "stats.h"
#include "util/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What all threads of a run have in common; does not change while they run, but for stop. */
struct raw_run {
	const struct config *config;
	const struct raw_sequence *sequence;
	struct raw_pace pace;
	uint64_t n_frames;	    /* of the whole run; UINT64_MAX: no limit */
	uint64_t start_ns, end_ns;  /* CLOCK_MONOTONIC; UINT64_MAX: no end */
	int64_t realtime_offset_ns; /* from CLOCK_MONOTONIC, as of the start */
	int notify_fd;		    /* an eventfd: there is something new in a mailbox */
	atomic_bool stop;
};

struct raw_mailbox {
	pthread_mutex_t lock;
	struct stats stats;
	uint64_t n_ticks; /* whole seconds that are in it */
	bool ended;
};

struct raw_worker {
	struct raw_run *run;
	uint32_t index;
	struct raw_socket socket;
	pthread_t thread;
	bool started, has_lock;
	uint64_t tick_ns;   /* CLOCK_MONOTONIC: when it tells next */
	uint64_t n_sent;    /* its frames, from its first one on */
	struct stats stats; /* the thread's own */
	char failure[200];  /* why it could not go on; "": it could */
	struct raw_batch *batch;
	struct raw_mailbox mailbox;
};

int raw_worker_init(struct raw_worker *worker, struct raw_run *run, uint32_t index,
		    struct raw_socket *socket, struct error *err);
int raw_worker_start(struct raw_worker *worker, struct error *err);
void raw_worker_join(struct raw_worker *worker);
void raw_worker_free(struct raw_worker *worker);

#endif
