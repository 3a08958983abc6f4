// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A request and its response over a connection that is busy with them.
 *
 * Reads wait for the event, writes do not; so a small request costs one system call to send and
 * one to receive. A response may come before its request is all sent: the rest is sent still,
 * unless the server closes. A request is tried once; when its connection breaks it has failed.
 */
#include "exchange.h"

#include "monotonic.h"
#include "schedule.h"
#include "stats.h"
#include "worker.h"

#include <errno.h>

#define MAX_ROUNDS 64	/* reads or writes in one event, so that others get their turn */
#define MIN_SKIP   4096 /* bytes of body that are worth a call of their own */

static const struct transport *transport_of(const struct connection *c)
{
	return c->worker->run->transport;
}

static struct stats *stats_of(const struct connection *c)
{
	return &c->worker->stats;
}

static void record_times(struct connection *c, uint64_t now_ns)
{
	struct stats *stats = stats_of(c);

	histogram_record(&stats->corrected, now_ns - c->due_ns);
	histogram_record(&stats->service, now_ns - c->begin_ns);
}

/* The response is complete, and so is the request or it cannot be any more. */
static void finish(struct connection *c, uint64_t now_ns, bool keep)
{
	struct stats *stats = stats_of(c);
	uint64_t payload;

	if (!keep)
		connection_close(c);
	payload = request_payload_sent(&c->request);
	stats->n_completed++;
	stats_response(stats, c->response.status);
	stats->payload_completed += payload;
	stats->payload_withheld += c->request.body_size - payload;
	stats->body_received += c->response.message.n_body;
	record_times(c, now_ns);
	request_end(&c->request);
	c->n_answered++;
	c->n_bad = 0;
	c->think_ns = now_ns + c->worker->run->config->latency_ns;
	if (keep)
		worker_freed(c->worker, c, now_ns);
	else
		connection_drop(c);
}

/** exchange_all_sent() - Return: whether all of the request has been sent */
bool exchange_all_sent(const struct connection *c)
{
	return c->request.sent == request_size(&c->request);
}

/*
 * What the transport has taken from the socket already, poll does not tell of. Behind a response it
 * can be a TLS ticket, the end, or an alert, behind which nothing can be sent.
 */
static bool has_leftover(struct connection *c)
{
	ssize_t n;

	if (!transport_of(c)->pending(&c->stream))
		return false;
	n = transport_of(c)->read(&c->stream, c->worker->buffer, WORKER_BUFFER_SIZE);
	c->peer_closed = n <= 0 && n != -EAGAIN;
	return n > 0;
}

static void on_response(struct connection *c, bool leftover)
{
	uint64_t now = monotonic_ns();

	leftover = leftover || has_leftover(c);
	if (leftover)
		stats_error(stats_of(c), PHASE_PARSE, now, "the server sent more than a response");
	if (leftover || !c->response.keep_alive || c->send_error || c->peer_closed)
		finish(c, now, false);
	else if (exchange_all_sent(c))
		finish(c, now, true);
	else
		c->answered = true;
}

static void on_end(struct connection *c)
{
	const char *why = "the server closed the connection";

	c->peer_closed = true;
	if (c->answered || response_end(&c->response, &why) == RESPONSE_DONE)
		finish(c, monotonic_ns(), false);
	else if (c->send_error)
		connection_fail_stream(c, PHASE_SEND, c->send_error);
	else
		connection_fail(c, PHASE_RECEIVE, why);
}

static void on_receive_error(struct connection *c, int error)
{
	if (c->answered)
		finish(c, monotonic_ns(), false);
	else if (c->send_error && error != -EPROTO) /* which has the peer's own words, an alert */
		connection_fail_stream(c, PHASE_SEND, c->send_error);
	else
		connection_fail_stream(c, PHASE_RECEIVE, error);
}

/* Return: whether the response goes on. */
static bool take(struct connection *c, const char *data, size_t n)
{
	const char *why = "not HTTP";
	size_t used = 0;

	if (c->answered) {
		connection_fail(c, PHASE_PARSE, "the server sent more than a response");
		return false;
	}
	switch (response_feed_known(&c->response, &c->worker->memory, data, n, &used, &why)) {
	case RESPONSE_MORE:
		return true;
	case RESPONSE_DONE:
		on_response(c, used < n);
		return false;
	case RESPONSE_BAD:
		break;
	}
	connection_fail(c, PHASE_PARSE, why);
	return false;
}

static ssize_t read_some(struct connection *c, size_t *ret_asked, bool *ret_skipped)
{
	const struct transport *transport = transport_of(c);
	uint64_t skippable = c->answered ? 0 : response_skippable(&c->response);

	*ret_skipped = transport->skip && skippable >= MIN_SKIP;
	*ret_asked =
		*ret_skipped ? (skippable < INT32_MAX ? skippable : INT32_MAX) : WORKER_BUFFER_SIZE;
	if (*ret_skipped)
		return transport->skip(&c->stream, *ret_asked);
	return transport->read(&c->stream, c->worker->buffer, WORKER_BUFFER_SIZE);
}

static bool take_skipped(struct connection *c, uint64_t n)
{
	if (response_skip(&c->response, n) != RESPONSE_DONE)
		return true;
	on_response(c, false);
	return false;
}

/** exchange_receive() - read what has come of the response, as far as it goes without waiting */
void exchange_receive(struct connection *c)
{
	size_t asked;
	bool skipped;
	ssize_t n;

	for (int i = 0; i < MAX_ROUNDS; i++) {
		n = read_some(c, &asked, &skipped);
		if (n == -EAGAIN) {
			connection_wait(c);
			return;
		}
		if (n < 0) {
			on_receive_error(c, (int)n);
			return;
		}
		if (!n) {
			on_end(c);
			return;
		}
		stats_of(c)->http_received += (uint64_t)n;
		c->wire_stale = true;
		c->progress_ns = 0; /* by connection_check(), which is the only one to ask */
		if (!(skipped ? take_skipped(c, (uint64_t)n)
			      : take(c, c->worker->buffer, (size_t)n)))
			return;
		if ((size_t)n < asked && !transport_of(c)->pending(&c->stream))
			return;
	}
	if (transport_of(c)->pending(&c->stream))
		event_active(&c->read_event, EV_READ, 0); /* poll does not know of it */
}

/* A server may answer and close without reading on: its answer counts. */
static void on_send_error(struct connection *c, int error)
{
	c->send_error = error;
	event_del(&c->write_event);
	if (c->answered) {
		finish(c, monotonic_ns(), false);
		return;
	}
	exchange_receive(c);
	if (c->state == CONNECTION_BUSY)
		connection_fail_stream(c, PHASE_SEND, error);
}

static void account_sent(struct connection *c, uint64_t n)
{
	struct stats *stats = stats_of(c);
	uint64_t payload = request_payload_sent(&c->request);

	c->request.sent += n;
	c->wire_stale = true;
	c->progress_ns = 0;
	stats->http_sent += n;
	stats->payload_sent += request_payload_sent(&c->request) - payload;
}

/** exchange_send() - send what is left of the request, as far as it goes without waiting */
void exchange_send(struct connection *c)
{
	struct iovec iov[REQUEST_MAX_IOV];
	ssize_t n;
	int n_iov;

	for (int i = 0; i < MAX_ROUNDS; i++) {
		n_iov = request_iov(&c->worker->maker, &c->request, iov);
		n = transport_of(c)->write(&c->stream, iov, n_iov);
		if (n == -EAGAIN) {
			connection_wait(c);
			return;
		}
		if (n < 0) {
			on_send_error(c, (int)n);
			return;
		}
		account_sent(c, (uint64_t)n);
		if (exchange_all_sent(c)) {
			if (c->answered)
				finish(c, monotonic_ns(), true);
			return;
		}
	}
	event_add(&c->write_event, NULL);
}

/**
 * exchange_begin() - send a request over an idle connection
 * @c: the connection, taken off the worker's list of idle ones
 * @k: the request's number in the run
 * @due_ns: when it was due
 * @now_ns: now, not before that
 */
void exchange_begin(struct connection *c, uint64_t k, uint64_t due_ns, uint64_t now_ns)
{
	const struct run *run = c->worker->run;
	struct stats *stats = stats_of(c);

	if (c->idle_ns <= due_ns && run->pace.requests_num)
		histogram_record(&stats->lateness, now_ns - due_ns);
	stats->n_started++;
	c->wire_stale = true;
	c->state = CONNECTION_BUSY;
	c->due_ns = due_ns;
	c->begin_ns = now_ns;
	c->sent_ns = now_ns;
	c->progress_ns = now_ns;
	c->answered = false;
	c->send_error = 0;
	response_init(&c->response, run->config->method == METHOD_HEAD);
	if (request_begin(&c->worker->maker, k, run_request_size(run->config, k), &c->request))
		connection_fail(c, PHASE_SEND, "out of memory");
	else
		exchange_send(c);
}
