/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_ASSETS_H
#define SAMPLER_HTTP_ASSETS_H

#include "util/error.h"

#include <h2o.h>

#define ASSETS_MAX 64

/* The files of the page, found once at the start: only these can be asked for. */
struct assets {
	size_t n;
	struct {
		char *path;		/* as it is asked for: "/app.js" */
		h2o_handler_t *handler; /* belongs to h2o's configuration */
	} file[ASSETS_MAX];
};

int assets_open(const char *dir, h2o_pathconf_t *path, struct assets *ret_assets,
		struct error *err);
void assets_close(struct assets *assets);
h2o_handler_t *assets_find(const struct assets *assets, const char *path, size_t len);

#endif
