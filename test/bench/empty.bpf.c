// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What sampler_rx is measured against: the least that an XDP program can do. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
