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

struct verify;

int verify_begin(const struct config *config, int cancel_fd, struct verify **ret_verify,
		 struct error *err);
void verify_end(struct verify *verify, const struct verify_sent *sent, struct verify_result *ret);
void verify_free(struct verify *verify);

#endif
