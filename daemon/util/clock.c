// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The clocks of the project. BOOTTIME measures (it runs through suspend and never steps),
 * REALTIME labels (an administrator may step it at any time). Nothing subtracts one REALTIME from
 * another. BOOTTIME begins anew with each boot, and the kernel's boot id tells one from another.
 */
#include "util/clock.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts); /* cannot fail for the clocks below */
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/** clock_boottime_ns() - Return: nanoseconds since boot, suspend included */
uint64_t clock_boottime_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

/** clock_realtime_ns() - Return: nanoseconds since 1970-01-01 00:00 UTC, for labels only */
uint64_t clock_realtime_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

/** clock_thread_ns() - Return: CPU time of the calling thread: what it did, not how long it was kept waiting */
uint64_t clock_thread_ns(void)
{
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

/**
 * clock_boot_id() - what names this boot of the machine
 * @ret_id: its 16 bytes, in the order in which the kernel writes them as hexadecimal digits
 *
 * Return: 0, -EBADMSG where the kernel's text is not 32 digits, or another negative errno.
 */
int clock_boot_id(uint8_t ret_id[BOOT_ID_SIZE])
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64] = "", *c = text;
	uint8_t id[BOOT_ID_SIZE];

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(id); i++, c += 2) {
		c += *c == '-';
		if (sscanf(c, "%2hhx", &id[i]) != 1)
			return -EBADMSG;
	}
	memcpy(ret_id, id, sizeof(id));
	return 0;
}
