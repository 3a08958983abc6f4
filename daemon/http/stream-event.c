// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What /api/stream tells: for each record of an interface the object that realtime has, under an id that
 * names the record. So a client that was away can be told from the history what it has missed.
 *
 * While no recorder is at work the counters themselves are told, without an id: nobody can ask for those
 * again.
 */
#include "http/stream-event.h"

#include "http/endpoints.h"
#include "http/feed-json.h"
#include "http/json-text.h"
#include "model/snapshot-json.h"
#include "util/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 48

/**
 * stream_id_parse() - read what a client sends as its Last-Event-ID
 * @text: "<epoch>-<record>", not NUL-terminated
 * @len: bytes at @text
 * @ret_id: the record that it has had
 *
 * Return: 0 or -EINVAL.
 */
int stream_id_parse(const char *text, size_t len, struct stream_id *ret_id)
{
	struct stream_id id;
	char copy[ID_MAX], *record;

	if (len >= sizeof(copy) || memchr(text, 0, len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = 0;
	record = strchr(copy, '-');
	if (!record)
		return -EINVAL;
	*record++ = 0;
	if (parse_u64(copy, 0, UINT64_MAX, &id.counters_id) ||
	    parse_u64(record, 0, (1ULL << 62) - 1, &id.record))
		return -EINVAL;
	*ret_id = id;
	return 0;
}

/* ---- events ---- */

/* Takes json over. Return: the event, or NULL without memory. */
static struct answer *make_event(const char *head, json_t *json)
{
	size_t n;
	char *data = json ? json_text(json, &n) : NULL, *text = NULL;
	int len = data ? asprintf(&text, "%sdata: %s\n\n", head, data) : -1;

	json_decref(json);
	free(data);
	return len < 0 ? NULL : answer_new(STREAM_TYPE, text, (size_t)len);
}

static json_t *object_of(const struct endpoint_context *context, const struct feed *feed)
{
	const struct selection selection = { .named = feed, .n = 1, .feed = { feed } };

	return realtime_object(context, &selection);
}

/**
 * stream_event_now() - an event of what a feed has now
 * @context: of now
 * @feed: a feed with counters
 *
 * Return: the event with one reference, or NULL without memory.
 */
struct answer *stream_event_now(const struct endpoint_context *context, const struct feed *feed)
{
	char head[ID_MAX + sizeof("id: \n")] = "";

	if (feed->source == FEED_RECORDS)
		snprintf(head, sizeof(head), "id: %" PRIu64 "-%" PRIu64 "\n",
			 (uint64_t)feed->meta.epoch, feed->record);
	return make_event(head, object_of(context, feed));
}

/* The feed as it was when that record was its newest. */
static int feed_at(const struct feed *feed, uint64_t number, struct feed *ret_then,
		   uint64_t *ret_counters_id)
{
	struct history_epoch epoch;
	struct sample before;
	int r = history_read(feed->history, HISTORY_FINE, number, &ret_then->newest)
			?: history_reader_epoch(feed->history, ret_then->newest.epoch, &epoch);

	if (r)
		return r;
	ret_then->source = FEED_RECORDS;
	ret_then->stale = (struct error){ "" };
	ret_then->record = number;
	ret_then->has_delta = number &&
			      !history_read(feed->history, HISTORY_FINE, number - 1, &before) &&
			      before.epoch == ret_then->newest.epoch &&
			      !rates_between(&before, &ret_then->newest, &ret_then->delta);
	memcpy(ret_then->services, epoch.source.services.name, sizeof(ret_then->services));
	*ret_counters_id = epoch.source.counters_id;
	return 0;
}

/**
 * stream_event_of_record() - the event that a record once was
 * @context: of now
 * @feed: with a history
 * @number: of a fine record
 *
 * Return: the event with one reference; NULL where there is no such record (any more), or no memory.
 */
struct answer *stream_event_of_record(const struct endpoint_context *context,
				      const struct feed *feed, uint64_t number)
{
	struct feed then = *feed;
	uint64_t counters_id;
	char head[ID_MAX + sizeof("id: \n")];

	if (feed_at(feed, number, &then, &counters_id))
		return NULL;
	snprintf(head, sizeof(head), "id: %" PRIu64 "-%" PRIu64 "\n", counters_id, number);
	return make_event(head, object_of(context, &then));
}

/**
 * stream_event_gap() - the event that says that there were records which cannot be told any more
 * @feed: of which interface
 * @oldest: number of the first record that can be told, as stream_oldest()
 *
 * Return: the event with one reference, or NULL without memory.
 */
struct answer *stream_event_gap(const struct feed *feed, uint64_t oldest)
{
	struct history_epoch epoch;
	struct sample sample;
	json_t *resumes = NULL;

	if (feed->history && !history_read(feed->history, HISTORY_FINE, oldest, &sample) &&
	    !history_reader_epoch(feed->history, sample.epoch, &epoch))
		resumes = timestamp_json(history_wall_ns(epoch.offset_ns, sample.boottime_ns));
	return make_event("event: gap\n",
			  json_pack("{s:o, s:s, s:o}", "interface",
				    text_json(feed->name, sizeof(feed->name)), "id", feed->key,
				    "resumes_at", resumes ?: json_null()));
}

/* ---- positions ---- */

/** stream_oldest() - Return: number of the oldest record that the fine ring can have, 0 without one */
uint64_t stream_oldest(const struct feed *feed)
{
	uint64_t head = 0;

	if (!feed->history || history_reader_head(feed->history, HISTORY_FINE, &head))
		return 0;
	return history_oldest(head,
			      history_reader_info(feed->history)->ring[HISTORY_FINE].capacity);
}

/**
 * stream_position() - where a client goes on that has had an event
 * @feed: whose
 * @id: of that event
 * @ret_next: number of the record behind it; with -ESTALE the oldest there is
 * @ret_boottime_ns: when the event's record was taken
 *
 * Return: 0; -ESTALE where the history does not reach back so far; -ENOENT where the event was not
 * this feed's, or its history is another one by now.
 */
int stream_position(const struct feed *feed, const struct stream_id *id, uint64_t *ret_next,
		    uint64_t *ret_boottime_ns)
{
	struct history_epoch epoch;
	struct sample sample;
	uint64_t oldest;
	int r;

	if (!feed->history)
		return -ENOENT;
	oldest = stream_oldest(feed);
	r = history_read(feed->history, HISTORY_FINE, id->record, &sample)
		    ?: history_reader_epoch(feed->history, sample.epoch, &epoch);
	if (!r && epoch.source.counters_id == id->counters_id) {
		*ret_next = id->record + 1;
		*ret_boottime_ns = sample.boottime_ns;
		return 0;
	}
	if (!r || id->counters_id != feed->meta.epoch || id->record >= oldest)
		return -ENOENT;
	*ret_next = oldest;
	return -ESTALE;
}

/**
 * stream_position_after() - the first record that was taken after a moment of this boot
 * @feed: whose
 * @boottime_ns: the moment
 * @ret_next: number of the record, or of the one that will be next
 *
 * Return: 0, or -ENOENT without a history.
 */
int stream_position_after(const struct feed *feed, uint64_t boottime_ns, uint64_t *ret_next)
{
	uint64_t low, high;

	if (!feed->history || history_reader_head(feed->history, HISTORY_FINE, &high))
		return -ENOENT;
	low = stream_oldest(feed);
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct sample sample;

		/* One that cannot be read is taken for an old one: nothing is told twice for it. */
		if (!history_read(feed->history, HISTORY_FINE, middle, &sample) &&
		    sample.boottime_ns > boottime_ns)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_next = low;
	return 0;
}
