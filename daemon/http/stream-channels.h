/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The newest event of each interface, made once for all clients of /api/stream. */
#ifndef SAMPLER_HTTP_STREAM_CHANNELS_H
#define SAMPLER_HTTP_STREAM_CHANNELS_H

#include "http/answers.h"
#include "http/endpoint.h"
#include "model/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel {
	char key[KEY_MAX];
	uint64_t version; /* of the feed that it was made of */
	uint64_t record;  /* as told; with of_record */
	bool of_record;	  /* not of the counters themselves */
	uint64_t number;  /* grows with each new event of any channel */
	struct answer *event;
};

struct channels {
	size_t n;
	struct channel channel[CATALOG_MAX_FEEDS];
	uint64_t number; /* of the newest event */
};

void channels_update(struct channels *channels, const struct endpoint_context *context);
const struct channel *channels_find(const struct channels *channels, const char *key);
const struct channel *channels_next(const struct channels *channels, const char *key, uint64_t has);
void channels_free(struct channels *channels);

struct feed *find_feed(const struct catalog *catalog, const char *key);

#endif
