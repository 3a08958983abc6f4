// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The port table of a running program, swapped whole: the new one is written where no frame looks, then
 * one word is flipped, so that each frame sees the old table or the new one and never half of each.
 */
#include "kernel/services-map.h"

#include "kernel/pins.h"
#include "model/service.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/**
 * services_write() - give a service list to the program
 * @pins: the interface's pins
 * @services: the list
 * @meta: its slots are kept, and get the new services; not written to the pins
 * @err: why not; the old table is then still in use
 *
 * Return: 0 or negative errno.
 */
int services_write(const struct pins *pins, const struct service_list *services,
		   struct sampler_meta *meta, struct error *err)
{
	_cleanup_free_ struct sampler_port_table *table = calloc(1, sizeof(*table));
	struct sampler_control control;
	char slots[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
	int r;

	if (!table)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(slots, meta->service, sizeof(slots));
	r = service_list_assign(services, slots, table, err);
	if (r)
		return r;
	r = pins_read_control(pins, &control);
	if (!r) /* the table that is not in use, then the index: each frame sees one or the other */
		r = pins_write_map(pins, SAMPLER_MAP_PORTS, !control.port_table, table);
	control.port_table = !control.port_table;
	if (!r)
		r = pins_write_map(pins, SAMPLER_MAP_CONTROL, 0, &control);
	if (r)
		return error_set(err, r, "cannot write the port table: %s", strerror(-r));
	memcpy(meta->service, slots, sizeof(slots));
	return 0;
}

/**
 * services_read_ports() - the port table that the program goes by
 * @pins: the interface's pins
 * @ret_table: filled on success
 *
 * Needs no more than reading the pins does. A table that is swapped right now is read again.
 *
 * Return: 0 or negative errno.
 */
int services_read_ports(const struct pins *pins, struct sampler_port_table *ret_table)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_PORTS, false);
	struct sampler_control before, after;
	int r = fd < 0 ? fd : pins_read_control(pins, &before);

	while (!r) {
		__u32 key = before.port_table & 1;

		if (bpf_map_lookup_elem(fd, &key, ret_table))
			return -errno;
		r = pins_read_control(pins, &after);
		if (r || after.port_table == before.port_table)
			break;
		before = after;
	}
	return r;
}
