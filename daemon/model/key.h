/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_KEY_H
#define SAMPLER_MODEL_KEY_H

#include "sampler_abi.h"

#include <stddef.h>
#include <stdint.h>

/* A name with every byte escaped, '@', a 64-bit number in decimal, NUL. */
#define KEY_MAX ((SAMPLER_NAME_MAX - 1) * 3 + 1 + 20 + 1)

int key_from_interface(const char *ifname, uint64_t netns_inode, char *buf, size_t size);
int key_parse(const char *key, char ret_name[SAMPLER_NAME_MAX], uint64_t *ret_netns_inode);

#endif
