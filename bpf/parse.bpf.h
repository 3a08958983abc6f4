/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Parser: from a frame to what it is (struct frame_class). It reads headers and decides; it counts
 * nothing and never fails. What does not fit or cannot be is marked malformed, and the frame keeps
 * the class that was known up to there.
 *
 * Packet pointers are bounds-checked against the linear part; a header beyond it (multi-buffer
 * frame) is copied to the stack by header(). Offsets are from the frame's first byte.
 */
#ifndef SAMPLER_PARSE_BPF_H
#define SAMPLER_PARSE_BPF_H

#include "sampler_abi.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX	    2
#define IPV6_EXTENSIONS_MAX 8
#define OFFSET_MAX	    0x3fff /* far beyond any bounded header chain; keeps the verifier sure */
#define IPV4_MF		    0x2000
#define IPV4_OFFSET	    0x1fff
#define IPV6_OFFSET_MF	    0xfff9
#define IPV6_OFFSET	    0xfff8

#define NEXT_FRAGMENT 44
#define NEXT_MOBILITY 135
#define NEXT_HIP      139
#define NEXT_SHIM6    140
#define PROTO_ICMPV6  58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct frame {
	struct xdp_md *ctx;
	void *data;
	void *data_end; /* of the linear part */
	__u32 len;	/* whole frame, all buffers */
	__u32 offset;	/* of the header that comes next */
	__u32 limit;	/* where the packet ends; padding follows */
};

struct frame_class {
	__u32 l3; /* enum sampler_l3 */
	__u32 l4; /* enum sampler_l4; SAMPLER_N_L4: no IP packet */
	__u16 source_port, dest_port;
	__u8 tcp_flags;
	_Bool vlan, fragment, malformed, ports;
};

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

struct arp_fixed {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
};

struct ipv6_extension {
	__u8 next;
	__u8 len;
	__be16 offset_flags; /* of a fragment header */
	__be32 rest;
};

struct sctp_common {
	__be16 source, dest;
	__be32 tag, checksum;
};

/* The next @size bytes, in place or copied to @copy; NULL where the packet ends before. */
static __always_inline void *header(const struct frame *f, void *copy, __u32 size)
{
	__u32 offset = f->offset;

	if (offset > OFFSET_MAX || offset + size > f->limit)
		return NULL;
	if (f->data + offset + size <= f->data_end)
		return f->data + offset;
	return bpf_xdp_load_bytes(f->ctx, offset, copy, size) ? NULL : copy;
}

static __always_inline _Bool remains(const struct frame *f, __u32 size)
{
	return f->offset + size <= f->limit;
}

static __always_inline void parse_tcp(const struct frame *f, struct frame_class *c)
{
	struct tcphdr copy, *tcp = header(f, &copy, sizeof(copy));

	if (!tcp || tcp->doff < 5 || !remains(f, tcp->doff * 4)) {
		c->malformed = 1;
		return;
	}
	c->source_port = bpf_ntohs(tcp->source);
	c->dest_port = bpf_ntohs(tcp->dest);
	c->tcp_flags = ((const __u8 *)tcp)[13];
	c->ports = 1;
}

/* RFC 768; a length of 0 is that of a jumbogram (RFC 2675), a fragment's is the whole datagram's. */
static __always_inline void parse_udp(const struct frame *f, struct frame_class *c)
{
	struct udphdr copy, *udp = header(f, &copy, sizeof(copy));
	__u32 len;

	if (!udp) {
		c->malformed = 1;
		return;
	}
	len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp) ? len || c->l3 != SAMPLER_IPV6 : !c->fragment && !remains(f, len)) {
		c->malformed = 1;
		return;
	}
	c->source_port = bpf_ntohs(udp->source);
	c->dest_port = bpf_ntohs(udp->dest);
	c->ports = 1;
}

/* What carries no ports that a service could have: only the header must be there. */
static __always_inline void parse_portless(const struct frame *f, struct frame_class *c, __u32 size)
{
	if (!remains(f, size))
		c->malformed = 1;
}

static __always_inline __u32 l4_class(__u32 l3, __u32 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return SAMPLER_TCP;
	case IPPROTO_UDP:
		return SAMPLER_UDP;
	case IPPROTO_SCTP:
		return SAMPLER_SCTP;
	case IPPROTO_ICMP:
		return l3 == SAMPLER_IPV4 ? SAMPLER_ICMP : SAMPLER_L4_OTHER;
	case PROTO_ICMPV6:
		return l3 == SAMPLER_IPV6 ? SAMPLER_ICMP : SAMPLER_L4_OTHER;
	default:
		return SAMPLER_L4_OTHER;
	}
}

static __always_inline void parse_l4(const struct frame *f, struct frame_class *c, __u32 protocol,
				     _Bool later_fragment)
{
	c->l4 = l4_class(c->l3, protocol);
	if (later_fragment)
		return; /* payload, not a header */
	switch (c->l4) {
	case SAMPLER_TCP:
		return parse_tcp(f, c);
	case SAMPLER_UDP:
		return parse_udp(f, c);
	case SAMPLER_SCTP:
		return parse_portless(f, c, sizeof(struct sctp_common));
	case SAMPLER_ICMP: /* RFC 792, RFC 4443 */
		return parse_portless(f, c, c->l3 == SAMPLER_IPV4 ? 8 : 4);
	}
}

static __always_inline void parse_ipv4(struct frame *f, struct frame_class *c)
{
	struct iphdr copy, *ip = header(f, &copy, sizeof(copy));
	__u32 present = f->len - f->offset, header_len, total, fragment;

	c->l4 = SAMPLER_L4_OTHER;
	c->malformed = 1;
	if (!ip || ip->version != 4)
		return;
	header_len = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (!total && present > 0xffff)
		total = present; /* BIG TCP, seen where segments are merged before us (Linux 6.3) */
	if (header_len < sizeof(*ip) || total < header_len || total > present)
		return;
	c->malformed = 0;
	f->limit = f->offset + total;
	f->offset += header_len;
	fragment = bpf_ntohs(ip->frag_off);
	c->fragment = !!(fragment & (IPV4_MF | IPV4_OFFSET));
	parse_l4(f, c, ip->protocol, !!(fragment & IPV4_OFFSET));
}

static __always_inline _Bool is_extension(__u32 next)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case NEXT_FRAGMENT:
	case NEXT_MOBILITY:
	case NEXT_HIP:
	case NEXT_SHIM6:
		return 1;
	default:
		return 0;
	}
}

/* RFC 8200 section 4, RFC 4302 section 2.2 for the length of AH. */
static __always_inline __u32 extension_len(__u32 next, __u32 len)
{
	if (next == NEXT_FRAGMENT)
		return 8;
	return next == IPPROTO_AH ? (len + 2) * 4 : (len + 1) * 8;
}

/* Behind the fixed header: at most IPV6_EXTENSIONS_MAX extensions, then the upper layer. */
static __always_inline void parse_ipv6_chain(struct frame *f, struct frame_class *c, __u32 next)
{
	_Bool later_fragment = 0;

	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		struct ipv6_extension copy, *ext;
		__u32 len;

		if (!is_extension(next) || later_fragment)
			break;
		ext = header(f, &copy, sizeof(copy));
		if (!ext)
			goto malformed;
		len = extension_len(next, ext->len);
		if (!remains(f, len))
			goto malformed;
		if (next == NEXT_FRAGMENT && ext->offset_flags & bpf_htons(IPV6_OFFSET_MF)) {
			c->fragment = 1;
			later_fragment = !!(ext->offset_flags & bpf_htons(IPV6_OFFSET));
		}
		next = ext->next;
		f->offset += len;
	}
	return parse_l4(f, c, next, later_fragment);
malformed:
	c->malformed = 1;
}

static __always_inline void parse_ipv6(struct frame *f, struct frame_class *c)
{
	struct ipv6hdr copy, *ip = header(f, &copy, sizeof(copy));
	__u32 present = f->len - f->offset, payload;

	c->l4 = SAMPLER_L4_OTHER;
	c->malformed = 1;
	if (!ip || ip->version != 6)
		return;
	present -= sizeof(*ip);
	payload = bpf_ntohs(ip->payload_len);
	if (!payload && ip->nexthdr == IPPROTO_HOPOPTS)
		payload = present; /* jumbogram, RFC 2675; also BIG TCP */
	if (payload > present)
		return;
	c->malformed = 0;
	f->offset += sizeof(*ip);
	f->limit = f->offset + payload;
	parse_ipv6_chain(f, c, ip->nexthdr);
}

/* RFC 826: two addresses of each kind follow the fixed part. */
static __always_inline void parse_arp(const struct frame *f, struct frame_class *c)
{
	struct arp_fixed copy, *arp = header(f, &copy, sizeof(copy));

	c->malformed = !arp || !remains(f, sizeof(*arp) +
						   2 * (arp->hardware_len + arp->protocol_len));
}

static __always_inline _Bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* The EtherType behind at most two tags; 0 where a tag is cut short. */
static __always_inline __be16 parse_vlan(struct frame *f, struct frame_class *c, __be16 ethertype)
{
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag copy, *tag;

		if (!is_vlan(ethertype))
			break;
		c->vlan = 1;
		tag = header(f, &copy, sizeof(copy));
		if (!tag) {
			c->malformed = 1;
			return 0;
		}
		ethertype = tag->ethertype;
		f->offset += sizeof(*tag);
	}
	return ethertype;
}

/* Classify a frame. @c must be zero. */
static __always_inline void parse_frame(struct frame *f, struct frame_class *c)
{
	struct ethhdr copy, *eth = header(f, &copy, sizeof(copy));
	__be16 ethertype;

	c->l3 = SAMPLER_L3_OTHER;
	c->l4 = SAMPLER_N_L4;
	if (!eth) {
		c->malformed = 1;
		return;
	}
	f->offset = sizeof(*eth);
	ethertype = parse_vlan(f, c, eth->h_proto);
	switch (ethertype) {
	case bpf_htons(ETH_P_IP):
		c->l3 = SAMPLER_IPV4;
		return parse_ipv4(f, c);
	case bpf_htons(ETH_P_IPV6):
		c->l3 = SAMPLER_IPV6;
		return parse_ipv6(f, c);
	case bpf_htons(ETH_P_ARP):
		c->l3 = SAMPLER_ARP;
		return parse_arp(f, c);
	}
}

#endif
