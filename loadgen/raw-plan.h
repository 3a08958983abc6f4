/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* All of a run of raw frames that is settled before the first one is sent. */
#ifndef LOADGEN_RAW_PLAN_H
#define LOADGEN_RAW_PLAN_H

#include "config.h"
#include "raw-link.h"
#include "raw-sequence.h"
#include "raw-socket.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

struct raw_plan {
	struct raw_link link;
	struct raw_ends ends;
	struct raw_sequence sequence;
	uint64_t n_frames; /* but for the duration; UINT64_MAX: no limit */
	struct raw_file file;
	uint32_t n_sockets;
	struct raw_socket socket[LOADGEN_MAX_THREADS]; /* until workers take them over */
};

int raw_plan_make(const struct config *config, bool sockets, struct raw_plan *ret,
		  struct error *err);
void raw_plan_free(struct raw_plan *plan);

int raw_plan_show(const struct raw_plan *plan, bool hex, FILE *out);

#endif
