/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_WIRE_H
#define LOADGEN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* Ethernet frames without FCS, as a packet counter on the way sees them. */
struct wire {
	uint64_t tx_frames, tx_bytes; /* with retransmissions */
	uint64_t rx_frames, rx_bytes;
	uint64_t tx_again_bytes;    /* payload of TCP sent more than once */
	uint64_t tx_again_frames;   /* in so many of the frames */
	uint64_t tx_unacked_frames; /* of data besides, that were not acknowledged (yet) */
	uint64_t tx_unacked_bytes;  /* their payload */
	uint64_t rx_disorder; /* frames received out of order: an ACK of each has SACK blocks */
};

/* What there is to say of a connection before it is closed. */
struct wire_end {
	struct wire wire;    /* since the SYN, until now */
	struct wire closing; /* what close() adds */
	uint64_t unsent;     /* bytes that TCP was given, and that nobody will ever send */
};

int wire_read(int fd, bool ipv6, struct wire *ret_wire);
int wire_settle(int fd, bool ipv6, struct wire_end *ret_end);
void wire_add(struct wire *sum, const struct wire *wire);
void wire_subtract(struct wire *wire, const struct wire *earlier);

#endif
