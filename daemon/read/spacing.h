/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How far apart the records of a piece of a history are: internal to read/. */
#ifndef SAMPLER_READ_SPACING_H
#define SAMPLER_READ_SPACING_H

#include "store/history.h"

int find_widest_spacing(const struct history_reader *history, enum history_ring ring,
			uint64_t from_ns, uint64_t to_ns, uint64_t *ret_spacing_ns);

#endif
