// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Preloaded: the wall clock that a process sees is off by the seconds that stand in the file named
 * by WALLCLOCK_OFFSET, read anew each time. So a test can step the clock under a running process.
 * CLOCK_REALTIME belongs to no namespace, and the machine's own must be left alone.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
	const char *path = getenv("WALLCLOCK_OFFSET");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[32] = "";

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = syscall(SYS_clock_gettime, clock, ts);

	if (!r && clock == CLOCK_REALTIME)
		ts->tv_sec += offset();
	return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	int r = syscall(SYS_gettimeofday, tv, zone);

	if (!r)
		tv->tv_sec += offset();
	return r;
}
