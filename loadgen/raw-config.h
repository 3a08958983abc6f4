/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the [raw] section asks for: frames, where they go, and what is allowed to them.
 */
#ifndef LOADGEN_RAW_CONFIG_H
#define LOADGEN_RAW_CONFIG_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_MAX_FLOWS	(1U << 20)
#define RAW_MAX_BURST	1000000
#define RAW_MAX_MIX	48 /* kinds in a mix */
#define RAW_MAX_SIZES	32 /* items of a list of sizes */
#define RAW_MAX_WEIGHT	1000
#define RAW_MIN_FRAME	14    /* bytes: a header of Ethernet */
#define RAW_MAX_FRAME	65535 /* bytes; the interface's MTU is mostly less */
#define RAW_MAX_LOOPS	1000000000
#define RAW_SPEED_PARTS 1000

struct raw_addresses {
	bool has4, has6;
	struct in_addr in4;
	struct in6_addr in6;
};

struct raw_mac {
	bool there;
	uint8_t byte[6];
};

struct raw_range {
	uint16_t first, last;
};

/* Sizes without FCS; one of each item's is drawn, in the proportion of the weights. */
struct raw_sizes {
	uint32_t n;
	struct raw_size {
		uint16_t first, last;
		uint16_t weight;
	} item[RAW_MAX_SIZES];
};

struct raw_mix {
	uint32_t n;
	struct raw_mix_item {
		uint16_t kind;	    /* raw-frame.h */
		uint16_t ethertype; /* of the kind that has one of its own */
		uint16_t weight;
	} item[RAW_MAX_MIX];
};

struct raw_vlan {
	uint32_t n; /* tags, outermost first */
	uint16_t id[2];
};

enum raw_socket_type { RAW_PACKET, RAW_XDP };

enum raw_flow_order { RAW_ROUND_ROBIN, RAW_UNIFORM, RAW_ZIPF };

struct raw_config {
	char interface[IF_NAMESIZE];
	struct raw_addresses destination, source; /* none: of the interface, by the route */
	struct raw_mac destination_mac, source_mac;

	struct raw_mix mix;
	struct raw_sizes sizes;
	struct raw_range port, source_port;
	uint32_t tcp_flags;
	struct raw_vlan vlan;
	uint32_t ttl;
	uint32_t flows;
	enum raw_flow_order flow_order;

	uint32_t burst; /* frames that are due together */
	bool layer1;	/* a bandwidth has preamble, FCS and gap in it */
	enum raw_socket_type socket;
	bool past_qdisc; /* PACKET_QDISC_BYPASS, or AF_XDP, which always is */
	uint64_t frames; /* of the whole run; 0: no limit */

	char pcap[256]; /* "": frames are made */
	uint64_t speed; /* of the capture's own times, in RAW_SPEED_PARTS; 0: rate or bandwidth */
	uint64_t loops; /* how often the capture is sent; 0: no limit */

	bool allow_any_destination, allow_any_source, allow_multicast, allow_default_route;
};

#endif
