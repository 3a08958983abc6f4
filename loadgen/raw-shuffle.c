// SPDX-License-Identifier: MIT OR Apache-2.0
#include "raw-shuffle.h"

#include <errno.h>
#include <stdlib.h>

/**
 * raw_random() - the next number of a fixed sequence
 * @state: any at first (Steele and others, Fast splittable pseudorandom number generators, 2014)
 *
 * Return: 64 bits.
 */
uint64_t raw_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/**
 * raw_shuffle_add() - have an item in each block
 * @shuffle: all 0 at first; to be freed by raw_shuffle_free()
 * @item: a number
 * @weight: how often
 *
 * Return: 0 or -ENOMEM.
 */
int raw_shuffle_add(struct raw_shuffle *shuffle, uint32_t item, uint32_t weight)
{
	uint32_t *more = reallocarray(shuffle->item, shuffle->n + weight, sizeof(*more));

	if (!more)
		return -ENOMEM;
	for (uint32_t i = 0; i < weight; i++)
		more[shuffle->n++] = item;
	shuffle->item = more;
	return 0;
}

static void shuffle_block(struct raw_shuffle *shuffle, uint64_t *state)
{
	for (uint32_t i = shuffle->n; i > 1; i--) {
		uint32_t j = (uint32_t)(raw_random(state) % i), other = shuffle->item[j];

		shuffle->item[j] = shuffle->item[i - 1];
		shuffle->item[i - 1] = other;
	}
}

/** raw_shuffle_draw() - Return: the next item */
uint32_t raw_shuffle_draw(struct raw_shuffle *shuffle, uint64_t *state)
{
	if (!shuffle->at)
		shuffle_block(shuffle, state);
	if (shuffle->at + 1 == shuffle->n) {
		shuffle->at = 0;
		return shuffle->item[shuffle->n - 1];
	}
	return shuffle->item[shuffle->at++];
}

/** raw_shuffle_free() - release what raw_shuffle_add() has made */
void raw_shuffle_free(struct raw_shuffle *shuffle)
{
	free(shuffle->item);
	*shuffle = (struct raw_shuffle){ 0 };
}
