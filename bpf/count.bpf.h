/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Counting: from what a frame is (struct frame_class) to this CPU's counters.
 *
 * Plain `+=` is right here: the counters are per CPU, and a program runs to its end on its CPU
 * before the next frame's run there (XDP and tc both run with softirqs off).
 */
#ifndef SAMPLER_COUNT_BPF_H
#define SAMPLER_COUNT_BPF_H

#include "parse.bpf.h"

static __always_inline void count_add(struct sampler_count *n, __u64 bytes)
{
	n->packets++;
	n->bytes += bytes;
}

/* RFC 2819 buckets, FCS taken off; the two most common ends are found first. */
static __always_inline __u32 size_bucket(__u32 len)
{
	static const __u16 bounds[] = SAMPLER_SIZE_BOUNDS;

	if (len <= bounds[0])
		return 0;
	if (len > bounds[4])
		return len > bounds[5] ? 6 : 5;
	if (len <= bounds[2])
		return len <= bounds[1] ? 1 : 2;
	return len <= bounds[3] ? 3 : 4;
}

static __always_inline void count_flags(struct sampler_counters *n, __u8 flags)
{
	if (flags & TCP_SYN)
		n->tcp_flag[flags & TCP_ACK ? SAMPLER_SYN_ACK : SAMPLER_SYN]++;
	if (flags & TCP_FIN)
		n->tcp_flag[SAMPLER_FIN]++;
	if (flags & TCP_RST)
		n->tcp_flag[SAMPLER_RST]++;
}

/* By destination port, then by source port: both ends of a service's traffic are its traffic. */
static __always_inline void count_service(struct sampler_counters *n, const struct frame_class *c,
					  const struct sampler_port_table *table, __u64 bytes)
{
	const __u8 *slots = c->l4 == SAMPLER_TCP ? table->tcp : table->udp;
	__u32 slot = slots[c->dest_port];

	if (!slot)
		slot = slots[c->source_port];
	if (slot) /* at most SAMPLER_MAX_SERVICES; the mask tells the verifier */
		count_add(&n->service[(slot - 1) % SAMPLER_MAX_SERVICES], bytes);
}

static __always_inline void count_frame(struct sampler_counters *n, const struct frame_class *c,
					const struct sampler_port_table *table, __u32 len)
{
	if (c->l3 < SAMPLER_N_L3)
		count_add(&n->l3[c->l3], len);
	if (c->l4 < SAMPLER_N_L4)
		count_add(&n->l4[c->l4], len);
	n->size[size_bucket(len)]++;
	if (c->vlan)
		count_add(&n->mark[SAMPLER_VLAN], len);
	if (c->fragment)
		count_add(&n->mark[SAMPLER_FRAGMENT], len);
	if (c->malformed)
		count_add(&n->mark[SAMPLER_MALFORMED], len);
	if (!c->ports)
		return;
	if (c->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		count_flags(n, c->tcp_flags);
	count_service(n, c, table, len);
}

#endif
