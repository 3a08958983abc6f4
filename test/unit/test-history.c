// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-*.c: what is written is read back, over laps, pauses and epochs.
 */
#include "history-fixture.h"

#include "util/clock.h"

#include <errno.h>
#include <string.h>

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
	s.flags |= SAMPLE_TX;
	assert_int_equal(history_append(w, &s), 0);
	s.direction[SAMPLER_TX].tcp_flag[SAMPLER_RST]--; /* one counter, later */
	s.boottime_ns++;
	assert_int_equal(history_begin_epoch(w, &source, &s), 1);
	assert_int_equal(history_append(w, &s), 0);
	assert_int_equal(s.epoch, 2);
	s.flags = 0; /* not counted any more, nor what it was */
	s.direction[SAMPLER_TX].tcp_flag[SAMPLER_RST]--;
	s.boottime_ns++;
	assert_int_equal(history_begin_epoch(w, &source, &s), 0);
	assert_int_equal(history_append(w, &s), 0);
	s.flags = SAMPLE_TX; /* counted again, from 0 on */
	s.direction[SAMPLER_TX].tcp_flag[SAMPLER_RST] = 0;
	s.boottime_ns++;
	assert_int_equal(history_begin_epoch(w, &source, &s), 0);
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
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
