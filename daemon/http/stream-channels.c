// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A channel is an interface's newest event. An event is made when a record is new, or, while no recorder
 * is at work, when the counters were read anew; clients tell by its number whether they have it.
 */
#include "http/stream-channels.h"

#include "http/stream-event.h"

#include <string.h>

/** find_feed() - Return: the feed with that key, or NULL */
struct feed *find_feed(const struct catalog *catalog, const char *key)
{
	for (size_t i = 0; i < catalog->n; i++) {
		if (!strcmp(catalog->feed[i]->key, key))
			return catalog->feed[i];
	}
	return NULL;
}

/* Return: its place, n where it has none. */
static size_t find(const struct channels *channels, const char *key)
{
	size_t i = 0;

	while (i < channels->n && strcmp(channels->channel[i].key, key) != 0)
		i++;
	return i;
}

static void drop(struct channels *channels, size_t i)
{
	answer_release(channels->channel[i].event);
	channels->channel[i] = channels->channel[--channels->n];
}

static bool is_same(const struct channel *channel, const struct feed *feed)
{
	bool of_record = feed->source == FEED_RECORDS;

	return channel->version == feed->version ||
	       (of_record && channel->of_record && channel->record == feed->record);
}

static void update(struct channels *channels, const struct endpoint_context *context,
		   const struct feed *feed)
{
	const size_t place = find(channels, feed->key);
	struct channel *channel = &channels->channel[place];
	const bool is_new = place == channels->n;
	struct answer *event;

	if (!is_new && is_same(channel, feed))
		return;
	event = stream_event_now(context, feed);
	if (!event)
		return; /* without memory: at the next tick perhaps */
	if (is_new)
		channels->n++;
	else
		answer_release(channel->event);
	*channel = (struct channel){ .version = feed->version,
				     .record = feed->record,
				     .of_record = feed->source == FEED_RECORDS,
				     .number = ++channels->number,
				     .event = event };
	strcpy(channel->key, feed->key);
}

/**
 * channels_update() - make events of what is new
 * @channels: all zeros at first
 * @context: of now; its catalog has just been refreshed
 */
void channels_update(struct channels *channels, const struct endpoint_context *context)
{
	const struct catalog *catalog = context->catalog;

	for (size_t i = channels->n; i--;) {
		const struct feed *feed = find_feed(catalog, channels->channel[i].key);

		if (!feed || !feed_is_counted(feed))
			drop(channels, i);
	}
	for (size_t i = 0; i < catalog->n; i++) {
		if (feed_is_counted(catalog->feed[i]))
			update(channels, context, catalog->feed[i]);
	}
}

/** channels_find() - Return: the channel of an interface by its key, or NULL */
const struct channel *channels_find(const struct channels *channels, const char *key)
{
	const size_t place = find(channels, key);

	return place == channels->n ? NULL : &channels->channel[place];
}

/**
 * channels_next() - the earliest event that a client does not have yet
 * @channels: the channels
 * @key: of the interface that it wants, "": all
 * @has: number up to which it has all
 *
 * Return: its channel, or NULL.
 */
const struct channel *channels_next(const struct channels *channels, const char *key, uint64_t has)
{
	const struct channel *found = NULL;

	for (size_t i = 0; i < channels->n; i++) {
		const struct channel *channel = &channels->channel[i];

		if (channel->number > has && (!*key || !strcmp(channel->key, key)) &&
		    (!found || channel->number < found->number))
			found = channel;
	}
	return found;
}

/** channels_free() - let go of all events */
void channels_free(struct channels *channels)
{
	while (channels->n)
		drop(channels, 0);
}
