/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_COUNTERS_H
#define SAMPLER_MODEL_COUNTERS_H

#include "sampler_abi.h"

#include <stdbool.h>

struct sampler_count counters_total(const struct sampler_counters *counters);
void counters_add(struct sampler_counters *dst, const struct sampler_counters *src);
void counters_subtract(struct sampler_counters *dst, const struct sampler_counters *src);
bool counters_fell(const struct sampler_counters *older, const struct sampler_counters *newer);

#endif
