// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Reading the per-CPU counters: one lookup a direction, summed over all possible CPUs.
 *
 * The kernel copies while other CPUs count, so packets and bytes of a class may differ by the frame
 * in flight on each CPU; at rest they are exact. The sums of an unplugged CPU stay in the map, which
 * is why possible CPUs are read, not those online.
 */
#include "kernel/counters-map.h"

#include "kernel/pins.h"
#include "model/counters.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct sampler_counters) % 8 == 0, "the kernel rounds each CPU's value up");

static int check_map(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.max_entries != SAMPLER_N_DIRECTIONS ||
	    info.value_size != sizeof(struct sampler_counters))
		return -EPROTO;
	return 0;
}

/**
 * counters_map_open() - open the counters of an interface for reading, without privilege
 * @map: filled on success; the caller ends it with counters_map_close()
 * @pins: the interface's pins
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int counters_map_open(struct counters_map *map, const struct pins *pins, struct error *err)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_COUNTERS, false);
	struct counters_map opened = {};
	int r = fd < 0 ? fd : check_map(fd);

	if (r)
		return error_set(err, r, "%s/%s: %s", pins->dir, SAMPLER_MAP_COUNTERS,
				 r == -EPROTO ? "not the counters of this version" : strerror(-r));
	opened.n_cpus = libbpf_num_possible_cpus();
	if (opened.n_cpus < 1)
		return error_set(err, opened.n_cpus, "cannot tell the number of possible CPUs");
	opened.per_cpu = calloc(opened.n_cpus, sizeof(*opened.per_cpu));
	if (!opened.per_cpu)
		return error_set(err, -ENOMEM, "out of memory");
	opened.fd = take_fd(&fd);
	*map = opened;
	return 0;
}

/**
 * counters_map_read() - take a snapshot
 * @map: open map
 * @ret_sample: counters, and both clocks right after the read; epoch and flags are 0
 *
 * Return: 0 or negative errno.
 */
int counters_map_read(struct counters_map *map, struct sample *ret_sample)
{
	struct sample sample = {};

	for (__u32 d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		if (bpf_map_lookup_elem(map->fd, &d, map->per_cpu))
			return -errno;
		for (int cpu = 0; cpu < map->n_cpus; cpu++)
			counters_add(&sample.direction[d], &map->per_cpu[cpu]);
	}
	sample.boottime_ns = clock_boottime_ns();
	sample.realtime_ns = clock_realtime_ns();
	*ret_sample = sample;
	return 0;
}

/** counters_map_close() - release what counters_map_open() took */
void counters_map_close(struct counters_map *map)
{
	if (map->fd > 0)
		close(map->fd);
	free(map->per_cpu);
	*map = (struct counters_map){ .fd = -1 };
}
