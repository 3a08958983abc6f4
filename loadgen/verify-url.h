/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_VERIFY_URL_H
#define LOADGEN_VERIFY_URL_H

#include "url.h"
#include "util/error.h"

#include <stddef.h>

#define VERIFY_URL_QUERY "?interface="

/* Where a sampler's API is, and which of its interfaces is meant. */
struct verify_url {
	char prefix[1024];  /* before /api/...; "" for most */
	char interface[96]; /* as a name, or "": the only one */
};

int verify_url_parse(const struct url *url, struct verify_url *ret, struct error *err);
void verify_url_query(const char *interface, char *query, size_t size);

#endif
