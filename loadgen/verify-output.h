/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_VERIFY_TEXT_H
#define LOADGEN_VERIFY_TEXT_H

#include "verify-compare.h"

#include <jansson.h>
#include <stdio.h>

void verify_text(const struct verify_result *result, const char *url, FILE *out);
json_t *verify_json(const struct verify_result *result, const char *url);

#endif
