// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-*.c: what is written is read back, over laps, epochs, crashes, changes of size and
 * damage. Files lie in a directory of their own in /dev/shm, so that thousands of openings take no
 * time.
 */
#include "unit.h"

#include "model/layout.h"
#include "store/history-format.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FINE   16 /* records of the small geometry */
#define MEDIUM 8
#define COARSE 4

static const struct history_geometry small = { .interval_ns = NSEC_PER_SEC,
					       .fine_records = FINE,
					       .medium_span_ns = MEDIUM * HISTORY_MEDIUM_STEP_NS,
					       .coarse_span_ns = COARSE * HISTORY_COARSE_STEP_NS };

static const struct history_source source = { .counters_id = 77, .boot_id = "boot", .ifindex = 3 };

/* A directory of the test's own, and what it needs to open files there. */
struct fixture {
	char dir[64];
	struct history_place place;
	struct error err;
};

static int setup(void **state)
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

static const char *path_of(const struct fixture *f, const char *suffix)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/eth0.hist%s", f->dir, suffix);
	return path;
}

static int teardown(void **state)
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

static struct history_writer *open_writer(struct fixture *f, const struct history_geometry *g)
{
	struct history_writer *w = NULL;
	int r = history_open_writer(&f->place, g, &w, &f->err);

	if (r < 0)
		fail_msg("%d: %s", r, f->err.text);
	return w;
}

static struct history_reader *open_reader(struct fixture *f)
{
	struct history_reader *r = NULL;
	int error = history_open_reader(f->dir, "eth0", &r, &f->err);

	if (error < 0)
		fail_msg("%d: %s", error, f->err.text);
	return r;
}

/* The sample of second t: every word of it follows from t. */
static struct sample at(uint64_t t)
{
	struct sample s = { .boottime_ns = t * NSEC_PER_SEC,
			    .realtime_ns = (1000000 + t) * NSEC_PER_SEC,
			    .flags = t % 2 };
	uint64_t *words = (uint64_t *)s.direction;

	for (size_t i = 0; i < sizeof(s.direction) / (sizeof(*words)); i++)
		words[i] = t * (i + 1);
	return s;
}

static void append(struct history_writer *w, uint64_t t)
{
	struct sample s = at(t);

	assert_int_equal(history_append(w, &s), 0);
}

static void begin(struct history_writer *w, uint64_t t, int expected)
{
	struct sample s = at(t);

	assert_int_equal(history_begin_epoch(w, &source, &s), expected);
}

static void assert_sample(const struct sample *s, uint64_t t, uint32_t epoch)
{
	struct sample expected = at(t);

	expected.epoch = epoch;
	assert_memory_equal(s, &expected, sizeof(expected));
}

static void assert_record(struct history_reader *r, enum history_ring ring, uint64_t number,
			  uint64_t t, uint32_t epoch)
{
	struct sample s;
	int error = history_read(r, ring, number, &s);

	if (error)
		fail_msg("ring %d, record %ju: %d", ring, (uintmax_t)number, error);
	assert_sample(&s, t, epoch);
}

static int read_error(struct history_reader *r, enum history_ring ring, uint64_t number)
{
	struct sample s = { .reserved = { 42 } }, before = s;
	int error = history_read(r, ring, number, &s);

	if (error)
		assert_memory_equal(&s, &before, sizeof(s));
	return error;
}

static uint64_t head_of(struct history_reader *r, enum history_ring ring)
{
	uint64_t head = 12345;

	assert_int_equal(history_reader_head(r, ring, &head), 0);
	return head;
}

/* A file that holds seconds 1 to n in epoch 1. */
static void make_history(struct fixture *f, uint64_t n)
{
	struct history_writer *w = open_writer(f, &small);

	if (n)
		begin(w, 1, 1);
	for (uint64_t t = 1; t <= n; t++)
		append(w, t);
	history_close_writer(w);
}

static int open_raw(struct fixture *f)
{
	int fd = open(path_of(f, ""), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void poke(struct fixture *f, uint64_t offset, const void *data, size_t size)
{
	_cleanup_close_ int fd = open_raw(f);

	assert_int_equal(pwrite(fd, data, size, (off_t)offset), size);
}

static void peek(struct fixture *f, uint64_t offset, void *data, size_t size)
{
	_cleanup_close_ int fd = open_raw(f);

	assert_int_equal(pread(fd, data, size, (off_t)offset), size);
}

static void poke_head(struct fixture *f, enum history_ring ring, uint64_t head)
{
	poke(f,
	     offsetof(struct history_disk_header, head) + ring * sizeof(struct history_disk_word),
	     &head, sizeof(head));
}

static uint64_t fine_slot(uint64_t number)
{
	return HISTORY_HEADER_SIZE + number % FINE * sizeof(struct history_disk_slot);
}

static void size_follows_from_the_geometry(void **state)
{
	struct history_geometry g = HISTORY_GEOMETRY_DEFAULT;

	(void)state;
	assert_true(history_size(&g) > 10512 * sizeof(struct history_disk_slot));
	assert_true(history_size(&g) <= 12 * 1024 * 1024);
	assert_int_equal(history_size(&g) % 4096, 0);
	g.coarse_span_ns = 1; /* rounded up to the fewest records that make a ring */
	assert_true(history_size(&g) > 0);
	g.fine_records = 1;
	assert_int_equal(history_size(&g), 0);
	g.fine_records = HISTORY_MAX_RECORDS + 1;
	assert_int_equal(history_size(&g), 0);
	g.fine_records = 10;
	g.coarse_span_ns = UINT64_MAX;
	assert_int_equal(history_size(&g), 0);
	g.coarse_span_ns = 0;
	g.interval_ns = 0;
	assert_int_equal(history_size(&g), 0);
}

static void impossible_places_are_refused(void **state)
{
	static const char *const keys[] = { "", ".", "..", "a/b", "/", ".hidden" };
	struct fixture *f = *state;
	struct history_writer *w = NULL;
	struct history_reader *r = NULL;
	struct history_geometry g = small;
	struct history_place p = f->place;

	for (size_t i = 0; i < array_size(keys); i++) {
		p.key = keys[i];
		assert_int_equal(history_open_writer(&p, &small, &w, &f->err), -EINVAL);
		assert_int_equal(history_open_reader(f->dir, keys[i], &r, &f->err), -EINVAL);
		assert_int_equal(history_purge(f->dir, keys[i], &f->err), -EINVAL);
	}
	p = f->place;
	g.interval_ns = 0;
	assert_int_equal(history_open_writer(&p, &g, &w, &f->err), -EINVAL);
	p.ifname = "sixteen_letters_";
	assert_int_equal(history_open_writer(&p, &small, &w, &f->err), -EINVAL);
	p = f->place;
	p.dir = "/nonexistent";
	assert_int_equal(history_open_writer(&p, &small, &w, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, "/nonexistent"));
	assert_int_equal(history_open_reader(f->dir, "eth0", &r, &f->err), -ENOENT);
	assert_null(w);
	assert_null(r);
}

static void a_new_file_is_empty_and_says_what_it_is(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	const struct history_info *info = history_reader_info(r);
	struct sample s = at(1);
	uint32_t ordinal = 9;

	assert_string_equal(history_writer_note(w), "");
	assert_memory_equal(info, history_writer_info(w), sizeof(*info));
	assert_string_equal(info->ifname, "eth0");
	assert_int_equal(info->file_size, history_size(&small));
	assert_true(clock_realtime_ns() - info->created_realtime_ns < 60 * NSEC_PER_SEC);
	assert_int_equal(info->ring[HISTORY_FINE].capacity, FINE);
	assert_int_equal(info->ring[HISTORY_MEDIUM].capacity, MEDIUM);
	assert_int_equal(info->ring[HISTORY_COARSE].capacity, COARSE);
	assert_int_equal(info->ring[HISTORY_FINE].step_ns, NSEC_PER_SEC);
	assert_int_equal(info->ring[HISTORY_COARSE].step_ns, HISTORY_COARSE_STEP_NS);
	assert_null(history_last(w));
	assert_int_equal(history_append(w, &s), -EINVAL); /* no epoch was begun */
	for (int i = 0; i < HISTORY_N_RINGS; i++) {
		assert_int_equal(head_of(r, i), 0);
		assert_int_equal(read_error(r, i, 0), -EAGAIN);
	}
	assert_int_equal(history_reader_newest_epoch(r, &ordinal), 0);
	assert_int_equal(ordinal, 0);
	assert_false(history_reader_superseded(r));
}

static void records_come_back_over_laps(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);

	begin(w, 1, 1);
	for (uint64_t n = 0; n < 5 * FINE + 3; n++) {
		uint64_t oldest;

		append(w, n + 1);
		assert_int_equal(head_of(r, HISTORY_FINE), n + 1);
		assert_int_equal(history_writer_head(w, HISTORY_FINE), n + 1);
		oldest = history_oldest(n + 1, FINE);
		for (uint64_t i = oldest; i <= n; i++)
			assert_record(r, HISTORY_FINE, i, i + 1, 1);
		if (oldest)
			assert_int_equal(read_error(r, HISTORY_FINE, oldest - 1), -ESTALE);
		assert_int_equal(read_error(r, HISTORY_FINE, n + 1), -EAGAIN);
		assert_sample(history_last(w), n + 1, 1);
	}
	assert_int_equal(read_error(r, HISTORY_FINE, UINT64_MAX), -EINVAL);
}

static void two_samples_of_one_time_are_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	struct sample s = at(5);

	begin(w, 5, 1);
	append(w, 5);
	assert_int_equal(history_append(w, &s), -EINVAL);
	assert_int_equal(history_writer_head(w, HISTORY_FINE), 1);
}

static void coarse_rings_hold_the_sample_at_each_boundary(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);

	begin(w, 17, 1);
	for (uint64_t t = 17; t <= 1000; t++)
		append(w, t);
	/* 17, then 30, 60, … 990; and 17, 300, 600, 900 */
	assert_int_equal(head_of(r, HISTORY_MEDIUM), 34);
	for (uint64_t n = 34 - MEDIUM; n < 34; n++)
		assert_record(r, HISTORY_MEDIUM, n, n * 30, 1);
	assert_int_equal(head_of(r, HISTORY_COARSE), 4);
	assert_record(r, HISTORY_COARSE, 0, 17, 1);
	for (uint64_t n = 1; n < 4; n++)
		assert_record(r, HISTORY_COARSE, n, n * 300, 1);
}

static void both_sides_of_a_pause_are_in_the_coarse_rings(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);

	begin(w, 300, 1);
	for (uint64_t t = 300; t <= 310; t++)
		append(w, t);
	append(w, 2000); /* a suspend */
	append(w, 2001);
	assert_int_equal(head_of(r, HISTORY_COARSE), 3);
	assert_record(r, HISTORY_COARSE, 0, 300, 1);
	assert_record(r, HISTORY_COARSE, 1, 310, 1);
	assert_record(r, HISTORY_COARSE, 2, 2000, 1);
	assert_int_equal(head_of(r, HISTORY_MEDIUM), 3);
	assert_record(r, HISTORY_MEDIUM, 1, 310, 1);
}

static void a_sparse_interval_brings_no_record_twice(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);

	begin(w, 60, 1);
	for (uint64_t t = 60; t <= 600; t += 60) /* longer than the medium step */
		append(w, t);
	assert_int_equal(head_of(r, HISTORY_MEDIUM), 10);
	assert_record(r, HISTORY_MEDIUM, 9, 600, 1);
	assert_record(r, HISTORY_MEDIUM, 8, 540, 1);
}

static void an_epoch_goes_on_over_a_restart(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 3);
	w = open_writer(f, &small);
	assert_string_equal(history_writer_note(w), "");
	assert_sample(history_last(w), 3, 1);
	begin(w, 9, 0);
	append(w, 9);
	history_close_writer(w);
	r = open_reader(f);
	assert_record(r, HISTORY_FINE, 2, 3, 1);
	assert_record(r, HISTORY_FINE, 3, 9, 1);
	history_close_reader(r);
}

static void another_source_is_another_epoch(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct history_source other = source;
	struct sample s = at(1);

	begin(w, 1, 1);
	begin(w, 1, 0);
	append(w, 1);
	other.ifindex++;
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	other.boot_id[15]++;
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	other.counters_id++;
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	assert_int_equal(history_begin_epoch(w, &other, &s), 0);
	s = at(2);
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(s.epoch, 4);
	history_close_writer(w);
	w = open_writer(f, &small); /* and the newest one is continued, no older one */
	begin(w, 3, 1);
	history_close_writer(w);
}

static void what_fell_is_another_epoch(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	struct sample s = at(10);

	begin(w, 10, 1);
	append(w, 10);
	s.direction[SAMPLER_TX].tcp_flag[SAMPLER_RST]--; /* one counter, later */
	s.boottime_ns++;
	assert_int_equal(history_begin_epoch(w, &source, &s), 1);
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(s.epoch, 2);
	s.boottime_ns -= 2; /* time: another time namespace, say */
	assert_int_equal(history_begin_epoch(w, &source, &s), 1);
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(s.epoch, 3);
	s.direction[SAMPLER_RX].l3[SAMPLER_IPV4].packets--; /* unannounced */
	s.boottime_ns++;
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(s.epoch, 4);
}

static void coarse_rings_hold_both_sides_of_an_epoch_change(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct history_source other = source;
	struct history_epoch e;
	struct history_reader *r;
	struct sample s = at(7);

	begin(w, 2, 1);
	for (uint64_t t = 2; t <= 6; t++)
		append(w, t);
	other.counters_id++;
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	append(w, 7);
	append(w, 8);
	history_close_writer(w);
	r = open_reader(f);
	for (int ring = HISTORY_MEDIUM; ring < HISTORY_N_RINGS; ring++) {
		assert_int_equal(head_of(r, ring), 3);
		assert_record(r, ring, 0, 2, 1);
		assert_record(r, ring, 1, 6, 1);
		assert_record(r, ring, 2, 7, 2);
	}
	assert_int_equal(history_reader_epoch(r, 2, &e), 0);
	assert_int_equal(e.source.counters_id, other.counters_id);
	assert_int_equal(e.source.ifindex, other.ifindex);
	assert_memory_equal(e.source.boot_id, other.boot_id, sizeof(other.boot_id));
	assert_int_equal(e.ordinal, 2);
	assert_int_equal(e.first_boottime_ns, 7 * NSEC_PER_SEC);
	assert_int_equal(e.first_record[HISTORY_FINE], 5);
	assert_int_equal(e.first_record[HISTORY_MEDIUM], 2);
	assert_int_equal(e.first_record[HISTORY_COARSE], 2);
	history_close_reader(r);
}

static void a_step_of_the_wall_clock_moves_its_epoch(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_epoch e = { 0 };
	struct sample s = at(2);

	begin(w, 1, 1);
	append(w, 1);
	assert_int_equal(history_reader_epoch(r, 1, &e), 0);
	assert_int_equal(e.offset_ns, 1000000 * NSEC_PER_SEC);
	assert_int_equal(history_wall_ns(e.offset_ns, s.boottime_ns), s.realtime_ns);
	s.realtime_ns = 5; /* before boottime: the offset wraps, the sum does not */
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(history_reader_epoch(r, 1, &e), 0);
	assert_int_equal(history_wall_ns(e.offset_ns, s.boottime_ns), 5);
}

static void the_last_128_epochs_are_known(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_epoch e = { .ordinal = 4711 };
	uint32_t newest = 0;

	assert_int_equal(history_reader_epoch(r, 0, &e), -EINVAL);
	assert_int_equal(history_reader_epoch(r, 1, &e), -EAGAIN);
	for (uint64_t i = 1; i <= 300; i++) {
		struct history_source other = source;
		struct sample s = at(i);

		other.counters_id = i;
		assert_int_equal(history_begin_epoch(w, &other, &s), 1);
		assert_int_equal(history_append(w, &s), 0);
	}
	assert_int_equal(history_reader_newest_epoch(r, &newest), 0);
	assert_int_equal(newest, 300);
	assert_int_equal(history_reader_epoch(r, 301, &e), -EAGAIN);
	assert_int_equal(history_reader_epoch(r, 300 - HISTORY_N_EPOCHS, &e), -ESTALE);
	assert_int_equal(e.ordinal, 4711);
	for (uint32_t i = 301 - HISTORY_N_EPOCHS; i <= 300; i++) {
		assert_int_equal(history_reader_epoch(r, i, &e), 0);
		assert_int_equal(e.source.counters_id, i);
		assert_int_equal(e.ordinal, i);
	}
}

static void a_range_marks_what_is_not_there(void **state)
{
	struct fixture *f = *state;
	struct history_reader *r;
	struct sample s[3 * FINE];
	uint64_t byte = 1;

	make_history(f, 40);
	poke(f, fine_slot(30) + 600, &byte, 1); /* in the middle of a payload */
	r = open_reader(f);
	memset(s, 0xff, sizeof(s));
	assert_int_equal(history_read_range(r, HISTORY_FINE, 20, array_size(s), s), FINE - 1);
	for (uint64_t i = 0; i < array_size(s); i++) {
		const uint64_t n = 20 + i;
		const bool there = n >= 40 - FINE && n < 40 && n != 30;

		assert_int_equal(history_is_gap(&s[i]), !there);
		if (there)
			assert_sample(&s[i], n + 1, 1);
	}
	assert_int_equal(read_error(r, HISTORY_FINE, 30), -ENODATA);
	assert_int_equal(history_read_range(r, HISTORY_FINE, 0, 0, s), 0);
	assert_int_equal(history_read_range(r, HISTORY_FINE, UINT64_MAX, 1, s), -EINVAL);
	assert_int_equal(history_read_range(r, HISTORY_FINE, 1ULL << 62, 1, s), -EINVAL);
	history_close_reader(r);
}

/* Every byte of a slot counts: flip each bit of one in turn. */
static void no_flipped_bit_is_taken(void **state)
{
	struct fixture *f = *state;
	struct history_disk_slot slot;
	struct history_reader *r;

	make_history(f, 3);
	r = open_reader(f);
	peek(f, fine_slot(1), &slot, sizeof(slot));
	for (size_t bit = 0; bit < 8 * sizeof(slot); bit++) {
		((uint8_t *)&slot)[bit / 8] ^= 1u << bit % 8;
		poke(f, fine_slot(1), &slot, sizeof(slot));
		if (read_error(r, HISTORY_FINE, 1) == 0)
			fail_msg("bit %zu", bit);
		((uint8_t *)&slot)[bit / 8] ^= 1u << bit % 8;
	}
	poke(f, fine_slot(1), &slot, sizeof(slot));
	assert_record(r, HISTORY_FINE, 1, 2, 1);
	history_close_reader(r);
}

/* Another lap's payload and checksum with this lap's sequence, as a power loss may leave them. */
static void another_laps_record_is_refused(void **state)
{
	struct fixture *f = *state;
	struct history_disk_slot slot;
	struct history_reader *r;
	uint64_t sequence = history_sequence_done(FINE + 2);

	make_history(f, 3);
	poke(f, fine_slot(2), &sequence, sizeof(sequence));
	poke_head(f, HISTORY_FINE, FINE + 3);
	r = open_reader(f);
	peek(f, fine_slot(2), &slot, sizeof(slot));
	assert_int_equal(slot.checksum, hash64(&slot.sample, sizeof(slot.sample), 2));
	assert_int_equal(read_error(r, HISTORY_FINE, FINE + 2), -ENODATA);
	assert_int_equal(read_error(r, HISTORY_FINE, 2), -ESTALE);
	history_close_reader(r);
}

static void a_head_that_fell_behind_is_made_good(void **state)
{
	struct fixture *f = *state;

	make_history(f, 40);
	for (uint64_t head = 0; head < 40; head += 13) {
		struct history_writer *w;
		struct history_reader *r;

		poke_head(f, HISTORY_FINE, head);
		w = open_writer(f, &small);
		assert_int_equal(history_writer_head(w, HISTORY_FINE), 40);
		r = open_reader(f);
		assert_int_equal(head_of(r, HISTORY_FINE), 40);
		assert_record(r, HISTORY_FINE, 39, 40, 1);
		history_close_reader(r);
		history_close_writer(w);
	}
}

static void a_head_that_ran_ahead_leaves_gaps(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 40);
	poke_head(f, HISTORY_FINE, 45); /* slots of 40 to 44 never reached the disk */
	w = open_writer(f, &small);
	assert_int_equal(history_writer_head(w, HISTORY_FINE), 45);
	assert_sample(history_last(w), 40, 1);
	begin(w, 50, 0);
	append(w, 50);
	r = open_reader(f);
	assert_record(r, HISTORY_FINE, 39, 40, 1);
	for (uint64_t n = 40; n < 45; n++)
		assert_int_equal(read_error(r, HISTORY_FINE, n), -ENODATA);
	assert_record(r, HISTORY_FINE, 45, 50, 1);
	history_close_reader(r);
	history_close_writer(w);
}

static void an_impossible_head_is_not_believed(void **state)
{
	static const uint64_t heads[] = { 41 + FINE, 1ULL << 40, 1ULL << 62, UINT64_MAX };
	struct fixture *f = *state;

	make_history(f, 40);
	for (size_t i = 0; i < array_size(heads); i++) {
		struct history_reader *r;
		uint64_t head = 3;

		poke_head(f, HISTORY_FINE, heads[i]);
		r = open_reader(f);
		assert_int_equal(history_reader_head(r, HISTORY_FINE, &head),
				 heads[i] > 1ULL << 62 ? -EUCLEAN : 0);
		history_close_writer(open_writer(f, &small));
		assert_int_equal(head_of(r, HISTORY_FINE), 40);
		assert_record(r, HISTORY_FINE, 39, 40, 1);
		history_close_reader(r);
	}
}

static void a_slot_left_odd_is_a_gap_and_its_number_is_spent(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w;
	struct history_reader *r;
	uint64_t odd = history_sequence_begun(40), half[32] = { 0 };

	make_history(f, 40);
	poke(f, fine_slot(40), &odd, sizeof(odd));
	poke(f, fine_slot(40) + 16, half, sizeof(half));
	r = open_reader(f);
	assert_int_equal(read_error(r, HISTORY_FINE, 40), -EAGAIN);
	assert_int_equal(read_error(r, HISTORY_FINE, 40 - FINE), -ESTALE);
	w = open_writer(f, &small);
	begin(w, 41, 0);
	append(w, 41);
	assert_int_equal(read_error(r, HISTORY_FINE, 40), -ENODATA);
	assert_record(r, HISTORY_FINE, 39, 40, 1);
	assert_record(r, HISTORY_FINE, 41, 41, 1);
	history_close_reader(r);
	history_close_writer(w);
}

/* A torn newest record: its number may have been seen, the one before is where to go on from. */
static void a_torn_newest_record_is_a_gap(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w;
	uint8_t zeros[100] = { 0 };

	make_history(f, 40);
	poke(f, fine_slot(39) + 500, zeros, sizeof(zeros));
	poke_head(f, HISTORY_FINE, 38);
	w = open_writer(f, &small);
	assert_int_equal(history_writer_head(w, HISTORY_FINE), 40);
	assert_sample(history_last(w), 39, 1);
	history_close_writer(w);
}

static void an_append_cut_short_between_rings_is_completed(void **state)
{
	struct fixture *f = *state;
	struct history_disk_slot empty = { 0 };
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 30); /* second 30 is a medium record, the second one */
	poke(f, HISTORY_HEADER_SIZE + (FINE + 1) * sizeof(empty), &empty, sizeof(empty));
	poke_head(f, HISTORY_MEDIUM, 1);
	w = open_writer(f, &small);
	r = open_reader(f);
	assert_int_equal(head_of(r, HISTORY_MEDIUM), 2);
	assert_record(r, HISTORY_MEDIUM, 1, 30, 1);
	assert_int_equal(head_of(r, HISTORY_COARSE), 1);
	history_close_reader(r);
	history_close_writer(w);
}

static void a_record_of_no_epoch_is_refused(void **state)
{
	struct fixture *f = *state;
	struct history_disk_slot slot;
	struct history_reader *r;

	make_history(f, 3);
	peek(f, fine_slot(1), &slot, sizeof(slot));
	slot.sample.epoch = 0;
	slot.checksum = hash64(&slot.sample, sizeof(slot.sample), 1);
	poke(f, fine_slot(1), &slot, sizeof(slot));
	r = open_reader(f);
	assert_int_equal(read_error(r, HISTORY_FINE, 1), -ENODATA);
	history_close_reader(r);
}

static void no_epoch_but_the_newest_is_continued(void **state)
{
	struct fixture *f = *state;
	struct history_source other = source;
	struct history_writer *w;
	struct sample s = at(4);
	uint64_t bad = 1;

	make_history(f, 3);
	w = open_writer(f, &small);
	other.counters_id++;
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	append(w, 4);
	history_close_writer(w);
	poke(f, offsetof(struct history_disk_header, epoch[2].counters_id), &bad, sizeof(bad));
	w = open_writer(f, &small);
	begin(w, 5, 1); /* epoch 1 has this source and is whole, but is not the newest */
	append(w, 5);
	assert_int_equal(history_last(w)->epoch, 3);
	history_close_writer(w);
}

static void a_damaged_epoch_entry_is_not_continued(void **state)
{
	struct fixture *f = *state;
	struct history_epoch e;
	struct history_writer *w;
	struct history_reader *r;
	uint64_t bad = 1;

	make_history(f, 3);
	poke(f, offsetof(struct history_disk_header, epoch[1].counters_id), &bad, sizeof(bad));
	r = open_reader(f);
	assert_int_equal(history_reader_epoch(r, 1, &e), -ENODATA);
	w = open_writer(f, &small);
	begin(w, 4, 1);
	append(w, 4);
	assert_record(r, HISTORY_FINE, 3, 4, 2);
	history_close_reader(r);
	history_close_writer(w);
}

static void another_geometry_keeps_the_newest_records(void **state)
{
	static const uint32_t capacities[] = { 5, 40, 2, 100 };
	struct fixture *f = *state;
	uint64_t t = 100, kept = FINE;

	make_history(f, t);
	for (size_t i = 0; i < array_size(capacities); i++) {
		struct history_geometry g = small;
		struct history_reader *old = open_reader(f), *r;
		uint64_t created = history_reader_info(old)->created_realtime_ns;
		struct history_writer *w;

		g.fine_records = capacities[i];
		g.interval_ns = (i + 2) * NSEC_PER_SEC;
		assert_false(history_reader_superseded(old));
		w = open_writer(f, &g);
		assert_non_null(strstr(history_writer_note(w), "new size"));
		assert_true(history_reader_superseded(old));
		assert_record(old, HISTORY_FINE, t - 1, t, 1);
		r = open_reader(f);
		assert_false(history_reader_superseded(r));
		assert_int_equal(history_reader_info(r)->ring[0].capacity, capacities[i]);
		assert_int_equal(history_reader_info(r)->ring[0].step_ns, g.interval_ns);
		assert_int_equal(history_reader_info(r)->created_realtime_ns, created);
		if (kept > capacities[i])
			kept = capacities[i];
		assert_int_equal(head_of(r, HISTORY_FINE), t);
		for (uint64_t n = t - kept; n < t; n++)
			assert_record(r, HISTORY_FINE, n, n + 1, 1);
		assert_record(r, HISTORY_MEDIUM, 3, 90, 1);
		begin(w, t + 1, 0); /* the epochs came along */
		append(w, ++t);
		if (kept < capacities[i])
			kept++;
		assert_record(r, HISTORY_FINE, t - 1, t, 1);
		history_close_reader(r);
		history_close_reader(old);
		history_close_writer(w);
		assert_int_equal(access(path_of(f, ".new"), F_OK), -1);
	}
}

static void poke_constant(struct fixture *f, size_t offset, const void *data, size_t size)
{
	struct history_disk_constant c;

	peek(f, 0, &c, sizeof(c));
	memcpy((char *)&c + offset, data, size);
	history_disk_constant_seal(&c);
	poke(f, 0, &c, sizeof(c));
}

static void expect_moved_aside(struct fixture *f, int reader_error)
{
	struct history_reader *r = NULL;
	struct history_writer *w;
	struct stat before, after;

	assert_int_equal(stat(path_of(f, ""), &before), 0);
	assert_int_equal(history_open_reader(f->dir, "eth0", &r, &f->err), reader_error);
	history_close_reader(r);
	w = open_writer(f, &small);
	assert_non_null(strstr(history_writer_note(w), "eth0.hist.old"));
	assert_int_equal(stat(path_of(f, ".old"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(history_writer_head(w, HISTORY_FINE), 0);
	begin(w, 1, 1);
	append(w, 1);
	history_close_writer(w);
}

static void another_format_is_moved_aside(void **state)
{
	struct fixture *f = *state;
	const uint64_t magic = 1, layout = layout_hash() + 1, zero = 0, huge = 1ULL << 60;
	const uint32_t version = HISTORY_VERSION + 1, size = sizeof(struct history_disk_slot) + 8;

	make_history(f, 3);
#define SPOIL(member, value) \
	poke_constant(f, offsetof(struct history_disk_constant, member), &(value), sizeof(value))
	SPOIL(magic, magic);
	expect_moved_aside(f, -EPROTONOSUPPORT);
	SPOIL(version, version);
	expect_moved_aside(f, -EPROTONOSUPPORT);
	SPOIL(layout_hash, layout);
	expect_moved_aside(f, -EPROTONOSUPPORT);
	SPOIL(slot_size, size);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ring[1].capacity, zero);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ring[1].capacity, huge);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ring[2].offset, zero);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ring[0].step_ns, zero);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(file_size, huge);
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ifname, "no NUL in this!!");
	expect_moved_aside(f, -EUCLEAN);
	SPOIL(ifname, "eth1\0..........."); /* readable, but not the writer's */
	expect_moved_aside(f, 0);
#undef SPOIL
}

static void a_file_cut_anywhere_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	make_history(f, 3);
	for (off_t size = 0; size <= HISTORY_HEADER_SIZE; size += 512) {
		assert_int_equal(truncate(path_of(f, ""), size), 0);
		expect_moved_aside(f, -EUCLEAN);
	}
	assert_int_equal(truncate(path_of(f, ""), history_size(&small) - 1), 0);
	expect_moved_aside(f, -EUCLEAN);
	assert_int_equal(truncate(path_of(f, ""), history_size(&small) + 1), 0);
	expect_moved_aside(f, -EUCLEAN);
}

static void a_file_cut_while_it_is_read_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct history_epoch e;
	struct history_reader *r;
	struct sample s[FINE];
	uint64_t head = 0;

	make_history(f, 40);
	r = open_reader(f);
	assert_int_equal(truncate(path_of(f, ""), HISTORY_HEADER_SIZE + 5000), 0);
	assert_int_equal(read_error(r, HISTORY_FINE, 39), -EIO);
	assert_int_equal(history_read_range(r, HISTORY_FINE, 24, FINE, s), -EIO);
	assert_int_equal(truncate(path_of(f, ""), 0), 0);
	assert_int_equal(history_reader_head(r, HISTORY_FINE, &head), -EIO);
	assert_int_equal(history_reader_epoch(r, 1, &e), -EIO);
	assert_int_equal(read_error(r, HISTORY_COARSE, 0), -EIO);
	assert_true(history_reader_superseded(r));
	history_close_reader(r);
}

static uint64_t random64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

/* Whatever a reader makes of a damaged file, it hands out no record that was not written. */
static void read_everything(struct fixture *f)
{
	_cleanup_history_reader_ struct history_reader *r = NULL;
	struct sample s[FINE];
	struct history_epoch e;
	uint32_t newest = 0;
	uint64_t head = 0;

	if (history_open_reader(f->dir, "eth0", &r, &f->err) < 0)
		return;
	for (int ring = 0; ring < HISTORY_N_RINGS; ring++) {
		if (history_reader_head(r, ring, &head) < 0)
			continue;
		for (uint64_t n = 0; n < 48; n++)
			if (history_read(r, ring, n, s) == 0)
				assert_sample(s, s[0].boottime_ns / NSEC_PER_SEC, 1);
		(void)history_read(r, ring, head - 1, s);
		if (history_read_range(r, ring, history_oldest(head, FINE), FINE, s) > 0)
			for (int i = 0; i < FINE; i++)
				if (!history_is_gap(&s[i]))
					assert_sample(&s[i], s[i].boottime_ns / NSEC_PER_SEC, 1);
	}
	if (history_reader_newest_epoch(r, &newest) == 0)
		(void)history_reader_epoch(r, newest, &e);
	for (uint32_t i = 0; i < 300; i++)
		if (history_reader_epoch(r, i, &e) == 0)
			assert_int_equal(e.source.counters_id, source.counters_id);
	(void)history_reader_superseded(r);
}

static void write_on(struct fixture *f)
{
	struct history_writer *w = open_writer(f, &small);
	struct history_reader *r;
	struct sample s = at(50);
	uint64_t n;

	assert_true(history_begin_epoch(w, &source, &s) >= 0);
	for (uint64_t t = 50; t < 53; t++)
		append(w, t);
	n = history_writer_head(w, HISTORY_FINE);
	r = open_reader(f);
	assert_int_equal(history_read(r, HISTORY_FINE, n - 1, &s), 0);
	assert_sample(&s, 52, s.epoch);
	assert_int_equal(head_of(r, HISTORY_FINE), n);
	history_close_reader(r);
	history_close_writer(w);
}

static void damaged_headers_harm_nobody(void **state)
{
	struct fixture *f = *state;
	static uint8_t image[HISTORY_HEADER_SIZE + 4096 * 16];
	uint64_t seed = 0x123456789abcdef;

	make_history(f, 40);
	assert_true(history_size(&small) <= sizeof(image));
	peek(f, 0, image, history_size(&small));
	for (int round = 0; round < 2000; round++) {
		/* in turn: the constant part, sealed again or not; the words; all of it */
		static const size_t spans[] = { sizeof(struct history_disk_constant),
						sizeof(struct history_disk_constant), 1024,
						HISTORY_HEADER_SIZE };
		uint64_t n = 1 + random64(&seed) % 8;

		poke(f, 0, image, history_size(&small));
		while (n--) {
			uint64_t word = random64(&seed) % 3 ? random64(&seed) : -(n % 2);
			size_t size = 1u << random64(&seed) % 4;

			poke(f, random64(&seed) % (spans[round % 4] - size + 1), &word, size);
		}
		if (round % 4 == 0)
			poke_constant(f, 0, "", 0);
		read_everything(f);
		write_on(f);
	}
}

static void damaged_slots_harm_nobody(void **state)
{
	struct fixture *f = *state;
	static uint8_t image[HISTORY_HEADER_SIZE + 4096 * 16];
	uint64_t seed = 0xfedcba9876543210;

	make_history(f, 40);
	peek(f, 0, image, history_size(&small));
	for (int round = 0; round < 300; round++) {
		poke(f, 0, image, history_size(&small));
		for (int i = 0; i < 40; i++) {
			uint64_t word =
				random64(&seed) % 2 ? random64(&seed) % 100 : random64(&seed);
			uint64_t slot = random64(&seed) % (FINE + MEDIUM + COARSE);

			poke(f,
			     HISTORY_HEADER_SIZE + slot * sizeof(struct history_disk_slot) +
				     random64(&seed) % 3 * 8,
			     &word, sizeof(word));
		}
		read_everything(f);
		write_on(f);
	}
}

static void only_regular_files_are_opened(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = NULL;
	struct history_reader *r = NULL;

	for (int kind = 0; kind < 4; kind++) {
		const char *path = path_of(f, "");

		if (kind == 0)
			assert_int_equal(mkdir(path, 0755), 0);
		else if (kind == 1)
			assert_int_equal(mkfifo(path, 0644), 0);
		else
			assert_int_equal(symlink(kind == 2 ? "/etc/passwd" : "missing", path), 0);
		assert_int_equal(history_open_reader(f->dir, "eth0", &r, &f->err), -EINVAL);
		assert_non_null(strstr(f->err.text, "not a regular file"));
		assert_int_equal(history_open_writer(&f->place, &small, &w, &f->err), -EINVAL);
		assert_non_null(strstr(f->err.text, "not a regular file"));
		assert_int_equal(kind == 0 ? rmdir(path) : unlink(path), 0);
	}
	assert_null(w);
	assert_null(r);
}

static bool is_empty(const char *dir)
{
	return rmdir(dir) == 0 && mkdir(dir, 0755) == 0;
}

/* In a child with a mount namespace of its own. Return: exit status, 77 where that is refused. */
static int on_a_full_disk(struct fixture *f)
{
	char dir[80];
	struct history_place place = f->place;
	struct history_geometry big = small;
	struct history_writer *w = NULL;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", f->dir, "tmpfs", 0, "size=256k") < 0)
		return 77;
	snprintf(dir, sizeof(dir), "%s/sub", f->dir);
	place.dir = dir;
	big.fine_records = 1000;
	if (mkdir(dir, 0755) < 0)
		return 1;
	if (history_open_writer(&place, &big, &w, &f->err) != -ENOSPC || !is_empty(dir))
		return 2;
	if (history_open_writer(&place, &small, &w, &f->err) < 0)
		return 3;
	begin(w, 1, 1);
	append(w, 1);
	history_close_writer(w);
	/* no room for a second, larger file: the first stays in use, and says so */
	if (history_open_writer(&place, &big, &w, &f->err) < 0 ||
	    !strstr(history_writer_note(w), "keeps its old size") ||
	    history_writer_info(w)->ring[0].capacity != FINE)
		return 4;
	begin(w, 2, 0);
	append(w, 2);
	history_close_writer(w);
	if (history_purge(dir, "eth0", &f->err) < 0 || !is_empty(dir))
		return 5;
	return 0;
}

static int run_in_child(struct fixture *f, int (*function)(struct fixture *))
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

static void a_full_disk_is_a_clean_error(void **state)
{
	int status = run_in_child(*state, on_a_full_disk);

	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static int open_a_second(struct fixture *f)
{
	struct history_writer *w = NULL;
	char pid[32];

	snprintf(pid, sizeof(pid), "(pid %d)", getppid());
	if (history_open_writer(&f->place, &small, &w, &f->err) != -EBUSY)
		return 1;
	if (!strstr(f->err.text, pid) || strchr(f->err.text, '\n'))
		return 2;
	return history_purge(f->dir, "eth0", &f->err) == -EBUSY ? 0 : 3;
}

static void a_second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);

	assert_int_equal(run_in_child(f, open_a_second), 0);
	history_close_writer(w);
	assert_int_equal(run_in_child(f, open_a_second), 1);
}

static int be_killed(struct fixture *f)
{
	struct history_writer *w = open_writer(f, &small);

	begin(w, 1, 1);
	append(w, 1);
	_exit(0); /* as after SIGKILL: nothing is closed in order */
}

static void the_lock_of_a_dead_writer_is_taken_over(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w;

	assert_int_equal(run_in_child(f, be_killed), 0);
	assert_int_equal(access(path_of(f, ".lock"), F_OK), 0);
	w = open_writer(f, &small);
	assert_sample(history_last(w), 1, 1);
	history_close_writer(w);
	assert_int_equal(access(path_of(f, ".lock"), F_OK), -1);
}

static void what_a_killed_maker_left_is_replaced(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = open(path_of(f, ".new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	make_history(f, 2);
	assert_int_equal(access(path_of(f, ".new"), F_OK), -1);
}

static void files_are_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	mode_t mask = umask(077);
	struct history_writer *w;
	struct stat st;

	if (geteuid() == 0) {
		f->place.uid = 1234;
		f->place.gid = 5678;
	}
	w = open_writer(f, &small);
	umask(mask);
	assert_int_equal(stat(path_of(f, ""), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 5678);
	}
	assert_int_equal(stat(path_of(f, ".lock"), &st), 0); /* readers must not lock it */
	assert_int_equal(st.st_mode & 07777, 0600);
	history_close_writer(w);
	if (geteuid() == 0) {
		f->place.uid = 4321; /* an existing file is handed over, too */
		history_close_writer(open_writer(f, &small));
		assert_int_equal(stat(path_of(f, ""), &st), 0);
		assert_int_equal(st.st_uid, 4321);
	}
}

static void the_superseded_word_is_heeded_and_cleared(void **state)
{
	struct fixture *f = *state;
	const size_t at_word = offsetof(struct history_disk_header, superseded.value);
	uint64_t word = HISTORY_SUPERSEDED;
	struct history_geometry g = small;
	struct history_reader *r;
	int fd;

	make_history(f, 3);
	r = open_reader(f);
	poke(f, at_word, &word, sizeof(word)); /* an old file that someone copied back, say */
	assert_true(history_reader_superseded(r));
	make_history(f, 0);
	assert_false(history_reader_superseded(r));
	history_close_reader(r);
	fd = open_raw(f);
	g.fine_records++;
	history_close_writer(open_writer(f, &g));
	assert_int_equal(pread(fd, &word, sizeof(word), at_word), sizeof(word));
	assert_int_equal(word, HISTORY_SUPERSEDED);
	close(fd);
}

static void purge_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct history_reader *r;

	assert_int_equal(history_purge(f->dir, "eth0", &f->err), -ENOENT);
	make_history(f, 3);
	assert_int_equal(truncate(path_of(f, ""), 0), 0);
	make_history(f, 3);
	assert_int_equal(access(path_of(f, ".old"), F_OK), 0);
	r = open_reader(f);
	assert_false(history_reader_superseded(r));
	assert_int_equal(history_purge(f->dir, "eth0", &f->err), 0);
	assert_true(history_reader_superseded(r));
	assert_record(r, HISTORY_FINE, 2, 3, 1);
	history_close_reader(r);
	assert_true(is_empty(f->dir));
}

static void a_file_that_was_moved_away_is_superseded(void **state)
{
	struct fixture *f = *state;
	char kept[128];
	struct history_reader *r;

	make_history(f, 3);
	r = open_reader(f);
	strcpy(kept, path_of(f, ".kept"));
	assert_int_equal(rename(path_of(f, ""), kept), 0);
	assert_true(history_reader_superseded(r));
	make_history(f, 3);
	assert_true(history_reader_superseded(r));
	history_close_reader(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(size_follows_from_the_geometry),
		TEST(impossible_places_are_refused),
		TEST(a_new_file_is_empty_and_says_what_it_is),
		TEST(records_come_back_over_laps),
		TEST(two_samples_of_one_time_are_refused),
		TEST(coarse_rings_hold_the_sample_at_each_boundary),
		TEST(both_sides_of_a_pause_are_in_the_coarse_rings),
		TEST(a_sparse_interval_brings_no_record_twice),
		TEST(an_epoch_goes_on_over_a_restart),
		TEST(another_source_is_another_epoch),
		TEST(what_fell_is_another_epoch),
		TEST(coarse_rings_hold_both_sides_of_an_epoch_change),
		TEST(a_step_of_the_wall_clock_moves_its_epoch),
		TEST(the_last_128_epochs_are_known),
		TEST(a_range_marks_what_is_not_there),
		TEST(no_flipped_bit_is_taken),
		TEST(another_laps_record_is_refused),
		TEST(a_head_that_fell_behind_is_made_good),
		TEST(a_head_that_ran_ahead_leaves_gaps),
		TEST(an_impossible_head_is_not_believed),
		TEST(a_slot_left_odd_is_a_gap_and_its_number_is_spent),
		TEST(a_torn_newest_record_is_a_gap),
		TEST(an_append_cut_short_between_rings_is_completed),
		TEST(a_record_of_no_epoch_is_refused),
		TEST(no_epoch_but_the_newest_is_continued),
		TEST(a_damaged_epoch_entry_is_not_continued),
		TEST(another_geometry_keeps_the_newest_records),
		TEST(another_format_is_moved_aside),
		TEST(a_file_cut_anywhere_is_moved_aside),
		TEST(a_file_cut_while_it_is_read_is_an_error),
		TEST(damaged_headers_harm_nobody),
		TEST(damaged_slots_harm_nobody),
		TEST(only_regular_files_are_opened),
		TEST(a_full_disk_is_a_clean_error),
		TEST(a_second_writer_is_refused),
		TEST(the_lock_of_a_dead_writer_is_taken_over),
		TEST(what_a_killed_maker_left_is_replaced),
		TEST(files_are_for_owner_and_group),
		TEST(the_superseded_word_is_heeded_and_cleared),
		TEST(purge_leaves_nothing),
		TEST(a_file_that_was_moved_away_is_superseded),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
