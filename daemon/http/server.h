/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The HTTP server: h2o, its listeners, and the way of a request to an endpoint or to a file.
 */
#ifndef SAMPLER_HTTP_SERVER_H
#define SAMPLER_HTTP_SERVER_H

#include "http/secrets.h"
#include "read/catalog.h"
#include "util/error.h"

#include <stddef.h>
#include <stdint.h>

struct server_options {
	const int *listener_fds; /* listening sockets; the server closes none of them */
	size_t n_listener_fds;
	const char *asset_dir;	  /* the page at "/" and what it loads */
	const char *const *hosts; /* further names that a request may have as its Host */
	size_t n_hosts;
	size_t max_streams; /* clients of /api/stream at once */
	struct catalog *catalog;
	struct secrets *secrets; /* certificate and tokens; a SIGHUP has them read anew */
};

struct server;

int server_open(const struct server_options *options, struct server **ret_server,
		struct error *err);
int server_turn(struct server *server, int32_t max_wait_ms, struct error *err);
int server_run(struct server *server, struct error *err);
void server_close(struct server *server);

#endif
