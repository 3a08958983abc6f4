/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All interfaces that are sampled, or were and left a history: the folders of pins and the history
 * files, found by listing both directories.
 */
#ifndef SAMPLER_READ_CATALOG_H
#define SAMPLER_READ_CATALOG_H

#include "read/feed.h"
#include "read/peak.h"

#include <stddef.h>
#include <stdint.h>

#define CATALOG_MAX_FEEDS 256 /* more are left out, and that is logged once */

struct catalog {
	size_t n;
	struct feed *feed[CATALOG_MAX_FEEDS]; /* by name, then by key */
	uint64_t version;     /* another one whenever a feed joins, leaves or changes */
	struct error trouble; /* why a directory cannot be listed; "" where all is well */
	struct peak peak;     /* of all that are attached together; peak_refresh() keeps it */

	struct catalog_state *state; /* catalog.c's own */
};

int catalog_open(const char *pin_dir, const char *state_dir, struct catalog **ret_catalog,
		 struct error *err);
void catalog_refresh(struct catalog *catalog, uint64_t boottime_ns);
uint64_t catalog_due_ns(const struct catalog *catalog);
int catalog_find(struct catalog *catalog, const char *name, struct feed **ret_feed,
		 struct error *err);
void catalog_close(struct catalog *catalog);

#endif
