/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_WATCH_H
#define SAMPLER_RECORD_WATCH_H

#include "model/health.h"
#include "model/recheck.h"
#include "sampler_abi.h"

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct link_info;
struct pins;
struct sample;

/* The watch over one attachment. Its health is for callers to read. */
struct watch {
	struct health health;

	const char *ifname;
	struct broker *broker; /* re-checks and attaches again; NULL: other units do */
	char request[256];     /* file that asks for a re-check; "": nobody would see it */
	struct recheck recheck;
	uint64_t told_ns;	    /* the look (sampler_chain.boottime_ns) that was taken in */
	struct sampler_chain chain; /* the newest that had our program */
	uint32_t our_id;	    /* in it */
	uint32_t former_id;	    /* ours before the newest hand-over, 0: none */
	uint64_t reattach_ns;	    /* not before this time */
	enum health_state told;	    /* the trouble that was last told, 0 = none */
	uint64_t tx_another_ns;	    /* since when another program is in our filter's place, or 0 */
	struct recheck tx_recheck;  /* asked for until the pins say of it, too */
	bool tx_lost; /* transmitted frames are not counted any more, which was told */
};

/* What there is to judge by at a tick. */
struct watch_input {
	const struct pins *pins;
	const struct sampler_meta *meta;
	const struct link_info *link;
	const struct sample *sample;
	bool reattach; /* the configuration asks for it */
};

void watch_init(struct watch *watch, const char *ifname, struct broker *broker);
void watch_begin(struct watch *watch, const struct sampler_meta *meta);
bool watch_tx(struct watch *watch, const struct pins *pins, const struct sampler_meta *meta);
void watch_tick(struct watch *watch, const struct watch_input *input);

#endif
