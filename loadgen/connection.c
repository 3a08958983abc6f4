// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * One connection: it is opened, takes one request after the other, and is opened again when it
 * ends.
 *
 *   down -> connecting -> handshake -> (thinking) -> idle -> busy -> (thinking) -> idle ...
 *
 * The read event is there as long as the socket is connected, the write event only after a write
 * that could not be done at once. A connection that ends is opened again, at once where it had
 * worked before, else with a back-off that grows. What happens while it is busy is exchange.c's.
 */
#include "connection.h"

#include "exchange.h"
#include "monotonic.h"
#include "schedule.h"
#include "stats.h"
#include "target.h"
#include "util/units.h"
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACK_OFF_NS	10000000ULL /* after the first failure; doubles */
#define MAX_BACK_OFF_NS 1000000000ULL

static const struct transport *transport_of(const struct connection *c)
{
	return c->worker->run->transport;
}

static struct stats *stats_of(const struct connection *c)
{
	return &c->worker->stats;
}

static bool is_up(const struct connection *c)
{
	return c->state >= CONNECTION_THINKING;
}

/* ---- down ---- */

/* What closing takes after the end of the run is kept apart: rates are of the time before. */
static struct wire *wire_sum(const struct connection *c)
{
	return c->worker->state == WORKER_ENDED ? &stats_of(c)->closing : &stats_of(c)->wire;
}

static void take_wire(struct connection *c, const struct wire *wire)
{
	struct wire step = *wire;

	wire_subtract(&step, &c->wire);
	wire_add(wire_sum(c), &step);
	c->wire = *wire;
	c->wire_stale = false;
}

static bool is_ipv6(const struct connection *c)
{
	return c->worker->run->target->ipv6;
}

/**
 * connection_read_wire() - bring the worker's wire counters up to date with a connection
 * @c: any; without a socket there is nothing to do
 */
void connection_read_wire(struct connection *c)
{
	struct wire wire;

	if (c->stream.fd >= 0 && !wire_read(c->stream.fd, is_ipv6(c), &wire))
		take_wire(c, &wire);
}

/* A request is the last thing in the queue. Over TLS it is a little less than its records are. */
static void take_back(struct connection *c, uint64_t unsent)
{
	uint64_t payload = request_payload_sent(&c->request);

	if (c->state != CONNECTION_BUSY)
		return;
	if (unsent > c->request.sent)
		unsent = c->request.sent;
	c->request.sent -= unsent;
	stats_of(c)->http_unsent += unsent;
	stats_of(c)->payload_unsent += payload - request_payload_sent(&c->request);
}

/**
 * connection_close() - close the socket of a connection, if it has one
 * @c: any; its state stays as it was, for connection_drop() to change
 *
 * What the kernel has not sent of the request under way is taken off that, so this comes before the
 * request is accounted for.
 */
void connection_close(struct connection *c)
{
	struct wire_end end;
	int r;

	if (c->stream.fd < 0)
		return;
	transport_of(c)->close(&c->stream);
	event_del(&c->read_event);
	event_del(&c->write_event);
	r = wire_settle(c->stream.fd, is_ipv6(c), &end);
	close(c->stream.fd);
	c->stream = (struct stream){ .fd = -1 };
	if (r)
		return;
	take_wire(c, &end.wire);
	wire_add(wire_sum(c), &end.closing);
	if (end.unsent)
		take_back(c, end.unsent);
}

/**
 * connection_drop() - end a connection, whatever it was at; the worker opens it again
 * @c: a connection whose request, if it had one, is accounted for
 */
void connection_drop(struct connection *c)
{
	uint64_t delay = 0;

	if (c->n_bad)
		delay = BACK_OFF_NS << (c->n_bad < 10 ? c->n_bad - 1 : 9);
	if (delay > MAX_BACK_OFF_NS)
		delay = MAX_BACK_OFF_NS;
	connection_close(c);
	worker_lost(c->worker, c, delay);
}

static void fail_request(struct connection *c)
{
	if (c->state != CONNECTION_BUSY)
		return;
	stats_of(c)->n_failed++;
	worker_hung(c->worker, monotonic_ns() - c->due_ns);
	request_end(&c->request);
}

/**
 * connection_fail() - end a connection, and the request that was under way, with an error
 * @c: the connection
 * @phase: in which phase it was
 * @why: one line
 */
void connection_fail(struct connection *c, enum phase phase, const char *why)
{
	stats_error(stats_of(c), phase, monotonic_ns(), "%s", why);
	connection_close(c);
	fail_request(c);
	c->n_bad++;
	connection_drop(c);
}

/** connection_fail_stream() - connection_fail() with what the transport has to say on @error */
void connection_fail_stream(struct connection *c, enum phase phase, int error)
{
	char why[160];

	stream_explain(&c->stream, error, why, sizeof(why));
	connection_fail(c, phase, why);
}

/* ---- opening ---- */

/** connection_wait() - see to being called when the transport can go on, after -EAGAIN */
void connection_wait(struct connection *c)
{
	if (c->stream.want == STREAM_WANT_WRITE)
		event_add(&c->write_event, NULL);
}

static void handshake(struct connection *c)
{
	int r = transport_of(c)->handshake(&c->stream);

	if (r == -EAGAIN)
		connection_wait(c);
	else if (r)
		connection_fail_stream(c, PHASE_TLS, r);
	else
		worker_opened(c->worker, c, monotonic_ns());
}

static void connected(struct connection *c)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	if (error) {
		connection_fail(c, PHASE_CONNECT, target_explain(-error));
		return;
	}
	if (transport_of(c)->open(&c->stream, c->worker->context)) {
		connection_fail(c, PHASE_TLS, "out of memory");
		return;
	}
	c->state = CONNECTION_HANDSHAKE;
	event_add(&c->read_event, NULL);
	handshake(c);
}

static void on_read(evutil_socket_t fd, short what, void *arg);
static void on_write(evutil_socket_t fd, short what, void *arg);

/**
 * connection_open() - begin to open a connection that is down
 * @c: a connection that the worker has taken off its list of those that wait
 * @now_ns: now
 */
void connection_open(struct connection *c, uint64_t now_ns)
{
	struct event_base *base = c->worker->base;
	int fd, r;

	c->state = CONNECTION_CONNECTING;
	c->progress_ns = now_ns;
	c->n_answered = 0;
	c->peer_closed = false;
	c->wire = (struct wire){ 0 };
	c->wire_stale = true;
	r = target_connect(c->worker->run->target, &fd);
	if (r) {
		connection_fail(c, PHASE_CONNECT, target_explain(r));
		return;
	}
	c->stream.fd = fd;
	event_assign(&c->read_event, base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->write_event, base, fd, EV_WRITE, on_write, c);
	event_add(&c->write_event, NULL);
}

/* ---- events ---- */

/* Nothing is awaited: the server closes, or OpenSSL has something to itself. */
static void on_idle_read(struct connection *c)
{
	ssize_t n = transport_of(c)->read(&c->stream, c->worker->buffer, WORKER_BUFFER_SIZE);

	if (n == -EAGAIN)
		return;
	if (n > 0) {
		connection_fail(c, PHASE_PARSE, "the server sent something without a request");
		return;
	}
	if (n == -EPROTO) { /* a TLS 1.3 server says only behind the handshake that it refuses */
		connection_fail_stream(c, PHASE_TLS, (int)n);
		return;
	}
	c->peer_closed = n == 0;
	stats_of(c)->n_idle_closed++;
	if (!c->n_answered)
		c->n_bad++;
	connection_drop(c);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONNECTION_HANDSHAKE)
		handshake(c);
	else if (c->state == CONNECTION_BUSY)
		exchange_receive(c);
	else if (is_up(c))
		on_idle_read(c);
	worker_moved(c->worker);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONNECTION_CONNECTING)
		connected(c);
	else if (c->state == CONNECTION_HANDSHAKE)
		handshake(c);
	else if (c->state == CONNECTION_BUSY && !exchange_all_sent(c)) {
		c->sent_ns = monotonic_ns();
		exchange_send(c);
	}
	worker_moved(c->worker);
}

static void fail_by_timeout(struct connection *c, const char *what, uint64_t timeout_ns)
{
	char time[FORMAT_MAX], why[80];

	if (format_duration(time, sizeof(time), timeout_ns))
		time[0] = '\0';
	snprintf(why, sizeof(why), "%s %s", what, time);
	connection_fail(c, PHASE_TIMEOUT, why);
}

/**
 * connection_check() - end a connection on which nothing has moved for too long
 * @c: any
 * @now_ns: now, or shortly before; to be called about ten times in each timeout
 */
void connection_check(struct connection *c, uint64_t now_ns)
{
	const struct config *config = c->worker->run->config;
	bool opening = c->state == CONNECTION_CONNECTING || c->state == CONNECTION_HANDSHAKE;
	uint64_t timeout = opening ? config->connect_timeout_ns : config->timeout_ns;

	if (!opening && c->state != CONNECTION_BUSY)
		return;
	if (!c->progress_ns)
		c->progress_ns = now_ns;
	if (now_ns <= c->progress_ns + timeout)
		return;
	if (c->state == CONNECTION_CONNECTING)
		fail_by_timeout(c, "not connected after", timeout);
	else if (opening)
		fail_by_timeout(c, "no TLS handshake after", timeout);
	else
		fail_by_timeout(c, "nothing sent or received for", timeout);
}

/*
 * The socket is closed: what it had queued is no longer in the request. One that was sent long ago
 * does not count as sent: a server that hangs takes requests as well.
 */
static void cut_request(struct connection *c)
{
	struct stats *stats = stats_of(c);
	bool all_sent = exchange_all_sent(c);

	stats->n_unfinished++;
	if (!all_sent || stats->time_ns <= c->sent_ns + STATS_LONG_NS) {
		stats->n_pending += all_sent;
		stats->payload_pending += request_payload_sent(&c->request);
	}
	request_end(&c->request);
}

/**
 * connection_cut() - end a connection for good
 * @c: any
 *
 * A request under way is counted as unfinished, which is no error. The number of connections stays
 * what it was at the end.
 */
void connection_cut(struct connection *c)
{
	connection_close(c);
	if (c->state == CONNECTION_BUSY)
		cut_request(c);
	if (event_initialized(&c->retry_event))
		event_del(&c->retry_event);
	c->state = CONNECTION_DOWN;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	TAILQ_INSERT_TAIL(&c->worker->waiting, c, link);
	worker_pump(c->worker, monotonic_ns());
}

/** connection_init() - make a connection that is down and on no list */
void connection_init(struct connection *c, struct worker *worker)
{
	*c = (struct connection){ .worker = worker, .stream.fd = -1 };
	evtimer_assign(&c->retry_event, worker->base, on_retry, c);
}
