/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A sample: one snapshot of all cumulative counters of an interface with the time at which it was
 * taken. It is what the recorder reads each tick, what a history record holds, and what every reader
 * computes rates from.
 */
#ifndef SAMPLER_MODEL_SAMPLE_H
#define SAMPLER_MODEL_SAMPLE_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_VLAN_STRIPPED (1u << 0) /* the VLAN counter says nothing: shown as null */
#define SAMPLE_DEGRADED	     (1u << 1) /* the recorder knew that frames passed by uncounted */
#define SAMPLE_TX	     (1u << 2) /* direction[SAMPLER_TX] says something: they are counted */

/* What is said where they are not, although they were. */
#define SAMPLE_TX_LOST "our filter is gone from tc egress"

/* The highest bandwidth of one interval so far in the epoch; finer records may be gone by then. */
struct sample_peak {
	uint64_t bits_per_s;
	uint64_t boottime_ns; /* the interval's end, 0 where there was none yet */
};

struct sample {
	uint64_t boottime_ns; /* CLOCK_BOOTTIME right after the read: rates, spacing, staleness */
	uint64_t realtime_ns; /* CLOCK_REALTIME at the same moment: labels */
	uint32_t epoch;	      /* ordinal in the history file; counters only grow within one */
	uint32_t flags : 6;   /* SAMPLE_* */
	/* At which interval its recorder takes samples now, 0: no recorder's. It can change live. */
	uint32_t interval_us : 26;
	struct sample_peak peak[SAMPLER_N_DIRECTIONS];
	struct sampler_counters direction[SAMPLER_N_DIRECTIONS];
};

_Static_assert(sizeof(struct sample) == 1128, "part of the history file's layout");

/* Return: whether the sample's counters of a direction say anything. */
static inline bool sample_counts(const struct sample *sample, enum sampler_direction direction)
{
	return direction == SAMPLER_RX || sample->flags & SAMPLE_TX;
}

/* Return: sample.interval_us in ns. */
static inline uint64_t sample_interval_ns(const struct sample *sample)
{
	return sample->interval_us * UINT64_C(1000);
}

#endif
