/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A frame while it is made, and the kinds that there are. Only for raw-kind.c and raw-frame.c. */
#ifndef LOADGEN_RAW_DRAFT_H
#define LOADGEN_RAW_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#define TYPE_IPV4 0x0800
#define TYPE_ARP  0x0806
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TYPE_IPV6 0x86dd

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
void put16(uint8_t *p, uint32_t value);

#endif
