/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The history of one interface: `<dir>/<key>.hist`, three rings of samples (fine, medium, coarse)
 * that one writer fills and any number of readers read at the same time, without a lock.
 *
 * Records of a ring are numbered from 0 without end; the head is the number that the next record
 * will get. A number is never given to a second record, also not after a crash. Epochs are numbered
 * from 1, so an epoch of 0 marks a gap in an array of samples.
 *
 * Samples count services by slot. What the slots are called is kept with each epoch, since a history
 * outlives the pins that say it: a name stays in its slot while an epoch lasts, and free slots may
 * get names meanwhile.
 */
#ifndef SAMPLER_STORE_HISTORY_H
#define SAMPLER_STORE_HISTORY_H

#include "model/sample.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum history_ring { HISTORY_FINE, HISTORY_MEDIUM, HISTORY_COARSE, HISTORY_N_RINGS };

#define HISTORY_MEDIUM_STEP_NS 30000000000ULL  /* 30 s */
#define HISTORY_COARSE_STEP_NS 300000000000ULL /* 5 min */
#define HISTORY_MIN_RECORDS    2
#define HISTORY_MAX_RECORDS    1100000 /* of one ring: a year at 30 s */

/* How much is kept, as configured. */
struct history_geometry {
	uint64_t interval_ns;	 /* nominal spacing of fine records */
	uint32_t fine_records;	 /* capacity of the fine ring */
	uint64_t medium_span_ns; /* time that the medium ring covers, at 30 s a record */
	uint64_t coarse_span_ns; /* time that the coarse ring covers, at 5 min a record */
};

#define HISTORY_GEOMETRY_DEFAULT                                                                   \
	{                                                                                          \
		.interval_ns = 1000000000ULL, .fine_records = 3600,                                \
		.medium_span_ns = 86400ULL * 1000000000, .coarse_span_ns = 1209600ULL * 1000000000 \
	}

/* Where a file lies and whose it is. */
struct history_place {
	const char *dir;    /* e.g. /var/lib/sampler; has to exist */
	const char *key;    /* file name without ".hist" */
	const char *ifname; /* the interface's real name */
	uid_t uid;	    /* owner of the file, or (uid_t)-1: as made */
	gid_t gid;	    /* group of the file, or (gid_t)-1: as made */
};

/* Names of services by slot, as sampler_meta.service has them; "" is a free one. */
struct history_services {
	char name[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
};

/* Where counters come from. The first three must stay the same for them to be comparable. */
struct history_source {
	uint64_t counters_id; /* sampler_meta.epoch */
	uint8_t boot_id[16];
	uint32_t ifindex;
	struct history_services services; /* may grow */
};

/* A stretch of samples within which time and counters only grow. */
struct history_epoch {
	struct history_source source;
	uint32_t ordinal;			/* from 1; sample.epoch */
	uint64_t first_record[HISTORY_N_RINGS]; /* no record of it has a lower number */
	uint64_t first_boottime_ns;
	uint64_t offset_ns; /* latest REALTIME - BOOTTIME, modulo 2^64: for history_wall_ns() */
};

/* What a file says of itself. */
struct history_info {
	char ifname[SAMPLER_NAME_MAX];
	uint64_t created_realtime_ns;
	uint64_t file_size;
	struct {
		uint64_t step_ns; /* nominal; the fine ring's is the recorder's interval */
		uint64_t capacity;
	} ring[HISTORY_N_RINGS];
};

uint64_t history_size(const struct history_geometry *geometry);

/* Wall time of a sample by its epoch's latest offset: a step of the clock moves the whole epoch. */
static inline uint64_t history_wall_ns(uint64_t offset_ns, uint64_t boottime_ns)
{
	return offset_ns + boottime_ns;
}

/* The lowest number that a ring with this head can still hold. */
static inline uint64_t history_oldest(uint64_t head, uint64_t capacity)
{
	return head > capacity ? head - capacity : 0;
}

/* In an array that history_read_range() filled. */
static inline bool history_is_gap(const struct sample *sample)
{
	return sample->epoch == 0;
}

/* Writer: one a file, used by one thread. */
struct history_writer;

int history_open_writer(const struct history_place *place, const struct history_geometry *geometry,
			struct history_writer **ret_writer, struct error *err);
const char *history_writer_note(const struct history_writer *w);
const struct history_info *history_writer_info(const struct history_writer *w);
int history_begin_epoch(struct history_writer *w, const struct history_source *source,
			const struct sample *first);
int history_append(struct history_writer *w, struct sample *sample);
uint32_t history_writer_epoch(const struct history_writer *w);
void history_count_missed(struct history_writer *w, uint64_t n);
const struct sample *history_last(const struct history_writer *w);
uint64_t history_writer_head(const struct history_writer *w, enum history_ring ring);
void history_close_writer(struct history_writer *w);
int history_purge(const char *dir, const char *key, struct error *err);

/* Reader: keeps no state between calls, so threads may share one. */
struct history_reader;

int history_open_reader(const char *dir, const char *key, struct history_reader **ret_reader,
			struct error *err);
const struct history_info *history_reader_info(const struct history_reader *r);
int history_reader_head(const struct history_reader *r, enum history_ring ring, uint64_t *ret_head);
int history_read(const struct history_reader *r, enum history_ring ring, uint64_t number,
		 struct sample *ret_sample);
int history_read_range(const struct history_reader *r, enum history_ring ring, uint64_t first,
		       size_t n, struct sample *ret_samples);
int history_reader_newest_epoch(const struct history_reader *r, uint32_t *ret_ordinal);
int history_reader_epoch(const struct history_reader *r, uint32_t ordinal,
			 struct history_epoch *ret_epoch);
int history_reader_missed(const struct history_reader *r, uint64_t *ret_n);
bool history_reader_superseded(const struct history_reader *r);
void history_close_reader(struct history_reader *r);

static inline void cleanup_history_writer(struct history_writer **w)
{
	history_close_writer(*w);
}

static inline void cleanup_history_reader(struct history_reader **r)
{
	history_close_reader(*r);
}

#define _cleanup_history_writer_ _cleanup_(cleanup_history_writer)
#define _cleanup_history_reader_ _cleanup_(cleanup_history_reader)

#endif
