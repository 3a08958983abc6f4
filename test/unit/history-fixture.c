// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Files lie in a directory of their own in /dev/shm, so that thousands of openings take no time. What
 * is wrong with the set-up fails the test that is running.
 */
#include "history-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const struct history_geometry small = { .interval_ns = NSEC_PER_SEC,
					.fine_records = FINE,
					.medium_span_ns = MEDIUM * HISTORY_MEDIUM_STEP_NS,
					.coarse_span_ns = COARSE * HISTORY_COARSE_STEP_NS };

const struct history_source source = { .counters_id = 77,
				       .boot_id = "boot",
				       .ifindex = 3,
				       .services = { { "http", "https" } } };

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/dev/shm/test-history-XXXXXX");
	if (!mkdtemp(f->dir)) {
		strcpy(f->dir, "/tmp/test-history-XXXXXX");
		if (!mkdtemp(f->dir))
			return -1;
	}
	f->place = (struct history_place){
		.dir = f->dir, .key = "eth0", .ifname = "eth0", .uid = -1, .gid = -1
	};
	*state = f;
	return 0;
}

const char *path_of(const struct fixture *f, const char *suffix)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/eth0.hist%s", f->dir, suffix);
	return path;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const suffixes[] = { "", ".new", ".old", ".lock", ".kept" };

	for (size_t i = 0; i < array_size(suffixes); i++)
		if (unlink(path_of(f, suffixes[i])) < 0)
			rmdir(path_of(f, suffixes[i]));
	if (rmdir(f->dir) < 0)
		return -1; /* something was left behind */
	free(f);
	return 0;
}

struct history_writer *open_writer(struct fixture *f, const struct history_geometry *g)
{
	struct history_writer *w = NULL;
	int r = history_open_writer(&f->place, g, &w, &f->err);

	if (r < 0)
		fail_msg("%d: %s", r, f->err.text);
	return w;
}

struct history_reader *open_reader(struct fixture *f)
{
	struct history_reader *r = NULL;
	int error = history_open_reader(f->dir, "eth0", &r, &f->err);

	if (error < 0)
		fail_msg("%d: %s", error, f->err.text);
	return r;
}

/* The sample of second t: every word of it follows from t. */
struct sample at(uint64_t t)
{
	struct sample s = { .boottime_ns = t * NSEC_PER_SEC,
			    .realtime_ns = (1000000 + t) * NSEC_PER_SEC,
			    .flags = t % 2 };
	uint64_t *words = (uint64_t *)s.direction;

	for (size_t i = 0; i < sizeof(s.direction) / (sizeof(*words)); i++)
		words[i] = t * (i + 1);
	return s;
}

void append(struct history_writer *w, uint64_t t)
{
	struct sample s = at(t);

	assert_int_equal(history_append(w, &s), 0);
}

void begin(struct history_writer *w, uint64_t t, int expected)
{
	struct sample s = at(t);

	assert_int_equal(history_begin_epoch(w, &source, &s), expected);
}

void assert_sample(const struct sample *s, uint64_t t, uint32_t epoch)
{
	struct sample expected = at(t);

	expected.epoch = epoch;
	assert_memory_equal(s, &expected, sizeof(expected));
}

void assert_record(struct history_reader *r, enum history_ring ring, uint64_t number, uint64_t t,
		   uint32_t epoch)
{
	struct sample s;
	int error = history_read(r, ring, number, &s);

	if (error)
		fail_msg("ring %d, record %ju: %d", ring, (uintmax_t)number, error);
	assert_sample(&s, t, epoch);
}

int read_error(struct history_reader *r, enum history_ring ring, uint64_t number)
{
	struct sample s = { .peak = { { 42, 0 } } }, before = s;
	int error = history_read(r, ring, number, &s);

	if (error)
		assert_memory_equal(&s, &before, sizeof(s));
	return error;
}

uint64_t head_of(struct history_reader *r, enum history_ring ring)
{
	uint64_t head = 12345;

	assert_int_equal(history_reader_head(r, ring, &head), 0);
	return head;
}

/* A file that holds seconds 1 to n in epoch 1. */
void make_history(struct fixture *f, uint64_t n)
{
	struct history_writer *w = open_writer(f, &small);

	if (n)
		begin(w, 1, 1);
	for (uint64_t t = 1; t <= n; t++)
		append(w, t);
	history_close_writer(w);
}

int open_raw(struct fixture *f)
{
	int fd = open(path_of(f, ""), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void poke(struct fixture *f, uint64_t offset, const void *data, size_t size)
{
	_cleanup_close_ int fd = open_raw(f);

	assert_int_equal(pwrite(fd, data, size, (off_t)offset), size);
}

void peek(struct fixture *f, uint64_t offset, void *data, size_t size)
{
	_cleanup_close_ int fd = open_raw(f);

	assert_int_equal(pread(fd, data, size, (off_t)offset), size);
}

void poke_head(struct fixture *f, enum history_ring ring, uint64_t head)
{
	poke(f,
	     offsetof(struct history_disk_header, head) + ring * sizeof(struct history_disk_word),
	     &head, sizeof(head));
}

uint64_t fine_slot(uint64_t number)
{
	return HISTORY_HEADER_SIZE + number % FINE * sizeof(struct history_disk_slot);
}

void poke_constant(struct fixture *f, size_t offset, const void *data, size_t size)
{
	struct history_disk_constant c;

	peek(f, 0, &c, sizeof(c));
	memcpy((char *)&c + offset, data, size);
	history_disk_constant_seal(&c);
	poke(f, 0, &c, sizeof(c));
}

uint64_t random64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

int run_in_child(struct fixture *f, int (*function)(struct fixture *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(function(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
