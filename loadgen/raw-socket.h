/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How frames get to an interface. A kind of socket is a filled struct of functions, so that nothing
 * else asks which it is.
 */
#ifndef LOADGEN_RAW_SOCKET_H
#define LOADGEN_RAW_SOCKET_H

#include "raw-config.h"
#include "raw-link.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define RAW_MOST_XDP 4096 /* bytes of a frame: a page, which is the most that there is */
#define RAW_BATCH    64	  /* frames, at most, that are handed over at once */

/* Is used by one thread at a time. */
struct raw_socket {
	const struct raw_socket_kind *kind; /* NULL: there is none */
	int fd;
	void *state; /* the kind's own */
};

struct raw_socket_kind {
	/*
	 * Return: 0 or negative errno with the error set; to be closed in any case. The index is that of
	 * a thread.
	 */
	int (*open)(struct raw_socket *s, const struct raw_config *raw, const struct raw_link *link,
		    uint32_t index, struct error *err);
	void (*close)(struct raw_socket *s);

	/*
	 * Hand over the first of so many frames, in their order. They stay the caller's; where some were
	 * not taken, the next call begins with these.
	 *
	 * Return: how many were taken; else why not even the first: -EAGAIN (no room for it),
	 * -ENOBUFS (the interface has dropped it, and counted that) or another negative errno.
	 */
	int (*send)(struct raw_socket *s, const struct iovec *frame, uint32_t n);
	/* Whether it may be that where some were taken, the interface has refused the next. */
	bool (*has_room)(const struct raw_socket *s);
	/* After -EAGAIN: until there may be room, or much later. */
	void (*wait)(struct raw_socket *s);
	/* Where nothing more is sent. Return: how many frames were taken and are not yet told. */
	uint32_t (*settle)(struct raw_socket *s);
	/* How much of what was taken has not left the interface. */
	uint64_t (*queued)(const struct raw_socket *s);
};

extern const struct raw_socket_kind raw_socket_packet, raw_socket_xdp;

int raw_socket_open(struct raw_socket *s, const struct raw_config *raw, const struct raw_link *link,
		    uint32_t index, struct error *err);
void raw_socket_close(struct raw_socket *s);
int raw_socket_refused(struct error *err);

#endif
