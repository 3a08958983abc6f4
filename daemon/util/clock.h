/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_CLOCK_H
#define SAMPLER_UTIL_CLOCK_H

#include <stdint.h>

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

#define BOOT_ID_SIZE 16

uint64_t clock_boottime_ns(void);
uint64_t clock_realtime_ns(void);
uint64_t clock_thread_ns(void);
int clock_boot_id(uint8_t ret_id[BOOT_ID_SIZE]);

#endif
