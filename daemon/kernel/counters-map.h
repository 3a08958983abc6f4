/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_COUNTERS_MAP_H
#define SAMPLER_KERNEL_COUNTERS_MAP_H

#include "model/sample.h"

struct error;
struct pins;

/* An open counters map and the room that a read of it needs. */
struct counters_map {
	int fd;
	int n_cpus; /* possible, not online: counters of an unplugged CPU stay */
	struct sampler_counters *per_cpu;
};

int counters_map_open(struct counters_map *map, const struct pins *pins, struct error *err);
int counters_map_read(struct counters_map *map, struct sample *ret_sample);
void counters_map_close(struct counters_map *map);

#endif
