// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/feed.c on real history files. Pins cannot be made without root: what they say is tested in the
 * netns tier; here is what holds without them, and where they cannot be read.
 */
#include "history-fixture.h"

#include "read/feed.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW (5000 * NSEC_PER_SEC)

static struct feed *open_feed(struct fixture *f)
{
	struct feed *feed = NULL;

	/* The pins' folder is the histories': there are none in it. */
	assert_int_equal(feed_open(f->dir, f->dir, "eth0", &feed, &f->err), 0);
	return feed;
}

static void assert_no_path(const struct fixture *f, const char *text)
{
	assert_true(text[0]);
	assert_null(strstr(text, f->dir));
	assert_null(strchr(text, '/'));
}

static void only_keys_are_followed(void **state)
{
	static const char *const bad[] = { "",	       "..",	"eth0/x",
					   "eth0%2e1", "eth0@", "@lock",
					   "eth0@0",   "eth0~", "a123456789012345",
					   "eth0@1x" };
	struct fixture *f = *state;
	struct feed *feed = NULL;

	for (size_t i = 0; i < array_size(bad); i++)
		assert_int_equal(feed_open(f->dir, f->dir, bad[i], &feed, &f->err), -EINVAL);
	assert_null(feed);
}

static void where_nothing_is_there_is_nothing(void **state)
{
	struct feed *feed = open_feed(*state);

	feed_refresh(feed, NOW);
	assert_false(feed->attached || feed->pinned || feed->history || feed->has_delta);
	assert_int_equal(feed->source, FEED_NOTHING);
	assert_string_equal(feed->trouble.text, "");
	assert_string_equal(feed->name, "eth0");
	assert_true(feed_is_stale(feed));
	feed_close(feed);
}

static void a_history_without_pins_is_the_past(void **state)
{
	struct fixture *f = *state;
	struct feed *feed = open_feed(f);

	make_history(f, 10);
	feed_refresh(feed, NOW);
	assert_int_equal(feed->source, FEED_PAST);
	assert_sample(&feed->newest, 10, 1);
	assert_int_equal(feed->record, 9);
	assert_true(feed->has_delta);
	assert_true(feed->delta.interval_ns == NSEC_PER_SEC);
	assert_int_equal(feed->delta.direction[SAMPLER_RX].l3[0].packets, 1);
	assert_string_equal(feed->services[SAMPLER_HTTPS], "https");
	assert_string_equal(feed->stale.text, "it is not attached");
	assert_true(feed->recorded_boottime_ns == 0); /* of another boot */
	feed_close(feed);
}

static void what_is_new_is_seen_a_second_later_and_not_before(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct feed *feed = open_feed(f);
	uint64_t version;

	begin(w, 1, 1);
	append(w, 1);
	feed_refresh(feed, NOW);
	version = feed->version;
	assert_false(feed->has_delta);
	append(w, 2);
	feed_refresh(feed, NOW + NSEC_PER_SEC / 2);
	assert_true(feed->version == version);
	feed_refresh(feed, NOW + NSEC_PER_SEC);
	assert_true(feed->version != version);
	assert_sample(&feed->newest, 2, 1);
	assert_true(feed->has_delta);
	version = feed->version;
	feed_refresh(feed, NOW + 10 * NSEC_PER_SEC);
	assert_true(feed->version == version); /* nothing is new */
	history_close_writer(w);
	feed_close(feed);
}

static void records_of_two_epochs_are_not_compared(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct history_source other = source;
	struct feed *feed = open_feed(f);
	struct sample sample = at(6);

	begin(w, 1, 1);
	append(w, 4);
	append(w, 5);
	other.counters_id = 78;
	assert_int_equal(history_begin_epoch(w, &other, &sample), 1);
	append(w, 6);
	feed_refresh(feed, NOW);
	assert_sample(&feed->newest, 6, 2);
	assert_false(feed->has_delta);
	history_close_writer(w);
	feed_close(feed);
}

/* A recorder's last words come right before its successor's first sample. */
static void records_close_together_give_no_rate(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct feed *feed = open_feed(f);
	struct sample sample = at(5);

	begin(w, 1, 1);
	append(w, 4);
	append(w, 5);
	sample.boottime_ns += 20 * NSEC_PER_MSEC;
	assert_int_equal(history_append(w, &sample), 0);
	feed_refresh(feed, NOW);
	assert_true(feed->has_delta);
	assert_true(feed->delta.interval_ns == NSEC_PER_SEC + 20 * NSEC_PER_MSEC);
	history_close_writer(w);
	feed_close(feed);
}

static void records_of_this_boot_are_known_as_such(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct history_source here = source;
	struct feed *feed = open_feed(f);
	struct sample sample = at(7);

	assert_int_equal(clock_boot_id(here.boot_id), 0);
	assert_int_equal(history_begin_epoch(w, &here, &sample), 1);
	append(w, 7);
	feed_refresh(feed, NOW);
	assert_true(feed->recorded_boottime_ns == 7 * NSEC_PER_SEC);
	history_close_writer(w);
	feed_close(feed);
}

/*
 * Makes a folder that looks like pins and is none. Where pins cannot be read, nobody knows whose
 * counters they are: records are believed.
 */
static void make_unreadable_pins(const struct fixture *f, char map[256])
{
	char dir[128];
	int fd;

	snprintf(dir, sizeof(dir), "%s/eth0", f->dir);
	snprintf(map, 256, "%s/" SAMPLER_MAP_META, dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(map, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_unreadable_pins(char map[256])
{
	assert_int_equal(unlink(map), 0);
	*strrchr(map, '/') = 0;
	assert_int_equal(rmdir(map), 0);
}

/* The file is made for a sample a second; the newest record says that it was changed since. */
static void a_recorder_is_waited_for_as_long_as_its_newest_record_says(void **state)
{
	struct fixture *f = *state;
	struct history_writer *w = open_writer(f, &small);
	struct history_source here = source;
	struct feed *feed = open_feed(f);
	struct sample sample = at(7);
	char map[256];

	assert_int_equal(clock_boot_id(here.boot_id), 0);
	assert_int_equal(history_begin_epoch(w, &here, &sample), 1);
	sample.interval_us = 10000000;
	assert_int_equal(history_append(w, &sample), 0);
	history_close_writer(w);
	make_unreadable_pins(f, map);
	feed_refresh(feed, 7 * NSEC_PER_SEC);
	assert_true(feed_interval_ns(feed) == 10 * NSEC_PER_SEC);
	assert_false(feed_is_stale(feed));
	feed_refresh(feed, 27 * NSEC_PER_SEC);
	assert_false(feed_is_stale(feed));
	feed_refresh(feed, 29 * NSEC_PER_SEC);
	assert_true(feed_is_stale(feed));
	remove_unreadable_pins(map);
	feed_close(feed);
}

static void a_history_that_is_made_anew_is_followed(void **state)
{
	struct fixture *f = *state;
	struct feed *feed = open_feed(f);

	make_history(f, 10);
	feed_refresh(feed, NOW);
	assert_sample(&feed->newest, 10, 1);
	assert_int_equal(history_purge(f->dir, "eth0", &f->err), 0);
	feed_refresh(feed, NOW + 1 * NSEC_PER_SEC);
	assert_int_equal(feed->source, FEED_NOTHING);
	assert_null(feed->history);
	make_history(f, 3);
	feed_refresh(feed, NOW + 3 * NSEC_PER_SEC);
	assert_int_equal(feed->source, FEED_PAST);
	assert_sample(&feed->newest, 3, 1);
	feed_close(feed);
}

static void a_file_that_is_cut_is_trouble_until_it_is_whole(void **state)
{
	struct fixture *f = *state;
	struct feed *feed = open_feed(f);

	make_history(f, 10);
	feed_refresh(feed, NOW);
	assert_int_equal(feed->source, FEED_PAST);
	assert_int_equal(truncate(path_of(f, ""), 100), 0);
	feed_refresh(feed, NOW + 2 * NSEC_PER_SEC);
	assert_int_equal(feed->source, FEED_NOTHING);
	assert_no_path(f, feed->trouble.text);
	feed_refresh(feed, NOW + 4 * NSEC_PER_SEC);
	assert_no_path(f, feed->trouble.text);
	assert_int_equal(unlink(path_of(f, "")), 0);
	make_history(f, 4);
	feed_refresh(feed, NOW + 6 * NSEC_PER_SEC);
	assert_sample(&feed->newest, 4, 1);
	assert_string_equal(feed->trouble.text, "");
	feed_close(feed);
}

static void what_is_no_history_is_trouble(void **state)
{
	struct fixture *f = *state;
	uint32_t version = HISTORY_VERSION + 1;
	struct feed *feed = open_feed(f);

	assert_int_equal(mkdir(path_of(f, ""), 0700), 0);
	feed_refresh(feed, NOW);
	assert_no_path(f, feed->trouble.text);
	assert_int_equal(rmdir(path_of(f, "")), 0);
	make_history(f, 4);
	poke_constant(f, offsetof(struct history_disk_constant, version), &version,
		      sizeof(version));
	feed_refresh(feed, NOW + 2 * NSEC_PER_SEC);
	assert_string_equal(feed->trouble.text, "its history is of another version of sampler");
	assert_int_equal(feed->source, FEED_NOTHING);
	feed_close(feed);
}

/* A folder that looks like pins and is none: it is there, and what is in it cannot be known. */
static void pins_that_cannot_be_read_are_attached_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct feed *feed = open_feed(f);
	char map[256];

	make_unreadable_pins(f, map);
	make_history(f, 4);
	feed_refresh(feed, NOW);
	assert_true(feed->attached);
	assert_false(feed->pinned);
	assert_int_equal(feed->source, FEED_NOTHING);
	assert_non_null(feed->history);
	assert_no_path(f, feed->trouble.text);
	remove_unreadable_pins(map);
	feed_refresh(feed, NOW + 2 * NSEC_PER_SEC);
	assert_false(feed->attached);
	assert_int_equal(feed->source, FEED_PAST);
	assert_string_equal(feed->trouble.text, "");
	feed_close(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_keys_are_followed),
		TEST(where_nothing_is_there_is_nothing),
		TEST(a_history_without_pins_is_the_past),
		TEST(what_is_new_is_seen_a_second_later_and_not_before),
		TEST(records_of_two_epochs_are_not_compared),
		TEST(records_close_together_give_no_rate),
		TEST(records_of_this_boot_are_known_as_such),
		TEST(a_recorder_is_waited_for_as_long_as_its_newest_record_says),
		TEST(a_history_that_is_made_anew_is_followed),
		TEST(a_file_that_is_cut_is_trouble_until_it_is_whole),
		TEST(what_is_no_history_is_trouble),
		TEST(pins_that_cannot_be_read_are_attached_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
