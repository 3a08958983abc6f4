// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A run from its start to its end, as the main thread sees it: find the target, start the workers,
 * have them begin together, show a line each second, and at the end the summary.
 *
 * A run has three parts. First each connection is opened, so that opening them is not counted as
 * slowness of what comes after. Then all workers begin at the same time. They end by themselves,
 * at a limit or when they are told to; the main thread only waits for what they tell, and for
 * signals.
 */
#include "engine.h"

#include "checks.h"
#include "monotonic.h"
#include "report.h"
#include "run-loop.h"
#include "schedule.h"
#include "stats.h"
#include "target.h"
#include "thresholds.h"
#include "transport.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "verify-predict.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define START_MARGIN_NS NSEC_PER_MSEC /* for all workers to hear of the start */

struct engine {
	struct run_loop loop;
	struct run run;
	const struct transport *transport;
	struct target target;
	struct worker *worker;
	uint32_t n_workers, n_made; /* n_made: of those that are to be freed */
	uint64_t start_ns;
	uint64_t n_ticks;  /* of the slowest worker, as of now */
	uint64_t alive_ns; /* when a connection was last up, or was made, as far as is known */
	uint64_t n_connects;
	struct wire probe;  /* what finding the target has taken */
	struct wire opened; /* and the connections, before the start */
};

/* ---- before anything starts ---- */

static int run_init(struct engine *e, const struct config *config, struct error *err)
{
	struct run *run = &e->run;

	e->transport = transport_for(config);
	*run = (struct run){
		.config = config,
		.transport = e->transport,
		.target = &e->target,
		.n_requests = run_n_requests(config),
		.notify_fd = e->loop.notify_fd,
	};
	if (config->rate > 0)
		pace_from_rate(config->rate, &run->pace);
	else
		pace_from_bandwidth(config->bandwidth_bps, config->request_size, &run->pace);
	run->pace.ramp_ns = config->ramp_ns;
	if (getrandom(&run->fresh_base, sizeof(run->fresh_base), 0) < 0)
		return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	return target_find(config, e->transport, e->loop.signals.fd, &e->target, &e->probe, err);
}

static int make_workers(struct engine *e, struct error *err)
{
	int r;

	e->n_workers = e->run.config->threads;
	e->worker = calloc(e->n_workers, sizeof(*e->worker));
	if (!e->worker)
		return error_set(err, -ENOMEM, "out of memory for %u threads", e->n_workers);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		e->n_made = i + 1;
		r = worker_init(&e->worker[i], &e->run, i, err);
		if (r)
			return r;
	}
	return 0;
}

static void stop_workers(void *engine)
{
	struct engine *e = engine;

	for (uint32_t i = 0; i < e->n_made; i++) {
		if (e->worker[i].started)
			worker_stop(&e->worker[i]);
	}
}

static int start_workers(struct engine *e, struct error *err)
{
	int r;

	for (uint32_t i = 0; i < e->n_workers; i++) {
		r = worker_start(&e->worker[i], err);
		if (r) {
			stop_workers(e);
			return r;
		}
	}
	return 0;
}

static void engine_free(struct engine *e)
{
	for (uint32_t i = 0; i < e->n_made; i++) {
		worker_join(&e->worker[i]);
		worker_free(&e->worker[i]);
	}
	free(e->worker);
	run_loop_free(&e->loop);
}

/* ---- waiting ---- */

static bool all_workers(struct engine *e, bool (*has)(const struct mailbox *, uint64_t), uint64_t n)
{
	bool all = true;

	for (uint32_t i = 0; i < e->n_workers && all; i++) {
		pthread_mutex_lock(&e->worker[i].mailbox.lock);
		all = has(&e->worker[i].mailbox, n);
		pthread_mutex_unlock(&e->worker[i].mailbox.lock);
	}
	return all;
}

static bool is_ready(const struct mailbox *mailbox, uint64_t unused)
{
	(void)unused;
	return mailbox->ready || mailbox->ended;
}

static bool has_ended(const struct mailbox *mailbox, uint64_t unused)
{
	(void)unused;
	return mailbox->ended;
}

static bool has_ticked(const struct mailbox *mailbox, uint64_t n)
{
	return mailbox->n_ticks >= n || mailbox->over;
}

/* ---- running ---- */

static void add_up(struct engine *e, struct stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	e->n_ticks = UINT64_MAX;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		struct mailbox *mailbox = &e->worker[i].mailbox;

		pthread_mutex_lock(&mailbox->lock);
		stats_add(sum, &mailbox->stats);
		if (!mailbox->over && mailbox->n_ticks < e->n_ticks)
			e->n_ticks = mailbox->n_ticks;
		pthread_mutex_unlock(&mailbox->lock);
	}
}

/*
 * A run that has a number of requests to complete would never end where the server is gone for
 * good. It does, once no connection could be made for so long. One that comes up and is closed
 * again counts: its requests fail, and so the run gets on.
 */
static void look_for_life(struct engine *e)
{
	const struct config *config = e->run.config;
	bool ends_by_number = !config->duration_ns && e->run.n_requests != UINT64_MAX;

	if (e->loop.now->n_connected || e->loop.now->n_connects != e->n_connects)
		e->alive_ns = e->loop.now->time_ns;
	e->n_connects = e->loop.now->n_connects;
	if (!ends_by_number || !config->give_up_ns ||
	    e->loop.now->time_ns < e->alive_ns + config->give_up_ns)
		return;
	run_loop_end(&e->loop, ENDED_GIVEN_UP);
}

/*
 * When all workers have told of a second more, and for what is left of a second at the end. A
 * worker can be behind the others: then rows are fewer and tell of more than a second each.
 */
static void take_news(struct engine *e)
{
	if (!e->start_ns || !all_workers(e, has_ticked, e->n_ticks + 1))
		return;
	add_up(e, e->loop.now);
	look_for_life(e);
	run_loop_row(&e->loop, &e->run.pace, e->start_ns);
}

static void begin(struct engine *e)
{
	e->start_ns = e->alive_ns = monotonic_ns() + START_MARGIN_NS;
	add_up(e, e->loop.now);
	e->opened = e->loop.now->wire;
	e->n_connects = e->loop.now->n_connects;
	e->loop.now->time_ns = e->start_ns;
	outputs_begin(&e->loop.outputs, e->loop.now);
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_begin(&e->worker[i], e->start_ns);
}

static void follow(struct engine *e)
{
	while (!e->loop.signal && !all_workers(e, is_ready, 0))
		run_loop_wait(&e->loop);
	if (!e->loop.signal)
		begin(e);
	while (!all_workers(e, has_ended, 0)) {
		run_loop_wait(&e->loop);
		take_news(e);
	}
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_join(&e->worker[i]);
}

static int judge(struct engine *e, const struct outcome *outcome, struct error *err)
{
	const struct phase_errors *first = stats_first_error(e->loop.now);
	int missed = thresholds_tell_missed(outcome, e->loop.now) ? ENGINE_MISSED : 0,
	    verified = verify_judge(e->loop.verified, err);

	if (e->loop.signal)
		return 128 + e->loop.signal;
	if (e->loop.ending == ENDED_GIVEN_UP)
		return error_set(err, -ENOTCONN,
				 "given up, with %" PRIu64 " of %" PRIu64 " requests completed: no "
				 "connection could be made any more%s%s",
				 e->loop.now->n_completed, e->run.n_requests, first ? ": " : "",
				 first ? first->first : "");
	if (e->loop.now->n_completed)
		return verified ?: missed;
	return error_set(err, -ENODATA, "no request was completed%s%s", first ? ": " : "",
			 first ? first->first : "");
}

/* All that was sent, of which finding the target and closing are apart from the run. */
static void sum_up(struct engine *e, struct outcome *outcome)
{
	add_up(e, e->loop.now);
	if (e->start_ns)
		run_loop_last_row(&e->loop, &e->run.pace, e->start_ns);
	outcome->apart = e->start_ns ? e->opened : e->loop.now->wire;
	wire_add(&outcome->apart, &e->probe);
	wire_add(&outcome->apart, &e->loop.now->closing);
	wire_add(&e->loop.now->wire, &e->probe);
	wire_add(&e->loop.now->wire, &e->loop.now->closing);
}

static int verify(struct engine *e, struct error *err)
{
	uint16_t port = e->run.config->url.port;
	struct verify *verify = e->loop.verify;
	struct verify_sent sent;

	if (!verify || !e->start_ns)
		return 0;
	verify_predict(e->loop.now, verify_ports_find(verify_services(verify), true, port),
		       e->target.ipv6, &sent);
	return run_loop_verify(&e->loop, &sent, err);
}

static int conclude(struct engine *e, struct error *err)
{
	struct outcome outcome = {
		.config = e->run.config,
		.target = &e->target,
		.pace = &e->run.pace,
		.start_ns = e->start_ns,
		.n_requests = e->run.n_requests,
	};
	int r;

	run_loop_take_signal(&e->loop); /* too late to end anything, or before there was anything */
	outcome.ending = e->loop.ending;
	outcome.signal = e->loop.signal;
	sum_up(e, &outcome);
	r = verify(e, err);
	if (r)
		return r;
	outcome.end_ns = e->loop.now->time_ns;
	for (uint32_t i = 0; i < e->n_made; i++)
		outcome_add_thread(&outcome, e->worker[i].stats.cpu_ns);
	outcome_reckon(&outcome, e->loop.now);
	r = run_loop_report(&e->loop, &outcome, err);
	return r ?: judge(e, &outcome, err);
}

static int prepare(struct engine *e, const struct config *config, struct error *err)
{
	int r = check_files(config, err);

	r = r ?: check_ports(config, PORT_RANGE_PATH, err);
	r = r ?: run_init(e, config, err);
	if (r)
		return r;
	check_feasible(config, &e->run.pace, &e->target);
	r = make_workers(e, err);
	return r ?: start_workers(e, err);
}

static int run(struct engine *e, const struct config *config, struct error *err)
{
	int r;

	e->run.config = config;
	e->run.n_requests = run_n_requests(config);
	check_unused(config);
	r = run_loop_open(&e->loop, config, err);
	r = r ?: verify_begin(e->loop.verify, e->loop.signals.fd, err);
	r = r ?: prepare(e, config, err);
	if (!r)
		follow(e);
	else if (r != -ECANCELED)
		return r;
	return conclude(e, err);
}

/**
 * engine_run() - do what a configuration asks for, and report on standard output
 * @config: a configuration that was resolved without an error
 * @err: why there is nothing to show for it
 *
 * SIGINT and SIGTERM end the run early, at whatever it is, with a full report. They are blocked as
 * long as it lasts, and SIGPIPE is ignored. Nobody has to read what is written while it lasts;
 * whoever does not read the summary can end the program by a signal.
 *
 * Return: 0 when the run is done; ENGINE_MISSED when it is, but misses a threshold; 128 + the
 * number of the signal that ended it; negative errno when it could not start, nothing was
 * completed, the server was gone for good, or the report could not be written.
 */
int engine_run(const struct config *config, struct error *err)
{
	_cleanup_(engine_free) struct engine e = {
		.loop = { .stop = stop_workers, .engine = &e, .notify_fd = -1, .signals.fd = -1 },
	};

	return run(&e, config, err);
}
