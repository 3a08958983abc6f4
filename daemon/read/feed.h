/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One sampled interface, as a reader without privilege knows it: what its pins say, what its history
 * holds, and what both give now.
 *
 * Values come from the newest record while a recorder writes them. Where none does (samplerd is dead
 * or was never started), they come from the pinned counters themselves, and the feed says that it is
 * stale. All of it is found anew at each refresh: interfaces come, go and are replaced meanwhile.
 */
#ifndef SAMPLER_READ_FEED_H
#define SAMPLER_READ_FEED_H

#include "kernel/pins.h"
#include "model/rates.h"
#include "model/sample.h"
#include "store/history.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

enum feed_source {
	FEED_NOTHING,  /* neither counters nor records can be read; trouble says why */
	FEED_RECORDS,  /* the newest records of a recorder that is at work */
	FEED_COUNTERS, /* the counters, read by us: no recorder is at work */
	FEED_PAST,     /* records alone: not attached now, the newest is how it ended */
};

/* Callers read it, only feed_…() change it. */
struct feed {
	char key[KEY_MAX];
	char name[SAMPLER_NAME_MAX]; /* by its key */
	uint64_t version;	     /* another one whenever anything below changes */

	bool attached; /* its pins are there, readable or not */
	bool pinned;   /* its pins were read and are of this version: meta holds */
	struct sampler_meta meta;
	struct history_reader *history; /* NULL: there is none that can be read */
	struct error trouble; /* why pins or history cannot be read; "" where all is well */

	enum feed_source source;
	struct error stale;   /* why no recorder is taken to be at work; "" where one is */
	struct sample newest; /* with FEED_NOTHING: zeros */
	bool has_delta;	      /* two samples were there to compare */
	struct delta delta;   /* what was counted up to the newest sample */
	uint64_t record;      /* number of the newest fine record; with FEED_RECORDS, FEED_PAST */
	uint64_t recorded_boottime_ns; /* of the newest record of this boot, 0: none */
	char services[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX]; /* of newest and delta, by slot */

	struct feed_state *state; /* feed.c's own */
};

int feed_open(const char *pin_dir, const char *state_dir, const char *key, struct feed **ret_feed,
	      struct error *err);
void feed_refresh(struct feed *feed, uint64_t boottime_ns);
int feed_read_ports(const struct feed *feed, struct sampler_port_table *ret_table);
uint64_t feed_interval_ns(const struct feed *feed);
uint64_t feed_due_ns(const struct feed *feed);
void feed_close(struct feed *feed);

/* Is there anything to add up? */
static inline bool feed_is_counted(const struct feed *feed)
{
	return feed->source == FEED_RECORDS || feed->source == FEED_COUNTERS;
}

/* VLAN tags are taken off before XDP: the counter of received ones says nothing. */
static inline bool feed_vlan_unknown(const struct feed *feed, enum sampler_direction direction)
{
	return direction == SAMPLER_RX && (feed->meta.flags & SAMPLER_META_VLAN_STRIPPED ||
					   feed->newest.flags & SAMPLE_VLAN_STRIPPED);
}

static inline bool feed_is_stale(const struct feed *feed)
{
	return feed->stale.text[0];
}

#endif
