/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_PRIVILEGES_H
#define SAMPLER_UTIL_PRIVILEGES_H

#include "util/error.h"

#include <sys/types.h>

int privileges_lookup(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct error *err);
int privileges_drop(const char *user, struct error *err);
int privileges_shed(const char *user, struct error *err);

#endif
