// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/stream: Server-Sent Events, one a tick and interface.
 *
 * An event is made once, however many clients there are: each interface has a channel that holds its
 * newest one (stream-channels.c). A client knows the number up to
 * which it has everything. While a client's connection has no room nothing is sent to it, and nothing is
 * kept for it: when it takes something again it gets what the channels hold then. So a slow client has the
 * newest sample, never a queue, and costs the same as a quick one.
 *
 * A client that comes back with the id of the last event that it has had gets what it has missed from the
 * history, a few records at a time, as it takes them; when there are none left it is like the others.
 *
 * One thread. Nothing is made or looked at while there is no client.
 */
#include "http/stream.h"

#include "http/connections.h"
#include "http/feed-json.h"
#include "http/request.h"
#include "http/response.h"
#include "http/stream-channels.h"
#include "http/stream-event.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define AT_ONCE	     32 /* events a client is sent in one piece */
#define HEARTBEAT_NS (15 * NSEC_PER_SEC)
#define FIRST_WORDS  "retry: 2000\n\n" /* ms after which a browser connects again */
#define NEVER	     UINT64_MAX

/* What a client that came back is still to be told of one interface. */
struct replay {
	char key[KEY_MAX];
	uint64_t next; /* number of a record */
	bool lost;     /* there were others before it, which are gone */
};

struct client {
	h2o_generator_t super;
	h2o_req_t *req;
	struct streams *streams;
	struct client *next, **link;
	char key[KEY_MAX]; /* "": all interfaces */
	uint64_t has;	   /* everything up to this number */
	uint64_t sent_ns;
	bool sending;
	bool ends; /* once that has left */
	size_t n_replays;
	struct replay *replay;
	size_t n_events; /* on their way; each holds a reference */
	struct answer *event[AT_ONCE];
};

struct streams {
	struct catalog *catalog;
	size_t n_clients, max_clients;
	struct client *clients;
	struct channels channels;
	struct answer *hello; /* what each client gets first */
	bool ending;
};

/* ---- what a client gets next ---- */

static void add_event(struct client *client, struct answer *event)
{
	client->event[client->n_events++] = event;
}

static bool wants(const struct client *client, const char *key)
{
	return !client->key[0] || !strcmp(client->key, key);
}

static void gather_live(struct client *client)
{
	const struct channel *channel;

	while (client->n_events < AT_ONCE &&
	       (channel = channels_next(&client->streams->channels, client->key, client->has))) {
		channel->event->references++;
		add_event(client, channel->event);
		client->has = channel->number;
	}
}

/* Return: whether there is more of it. */
static bool gather_replay(struct client *client, struct replay *replay,
			  const struct endpoint_context *context)
{
	const struct feed *feed = find_feed(client->streams->catalog, replay->key);
	uint64_t head;

	if (!feed || !feed->history || history_reader_head(feed->history, HISTORY_FINE, &head))
		return false;
	while (client->n_events < AT_ONCE && replay->next < head) {
		uint64_t oldest = stream_oldest(feed);
		struct answer *event;

		replay->lost = replay->lost || replay->next < oldest;
		replay->next = replay->next < oldest ? oldest : replay->next;
		event = replay->lost ? stream_event_gap(feed, replay->next)
				     : stream_event_of_record(context, feed, replay->next++);
		replay->lost = false;
		if (event)
			add_event(client, event);
	}
	return replay->next < head;
}

/*
 * All that was missed is told before what is new. Then the newest events of the channels are of records that
 * were told already, or of ones that have not come yet.
 */
static void gather_replays(struct client *client, const struct endpoint_context *context)
{
	bool more = false;

	for (size_t i = 0; i < client->n_replays && !more; i++)
		more = gather_replay(client, &client->replay[i], context);
	if (more)
		return;
	for (size_t i = 0; i < client->n_replays; i++) {
		const struct channel *channel =
			channels_find(&client->streams->channels, client->replay[i].key);

		/* The history was ahead of the channel, which will hold this record as its next. */
		if (channel && channel->of_record && client->replay[i].next > channel->record + 1)
			return;
	}
	client->n_replays = 0;
	client->has = client->streams->channels.number;
}

static void send_text(struct client *client, const char *text)
{
	h2o_iovec_t body = h2o_iovec_init(text, strlen(text));

	client->sending = true;
	h2o_send(client->req, &body, 1, H2O_SEND_STATE_IN_PROGRESS);
}

static void send_events(struct client *client)
{
	h2o_iovec_t body[AT_ONCE];

	for (size_t i = 0; i < client->n_events; i++)
		body[i] = h2o_iovec_init(client->event[i]->body, client->event[i]->len);
	client->sending = true;
	h2o_send(client->req, body, client->n_events, H2O_SEND_STATE_IN_PROGRESS);
}

/* Call it while the catalog is fresh. */
static void serve_client(struct client *client, const struct endpoint_context *context)
{
	if (client->sending)
		return;
	if (client->n_replays)
		gather_replays(client, context);
	if (!client->n_replays)
		gather_live(client);
	if (!client->n_events && context->boottime_ns < client->sent_ns + HEARTBEAT_NS)
		return;
	client->sent_ns = context->boottime_ns;
	if (client->n_events)
		send_events(client);
	else
		send_text(client, ":\n\n");
}

/* ---- clients come and go ---- */

static void release_events(struct client *client)
{
	while (client->n_events)
		answer_release(client->event[--client->n_events]);
}

/* h2o's memory of the request goes, whatever the reason. */
static void on_gone(void *memory)
{
	struct client *client = memory;

	release_events(client);
	free(client->replay);
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	client->streams->n_clients--;
}

static struct endpoint_context context_of_now(struct catalog *catalog)
{
	return (struct endpoint_context){ .catalog = catalog,
					  .boottime_ns = clock_boottime_ns(),
					  .realtime_ns = clock_realtime_ns() };
}

static void finish(struct client *client)
{
	client->sending = true; /* nothing follows */
	h2o_send(client->req, NULL, 0, H2O_SEND_STATE_FINAL);
}

/* What was sent has left: a client that takes it is not stuck. */
static void on_proceed(h2o_generator_t *self, h2o_req_t *req)
{
	struct client *client = H2O_STRUCT_FROM_MEMBER(struct client, super, self);
	struct endpoint_context context = context_of_now(client->streams->catalog);

	release_events(client);
	client->sending = false;
	req->timestamps.response_start_at = *h2o_get_timestamp(req->conn->ctx, NULL, NULL);
	if (client->ends || client->streams->ending)
		finish(client);
	else
		serve_client(client, &context);
}

static void on_stop(h2o_generator_t *self, h2o_req_t *req)
{
	struct client *client = H2O_STRUCT_FROM_MEMBER(struct client, super, self);

	(void)req;
	client->sending = true; /* until on_gone() */
}

/* ---- coming back ---- */

static int add_replay(struct client *client, const char *key, uint64_t next, bool lost)
{
	struct replay *grown = reallocarray(client->replay, client->n_replays + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	client->replay = grown;
	grown[client->n_replays] = (struct replay){ .next = next, .lost = lost };
	strcpy(grown[client->n_replays++].key, key);
	return 0;
}

/*
 * Where only one id is known, and all interfaces are asked for: the others go on from the same moment, less
 * half an interval, since ticks come together but for their lateness. So a record may come twice, and none
 * is left out.
 */
static int add_others(struct client *client, const struct feed *known, uint64_t boottime_ns)
{
	const struct catalog *catalog = client->streams->catalog;
	int r = 0;

	for (size_t i = 0; !r && i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];
		uint64_t next;

		if (feed == known || feed->source != FEED_RECORDS ||
		    stream_position_after(feed, boottime_ns - feed_interval_ns(feed) / 2, &next))
			continue;
		r = add_replay(client, feed->key, next, false);
	}
	return r;
}

/* Return: 0; -ENOENT where no interface has had such an event. */
static int resume(struct client *client, const struct stream_id *id)
{
	const struct catalog *catalog = client->streams->catalog;

	for (size_t i = 0; i < catalog->n; i++) {
		const struct feed *feed = catalog->feed[i];
		uint64_t next, boottime_ns = 0;
		int r;

		if (!wants(client, feed->key))
			continue;
		r = stream_position(feed, id, &next, &boottime_ns);
		if (r == -ENOENT)
			continue;
		r = add_replay(client, feed->key, next, r == -ESTALE);
		return r || client->key[0] ? r : add_others(client, feed, boottime_ns);
	}
	return -ENOENT;
}

/* It has had events that nobody knows any more: that it may have missed some is said. */
static void tell_lost(struct client *client)
{
	const struct catalog *catalog = client->streams->catalog;

	for (size_t i = 0; i < catalog->n && client->n_events < AT_ONCE; i++) {
		struct answer *event;

		if (!feed_is_counted(catalog->feed[i]) || !wants(client, catalog->feed[i]->key))
			continue;
		event = stream_event_gap(catalog->feed[i], stream_oldest(catalog->feed[i]));
		if (event)
			add_event(client, event);
	}
}

/* ---- the way in ---- */

static struct client *add_client(struct streams *streams, h2o_req_t *req, const struct feed *feed)
{
	struct client *client = h2o_mem_alloc_shared(&req->pool, sizeof(*client), on_gone);

	*client = (struct client){
		.super = { on_proceed, on_stop },
		.req = req,
		.streams = streams,
		.next = streams->clients,
		.link = &streams->clients,
	};
	if (client->next)
		client->next->link = &client->next;
	streams->clients = client;
	streams->n_clients++;
	if (feed)
		strcpy(client->key, feed->key);
	return client;
}

static void begin(struct client *client, const struct stream_id *last)
{
	h2o_req_t *req = client->req;

	client->streams->hello->references++;
	add_event(client, client->streams->hello);
	if (last && resume(client, last))
		tell_lost(client);

	respond_begin_stream(req, STREAM_TYPE);
	h2o_start_response(req, &client->super);
	if (request_has_method(req, "HEAD")) {
		finish(client);
	} else {
		connection_is_stream(connection_of(req));
		send_events(client);
	}
}

/* Return: 0, -ENOENT where it has none, -EINVAL. */
static int last_event_id(h2o_req_t *req, struct stream_id *ret_id)
{
	ssize_t at = h2o_find_header_by_str(&req->headers, H2O_STRLIT("last-event-id"), -1);

	if (at < 0)
		return -ENOENT;
	return stream_id_parse(req->headers.entries[at].value.base,
			       req->headers.entries[at].value.len, ret_id);
}

/**
 * streams_open() - answer a request with a stream
 * @streams: the clients there are
 * @req: the request
 * @context: of the request
 * @query: its "interface", or all
 */
void streams_open(struct streams *streams, h2o_req_t *req, const struct endpoint_context *context,
		  const struct query *query)
{
	const char *name = query_get(query, "interface");
	struct error err = { "" };
	struct stream_id id;
	struct feed *feed = NULL;
	struct client *client;
	unsigned int status = name ? select_one(context, name, &feed, &err) : 200;
	int has_id = last_event_id(req, &id);

	if (status != 200) {
		respond_problem(req, status, err.text);
	} else if (has_id == -EINVAL) {
		respond_problem(
			req, 400,
			"Last-Event-ID: expected an id that an event had, <epoch>-<record>");
	} else if (streams->n_clients >= streams->max_clients) {
		respond_problem(req, 503, "as many clients follow streams as are allowed");
	} else {
		client = add_client(streams, req, feed);
		channels_update(&streams->channels, context);
		client->sent_ns = context->boottime_ns;
		begin(client, has_id ? NULL : &id);
	}
}

/* ---- ticks ---- */

/** streams_due_ns() - Return: CLOCK_BOOTTIME at which to call streams_tell(); UINT64_MAX: no client is there */
uint64_t streams_due_ns(const struct streams *streams)
{
	uint64_t due;

	if (!streams->clients || streams->ending)
		return NEVER;
	due = catalog_due_ns(streams->catalog);
	for (const struct client *client = streams->clients; client; client = client->next) {
		if (!client->sending && client->sent_ns + HEARTBEAT_NS < due)
			due = client->sent_ns + HEARTBEAT_NS;
	}
	return due;
}

/**
 * streams_tell() - see what is new, and tell it
 * @streams: the clients
 *
 * Clients may be gone afterwards.
 */
void streams_tell(struct streams *streams)
{
	struct endpoint_context context = context_of_now(streams->catalog);
	struct client *client, *next;

	if (!streams->clients || streams->ending)
		return;
	catalog_refresh(streams->catalog, context.boottime_ns);
	channels_update(&streams->channels, &context);
	for (client = streams->clients; client; client = next) {
		next = client->next;
		serve_client(client, &context);
	}
}

static void end_client(struct client *client)
{
	client->ends = true;
	if (!client->sending)
		finish(client);
}

/** streams_end() - end all streams; what is on its way to a client still arrives */
void streams_end(struct streams *streams)
{
	struct client *client, *next;

	streams->ending = true;
	for (client = streams->clients; client; client = next) {
		next = client->next;
		end_client(client);
	}
}

/**
 * streams_judge_anew() - end the streams of those who had to have a token
 * @streams: the clients
 *
 * A stream is one request and lasts; so whoever may no more would go on being told. Who still may comes back with the
 * id of the last event, and misses none.
 */
void streams_judge_anew(struct streams *streams)
{
	struct client *client, *next;

	for (client = streams->clients; client; client = next) {
		next = client->next;
		if (!connection_of(client->req)->is_unix)
			end_client(client);
	}
}

static struct answer *make_hello(void)
{
	char *text = strdup(FIRST_WORDS);

	return text ? answer_new(STREAM_TYPE, text, strlen(text)) : NULL;
}

/**
 * streams_create() - no client yet
 * @catalog: what is told; outlives the streams
 * @max_clients: how many there may be
 * @ret_streams: to be freed with streams_free()
 *
 * Return: 0 or -ENOMEM.
 */
int streams_create(struct catalog *catalog, size_t max_clients, struct streams **ret_streams)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return -ENOMEM;
	streams->hello = make_hello();
	if (!streams->hello) {
		free(streams);
		return -ENOMEM;
	}
	streams->catalog = catalog;
	streams->max_clients = max_clients;
	*ret_streams = streams;
	return 0;
}

/** streams_free() - once there are no clients any more; NULL is none */
void streams_free(struct streams *streams)
{
	if (!streams)
		return;
	channels_free(&streams->channels);
	answer_release(streams->hello);
	free(streams);
}
