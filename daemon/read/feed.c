// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * One sampled interface, followed from request to request.
 *
 * A refresh is called for each request and costs nothing while nothing can be new. A recorder's
 * ticks are at multiples of its interval, which each record says, so the newest one announces the next;
 * from then on it is looked for every 10 ms until it is there. Pins and everything else are looked at
 * then, too, and at least once a second.
 *
 * A recorder is taken to be at work while its newest record is of this boot and of the counters that
 * the pins hold, and not older than two intervals and a second. An interval that was changed is said by
 * the record that the recorder makes at once. Otherwise the pinned counters are read instead, at most
 * once a second, and each read is compared with the one before, the first with the newest record of the
 * same counters.
 *
 * What is wrong with pins or file is logged in full once, with its path; the feed, which clients get
 * to see, says it without. The feed owns its reader; nothing else stays open between two looks.
 */
#include "read/feed.h"

#include "kernel/attach-tx.h"
#include "kernel/counters-map.h"
#include "kernel/link.h"
#include "kernel/services-map.h"
#include "model/service.h"
#include "read/trouble.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define TICK_SLACK_NS	(5 * NSEC_PER_MSEC)  /* a record is there by then */
#define RETRY_NS	(10 * NSEC_PER_MSEC) /* until an announced record is there */
#define LOOK_NS		NSEC_PER_SEC	     /* everything else */
#define MIN_SPACING_NS	(50 * NSEC_PER_MSEC) /* half the shortest interval */
#define MAX_INTERVAL_NS (60 * NSEC_PER_SEC)  /* the longest interval */
#define TRIES		16		     /* records back from the newest */

/* The newest records of the history. */
struct recorded {
	bool known; /* newest holds */
	uint64_t head;
	uint64_t number;
	struct sample newest;
	struct history_epoch epoch; /* of newest */
	bool has_delta;
	struct delta delta;
};

struct feed_state {
	char *pin_dir;
	char *state_dir;
	struct pins pins;
	uint8_t boot_id[BOOT_ID_SIZE];
	uint64_t look_ns;     /* nothing is looked at before */
	uint64_t open_ns;     /* no history is tried before */
	uint64_t counters_ns; /* the counters are not read before */
	uint64_t counters_id; /* of the counters that newest was read from */
	struct trouble pins_trouble;
	struct trouble history_trouble;
	struct recorded recorded;
};

static void forget(struct error *err)
{
	*err = (struct error){ "" };
}

static void pins_are_trouble(struct feed *feed, int code, const struct error *full)
{
	struct feed_state *s = feed->state;
	char path[512];
	const struct trouble_place place = { feed->key, s->pin_dir, path };

	snprintf(path, sizeof(path), "%s/%s", s->pins.dir, SAMPLER_MAP_META);
	trouble_pins(&s->pins_trouble, &place, code, full);
}

static void history_is_trouble(struct feed *feed, int code, const struct error *full)
{
	struct feed_state *s = feed->state;
	char path[512];
	const struct trouble_place place = { feed->key, s->state_dir, path };

	snprintf(path, sizeof(path), "%s/%s.hist", s->state_dir, feed->key);
	trouble_history(&s->history_trouble, &place, code, full);
}

/* ---- pins ---- */

static void look_at_pins(struct feed *feed)
{
	struct feed_state *s = feed->state;
	struct error err = { "" };
	int r = pins_read_meta(&s->pins, &feed->meta, &err);

	feed->pinned = !r;
	feed->attached = r != -ENOENT && r != -ENOTDIR;
	if (r)
		memset(&feed->meta, 0, sizeof(feed->meta));
	forget(&s->pins_trouble.said);
	if (r && feed->attached)
		pins_are_trouble(feed, r, &err);
}

/* ---- history ---- */

static void close_history(struct feed *feed)
{
	history_close_reader(feed->history);
	feed->history = NULL;
	memset(&feed->state->recorded, 0, sizeof(feed->state->recorded));
}

static void open_history(struct feed *feed, uint64_t now)
{
	struct feed_state *s = feed->state;
	struct error err = { "" };
	int r;

	if (now < s->open_ns)
		return;
	s->open_ns = now + LOOK_NS;
	forget(&s->history_trouble.said);
	r = history_open_reader(s->state_dir, feed->key, &feed->history, &err);
	if (r && r != -ENOENT)
		history_is_trouble(feed, r, &err);
}

/* The newest record and the one before it that is far enough away to give a rate. */
static void read_newest(const struct feed *feed, uint64_t head, struct recorded *ret_recorded)
{
	uint64_t capacity = history_reader_info(feed->history)->ring[HISTORY_FINE].capacity;
	uint64_t oldest = history_oldest(head, capacity);
	struct recorded *recorded = ret_recorded;
	struct sample sample;

	*recorded = (struct recorded){ .head = head };
	for (uint64_t n = head, tries = 0; n-- > oldest && tries < TRIES; tries++) {
		if (history_read(feed->history, HISTORY_FINE, n, &sample))
			continue;
		if (!recorded->known) {
			recorded->known = true;
			recorded->newest = sample;
			recorded->number = n;
			continue;
		}
		if (rates_between(&sample, &recorded->newest, &recorded->delta))
			return;
		recorded->has_delta = recorded->delta.interval_ns >= MIN_SPACING_NS;
		if (recorded->has_delta)
			return;
	}
}

static int look_at_records(struct feed *feed)
{
	struct recorded *recorded = &feed->state->recorded;
	struct recorded found;
	uint64_t head;
	int r = history_reader_head(feed->history, HISTORY_FINE, &head);

	if (r || (recorded->known && recorded->head == head))
		return r;
	read_newest(feed, head, &found);
	if (found.known)
		r = history_reader_epoch(feed->history, found.newest.epoch, &found.epoch);
	if (!r)
		*recorded = found;
	return r;
}

static void look_at_history(struct feed *feed, uint64_t now)
{
	struct feed_state *s = feed->state;
	struct error full = { "" };
	int r;

	if (feed->history && history_reader_superseded(feed->history)) {
		close_history(feed);
		s->open_ns = 0;
	}
	if (!feed->history)
		open_history(feed, now);
	if (!feed->history)
		return;
	r = look_at_records(feed);
	if (!r)
		return;
	error_set(&full, r, "cannot read the history: %s", strerror(-r));
	history_is_trouble(feed, r, &full);
	close_history(feed);
	s->open_ns = now + LOOK_NS;
}

/* ---- which of them counts ---- */

static bool of_this_boot(const struct feed_state *s)
{
	return s->recorded.known &&
	       !memcmp(s->recorded.epoch.source.boot_id, s->boot_id, sizeof(s->boot_id));
}

static bool of_these_counters(const struct feed *feed)
{
	const struct history_source *source = &feed->state->recorded.epoch.source;

	return of_this_boot(feed->state) && source->counters_id == feed->meta.epoch &&
	       source->ifindex == feed->meta.ifindex;
}

static uint64_t at_most(uint64_t value, uint64_t max)
{
	return value < max ? value : max;
}

/**
 * feed_interval_ns() - at what interval its recorder takes samples, or took them
 * @feed: with a history
 *
 * Return: what the newest record says, which is right also when it has just been changed, or the
 * file's nominal one.
 */
uint64_t feed_interval_ns(const struct feed *feed)
{
	uint64_t nominal = history_reader_info(feed->history)->ring[HISTORY_FINE].step_ns;

	return at_most(sample_interval_ns(&feed->state->recorded.newest) ?: nominal,
		       MAX_INTERVAL_NS);
}

/* Why no recorder is at work, as far as its records tell; "" where one is. */
static void judge_recorder(struct feed *feed, uint64_t now)
{
	const struct feed_state *s = feed->state;
	uint64_t newest = s->recorded.newest.boottime_ns, patience;

	forget(&feed->stale);
	if (!feed->attached) {
		error_set(&feed->stale, 0, "it is not attached");
	} else if (!feed->history) {
		error_set(&feed->stale, 0, "%s",
			  s->history_trouble.said.text[0] ? s->history_trouble.said.text
							  : "nothing has been recorded yet");
	} else if (!s->recorded.known) {
		error_set(&feed->stale, 0, "nothing has been recorded yet");
	} else if (!of_this_boot(s)) {
		error_set(&feed->stale, 0, "nothing has been recorded since this machine started");
	} else if (feed->pinned && !of_these_counters(feed)) {
		error_set(&feed->stale, 0,
			  "nothing has been recorded of the counters that are "
			  "attached now");
	} else {
		patience = 2 * feed_interval_ns(feed) + NSEC_PER_SEC;
		if (now > newest + patience || newest > now + patience)
			error_set(&feed->stale, 0,
				  "no sample has been recorded for more than %.3g s: is samplerd "
				  "at work?",
				  (double)patience / (double)NSEC_PER_SEC);
	}
}

static void use_nothing(struct feed *feed)
{
	feed->source = FEED_NOTHING;
	memset(&feed->newest, 0, sizeof(feed->newest));
	memset(&feed->delta, 0, sizeof(feed->delta));
	memset(feed->services, 0, sizeof(feed->services));
	feed->has_delta = false;
	feed->record = 0;
}

static bool is_taken(const struct feed *feed, size_t slot)
{
	for (size_t before = 0; before < slot; before++)
		if (!strcmp(feed->services[before], feed->services[slot]))
			return true;
	return false;
}

/* Both the pins' names and the file's may be any bytes. What is no name, or one a second time, names no service. */
static void use_services(struct feed *feed, const char (*services)[SAMPLER_NAME_MAX])
{
	memcpy(feed->services, services, sizeof(feed->services));
	for (size_t slot = 0; slot < SAMPLER_MAX_SERVICES; slot++) {
		feed->services[slot][SAMPLER_NAME_MAX - 1] = 0;
		if (!service_name_valid(feed->services[slot]) || is_taken(feed, slot))
			feed->services[slot][0] = 0;
	}
}

static void use_records(struct feed *feed, enum feed_source source)
{
	const struct recorded *recorded = &feed->state->recorded;
	const char(*names)[SAMPLER_NAME_MAX] = recorded->epoch.source.services.name;

	feed->source = source;
	feed->newest = recorded->newest;
	feed->has_delta = recorded->has_delta;
	feed->delta = recorded->delta;
	feed->record = recorded->number;
	use_services(feed, feed->pinned && !names[0][0] ? feed->meta.service : names);
}

/* What a read of the counters is compared with: the read before, else the newest record. */
static const struct sample *older_sample(const struct feed *feed)
{
	const struct feed_state *s = feed->state;

	if (feed->source == FEED_COUNTERS && s->counters_id == feed->meta.epoch)
		return &feed->newest;
	return of_these_counters(feed) ? &s->recorded.newest : NULL;
}

static int read_counters(struct feed *feed, struct sample *ret_sample, struct error *err)
{
	struct counters_map map;
	struct sample sample;
	int r = counters_map_open(&map, &feed->state->pins, err);

	if (r)
		return r;
	r = counters_map_read(&map, &sample);
	counters_map_close(&map);
	if (r)
		return error_set(err, r, "cannot read the counters: %s", strerror(-r));
	if (feed->meta.netns_inode == pins_netns_inode() && link_vlan_stripped(feed->name))
		sample.flags |= SAMPLE_VLAN_STRIPPED;
	if (tx_counts(&feed->meta))
		sample.flags |= SAMPLE_TX;
	*ret_sample = sample;
	return 0;
}

static void use_counters(struct feed *feed, uint64_t now)
{
	struct feed_state *s = feed->state;
	const struct sample *older = older_sample(feed);
	struct sample sample, before;
	struct error err = { "" };
	int r;

	if (feed->source == FEED_COUNTERS && older == &feed->newest && now < s->counters_ns)
		return;
	s->counters_ns = now + LOOK_NS;
	r = read_counters(feed, &sample, &err);
	if (r) {
		pins_are_trouble(feed, r, &err);
		use_nothing(feed);
		return;
	}
	if (older) {
		before = *older;
		sample.epoch = before.epoch;
		rates_carry_peak(&before, &sample, MIN_SPACING_NS);
	}
	memset(&feed->delta, 0, sizeof(feed->delta));
	/* Where nobody has asked for long, the mean since then is not what goes on now. */
	feed->has_delta = older && sample.boottime_ns - before.boottime_ns <= MAX_INTERVAL_NS &&
			  !rates_between(&before, &sample, &feed->delta);
	feed->source = FEED_COUNTERS;
	feed->newest = sample;
	feed->record = 0;
	s->counters_id = feed->meta.epoch;
	use_services(feed, feed->meta.service);
}

static void choose_source(struct feed *feed, uint64_t now)
{
	if (feed->attached && !feed->pinned)
		use_nothing(feed);
	else if (feed->pinned && !feed_is_stale(feed))
		use_records(feed, FEED_RECORDS);
	else if (feed->pinned)
		use_counters(feed, now);
	else if (feed->state->recorded.known)
		use_records(feed, FEED_PAST);
	else
		use_nothing(feed);
}

/* ---- when to look again ---- */

static uint64_t next_look(const struct feed *feed, uint64_t now)
{
	uint64_t interval, announced;

	if (feed->source != FEED_RECORDS)
		return now + LOOK_NS;
	interval = feed_interval_ns(feed);
	announced = (feed->newest.boottime_ns / interval + 1) * interval + TICK_SLACK_NS;
	if (announced < now + RETRY_NS)
		return now + RETRY_NS;
	return at_most(announced, now + LOOK_NS);
}

/**
 * feed_refresh() - see what is new
 * @feed: the feed; its version changes where anything of it does
 * @boottime_ns: CLOCK_BOOTTIME now
 *
 * Call it for each request: it looks at nothing before something can be new.
 */
void feed_refresh(struct feed *feed, uint64_t boottime_ns)
{
	struct feed_state *s = feed->state;
	struct feed before;

	if (boottime_ns < s->look_ns)
		return;
	before = *feed;
	look_at_pins(feed);
	look_at_history(feed, boottime_ns);
	judge_recorder(feed, boottime_ns);
	choose_source(feed, boottime_ns);
	feed->trouble =
		trouble_is_over(&s->pins_trouble) ? s->history_trouble.said : s->pins_trouble.said;
	(void)trouble_is_over(&s->history_trouble);
	feed->recorded_boottime_ns = of_this_boot(s) ? s->recorded.newest.boottime_ns : 0;
	s->look_ns = next_look(feed, boottime_ns);
	if (memcmp(&before, feed, sizeof(before)) != 0)
		feed->version++;
}

/** feed_due_ns() - Return: CLOCK_BOOTTIME before which feed_refresh() finds nothing new */
uint64_t feed_due_ns(const struct feed *feed)
{
	return feed->state->look_ns;
}

/**
 * feed_open() - follow an interface
 * @pin_dir: folder of all pins
 * @state_dir: folder of all histories
 * @key: of the interface, neither pinned nor recorded as yet perhaps
 * @ret_feed: to be closed with feed_close(); it knows nothing before feed_refresh()
 * @err: why not
 *
 * Return: 0, -EINVAL for what is no key, -ENAMETOOLONG, or -ENOMEM.
 */
int feed_open(const char *pin_dir, const char *state_dir, const char *key, struct feed **ret_feed,
	      struct error *err)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	struct feed_state *s = calloc(1, sizeof(*s));
	uint64_t netns;
	int r = 0;

	if (!feed || !s || !(s->pin_dir = strdup(pin_dir)) || !(s->state_dir = strdup(state_dir)))
		r = error_set(err, -ENOMEM, "out of memory");
	else if (key_parse(key, feed->name,
			   &netns)) /* not from pins or file, of which two may say the same */
		r = error_set(err, -EINVAL, "\"%.64s\" is not the key of an interface", key);
	else if (snprintf(s->pins.dir, sizeof(s->pins.dir), "%s/%s", pin_dir, key) >=
		 (int)sizeof(s->pins.dir))
		r = error_set(err, -ENAMETOOLONG, "%s: path of pins too long", pin_dir);
	if (feed)
		feed->state = s;
	if (r) {
		if (!feed)
			free(s);
		feed_close(feed);
		return r;
	}
	strcpy(s->pins.key, key);
	strcpy(feed->key, key);
	(void)clock_boot_id(s->boot_id); /* unknown: no record counts as of this boot */
	*ret_feed = feed;
	return 0;
}

/** feed_close() - forget an interface; NULL is none */
void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	history_close_reader(feed->history);
	if (feed->state) {
		free(feed->state->pin_dir);
		free(feed->state->state_dir);
	}
	free(feed->state);
	free(feed);
}

/**
 * feed_read_ports() - which ports its services have, of the counters that are attached now
 * @feed: with pins
 * @ret_table: slot + 1 of each port
 *
 * Return: 0 or negative errno.
 */
int feed_read_ports(const struct feed *feed, struct sampler_port_table *ret_table)
{
	if (!feed->pinned || !feed->state)
		return -ENOENT;
	return services_read_ports(&feed->state->pins, ret_table);
}
