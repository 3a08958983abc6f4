/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The history file on disk, in the machine's own byte order:
 *
 *   0       constant part, written once, under a checksum
 *   512     words that change, each on a cache line of its own
 *   4096    table of the last 128 epochs
 *   86016   fine ring, medium ring, coarse ring, one behind the other; zeros up to a whole page
 *
 * A slot holds record n where n % capacity is its index. Its sequence is 0 (never used), 2n + 1
 * (being written) or 2(n + 1) (complete). An epoch's sequence follows the same rule with
 * ordinal - 1 for n.
 *
 * An entry has room for two sets of names, each with a sequence of its own by the same rule, where n
 * is the number of the update within the epoch. The newest set that is whole counts. An update goes
 * over the other one, so that there is no moment, and no crash, without names.
 *
 * Whatever changes here changes HISTORY_VERSION; what changes the sample changes sample_layout_hash(). A
 * file with another one is moved aside, never misread.
 */
#ifndef SAMPLER_STORE_HISTORY_FORMAT_H
#define SAMPLER_STORE_HISTORY_FORMAT_H

#include "model/sample.h"
#include "store/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_MAGIC	    0x747369684c504d53ULL /* "SMPLhist", little endian */
#define HISTORY_VERSION	    3
#define HISTORY_SUPERSEDED  0x64656c6c69666572ULL /* "refilled": another file took the place */
#define HISTORY_HEADER_SIZE 86016
#define HISTORY_N_EPOCHS    128
#define HISTORY_MAX_NUMBER  (1ULL << 62) /* so that 2(n + 1) never wraps */

struct history_disk_ring {
	uint64_t step_ns;
	uint64_t capacity; /* records */
	uint64_t offset;   /* bytes from the start of the file */
};

/* Everything that is settled when the file is made. */
struct history_disk_constant {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint64_t layout_hash;
	uint32_t slot_size;
	uint32_t sample_size;
	uint32_t n_rings;
	uint32_t n_epochs;
	uint64_t file_size;
	uint64_t created_realtime_ns;
	char ifname[SAMPLER_NAME_MAX];
	struct history_disk_ring ring[HISTORY_N_RINGS];
	uint64_t checksum; /* hash64() of all before, seed HISTORY_MAGIC */
};

/* A word that one side stores and the others poll. */
struct history_disk_word {
	uint64_t value;
	uint64_t unused[7];
};

struct history_disk_names {
	uint64_t sequence;
	uint64_t checksum; /* hash64() of the names, seed: of ordinal and number of the update */
	struct history_services services;
};

struct history_disk_epoch {
	uint64_t sequence;
	uint64_t checksum;  /* hash64() from counters_id up to the names, seed: ordinal */
	uint64_t offset_ns; /* updated by every append, hence outside the checksum */
	uint64_t counters_id;
	uint8_t boot_id[16];
	uint64_t first_record[HISTORY_N_RINGS];
	uint64_t first_boottime_ns;
	uint32_t ifindex;
	uint32_t ordinal;
	uint64_t reserved;
	struct history_disk_names names[2];
};

struct history_disk_header {
	struct history_disk_constant constant;
	uint8_t unused1[512 - sizeof(struct history_disk_constant)];
	struct history_disk_word head[HISTORY_N_RINGS]; /* number of the next record */
	struct history_disk_word newest_epoch;		/* ordinal, 0: none yet */
	struct history_disk_word superseded; /* HISTORY_SUPERSEDED: open the name again */
	struct history_disk_word missed;     /* ticks without a record, while a recorder ran */
	uint8_t unused2[4096 - 512 - 6 * sizeof(struct history_disk_word)];
	struct history_disk_epoch epoch[HISTORY_N_EPOCHS]; /* index: ordinal % HISTORY_N_EPOCHS */
};

struct history_disk_slot {
	uint64_t sequence;
	uint64_t checksum; /* hash64() of the sample, seed = record number */
	struct sample sample;
};

_Static_assert(sizeof(struct history_disk_constant) == 152, "on disk");
_Static_assert(sizeof(struct history_disk_word) == 64, "a cache line");
_Static_assert(sizeof(struct history_disk_names) == 272, "on disk");
_Static_assert(sizeof(struct history_disk_epoch) == 640, "on disk");
_Static_assert(offsetof(struct history_disk_header, head) == 512, "on disk");
_Static_assert(offsetof(struct history_disk_header, epoch) == 4096, "on disk");
_Static_assert(sizeof(struct history_disk_header) == HISTORY_HEADER_SIZE, "on disk");
_Static_assert(sizeof(struct history_disk_slot) == 1144, "on disk");
_Static_assert(sizeof(struct history_disk_slot) % 8 == 0, "sequences are aligned in every slot");
_Static_assert(__atomic_always_lock_free(8, 0), "sequences and heads are shared by processes");

/* Sequence of record n while it is written, and when it is complete. */
static inline uint64_t history_sequence_begun(uint64_t n)
{
	return 2 * n + 1;
}

static inline uint64_t history_sequence_done(uint64_t n)
{
	return 2 * (n + 1);
}

int history_disk_constant_init(struct history_disk_constant *c,
			       const struct history_geometry *geometry, const char *ifname);
void history_disk_constant_seal(struct history_disk_constant *c);
int history_disk_constant_check(const struct history_disk_constant *c, uint64_t real_size,
				struct error *err);
void history_disk_constant_info(const struct history_disk_constant *c,
				struct history_info *ret_info);
uint64_t history_disk_slot_offset(const struct history_disk_ring *ring, uint64_t number);
bool history_disk_slot_valid(uint64_t sequence, uint64_t checksum, const struct sample *sample,
			     uint64_t number);
uint64_t history_disk_epoch_checksum(const struct history_disk_epoch *e);
bool history_disk_epoch_valid(const struct history_disk_epoch *e, uint32_t ordinal);
void history_services_clean(const struct history_services *services,
			    struct history_services *ret_services);
void history_disk_names_fill(struct history_disk_names *names,
			     const struct history_services *services, uint32_t ordinal, uint64_t n);
const struct history_disk_names *history_disk_names_newest(const struct history_disk_epoch *e);

#endif
