/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sink: a server for HTTP and HTTPS that takes whatever is sent, for where there is no other.
 */
#ifndef LOADGEN_SINK_H
#define LOADGEN_SINK_H

#include "config.h"
#include "util/address.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_MAX_ADDRESSES   2
#define SINK_MAX_CONNECTIONS 16384 /* of all threads */

struct sink_config {
	struct address
		address[SINK_MAX_ADDRESSES]; /* all with the same port; 0: any that is free */
	unsigned int n_addresses;
	bool second_optional; /* the second address is ::1, which a host may not have */
	uint32_t threads;
	uint64_t body_size; /* bytes that an answer carries; 0: it is a 204 */
	uint64_t timeout_ns;
	bool quiet;
	bool json; /* the summary is JSON, and the only thing on standard output */
};

int sink_config_resolve(const char *address, const struct config_override *overrides,
			size_t n_overrides, struct sink_config *ret_config, struct error *err);
int sink_run(const struct sink_config *config, struct error *err);

#endif
