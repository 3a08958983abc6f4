/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The interface that raw frames leave by, and what the kernel knows of the way to a destination. */
#ifndef LOADGEN_RAW_LINK_H
#define LOADGEN_RAW_LINK_H

#include "raw-config.h"
#include "raw-frame.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RAW_MAX_OWN 64 /* addresses of an interface; more are left out, and so count as foreign */

struct raw_link {
	char name[IF_NAMESIZE];
	uint32_t ifindex, mtu;
	uint8_t mac[6];
	char world
		[IF_NAMESIZE]; /* the interface by which it leads to the world, itself mostly; or "" */
	uint32_t n_own4, n_own6;
	struct in_addr own4[RAW_MAX_OWN], broadcast4[RAW_MAX_OWN]; /* a broadcast: 0 for none */
	struct in6_addr own6[RAW_MAX_OWN];
};

/* What a link has counted by itself. */
struct raw_link_stats {
	bool there, carrier;
	uint64_t tx_dropped;
	uint32_t n_carrier_lost;
	uint32_t queue, queue_dropped; /* the root queueing discipline, and all below it */
	uint32_t n_queued;	       /* frames that are in it */
};

int raw_link_find(const char *name, struct raw_link *ret, struct error *err);
int raw_link_ends(const struct raw_config *raw, const struct raw_link *link, struct raw_ends *ret,
		  struct error *err);
void raw_link_stats(const struct raw_link *link, struct raw_link_stats *ret);

#endif
