// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-*.c: whatever a file holds harms neither writer nor reader, and no record is made up
 * from it.
 */
#include "history-fixture.h"

#include "model/layout.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	const uint64_t magic = 1, layout = sample_layout_hash() + 1, zero = 0, huge = 1ULL << 60;
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

static void assert_written_epoch(const struct history_epoch *e)
{
	static const struct history_services none;
	const struct history_services *names = &e->source.services;

	assert_int_equal(e->source.counters_id, source.counters_id);
	assert_true(memcmp(names, &source.services, sizeof(*names)) == 0 ||
		    memcmp(names, &none, sizeof(*names)) == 0);
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
			assert_written_epoch(&e);
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
		/* in turn: the constant part, sealed again or not; the words; the epoch; all */
		static const size_t spans[] = { sizeof(struct history_disk_constant),
						sizeof(struct history_disk_constant), 1024,
						offsetof(struct history_disk_header, epoch[2]),
						HISTORY_HEADER_SIZE };
		const size_t kind = round % array_size(spans);
		uint64_t n = 1 + random64(&seed) % 8;

		poke(f, 0, image, history_size(&small));
		while (n--) {
			uint64_t word = random64(&seed) % 3 ? random64(&seed) : -(n % 2);
			size_t size = 1u << random64(&seed) % 4;

			poke(f, random64(&seed) % (spans[kind] - size + 1), &word, size);
		}
		if (kind == 0)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_flipped_bit_is_taken),
		TEST(a_record_of_no_epoch_is_refused),
		TEST(another_format_is_moved_aside),
		TEST(a_file_cut_anywhere_is_moved_aside),
		TEST(a_file_cut_while_it_is_read_is_an_error),
		TEST(damaged_headers_harm_nobody),
		TEST(damaged_slots_harm_nobody),
		TEST(only_regular_files_are_opened),
	};

	return cmocka_run_group_tests_name("history-hostile", tests, NULL, NULL);
}
