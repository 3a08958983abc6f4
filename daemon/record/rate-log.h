/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_RATE_LOG_H
#define SAMPLER_RECORD_RATE_LOG_H

#include "model/rates.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate_log_pace {
	uint64_t interval_ns;	  /* between samples */
	uint64_t log_interval_ns; /* between lines, 0: none */
};

/* Up to where an interface's lines have told. All zeros at first, and when its counters begin anew. */
struct rate_log {
	bool started;
	struct sample told;
	bool vlan_stripped, tx_uncounted; /* at any time since */
};

void rate_log_tell(struct rate_log *log, const char *ifname,
		   const char (*services)[SAMPLER_NAME_MAX], const struct sample *sample,
		   const struct rate_log_pace *pace, bool last_words);
void rate_log_forget_silence(struct rate_log *log, const struct sample *last,
			     const struct sample *sample, const struct rate_log_pace *pace);
void rate_log_status(char *buf, size_t size, const struct delta *delta);

#endif
