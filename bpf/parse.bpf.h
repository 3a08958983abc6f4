/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Reading headers: a cursor that steps through a frame, and what each header says.
 *
 * Three kinds of frame are read by the same code. In a received frame of one buffer (nearly all) headers
 * are read in place; in a multi-buffer frame, whose headers may lie beyond its linear part, they are
 * copied; in a frame that is sent, whose payload mostly does and whose headers mostly do not, each
 * header is read in place where it can be. Which of the three is a constant after inlining, so the
 * common kind pays nothing for the others.
 */
#ifndef SAMPLER_PARSE_BPF_H
#define SAMPLER_PARSE_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The code is laid out so that untagged TCP over IPv4 runs straight on; it says nothing of rules. */
#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define VLAN_TAGS_MAX	    2
#define IPV6_EXTENSIONS_MAX 8
#define IPV4_MF		    0x2000
#define IPV4_OFFSET	    0x1fff
#define IPV6_MF		    0x0001
#define IPV6_OFFSET	    0xfff8

#define NEXT_FRAGMENT 44
#define NEXT_MOBILITY 135
#define NEXT_HIP      139
#define NEXT_SHIM6    140
#define PROTO_ICMPV6  58

struct cursor {
	void *ctx;     /* struct __sk_buff where @tx, else struct xdp_md */
	void *pos;     /* unless @copying: the next header */
	void *end;     /* unless @copying: of the linear part */
	__u32 offset;  /* of the next header, where it has to be copied */
	__u32 left;    /* bytes of the packet from here on; padding is not of it */
	_Bool copying; /* no header is read in place */
	_Bool tx;      /* a header beyond the linear part is copied */
};

/* The kernel's struct ethhdr is packed, which makes clang read the EtherType in two steps. */
struct ethernet {
	__u8 dest[ETH_ALEN], source[ETH_ALEN];
	__be16 ethertype;
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

static __always_inline void *copied(const struct cursor *at, void *copy, __u32 size)
{
	long r = at->tx ? bpf_skb_load_bytes(at->ctx, at->offset, copy, size)
			: bpf_xdp_load_bytes(at->ctx, at->offset, copy, size);

	return r ? NULL : copy;
}

/* The next @size bytes, in place or in @copy; NULL where the frame ends before. */
static __always_inline void *header(const struct cursor *at, void *copy, __u32 size)
{
	if (at->copying)
		return copied(at, copy, size);
	if (likely(at->pos + size <= at->end))
		return at->pos;
	return at->tx ? copied(at, copy, size) : NULL;
}

/* The same, NULL also where the packet ends before the frame: what follows is padding. */
static __always_inline void *packet_header(const struct cursor *at, void *copy, __u32 size)
{
	return at->left < size ? NULL : header(at, copy, size);
}

static __always_inline void advance(struct cursor *at, __u32 size)
{
	at->pos += size;
	at->offset += size;
	at->left -= size;
}

static __always_inline _Bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
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

/*
 * Bytes of an IPv4 packet from its header on, or 0 where the header cannot be. A total length of 0
 * is that of BIG TCP (Linux 6.3), seen where segments are merged before us.
 */
static __always_inline __u32 ipv4_len(const struct iphdr *ip, __u32 present)
{
	__u32 total = bpf_ntohs(ip->tot_len);

	if (unlikely(!total) && present > 0xffff)
		total = present;
	if (ip->version != 4 || ip->ihl < 5 || total < ip->ihl * 4 || total > present)
		return 0;
	return total;
}

/* RFC 768; a length of 0 is that of a jumbogram (RFC 2675), a fragment's is the whole datagram's. */
static __always_inline _Bool udp_len_fits(const struct udphdr *udp, const struct cursor *at,
					  _Bool ipv6, _Bool fragment)
{
	__u32 len = bpf_ntohs(udp->len);

	if (len < sizeof(*udp))
		return !len && ipv6;
	return fragment || len <= at->left;
}

#endif
