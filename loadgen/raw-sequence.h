/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which frames a run sends, in which order: all of it is known before the run. The sequence has a
 * period, after which it begins again. Frame k belongs to thread k mod n, and no two threads have a
 * flow in common.
 */
#ifndef LOADGEN_RAW_SEQUENCE_H
#define LOADGEN_RAW_SEQUENCE_H

#include "config.h"
#include "raw-account.h"
#include "raw-capture.h"
#include "raw-frame.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RAW_WIRE_EXTRA 24 /* bytes of layer 1 besides a frame: preamble 8, FCS 4, gap 12 */
#define RAW_WIRE_MIN   60 /* shorter frames are padded */

struct raw_entry {
	uint32_t template, flow;
	uint16_t source_port, port; /* of the flow */
};

struct raw_sequence {
	const struct config *config;
	uint32_t n_threads;
	uint32_t period; /* frames; a multiple of n_threads */
	uint32_t max_len, min_len;
	uint64_t *bytes; /* [k]: of the first k frames of the period */
	uint64_t *wire;	 /* the same as they are on the wire, gaps and all */

	struct raw_template *template; /* NULL: a capture */
	struct raw_entry *entry;
	struct raw_capture capture;
};

int raw_sequence_make(const struct config *config, const struct raw_ends *ends,
		      struct raw_file *file, struct raw_sequence *ret, struct error *err);
void raw_sequence_free(struct raw_sequence *sequence);

uint64_t raw_sequence_n_frames(const struct raw_sequence *sequence);
uint64_t raw_sequence_bytes(const struct raw_sequence *sequence, uint64_t k);
uint64_t raw_sequence_wire(const struct raw_sequence *sequence, uint64_t k);
uint32_t raw_sequence_frame(const struct raw_sequence *sequence, uint32_t i, uint64_t k,
			    uint64_t time_ns, uint8_t *buffer, const uint8_t **ret_frame);
int raw_sequence_account(const struct raw_sequence *sequence, const uint64_t *n_sent,
			 struct raw_account *account);

/* Bytes of a frame: i is its place in the period. */
static inline uint32_t raw_sequence_len(const struct raw_sequence *s, uint32_t i)
{
	return s->template ? s->template[s->entry[i].template].len : s->capture.frame[i].len;
}

/* Bytes that a frame takes on the wire. */
static inline uint32_t raw_wire_len(uint32_t len)
{
	return (len < RAW_WIRE_MIN ? RAW_WIRE_MIN : len) + RAW_WIRE_EXTRA;
}

#endif
