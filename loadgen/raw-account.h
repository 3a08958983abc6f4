/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a run of raw frames has sent, in the classes in which a sampler counts them: the same names
 * and rules as its own (README of bpf/), written a second time.
 *
 * Nothing is counted frame by frame. The frames of a run are a known sequence (raw-sequence.h), of
 * which each thread has sent its own from the first one on; the account is worked out from how many.
 */
#ifndef LOADGEN_RAW_ACCOUNT_H
#define LOADGEN_RAW_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exclusive: each frame is in exactly one of them. */
enum raw_l3 { RAW_IPV4, RAW_IPV6, RAW_ARP, RAW_L3_OTHER, RAW_N_L3 };

/* Exclusive: each IPv4 or IPv6 packet is in exactly one of them; RAW_NO_L4: no such packet. */
enum raw_l4 { RAW_TCP, RAW_UDP, RAW_ICMP, RAW_SCTP, RAW_L4_OTHER, RAW_N_L4, RAW_NO_L4 = RAW_N_L4 };

enum raw_mark { RAW_VLAN, RAW_FRAGMENT, RAW_MALFORMED, RAW_N_MARKS };

enum raw_tcp_flag { RAW_SYN, RAW_SYN_ACK, RAW_FIN, RAW_RST, RAW_N_FLAGS };

/* By length without FCS: at most 60, 123, 251, 507, 1019, 1514, and more. */
#define RAW_N_SIZES 7

/* How one frame is counted. */
struct raw_class {
	uint32_t len; /* without FCS */
	enum raw_l3 l3;
	enum raw_l4 l4;
	bool mark[RAW_N_MARKS];
	bool flag[RAW_N_FLAGS];
	bool has_ports; /* those of a whole TCP or UDP header, which may be a service's */
	uint16_t source, dest;
};

struct raw_count {
	uint64_t frames, bytes;
};

/* Frames of one pair of ports: a service is matched by dest, and where that is none by source. */
struct raw_ports {
	bool tcp; /* else UDP */
	uint16_t source, dest;
	struct raw_count count; /* frames 0: a place in the table that is free */
};

struct raw_account {
	struct raw_count total;
	struct raw_count l3[RAW_N_L3], l4[RAW_N_L4], mark[RAW_N_MARKS];
	uint64_t size[RAW_N_SIZES];
	uint64_t tcp_flag[RAW_N_FLAGS];
	struct raw_ports *ports; /* a table with free places among them; walk all n_ports */
	size_t n_ports, n_ports_used;
};

void raw_classify(const void *frame, size_t n, struct raw_class *ret);
int raw_account_add(struct raw_account *account, const struct raw_class *class, uint64_t n);
void raw_account_free(struct raw_account *account);

#endif
