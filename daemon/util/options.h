/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_OPTIONS_H
#define SAMPLER_UTIL_OPTIONS_H

#include "util/error.h"

#include <getopt.h>

int options_check(char *const *argv, const struct option *options, struct error *err);

#endif
