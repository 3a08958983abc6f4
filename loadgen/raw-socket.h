/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_RAW_SOCKET_H
#define LOADGEN_RAW_SOCKET_H

#include "raw-link.h"
#include "util/error.h"

#include <stdbool.h>

int raw_socket_open(const struct raw_link *link, bool past_qdisc, struct error *err);

#endif
