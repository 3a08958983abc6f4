// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Reads capture files in the classic pcap format (draft-ietf-opsawg-pcap): of either byte order, with
 * microseconds or nanoseconds.
 *
 * The whole file is read before the run, and all of it is checked: a frame that could not be sent as
 * it was captured is an error, with its number, and not something to be left out.
 */
#include "raw-capture.h"

#include "raw-config.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_US      0xa1b2c3d4
#define MAGIC_NS      0xa1b23c4d
#define MAGIC_PCAPNG  0x0a0d0d0a
#define FILE_HEADER   24
#define RECORD_HEADER 16
#define LINK_ETHERNET 1
#define LINK_MASK     0xffff
#define HAS_FCS	      0x04000000 /* of the link type; its length is in the highest 4 bits */
#define MAX_FILE      (4ULL << 30)
#define MAX_FRAMES    (1U << 26)
#define FIRST_ROOM    1024

struct reader {
	const uint8_t *bytes;
	size_t n, at;
	bool swapped, nanoseconds;
	uint32_t fcs; /* bytes at the end of each frame */
	uint64_t first_ns, last_ns;
	uint32_t room;
	struct raw_capture capture;
};

static uint32_t get32(const struct reader *r, size_t at)
{
	uint32_t value;

	memcpy(&value, r->bytes + at, sizeof(value));
	return r->swapped ? __builtin_bswap32(value) : value;
}

static int read_magic(struct reader *r, struct error *err)
{
	uint32_t magic = r->n >= FILE_HEADER ? get32(r, 0) : 0;

	if (magic == MAGIC_PCAPNG)
		return error_set(err, -EPROTONOSUPPORT,
				 "is a pcapng file; make a pcap file of it (editcap -F pcap, or "
				 "tcpdump -r FILE -w FILE)");
	r->swapped = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
	magic = r->swapped ? __builtin_bswap32(magic) : magic;
	r->nanoseconds = magic == MAGIC_NS;
	if (magic != MAGIC_US && magic != MAGIC_NS)
		return error_set(err, -EINVAL, "is no pcap file");
	return 0;
}

static int read_file_header(struct reader *r, struct error *err)
{
	int code = read_magic(r, err);
	uint32_t link;

	if (code)
		return code;
	link = get32(r, 20);
	if ((link & LINK_MASK) != LINK_ETHERNET)
		return error_set(
			err, -EINVAL,
			"has frames of link type %u; only those of Ethernet (1) can be sent",
			link & LINK_MASK);
	r->fcs = link & HAS_FCS ? 2 * (link >> 28) : 0;
	r->at = FILE_HEADER;
	return 0;
}

static int add(struct reader *r, const struct raw_captured *frame)
{
	uint32_t room = r->room ? 2 * r->room : FIRST_ROOM;
	struct raw_captured *more;

	if (r->capture.n == r->room) {
		more = reallocarray(r->capture.frame, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->capture.frame = more;
		r->room = room;
	}
	r->capture.frame[r->capture.n++] = *frame;
	return 0;
}

/* Times may step back, where several queues were captured: then a frame is due with the one before. */
static uint64_t after_first(struct reader *r, uint64_t seconds, uint64_t part)
{
	uint64_t ns = seconds * NSEC_PER_SEC + (r->nanoseconds ? part : part * NSEC_PER_USEC);

	if (!r->capture.n)
		r->first_ns = r->last_ns = ns;
	if (ns > r->last_ns)
		r->last_ns = ns;
	return r->last_ns - r->first_ns;
}

static int read_record(struct reader *r, struct error *err)
{
	uint32_t number = r->capture.n + 1, len, whole;
	struct raw_captured frame;

	if (r->n - r->at < RECORD_HEADER)
		return error_set(err, -EINVAL, "ends within the header of frame %u", number);
	len = get32(r, r->at + 8);
	whole = get32(r, r->at + 12);
	if (len > r->n - r->at - RECORD_HEADER)
		return error_set(err, -EINVAL, "ends within frame %u", number);
	if (len < whole)
		return error_set(err, -EINVAL,
				 "has only %u of the %u bytes of frame %u; capture whole frames "
				 "(tcpdump -s 0)",
				 len, whole, number);
	if (len < RAW_MIN_FRAME + r->fcs || len - r->fcs > RAW_MAX_FRAME)
		return error_set(err, -EINVAL,
				 "has a frame of %u bytes (number %u); %u to %u can "
				 "be sent",
				 len, number, RAW_MIN_FRAME, RAW_MAX_FRAME);
	if (number > MAX_FRAMES)
		return error_set(err, -EFBIG, "has more than %u frames", MAX_FRAMES);
	frame.bytes = r->bytes + r->at + RECORD_HEADER;
	frame.len = len - r->fcs;
	frame.after_ns = after_first(r, get32(r, r->at), get32(r, r->at + 4));
	if (add(r, &frame))
		return error_set(err, -ENOMEM, "out of memory for %u frames", number);
	r->at += RECORD_HEADER + len;
	return 0;
}

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
	struct reader r = { .bytes = bytes, .n = n };
	int code = read_file_header(&r, err);
	uint64_t span;

	while (!code && r.at < r.n)
		code = read_record(&r, err);
	if (!code && !r.capture.n)
		code = error_set(err, -ENODATA, "has no frames");
	if (code) {
		raw_capture_free(&r.capture);
		return code;
	}
	span = r.last_ns - r.first_ns;
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
