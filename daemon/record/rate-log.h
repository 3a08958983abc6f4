/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_RATE_LOG_H
#define SAMPLER_RECORD_RATE_LOG_H

#include "model/rates.h"

#include <stddef.h>

void rate_log_status(char *buf, size_t size, const struct delta *delta);
void rate_log_write(const char *ifname, const char (*services)[SAMPLER_NAME_MAX],
		    const struct delta *delta);

#endif
