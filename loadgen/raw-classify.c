// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How a sampler counts a frame, from its bytes: the rules of bpf/README.md, written a second time, so
 * that frames of a capture file have an account as well as those that are made here.
 *
 * What does not fit or cannot be is malformed, and keeps what was found up to there.
 */
#include "raw-account.h"
#include "raw-ethernet.h"

#include <netinet/in.h>
#include <string.h>

#define VLAN_TAGS_MAX  2
#define EXTENSIONS_MAX 8
#define IPV4_MORE      0x2000
#define IPV4_OFFSET    0x1fff
#define IPV6_MORE      0x0001
#define IPV6_OFFSET    0xfff8
#define NEXT_MOBILITY  135
#define NEXT_HIP       139
#define NEXT_SHIM6     140
#define BIG_TCP	       0xffff /* a length of 0 stands for more than this */
#define TCP_FIN	       0x01
#define TCP_SYN	       0x02
#define TCP_RST	       0x04
#define TCP_ACK	       0x10

/* What is left of a frame, and within it of the packet. */
struct rest {
	const uint8_t *pos;
	size_t frame, packet;
};

struct packet {
	bool ipv6, fragment, later;
};

static void step(struct rest *rest, size_t n)
{
	rest->pos += n;
	rest->frame -= n;
	rest->packet -= n;
}

static bool has(const struct rest *rest, size_t n)
{
	return rest->frame >= n && rest->packet >= n;
}

static void bad(struct raw_class *c)
{
	c->mark[RAW_MALFORMED] = true;
}

static void bad_ip(struct raw_class *c)
{
	c->l4 = RAW_L4_OTHER;
	bad(c);
}

/* ---- layer 4 ---- */

static void put_ports(const struct rest *rest, struct raw_class *c)
{
	c->has_ports = true;
	c->source = (uint16_t)be16(rest->pos);
	c->dest = (uint16_t)be16(rest->pos + 2);
}

static void tcp(const struct rest *rest, const struct packet *p, struct raw_class *c)
{
	uint32_t header, flags;

	if (p->later)
		return;
	header = has(rest, 20) ? (uint32_t)(rest->pos[12] >> 4) * 4 : 0;
	if (header < 20 || header > rest->packet) {
		bad(c);
		return;
	}
	flags = rest->pos[13];
	c->flag[RAW_SYN] = (flags & TCP_SYN) && !(flags & TCP_ACK);
	c->flag[RAW_SYN_ACK] = (flags & TCP_SYN) && (flags & TCP_ACK);
	c->flag[RAW_FIN] = flags & TCP_FIN;
	c->flag[RAW_RST] = flags & TCP_RST;
	put_ports(rest, c);
}

/* A length of 0 is that of a jumbogram (RFC 2675); that of a fragment is the whole datagram's. */
static bool udp_len_fits(uint32_t len, const struct rest *rest, const struct packet *p)
{
	if (len < 8)
		return !len && p->ipv6;
	return p->fragment || len <= rest->packet;
}

static void udp(const struct rest *rest, const struct packet *p, struct raw_class *c)
{
	if (p->later)
		return;
	if (!has(rest, 8) || !udp_len_fits(be16(rest->pos + 4), rest, p))
		bad(c);
	else
		put_ports(rest, c);
}

static void portless(const struct rest *rest, const struct packet *p, size_t n, struct raw_class *c)
{
	if (!p->later && rest->packet < n)
		bad(c);
}

static void layer4(const struct rest *rest, const struct packet *p, uint32_t protocol,
		   struct raw_class *c)
{
	if (protocol == IPPROTO_TCP) {
		c->l4 = RAW_TCP;
		tcp(rest, p, c);
	} else if (protocol == IPPROTO_UDP) {
		c->l4 = RAW_UDP;
		udp(rest, p, c);
	} else if (protocol == IPPROTO_SCTP) {
		c->l4 = RAW_SCTP;
		portless(rest, p, 12, c);
	} else if (protocol == (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		c->l4 = RAW_ICMP;
		portless(rest, p, p->ipv6 ? 4 : 8, c);
	} else {
		c->l4 = RAW_L4_OTHER;
	}
}

/* ---- layer 3 ---- */

/* Bytes of the packet, or 0 where its header cannot be. */
static size_t ipv4_len(const struct rest *rest)
{
	size_t header = (rest->pos[0] & 15) * 4U, total = be16(rest->pos + 2);

	if (!total && rest->packet > BIG_TCP)
		total = rest->packet;
	if (rest->pos[0] >> 4 != 4 || header < 20 || total < header || total > rest->packet)
		return 0;
	return total;
}

static void ipv4(struct rest *rest, struct raw_class *c)
{
	struct packet p = { .ipv6 = false };
	size_t total = rest->frame >= 20 ? ipv4_len(rest) : 0, header;
	uint32_t protocol;

	c->l3 = RAW_IPV4;
	if (!total) {
		bad_ip(c);
		return;
	}
	p.later = be16(rest->pos + 6) & IPV4_OFFSET;
	p.fragment = c->mark[RAW_FRAGMENT] = be16(rest->pos + 6) & (IPV4_MORE | IPV4_OFFSET);
	protocol = rest->pos[9];
	header = (rest->pos[0] & 15) * 4U;
	rest->packet = total;
	step(rest, header);
	layer4(rest, &p, protocol, c);
}

static bool is_extension(uint32_t next)
{
	static const uint8_t all[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING,  IPPROTO_DSTOPTS,
				       IPPROTO_AH,	IPPROTO_FRAGMENT, NEXT_MOBILITY,
				       NEXT_HIP,	NEXT_SHIM6 };

	return memchr(all, (int)next, sizeof(all));
}

static size_t extension_len(uint32_t next, uint32_t len)
{
	if (next == IPPROTO_FRAGMENT)
		return 8;
	return next == IPPROTO_AH ? (len + 2) * 4 : (len + 1) * 8;
}

/* Return: the upper layer's protocol, or -1 where a header does not fit. */
static int walk_extensions(struct rest *rest, uint32_t next, struct packet *p, struct raw_class *c)
{
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(next) && !p->later; i++) {
		uint32_t fragment, following;
		size_t size;

		if (!has(rest, 8))
			return -1;
		size = extension_len(next, rest->pos[1]);
		if (size > rest->packet)
			return -1;
		fragment = next == IPPROTO_FRAGMENT ? be16(rest->pos + 2) : 0;
		if (fragment & (IPV6_OFFSET | IPV6_MORE)) {
			p->fragment = c->mark[RAW_FRAGMENT] = true;
			p->later = fragment & IPV6_OFFSET;
		}
		following = rest->pos[0];
		step(rest, size);
		next = following;
	}
	return (int)next;
}

static void ipv6(struct rest *rest, struct raw_class *c)
{
	struct packet p = { .ipv6 = true };
	size_t payload;
	uint32_t next;
	int protocol;

	c->l3 = RAW_IPV6;
	if (rest->frame < 40 || rest->pos[0] >> 4 != 6) {
		bad_ip(c);
		return;
	}
	payload = be16(rest->pos + 4);
	next = rest->pos[6];
	step(rest, 40);
	if (payload > rest->packet) {
		bad_ip(c);
		return;
	}
	/* 0: a jumbogram (RFC 2675), or BIG TCP */
	if (payload || (next != IPPROTO_HOPOPTS && rest->packet <= BIG_TCP))
		rest->packet = payload;
	protocol = walk_extensions(rest, next, &p, c);
	if (protocol < 0)
		bad_ip(c);
	else
		layer4(rest, &p, (uint32_t)protocol, c);
}

static void arp(const struct rest *rest, struct raw_class *c)
{
	c->l3 = RAW_ARP;
	if (rest->frame < 8 || 8 + 2U * (rest->pos[4] + rest->pos[5]) > rest->packet)
		bad(c);
}

/* ---- layer 2 ---- */

static bool is_vlan(uint32_t type)
{
	return type == TYPE_VLAN || type == TYPE_QINQ;
}

/* Steps over at most two tags. Return: the type behind them, or -1 where one is cut short. */
static int walk_tags(struct rest *rest, uint32_t type, struct raw_class *c)
{
	c->mark[RAW_VLAN] = is_vlan(type);
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(type); i++) {
		if (rest->frame < 4)
			return -1;
		type = be16(rest->pos + 2);
		step(rest, 4);
	}
	return (int)type;
}

/**
 * raw_classify() - how a sampler counts a frame
 * @frame: from its destination address on, without FCS
 * @n: bytes there
 * @ret: filled
 */
void raw_classify(const void *frame, size_t n, struct raw_class *ret)
{
	struct rest rest = { frame, n, n };
	int type = -1;

	*ret = (struct raw_class){ .len = (uint32_t)n, .l3 = RAW_L3_OTHER, .l4 = RAW_NO_L4 };
	if (n >= ETHERNET) {
		type = (int)be16(rest.pos + 12);
		step(&rest, ETHERNET);
		type = walk_tags(&rest, (uint32_t)type, ret);
	}
	if (type < 0)
		bad(ret);
	else if (type == TYPE_IPV4)
		ipv4(&rest, ret);
	else if (type == TYPE_IPV6)
		ipv6(&rest, ret);
	else if (type == TYPE_ARP)
		arp(&rest, ret);
}
