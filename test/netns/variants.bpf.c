// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The sampler's program with a difference, for tests: compiled once for each VARIANT_.
 *
 * The program as it is becomes `built_in`, and goes inline into one of the same name that does
 * something besides. Nothing but that name and the section is taken from it.
 */
#ifdef VARIANT_FOREIGN
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* Somebody else's program, which knows nothing of dispatchers. */
SEC("xdp")
int foreign(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
#elif defined(VARIANT_LOSSY) || defined(VARIANT_CUT)
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#ifdef VARIANT_LOSSY
#define IS_LOST(nth) ((nth) % 50 == 0)
#else
#define IS_LOST(nth) ((nth) > 50)
#endif

/* A way that loses one in 50 of what is large, or all behind the 50th, at a sender's egress: who sends does not hear of it. */
SEC("tc")
int lossy(struct __sk_buff *skb)
{
	static __u64 frames;

	if (skb->len < 1000 || !IS_LOST(__sync_add_and_fetch(&frames, 1)))
		return TC_ACT_UNSPEC;
	return TC_ACT_STOLEN;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
#elif defined(VARIANT_TAGGING)
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* As a VLAN's device does: a tag beside the frame, which the one below is to put in. */
SEC("tc")
int tagging(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 100);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
#else

#define sampler_rx __attribute__((always_inline)) built_in

#include "sampler.bpf.c"

#undef sampler_rx

#ifdef VARIANT_NOFRAGS
SEC("xdp") /* frames of more than one buffer are not for it */
#else
SEC("xdp.frags")
#endif
int sampler_rx(struct xdp_md *ctx)
{
#if defined(VARIANT_OTHER)
	bpf_get_smp_processor_id(); /* counts as well, with one more instruction */
#elif defined(VARIANT_REFUSED)
	const __u8 *data = (void *)(long)ctx->data;

	if (data[100]) /* maybe past the frame's end: the verifier does not let it pass */
		return XDP_PASS;
#elif defined(VARIANT_MISSES) || defined(VARIANT_DOUBLES)
	static __u64 frames;
	_Bool wrong = __sync_fetch_and_add(&frames, 1) % 1000 == 999;
#endif
#if defined(VARIANT_MISSES)
	if (wrong)
		return XDP_PASS;
#elif defined(VARIANT_DOUBLES)
	if (wrong)
		built_in(ctx);
#endif
	built_in(ctx);
	return XDP_PASS;
}

#endif
