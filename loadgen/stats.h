/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_STATS_H
#define LOADGEN_STATS_H

#include "histogram.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

/* In which phase something failed. */
enum phase {
	PHASE_RESOLVE,
	PHASE_CONNECT,
	PHASE_TLS,
	PHASE_SEND,
	PHASE_RECEIVE,
	PHASE_PARSE,
	PHASE_TIMEOUT,
	N_PHASES
};

struct phase_errors {
	uint64_t n;
	uint64_t first_ns; /* when the first of them was */
	char first[200];   /* and what it said */
};

/* For how long at least a request has waited that has no answer at the end. */
enum overdue {
	OVERDUE_P50, /* what max_p50 allows */
	OVERDUE_P99,
	OVERDUE_P99_9,
	OVERDUE_LONG, /* STATS_LONG_NS */
	N_OVERDUE
};

#define STATS_LONG_NS \
	1000000000ULL /* after it a request without an answer is no longer just under way */

#define N_STATUS_CLASSES 6 /* 1xx to 5xx at 1 to 5; 0: whatever else */

/* Raw frames that the kernel has taken, and what it has not. */
struct raw_tally {
	uint64_t frames, bytes;
	uint64_t wire_bytes; /* with FCS, preamble and gap */
	uint64_t n_refused;  /* frames, each time: they are sent again */
	uint64_t n_full;  /* of these, those that the queue or the driver has counted as dropped */
	uint64_t held_ns; /* all threads together have waited until frames were taken */
};

/*
 * What one worker, or all of them, have done since the start. Each request that was started is
 * completed (a whole response came, whatever its status), failed or unfinished (cut by the end).
 */
struct stats {
	uint64_t time_ns; /* up to when */
	uint64_t cpu_ns;  /* of the worker's thread since the start */

	uint64_t n_connected;	/* connections that are up now */
	uint64_t n_connects;	/* connections made */
	uint64_t n_idle_closed; /* closed by the server while no request was under way */

	uint64_t n_started, n_completed, n_failed, n_unfinished;
	uint64_t
		n_pending; /* unfinished ones that count as sent: all of it was, and not long ago */
	uint64_t n_unsent; /* due before the end, but no connection was free */
	uint64_t n_overdue[N_OVERDUE]; /* unfinished and unsent ones that have waited for longer */
	uint64_t oldest_ns;	       /* for how long the oldest of them has */
	uint64_t hung_ns[N_OVERDUE];   /* in a closed loop: what requests without an answer took */
	uint64_t n_skipped;	       /* given up by the bound of catching up */
	uint64_t status[N_STATUS_CLASSES];

	uint64_t payload_sent;	    /* bytes of bodies handed to the kernel */
	uint64_t payload_unsent;    /* those of them that were dropped with their connection */
	uint64_t payload_completed; /* those sent of completed requests */
	uint64_t payload_pending;   /* those sent of unfinished ones, but for all sent long ago */
	uint64_t payload_withheld;  /* the rest of completed requests: the answer came before */
	uint64_t http_sent, http_unsent, http_received;
	uint64_t body_received;
	struct raw_tally raw;
	struct wire wire;    /* until the end */
	struct wire closing; /* sent and received to close connections after it */

	struct phase_errors errors[N_PHASES];

	struct histogram corrected; /* from when a request was due to the end of its response */
	struct histogram service;   /* from when it was sent */
	/* How late a request was sent for which a connection was free when it was due. */
	struct histogram lateness;
};

void stats_error(struct stats *stats, enum phase phase, uint64_t now_ns, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void stats_response(struct stats *stats, unsigned int status);
void stats_add(struct stats *sum, const struct stats *stats);
uint64_t stats_n_unanswered(const struct stats *stats);
uint64_t stats_n_errors(const struct stats *stats);
uint64_t stats_n_not_2xx(const struct stats *stats);
const struct phase_errors *stats_first_error(const struct stats *stats);
const char *phase_name(enum phase phase);

#endif
