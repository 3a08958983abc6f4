// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/feed.c and read/catalog.c on real history files. Pins cannot be made without root: what they
 * say is tested in the netns tier; here is what holds without them, and where they cannot be read.
 */
#include "history-fixture.h"

#include "read/catalog.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

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
	char dir[128], map[256];
	int fd;

	snprintf(dir, sizeof(dir), "%s/eth0", f->dir);
	snprintf(map, sizeof(map), "%s/" SAMPLER_MAP_META, dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(map, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	make_history(f, 4);
	feed_refresh(feed, NOW);
	assert_true(feed->attached);
	assert_false(feed->pinned);
	assert_int_equal(feed->source, FEED_NOTHING);
	assert_non_null(feed->history);
	assert_no_path(f, feed->trouble.text);
	assert_int_equal(unlink(map), 0);
	assert_int_equal(rmdir(dir), 0);
	feed_refresh(feed, NOW + 2 * NSEC_PER_SEC);
	assert_false(feed->attached);
	assert_int_equal(feed->source, FEED_PAST);
	assert_string_equal(feed->trouble.text, "");
	feed_close(feed);
}

/* ---- catalog ---- */

/* A history of @n seconds under any key. */
static void make_named(struct fixture *f, const char *key, const char *ifname, uint64_t n)
{
	struct history_place place = { f->dir, key, ifname, (uid_t)-1, (gid_t)-1 };
	struct history_writer *w = NULL;
	struct sample first = at(1);

	assert_int_equal(history_open_writer(&place, &small, &w, &f->err), 0);
	assert_int_equal(history_begin_epoch(w, &source, &first), 1);
	for (uint64_t t = 1; t <= n; t++)
		append(w, t);
	history_close_writer(w);
}

static void remove_named(struct fixture *f, const char *key)
{
	assert_int_equal(history_purge(f->dir, key, &f->err), 0);
}

static struct catalog *open_catalog(struct fixture *f)
{
	struct catalog *catalog = NULL;
	char nowhere[128];

	snprintf(nowhere, sizeof(nowhere), "%s/pins", f->dir);
	assert_int_equal(catalog_open(nowhere, f->dir, &catalog, &f->err), 0);
	return catalog;
}

static void the_catalog_lists_what_there_is_by_name(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = open_catalog(f);
	uint64_t version;

	catalog_refresh(catalog, NOW);
	assert_int_equal(catalog->n, 0);
	make_named(f, "wan", "wan", 3);
	make_named(f, "eth0%2E100", "eth0.100", 3);
	version = catalog->version;
	catalog_refresh(catalog, NOW + NSEC_PER_SEC / 2);
	assert_int_equal(catalog->n, 0); /* not looked at yet */
	catalog_refresh(catalog, NOW + NSEC_PER_SEC);
	assert_int_equal(catalog->n, 2);
	assert_string_equal(catalog->feed[0]->name, "eth0.100");
	assert_string_equal(catalog->feed[1]->name, "wan");
	assert_true(catalog->version != version);
	remove_named(f, "eth0%2E100");
	catalog_refresh(catalog, NOW + 2 * NSEC_PER_SEC);
	assert_int_equal(catalog->n, 1);
	assert_string_equal(catalog->trouble.text, "");
	remove_named(f, "wan");
	catalog_close(catalog);
}

/* As many come as go, so that nothing but the names is another. */
static void the_order_is_by_name_also_when_one_takes_the_place_of_another(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = open_catalog(f);

	make_named(f, "lan", "lan", 3);
	make_named(f, "wan", "wan", 3);
	catalog_refresh(catalog, NOW);
	assert_string_equal(catalog->feed[0]->name, "lan");
	remove_named(f, "lan");
	make_named(f, "eth0", "eth0", 3);
	catalog_refresh(catalog, NOW + NSEC_PER_SEC);
	assert_int_equal(catalog->n, 2);
	assert_string_equal(catalog->feed[0]->name, "eth0");
	assert_string_equal(catalog->feed[1]->name, "wan");
	remove_named(f, "eth0");
	remove_named(f, "wan");
	catalog_close(catalog);
}

static void names_and_keys_find_the_one_that_is_meant(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = open_catalog(f);
	char own[KEY_MAX];
	struct feed *feed = NULL;

	assert_int_equal(key_from_interface("lan", pins_netns_inode(), own, sizeof(own)), 0);
	make_named(f, "eth0", "eth0", 1);
	make_named(f, "lan@1", "lan", 1);
	make_named(f, own, "lan", 1);
	make_named(f, "wan@1", "wan", 1);
	make_named(f, "wan@2", "wan", 1);
	catalog_refresh(catalog, NOW);
	assert_int_equal(catalog_find(catalog, "eth0", &feed, &f->err), 0);
	assert_string_equal(feed->key, "eth0");
	assert_int_equal(catalog_find(catalog, "lan", &feed, &f->err), 0);
	assert_string_equal(feed->key, own);
	assert_int_equal(catalog_find(catalog, "lan@1", &feed, &f->err), 0);
	assert_string_equal(feed->key, "lan@1");
	assert_int_equal(catalog_find(catalog, "wan", &feed, &f->err), -ENOTUNIQ);
	assert_non_null(strstr(f->err.text, "wan@1, wan@2"));
	assert_int_equal(catalog_find(catalog, "x", &feed, &f->err), -ENOENT);
	assert_string_equal(f->err.text, "no interface \"x\"; there are: eth0, lan, lan, wan, wan");
	for (size_t i = 0; i < catalog->n; i++)
		remove_named(f, catalog->feed[i]->key);
	catalog_close(catalog);
}

static void names_that_are_no_keys_are_not_looked_at(void **state)
{
	static const char *const names[] = { "a.b.hist", "a~.hist", ".hist", "x.hist.lock",
					     "0123456789012345678901234567890123456789012345678901"
					     "2345678901234567890.hist" };
	struct fixture *f = *state;
	struct catalog *catalog = open_catalog(f);
	char path[256];

	for (size_t i = 0; i < array_size(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	catalog_refresh(catalog, NOW);
	assert_int_equal(catalog->n, 0);
	for (size_t i = 0; i < array_size(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	catalog_close(catalog);
}

static void more_than_there_is_room_for_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = open_catalog(f);
	char path[256];

	for (int i = 0; i < CATALOG_MAX_FEEDS + 10; i++) {
		snprintf(path, sizeof(path), "%s/e%d.hist", f->dir, i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	log_set_level(LOG_CRIT); /* hundreds of empty files, each of them worth a line */
	catalog_refresh(catalog, NOW);
	catalog_refresh(catalog, NOW + NSEC_PER_SEC);
	log_set_level(LOG_INFO);
	assert_int_equal(catalog->n, CATALOG_MAX_FEEDS);
	for (int i = 0; i < CATALOG_MAX_FEEDS + 10; i++) {
		snprintf(path, sizeof(path), "%s/e%d.hist", f->dir, i);
		assert_int_equal(unlink(path), 0);
	}
	catalog_refresh(catalog, NOW + 2 * NSEC_PER_SEC);
	assert_int_equal(catalog->n, 0);
	catalog_close(catalog);
}

static void a_folder_that_cannot_be_listed_is_told_without_its_path(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = NULL;
	char file[128];

	snprintf(file, sizeof(file), "%s/file", f->dir);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(catalog_open(file, f->dir, &catalog, &f->err), 0);
	catalog_refresh(catalog, NOW);
	assert_no_path(f, catalog->trouble.text);
	catalog_close(catalog);
	assert_int_equal(unlink(file), 0);
}

/* No descriptor left, say: that is no reason to take all interfaces for gone. */
static void what_is_known_stays_while_a_folder_cannot_be_listed(void **state)
{
	struct fixture *f = *state;
	struct catalog *catalog = NULL;
	char pins[128];

	snprintf(pins, sizeof(pins), "%s/pins", f->dir);
	make_named(f, "wan", "wan", 3);
	assert_int_equal(catalog_open(pins, f->dir, &catalog, &f->err), 0);
	catalog_refresh(catalog, NOW);
	assert_int_equal(catalog->n, 1);
	close(open(pins, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	remove_named(f, "wan");
	catalog_refresh(catalog, NOW + NSEC_PER_SEC);
	assert_true(catalog->trouble.text[0]);
	assert_int_equal(catalog->n, 1);
	assert_int_equal(unlink(pins), 0);
	catalog_refresh(catalog, NOW + 2 * NSEC_PER_SEC);
	assert_string_equal(catalog->trouble.text, "");
	assert_int_equal(catalog->n, 0);
	catalog_close(catalog);
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
		TEST(a_history_that_is_made_anew_is_followed),
		TEST(a_file_that_is_cut_is_trouble_until_it_is_whole),
		TEST(what_is_no_history_is_trouble),
		TEST(pins_that_cannot_be_read_are_attached_all_the_same),
		TEST(the_catalog_lists_what_there_is_by_name),
		TEST(the_order_is_by_name_also_when_one_takes_the_place_of_another),
		TEST(names_and_keys_find_the_one_that_is_meant),
		TEST(names_that_are_no_keys_are_not_looked_at),
		TEST(more_than_there_is_room_for_is_left_out),
		TEST(a_folder_that_cannot_be_listed_is_told_without_its_path),
		TEST(what_is_known_stays_while_a_folder_cannot_be_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
