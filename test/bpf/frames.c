// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Builds the bytes of a frame from its row of layers, and its expected counters from the columns
 * written by hand. Checksums stay zero: the programs under test do not read them.
 *
 * Payload and padding are the bytes 00 50 over and over, so that a program which takes payload of a
 * later fragment, padding or options for ports finds port 80 there, counts http, and is caught.
 */
#include <assert.h>
#include <string.h>

#include "frames.h"

static uint32_t pick(uint32_t field, uint32_t usual)
{
	return field & LIT(0) ? field & ~LIT(0) : usual;
}

static uint32_t port(uint32_t field)
{
	return pick(field, field ? field : 40000);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = i % 2 ? 0x50 : 0x00;
}

static uint32_t ip4_options(const struct layer *l)
{
	uint32_t ihl = pick(l->ihl, 5);

	return pick(l->options, ihl > 5 ? ihl * 4 - 20 : 0);
}

static uint32_t tcp_options(const struct layer *l)
{
	uint32_t doff = pick(l->doff, 5);

	return pick(l->options, doff > 5 ? doff * 4 - 20 : 0);
}

static uint32_t ext_size(const struct layer *l)
{
	if (l->kind == LAYER_AH)
		return l->len & LIT(0) ? 8 : (l->len + 2) * 4;
	return l->len & LIT(0) ? 8 : (l->len + 1) * 8;
}

static uint32_t layer_size(const struct layer *l)
{
	switch (l->kind) {
	case LAYER_ETH:
		return 14;
	case LAYER_VLAN:
		return 4;
	case LAYER_ARP:
		return 8 + pick(l->addresses, 2 * (pick(l->hlen, 6) + pick(l->plen, 4)));
	case LAYER_IP4:
		return 20 + ip4_options(l);
	case LAYER_IP6:
		return 40;
	case LAYER_EXT:
	case LAYER_AH:
		return ext_size(l);
	case LAYER_FRAG:
	case LAYER_UDP:
		return 8;
	case LAYER_TCP:
		return 20 + tcp_options(l);
	case LAYER_ICMP:
		return pick(l->size, 8);
	case LAYER_ICMP6:
		return pick(l->size, 4);
	case LAYER_SCTP:
		return pick(l->size, 12);
	default:
		return l->size;
	}
}

/* Bytes from this layer on that belong to it: all up to the padding. */
static uint32_t size_from(const struct layer *l)
{
	uint32_t sum = 0;

	for (; l->kind != LAYER_END && l->kind != LAYER_PAD; l++)
		sum += layer_size(l);
	return sum;
}

static uint32_t next_number(const struct layer *l)
{
	return pick(l->next, l[1].self);
}

static void write_eth(uint8_t *p, const struct layer *l)
{
	memcpy(p, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	put16(p + 12, next_number(l));
}

static void write_arp(uint8_t *p, const struct layer *l)
{
	put16(p, 1);
	put16(p + 2, 0x0800);
	p[4] = (uint8_t)pick(l->hlen, 6);
	p[5] = (uint8_t)pick(l->plen, 4);
	put16(p + 6, 1);
}

static void write_ip4(uint8_t *p, const struct layer *l)
{
	p[0] = (uint8_t)(pick(l->version, 4) << 4 | pick(l->ihl, 5));
	p[1] = 0;
	put16(p + 2, pick(l->length, size_from(l)));
	put16(p + 4, 0x1234);
	put16(p + 6, l->fragment);
	p[8] = 64;
	p[9] = (uint8_t)next_number(l);
	put16(p + 10, 0);
	memcpy(p + 12, "\xc6\x12\x00\x01\xc6\x12\x00\x02", 8);
	fill(p + 20, ip4_options(l));
}

static void write_ip6(uint8_t *p, const struct layer *l)
{
	memset(p, 0, 40);
	p[0] = (uint8_t)(pick(l->version, 6) << 4);
	put16(p + 4, pick(l->length, size_from(l) - 40));
	p[6] = (uint8_t)next_number(l);
	p[7] = 64;
	p[8] = p[24] = 0xfd;
	p[23] = 1;
	p[39] = 2;
}

static void write_ext(uint8_t *p, const struct layer *l)
{
	fill(p, ext_size(l));
	p[0] = (uint8_t)next_number(l);
	p[1] = (uint8_t)pick(l->len, l->len);
}

static void write_frag(uint8_t *p, const struct layer *l)
{
	p[0] = (uint8_t)next_number(l);
	p[1] = 0;
	put16(p + 2, l->fragment);
	memcpy(p + 4, "\x12\x34\x56\x78", 4);
}

static void write_tcp(uint8_t *p, const struct layer *l)
{
	memset(p, 0, 20);
	put16(p, port(l->sport));
	put16(p + 2, port(l->dport));
	p[12] = (uint8_t)(pick(l->doff, 5) << 4);
	p[13] = (uint8_t)l->flags;
	fill(p + 20, tcp_options(l));
}

static void write_udp(uint8_t *p, const struct layer *l)
{
	put16(p, port(l->sport));
	put16(p + 2, port(l->dport));
	put16(p + 4, pick(l->length, size_from(l)));
	put16(p + 6, 0);
}

static void write_other(uint8_t *p, const struct layer *l)
{
	fill(p, layer_size(l));
}

static void write_vlan(uint8_t *p, const struct layer *l)
{
	put16(p, 0x0064);
	put16(p + 2, next_number(l));
}

static void write_layer(uint8_t *p, const struct layer *l)
{
	static void (*const write[LAYER_N_KINDS])(uint8_t *, const struct layer *) = {
		[LAYER_ETH] = write_eth,    [LAYER_VLAN] = write_vlan,	[LAYER_ARP] = write_arp,
		[LAYER_IP4] = write_ip4,    [LAYER_IP6] = write_ip6,	[LAYER_EXT] = write_ext,
		[LAYER_AH] = write_ext,	    [LAYER_FRAG] = write_frag,	[LAYER_TCP] = write_tcp,
		[LAYER_UDP] = write_udp,    [LAYER_ICMP] = write_other, [LAYER_ICMP6] = write_other,
		[LAYER_SCTP] = write_other, [LAYER_DATA] = write_other, [LAYER_PAD] = write_other,
	};

	write[l->kind](p, l);
}

/**
 * frame_build() - the bytes of a named frame
 * @named: its layers
 * @ret: where to write them, with the offset of each layer
 */
void frame_build(const struct named_frame *named, struct frame *ret)
{
	ret->len = 0;
	ret->n_layers = 0;
	ret->linear = 0;
	for (const struct layer *l = named->layer; l->kind != LAYER_END; l++) {
		size_t size = layer_size(l);

		assert(ret->len + size <= FRAME_MAX);
		fill(ret->data + ret->len, size);
		write_layer(ret->data + ret->len, l);
		ret->offset[ret->n_layers] = ret->len;
		ret->kind[ret->n_layers++] = l->kind;
		ret->len += size;
	}
}

static void expect_one(struct sampler_count *count, size_t len)
{
	count->packets = 1;
	count->bytes = len;
}

/**
 * frame_expect() - the counters that a named frame must leave behind, starting from zero
 * @named: its hand-written columns
 * @ret: the counters
 */
void frame_expect(const struct named_frame *named, struct sampler_counters *ret)
{
	memset(ret, 0, sizeof(*ret));
	expect_one(&ret->l3[named->l3], named->len);
	if (named->l4 != NO_L4)
		expect_one(&ret->l4[named->l4], named->len);
	for (unsigned i = 0; i < SAMPLER_N_MARKS; i++)
		if (named->marks & 1u << i)
			expect_one(&ret->mark[i], named->len);
	if (named->service != NO_SERVICE)
		expect_one(&ret->service[named->service - 1], named->len);
	for (unsigned i = 0; i < SAMPLER_N_FLAGS; i++)
		ret->tcp_flag[i] = named->flags >> i & 1;
	ret->size[named->bucket] = 1;
}

/**
 * frames_fill_ports() - the port table that the named frames are written for
 * @ret: the table
 */
void frames_fill_ports(struct sampler_port_table *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tcp[80] = HTTP;
	ret->tcp[443] = HTTPS;
	ret->tcp[53] = ret->udp[53] = DNS;
	ret->udp[443] = QUIC;
	ret->tcp[0] = ret->udp[65535] = EDGES;
	ret->tcp[8080] = ret->udp[8080] = LAST;
}

/**
 * frames_all() - every named frame of every group
 * @ret_frames: room for @max pointers
 * @max: that room
 *
 * Return: their number.
 */
size_t frames_all(const struct named_frame **ret_frames, size_t max)
{
	static const struct frame_group *const groups[] = {
		&frames_l2, &frames_ipv4, &frames_ipv6, &frames_l4, &frames_jumbo,
	};
	size_t n = 0;

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (size_t i = 0; i < groups[g]->n_frames; i++) {
			assert(n < max);
			ret_frames[n++] = &groups[g]->frames[i];
		}
	return n;
}
