// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A client of the sink, from its first byte to its end.
 *
 *   new -> (handshake) -> reading <-> answering -> lingering
 *
 * The first byte tells TLS from HTTP: a handshake record begins with 22, which no request does. A
 * small request costs one system call to read and one to answer. An answer that cannot be sent at
 * once stops the reading, so that nobody who asks without listening can make anything grow; what had
 * been read behind its request (SINK_BUFFER_SIZE at most) is kept until then.
 *
 * A connection that the sink ends is shut down first and goes on being read for a while: closing it
 * with something unread would reset it, and the client lose its answer.
 *
 * Progress is a request that came whole, a body, or an answer that moves. A head that comes byte by
 * byte is none: it has to be here within the timeout.
 */
#include "sink-connection.h"

#include "sink-worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ROUNDS    64     /* reads or writes in one event, so that others get their turn */
#define MIN_SKIP      4096   /* bytes of body that are worth a call of their own */
#define TLS_HANDSHAKE '\x16' /* the first byte of what a TLS client says, RFC 8446 section 5.1 */

static void count(struct sink_connection *c, enum sink_count which, uint64_t n)
{
	sink_count_add(&c->worker->stats, which, n);
}

static void progress(struct sink_connection *c)
{
	struct sink_worker *w = c->worker;

	if (c->progress_s == w->now_s)
		return;
	c->progress_s = w->now_s;
	TAILQ_REMOVE(&w->active, c, link);
	TAILQ_INSERT_TAIL(&w->active, c, link);
}

/* ---- the end ---- */

static bool is_amid(const struct sink_connection *c)
{
	return c->state == SINK_HANDSHAKE || c->state == SINK_ANSWERING ||
	       (c->state == SINK_READING && sink_request_begun(&c->request));
}

/* What nobody reads goes with its socket, or the kernel would hold it for minutes. */
static void cut(struct sink_connection *c)
{
	const struct linger reset = { .l_onoff = 1 };

	setsockopt(c->stream.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	count(c, SINK_BROKEN, 1);
}

/** sink_connection_end() - close a connection, whatever it was at, and forget it */
void sink_connection_end(struct sink_connection *c)
{
	struct sink_worker *w = c->worker;

	if (is_amid(c))
		cut(c);
	TAILQ_REMOVE(c->state == SINK_LINGERING ? &w->lingering : &w->active, c, link);
	event_del(&c->read_event);
	event_del(&c->write_event);
	if (c->transport)
		c->transport->close(&c->stream);
	close(c->stream.fd);
	count(c, SINK_CLOSED, 1);
	w->n_connections--;
	free(c->rest);
	free(c);
}

static void linger(struct sink_connection *c)
{
	struct sink_worker *w = c->worker;

	c->transport->close(&c->stream);
	c->transport = NULL;
	shutdown(c->stream.fd, SHUT_WR);
	TAILQ_REMOVE(&w->active, c, link);
	c->state = SINK_LINGERING;
	c->progress_s = w->now_s;
	TAILQ_INSERT_TAIL(&w->lingering, c, link);
	event_add(&c->read_event, NULL);
}

/* What is dropped is dropped unseen: tcp(7), MSG_TRUNC. */
static void drop_input(struct sink_connection *c)
{
	ssize_t n = 1;

	for (int i = 0; i < MAX_ROUNDS && n > 0; i++)
		n = recv(c->stream.fd, NULL, INT32_MAX, MSG_TRUNC);
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		sink_connection_end(c);
}

/* ---- answers ---- */

enum outcome {
	GOES_ON, /* the connection can be read on */
	WAITS,	 /* for the client to take what it is sent */
	ENDED,	 /* it lingers, or is gone */
};

static enum outcome end(struct sink_connection *c)
{
	sink_connection_end(c);
	return ENDED;
}

static void count_sent(struct sink_connection *c, uint64_t n)
{
	uint64_t before = sink_answer_content_sent(&c->answer);

	c->answer.sent += n;
	count(c, SINK_HTTP_OUT, n);
	count(c, SINK_CONTENT_OUT, sink_answer_content_sent(&c->answer) - before);
	progress(c);
}

/* Nothing is read while an answer waits, but for what TLS itself may want to. */
static enum outcome wait_to_send(struct sink_connection *c)
{
	c->state = SINK_ANSWERING;
	if (c->stream.want == STREAM_WANT_WRITE) {
		event_del(&c->read_event);
		event_add(&c->write_event, NULL);
	}
	return WAITS;
}

static enum outcome finish_answer(struct sink_connection *c)
{
	if (c->answer.close) {
		linger(c);
		return ENDED;
	}
	if (c->state == SINK_ANSWERING)
		event_add(&c->read_event, NULL);
	c->state = SINK_READING;
	if (c->answer.interim)
		return GOES_ON;
	c->n_content = 0;
	sink_request_init(&c->request);
	return GOES_ON;
}

static enum outcome send_answer(struct sink_connection *c)
{
	struct iovec iov[SINK_ANSWER_IOVS];
	ssize_t n;

	for (int i = 0; i < MAX_ROUNDS; i++) {
		n = c->transport->write(&c->stream, iov,
					sink_answer_iov(&c->answer, c->worker->sink->arena, iov));
		if (n == -EAGAIN)
			return wait_to_send(c);
		if (n < 0)
			return end(c);
		count_sent(c, (uint64_t)n);
		if (sink_answer_sent(&c->answer))
			return finish_answer(c);
	}
	c->stream.want = STREAM_WANT_WRITE;
	return wait_to_send(c);
}

static enum outcome answer(struct sink_connection *c, const char *why)
{
	const struct sink_request *request = &c->request;
	struct sink_reply reply = {
		.status = request->status,
		.body_size = c->worker->sink->config->body_size,
		.head_method = request->head_method,
		.http_1_0 = request->is_http_1_0,
		.close = !request->keep_alive,
		.why = why,
	};

	if (request->wants_body != SINK_DEFAULT_BODY)
		reply.body_size = request->wants_body;
	count(c, why ? SINK_REFUSED : SINK_REQUESTS, 1);
	sink_answer_make(&c->answer, &reply, c->worker->date);
	return send_answer(c);
}

/* A client that waits for 100 (Continue) gets it once (RFC 9110 section 10.1.1). */
static enum outcome let_continue(struct sink_connection *c)
{
	if (!c->request.wants_continue || c->request.message.n_body)
		return GOES_ON;
	c->request.wants_continue = false;
	sink_answer_continue(&c->answer);
	return send_answer(c);
}

/* ---- requests ---- */

static void count_content(struct sink_connection *c)
{
	uint64_t n = c->request.message.n_content - c->n_content;

	if (!n)
		return;
	c->n_content += n;
	count(c, SINK_CONTENT_IN, n);
	progress(c);
}

static enum outcome keep(struct sink_connection *c, const char *data, size_t n)
{
	if (!n)
		return WAITS;
	c->rest = malloc(n);
	if (!c->rest)
		return end(c);
	memcpy(c->rest, data, n);
	c->n_rest = n;
	return WAITS;
}

/* One request after the other, as far as they go. */
static enum outcome take(struct sink_connection *c, const char *data, size_t n)
{
	enum outcome outcome = GOES_ON;
	enum message_result result;
	const char *why = NULL;
	size_t used;

	while (n && outcome == GOES_ON) {
		result = sink_request_feed(&c->request, data, n, &used, &why);
		data += used;
		n -= used;
		count_content(c);
		if (result == MESSAGE_MORE)
			return let_continue(c);
		outcome = answer(c, result == MESSAGE_BAD ? why : NULL);
	}
	return outcome == WAITS ? keep(c, data, n) : outcome;
}

static enum outcome take_rest(struct sink_connection *c)
{
	enum outcome outcome;
	char *rest = c->rest;

	c->rest = NULL;
	outcome = take(c, rest, c->n_rest);
	free(rest);
	return outcome;
}

static enum outcome take_skipped(struct sink_connection *c, uint64_t n)
{
	enum message_result result = message_skip(&c->request.message, n);

	count_content(c);
	return result == MESSAGE_DONE ? answer(c, NULL) : GOES_ON;
}

static bool pending(const struct sink_connection *c)
{
	return c->transport->pending(&c->stream);
}

/* Return: GOES_ON where there may be more to read at once. */
static enum outcome read_some(struct sink_connection *c)
{
	uint64_t skippable = message_skippable(&c->request.message);
	bool skips = c->transport->skip && skippable >= MIN_SKIP;
	size_t asked = SINK_BUFFER_SIZE;
	enum outcome outcome;
	ssize_t n;

	if (skips)
		asked = skippable < INT32_MAX ? skippable : INT32_MAX;
	n = skips ? c->transport->skip(&c->stream, asked)
		  : c->transport->read(&c->stream, c->worker->buffer, asked);
	if (n == -EAGAIN)
		return WAITS;
	if (n <= 0)
		return end(c);
	count(c, SINK_HTTP_IN, (uint64_t)n);
	outcome = skips ? take_skipped(c, (uint64_t)n) : take(c, c->worker->buffer, (size_t)n);
	if (outcome == GOES_ON && (size_t)n < asked && !pending(c))
		return WAITS;
	return outcome;
}

static void read_requests(struct sink_connection *c)
{
	enum outcome outcome = GOES_ON;

	for (int i = 0; i < MAX_ROUNDS && outcome == GOES_ON; i++)
		outcome = read_some(c);
	if (outcome == GOES_ON)
		event_active(&c->read_event, EV_READ, 0); /* poll may not know of what is left */
}

/* ---- the beginning ---- */

static void handshake(struct sink_connection *c)
{
	int r = c->transport->handshake(&c->stream);

	if (r == -EAGAIN) {
		if (c->stream.want == STREAM_WANT_WRITE)
			event_add(&c->write_event, NULL);
		return;
	}
	if (r) {
		sink_connection_end(c);
		return;
	}
	count(c, SINK_TLS, 1);
	c->state = SINK_READING;
	read_requests(c);
}

static void on_first_byte(struct sink_connection *c)
{
	const struct sink *sink = c->worker->sink;
	ssize_t n;
	char byte;

	n = recv(c->stream.fd, &byte, 1, MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		sink_connection_end(c);
		return;
	}
	c->transport = byte == TLS_HANDSHAKE ? &sink->tls : &transport_tcp;
	if (c->transport->open(&c->stream, c->worker->tls_context)) {
		sink_connection_end(c);
		return;
	}
	c->state = byte == TLS_HANDSHAKE ? SINK_HANDSHAKE : SINK_READING;
	if (c->state == SINK_HANDSHAKE)
		handshake(c);
	else
		read_requests(c);
}

/* ---- events ---- */

static void go_on_answering(struct sink_connection *c)
{
	enum outcome outcome = send_answer(c);

	if (outcome == GOES_ON && c->rest)
		outcome = take_rest(c);
	if (outcome == GOES_ON && pending(c))
		read_requests(c);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct sink_connection *c = arg;

	(void)fd, (void)what;
	switch (c->state) {
	case SINK_NEW:
		on_first_byte(c);
		break;
	case SINK_HANDSHAKE:
		handshake(c);
		break;
	case SINK_READING:
		read_requests(c);
		break;
	case SINK_ANSWERING:
		go_on_answering(c);
		break;
	case SINK_LINGERING:
		drop_input(c);
		break;
	}
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct sink_connection *c = arg;

	(void)fd, (void)what;
	if (c->state == SINK_HANDSHAKE)
		handshake(c);
	else if (c->state == SINK_ANSWERING)
		go_on_answering(c);
}

/**
 * sink_connection_new() - begin with a client that was accepted
 * @worker: whose it is
 * @fd: its socket, non-blocking; the connection's from now on
 *
 * Return: 0 or negative errno; then the socket is still the caller's.
 */
int sink_connection_new(struct sink_worker *worker, int fd)
{
	struct sink_connection *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	/* The largest parts, which hold texts, are not touched before they are written. */
	memset(c, 0, offsetof(struct sink_connection, answer));
	c->rest = NULL;
	c->n_rest = c->n_content = 0;
	sink_request_init(&c->request);
	c->worker = worker;
	c->state = SINK_NEW;
	c->progress_s = worker->now_s;
	c->stream.fd = fd;
	event_assign(&c->read_event, worker->base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->write_event, worker->base, fd, EV_WRITE, on_write, c);
	if (event_add(&c->read_event, NULL)) {
		free(c);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&worker->active, c, link);
	worker->n_connections++;
	sink_count_add(&worker->stats, SINK_ACCEPTED, 1);
	return 0;
}
