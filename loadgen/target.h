/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_TARGET_H
#define LOADGEN_TARGET_H

#include "config.h"
#include "transport.h"
#include "util/error.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The address that answered, and how fast. */
struct target {
	struct sockaddr_storage address;
	socklen_t n_address;
	bool ipv6;
	char text[80];		/* "192.0.2.1 port 80" */
	uint64_t round_trip_ns; /* of its TCP handshake */
};

int target_find(const struct config *config, const struct transport *transport, int cancel_fd,
		struct target *ret_target, struct wire *ret_wire, struct error *err);
int target_connect(const struct target *target, int *ret_fd);
const char *target_explain(int error);

#endif
