/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_HEADER_H
#define LOADGEN_HEADER_H

#include "config-kinds.h"

#include <stdbool.h>

int header_parse(const struct config_row *row, const char *text, void *field, struct error *err);
bool header_is(const char *header, const char *name);
const char *header_value(const char *header);
const char *header_find(const struct config_headers *headers, const char *name);

#endif
