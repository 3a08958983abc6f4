/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pins and histories that cannot be read, in words for clients: internal to read/. */
#ifndef SAMPLER_READ_TROUBLE_H
#define SAMPLER_READ_TROUBLE_H

#include "util/error.h"

#include <stdbool.h>

/* Something that cannot be read: what clients get to see of it, and what the log has said. */
struct trouble {
	struct error said; /* "" where all is well */
	struct error logged;
};

/* What cannot be read. */
struct trouble_place {
	const char *key;    /* of the interface, for the log */
	const char *folder; /* of all pins, or of all histories */
	const char *path;   /* of what cannot be read, below it */
};

void trouble_say_closed(const char *what, const char *path, struct error *ret_said);
void trouble_log(const struct error *full, const char *path);
void trouble_pins(struct trouble *trouble, const struct trouble_place *place, int code,
		  const struct error *full);
void trouble_history(struct trouble *trouble, const struct trouble_place *place, int code,
		     const struct error *full);
bool trouble_is_over(struct trouble *trouble);

#endif
