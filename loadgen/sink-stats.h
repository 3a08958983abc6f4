/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the sink counts. Each worker has its own and is the only one that writes to them; whoever shows
 * them reads them meanwhile. So loads and stores are atomic, and additions need not be.
 */
#ifndef LOADGEN_SINK_STATS_H
#define LOADGEN_SINK_STATS_H

#include <stdint.h>

enum sink_count {
	SINK_REQUESTS,	 /* that were answered with what they asked for */
	SINK_REFUSED,	 /* requests that were no good, answered with an error */
	SINK_CONTENT_IN, /* bytes of bodies */
	SINK_CONTENT_OUT,
	SINK_HTTP_IN, /* heads and framing included */
	SINK_HTTP_OUT,
	SINK_ACCEPTED, /* connections */
	SINK_TLS,      /* those of them that have made a TLS handshake */
	SINK_CLOSED,
	SINK_TURNED_AWAY, /* closed at once: there were too many */
	SINK_TIMED_OUT,
	SINK_BROKEN, /* ended amid a request, an answer or a handshake */
	SINK_N_COUNTS
};

struct sink_stats {
	uint64_t count[SINK_N_COUNTS];
};

static inline uint64_t sink_count_read(const struct sink_stats *stats, enum sink_count which)
{
	return __atomic_load_n(&stats->count[which], __ATOMIC_RELAXED);
}

static inline void sink_count_add(struct sink_stats *stats, enum sink_count which, uint64_t n)
{
	__atomic_store_n(&stats->count[which], stats->count[which] + n, __ATOMIC_RELAXED);
}

#endif
