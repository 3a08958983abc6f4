/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_EXPORT_H
#define SAMPLER_RECORD_EXPORT_H

#include <stdio.h>

struct config;
struct error;

int export_snapshot(const struct config *config, const char *ifname, FILE *out, struct error *err);
int export_history(const struct config *config, const char *ifname, FILE *out, struct error *err);

#endif
