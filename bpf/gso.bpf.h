/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What one large segment, as it is given to a device, becomes on the wire.
 */
#ifndef SAMPLER_GSO_BPF_H
#define SAMPLER_GSO_BPF_H

#include "walk.bpf.h"

#include <bpf/bpf_core_read.h>

/* What is read of the kernel's own structures, found by name when the program is loaded. */
struct sk_buff {
	unsigned char *head, *data;
	__u32 end;
	__u16 transport_header, inner_transport_header;
	__u8 encapsulation : 1;
} __attribute__((preserve_access_index));

struct skb_shared_info {
	__u32 gso_type;
} __attribute__((preserve_access_index));

/* The same since Linux 4.18; of an enum without a name, so that they cannot be found by theirs. */
#define GSO_TCP	   (1u << 0 | 1u << 4)
#define GSO_SCTP   (1u << 14)
#define GSO_UDP	   (1u << 16) /* fragments */
#define GSO_UDP_L4 (1u << 17)

/* IPv6's hop-by-hop options with a jumbo payload alone (RFC 2675), as they are in front of TCP. */
struct jumbo_options {
	__u8 next, len;
	__u8 type, data_len;
	__be32 payload_len;
};

#define OPTION_JUMBO 0xc2

/* One frame that is given to the device, as one or several. */
struct segments {
	__u32 packets;
	__u32 len;  /* of each but the last */
	__u32 last; /* length of that */
};

/*
 * Bytes of BIG TCP's jumbo option, in front of TCP at @at: only a frame that is larger than all of IPv6's
 * lengths has one, and no frame that it becomes.
 */
static __always_inline __u32 jumbo_bytes(struct __sk_buff *ctx, __u32 at)
{
	struct jumbo_options o;

	if (likely(ctx->len <= 0x10000) || bpf_skb_load_bytes(ctx, at - sizeof(o), &o, sizeof(o)))
		return 0;
	return o.next == IPPROTO_TCP && !o.len && o.type == OPTION_JUMBO && o.data_len == 4
		       ? sizeof(o)
		       : 0;
}

/*
 * Bytes before the payload, in a tunnel those of the inner packet too; 0 where they cannot be told.
 * @ret_jumbo: those of them that no segment has
 */
static __always_inline __u32 gso_headers(struct __sk_buff *ctx, __u32 *ret_jumbo)
{
	struct sk_buff *skb = (void *)ctx;
	struct skb_shared_info *shared;
	__u32 type, at;
	__u8 data_offset;

	if (!sampler_sees_kernel)
		return 0;
	shared = (void *)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end);
	type = BPF_CORE_READ(shared, gso_type);
	at = BPF_CORE_READ_BITFIELD_PROBED(skb, encapsulation)
		     ? BPF_CORE_READ(skb, inner_transport_header)
		     : BPF_CORE_READ(skb, transport_header);
	at -= BPF_CORE_READ(skb, data) - BPF_CORE_READ(skb, head);
	if (type & GSO_TCP) {
		*ret_jumbo = jumbo_bytes(ctx, at);
		return bpf_skb_load_bytes(ctx, at + 12, &data_offset, 1)
			       ? 0
			       : at + (data_offset >> 4) * 4;
	}
	if (type & GSO_UDP_L4)
		return at + sizeof(struct udphdr);
	if (type & GSO_SCTP)
		return at + sizeof(struct sctp_common);
	return type & GSO_UDP ? at : 0;
}

/*
 * What a frame with gso_size becomes. Without sight of the kernel's structures, its own estimate of the
 * bytes on the wire has to do, which is right but for tunnels; gso_segs is 0 in frames of guests.
 */
SUBPROGRAM cut_up(struct __sk_buff *ctx, struct segments *ret)
{
	__u32 len = ctx->len, payload = ctx->gso_size, n = ctx->gso_segs;
	__u32 jumbo = 0, headers = gso_headers(ctx, &jumbo);

	if (headers >= len)
		headers = 0;
	if (!n)
		n = (len - headers + payload - 1) / payload;
	if (n <= 1)
		return 0;
	if (!headers)
		headers = (ctx->wire_len - len) / (n - 1);
	if ((n - 1) * payload >= len) /* SCTP's are of any size */
		payload = (len - headers) / n;
	*ret = (struct segments){ n, headers - jumbo + payload, len - jumbo - (n - 1) * payload };
	return 0;
}

#endif
