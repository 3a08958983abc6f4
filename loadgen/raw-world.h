/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_RAW_WORLD_H
#define LOADGEN_RAW_WORLD_H

#include "util/error.h"

#include <net/if.h>
#include <stdint.h>

int raw_world_find(uint32_t ifindex, char ret_by[IF_NAMESIZE], struct error *err);

#endif
