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
bool tx_is_there(const struct sampler_meta *meta);

#endif
