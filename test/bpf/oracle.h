/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_TEST_ORACLE_H
#define SAMPLER_TEST_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "sampler_abi.h"

void oracle_count(const uint8_t *frame, size_t len, const struct sampler_port_table *ports,
		  struct sampler_counters *ret);
const char *oracle_invariant(const struct sampler_counters *one, size_t len);

#endif
