/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Drawing in shuffled blocks: in each, every item is as often as its weight. The same each time. */
#ifndef LOADGEN_RAW_SHUFFLE_H
#define LOADGEN_RAW_SHUFFLE_H

#include <stdint.h>

struct raw_shuffle {
	uint32_t *item; /* of a block */
	uint32_t n, at;
};

uint64_t raw_random(uint64_t *state);
int raw_shuffle_add(struct raw_shuffle *shuffle, uint32_t item, uint32_t weight);
uint32_t raw_shuffle_draw(struct raw_shuffle *shuffle, uint64_t *state);
void raw_shuffle_free(struct raw_shuffle *shuffle);

#endif
