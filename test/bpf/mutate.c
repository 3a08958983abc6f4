// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Mutated frames: each is a named frame to which one to four random changes are made, some blind
 * (bits, bytes, cuts, splices) and some aimed at the fields that steer a parser.
 *
 * Invariant: a mutation depends on its seed and index alone, so that any one of them can be made
 * again without those before it.
 */
#include <string.h>

#include "mutate.h"

#define MAX_CHANGES	4
#define MAX_JUMBO_RATIO 16 /* one in so many may stay longer than SMALL */
#define SMALL		2200

struct random {
	uint64_t state;
};

/* Where a kind of layer keeps the fields that steer the parser: width in bytes, 0 ends the row. */
struct field {
	uint8_t offset, width;
};

static const struct field fields[LAYER_N_KINDS][6] = {
	[LAYER_ETH] = { { 12, 2 } },
	[LAYER_VLAN] = { { 2, 2 } },
	[LAYER_ARP] = { { 4, 1 }, { 5, 1 } },
	[LAYER_IP4] = { { 0, 1 }, { 2, 2 }, { 6, 2 }, { 9, 1 } },
	[LAYER_IP6] = { { 0, 1 }, { 4, 2 }, { 6, 1 } },
	[LAYER_EXT] = { { 0, 1 }, { 1, 1 } },
	[LAYER_AH] = { { 0, 1 }, { 1, 1 } },
	[LAYER_FRAG] = { { 0, 1 }, { 1, 1 }, { 2, 2 } },
	[LAYER_TCP] = { { 0, 2 }, { 2, 2 }, { 12, 1 }, { 13, 1 } },
	[LAYER_UDP] = { { 0, 2 }, { 2, 2 }, { 4, 2 } },
};

/* splitmix64: every seed is as good as any other. */
static uint64_t next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static size_t below(struct random *r, size_t n)
{
	return next(r) % n;
}

/* A place in the frame, more often among the headers than behind them. */
static size_t place(struct random *r, const struct frame *f)
{
	if (below(r, 4) && f->len > 100)
		return below(r, 100);
	return below(r, f->len);
}

static void flip_bit(struct random *r, struct frame *f)
{
	f->data[place(r, f)] ^= (uint8_t)(1u << below(r, 8));
}

static void set_byte(struct random *r, struct frame *f)
{
	static const uint8_t values[] = { 0,  1,  4,  5,    6,	  17,  43,  44,	 51,  58,   60,
					  59, 50, 69, 0x60, 0x80, 132, 135, 139, 140, 0xff, 0x50 };

	f->data[place(r, f)] = values[below(r, sizeof(values))];
}

static void set_random(struct random *r, struct frame *f)
{
	f->data[place(r, f)] = (uint8_t)next(r);
}

static void set_word(struct random *r, struct frame *f)
{
	static const uint16_t values[] = { 0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x0600, 0x05ff,
					   0,	   1,	   20,	   40,	   80,	   443,	   53,
					   8080,   65535,  0x2000, 0x4000, 0x1fff, 0xfff8 };
	size_t at = place(r, f);
	uint16_t value = values[below(r, sizeof(values) / sizeof(values[0]))];

	if (at + 2 > f->len)
		return;
	f->data[at] = (uint8_t)(value >> 8);
	f->data[at + 1] = (uint8_t)value;
}

/* A little more, a little less, one bit, or anything. */
static uint32_t nearby(struct random *r, uint32_t value, uint32_t bits)
{
	switch (below(r, 4)) {
	case 0:
		return value + (uint32_t)below(r, 9) - 4;
	case 1:
		return value ^ 1u << below(r, bits);
	case 2:
		return 0;
	default:
		return (uint32_t)next(r);
	}
}

static void change_field(struct random *r, struct frame *f)
{
	size_t i = below(r, f->n_layers), n = 0, at;
	const struct field *row = fields[f->kind[i]];
	uint32_t value;

	while (n < 6 && row[n].width)
		n++;
	if (!n)
		return;
	row += below(r, n);
	at = f->offset[i] + row->offset;
	if (at + row->width > f->len)
		return;
	if (row->width == 1) {
		f->data[at] = (uint8_t)nearby(r, f->data[at], 8);
		return;
	}
	value = nearby(r, (uint32_t)f->data[at] << 8 | f->data[at + 1], 16);
	f->data[at] = (uint8_t)(value >> 8);
	f->data[at + 1] = (uint8_t)value;
}

static void cut(struct random *r, struct frame *f)
{
	f->len = FRAME_MIN + below(r, f->len - FRAME_MIN + 1);
}

static void grow(struct random *r, struct frame *f)
{
	size_t n = 1 + below(r, 64);

	if (f->len + n > FRAME_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		f->data[f->len + i] = (uint8_t)next(r);
	f->len += n;
}

/* Bytes pushed in between: a tag behind the addresses, or a header between two layers. */
static void insert(struct random *r, struct frame *f)
{
	static const struct {
		const char *bytes;
		size_t n;
	} heads[] = {
		{ "\x81\x00\x00\x64", 4 },
		{ "\x88\xa8\x00\x64", 4 },
		{ "\x3c\x00\x00\x50\x00\x50\x00\x50", 8 },
		{ "\x06\x00\x00\x01\x00\x00\x00\x01", 8 },
		{ "\x2c\x00\x00\x50\x00\x50\x00\x50", 8 },
	};
	size_t which = below(r, sizeof(heads) / sizeof(heads[0])), n = heads[which].n;
	size_t at = which < 2 ? 12 : f->offset[below(r, f->n_layers)];

	if (at > f->len || f->len + n > FRAME_MAX)
		return;
	memmove(f->data + at + n, f->data + at, f->len - at);
	memcpy(f->data + at, heads[which].bytes, n);
	f->len += n;
}

static size_t pick(struct random *r, struct frame *ret)
{
	const struct named_frame *all[FRAMES_MAX];
	size_t n = frames_all(all, FRAMES_MAX), i;

	do {
		i = below(r, n);
	} while (all[i]->len > SMALL && below(r, MAX_JUMBO_RATIO));
	frame_build(all[i], ret);
	return i;
}

/* The front of this frame and the back of another. */
static void splice(struct random *r, struct frame *f)
{
	static struct frame other;
	size_t front = place(r, f), back;

	pick(r, &other);
	back = place(r, &other);
	if (front + other.len - back < FRAME_MIN || front + other.len - back > FRAME_MAX)
		return;
	memcpy(f->data + front, other.data + back, other.len - back);
	f->len = front + other.len - back;
}

static void change(struct random *r, struct frame *f)
{
	static void (*const changes[])(struct random *, struct frame *) = {
		flip_bit,     set_byte,	    set_random,	  set_word, cut,    grow,     insert,
		change_field, change_field, change_field, insert,   splice, set_byte,
	};

	changes[below(r, sizeof(changes) / sizeof(changes[0]))](r, f);
}

/**
 * mutate_frame() - the frame that belongs to a seed and an index
 * @seed: of the whole run
 * @index: which mutation of that run
 * @ret: the frame, at least 14 bytes; its linear part is random in one of two, else 0
 */
void mutate_frame(uint64_t seed, uint64_t index, struct frame *ret)
{
	struct random r = { seed };
	size_t n;

	r.state = next(&r) ^ index * 0xd1342543de82ef95ULL;
	pick(&r, ret);
	n = 1 + below(&r, MAX_CHANGES);
	for (size_t i = 0; i < n; i++)
		change(&r, ret);
	ret->linear = 0;
	if (below(&r, 2))
		ret->linear = FRAME_MIN + (uint32_t)below(&r, ret->len < 200 ? ret->len : 200);
}
