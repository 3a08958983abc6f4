/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_ENGINE_H
#define LOADGEN_ENGINE_H

#include "config.h"
#include "util/error.h"

#define ENGINE_MISSED 3 /* a threshold, or a sampler has counted something else */

int engine_run(const struct config *config, struct error *err);

#endif
