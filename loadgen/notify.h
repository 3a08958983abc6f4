/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_NOTIFY_H
#define LOADGEN_NOTIFY_H

#include <stdint.h>
#include <unistd.h>

/* Makes an eventfd readable. */
static inline void notify(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* its counter is full: it is readable, which is all that is wanted */
}

#endif
