// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What this process costs, by /proc/self: for the process_… metrics that each exporter has.
 */
#include "http/process-info.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/PID/stat behind the name, which may hold anything: proc(5) counts from 3 there. */
static int read_stat(struct process_info *info)
{
	const uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
	_cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	uint64_t start;
	char buf[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	const char *rest;
	long pages;

	if (n < 0)
		return -errno;
	buf[n] = 0;
	rest = strrchr(buf, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			    "%*d %*d %" SCNu64 " %" SCNu64 " %ld",
			    &start, &info->virtual_bytes, &pages) != 3)
		return -EPROTO;
	info->start_boottime_ns = start * (NSEC_PER_SEC / ticks_per_s);
	info->resident_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int count_fds(uint64_t *ret_n)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	closedir(dir);
	*ret_n = n - 3; /* ".", "..", and the folder's own */
	return 0;
}

/**
 * process_info_read() - what this process costs so far
 * @ret_info: filled
 *
 * Return: 0, or a negative errno, e.g. without /proc.
 */
int process_info_read(struct process_info *ret_info)
{
	struct process_info info = { .cpu_ns = 0 };
	struct timespec cpu;
	struct rlimit limit;
	int r = read_stat(&info) ?: count_fds(&info.open_fds);

	if (r)
		return r;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) || getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	info.cpu_ns = (uint64_t)cpu.tv_sec * NSEC_PER_SEC + (uint64_t)cpu.tv_nsec;
	info.max_fds = limit.rlim_cur;
	*ret_info = info;
	return 0;
}
