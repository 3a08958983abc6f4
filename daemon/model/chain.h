/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_CHAIN_H
#define SAMPLER_MODEL_CHAIN_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_N_ACTIONS 5 /* XDP_ABORTED to XDP_REDIRECT */

extern const char *const chain_action_names[CHAIN_N_ACTIONS];

/* A program that one chain has and the other has not; @place is its place in the one that has it. */
typedef void chain_change_fn(const struct sampler_chain_program *program, size_t place, bool joined,
			     void *user);

size_t chain_size(const struct sampler_chain *chain);
int chain_find(const struct sampler_chain *chain, uint32_t prog_id);
void chain_compare(const struct sampler_chain *before, const struct sampler_chain *after,
		   chain_change_fn *changed, void *user);

#endif
