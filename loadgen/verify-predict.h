/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_VERIFY_PREDICT_H
#define LOADGEN_VERIFY_PREDICT_H

#include "stats.h"
#include "verify-compare.h"

#include <stdbool.h>

void verify_predict(const struct stats *stats, const char *service, bool ipv6,
		    struct verify_sent *ret);

#endif
