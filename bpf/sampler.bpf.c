// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sampler_rx counts every frame that an interface receives, sampler_tx every frame that it is given to
 * send. Nothing on the way can drop a frame: whatever is found, the verdict is XDP_PASS, and
 * TC_ACT_UNSPEC, after which the next filter has its say.
 */
#include "gso.bpf.h"
#include "walk.bpf.h"

#include <linux/pkt_cls.h>

#include <bpf/bpf_core_read.h>

/* ---- received ---- */

/* Apart, so that the program for linear frames stays small enough for the instruction cache. */
SUBPROGRAM sample_multi_buffer(struct xdp_md *ctx, __u32 len)
{
	struct cursor at = { .ctx = ctx, .left = len, .copying = 1 };
	struct tally t = { .packets = 1, .len = len, .last = len };

	if (tally_begin(&t, SAMPLER_RX, 0))
		walk_frame(&t, &at, 0);
	return 0;
}

/* The part of the kernel's own structures that is read here, found by name when it is loaded. */
enum xdp_buff_flags { XDP_FLAGS_HAS_FRAGS = 1 };

struct xdp_buff {
	__u32 flags;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* Where the verifier knows that function by name, the kernel has it (Linux 6.2). */
enum special_kfunc_type { KF_bpf_cast_to_kern_ctx };

/* As bpf_xdp_get_buff_len(), which is asked only where there may be more than the linear part. */
static __always_inline __u64 frame_len(struct xdp_md *ctx, __u64 linear)
{
	struct xdp_buff *xdp;

	if (!sampler_sees_kernel ||
	    !bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx))
		return bpf_xdp_get_buff_len(ctx);
	xdp = bpf_cast_to_kern_ctx(ctx);
	if (xdp->flags & bpf_core_enum_value(enum xdp_buff_flags, XDP_FLAGS_HAS_FRAGS))
		return bpf_xdp_get_buff_len(ctx);
	return linear;
}

SEC("xdp.frags")
int sampler_rx(struct xdp_md *ctx)
{
	__u64 linear = ctx->data_end - ctx->data;
	struct cursor at = { .ctx = ctx };
	struct tally t = { .packets = 1, .len = frame_len(ctx, linear) };

	if (!tally_begin(&t, SAMPLER_RX, 1))
		return XDP_PASS;
	t.last = t.len;
	at.left = t.len;
	at.pos = (void *)(long)ctx->data;
	at.end = (void *)(long)ctx->data_end;
	if (unlikely(linear != t.len))
		sample_multi_buffer(ctx, t.len);
	else
		walk_frame(&t, &at, 0);
	return XDP_PASS;
}

/* ---- sent ---- */

static __always_inline void measure(struct __sk_buff *ctx, struct tally *t, _Bool tagged)
{
	__u32 tag = tagged ? sizeof(struct vlan_tag) : 0;
	struct segments s = { .packets = 1, .last = ctx->len };

	if (unlikely(ctx->gso_size))
		cut_up(ctx, &s);
	t->packets = s.packets;
	t->segment = s.len + tag;
	t->last = s.last + tag;
	t->len = (__u64)(s.packets - 1) * t->segment + t->last;
}

SEC("tc")
int sampler_tx(struct __sk_buff *ctx)
{
	struct cursor at = { .ctx = ctx, .left = ctx->len, .tx = 1 };
	_Bool tagged = !!ctx->vlan_present;
	struct tally t;

	if (!tally_begin(&t, SAMPLER_TX, 1))
		return TC_ACT_UNSPEC;
	measure(ctx, &t, tagged);
	at.pos = (void *)(long)ctx->data;
	at.end = (void *)(long)ctx->data_end;
	walk_frame(&t, &at, tagged);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
