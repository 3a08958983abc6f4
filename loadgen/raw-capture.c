// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Reads capture files, pcap and pcapng: the whole of one before the run, and all of it is checked.
 */
#include "raw-capture.h"

#include "raw-reader.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (4ULL << 30)

/**
 * raw_capture_parse() - find the frames of a capture
 * @bytes: of the file; are used as long as the frames
 * @n: how many
 * @ret: filled on success, without memory; to be freed by raw_capture_free()
 * @err: what is wrong with it, to be said behind the file's name
 *
 * Return: 0 or negative errno.
 */
int raw_capture_parse(const uint8_t *bytes, size_t n, struct raw_capture *ret, struct error *err)
{
	struct raw_reader r = { .bytes = bytes, .n = n };
	bool pcapng = n >= 4 && raw_reader_get32(&r, bytes) == RAW_PCAPNG_MAGIC;
	int code = pcapng ? raw_pcapng_read(&r, err) : raw_pcap_read(&r, err);
	uint64_t span;

	if (!code && !r.capture.n)
		code = error_set(err, -ENODATA, "has no frames");
	if (code) {
		raw_capture_free(&r.capture);
		return code;
	}
	span = (uint64_t)(r.last_ns - r.first_ns);
	r.capture.period_ns = span + (r.capture.n > 1 ? span / (r.capture.n - 1) : 0);
	*ret = r.capture;
	return 0;
}

static int read_all(int fd, uint8_t *memory, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = read(fd, memory + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		got += (size_t)r;
	}
	return 0;
}

/**
 * raw_file_read() - read a file, and make nothing of it
 * @path: the file; is used as long as @ret
 * @ret: filled on success; to be freed by raw_file_free()
 * @err: which file, and why not
 *
 * Return: 0 or negative errno.
 */
int raw_file_read(const char *path, struct raw_file *ret, struct error *err)
{
	/* a FIFO without a writer would hold up the program, SIGINT and all */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ uint8_t *bytes = NULL;
	struct stat file;
	int r;

	if (fd < 0 || fstat(fd, &file))
		return error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(file.st_mode) || (uint64_t)file.st_size > MAX_FILE)
		return error_set(err, -EINVAL, "%s: expected a file of at most 4 GiB", path);
	bytes = malloc((size_t)file.st_size + 1);
	if (!bytes)
		return error_set(err, -ENOMEM, "out of memory for %s", path);
	r = read_all(fd, bytes, (size_t)file.st_size);
	if (r)
		return error_set(err, r, "cannot read %s: %s", path, strerror(-r));
	*ret = (struct raw_file){ path, take_ptr(bytes), (size_t)file.st_size };
	return 0;
}

/** raw_file_free() - release what raw_file_read() has made */
void raw_file_free(struct raw_file *file)
{
	free(file->bytes);
	*file = (struct raw_file){ 0 };
}

/**
 * raw_capture_take() - make a capture of a file
 * @file: is taken over on success
 * @ret: filled on success; to be freed by raw_capture_free()
 * @err: which file, and what is wrong with it
 *
 * Return: 0 or negative errno.
 */
int raw_capture_take(struct raw_file *file, struct raw_capture *ret, struct error *err)
{
	struct error why = { "" };
	int r = raw_capture_parse(file->bytes, file->n, ret, &why);

	if (r)
		return error_set(err, r, "%.255s %.200s", file->path, why.text);
	ret->memory = take_ptr(file->bytes);
	return 0;
}

/** raw_capture_free() - release what the other two have made */
void raw_capture_free(struct raw_capture *capture)
{
	free(capture->frame);
	free(capture->memory);
	*capture = (struct raw_capture){ 0 };
}
