// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A run of raw frames from its start to its end, as the main thread sees it: make the plan, start the
 * threads, show a line each second, and at the end the summary.
 */
#include "raw-engine.h"

#include "engine.h"
#include "monotonic.h"
#include "raw-drain.h"
#include "raw-plan.h"
#include "raw-report.h"
#include "raw-worker.h"
#include "run-loop.h"
#include "thresholds.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "verify-raw.h"

#include <errno.h>
#include <string.h>

#define START_MARGIN_NS (2 * NSEC_PER_MSEC) /* for all threads to be there */

struct raw_engine {
	struct run_loop loop;
	struct raw_run run;
	struct raw_plan plan;
	struct raw_worker *worker;
	uint32_t n_made;
	struct raw_link_stats before;
	struct raw_account account;
};

/* ---- before anything is sent ---- */

/* A duration is a number of frames, where there is a pace. */
static void set_times(struct raw_engine *e, const struct config *config)
{
	struct raw_run *run = &e->run;

	run->start_ns = monotonic_ns() + START_MARGIN_NS;
	run->end_ns = config->duration_ns ? run->start_ns + config->duration_ns : UINT64_MAX;
	run->realtime_offset_ns = (int64_t)(clock_realtime_ns() - monotonic_ns());
	raw_pace_init(&run->pace, &e->plan.sequence, run->start_ns);
	run->n_frames = e->plan.n_frames;
	if (config->duration_ns && run->pace.kind != RAW_UNPACED)
		run->n_frames = raw_pace_n_before(&run->pace, run->end_ns, run->n_frames);
}

static int make_workers(struct raw_engine *e, const struct config *config, struct error *err)
{
	int r = 0;

	e->worker = calloc(config->threads, sizeof(*e->worker));
	if (!e->worker)
		return error_set(err, -ENOMEM, "out of memory for %u threads", config->threads);
	for (uint32_t i = 0; !r && i < config->threads; i++) {
		e->n_made = i + 1;
		r = raw_worker_init(&e->worker[i], &e->run, i, &e->plan.socket[i], err);
	}
	return r;
}

static void stop_workers(void *engine)
{
	struct raw_engine *e = engine;

	atomic_store(&e->run.stop, true);
}

static int start_workers(struct raw_engine *e, const struct config *config, struct error *err)
{
	int r = 0;

	set_times(e, config);
	for (uint32_t i = 0; !r && i < e->n_made; i++) {
		e->worker[i].mailbox.stats.time_ns = e->run.start_ns;
		r = raw_worker_start(&e->worker[i], err);
	}
	if (r)
		stop_workers(e);
	return r;
}

static void engine_free(struct raw_engine *e)
{
	stop_workers(e);
	for (uint32_t i = 0; i < e->n_made; i++) {
		raw_worker_join(&e->worker[i]);
		raw_worker_free(&e->worker[i]);
	}
	free(e->worker);
	raw_account_free(&e->account);
	raw_plan_free(&e->plan);
	run_loop_free(&e->loop);
}

/* ---- running ---- */

/*
 * One that failed ends the others.
 *
 * Return: seconds that the slowest thread has told of; UINT64_MAX: all have ended.
 */
static uint64_t add_up(struct raw_engine *e)
{
	uint64_t n_ticks = UINT64_MAX;

	memset(e->loop.now, 0, sizeof(*e->loop.now));
	for (uint32_t i = 0; i < e->n_made; i++) {
		struct raw_mailbox *mailbox = &e->worker[i].mailbox;

		pthread_mutex_lock(&mailbox->lock);
		stats_add(e->loop.now, &mailbox->stats);
		if (!mailbox->ended && mailbox->n_ticks < n_ticks)
			n_ticks = mailbox->n_ticks;
		if (mailbox->ended && *e->worker[i].failure)
			stop_workers(e);
		pthread_mutex_unlock(&mailbox->lock);
	}
	return n_ticks;
}

static void follow(struct raw_engine *e)
{
	uint64_t n_ticks, n_told = 0;

	e->loop.now->time_ns = e->run.start_ns;
	outputs_begin(&e->loop.outputs, e->loop.now);
	while ((n_ticks = add_up(e)) != UINT64_MAX) {
		if (n_ticks > n_told)
			run_loop_row(&e->loop, &e->run.pace.mean, e->run.start_ns);
		n_told = n_ticks;
		run_loop_wait(&e->loop);
	}
	for (uint32_t i = 0; i < e->n_made; i++)
		raw_worker_join(&e->worker[i]);
}

/* ---- the end ---- */

static const char *find_failure(const struct raw_engine *e)
{
	for (uint32_t i = 0; i < e->n_made; i++) {
		if (*e->worker[i].failure)
			return e->worker[i].failure;
	}
	return NULL;
}

/*
 * What an interface or its queue has dropped after the kernel took it. A frame that was refused was not
 * taken, and yet counted there, if there was no room for it.
 */
static void find_dropped(const struct raw_engine *e, struct raw_outcome *raw)
{
	const struct raw_link_stats *before = &e->before;
	struct raw_link_stats after;
	uint64_t n, n_full = e->loop.now->raw.n_full;

	raw_link_stats(&e->plan.link, &after);
	raw->has_dropped = before->there && after.there;
	if (!raw->has_dropped)
		return;
	n = after.tx_dropped - before->tx_dropped;
	if (after.queue == before->queue) /* its counter has 32 bits */
		n += (uint32_t)(after.queue_dropped - before->queue_dropped);
	raw->n_dropped = n > n_full ? n - n_full : 0;
	raw->n_carrier_lost = after.n_carrier_lost - before->n_carrier_lost;
	raw->n_queued = after.n_queued;
}

static int make_account(struct raw_engine *e, struct error *err)
{
	uint64_t n_sent[LOADGEN_MAX_THREADS];

	for (uint32_t i = 0; i < e->n_made; i++)
		n_sent[i] = e->worker[i].n_sent;
	if (raw_sequence_account(&e->plan.sequence, n_sent, &e->account))
		return error_set(err, -ENOMEM, "out of memory for what was sent");
	return 0;
}

static int judge(const struct raw_engine *e, const struct outcome *outcome, struct error *err)
{
	const char *failure = outcome->raw->failure;
	int missed = thresholds_tell_missed(outcome, e->loop.now) ? ENGINE_MISSED : 0,
	    verified = verify_judge(e->loop.verified, err);

	if (e->loop.signal)
		return 128 + e->loop.signal;
	if (failure)
		return error_set(err, -EIO, "cannot send frames by %s: %s", e->plan.link.name,
				 failure);
	if (!e->loop.now->raw.frames)
		return error_set(err, -ENODATA, "no frame was sent");
	return verified ?: missed;
}

static int verify(struct raw_engine *e, struct error *err)
{
	struct verify_sent sent;
	int r = make_account(e, err);

	if (r || !e->loop.verify)
		return r;
	verify_account(&e->account, verify_services(e->loop.verify), &sent);
	return run_loop_verify(&e->loop, &sent, err);
}

static int conclude(struct raw_engine *e, const struct config *config, struct error *err)
{
	struct raw_outcome raw = { .plan = &e->plan,
				   .account = &e->account,
				   .n_frames = e->run.n_frames,
				   .failure = find_failure(e) };
	struct outcome outcome = {
		.config = config,
		.pace = &e->run.pace.mean,
		.raw = &raw,
		.start_ns = e->run.start_ns,
		.ending = e->loop.ending,
		.signal = e->loop.signal,
	};
	int r;

	add_up(e);
	run_loop_last_row(&e->loop, outcome.pace, e->run.start_ns);
	outcome.end_ns = e->loop.now->time_ns;
	for (uint32_t i = 0; i < e->n_made; i++)
		outcome_add_thread(&outcome, e->worker[i].stats.cpu_ns);
	outcome_reckon(&outcome, e->loop.now);
	if (e->loop.verify)
		raw_drain(&e->plan.link, e->worker, e->n_made, e->loop.signals.fd);
	find_dropped(e, &raw);
	r = verify(e, err);
	r = r ?: run_loop_report(&e->loop, &outcome, err);
	return r ?: judge(e, &outcome, err);
}

static int run(struct raw_engine *e, const struct config *config, struct error *err)
{
	int r;

	r = run_loop_open(&e->loop, config, err);
	r = r ?: raw_plan_make(config, true, &e->plan, err);
	r = r ?: verify_begin(e->loop.verify, e->loop.signals.fd, err);
	if (r == -ECANCELED) {
		log_warning("interrupted before anything was sent");
		run_loop_take_signal(&e->loop);
		return 128 + e->loop.signal;
	}
	if (r)
		return r;
	raw_link_stats(&e->plan.link, &e->before);
	e->run.config = config;
	e->run.notify_fd = e->loop.notify_fd;
	e->run.sequence = &e->plan.sequence;
	r = make_workers(e, config, err);
	r = r ?: start_workers(e, config, err);
	if (r)
		return r;
	follow(e);
	run_loop_take_signal(&e->loop);
	return conclude(e, config, err);
}

/**
 * raw_engine_run() - send the frames that a configuration asks for, and report on standard output
 * @config: a configuration that was resolved without an error, with protocol = raw
 * @err: why there is nothing to show for it
 *
 * All privileges of the process are given up before the first frame. SIGINT and SIGTERM end the run
 * early, with a full report.
 *
 * Return: 0 when the run is done; ENGINE_MISSED when it is, but misses a threshold; 128 + the
 * number of the signal that ended it; negative errno when it could not start or could not go on, or
 * the report could not be written.
 */
int raw_engine_run(const struct config *config, struct error *err)
{
	_cleanup_(engine_free) struct raw_engine e = {
		.loop = { .stop = stop_workers, .engine = &e, .notify_fd = -1, .signals.fd = -1 },
	};

	return run(&e, config, err);
}

/**
 * raw_engine_show() - write the first frames that a run would send, and send none
 * @config: of the run
 * @hex: with all their bytes
 * @out: where to
 * @err: why the run could not start
 *
 * Return: 0 or negative errno.
 */
int raw_engine_show(const struct config *config, bool hex, FILE *out, struct error *err)
{
	struct raw_plan plan;
	int r = raw_plan_make(config, false, &plan, err);

	if (!r)
		r = raw_plan_show(&plan, hex, out);
	raw_plan_free(&plan);
	return r;
}
