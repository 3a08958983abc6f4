/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_TEST_MUTATE_H
#define SAMPLER_TEST_MUTATE_H

#include <stdint.h>

#include "frames.h"

void mutate_frame(uint64_t seed, uint64_t index, struct frame *ret);

#endif
