// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-recover.c: a history goes on where a crash or a power loss left it, and no number is
 * given out twice.
 */
#include "history-fixture.h"

#include "model/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_laps_record_is_refused),
		TEST(a_head_that_fell_behind_is_made_good),
		TEST(a_head_that_ran_ahead_leaves_gaps),
		TEST(an_impossible_head_is_not_believed),
		TEST(a_slot_left_odd_is_a_gap_and_its_number_is_spent),
		TEST(a_torn_newest_record_is_a_gap),
		TEST(an_append_cut_short_between_rings_is_completed),
		TEST(no_epoch_but_the_newest_is_continued),
		TEST(a_damaged_epoch_entry_is_not_continued),
		TEST(the_lock_of_a_dead_writer_is_taken_over),
		TEST(what_a_killed_maker_left_is_replaced),
	};

	return cmocka_run_group_tests_name("history-recovery", tests, NULL, NULL);
}
