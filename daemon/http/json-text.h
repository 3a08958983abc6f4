/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_JSON_TEXT_H
#define SAMPLER_HTTP_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* Of numbers that are no integers: a Unix time of now with milliseconds, and more than any rate is worth. */
#define JSON_REAL_DIGITS 13

char *json_text(json_t *json, size_t *ret_len);

#endif
