// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Templates: frames of which all is ready but what differs from one to the next.
 *
 * Behind the headers a frame has the pattern, which goes by the place in the frame: so buffers that
 * were filled with it once only ever get new heads. A checksum is the complement of a sum that is
 * made once over all that stays, plus what is patched in; sums are of 16-bit words as they lie in
 * memory, which is as good as any other order (RFC 1071).
 *
 * Two fragments of a datagram are two templates. Only the first has headers, and so what is patched;
 * its checksum covers the pattern of the second.
 */
#include "raw-frame.h"

#include "raw-draft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define STAMP	       16 /* number and time */
#define PATTERN_FACTOR 31 /* any that makes neighbours differ */
#define IPV4_MORE      0x2000
#define FRAGMENT_UNIT  8
#define TCP_WINDOW     1024
#define ARP_REQUEST    1
#define ECHO4	       8
#define ECHO6	       128
#define SCTP_DATA      0
#define SCTP_ALL       3 /* first and last of a message */

/* What a template is made in. */
struct maker {
	const struct raw_config *config;
	const struct raw_ends *ends;
	const struct raw_kind *kind;
	struct raw_template *t;
	uint32_t part;	 /* of fragments */
	uint32_t header; /* bytes of layer 4's */
	struct draft d;
	uint8_t frame[RAW_MAX_FRAME + RAW_HEAD];
};

/**
 * raw_pattern() - the bytes that frames have behind their headers
 * @frame: a whole frame
 * @from: the first byte of it to fill
 * @to: behind the last one
 */
void raw_pattern(uint8_t *frame, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		frame[i] = (uint8_t)(i * PATTERN_FACTOR ^ i >> 8);
}

/* ---- checksums ---- */

static uint64_t sum_of(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t sum = 0;
	uint16_t word;

	for (; n > 1; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	word = 0;
	memcpy(&word, p, n);
	return sum + word;
}

/* To 16 bits and the carries: a half and the other, added, leave their sum and its carry above. */
static uint16_t fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

#define CRC_BIT(crc)  ((crc) >> 1 ^ ((crc)&1 ? 0x82f63b78U : 0))
#define CRC_BITS(crc) CRC_BIT(CRC_BIT(CRC_BIT(CRC_BIT(crc))))

/* CRC32c, of SCTP (RFC 9260, appendix A), least significant bit first, four bits at a time. */
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		CRC_BITS(0U),  CRC_BITS(1U),  CRC_BITS(2U),  CRC_BITS(3U),
		CRC_BITS(4U),  CRC_BITS(5U),  CRC_BITS(6U),  CRC_BITS(7U),
		CRC_BITS(8U),  CRC_BITS(9U),  CRC_BITS(10U), CRC_BITS(11U),
		CRC_BITS(12U), CRC_BITS(13U), CRC_BITS(14U), CRC_BITS(15U),
	};
	uint32_t crc = UINT32_MAX;

	while (n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* ---- layer 4 ---- */

static uint32_t body_len(const struct maker *m)
{
	return m->d.len - m->d.l4;
}

static uint32_t datagram_len(const struct maker *m)
{
	return body_len(m) * (m->kind->fragments ? 2 : 1);
}

static void make_tcp(struct maker *m)
{
	uint8_t *tcp = m->frame + m->d.l4;

	m->header = 20;
	m->t->flow_at = (uint16_t)m->d.l4;
	m->t->l4_check_at = (uint16_t)(m->d.l4 + 16);
	memset(tcp, 0, m->header);
	tcp[12] = 5 << 4;
	tcp[13] = (uint8_t)m->config->tcp_flags;
	put16(tcp + 14, TCP_WINDOW);
}

static void make_udp(struct maker *m)
{
	uint8_t *udp = m->frame + m->d.l4;

	m->header = 8;
	m->t->flow_at = (uint16_t)m->d.l4;
	m->t->l4_check_at = (uint16_t)(m->d.l4 + 6);
	memset(udp, 0, m->header);
	put16(udp + 4, datagram_len(m));
}

static void make_icmp(struct maker *m)
{
	uint8_t *icmp = m->frame + m->d.l4;

	m->header = 8;
	m->t->echo = true;
	m->t->flow_at = (uint16_t)(m->d.l4 + 4);
	m->t->l4_check_at = (uint16_t)(m->d.l4 + 2);
	memset(icmp, 0, m->header);
	icmp[0] = m->d.ipv6 ? ECHO6 : ECHO4;
}

/* One chunk of data, as long as the length of its header says; padding is of the pattern. */
static void make_sctp(struct maker *m)
{
	uint8_t *sctp = m->frame + m->d.l4;

	m->header = 28;
	m->t->flow_at = (uint16_t)m->d.l4;
	m->t->crc_from = (uint16_t)m->d.l4;
	memset(sctp, 0, m->header);
	sctp[7] = 1; /* tag */
	sctp[12] = SCTP_DATA;
	sctp[13] = SCTP_ALL;
	put16(sctp + 14, body_len(m) - 12);
}

static void make_l4(struct maker *m)
{
	m->header = 0;
	switch (m->kind->protocol) {
	case IPPROTO_TCP:
		return make_tcp(m);
	case IPPROTO_UDP:
		return make_udp(m);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return make_icmp(m);
	case IPPROTO_SCTP:
		return make_sctp(m);
	}
}

/* ---- layer 3 ---- */

static void make_ipv4(struct maker *m)
{
	uint8_t *ip = m->frame + m->d.l3;
	uint32_t offset = 0;

	m->d.l4 = m->d.l3 + 20;
	if (m->kind->fragments) {
		m->d.len -= body_len(m) % FRAGMENT_UNIT;
		offset = m->part ? body_len(m) / FRAGMENT_UNIT : IPV4_MORE;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, m->d.len - m->d.l3);
	put16(ip + 6, offset);
	ip[8] = (uint8_t)m->config->ttl;
	ip[9] = m->kind->protocol;
	memcpy(ip + 12, &m->ends->source4, 4);
	memcpy(ip + 16, &m->ends->destination4, 4);
	m->t->id_at = (uint16_t)(m->d.l3 + 4);
	m->t->ip_check_at = (uint16_t)(m->d.l3 + 10);
}

/* A fragment header: offset in units of 8 bytes, in the place of a number of bytes. */
static void make_fragment(struct maker *m)
{
	uint8_t *header = m->frame + m->d.l4;

	m->d.l4 += 8;
	m->d.len -= body_len(m) % FRAGMENT_UNIT;
	memset(header, 0, 8);
	header[0] = m->kind->protocol;
	put16(header + 2, m->part ? body_len(m) : 1);
	m->t->fragment_at = (uint16_t)(m->d.l4 - 4);
}

static void make_ipv6(struct maker *m)
{
	uint8_t *ip = m->frame + m->d.l3;

	m->d.ipv6 = true;
	m->d.l4 = m->d.l3 + 40;
	memset(ip, 0, 40);
	ip[0] = 0x60;
	ip[6] = m->kind->fragments ? IPPROTO_FRAGMENT : m->kind->protocol;
	ip[7] = (uint8_t)m->config->ttl;
	memcpy(ip + 8, &m->ends->source6, 16);
	memcpy(ip + 24, &m->ends->destination6, 16);
	if (m->kind->fragments)
		make_fragment(m);
	put16(ip + 4, m->d.len - m->d.l3 - 40);
}

static void make_arp(struct maker *m)
{
	uint8_t *arp = m->frame + m->d.l3;

	memset(arp, 0, 28);
	put16(arp, 1);
	put16(arp + 2, TYPE_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, ARP_REQUEST);
	memcpy(arp + 8, m->ends->source_mac, 6);
	memcpy(arp + 14, &m->ends->source4, 4);
	memcpy(arp + 24, &m->ends->destination4, 4);
}

/* ---- the whole ---- */

static const uint8_t *destination_mac(const struct maker *m)
{
	if (m->kind->ethertype == TYPE_IPV6)
		return m->ends->mac6;
	return m->kind->ethertype ? m->ends->mac4 : m->ends->other_mac;
}

static void make_ethernet(struct maker *m, uint32_t ethertype)
{
	const struct raw_vlan *vlan = &m->config->vlan;
	uint8_t *p = m->frame + 12;

	memcpy(m->frame, destination_mac(m), 6);
	memcpy(m->frame + 6, m->ends->source_mac, 6);
	for (uint32_t i = 0; i < vlan->n; i++, p += TAG) {
		put16(p, i + 1 < vlan->n ? TYPE_QINQ : TYPE_VLAN);
		put16(p + 2, vlan->id[i]);
	}
	put16(p, ethertype);
	m->d.l3 = m->d.l4 = (uint32_t)(p + 2 - m->frame);
}

static bool is_first(const struct maker *m)
{
	return !m->part;
}

static bool has_ip(const struct maker *m)
{
	return m->kind->ethertype == TYPE_IPV4 || m->kind->ethertype == TYPE_IPV6;
}

static void make_headers(struct maker *m)
{
	if (m->kind->ethertype == TYPE_IPV4)
		make_ipv4(m);
	else if (m->kind->ethertype == TYPE_IPV6)
		make_ipv6(m);
	else if (m->kind->ethertype == TYPE_ARP)
		make_arp(m);
	if (has_ip(m) && is_first(m))
		make_l4(m);
}

static void make_stamp(struct maker *m)
{
	uint32_t at = m->d.l4 + m->header;

	if (m->kind->ethertype == TYPE_ARP || !is_first(m) || at + STAMP > m->d.len)
		return;
	memset(m->frame + at, 0, STAMP);
	m->t->stamp_at = (uint16_t)at;
}

/* RFC 9293, 3.1; RFC 8200, 8.1; ICMP has none over IPv4. */
static uint64_t pseudo_header(const struct maker *m)
{
	uint64_t sum = htons((uint16_t)datagram_len(m)) + htons(m->kind->protocol);

	if (m->kind->protocol == IPPROTO_ICMP)
		return 0;
	if (!m->d.ipv6)
		return sum + sum_of(&m->ends->source4, 4) + sum_of(&m->ends->destination4, 4);
	return sum + sum_of(&m->ends->source6, 16) + sum_of(&m->ends->destination6, 16);
}

/* Of all that stays as it is; the fields that are patched are 0 still. */
static void make_sums(struct maker *m, uint32_t len)
{
	struct raw_template *t = m->t;
	uint64_t sum;

	if (t->ip_check_at)
		t->ip_sum = fold(sum_of(m->frame + m->d.l3, 20));
	if (!t->l4_check_at)
		return;
	sum = pseudo_header(m) + sum_of(m->frame + m->d.l4, len - m->d.l4);
	if (m->kind->fragments) {
		uint8_t second[RAW_MAX_FRAME];

		raw_pattern(second, m->d.l4, len);
		sum += sum_of(second + m->d.l4, len - m->d.l4);
	}
	t->l4_sum = fold(sum);
}

/**
 * raw_template_make() - prepare frames of one kind and size
 * @config: the run's
 * @ends: addresses
 * @item: of the mix
 * @size: bytes of the frame; less than its headers are as many as they, and those of fragments may be
 *	  up to 7 less
 * @part: 0, or 1 for the second of a kind of two frames
 * @ret: filled
 */
void raw_template_make(const struct raw_config *config, const struct raw_ends *ends,
		       const struct raw_mix_item *item, uint32_t size, uint32_t part,
		       struct raw_template *ret)
{
	uint32_t least = raw_kind_min_size(item->kind, config->vlan.n), len;
	struct maker m;

	*ret = (struct raw_template){ .n_back = (uint8_t)part };
	m.config = config;
	m.ends = ends;
	m.kind = raw_kind(item->kind);
	m.t = ret;
	m.part = part;
	m.header = 0;
	m.d = (struct draft){ .frame = m.frame, .len = size > least ? size : least };
	raw_pattern(m.frame, 0, m.d.len + RAW_HEAD);
	make_ethernet(&m, m.kind->ethertype ? m.kind->ethertype : item->ethertype);
	make_headers(&m);
	make_stamp(&m);
	len = m.d.len;
	if (m.kind->spoil)
		m.kind->spoil(&m.d);
	make_sums(&m, len);
	ret->len = m.d.len;
	memcpy(ret->head, m.frame, RAW_HEAD);
	raw_classify(m.frame, ret->len, &ret->class);
}

/* ---- one frame ---- */

static uint64_t fill_flow(const struct raw_template *t, const struct raw_patch *patch,
			  uint8_t *frame)
{
	uint16_t words[2] = { htons(patch->source_port), htons(patch->port) };

	if (t->echo) {
		words[0] = htons((uint16_t)patch->flow);
		words[1] = htons((uint16_t)patch->k);
	}
	memcpy(frame + t->flow_at, words, sizeof(words));
	return (uint64_t)words[0] + words[1];
}

static uint64_t fill_stamp(const struct raw_template *t, const struct raw_patch *patch,
			   uint8_t *frame)
{
	uint64_t words[2] = { htobe64(patch->k), htobe64(patch->time_ns) };

	memcpy(frame + t->stamp_at, words, sizeof(words));
	return (words[0] >> 32) + (uint32_t)words[0] + (words[1] >> 32) + (uint32_t)words[1];
}

static void fill_id(const struct raw_template *t, const struct raw_patch *patch, uint8_t *frame)
{
	uint16_t id = htons((uint16_t)patch->k_first), check;

	memcpy(frame + t->id_at, &id, sizeof(id));
	check = (uint16_t)~fold((uint64_t)t->ip_sum + id);
	memcpy(frame + t->ip_check_at, &check, sizeof(check));
}

static void fill_l4_check(const struct raw_template *t, uint64_t sum, uint8_t *frame)
{
	uint16_t check = (uint16_t)~fold(sum);

	if (!check && t->class.l4 == RAW_UDP)
		check = 0xffff; /* 0 says that there is none (RFC 768) */
	memcpy(frame + t->l4_check_at, &check, sizeof(check));
}

static void fill_rest(const struct raw_template *t, const struct raw_patch *patch, uint8_t *frame)
{
	uint32_t word;

	if (t->fragment_at) {
		word = htonl((uint32_t)patch->k_first);
		memcpy(frame + t->fragment_at, &word, sizeof(word));
	}
	if (t->crc_from && t->len > t->crc_from + 12U) {
		word = htole32(crc32c(frame + t->crc_from, t->len - t->crc_from));
		memcpy(frame + t->crc_from + 8, &word, sizeof(word));
	}
}

/**
 * raw_template_fill() - make one frame of a template
 * @t: the template
 * @patch: what is this frame's own
 * @frame: a buffer that has the pattern from RAW_HEAD on; at least as many bytes are there
 */
void raw_template_fill(const struct raw_template *t, const struct raw_patch *patch, uint8_t *frame)
{
	uint64_t sum = t->l4_sum;

	memcpy(frame, t->head, RAW_HEAD);
	if (t->flow_at)
		sum += fill_flow(t, patch, frame);
	if (t->stamp_at)
		sum += fill_stamp(t, patch, frame);
	if (t->id_at)
		fill_id(t, patch, frame);
	if (t->l4_check_at)
		fill_l4_check(t, sum, frame);
	if (t->fragment_at | t->crc_from)
		fill_rest(t, patch, frame);
}
