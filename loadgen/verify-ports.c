// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The services of a sampler by port, as its API has them: "tcp/80", "udp/8000-8010".
 */
#include "verify-ports.h"

#include "util/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t place(struct verify_ports *ports, const char *name)
{
	size_t i = 0;

	while (i < ports->n && strcmp(ports->name[i], name) != 0)
		i++;
	if (i < ports->n || i == VERIFY_MAX_SERVICES)
		return i;
	snprintf(ports->name[i], sizeof(ports->name[i]), "%s", name);
	return ports->n++;
}

/**
 * verify_ports_add() - give ports to a service
 * @ports: all 0 at first
 * @name: of the service; "" of @range: it is there, and has none yet
 * @range: "tcp/80", "udp/8000-8010"
 *
 * Return: 0; -EINVAL for another range, -ENOSPC for one service too many.
 */
int verify_ports_add(struct verify_ports *ports, const char *name, const char *range)
{
	bool tcp = !strncmp(range, "tcp/", 4);
	size_t slot = place(ports, name);
	uint64_t first, last;

	if (slot == VERIFY_MAX_SERVICES)
		return -ENOSPC;
	if (!*range)
		return 0;
	if ((!tcp && strncmp(range, "udp/", 4) != 0) ||
	    parse_u64_range(range + 4, 0, VERIFY_N_PORTS - 1, &first, &last))
		return -EINVAL;
	memset(ports->slot[tcp] + first, (int)slot + 1, last - first + 1);
	return 0;
}

/** verify_ports_default() - those that each sampler has, where it does not say its ports */
void verify_ports_default(struct verify_ports *ports)
{
	memset(ports, 0, sizeof(*ports));
	verify_ports_add(ports, "http", "tcp/80");
	verify_ports_add(ports, "https", "tcp/443");
}

/** verify_ports_find() - Return: the service of a port, NULL for none */
const char *verify_ports_find(const struct verify_ports *ports, bool tcp, uint16_t port)
{
	uint8_t slot = ports->slot[tcp][port];

	return slot ? ports->name[slot - 1] : NULL;
}
