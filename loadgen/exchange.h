/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_EXCHANGE_H
#define LOADGEN_EXCHANGE_H

#include "connection.h"

#include <stdbool.h>
#include <stdint.h>

void exchange_begin(struct connection *connection, uint64_t k, uint64_t due_ns, uint64_t now_ns);
void exchange_send(struct connection *connection);
void exchange_receive(struct connection *connection);
bool exchange_all_sent(const struct connection *connection);

#endif
