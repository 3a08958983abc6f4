// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The counting rules once more, written from their text and not from the BPF program, over a whole
 * frame in flat memory: what BPF_PROG_TEST_RUN counts must equal this for every input.
 *
 * A header is taken off the front of a span of bytes; each step returns what is left. `facts` holds
 * what was learned, and only at the end do facts become counters.
 */
#include <stdbool.h>
#include <string.h>

#include "oracle.h"

#define MAX_TAGS 2
#define MAX_EXT	 8

struct span {
	const uint8_t *p;
	size_t n;
};

struct facts {
	enum sampler_l3 l3;
	int l4; /* enum sampler_l4, -1 where not IP */
	bool vlan, fragment, malformed;
	uint8_t tcp_flags;
	unsigned service; /* slot + 1 */
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static struct span skip(struct span s, size_t n)
{
	return (struct span){ s.p + n, s.n - n };
}

static struct span first(struct span s, size_t n)
{
	return (struct span){ s.p, n };
}

static unsigned service_of(const uint8_t *ports, const uint8_t *table)
{
	uint8_t by_source = table[be16(ports)];
	uint8_t by_destination = table[be16(ports + 2)];

	return by_destination ? by_destination : by_source;
}

static bool tcp_fits(struct span s)
{
	return s.n >= 20 && s.p[12] >> 4 >= 5 && (size_t)(s.p[12] >> 4) * 4 <= s.n;
}

static bool udp_fits(struct span s, bool ipv6, bool fragment)
{
	size_t length;

	if (s.n < 8)
		return false;
	length = be16(s.p + 4);
	if (length == 0)
		return ipv6;
	return length >= 8 && (fragment || length <= s.n);
}

static void read_l4(struct span s, const struct sampler_port_table *ports, struct facts *f)
{
	bool ipv6 = f->l3 == SAMPLER_IPV6;

	switch (f->l4) {
	case SAMPLER_TCP:
		f->malformed = !tcp_fits(s);
		if (f->malformed)
			return;
		f->tcp_flags = s.p[13];
		f->service = service_of(s.p, ports->tcp);
		return;
	case SAMPLER_UDP:
		f->malformed = !udp_fits(s, ipv6, f->fragment);
		if (!f->malformed)
			f->service = service_of(s.p, ports->udp);
		return;
	case SAMPLER_ICMP:
		f->malformed = s.n < (ipv6 ? 4 : 8);
		return;
	case SAMPLER_SCTP:
		f->malformed = s.n < 12;
		return;
	}
}

static enum sampler_l4 l4_of(uint8_t protocol, uint8_t icmp)
{
	if (protocol == icmp)
		return SAMPLER_ICMP;
	switch (protocol) {
	case 6:
		return SAMPLER_TCP;
	case 17:
		return SAMPLER_UDP;
	case 132:
		return SAMPLER_SCTP;
	default:
		return SAMPLER_L4_OTHER;
	}
}

static bool ip4_bad(struct span s)
{
	size_t header, total;

	if (s.n < 20 || s.p[0] >> 4 != 4)
		return true;
	header = (s.p[0] & 15) * 4u;
	total = be16(s.p + 2);
	if (header < 20 || header > s.n)
		return true;
	if (total == 0 && s.n > 65535)
		return false; /* BIG TCP */
	return total < header || total > s.n;
}

static void read_ip4(struct span s, const struct sampler_port_table *ports, struct facts *f)
{
	size_t total;
	uint16_t frag;

	f->l3 = SAMPLER_IPV4;
	f->l4 = SAMPLER_L4_OTHER;
	f->malformed = ip4_bad(s);
	if (f->malformed)
		return;
	total = be16(s.p + 2);
	frag = be16(s.p + 6);
	f->fragment = frag & 0x3fff;
	f->l4 = l4_of(s.p[9], 1);
	if ((frag & 0x1fff) == 0)
		read_l4(skip(first(s, total ? total : s.n), (s.p[0] & 15) * 4u), ports, f);
}

static bool is_extension(uint8_t protocol)
{
	static const uint8_t all[] = { 0, 43, 44, 51, 60, 135, 139, 140 };

	return memchr(all, protocol, sizeof(all));
}

static size_t extension_size(uint8_t protocol, uint8_t length)
{
	if (protocol == 44)
		return 8;
	return protocol == 51 ? (length + 2) * 4u : (length + 1) * 8u;
}

/* Walks the chain; true where L4 comes next, false where the walk ends before it. */
static bool read_extensions(struct span *s, uint8_t *protocol, struct facts *f)
{
	for (int i = 0; is_extension(*protocol); i++) {
		size_t size;
		uint16_t frag;

		if (i == MAX_EXT)
			return false;
		f->malformed = s->n < 2 || s->n < (size = extension_size(*protocol, s->p[1]));
		if (f->malformed)
			return false;
		frag = *protocol == 44 ? be16(s->p + 2) & 0xfff9 : 0;
		*protocol = s->p[0];
		*s = skip(*s, size);
		if (!frag)
			continue;
		f->fragment = true;
		if (frag & 0xfff8) {
			f->l4 = l4_of(*protocol, 58);
			return false;
		}
	}
	return true;
}

static bool ip6_bad(struct span s)
{
	return s.n < 40 || s.p[0] >> 4 != 6 || be16(s.p + 4) > s.n - 40;
}

static void read_ip6(struct span s, const struct sampler_port_table *ports, struct facts *f)
{
	uint8_t protocol;
	struct span rest;

	f->l3 = SAMPLER_IPV6;
	f->l4 = SAMPLER_L4_OTHER;
	f->malformed = ip6_bad(s);
	if (f->malformed)
		return;
	protocol = s.p[6];
	rest = skip(s, 40);
	if (be16(s.p + 4) || (protocol != 0 && rest.n <= 65535)) /* jumbogram, BIG TCP */
		rest = first(rest, be16(s.p + 4));
	if (!read_extensions(&rest, &protocol, f))
		return;
	f->l4 = l4_of(protocol, 58);
	read_l4(rest, ports, f);
}

static void read_arp(struct span s, struct facts *f)
{
	f->l3 = SAMPLER_ARP;
	f->malformed = s.n < 8 || s.n < 8 + 2u * (s.p[4] + s.p[5]);
}

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8;
}

static void read_frame(struct span s, const struct sampler_port_table *ports, struct facts *f)
{
	uint16_t type = be16(s.p + 12);

	s = skip(s, 14);
	for (int i = 0; i < MAX_TAGS && is_tag(type); i++) {
		f->vlan = true;
		f->malformed = s.n < 4;
		if (f->malformed)
			return;
		type = be16(s.p + 2);
		s = skip(s, 4);
	}
	if (type == 0x0800)
		read_ip4(s, ports, f);
	else if (type == 0x86dd)
		read_ip6(s, ports, f);
	else if (type == 0x0806)
		read_arp(s, f);
}

static void add(struct sampler_count *count, bool yes, size_t len)
{
	if (!yes)
		return;
	count->packets++;
	count->bytes += len;
}

static unsigned bucket_of(size_t len)
{
	return len <= 60    ? 0
	       : len < 124  ? 1
	       : len < 252  ? 2
	       : len < 508  ? 3
	       : len < 1020 ? 4
	       : len < 1515 ? 5
			    : 6;
}

/**
 * oracle_count() - the counters that one frame must change, starting from zero
 * @frame: the whole frame
 * @len: its length in bytes, at least 14
 * @ports: the port table in use
 * @ret: the counters
 */
void oracle_count(const uint8_t *frame, size_t len, const struct sampler_port_table *ports,
		  struct sampler_counters *ret)
{
	struct facts f = { .l3 = SAMPLER_L3_OTHER, .l4 = -1 };
	uint8_t flags;

	read_frame((struct span){ frame, len }, ports, &f);
	flags = f.tcp_flags;
	memset(ret, 0, sizeof(*ret));
	add(&ret->l3[f.l3], true, len);
	if (f.l4 >= 0)
		add(&ret->l4[f.l4], true, len);
	add(&ret->mark[SAMPLER_VLAN], f.vlan, len);
	add(&ret->mark[SAMPLER_FRAGMENT], f.fragment, len);
	add(&ret->mark[SAMPLER_MALFORMED], f.malformed, len);
	if (f.service)
		add(&ret->service[f.service - 1], true, len);
	ret->size[bucket_of(len)] = 1;
	ret->tcp_flag[SAMPLER_SYN] = (flags & 0x12) == 0x02;
	ret->tcp_flag[SAMPLER_SYN_ACK] = (flags & 0x12) == 0x12;
	ret->tcp_flag[SAMPLER_FIN] = flags & 1;
	ret->tcp_flag[SAMPLER_RST] = flags >> 2 & 1;
}

static struct sampler_count sum_of(const struct sampler_count *counts, size_t n)
{
	struct sampler_count sum = { 0 };

	for (size_t i = 0; i < n; i++) {
		sum.packets += counts[i].packets;
		sum.bytes += counts[i].bytes;
	}
	return sum;
}

/**
 * oracle_invariant() - what holds of one frame's counters whatever the frame is
 * @one: the counters that one frame changed
 * @len: its length
 *
 * Return: NULL, or the invariant that is broken.
 */
const char *oracle_invariant(const struct sampler_counters *one, size_t len)
{
	struct sampler_count l3 = sum_of(one->l3, SAMPLER_N_L3);
	struct sampler_count l4 = sum_of(one->l4, SAMPLER_N_L4);
	struct sampler_count ip = sum_of(one->l3, SAMPLER_IPV6 + 1);
	struct sampler_count services = sum_of(one->service, SAMPLER_MAX_SERVICES);
	uint64_t sizes = 0;

	for (size_t i = 0; i < SAMPLER_N_SIZES; i++)
		sizes += one->size[i];
	if (l3.packets != 1 || l3.bytes != len)
		return "the frame is in exactly one L3 class with its length";
	if (l4.packets != ip.packets || l4.bytes != ip.bytes)
		return "L4 classes add up to IPv4 and IPv6";
	if (sizes != 1)
		return "the frame is in exactly one size bucket";
	if (services.packets > 1 || services.bytes != services.packets * len)
		return "at most one service, with the frame's length";
	for (size_t i = 0; i < SAMPLER_N_MARKS; i++)
		if (one->mark[i].packets > 1 || one->mark[i].bytes != one->mark[i].packets * len)
			return "each mark at most once, with the frame's length";
	return NULL;
}
