/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_LINK_H
#define SAMPLER_KERNEL_LINK_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel says of an interface, read in one request. */
struct link_info {
	uint32_t ifindex;
	char name[SAMPLER_NAME_MAX];
	uint16_t type;	/* ARPHRD_* */
	uint32_t flags; /* IFF_* */
	bool up;	/* it could pass frames now: switched on, and with a carrier */
	uint32_t mtu;
	uint64_t rx_packets;  /* the driver's own count, for cross-checks only */
	uint32_t xdp_prog_id; /* 0: none */
	bool xdp_skb;	      /* attached in generic mode */
};

int link_socket(void);
int link_query_index(int fd, uint32_t ifindex, struct link_info *ret_link);
int link_query_name(int fd, const char *name, struct link_info *ret_link);
const char *link_label(uint32_t ifindex, char buf[SAMPLER_NAME_MAX]);
int link_names(char *buf, size_t size);
uint32_t link_xdp_prog_id(uint32_t ifindex);
bool link_vlan_stripped(const char *name);
int link_speed(const char *name, uint32_t *ret_mbps);

#endif
