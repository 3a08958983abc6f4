/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_RATES_H
#define SAMPLER_MODEL_RATES_H

#include "model/sample.h"

#include <stdbool.h>
#include <stdint.h>

/* What was counted between two samples of one epoch. */
struct delta {
	uint64_t interval_ns; /* above zero */
	bool known[SAMPLER_N_DIRECTIONS];
	struct sampler_counters direction[SAMPLER_N_DIRECTIONS]; /* zeros where not known */
};

bool rates_fell(const struct sample *older, const struct sample *newer,
		enum sampler_direction direction);
int rates_between(const struct sample *older, const struct sample *newer, struct delta *ret_delta);
void rates_forget(struct delta *delta, enum sampler_direction direction);
void rates_carry_peak(const struct sample *older, struct sample *newer, uint64_t min_interval_ns);
double delta_packets_per_s(const struct delta *delta, struct sampler_count count);
double delta_bits_per_s(const struct delta *delta, struct sampler_count count);

#endif
