/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * --verify: a sampler is asked before and after a run what it has counted, and that is held against
 * what was sent.
 */
#ifndef LOADGEN_VERIFY_H
#define LOADGEN_VERIFY_H

#include "config.h"
#include "util/error.h"
#include "verify-compare.h"
#include "verify-ports.h"

struct verify;

int verify_open(const struct config *config, struct verify **ret_verify, struct error *err);
int verify_begin(struct verify *verify, int cancel_fd, struct error *err);
void verify_end(struct verify *verify, const struct verify_sent *sent, struct verify_result *ret);
const struct verify_ports *verify_services(const struct verify *verify);
int verify_judge(const struct verify_result *result, struct error *err);
void verify_free(struct verify *verify);

#endif
