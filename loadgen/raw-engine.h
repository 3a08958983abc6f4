/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_RAW_ENGINE_H
#define LOADGEN_RAW_ENGINE_H

#include "config.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdio.h>

int raw_engine_run(const struct config *config, struct error *err);
int raw_engine_show(const struct config *config, bool hex, FILE *out, struct error *err);

#endif
