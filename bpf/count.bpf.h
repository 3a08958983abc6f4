/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Counting: this CPU's counters of one direction, and the frame that is being counted, which on the way
 * out may stand for several (GSO).
 *
 * Plain `+=` is right here: the counters are per CPU, and a program runs to its end on its CPU
 * before the next frame's run there (XDP and tc both run with softirqs off).
 */
#ifndef SAMPLER_COUNT_BPF_H
#define SAMPLER_COUNT_BPF_H

#include "sampler_abi.h"

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* RFC 9293 section 3.1: byte 13 of the header */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct tally {
	struct sampler_counters *n;
	const struct sampler_port_table *ports;
	__u64 packets; /* received: 1 */
	__u64 len;     /* of all of them */
	__u32 last;    /* length of the last or only one */
	__u32 segment; /* of each one before */
};

static __always_inline void count(const struct tally *t, struct sampler_count *n)
{
	n->packets += t->packets;
	n->bytes += t->len;
}

/* RFC 2819 buckets, FCS taken off; small frames, which come in the greatest numbers, first. */
static __always_inline __u32 size_bucket(__u64 len)
{
	static const __u16 bounds[] = SAMPLER_SIZE_BOUNDS;
	__u32 bucket = 0;

	while (bucket < SAMPLER_N_SIZES - 1 && len > bounds[bucket])
		bucket++;
	return bucket;
}

static __always_inline void count_sizes(const struct tally *t)
{
	t->n->size[size_bucket(t->last)]++;
	if (t->packets > 1)
		t->n->size[size_bucket(t->segment)] += t->packets - 1;
}

/* Once: of the segments that a large one becomes, the last alone has FIN, and none has SYN or RST. */
static __always_inline void count_flags(const struct tally *t, __u8 flags)
{
	if (!(flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	if (flags & TCP_SYN)
		t->n->tcp_flag[flags & TCP_ACK ? SAMPLER_SYN_ACK : SAMPLER_SYN]++;
	if (flags & TCP_FIN)
		t->n->tcp_flag[SAMPLER_FIN]++;
	if (flags & TCP_RST)
		t->n->tcp_flag[SAMPLER_RST]++;
}

/*
 * By destination port, then by source port: both ends of a service's traffic are its traffic. TCP
 * and UDP headers begin with the two; one load and one swap serve both, and the bounds of what is
 * masked and shifted afterwards are plain also to Linux 6.1, which forgets those of a swapped port.
 */
static __always_inline void count_service(const struct tally *t, const __u8 *slots,
					  const void *l4_header)
{
	__u32 ports = bpf_ntohl(*(const __be32 *)l4_header), slot;

	slot = slots[ports & 0xffff];
	if (!slot)
		slot = slots[ports >> 16];
	if (slot) /* at most SAMPLER_MAX_SERVICES; the mask tells the verifier */
		count(t, &t->n->service[(slot - 1) % SAMPLER_MAX_SERVICES]);
}

#endif
