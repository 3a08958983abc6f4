/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_INI_H
#define SAMPLER_UTIL_INI_H

#include "util/error.h"

#include <stddef.h>
#include <stdio.h>

/* One key that a file may hold. Tables of them are constant and belong to the caller. */
struct ini_key {
	const char *section;
	const char *name; /* "*": every key of the section that no other row names */
	/*
	 * Takes the value, or returns a negative errno; then the error says `expected`, or the text
	 * that the function left in err, where the trouble is not the spelling.
	 */
	int (*set)(void *target, const char *key, const char *value, struct error *err);
	const char *expected; /* as in "expected a duration such as 1s or 500ms" */
};

/* What a reader may want besides. */
struct ini_wishes {
	const char *repeats; /* name of a key that may stand more than once, or NULL */
	unsigned int *line;  /* where the number of a key's line goes before its set(), or NULL */
};

int ini_read(const char *path, const struct ini_key *keys, size_t n_keys, void *target,
	     struct error *err);
int ini_read_as(const char *path, const struct ini_key *keys, size_t n_keys, void *target,
		const struct ini_wishes *wishes, struct error *err);
int ini_read_stream(FILE *stream, const char *path, const struct ini_key *keys, size_t n_keys,
		    void *target, struct error *err);

#endif
