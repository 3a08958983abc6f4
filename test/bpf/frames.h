/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Frames for tests of the counting programs: a frame is written as the row of its layers, and each
 * named frame carries the counters that it must change, worked out by hand.
 *
 * Lengths and next-protocol fields follow from the layers; LIT(n) in a field writes n instead.
 */
#ifndef SAMPLER_TEST_FRAMES_H
#define SAMPLER_TEST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler_abi.h"

#define FRAME_MAX	 73000 /* what BPF_PROG_TEST_RUN takes: a linear part and 17 pages */
#define FRAME_MAX_LAYERS 16
#define FRAME_MIN	 14

#define LIT(n) (1u << 31 | (uint32_t)(n))

enum layer_kind {
	LAYER_END,
	LAYER_ETH,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_EXT,  /* IPv6 extension header of (len + 1) * 8 bytes */
	LAYER_AH,   /* (len + 2) * 4 bytes */
	LAYER_FRAG, /* IPv6 fragment header */
	LAYER_TCP,
	LAYER_UDP,
	LAYER_ICMP,
	LAYER_ICMP6,
	LAYER_SCTP,
	LAYER_DATA, /* belongs to the layers before it */
	LAYER_PAD,  /* belongs to the frame alone */
	LAYER_N_KINDS
};

/* One layer; each kind uses the fields that bear its names, all of them 0 for the usual frame. */
struct layer {
	enum layer_kind kind;
	uint32_t self;	   /* number that names this layer in the layer before it */
	uint32_t next;	   /* EtherType, protocol, next header: LIT() to override */
	uint32_t version;  /* IP */
	uint32_t ihl;	   /* IPv4; TCP's data offset is doff */
	uint32_t options;  /* bytes of IPv4 or TCP options: LIT() to override */
	uint32_t length;   /* IPv4 total, IPv6 payload, UDP length: LIT() to override */
	uint32_t fragment; /* IPv4: the 16-bit field; IPv6: offset << 3 | M */
	uint32_t len;	   /* EXT, AH: the length field; LIT() writes it without the bytes */
	uint32_t hlen, plen, addresses; /* ARP; addresses: bytes behind the fixed part */
	uint32_t sport, dport;		/* 0: 40000; LIT(0): 0 */
	uint32_t doff, flags;		/* TCP */
	uint32_t size; /* bytes of DATA, PAD; ICMP, ICMP6, SCTP: LIT() to override */
};

#define ETH(...)                               \
	{                                      \
		.kind = LAYER_ETH, __VA_ARGS__ \
	}
#define VLAN(...)                                               \
	{                                                       \
		.kind = LAYER_VLAN, .self = 0x8100, __VA_ARGS__ \
	}
#define STAG(...)                                               \
	{                                                       \
		.kind = LAYER_VLAN, .self = 0x88a8, __VA_ARGS__ \
	}
#define ARP(...)                                               \
	{                                                      \
		.kind = LAYER_ARP, .self = 0x0806, __VA_ARGS__ \
	}
#define IP4(...)                                               \
	{                                                      \
		.kind = LAYER_IP4, .self = 0x0800, __VA_ARGS__ \
	}
#define IP6(...)                                               \
	{                                                      \
		.kind = LAYER_IP6, .self = 0x86dd, __VA_ARGS__ \
	}
#define EXT(no, ...)                                         \
	{                                                    \
		.kind = LAYER_EXT, .self = (no), __VA_ARGS__ \
	}
#define HOPOPT(...)   EXT(0, __VA_ARGS__)
#define ROUTING(...)  EXT(43, __VA_ARGS__)
#define DSTOPT(...)   EXT(60, __VA_ARGS__)
#define MOBILITY(...) EXT(135, __VA_ARGS__)
#define HIP(...)      EXT(139, __VA_ARGS__)
#define SHIM6(...)    EXT(140, __VA_ARGS__)
#define AH(...)                                           \
	{                                                 \
		.kind = LAYER_AH, .self = 51, __VA_ARGS__ \
	}
#define FRAG(...)                                           \
	{                                                   \
		.kind = LAYER_FRAG, .self = 44, __VA_ARGS__ \
	}
#define TCP(...)                                          \
	{                                                 \
		.kind = LAYER_TCP, .self = 6, __VA_ARGS__ \
	}
#define UDP(...)                                           \
	{                                                  \
		.kind = LAYER_UDP, .self = 17, __VA_ARGS__ \
	}
#define ICMP(...)                                          \
	{                                                  \
		.kind = LAYER_ICMP, .self = 1, __VA_ARGS__ \
	}
#define ICMP6(...)                                           \
	{                                                    \
		.kind = LAYER_ICMP6, .self = 58, __VA_ARGS__ \
	}
#define SCTP(...)                                            \
	{                                                    \
		.kind = LAYER_SCTP, .self = 132, __VA_ARGS__ \
	}
#define DATA(n)                                 \
	{                                       \
		.kind = LAYER_DATA, .size = (n) \
	}
#define PAD(n)                                 \
	{                                      \
		.kind = LAYER_PAD, .size = (n) \
	}

#define IP_DF 0x4000
#define IP_MF 0x2000

#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PSH 0x08
#define TH_ACK 0x10

/* Hand-written expectation, as bits for what may come together. */
#define NO_L4	  (-1)
#define VLAN_MARK (1u << SAMPLER_VLAN)
#define FRAG_MARK (1u << SAMPLER_FRAGMENT)
#define BAD_MARK  (1u << SAMPLER_MALFORMED)
#define SYN	  (1u << SAMPLER_SYN)
#define SYN_ACK	  (1u << SAMPLER_SYN_ACK)
#define FIN	  (1u << SAMPLER_FIN)
#define RST	  (1u << SAMPLER_RST)

/* The services of the tests' port table, as slot + 1. */
enum test_service {
	NO_SERVICE,
	HTTP,			     /* tcp 80 */
	HTTPS,			     /* tcp 443 */
	DNS,			     /* tcp 53, udp 53 */
	QUIC,			     /* udp 443 */
	EDGES,			     /* tcp 0, udp 65535 */
	LAST = SAMPLER_MAX_SERVICES, /* tcp 8080, udp 8080 */
};

struct named_frame {
	const char *name;
	size_t len;	 /* frame length in bytes, by hand */
	unsigned bucket; /* of the frame size */
	enum sampler_l3 l3;
	int l4; /* enum sampler_l4 or NO_L4 */
	unsigned marks;
	unsigned service; /* enum test_service */
	unsigned flags;
	struct layer layer[FRAME_MAX_LAYERS];
};

/* A built frame, with the place of each layer so that mutations can aim. */
struct frame {
	size_t len;
	uint32_t linear;
	size_t n_layers;
	size_t offset[FRAME_MAX_LAYERS];
	enum layer_kind kind[FRAME_MAX_LAYERS];
	uint8_t data[FRAME_MAX];
};

struct frame_group {
	const struct named_frame *frames;
	size_t n_frames;
};

extern const struct frame_group frames_l2, frames_ipv4, frames_ipv6, frames_l4, frames_jumbo;

size_t frames_all(const struct named_frame **ret_frames, size_t max);
void frame_build(const struct named_frame *named, struct frame *ret);
void frame_expect(const struct named_frame *named, struct sampler_counters *ret);
void frames_fill_ports(struct sampler_port_table *ret);

#define FRAMES_MAX 512

#endif
