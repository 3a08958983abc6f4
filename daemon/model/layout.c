// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What tells our own intact data from another build's, a torn write's or a zeroed block's.
 *
 * hash64() is a checksum against accidents, not against attackers. Each 8-byte word goes through an
 * odd multiplication into the state by steps that can be undone, so a change within any single word
 * always changes the result. The length is part of the state from the start, and no input hashes to
 * 0: a block of zeros, checksum included, is never valid. Values are those of the machine's byte
 * order; they never leave the machine.
 */
#include "model/layout.h"

#include "model/sample.h"
#include "util/cleanup.h"

#include <errno.h>
#include <string.h>

#define MIX_WORD  0xc080ec323b5165adULL /* random, odd */
#define MIX_STATE 0xbb9b4479e135cde1ULL
#define MIX_SIZE  0x0f0242c226c21bc9ULL
#define MIX_END	  0x2a1059680a64e26bULL

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static uint64_t absorb(uint64_t state, uint64_t word)
{
	return rotate(state ^ word * MIX_WORD, 29) * MIX_STATE;
}

static uint64_t finish(uint64_t state)
{
	state ^= state >> 32;
	state *= MIX_END;
	state ^= state >> 29;
	state *= MIX_WORD;
	state ^= state >> 32;
	return state ? state : MIX_END;
}

/**
 * hash64() - checksum of a block of memory
 * @data: the block, of any alignment
 * @size: its bytes
 * @seed: another seed gives an unrelated hash
 *
 * Return: the hash, never 0.
 */
uint64_t hash64(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t state = (seed ^ MIX_END) + size * MIX_SIZE, word;

	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		state = absorb(state, word);
	}
	if (size) {
		word = 0;
		memcpy(&word, p, size);
		state = absorb(state, word);
	}
	return finish(state);
}

/**
 * sample_layout_hash() - name the layout of a sample, which is what history files keep
 *
 * Apart from layout_hash(), so that a history goes on when only something else in the pins changes.
 *
 * Return: a hash over sizes and places of the counters and of what a sample has besides; the same in
 * every build that agrees on them.
 */
uint64_t sample_layout_hash(void)
{
	const uint64_t layout[] = {
		SAMPLER_N_DIRECTIONS,
		sizeof(struct sampler_count),
		offsetof(struct sampler_count, packets),
		offsetof(struct sampler_count, bytes),
		sizeof(struct sampler_counters),
		offsetof(struct sampler_counters, l3),
		offsetof(struct sampler_counters, l4),
		offsetof(struct sampler_counters, mark),
		offsetof(struct sampler_counters, service),
		offsetof(struct sampler_counters, size),
		offsetof(struct sampler_counters, tcp_flag),
		sizeof(struct sample),
		offsetof(struct sample, direction),
		offsetof(struct sample, peak),
	};

	return hash64(layout, sizeof(layout), SAMPLER_META_MAGIC);
}

/**
 * layout_hash() - name the layout of everything that is pinned
 *
 * Return: a hash over the ABI version, the sizes of the shared structures and the layout of the
 * counters; the same in every build that agrees on them.
 */
uint64_t layout_hash(void)
{
	const uint64_t layout[] = {
		SAMPLER_ABI_VERSION,
		sample_layout_hash(),
		sizeof(struct sampler_control),
		sizeof(struct sampler_port_table),
		sizeof(struct sampler_meta),
	};

	return hash64(layout, sizeof(layout), SAMPLER_META_MAGIC);
}

static uint64_t meta_checksum(const struct sampler_meta *meta)
{
	return hash64(meta, offsetof(struct sampler_meta, checksum), SAMPLER_META_MAGIC);
}

/**
 * meta_seal() - make a meta complete
 * @meta: gets magic, ABI version, layout hash and, over all of it, the checksum
 */
void meta_seal(struct sampler_meta *meta)
{
	meta->magic = SAMPLER_META_MAGIC;
	meta->abi_version = SAMPLER_ABI_VERSION;
	meta->layout_hash = layout_hash();
	meta->checksum = meta_checksum(meta);
}

static int check_abi(const struct sampler_meta *meta, struct error *err)
{
	static const char remedy[] = "samplerd --attach replaces it and begins new counters, "
				     "its own samplerd reads the old ones";

	if (meta->abi_version != SAMPLER_ABI_VERSION)
		return error_set(err, -EPROTO,
				 "The attached sampler speaks ABI %u, this program speaks ABI %u. "
				 "%s",
				 meta->abi_version, SAMPLER_ABI_VERSION, remedy);
	if (meta->layout_hash != layout_hash())
		return error_set(err, -EPROTO,
				 "The attached sampler and this program both speak ABI %u, but "
				 "come from different builds (layout %016llx, here %016llx). %s",
				 SAMPLER_ABI_VERSION, (unsigned long long)meta->layout_hash,
				 (unsigned long long)layout_hash(), remedy);
	return 0;
}

/**
 * meta_check() - see whether a meta is ours, of this build's layout, and whole
 * @meta: as read; its other members mean nothing until this returned 0
 * @err: what was met, what was expected, what to do
 *
 * Return: 0, -ENODATA when nothing was written yet, -EBADMSG when it is not a sampler's, -EPROTO for
 * another ABI or layout, -EAGAIN when it is half written (read again).
 */
int meta_check(const struct sampler_meta *meta, struct error *err)
{
	int r;

	if (!meta->magic)
		return error_set(err, -ENODATA,
				 "The pins describe no sampler yet: an attach is under way or was "
				 "broken off; attach again");
	if (meta->magic != SAMPLER_META_MAGIC)
		return error_set(err, -EBADMSG,
				 "The pinned description is not a sampler's (magic %016llx); "
				 "remove what lies in the place of its pins",
				 (unsigned long long)meta->magic);
	r = check_abi(meta, err);
	if (r)
		return r;
	if (meta->checksum != meta_checksum(meta))
		return error_set(err, -EAGAIN,
				 "The pinned description does not match its checksum: it is being "
				 "written, or its writer was killed; attach again if this stays");
	return 0;
}
