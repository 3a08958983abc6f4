// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-file.c: how a file is made, locked, given away, copied into another geometry, replaced
 * and purged.
 */
#include "history-fixture.h"

#include "util/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_geometry_keeps_the_newest_records),
		TEST(a_full_disk_is_a_clean_error),
		TEST(a_second_writer_is_refused),
		TEST(files_are_for_owner_and_group),
		TEST(the_superseded_word_is_heeded_and_cleared),
		TEST(purge_leaves_nothing),
		TEST(a_file_that_was_moved_away_is_superseded),
	};

	return cmocka_run_group_tests_name("history-files", tests, NULL, NULL);
}
