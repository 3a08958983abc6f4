/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What keeps this process from a file that it should read, and who may: internal to read/. */
#ifndef SAMPLER_READ_BARRIER_H
#define SAMPLER_READ_BARRIER_H

#include "util/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* The first folder or file on the way that does not let this process in. */
struct barrier {
	char path[512];
	struct stat st;
	bool on_the_way;  /* a folder above the one that is asked for */
	bool group_helps; /* whoever is in its group may, and that is not root's */
};

int barrier_find(const char *path, struct barrier *ret_barrier);
void barrier_tell(const struct barrier *barrier, struct error *ret_text);

#endif
