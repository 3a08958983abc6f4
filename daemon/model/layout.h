/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_LAYOUT_H
#define SAMPLER_MODEL_LAYOUT_H

#include "sampler_abi.h"
#include "util/error.h"

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *data, size_t size, uint64_t seed);
uint64_t sample_layout_hash(void);
uint64_t layout_hash(void);

void meta_seal(struct sampler_meta *meta);
int meta_check(const struct sampler_meta *meta, struct error *err);

#endif
