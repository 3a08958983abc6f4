/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the fuzz targets have in common. A target gets bytes and has no business to fail: what it makes of
 * them is held against what has to be true, on top of what the sanitizers see.
 */
#ifndef SAMPLER_TEST_FUZZ_H
#define SAMPLER_TEST_FUZZ_H

#include "util/cleanup.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_assert(condition)                                                                  \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* A copy of just that size, so that every byte read too far is seen. */
static inline char *fuzz_copy(const void *data, size_t n)
{
	char *copy = malloc(n ?: 1);

	fuzz_assert(copy);
	memcpy(copy, data, n);
	return copy;
}

/* The bytes as a text, up to the first NUL. */
static inline char *fuzz_text(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	fuzz_assert(text);
	memcpy(text, data, n);
	text[n] = '\0';
	return text;
}

/* The first of what is left, 0 where nothing is. */
static inline uint8_t fuzz_byte(const uint8_t **data, size_t *n)
{
	if (!*n)
		return 0;
	--*n;
	return *(*data)++;
}

/* Take away all files of a folder. */
static inline void fuzz_empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

#define FUZZ_PATH_MAX 32

/* A file in memory with this in it, and a path to open it by. */
static inline int fuzz_file(const void *data, size_t n, char path[FUZZ_PATH_MAX])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, FUZZ_PATH_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
