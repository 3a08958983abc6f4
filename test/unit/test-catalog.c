// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * read/catalog.c on real history files: which interfaces there are, and which one a name means.
 */
#include "history-fixture.h"

#include "read/catalog.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW (5000 * NSEC_PER_SEC)

static void assert_no_path(const struct fixture *f, const char *text)
{
	assert_true(text[0]);
	assert_null(strstr(text, f->dir));
	assert_null(strchr(text, '/'));
}

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
