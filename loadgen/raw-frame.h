/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Frames that are made here. A template is a frame of one kind and size, prepared before the run; what
 * differs from frame to frame (ports, numbers, times) is patched into a copy of its first bytes, and
 * the checksums follow from sums of the rest.
 */
#ifndef LOADGEN_RAW_FRAME_H
#define LOADGEN_RAW_FRAME_H

#include "raw-account.h"
#include "raw-config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_HEAD \
	128 /* bytes of a frame that differ from those of others; the rest is the pattern */

/* What all frames of a run have in common. */
struct raw_ends {
	uint8_t source_mac[6];
	uint8_t mac4[6], mac6[6], other_mac[6]; /* to which frames of IPv4, IPv6, neither go */
	struct in_addr source4, destination4;
	struct in6_addr source6, destination6;
};

struct raw_template {
	uint32_t len;
	uint16_t flow_at;     /* where ports, or identifier and number of an echo are; 0: none */
	uint16_t stamp_at;    /* number and time in the payload; 0: no room for both */
	uint16_t id_at;	      /* IPv4 identification; 0: none */
	uint16_t ip_check_at; /* 0: none */
	uint16_t l4_check_at; /* 0: none */
	uint16_t fragment_at; /* IPv6 fragment identification; 0: none */
	uint16_t crc_from;    /* SCTP: where the checksum of all that follows begins; 0: none */
	bool echo;
	uint8_t n_back;		 /* of fragments: how many of a thread's frames before began it */
	uint32_t ip_sum, l4_sum; /* of what is not patched */
	struct raw_class class;
	uint8_t head[RAW_HEAD];
};

/* What is patched into one frame. */
struct raw_patch {
	uint64_t k;	  /* its number in the whole run */
	uint64_t k_first; /* of fragments: that of the first one; else k */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint16_t source_port, port;
	uint32_t flow;
};

int raw_kind_find(const char *name, uint16_t *ret_ethertype);
void raw_kind_name(const struct raw_mix_item *item, char *buf, size_t size);
bool raw_kind_is_ipv4(uint32_t kind);
bool raw_kind_is_ipv6(uint32_t kind);
bool raw_kind_is_malformed(uint32_t kind);
uint32_t raw_kind_n_frames(uint32_t kind);
uint32_t raw_kind_min_size(uint32_t kind, uint32_t n_tags);
size_t raw_n_kinds(void);

void raw_pattern(uint8_t *frame, size_t from, size_t to);
void raw_template_make(const struct raw_config *config, const struct raw_ends *ends,
		       const struct raw_mix_item *item, uint32_t size, uint32_t part,
		       struct raw_template *ret);
void raw_template_fill(const struct raw_template *t, const struct raw_patch *patch, uint8_t *frame);

#endif
