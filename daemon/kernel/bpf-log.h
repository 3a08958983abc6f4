/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_BPF_LOG_H
#define SAMPLER_KERNEL_BPF_LOG_H

/* What libbpf and libxdp said since bpf_log_start(), as far as an error message needs it. */
struct bpf_log {
	char kernel[200];   /* the driver's or the kernel's own words (netlink extended ack) */
	char verifier[200]; /* last telling line of the verifier's log of our program */
	char no_chain[200]; /* why libxdp attached without its dispatcher; "" where it did not */
	char trouble[200];  /* libxdp's newest complaint */
};

void bpf_log_start(struct bpf_log *log);
void bpf_log_stop(void);

#endif
