/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_ATTACH_TX_H
#define SAMPLER_KERNEL_ATTACH_TX_H

#include "kernel/pins.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

int tx_detach(uint32_t ifindex, const struct pins *pins, const char *pin_dir, bool *ret_found,
	      struct error *err);
void tx_look(const struct pins *pins, uint32_t generation, struct sampler_meta *meta);
/* What is in the place of the filter that was attached. */
enum tx_place { TX_NOTHING, TX_ANOTHER, TX_OURS };

enum tx_place tx_find(const struct sampler_meta *meta);
bool tx_counts(const struct sampler_meta *meta);

#endif
