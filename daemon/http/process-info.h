/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_PROCESS_INFO_H
#define SAMPLER_HTTP_PROCESS_INFO_H

#include <stdint.h>

/* What a process costs. */
struct process_info {
	uint64_t cpu_ns;	    /* user and system */
	uint64_t start_boottime_ns; /* CLOCK_BOOTTIME when it was started */
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
};

int process_info_read(struct process_info *ret_info);

#endif
