/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Numbers of Ethernet, and numbers as the network has them. */
#ifndef LOADGEN_RAW_ETHERNET_H
#define LOADGEN_RAW_ETHERNET_H

#include <stdint.h>

#define ETHERNET 14 /* bytes of a header */
#define TYPE_AT	 12 /* in it: the EtherType, or the first tag */
#define TAG	 4  /* bytes of a tag of a VLAN */

#define TYPE_IPV4 0x0800
#define TYPE_ARP  0x0806
#define TYPE_VLAN 0x8100
#define TYPE_IPV6 0x86dd
#define TYPE_QINQ 0x88a8

static inline uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

#endif
