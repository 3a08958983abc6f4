// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A run of raw frames from its start to its end, as the main thread sees it: make the plan, start the
 * threads, show a line each second, and at the end the summary.
 */
#include "raw-engine.h"

#include "engine.h"
#include "monotonic.h"
#include "output.h"
#include "raw-plan.h"
#include "raw-report.h"
#include "raw-worker.h"
#include "signals.h"
#include "thresholds.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "verify-raw.h"
#include "verify.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#define START_MARGIN_NS (2 * NSEC_PER_MSEC) /* for all threads to be there */

struct raw_engine {
	struct raw_run run;
	struct raw_plan plan;
	struct raw_worker *worker;
	uint32_t n_made;
	int notify_fd;
	struct signals signals;
	int signal; /* that was received, or 0 */
	enum ending ending;

	struct outputs outputs;
	struct stats *now; /* of all workers */
	uint64_t n_ticks;
	struct raw_link_stats before;
	struct raw_account account;
	struct verify *verify;		/* NULL: no sampler is asked */
	struct verify_result *verified; /* NULL: not yet, or not at all */
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
		r = raw_worker_init(&e->worker[i], &e->run, i, take_fd(&e->plan.fd[i]), err);
	}
	return r;
}

static void stop_workers(struct raw_engine *e)
{
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
	free(e->now);
	raw_account_free(&e->account);
	verify_free(e->verify);
	free(e->verified);
	raw_plan_free(&e->plan);
	outputs_close(&e->outputs);
	if (e->notify_fd >= 0)
		close(e->notify_fd);
	signals_free(&e->signals);
}

/* ---- running ---- */

static void take_signal(struct raw_engine *e)
{
	int signal = signals_take(&e->signals);

	if (!signal || e->signal)
		return;
	e->signal = signal;
	e->ending = ENDED_BY_SIGNAL;
	stop_workers(e);
}

static void wait_for_news(struct raw_engine *e)
{
	struct pollfd fds[] = { { .fd = e->notify_fd, .events = POLLIN },
				{ .fd = e->signals.fd, .events = POLLIN } };
	uint64_t drained;

	if (poll(fds, array_size(fds), -1) < 0)
		return;
	if (fds[0].revents && read(e->notify_fd, &drained, sizeof(drained)) < 0)
		return;
	if (fds[1].revents)
		take_signal(e);
}

/* Return: whether all threads have ended; n_ticks: of the slowest of the others. */
static bool add_up(struct raw_engine *e, uint64_t *ret_n_ticks)
{
	bool ended = true;

	memset(e->now, 0, sizeof(*e->now));
	*ret_n_ticks = UINT64_MAX;
	for (uint32_t i = 0; i < e->n_made; i++) {
		struct raw_mailbox *mailbox = &e->worker[i].mailbox;

		pthread_mutex_lock(&mailbox->lock);
		stats_add(e->now, &mailbox->stats);
		if (!mailbox->ended && mailbox->n_ticks < *ret_n_ticks)
			*ret_n_ticks = mailbox->n_ticks;
		ended = ended && mailbox->ended;
		pthread_mutex_unlock(&mailbox->lock);
	}
	return ended;
}

/* Return: whether all threads have ended. One that failed ends the others. */
static bool take_news(struct raw_engine *e)
{
	uint64_t n_ticks;
	bool ended = add_up(e, &n_ticks);

	for (uint32_t i = 0; i < e->n_made; i++) {
		pthread_mutex_lock(&e->worker[i].mailbox.lock);
		if (e->worker[i].mailbox.ended && *e->worker[i].failure)
			stop_workers(e);
		pthread_mutex_unlock(&e->worker[i].mailbox.lock);
	}
	if (ended || n_ticks <= e->n_ticks)
		return ended;
	e->n_ticks = n_ticks;
	if (outputs_row(&e->outputs, &e->run.pace.mean, e->run.start_ns, e->now, false) &&
	    e->ending == ENDED_BY_LIMIT) {
		e->ending = ENDED_UNWRITTEN;
		stop_workers(e);
	}
	return false;
}

static void follow(struct raw_engine *e)
{
	e->now->time_ns = e->run.start_ns;
	outputs_begin(&e->outputs, e->now);
	while (!take_news(e))
		wait_for_news(e);
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

static double busiest(const struct raw_engine *e, const struct outcome *outcome)
{
	double most = 0;

	for (uint32_t i = 0; i < e->n_made; i++) {
		double share = (double)e->worker[i].stats.cpu_ns / 1e9 / outcome_seconds(outcome);

		most = share > most ? share : most;
	}
	return outcome_seconds(outcome) > 0 ? most : 0;
}

/*
 * What an interface or its queue has dropped after the kernel took it. A frame that was refused was not
 * taken, and yet counted there, if there was no room for it.
 */
static void find_dropped(const struct raw_engine *e, struct raw_outcome *raw)
{
	const struct raw_link_stats *before = &e->before;
	struct raw_link_stats after;
	uint64_t n, n_full = e->now->raw.n_full;

	raw_link_stats(&e->plan.link, &after);
	raw->has_dropped = before->there && after.there;
	if (!raw->has_dropped)
		return;
	n = after.tx_dropped - before->tx_dropped;
	if (after.queue == before->queue) /* its counter has 32 bits */
		n += (uint32_t)(after.queue_dropped - before->queue_dropped);
	raw->n_dropped = n > n_full ? n - n_full : 0;
	raw->n_carrier_lost = after.n_carrier_lost - before->n_carrier_lost;
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
	int missed = thresholds_tell_missed(outcome, e->now) ? ENGINE_MISSED : 0,
	    verified = verify_judge(e->verified, err);

	if (e->signal)
		return 128 + e->signal;
	if (failure)
		return error_set(err, -EIO, "cannot send frames by %s: %s", e->plan.link.name,
				 failure);
	if (!e->now->raw.frames)
		return error_set(err, -ENODATA, "no frame was sent");
	return verified ?: missed;
}

static void reckon(struct outcome *outcome, const struct stats *stats)
{
	double seconds = outcome_seconds(outcome);

	if (seconds <= 0)
		return;
	outcome->due_per_s =
		pace_n_due(outcome->pace, 0, outcome->end_ns - outcome->start_ns) / seconds;
	outcome->reached_per_s = (double)stats->raw.frames / seconds;
}

/* While signals are still held: one more ends the wait for the sampler. */
static int verify(struct raw_engine *e, struct error *err)
{
	struct verify_sent sent;
	int r = make_account(e, err);

	if (r || !e->verify)
		return r;
	e->verified = calloc(1, sizeof(*e->verified));
	if (!e->verified)
		return error_set(err, -ENOMEM, "out of memory");
	verify_account(&e->account, verify_services(e->verify), &sent);
	verify_end(e->verify, &sent, e->verified);
	take_signal(e);
	return 0;
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
		.ending = e->ending,
		.signal = e->signal,
	};
	uint64_t n_ticks;
	int r;

	if (!e->verify)
		signals_release(&e->signals); /* one more ends what waits to be read */
	add_up(e, &n_ticks);
	outputs_row(&e->outputs, &e->run.pace.mean, e->run.start_ns, e->now, true);
	outcome.end_ns = e->now->time_ns;
	outcome.busiest_worker = busiest(e, &outcome);
	reckon(&outcome, e->now);
	find_dropped(e, &raw);
	r = verify(e, err);
	outcome.verified = e->verified;
	outcome.ending = e->ending;
	outcome.signal = e->signal;
	signals_release(&e->signals);
	r = r ?: outputs_end(&e->outputs, &outcome, e->now, err);
	return r ?: judge(e, &outcome, err);
}

static int run(struct raw_engine *e, const struct config *config, struct error *err)
{
	int r;

	e->notify_fd = e->run.notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	e->now = calloc(1, sizeof(*e->now));
	if (e->notify_fd < 0 || !e->now)
		return error_set(err, -ENOMEM, "cannot make an eventfd or memory for counters");
	r = outputs_open(config, &e->outputs, err);
	r = r ?: signals_hold(&e->signals, err);
	r = r ?: verify_open(config, &e->verify, err);
	r = r ?: raw_plan_make(config, true, &e->plan, err);
	r = r ?: verify_begin(e->verify, e->signals.fd, err);
	if (r == -ECANCELED) {
		log_warning("interrupted before anything was sent");
		take_signal(e);
		return 128 + e->signal;
	}
	if (r)
		return r;
	raw_link_stats(&e->plan.link, &e->before);
	e->run.config = config;
	e->run.sequence = &e->plan.sequence;
	r = make_workers(e, config, err);
	r = r ?: start_workers(e, config, err);
	if (r)
		return r;
	follow(e);
	take_signal(e);
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
	_cleanup_(engine_free) struct raw_engine e = { .notify_fd = -1, .signals.fd = -1 };

	for (uint32_t i = 0; i < LOADGEN_MAX_THREADS; i++)
		e.plan.fd[i] = -1;
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
