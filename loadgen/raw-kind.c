// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The kinds of frames: good ones, fragments, and those that are malformed in one respect each.
 *
 * A malformed frame is a good one that is spoilt. But for those that are cut short nothing depends on
 * how long it is, so that padding on the way to 60 bytes leaves it as wrong as it was.
 */
#include "raw-draft.h"
#include "raw-frame.h"

#include "util/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define OTHER_PROTOCOL	  253	 /* for experiments (RFC 3692) */
#define DEFAULT_ETHERTYPE 0x88b5 /* the same (IEEE 802) */
#define MIN_ETHERTYPE	  0x0600
#define IPV4_HEADER	  20
#define IPV6_HEADER	  40
#define FRAGMENT_HEADER	  8
#define FRAGMENT_UNIT	  8
#define TCP_HEADER	  20
#define UDP_HEADER	  8
#define ICMP_HEADER	  8
#define SCTP_HEADER	  28 /* with that of its chunk */
#define ARP_HEADER	  28

/* ---- what can be wrong ---- */

static void spoil_vlan_cut(struct draft *d)
{
	put16(d->frame + 12, TYPE_VLAN);
	d->len = ETHERNET + TAG / 2;
}

static void spoil_arp_cut(struct draft *d)
{
	d->len = d->l3 + ARP_HEADER - 1;
}

/* Addresses of 255 bytes: four of them are in no frame of so many. */
static void spoil_arp_length(struct draft *d)
{
	d->frame[d->l3 + 4] = d->frame[d->l3 + 5] = 255;
	if (d->len > d->l3 + 4 * 255)
		d->len = d->l3 + 4 * 255;
}

static void spoil_ip4_cut(struct draft *d)
{
	d->len = d->l3 + IPV4_HEADER - 1;
}

static void spoil_ip4_version(struct draft *d)
{
	d->frame[d->l3] = 0x55;
}

static void spoil_ip4_ihl(struct draft *d)
{
	d->frame[d->l3] = 0x44;
}

static void spoil_ip4_short(struct draft *d)
{
	put16(d->frame + d->l3 + 2, IPV4_HEADER - 1);
}

static void spoil_ip4_long(struct draft *d)
{
	put16(d->frame + d->l3 + 2, d->len - d->l3 + 1);
}

static void spoil_ip6_cut(struct draft *d)
{
	d->len = d->l3 + IPV6_HEADER - 1;
}

static void spoil_ip6_version(struct draft *d)
{
	d->frame[d->l3] = 0x40;
}

static void spoil_ip6_long(struct draft *d)
{
	put16(d->frame + d->l3 + 4, d->len - d->l4 + 1);
}

/* A hop-by-hop header of which there are four bytes. */
static void spoil_ip6_extension(struct draft *d)
{
	d->frame[d->l3 + 6] = IPPROTO_HOPOPTS;
	put16(d->frame + d->l3 + 4, 4);
}

/* The packet ends so many bytes behind the header of IP; what follows is padding. */
static void end_after(struct draft *d, uint32_t n)
{
	if (d->ipv6)
		put16(d->frame + d->l3 + 4, n);
	else
		put16(d->frame + d->l3 + 2, IPV4_HEADER + n);
}

static void spoil_tcp_short(struct draft *d)
{
	end_after(d, TCP_HEADER - 1);
}

static void spoil_tcp_offset(struct draft *d)
{
	d->frame[d->l4 + 12] = 4 << 4;
}

static void spoil_tcp_offset_long(struct draft *d)
{
	end_after(d, TCP_HEADER);
	d->frame[d->l4 + 12] = 6 << 4;
}

static void spoil_udp_short(struct draft *d)
{
	end_after(d, UDP_HEADER - 1);
}

static void spoil_udp_length_short(struct draft *d)
{
	put16(d->frame + d->l4 + 4, UDP_HEADER - 1);
}

static void spoil_udp_length_long(struct draft *d)
{
	put16(d->frame + d->l4 + 4, d->len - d->l4 + 1);
}

static void spoil_icmp4_short(struct draft *d)
{
	end_after(d, ICMP_HEADER - 1);
}

static void spoil_icmp6_short(struct draft *d)
{
	end_after(d, 3);
}

static void spoil_sctp_short(struct draft *d)
{
	end_after(d, 11);
}

/* ---- the table ---- */

#define KIND4(name, protocol, ...)                     \
	{                                              \
		name, TYPE_IPV4, protocol, __VA_ARGS__ \
	}
#define KIND6(name, protocol, ...)                     \
	{                                              \
		name, TYPE_IPV6, protocol, __VA_ARGS__ \
	}

static const struct raw_kind kinds[] = {
	KIND4("tcp4", IPPROTO_TCP, false, NULL),
	KIND4("udp4", IPPROTO_UDP, false, NULL),
	KIND4("icmp4", IPPROTO_ICMP, false, NULL),
	KIND4("sctp4", IPPROTO_SCTP, false, NULL),
	KIND4("other4", OTHER_PROTOCOL, false, NULL),
	KIND6("tcp6", IPPROTO_TCP, false, NULL),
	KIND6("udp6", IPPROTO_UDP, false, NULL),
	KIND6("icmp6", IPPROTO_ICMPV6, false, NULL),
	KIND6("sctp6", IPPROTO_SCTP, false, NULL),
	KIND6("other6", OTHER_PROTOCOL, false, NULL),
	{ "arp", TYPE_ARP, 0, false, NULL },
	{ "ethertype", 0, 0, false, NULL },

	KIND4("tcp4-fragments", IPPROTO_TCP, true, NULL),
	KIND4("udp4-fragments", IPPROTO_UDP, true, NULL),
	KIND4("icmp4-fragments", IPPROTO_ICMP, true, NULL),
	KIND6("tcp6-fragments", IPPROTO_TCP, true, NULL),
	KIND6("udp6-fragments", IPPROTO_UDP, true, NULL),
	KIND6("icmp6-fragments", IPPROTO_ICMPV6, true, NULL),

	KIND4("bad-vlan-cut", IPPROTO_UDP, false, spoil_vlan_cut),
	{ "bad-arp-cut", TYPE_ARP, 0, false, spoil_arp_cut },
	{ "bad-arp-length", TYPE_ARP, 0, false, spoil_arp_length },
	KIND4("bad-ip4-cut", IPPROTO_UDP, false, spoil_ip4_cut),
	KIND4("bad-ip4-version", IPPROTO_UDP, false, spoil_ip4_version),
	KIND4("bad-ip4-ihl", IPPROTO_UDP, false, spoil_ip4_ihl),
	KIND4("bad-ip4-short", IPPROTO_UDP, false, spoil_ip4_short),
	KIND4("bad-ip4-long", IPPROTO_UDP, false, spoil_ip4_long),
	KIND6("bad-ip6-cut", IPPROTO_UDP, false, spoil_ip6_cut),
	KIND6("bad-ip6-version", IPPROTO_UDP, false, spoil_ip6_version),
	KIND6("bad-ip6-long", IPPROTO_UDP, false, spoil_ip6_long),
	KIND6("bad-ip6-extension", IPPROTO_UDP, false, spoil_ip6_extension),
	KIND4("bad-tcp4-short", IPPROTO_TCP, false, spoil_tcp_short),
	KIND4("bad-tcp4-offset", IPPROTO_TCP, false, spoil_tcp_offset),
	KIND4("bad-tcp4-offset-long", IPPROTO_TCP, false, spoil_tcp_offset_long),
	KIND6("bad-tcp6-short", IPPROTO_TCP, false, spoil_tcp_short),
	KIND6("bad-tcp6-offset", IPPROTO_TCP, false, spoil_tcp_offset),
	KIND6("bad-tcp6-offset-long", IPPROTO_TCP, false, spoil_tcp_offset_long),
	KIND4("bad-udp4-short", IPPROTO_UDP, false, spoil_udp_short),
	KIND4("bad-udp4-length-short", IPPROTO_UDP, false, spoil_udp_length_short),
	KIND4("bad-udp4-length-long", IPPROTO_UDP, false, spoil_udp_length_long),
	KIND6("bad-udp6-short", IPPROTO_UDP, false, spoil_udp_short),
	KIND6("bad-udp6-length-short", IPPROTO_UDP, false, spoil_udp_length_short),
	KIND6("bad-udp6-length-long", IPPROTO_UDP, false, spoil_udp_length_long),
	KIND4("bad-icmp4-short", IPPROTO_ICMP, false, spoil_icmp4_short),
	KIND6("bad-icmp6-short", IPPROTO_ICMPV6, false, spoil_icmp6_short),
	KIND4("bad-sctp4-short", IPPROTO_SCTP, false, spoil_sctp_short),
	KIND6("bad-sctp6-short", IPPROTO_SCTP, false, spoil_sctp_short),
};

_Static_assert(array_size(kinds) <= RAW_MAX_MIX, "a mix can have all kinds");

/** raw_kind() - Return: what is behind a number that raw_kind_find() has returned */
const struct raw_kind *raw_kind(uint32_t kind)
{
	return &kinds[kind];
}

/** raw_n_kinds() - Return: how many there are; their numbers are those below */
size_t raw_n_kinds(void)
{
	return array_size(kinds);
}

/* "0x88b5", at most four digits. */
static int parse_ethertype(const char *text, uint16_t *ret)
{
	unsigned int value = 0;

	if (strncmp(text, "0x", 2) || strlen(text) != 6 ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != 4 || sscanf(text + 2, "%4x", &value) != 1)
		return -EINVAL;
	if (value < MIN_ETHERTYPE)
		return -ERANGE;
	*ret = (uint16_t)value;
	return 0;
}

/**
 * raw_kind_find() - a kind by its name
 * @name: "udp4", "bad-ip4-ihl", "ethertype" or "ethertype=0x88b5"
 * @ret_ethertype: of a kind that has one of its own, else 0
 *
 * An EtherType of a VLAN, IP or ARP is refused: those frames have kinds, and are safeguarded as such.
 *
 * Return: its number, or -EINVAL.
 */
int raw_kind_find(const char *name, uint16_t *ret_ethertype)
{
	size_t n = strcspn(name, "=");
	uint16_t type = 0;

	for (size_t i = 0; i < array_size(kinds); i++) {
		if (strlen(kinds[i].name) != n || strncmp(kinds[i].name, name, n))
			continue;
		if (!kinds[i].ethertype)
			type = DEFAULT_ETHERTYPE;
		if (name[n] && (kinds[i].ethertype || parse_ethertype(name + n + 1, &type)))
			return -EINVAL;
		if (type == TYPE_IPV4 || type == TYPE_IPV6 || type == TYPE_ARP ||
		    type == TYPE_VLAN || type == TYPE_QINQ)
			return -EINVAL;
		*ret_ethertype = type;
		return (int)i;
	}
	return -EINVAL;
}

/** raw_kind_name() - the name of an item's kind, that raw_kind_find() reads back */
void raw_kind_name(const struct raw_mix_item *item, char *buf, size_t size)
{
	const struct raw_kind *kind = raw_kind(item->kind);

	if (kind->ethertype || item->ethertype == DEFAULT_ETHERTYPE)
		snprintf(buf, size, "%s", kind->name);
	else
		snprintf(buf, size, "%s=0x%04x", kind->name, item->ethertype);
}

/** raw_kind_is_ipv4() - Return: whether frames of a kind need addresses of IPv4 */
bool raw_kind_is_ipv4(uint32_t kind)
{
	return raw_kind(kind)->ethertype == TYPE_IPV4 || raw_kind(kind)->ethertype == TYPE_ARP;
}

/** raw_kind_is_ipv6() - Return: whether frames of a kind need addresses of IPv6 */
bool raw_kind_is_ipv6(uint32_t kind)
{
	return raw_kind(kind)->ethertype == TYPE_IPV6;
}

/** raw_kind_is_malformed() - Return: whether a sampler has to count a kind as malformed */
bool raw_kind_is_malformed(uint32_t kind)
{
	return raw_kind(kind)->spoil;
}

/** raw_kind_n_frames() - Return: how many frames one of a kind is */
uint32_t raw_kind_n_frames(uint32_t kind)
{
	return raw_kind(kind)->fragments ? 2 : 1;
}

static uint32_t l4_header(uint32_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TCP_HEADER;
	case IPPROTO_UDP:
		return UDP_HEADER;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ICMP_HEADER;
	case IPPROTO_SCTP:
		return SCTP_HEADER + 1;
	default:
		return 0;
	}
}

/**
 * raw_kind_min_size() - the smallest frame of a kind
 * @kind: its number
 * @n_tags: of VLANs
 *
 * Return: bytes that its headers take; those that are cut short are so from there on.
 */
uint32_t raw_kind_min_size(uint32_t kind, uint32_t n_tags)
{
	const struct raw_kind *k = raw_kind(kind);
	uint32_t n = ETHERNET + TAG * n_tags, header = l4_header(k->protocol);

	if (k->ethertype == TYPE_ARP)
		return n + ARP_HEADER;
	if (k->ethertype != TYPE_IPV4 && k->ethertype != TYPE_IPV6)
		return n;
	n += k->ethertype == TYPE_IPV4 ? IPV4_HEADER : IPV6_HEADER;
	if (!k->fragments)
		return n + header;
	header = (header + FRAGMENT_UNIT - 1) / FRAGMENT_UNIT * FRAGMENT_UNIT;
	return n + header + (k->ethertype == TYPE_IPV6 ? FRAGMENT_HEADER : 0);
}
