/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which service a sampler counts a port for. */
#ifndef LOADGEN_VERIFY_PORTS_H
#define LOADGEN_VERIFY_PORTS_H

#include "verify-counts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_N_PORTS 65536

struct verify_ports {
	size_t n;
	char name[VERIFY_MAX_SERVICES][VERIFY_MAX_NAME];
	uint8_t slot[2][VERIFY_N_PORTS]; /* UDP, TCP: place of the name + 1; 0: none */
};

void verify_ports_default(struct verify_ports *ports);
int verify_ports_add(struct verify_ports *ports, const char *name, const char *range);
const char *verify_ports_find(const struct verify_ports *ports, bool tcp, uint16_t port);

#endif
