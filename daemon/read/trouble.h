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

void trouble_pins(struct trouble *trouble, const char *key, int code, const struct error *full);
void trouble_history(struct trouble *trouble, const char *key, int code, const struct error *full);
bool trouble_is_over(struct trouble *trouble);

#endif
