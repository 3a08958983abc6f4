/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The maps, and the walk of a frame from the outside in: each header is read, and what it tells is
 * counted at once. A header that does not fit or cannot be ends the walk as malformed; the frame keeps
 * what was counted up to there.
 */
#ifndef SAMPLER_WALK_BPF_H
#define SAMPLER_WALK_BPF_H

#include "count.bpf.h"
#include "parse.bpf.h"
#include "sampler_abi.h"

/*
 * Which generation this copy of the program is. Two copies may be in a chain for a moment while one
 * is handed over to the other; only the one that `sampler_control` names counts. A section, and with it
 * a map, of its own: any later samplerd can ask a program which one it is.
 */
const volatile __u32 sampler_generation SEC(SAMPLER_SECTION_GENERATION) = 0;

/*
 * Whether this program may look at the kernel's own view of a frame. For sampler_rx that is
 * bpf_cast_to_kern_ctx(), if there is one (Linux 6.2), which costs nothing, where a call of
 * bpf_xdp_get_buff_len() costs a third of all that is done here; for sampler_tx
 * bpf_probe_read_kernel().
 */
const volatile _Bool sampler_sees_kernel = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SAMPLER_N_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct sampler_counters);
} sampler_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sampler_control);
} sampler_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct sampler_port_table);
} sampler_ports SEC(".maps");

/* Not read here: bound to the program when it is loaded, so that a program says whose it is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sampler_meta);
} sampler_meta SEC(".maps");

/*
 * A BPF-to-BPF function must leave a number in R0, also one whose result nobody reads; "used" keeps
 * clang from optimising it away.
 */
#define SUBPROGRAM static __attribute__((noinline, used)) int

/*
 * Adds this CPU's counters and the port table in use. False where another generation counts; a
 * subprogram, which goes on with a frame whose count has begun, does not ask.
 */
static __always_inline _Bool tally_begin(struct tally *t, enum sampler_direction direction,
					 _Bool ask_generation)
{
	__u32 key = 0;
	struct sampler_control *control = bpf_map_lookup_elem(&sampler_control, &key);

	if (!control || (ask_generation && control->generation != sampler_generation))
		return 0;
	key = control->port_table & 1;
	t->ports = bpf_map_lookup_elem(&sampler_ports, &key);
	key = direction;
	t->n = bpf_map_lookup_elem(&sampler_count, &key);
	return t->ports && t->n;
}

static __always_inline void malformed(const struct tally *t)
{
	count(t, &t->n->mark[SAMPLER_MALFORMED]);
}

/* ---- layer 4 ---- */

/* What is known of an IP packet when its payload begins. */
struct packet {
	_Bool ipv6;
	_Bool fragment;	      /* first or later */
	_Bool later_fragment; /* its payload is no header */
};

static __always_inline void walk_tcp(const struct tally *t, const struct cursor *at,
				     const struct packet *p)
{
	struct tcphdr copy, *tcp;

	count(t, &t->n->l4[SAMPLER_TCP]);
	if (p->later_fragment)
		return;
	tcp = packet_header(at, &copy, sizeof(copy));
	if (unlikely(!tcp || tcp->doff < 5 || tcp->doff * 4 > at->left))
		return malformed(t);
	count_flags(t, ((const __u8 *)tcp)[13]);
	count_service(t, t->ports->tcp, tcp);
}

static __always_inline void walk_udp(const struct tally *t, const struct cursor *at,
				     const struct packet *p)
{
	struct udphdr copy, *udp;

	count(t, &t->n->l4[SAMPLER_UDP]);
	if (p->later_fragment)
		return;
	udp = packet_header(at, &copy, sizeof(copy));
	if (!udp || !udp_len_fits(udp, at, p->ipv6, p->fragment))
		return malformed(t);
	count_service(t, t->ports->udp, udp);
}

/* What carries no ports that a service could have: only its header must be there. */
static __always_inline void walk_portless(const struct tally *t, const struct cursor *at,
					  const struct packet *p, enum sampler_l4 l4, __u32 size)
{
	count(t, &t->n->l4[l4]);
	if (!p->later_fragment && at->left < size)
		malformed(t);
}

static __always_inline void walk_l4(const struct tally *t, const struct cursor *at,
				    const struct packet *p, __u32 protocol)
{
	if (likely(protocol == IPPROTO_TCP))
		return walk_tcp(t, at, p);
	if (protocol == IPPROTO_UDP)
		return walk_udp(t, at, p);
	if (protocol == IPPROTO_SCTP)
		return walk_portless(t, at, p, SAMPLER_SCTP, sizeof(struct sctp_common));
	if (protocol == (p->ipv6 ? PROTO_ICMPV6 : IPPROTO_ICMP)) /* RFC 4443, RFC 792 */
		return walk_portless(t, at, p, SAMPLER_ICMP, p->ipv6 ? 4 : 8);
	count(t, &t->n->l4[SAMPLER_L4_OTHER]);
}

/* ---- layer 3 ---- */

static __always_inline void malformed_ip(const struct tally *t)
{
	count(t, &t->n->l4[SAMPLER_L4_OTHER]);
	malformed(t);
}

static __always_inline void walk_ipv4(const struct tally *t, struct cursor *at)
{
	struct iphdr copy, *ip;
	struct packet p = {};
	__u32 len;

	count(t, &t->n->l3[SAMPLER_IPV4]);
	ip = header(at, &copy, sizeof(copy));
	len = ip ? ipv4_len(ip, at->left) : 0;
	if (unlikely(!len))
		return malformed_ip(t);
	if (unlikely(ip->frag_off & bpf_htons(IPV4_MF | IPV4_OFFSET))) {
		p.fragment = 1;
		p.later_fragment = !!(ip->frag_off & bpf_htons(IPV4_OFFSET));
		count(t, &t->n->mark[SAMPLER_FRAGMENT]);
	}
	at->left = len;
	advance(at, ip->ihl * 4);
	walk_l4(t, at, &p, ip->protocol);
}

/* With what a function of its own goes on with a frame. */
struct rest {
	__u64 packets, len; /* as struct tally has them */
	__u32 offset, left; /* as struct cursor */
	__u32 next;
};

/*
 * At most IPV6_EXTENSIONS_MAX extensions, then the upper layer. A function of its own that copies each
 * header, whatever the frame: extensions are rare, and a loop over packet pointers of unknown offset
 * is more than the verifier of Linux 6.1 follows.
 */
static __always_inline void walk_extensions(struct tally *t, struct cursor *at, __u32 next)
{
	struct packet p = { .ipv6 = 1 };

	for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(next) && !p.later_fragment; i++) {
		struct ipv6_extension copy, *ext = packet_header(at, &copy, sizeof(copy));
		__u32 size, fragment;

		size = ext ? extension_len(next, ext->len) : 0;
		if (!ext || size > at->left)
			return malformed_ip(t);
		fragment = next == NEXT_FRAGMENT ? bpf_ntohs(ext->offset_flags) : 0;
		if (fragment & (IPV6_OFFSET | IPV6_MF)) {
			if (!p.fragment)
				count(t, &t->n->mark[SAMPLER_FRAGMENT]);
			p.fragment = 1;
			p.later_fragment = !!(fragment & IPV6_OFFSET);
		}
		next = ext->next;
		advance(at, size);
	}
	walk_l4(t, at, &p, next);
}

SUBPROGRAM walk_extensions_rx(struct xdp_md *ctx, const struct rest *rest)
{
	struct cursor at = { ctx, .offset = rest->offset, .left = rest->left, .copying = 1 };
	struct tally t = { .packets = 1, .len = rest->len };

	if (tally_begin(&t, SAMPLER_RX, 0))
		walk_extensions(&t, &at, rest->next);
	return 0;
}

SUBPROGRAM walk_extensions_tx(struct __sk_buff *ctx, const struct rest *rest)
{
	struct cursor at = {
		ctx, .offset = rest->offset, .left = rest->left, .copying = 1, .tx = 1,
	};
	struct tally t = { .packets = rest->packets, .len = rest->len };

	if (tally_begin(&t, SAMPLER_TX, 0))
		walk_extensions(&t, &at, rest->next);
	return 0;
}

static __always_inline void walk_extensions_apart(const struct tally *t, const struct cursor *at,
						  __u32 next)
{
	struct rest rest = {
		.packets = t->packets,
		.len = t->len,
		.offset = at->offset,
		.left = at->left,
		.next = next,
	};

	if (at->tx)
		walk_extensions_tx(at->ctx, &rest);
	else
		walk_extensions_rx(at->ctx, &rest);
}

static __always_inline void walk_ipv6(const struct tally *t, struct cursor *at)
{
	struct ipv6hdr copy, *ip;
	struct packet p = { .ipv6 = 1 };
	__u32 payload, next;

	count(t, &t->n->l3[SAMPLER_IPV6]);
	ip = header(at, &copy, sizeof(copy));
	if (!ip || ip->version != 6)
		return malformed_ip(t);
	payload = bpf_ntohs(ip->payload_len);
	next = ip->nexthdr;
	advance(at, sizeof(*ip));
	if (payload > at->left)
		return malformed_ip(t);
	/* 0: a jumbogram (RFC 2675), or BIG TCP, of late without that option */
	if (payload || (next != IPPROTO_HOPOPTS && at->left <= 0xffff))
		at->left = payload;
	if (unlikely(next != IPPROTO_TCP && is_extension(next))) /* TCP need not ask */
		walk_extensions_apart(t, at, next);
	else
		walk_l4(t, at, &p, next);
}

/* RFC 826: two addresses of each kind follow the fixed part. */
static __always_inline void walk_arp(const struct tally *t, const struct cursor *at)
{
	struct arp_fixed copy, *arp = header(at, &copy, sizeof(copy));

	count(t, &t->n->l3[SAMPLER_ARP]);
	if (!arp || sizeof(*arp) + 2 * (arp->hardware_len + arp->protocol_len) > at->left)
		malformed(t);
}

static __always_inline void other(const struct tally *t, _Bool whole)
{
	count(t, &t->n->l3[SAMPLER_L3_OTHER]);
	if (!whole)
		malformed(t);
}

/* ---- layer 2 ---- */

/* Steps over at most two tags, with those that lie @apart; false where one is cut short. */
static __always_inline _Bool walk_vlan(const struct tally *t, struct cursor *at, _Bool apart,
				       __be16 *ethertype)
{
	count(t, &t->n->mark[SAMPLER_VLAN]);
	for (int i = apart; i < VLAN_TAGS_MAX && is_vlan(*ethertype); i++) {
		struct vlan_tag copy, *tag = header(at, &copy, sizeof(copy));

		if (!tag)
			return 0;
		*ethertype = tag->ethertype;
		advance(at, sizeof(*tag));
	}
	return 1;
}

/* @tagged: besides what is in the frame, where the device is to put the tag in */
static __always_inline void walk_frame(const struct tally *t, struct cursor *at, _Bool tagged)
{
	struct ethernet copy, *eth;
	__be16 ethertype;

	count_sizes(t);
	eth = header(at, &copy, sizeof(copy));
	if (unlikely(!eth))
		return other(t, 0);
	ethertype = eth->ethertype;
	advance(at, sizeof(*eth));
	if (unlikely(tagged || is_vlan(ethertype)) && !walk_vlan(t, at, tagged, &ethertype))
		return other(t, 0);
	if (likely(ethertype == bpf_htons(ETH_P_IP)))
		return walk_ipv4(t, at);
	if (ethertype == bpf_htons(ETH_P_IPV6))
		return walk_ipv6(t, at);
	if (ethertype == bpf_htons(ETH_P_ARP))
		return walk_arp(t, at);
	other(t, 1);
}

#endif
