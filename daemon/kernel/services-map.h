/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_SERVICES_MAP_H
#define SAMPLER_KERNEL_SERVICES_MAP_H

#include "sampler_abi.h"

struct error;
struct pins;
struct service_list;

int services_write(const struct pins *pins, const struct service_list *services,
		   struct sampler_meta *meta, struct error *err);
int services_read_ports(const struct pins *pins, struct sampler_port_table *ret_table);

#endif
