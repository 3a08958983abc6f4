/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_WORKER_H
#define LOADGEN_SINK_WORKER_H

#include "sink-connection.h"
#include "sink-stats.h"
#include "sink-tls.h"
#include "sink.h"
#include "transport.h"
#include "util/error.h"

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SINK_BUFFER_SIZE 65536

/* What all workers share. Nothing of it changes while they run. */
struct sink {
	const struct sink_config *config;
	struct sink_identity identity;
	struct transport tls;
	char *arena;		  /* SINK_ARENA_SIZE random bytes, of which bodies are made */
	uint32_t max_connections; /* of one worker */
};

struct sink_worker {
	const struct sink *sink;
	pthread_t thread;
	bool started;
	struct event_base *base;
	int listen_fd[SINK_MAX_ADDRESSES]; /* as many as there are addresses, or -1 */
	struct event listen_event[SINK_MAX_ADDRESSES];
	struct event tick_event, wake_event;
	int wake_fd;
	bool accepting;
	SSL_CTX *tls_context;
	char *buffer; /* SINK_BUFFER_SIZE bytes, for what is read */
	uint32_t n_connections;
	struct sink_connection_list active;    /* the longest without progress first */
	struct sink_connection_list lingering; /* the longest first */
	uint64_t now_s;			       /* ticks since the start */
	char date[SINK_DATE_SIZE];
	struct sink_stats stats;
	uint64_t cpu_ns; /* of the thread; written as counts are */
};

int sink_worker_init(struct sink_worker *worker, const struct sink *sink, struct error *err);
int sink_worker_start(struct sink_worker *worker, struct error *err);
void sink_worker_stop(struct sink_worker *worker);
void sink_worker_join(struct sink_worker *worker);
void sink_worker_free(struct sink_worker *worker);

#endif
