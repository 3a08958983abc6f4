/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A frame while it is made, and the kinds that there are. */
#ifndef LOADGEN_RAW_DRAFT_H
#define LOADGEN_RAW_DRAFT_H

#include "raw-ethernet.h"

#include <stdbool.h>
#include <stdint.h>

struct draft {
	uint8_t *frame;
	uint32_t len, l3, l4;
	bool ipv6;
};

struct raw_kind {
	const char *name;
	uint16_t ethertype;		    /* 0: that of the item of the mix */
	uint8_t protocol;		    /* of an IP packet */
	bool fragments;			    /* a datagram in two frames */
	void (*spoil)(struct draft *draft); /* NULL: nothing is wrong with it */
};

const struct raw_kind *raw_kind(uint32_t kind);

#endif
