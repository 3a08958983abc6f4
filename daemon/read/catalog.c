// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * All interfaces, by listing the folder of pins and the folder of histories once a second.
 *
 * Names in both folders come from outside: what is not a key is not looked at. Attached interfaces
 * come first, so that where there are more than CATALOG_MAX_FEEDS, those are left out that are only
 * history. A feed stays as long as its key is in one of the folders, or one of them cannot be listed,
 * and keeps its descriptors (two each) meanwhile.
 *
 * The catalog owns its feeds; a pointer to one is good until the next refresh.
 */
#include "read/catalog.h"

#include "model/layout.h"
#include "read/trouble.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define LIST_NS	       NSEC_PER_SEC
#define NAMES_MAX      256 /* bytes of a list of interfaces in a message */
#define HISTORY_SUFFIX ".hist"

struct catalog_state {
	char *pin_dir;
	char *state_dir;
	uint64_t list_ns;			    /* nothing is listed before */
	uint64_t versions;			    /* of all feeds, as last seen */
	bool told_full;				    /* that there are too many */
	struct error pins_logged, histories_logged; /* what the log has said of the two folders */
};

/* The keys that a listing found, each once. */
struct keys {
	size_t n;
	bool full;
	char key[CATALOG_MAX_FEEDS][KEY_MAX];
};

/* ---- listing ---- */

static bool has_key(const struct keys *keys, const char *key)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (!strcmp(keys->key[i], key))
			return true;
	}
	return false;
}

/* Takes the first n bytes of name, if they are a key. */
static void add_key(struct keys *keys, const char *name, size_t n)
{
	char key[KEY_MAX], ifname[SAMPLER_NAME_MAX];
	uint64_t netns;

	if (n >= sizeof(key))
		return;
	memcpy(key, name, n);
	key[n] = 0;
	if (key_parse(key, ifname, &netns) || has_key(keys, key))
		return;
	if (keys->n == CATALOG_MAX_FEEDS)
		keys->full = true;
	else
		memcpy(keys->key[keys->n++], key, sizeof(key));
}

/* A folder that is not there yet holds nothing; one that can be listed may still be closed. */
static int list(const char *dir, const char *suffix, struct keys *keys)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	const struct dirent *entry;
	size_t n_suffix = strlen(suffix), n;

	if (!d || access(dir, R_OK | X_OK))
		return errno == ENOENT ? 0 : -errno;
	while ((errno = 0, entry = readdir(d))) {
		n = strlen(entry->d_name);
		if (n > n_suffix && !strcmp(entry->d_name + n - n_suffix, suffix))
			add_key(keys, entry->d_name, n - n_suffix);
	}
	return -errno;
}

/* Once, and again where it was over or has become another. */
static void log_new(const char *dir, int code, struct error *logged)
{
	struct error full = { "" };

	if (code)
		error_set(&full, code, "cannot list %.300s: %s", dir, strerror(-code));
	if (code && strcmp(full.text, logged->text) != 0)
		trouble_log(&full, dir);
	*logged = full;
}

/* For clients; where several are in trouble for the same reason, @what names them all. */
static void say(const char *what, const char *dir, int code, struct error *ret_said)
{
	if (code == -EACCES)
		trouble_say_closed(what, dir, ret_said);
	else
		error_set(ret_said, code, "%s cannot be listed (%s)", what, strerror(-code));
}

static void list_all(struct catalog *catalog, struct keys *ret_keys)
{
	struct catalog_state *s = catalog->state;
	int pins = list(s->pin_dir, "", ret_keys);
	int histories = list(s->state_dir, HISTORY_SUFFIX, ret_keys);

	log_new(s->pin_dir, pins, &s->pins_logged);
	log_new(s->state_dir, histories, &s->histories_logged);
	if (pins)
		say(pins == histories ? "pins and histories" : "pins", s->pin_dir, pins,
		    &catalog->trouble);
	else if (histories)
		say("histories", s->state_dir, histories, &catalog->trouble);
	else
		catalog->trouble = (struct error){ "" };
}

static void tell_full(struct catalog_state *s, bool full)
{
	if (full && !s->told_full)
		log_warning("more than %d interfaces: the others are left out", CATALOG_MAX_FEEDS);
	s->told_full = full;
}

/* ---- feeds come and go ---- */

static void drop_gone(struct catalog *catalog, const struct keys *keys)
{
	size_t kept = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		if (has_key(keys, catalog->feed[i]->key)) {
			catalog->feed[kept++] = catalog->feed[i];
			continue;
		}
		feed_close(catalog->feed[i]);
		catalog->version++;
	}
	catalog->n = kept;
}

static bool has_feed(const struct catalog *catalog, const char *key)
{
	for (size_t i = 0; i < catalog->n; i++) {
		if (!strcmp(catalog->feed[i]->key, key))
			return true;
	}
	return false;
}

static void add_new(struct catalog *catalog, const struct keys *keys)
{
	const struct catalog_state *s = catalog->state;

	for (size_t i = 0; i < keys->n && catalog->n < CATALOG_MAX_FEEDS; i++) {
		struct error err = { "" };
		struct feed *feed;

		if (has_feed(catalog, keys->key[i]))
			continue;
		if (feed_open(s->pin_dir, s->state_dir, keys->key[i], &feed, &err)) {
			log_warning("%s", err.text);
			continue;
		}
		catalog->feed[catalog->n++] = feed;
		catalog->version++;
	}
}

static void list_feeds(struct catalog *catalog)
{
	_cleanup_free_ struct keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return;
	list_all(catalog, keys);
	tell_full(catalog->state, keys->full);
	if (!catalog->trouble.text[0]) /* else nobody knows what is gone */
		drop_gone(catalog, keys);
	add_new(catalog, keys);
}

static int by_name(const void *a, const void *b)
{
	const struct feed *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	return r ? r : strcmp((*x)->key, (*y)->key);
}

/**
 * catalog_refresh() - see what is new, of all interfaces
 * @catalog: the catalog; its version changes where anything does
 * @boottime_ns: CLOCK_BOOTTIME now
 *
 * Call it for each request, as feed_refresh(). Feeds may be gone afterwards.
 */
void catalog_refresh(struct catalog *catalog, uint64_t boottime_ns)
{
	struct catalog_state *s = catalog->state;
	struct error before = catalog->trouble;
	uint64_t versions = 0, version = catalog->version;

	if (boottime_ns >= s->list_ns) {
		s->list_ns = boottime_ns + LIST_NS;
		list_feeds(catalog);
	}
	for (size_t i = 0; i < catalog->n; i++) {
		feed_refresh(catalog->feed[i], boottime_ns);
		versions += catalog->feed[i]->version;
	}
	if (versions == s->versions && version == catalog->version &&
	    !strcmp(before.text, catalog->trouble.text))
		return;
	qsort(catalog->feed, catalog->n, sizeof(*catalog->feed), by_name);
	s->versions = versions;
	catalog->version++;
}

/** catalog_due_ns() - Return: CLOCK_BOOTTIME before which catalog_refresh() finds nothing new */
uint64_t catalog_due_ns(const struct catalog *catalog)
{
	uint64_t due = catalog->state->list_ns;

	for (size_t i = 0; i < catalog->n; i++) {
		uint64_t feed_due = feed_due_ns(catalog->feed[i]);

		due = feed_due < due ? feed_due : due;
	}
	return due;
}

/* ---- finding ---- */

/*
 * How well a feed of that name is the one that is meant: it is of our own namespace, as its pins or
 * its key say; or its key has no namespace, and no pins say that it is another than ours.
 */
static int fitness(const struct feed *feed, uint64_t own_netns)
{
	char name[SAMPLER_NAME_MAX];
	uint64_t netns = 0;

	if (feed->pinned)
		return feed->meta.netns_inode == own_netns ? 3 : 0;
	if (key_parse(feed->key, name, &netns))
		return 0;
	return netns == own_netns ? 2 : !netns;
}

/* The feed with that key, if it is one that no interface could have as its name. */
static struct feed *find_key(const struct catalog *catalog, const char *key)
{
	for (size_t i = 0; i < catalog->n; i++) {
		if (!strcmp(catalog->feed[i]->key, key) && strcmp(catalog->feed[i]->name, key) != 0)
			return catalog->feed[i];
	}
	return NULL;
}

static int none_of_that_name(const struct catalog *catalog, const char *name, struct error *err)
{
	char names[NAMES_MAX] = "";
	size_t n = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		const char *next = catalog->feed[i]->name;

		if (n + strlen(next) + sizeof(", ...") > sizeof(names)) {
			n += (size_t)snprintf(names + n, sizeof(names) - n, ", ...");
			break;
		}
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", next);
	}
	if (!n)
		return error_set(err, -ENOENT, "no interface \"%.64s\"; none is sampled", name);
	return error_set(err, -ENOENT, "no interface \"%.64s\"; there are: %s", name, names);
}

/**
 * catalog_find() - the interface that a client names
 * @catalog: the catalog
 * @name: an interface's name, or its key
 * @ret_feed: the feed, good until the next refresh
 * @err: which there are
 *
 * Where several have the name, it means the one of this process's network namespace.
 *
 * Return: 0, -ENOENT, or -ENOTUNIQ where only a key can tell.
 */
int catalog_find(struct catalog *catalog, const char *name, struct feed **ret_feed,
		 struct error *err)
{
	struct feed *by_key = find_key(catalog, name), *best = by_key, *rival = NULL;
	uint64_t own_netns = pins_netns_inode();

	for (size_t i = 0; i < catalog->n && !by_key; i++) {
		struct feed *feed = catalog->feed[i];

		if (strcmp(feed->name, name) != 0)
			continue;
		if (!best || fitness(feed, own_netns) > fitness(best, own_netns))
			best = feed, rival = NULL;
		else if (fitness(feed, own_netns) == fitness(best, own_netns))
			rival = feed;
	}
	if (!best)
		return none_of_that_name(catalog, name, err);
	if (rival)
		return error_set(err, -ENOTUNIQ,
				 "several namespaces have an interface \"%.64s\"; their ids are: "
				 "%s, %s",
				 name, best->key, rival->key);
	*ret_feed = best;
	return 0;
}

/**
 * catalog_open() - follow all interfaces
 * @pin_dir: folder of all pins; need not exist yet
 * @state_dir: folder of all histories; need not exist yet
 * @ret_catalog: to be closed with catalog_close(); empty before catalog_refresh()
 * @err: why not
 *
 * Return: 0 or -ENOMEM.
 */
int catalog_open(const char *pin_dir, const char *state_dir, struct catalog **ret_catalog,
		 struct error *err)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));

	if (catalog)
		catalog->state = calloc(1, sizeof(*catalog->state));
	if (catalog && catalog->state) {
		catalog->state->pin_dir = strdup(pin_dir);
		catalog->state->state_dir = strdup(state_dir);
	}
	if (!catalog || !catalog->state || !catalog->state->pin_dir || !catalog->state->state_dir) {
		catalog_close(catalog);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_catalog = catalog;
	return 0;
}

/** catalog_close() - forget all interfaces; NULL is none */
void catalog_close(struct catalog *catalog)
{
	if (!catalog)
		return;
	for (size_t i = 0; i < catalog->n; i++)
		feed_close(catalog->feed[i]);
	peak_forget(&catalog->peak);
	if (catalog->state) {
		free(catalog->state->pin_dir);
		free(catalog->state->state_dir);
	}
	free(catalog->state);
	free(catalog);
}
