// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sampler_rx: counts every frame that an interface receives, and passes every one of them.
 *
 * parse -> classify -> count -> XDP_PASS. Nothing on the way can drop a frame: there is one return
 * statement, and it says XDP_PASS.
 */
#include "count.bpf.h"
#include "parse.bpf.h"
#include "sampler_abi.h"

/*
 * Which generation this copy of the program is. Two copies may be in a chain for a moment while one
 * is handed over to the other; only the one that `sampler_control` names counts.
 */
const volatile __u32 sampler_generation = 0;

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

static __always_inline void sample(struct xdp_md *ctx)
{
	__u32 zero = 0, direction = SAMPLER_RX, table;
	struct frame f = { .ctx = ctx };
	struct frame_class c = {};
	struct sampler_control *control = bpf_map_lookup_elem(&sampler_control, &zero);
	struct sampler_counters *counters;
	struct sampler_port_table *ports;

	if (!control || control->generation != sampler_generation)
		return;
	table = control->port_table & 1;
	counters = bpf_map_lookup_elem(&sampler_count, &direction);
	ports = bpf_map_lookup_elem(&sampler_ports, &table);
	if (!counters || !ports)
		return;
	f.data = (void *)(long)ctx->data;
	f.data_end = (void *)(long)ctx->data_end;
	f.len = f.limit = bpf_xdp_get_buff_len(ctx);
	parse_frame(&f, &c);
	count_frame(counters, &c, ports, f.len);
}

SEC("xdp.frags")
int sampler_rx(struct xdp_md *ctx)
{
	sample(ctx);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
