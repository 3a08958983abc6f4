/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_HEALTH_H
#define SAMPLER_MODEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_STALL_PACKETS 1000 /* the interface's, while ours stood still */
#define HEALTH_STALL_TICKS   2

enum health_state {
	HEALTH_UNJUDGED, /* too little traffic to tell; see judged_boottime_ns */
	HEALTH_OK,	 /* our counters move, the link shows the program that it should */
	HEALTH_SUSPECT, /* only a privileged re-check can tell: health_verified() takes its outcome */
	HEALTH_DEGRADED, /* frames pass by uncounted */
};

/* What the unprivileged recorder sees at a tick. */
struct health_input {
	uint64_t boottime_ns;
	uint64_t interface_rx_packets; /* the interface's own statistics */
	uint64_t our_rx_packets;       /* the total of our counters */
	uint32_t link_prog_id;	       /* the link's XDP program as netlink shows it, 0 = none */
	uint32_t expected_prog_id;     /* meta.link_prog_id */
};

struct health {
	enum health_state state;
	char reason[256]; /* of SUSPECT and DEGRADED, one line; "" otherwise */
	/* CLOCK_BOOTTIME at which it could last be judged, 0 = never yet. */
	uint64_t judged_boottime_ns;

	/* The machine's own memory. */
	struct health_input last;
	bool started;	      /* last holds a tick */
	bool stall_cleared;   /* a re-check found us well while our counters stood still */
	bool check_failed;    /* a re-check found us missing */
	uint32_t verified_id; /* other link program id behind which a re-check found us, or 0 */
	uint32_t failed_id;   /* link program id at the failed re-check */
	uint32_t still_ticks; /* since our counters last moved */
	uint64_t still_rx_packets; /* the interface's growth since then */
};

void health_init(struct health *health);
enum health_state health_tick(struct health *health, const struct health_input *input);
void health_verified(struct health *health, bool ok, uint32_t link_prog_id, const char *reason);
const char *health_state_name(enum health_state state);

#endif
