/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The one header that kernel and user side share: what lies in the pinned maps.
 *
 * Whatever changes a size, an order or a meaning here changes SAMPLER_ABI_VERSION, and with it
 * every reader refuses the old pins by name instead of misreading them.
 */
#ifndef SAMPLER_ABI_H
#define SAMPLER_ABI_H

#include <linux/types.h>

#define SAMPLER_ABI_VERSION  5
#define SAMPLER_META_MAGIC   0x72656c706d617331ULL /* "1sampler", little endian */
#define SAMPLER_MAX_SERVICES 16
#define SAMPLER_NAME_MAX     16 /* IFNAMSIZ; service names take the same room */
#define SAMPLER_MAX_CHAIN    10 /* libxdp's dispatcher holds as many programs */

/* Names of programs and maps as the kernel shows them (15 characters at most). */
#define SAMPLER_PROG_RX	     "sampler_rx"
#define SAMPLER_PROG_TX	     "sampler_tx"
#define SAMPLER_MAP_COUNTERS "sampler_count"
#define SAMPLER_MAP_CONTROL  "sampler_control"
#define SAMPLER_MAP_PORTS    "sampler_ports"
#define SAMPLER_MAP_META     "sampler_meta"

/* The read-only section, and the map made of it, that holds a program's generation. */
#define SAMPLER_SECTION_GENERATION ".rodata.gen"

enum sampler_direction { SAMPLER_RX, SAMPLER_TX, SAMPLER_N_DIRECTIONS };

/* Exclusive: each frame is in exactly one of them, so their sum is the total. */
enum sampler_l3 { SAMPLER_IPV4, SAMPLER_IPV6, SAMPLER_ARP, SAMPLER_L3_OTHER, SAMPLER_N_L3 };

/* Exclusive: each IPv4 or IPv6 packet is in exactly one of them. */
enum sampler_l4 {
	SAMPLER_TCP,
	SAMPLER_UDP,
	SAMPLER_ICMP,
	SAMPLER_SCTP,
	SAMPLER_L4_OTHER,
	SAMPLER_N_L4
};

enum sampler_mark { SAMPLER_VLAN, SAMPLER_FRAGMENT, SAMPLER_MALFORMED, SAMPLER_N_MARKS };

enum sampler_tcp_flag { SAMPLER_SYN, SAMPLER_SYN_ACK, SAMPLER_FIN, SAMPLER_RST, SAMPLER_N_FLAGS };

/* RFC 2819 etherStatsPkts buckets without the 4 bytes of FCS: the largest frame of each. */
#define SAMPLER_SIZE_BOUNDS                   \
	{                                     \
		60, 123, 251, 507, 1019, 1514 \
	}
#define SAMPLER_N_SIZES 7

/* Services that always exist, in the first slots. */
enum sampler_fixed_service { SAMPLER_HTTP, SAMPLER_HTTPS, SAMPLER_N_FIXED_SERVICES };

struct sampler_count {
	__u64 packets;
	__u64 bytes; /* whole L2 frames, without FCS */
};

/* One direction's counters: value of SAMPLER_MAP_COUNTERS, per CPU, key = direction. */
struct sampler_counters {
	struct sampler_count l3[SAMPLER_N_L3];
	struct sampler_count l4[SAMPLER_N_L4];
	struct sampler_count mark[SAMPLER_N_MARKS];
	struct sampler_count service[SAMPLER_MAX_SERVICES];
	__u64 size[SAMPLER_N_SIZES];	 /* frames */
	__u64 tcp_flag[SAMPLER_N_FLAGS]; /* packets */
};

/* What user space may change while the program runs: value of SAMPLER_MAP_CONTROL. */
struct sampler_control {
	__u32 generation; /* only the program with this number counts */
	__u32 port_table; /* the table in use, 0 or 1 */
};

/* Service slot + 1 of each port, 0 for none: value of SAMPLER_MAP_PORTS, two of them. */
struct sampler_port_table {
	__u8 tcp[65536];
	__u8 udp[65536];
};

enum sampler_mode { SAMPLER_MODE_NATIVE = 1, SAMPLER_MODE_SKB };

#define SAMPLER_META_CHAINED	   (1u << 0) /* behind libxdp's dispatcher */
#define SAMPLER_META_VLAN_STRIPPED (1u << 1) /* rxvlan was on: the NIC takes tags off before XDP */
#define SAMPLER_META_TX		   (1u << 2) /* transmitted frames are counted, as last seen */

/* An XDP program of an interface; where it is alone, what it would have in a chain. */
struct sampler_chain_program {
	__u32 prog_id;
	__u32 run_priority;
	__u32 actions; /* bit per verdict of its own after which the next one runs */
	__u8 tag[8];
	char name[SAMPLER_NAME_MAX];
};

/*
 * All XDP programs of the interface in the order in which they run, as the privileged side last saw
 * them. Without ours among them (sampler_meta.prog_id), frames pass by uncounted.
 */
struct sampler_chain {
	__u64 boottime_ns;  /* when that was */
	__u32 link_prog_id; /* what the interface showed then: the dispatcher, a lone program, 0 */
	__u32 n;
	struct sampler_chain_program program[SAMPLER_MAX_CHAIN];
};

/*
 * What the pins say of themselves: value of SAMPLER_MAP_META. Up to pin_dir_hash it is the same in all versions,
 * from 3 on, so that a program of another one can be told to be of these pins.
 */
struct sampler_meta {
	__u64 magic;
	__u32 abi_version;
	__u32 flags;
	__u64 layout_hash;
	__u64 epoch; /* names this set of counters: CLOCK_REALTIME ns when it was made */
	__u64 epoch_boottime_ns; /* CLOCK_BOOTTIME at that moment */
	__u64 attach_boottime_ns;
	__u64 attach_realtime_ns;
	__u64 netns_inode;
	__u64 bpffs_device; /* st_dev of the bpffs that holds the pins */
	__u64 pin_dir_hash; /* of the path of the folder of all pins */
	__u64 config_hash;  /* of everything that asks for another program when it changes */
	char ifname[SAMPLER_NAME_MAX];
	__u32 ifindex;
	__u32 mode; /* enum sampler_mode */
	__u32 run_priority;
	__u32 prog_id;	    /* ours */
	__u32 link_prog_id; /* what the interface shows: ours, or the dispatcher */
	__u32 generation;
	__u8 prog_tag[8];
	char service[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX]; /* "" = free */
	char mode_reason[112];				      /* why not native; "" where native */
	struct sampler_chain chain;
	char alone_reason[128]; /* why without libxdp's dispatcher; "" behind it */
	__u32 chain_actions;	/* of our program, asked for; see sampler_chain_program.actions */
	__u32 tx_prog_id;	/* at tc egress; 0: none was put there, tx_reason says why */
	__u32 tx_handle;	/* of its filter */
	__u32 tx_priority;
	char tx_reason[112];	    /* why transmitted frames are not counted; "" where they are */
	__u64 tx_since_boottime_ns; /* since when they are; 0: they are not */
	__u64 tx_before_ns; /* for how long they were before, in this epoch, as far as is known */
	__u64 checksum;	    /* of all before: a reader can tell a half-written value */
};

_Static_assert(sizeof(struct sampler_count) == 16, "ABI");
_Static_assert(sizeof(struct sampler_counters) == 536, "ABI");
_Static_assert(sizeof(struct sampler_control) == 8, "ABI");
_Static_assert(sizeof(struct sampler_port_table) == 131072, "ABI");
_Static_assert(sizeof(struct sampler_chain_program) == 36, "ABI");
_Static_assert(sizeof(struct sampler_chain) == 376, "ABI");
_Static_assert(sizeof(struct sampler_meta) == 1160, "ABI");
_Static_assert(__builtin_offsetof(struct sampler_meta, pin_dir_hash) == 72, "ABI");

#endif
