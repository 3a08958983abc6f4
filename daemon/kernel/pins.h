/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_PINS_H
#define SAMPLER_KERNEL_PINS_H

#include "model/key.h"
#include "sampler_abi.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PINS_DEFAULT_DIR "/sys/fs/bpf/sampler"
#define PINS_BIND_DIR	 "/run/sampler/bpf" /* the same for who may not enter /sys/fs/bpf */

struct error;

/* Where the pins of one interface are: <pin_dir>/<key>/<map>. */
struct pins {
	char dir[256];
	char key[KEY_MAX];
};

#define PINS_N_MAPS 4

extern const char *const pins_maps[PINS_N_MAPS]; /* names of what is pinned */

struct pins_lock {
	int fd;
	char path[256];
};

#define PINS_UNLOCKED    \
	{                \
		.fd = -1 \
	}

int pins_check_bpffs(const char *pin_dir, uint64_t *ret_device, struct error *err);
void pins_reach(char pin_dir[]);
uint64_t pins_netns_inode(void);
int pins_for_attach(const char *pin_dir, const char *ifname, struct pins *ret_pins,
		    struct error *err);
int pins_find(const char *pin_dir, const char *ifname, struct pins *ret_pins, struct error *err);
int pins_key(const char *pin_dir, const char *ifname, char ret_key[KEY_MAX], struct error *err);
bool pins_exist(const struct pins *pins);
int pins_map_path(const struct pins *pins, const char *map, char *buf, size_t size);
int pins_open_map(const struct pins *pins, const char *map, bool writable);
int pins_read_meta(const struct pins *pins, struct sampler_meta *ret_meta, struct error *err);
uint32_t pins_map_id(const struct pins *pins, const char *map);
int pins_read_control(const struct pins *pins, struct sampler_control *ret_control);
int pins_write_map(const struct pins *pins, const char *map, __u32 key, const void *value);
int pins_write_meta(const struct pins *pins, struct sampler_meta *meta, struct error *err);
int pins_create_dir(const char *pin_dir, const struct pins *pins, gid_t group, struct error *err);
int pins_set_access(const struct pins *pins, gid_t group, struct error *err);
int pins_lock(const char *pin_dir, struct pins_lock *ret_lock, struct error *err);
void pins_unlock(struct pins_lock *lock);
int pins_lock_recorder(const struct pins *pins, struct error *err);
int pins_aside(const struct pins *pins, struct pins *ret_aside);
int pins_remove(const struct pins *pins, struct error *err);

#endif
