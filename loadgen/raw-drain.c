// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the kernel has taken need not have left: a shaper may keep it for seconds. A sampler is only asked
 * once it has.
 *
 * The queue of the interface says how many frames are in it; the sockets, how much of what they have
 * handed over is somewhere, be it the queue of an interface below. Either may be stuck, where a link is
 * down: nobody waits for what does not move. What is in the queue and no socket's any more is mostly
 * others' (but netem takes frames from their sockets), who may well keep it filled for ever.
 */
#include "raw-drain.h"

#include "monotonic.h"
#include "util/clock.h"
#include "util/log.h"

#include <poll.h>
#include <stdbool.h>

#define LOOK_MS	  5
#define STUCK_NS  (2 * NSEC_PER_SEC)
#define OTHERS_NS (5 * NSEC_PER_SEC)
#define LONG_NS	  NSEC_PER_SEC /* until which nobody has to be told */

/* CLOCK_MONOTONIC */
struct times {
	uint64_t begin_ns, now_ns;
	uint64_t moved_ns; /* when something has left, as far as it was seen */
	uint64_t own_ns;   /* when the sockets had something under way */
};

struct queued {
	uint32_t frames; /* in the interface's queue */
	uint64_t bytes;	 /* of the sockets, with what the kernel needs for each */
};

static struct queued look(const struct raw_link *link, const struct raw_worker *worker, uint32_t n)
{
	struct raw_link_stats stats;
	struct queued queued;

	raw_link_stats(link, &stats);
	queued = (struct queued){ .frames = stats.n_queued };
	for (uint32_t i = 0; i < n; i++) {
		const struct raw_socket *socket = &worker[i].socket;

		queued.bytes += socket->kind->queued(socket);
	}
	return queued;
}

static bool is_to_wait(const struct queued *queued, const struct times *t)
{
	if (t->now_ns - t->moved_ns >= STUCK_NS)
		return false;
	return queued->bytes || (queued->frames && t->now_ns - t->own_ns < OTHERS_NS);
}

/**
 * raw_drain() - wait until all frames have left, or nothing moves any more
 * @link: by which they leave
 * @worker: the threads; they have ended
 * @n_workers: how many
 * @cancel_fd: gives up as soon as it is readable
 */
void raw_drain(const struct raw_link *link, const struct raw_worker *worker, uint32_t n_workers,
	       int cancel_fd)
{
	struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };
	struct queued queued = look(link, worker, n_workers), before;
	uint64_t now_ns = monotonic_ns();
	struct times t = { now_ns, now_ns, now_ns, now_ns };
	bool told = false;

	while (is_to_wait(&queued, &t) && !poll(&cancel, 1, LOOK_MS)) {
		before = queued;
		queued = look(link, worker, n_workers);
		t.now_ns = monotonic_ns();
		if (queued.frames != before.frames || queued.bytes != before.bytes)
			t.moved_ns = t.now_ns;
		if (queued.bytes)
			t.own_ns = t.now_ns;
		if (!told && t.now_ns - t.begin_ns > LONG_NS)
			log_notice("waiting for what is still in the queue of %s", link->name);
		told |= t.now_ns - t.begin_ns > LONG_NS;
	}
}
