/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_RAW_DRAIN_H
#define LOADGEN_RAW_DRAIN_H

#include "raw-plan.h"
#include "raw-worker.h"

#include <stdint.h>

void raw_drain(const struct raw_link *link, const struct raw_worker *worker, uint32_t n_workers,
	       int cancel_fd);

#endif
