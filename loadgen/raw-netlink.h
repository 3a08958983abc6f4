/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Asking the kernel by route netlink; nothing here changes anything. */
#ifndef LOADGEN_RAW_NETLINK_H
#define LOADGEN_RAW_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct netlink_request {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
		struct ifinfomsg link;
		struct tcmsg queue;
		char room[256]; /* for attributes as well */
	};
};

void netlink_request_init(struct netlink_request *request, uint16_t type, size_t n);
void netlink_request_add(struct netlink_request *request, uint16_t type, const void *value,
			 size_t n);
int netlink_ask(struct netlink_request *request,
		void (*take)(const struct nlmsghdr *answer, void *user), void *user);
const void *netlink_attribute(const struct nlmsghdr *answer, size_t n, uint16_t type, size_t least);

#endif
