// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the endpoints share: selecting interfaces, and the members that several answers have.
 *
 * Functions that set members return 0, or -1 without memory, as jansson's do: a chain of them with
 * || stops at the first failure, and the caller then gives the whole object up.
 */
#include "http/feed-json.h"

#include "model/snapshot-json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define JSON_MAX_INTEGER ((double)(1LL << 62))

/* ---- which interfaces ---- */

/**
 * select_one() - the interface that a request names
 * @context: of the request
 * @name: its name or key
 * @ret_feed: the feed
 * @err: which there are
 *
 * Return: 200, 404, or 400 where the name is not enough to tell.
 */
unsigned int select_one(const struct endpoint_context *context, const char *name,
			struct feed **ret_feed, struct error *err)
{
	int r = catalog_find(context->catalog, name, ret_feed, err);

	if (!r)
		return 200;
	return r == -ENOENT ? 404 : 400;
}

/* Attached, and its counters cannot be read. */
static bool is_missing(const struct feed *feed)
{
	return feed->attached && feed->source == FEED_NOTHING;
}

static unsigned int why_not_counted(const struct feed *feed, struct error *err)
{
	json_t *end;

	if (is_missing(feed)) {
		error_set(err, -EIO, "%s: %s", feed->name, feed->trouble.text);
		return 503;
	}
	if (feed->source != FEED_PAST) {
		error_set(err, -ENODEV, "%s is not attached", feed->name);
		return 503;
	}
	end = timestamp_json(feed->newest.realtime_ns);
	error_set(err, -ENODEV, "%s is not attached; its history ends at %s", feed->name,
		  json_is_string(end) ? json_string_value(end) : "an unknown time");
	json_decref(end);
	return 503;
}

static unsigned int why_none(const struct catalog *catalog, struct error *err)
{
	for (size_t i = 0; i < catalog->n; i++) {
		if (!is_missing(catalog->feed[i]))
			continue;
		error_set(err, -EIO, "no interface can be read: %s: %s", catalog->feed[i]->name,
			  catalog->feed[i]->trouble.text);
		return 503;
	}
	if (catalog->trouble.text[0])
		error_set(err, -EIO, "%s", catalog->trouble.text);
	else
		error_set(err, -ENODEV, "no interface is sampled");
	return 503;
}

static unsigned int select_counted(const struct endpoint_context *context,
				   const struct query *query, struct selection *ret_selection,
				   struct error *err)
{
	const char *name = query_get(query, "interface");
	struct feed *feed = NULL;
	unsigned int status;

	ret_selection->named = NULL;
	ret_selection->n = 0;
	if (name) {
		status = select_one(context, name, &feed, err);
		if (status != 200)
			return status;
		if (!feed_is_counted(feed))
			return why_not_counted(feed, err);
		ret_selection->named = feed;
		ret_selection->feed[ret_selection->n++] = feed;
		return 200;
	}
	for (size_t i = 0; i < context->catalog->n; i++) {
		if (feed_is_counted(context->catalog->feed[i]))
			ret_selection->feed[ret_selection->n++] = context->catalog->feed[i];
	}
	return ret_selection->n ? 200 : why_none(context->catalog, err);
}

/**
 * answer_counted() - answer a request about the interfaces whose counters can be read
 * @context: of the request
 * @query: its "interface", or all
 * @make: the answer for at least one interface; NULL without memory
 * @ret_body: a new object
 * @err: why there is none
 *
 * Return: 200; 404 for an unknown interface, 400 for an ambiguous one, 503 where no counters can be
 * read; 500 without memory.
 */
unsigned int answer_counted(const struct endpoint_context *context, const struct query *query,
			    json_t *(*make)(const struct endpoint_context *context,
					    const struct selection *selection),
			    json_t **ret_body, struct error *err)
{
	struct selection selection;
	unsigned int status = select_counted(context, query, &selection, err);
	json_t *json;

	if (status != 200)
		return status;
	json = make(context, &selection);
	if (!json) {
		error_set(err, 0, "out of memory");
		return 500;
	}
	*ret_body = json;
	return 200;
}

/** version_of_all() - Return: another one whenever anything of any interface changes */
uint64_t version_of_all(const struct endpoint_context *context, const struct query *query)
{
	(void)query;
	return context->catalog->version;
}

/**
 * is_shown() - whether an interface is worth an entry: a folder without pins may be a stranger's
 * @feed: the feed
 *
 * Return: true where it is attached, has a history, or something is wrong with either.
 */
bool is_shown(const struct feed *feed)
{
	return feed->attached || feed->history || feed->trouble.text[0];
}

/* ---- members ---- */

/** json_set() - set a member; @value is taken over. Return: 0, or -1 without memory */
int json_set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

/** json_set_u64() - set an integer; JSON has none above 2^63, and no counter comes so far */
int json_set_u64(json_t *object, const char *name, uint64_t value)
{
	return json_set(object, name, json_integer((json_int_t)value));
}

/** json_set_rounded() - set an integer by a real value, for clients that read integers */
int json_set_rounded(json_t *object, const char *name, double value)
{
	double bounded = value > JSON_MAX_INTEGER ? JSON_MAX_INTEGER : value;

	return json_set(object, name, json_integer(llround(bounded)));
}

/** reason_json() - Return: a new string, or null where there is no reason to tell */
json_t *reason_json(const struct error *reason)
{
	return reason->text[0] ? text_json(reason->text, sizeof(reason->text)) : json_null();
}

static json_t *name_json(const struct feed *feed)
{
	return text_json(feed->name, sizeof(feed->name));
}

/**
 * names_json_if() - names of interfaces
 * @selection: what the answer adds up
 * @is_meant: says of which; NULL: of all
 *
 * Return: a new array, or NULL without memory.
 */
json_t *names_json_if(const struct selection *selection, bool (*is_meant)(const struct feed *feed))
{
	json_t *names = json_array();
	int r = names ? 0 : -1;

	for (size_t i = 0; !r && i < selection->n; i++) {
		if (!is_meant || is_meant(selection->feed[i]))
			r = json_array_append_new(names, name_json(selection->feed[i]));
	}
	if (!r)
		return names;
	json_decref(names);
	return NULL;
}

static bool is_without_tx(const struct feed *feed)
{
	return !sample_counts(&feed->newest, SAMPLER_TX);
}

/** without_tx_json() - Return: names of those that do not count what they transmit, or NULL without memory */
json_t *without_tx_json(const struct selection *selection)
{
	return names_json_if(selection, is_without_tx);
}

/** all_count() - Return: whether each interface of a selection counts a direction, so that a sum is of all */
bool all_count(const struct selection *selection, enum sampler_direction direction)
{
	for (size_t i = 0; i < selection->n; i++) {
		if (!sample_counts(&selection->feed[i]->newest, direction))
			return false;
	}
	return true;
}

static json_t *missing_json(const struct endpoint_context *context,
			    const struct selection *selection)
{
	json_t *missing = json_array();
	int r = missing ? 0 : -1;

	for (size_t i = 0; !r && !selection->named && i < context->catalog->n; i++) {
		const struct feed *feed = context->catalog->feed[i];

		if (is_missing(feed))
			r = json_array_append_new(missing, json_pack("{s:o, s:o}", "interface",
								     name_json(feed), "reason",
								     reason_json(&feed->trouble)));
	}
	if (!r)
		return missing;
	json_decref(missing);
	return NULL;
}

/**
 * set_selection() - "schema", "interface", "interfaces", "missing"
 * @json: gets them
 * @context: of the request
 * @selection: what the answer adds up
 *
 * Return: 0, or -1 without memory.
 */
int set_selection(json_t *json, const struct endpoint_context *context,
		  const struct selection *selection)
{
	return json_set_u64(json, "schema", API_SCHEMA) ||
	       json_set(json, "interface",
			selection->named ? name_json(selection->named) : json_null()) ||
	       json_set(json, "interfaces", names_json_if(selection, NULL)) ||
	       json_set(json, "missing", missing_json(context, selection));
}

/** newest_realtime_ns() - Return: wall-clock time of the newest sample of them all */
uint64_t newest_realtime_ns(const struct selection *selection)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < selection->n; i++) {
		if (selection->feed[i]->newest.realtime_ns > newest)
			newest = selection->feed[i]->newest.realtime_ns;
	}
	return newest;
}

/**
 * set_staleness() - "stale", "stale_reason": of the first interface without a recorder
 * @json: gets them
 * @selection: what the answer adds up
 *
 * Return: 0, or -1 without memory.
 */
int set_staleness(json_t *json, const struct selection *selection)
{
	const struct feed *stale = NULL;
	struct error reason = { "" };

	for (size_t i = 0; !stale && i < selection->n; i++) {
		if (feed_is_stale(selection->feed[i]))
			stale = selection->feed[i];
	}
	if (stale && selection->named)
		reason = stale->stale;
	else if (stale)
		error_set(&reason, 0, "%s: %.400s", stale->name, stale->stale.text);
	return json_set(json, "stale", json_boolean(stale)) ||
	       json_set(json, "stale_reason", reason_json(&reason));
}

/* ---- health ---- */

/* Only the last may be that of an interface that is not attached. */
const char *const feed_states[] = { "ok", "stale", "degraded", "unreadable", "detached", NULL };

static void judge_link(const struct feed *feed, int link_fd, struct feed_health *health)
{
	int r = link_fd < 0 ? -EBADF : link_query_index(link_fd, feed->meta.ifindex, &health->link);

	health->has_link = !r;
	if (r == -ENODEV) {
		health->state = "degraded";
		error_set(&health->reason, r, "the interface is gone");
	} else if (!r && !health->link.xdp_prog_id) {
		health->state = "degraded";
		error_set(&health->reason, 0,
			  "no XDP program is on the interface: frames pass by uncounted");
	}
}

/**
 * judge_feed() - how an interface is
 * @feed: the feed
 * @link_fd: socket of link_socket(), or a negative number: then the link is not looked at
 * @ret_health: filled; what the link is where it is of our namespace
 */
void judge_feed(const struct feed *feed, int link_fd, struct feed_health *ret_health)
{
	struct feed_health *health = ret_health;

	*health = (struct feed_health){ .state = "ok" };
	if (feed->pinned && feed->meta.netns_inode == pins_netns_inode())
		judge_link(feed, link_fd, health);
	if (is_missing(feed)) {
		health->state = "unreadable";
		health->reason = feed->trouble;
	} else if (!feed->attached) {
		health->state = feed->trouble.text[0] ? "unreadable" : "detached";
		health->reason = feed->trouble.text[0] ? feed->trouble : feed->stale;
	} else if (health->reason.text[0]) {
		return; /* the link says it */
	} else if (feed->newest.flags & SAMPLE_DEGRADED) {
		health->state = "degraded";
		error_set(&health->reason, 0,
			  "samplerd saw frames pass by uncounted; its log says why");
	} else if (feed_is_stale(feed)) {
		health->state = "stale";
		health->reason = feed->stale;
	}
}
