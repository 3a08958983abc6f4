/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When each frame of a run is due. */
#ifndef LOADGEN_RAW_PACE_H
#define LOADGEN_RAW_PACE_H

#include "raw-sequence.h"
#include "schedule.h"

#include <stdbool.h>
#include <stdint.h>

enum raw_pace_kind {
	RAW_UNPACED, /* as fast as it goes */
	RAW_BY_FRAMES,
	RAW_BY_BITS,
	RAW_BY_CAPTURE,
};

struct raw_pace {
	enum raw_pace_kind kind;
	const struct raw_sequence *sequence;
	struct schedule schedule; /* of frames, or of bits */
	struct pace mean;  /* frames, for figures of what was due; none where nobody can say */
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	uint32_t burst;
};

void raw_pace_init(struct raw_pace *pace, const struct raw_sequence *sequence, uint64_t start_ns);
uint64_t raw_pace_due_ns(const struct raw_pace *pace, uint64_t k);
uint64_t raw_pace_n_before(const struct raw_pace *pace, uint64_t end_ns, uint64_t most);

#endif
