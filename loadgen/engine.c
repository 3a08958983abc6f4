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

#include "monotonic.h"
#include "report.h"
#include "schedule.h"
#include "stats.h"
#include "target.h"
#include "transport.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define OTHER_FILES	32 /* descriptors besides connections and those of workers */
#define FILES_A_WORKER	4
#define START_MARGIN_NS NSEC_PER_MSEC	      /* for all workers to hear of the start */
#define MIN_LINE_NS	(100 * NSEC_PER_MSEC) /* of the last line, which is seldom a whole second */

struct engine {
	struct run run;
	const struct transport *transport;
	struct target target;
	struct worker *worker;
	uint32_t n_workers, n_made; /* n_made: of those that are to be freed */
	int signal_fd, notify_fd;
	int signal; /* that was received, or 0 */
	sigset_t mask_before;
	struct sigaction pipe_before;
	bool signals_blocked, pipe_ignored;

	struct progress progress;
	uint64_t start_ns;
	uint64_t n_ticks;	    /* of the slowest worker, as of now */
	struct stats *before, *now; /* of all workers: as of the last line, and of this one */
	struct wire probe;	    /* what finding the target has taken */
	struct wire opened;	    /* and the connections, before the start */
};

/* ---- before anything starts ---- */

static int raise_file_limit(const struct config *config, struct error *err)
{
	rlim_t need = config->connections + FILES_A_WORKER * (rlim_t)config->threads + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set(err, -errno, "cannot read RLIMIT_NOFILE: %s", strerror(errno));
	if (limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = need;
	if (limit.rlim_max < need)
		limit.rlim_max = need; /* for those who may */
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return error_set(err, -EMFILE,
			 "%u connections need %ju open files, but the limit is lower "
			 "(ulimit -n %ju, as root, or fewer connections)",
			 config->connections, (uintmax_t)need, (uintmax_t)need);
}

static int run_init(struct engine *e, const struct config *config, struct error *err)
{
	struct run *run = &e->run;

	e->transport = transport_for(config);
	*run = (struct run){
		.config = config,
		.transport = e->transport,
		.target = &e->target,
		.n_requests = run_n_requests(config),
		.notify_fd = e->notify_fd,
	};
	if (config->rate > 0)
		pace_from_rate(config->rate, &run->pace);
	else
		pace_from_bandwidth(config->bandwidth_bps, config->request_size, &run->pace);
	if (getrandom(&run->fresh_base, sizeof(run->fresh_base), 0) < 0)
		return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	return target_find(config, e->transport, &e->target, &e->probe, err);
}

/* A connection can have one request under way, and thinks after each. */
static void check_feasible(const struct engine *e)
{
	const struct config *config = e->run.config;
	const struct pace *pace = &e->run.pace;
	double cycle_s = (double)(config->latency_ns + e->target.round_trip_ns) / 1e9;
	double rate, most;

	if (!pace->requests_num)
		return;
	rate = (double)pace->requests_num * 1e9 / (double)pace->ns_den;
	most = config->connections / cycle_s;
	if (most >= rate)
		return;
	log_warning(
		"%u connections cannot send %.6g requests a second: each takes at least %.3f ms "
		"(latency and a round trip), which makes %.6g a second at most; it takes %.0f "
		"connections or more",
		config->connections, rate, cycle_s * 1e3, most, rate * cycle_s + 0.5);
}

/* Not an error: a file for https can be used with --url http://... as well. */
static void check_authorities(const struct config *config)
{
	if (config->ca_file[0] && !config->tls)
		log_warning("ca_file %s is not used: http has no certificates", config->ca_file);
	else if (config->ca_file[0] && !config->verify)
		log_warning("ca_file %s is not used: verify = no (--insecure) trusts any "
			    "certificate",
			    config->ca_file);
}

static int hold_signals(struct engine *e, struct error *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	e->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (e->signal_fd < 0)
		return error_set(err, -errno, "cannot wait for signals: %s", strerror(errno));
	sigaction(SIGPIPE, &ignore, &e->pipe_before); /* OpenSSL writes without MSG_NOSIGNAL */
	e->pipe_ignored = true;
	pthread_sigmask(SIG_BLOCK, &set, &e->mask_before);
	e->signals_blocked = true;
	return 0;
}

/* From then on they end the program, as they do by default. */
static void release_signals(struct engine *e)
{
	if (e->signals_blocked)
		pthread_sigmask(SIG_SETMASK, &e->mask_before, NULL);
	e->signals_blocked = false;
}

static int make_workers(struct engine *e, struct error *err)
{
	int r;

	e->n_workers = e->run.config->threads;
	e->worker = calloc(e->n_workers, sizeof(*e->worker));
	e->before = calloc(1, sizeof(*e->before));
	e->now = calloc(1, sizeof(*e->now));
	if (!e->worker || !e->before || !e->now)
		return error_set(err, -ENOMEM, "out of memory for %u threads", e->n_workers);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		e->n_made = i + 1;
		r = worker_init(&e->worker[i], &e->run, i, err);
		if (r)
			return r;
	}
	return 0;
}

static void stop_workers(struct engine *e)
{
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
	free(e->before);
	free(e->now);
	if (e->signal_fd >= 0)
		close(e->signal_fd);
	if (e->notify_fd >= 0)
		close(e->notify_fd);
	if (e->pipe_ignored)
		sigaction(SIGPIPE, &e->pipe_before, NULL);
	release_signals(e);
}

/* ---- waiting ---- */

static void take_signal(struct engine *e)
{
	struct signalfd_siginfo info;

	if (read(e->signal_fd, &info, sizeof(info)) != sizeof(info) || e->signal)
		return;
	e->signal = (int)info.ssi_signo;
	stop_workers(e);
}

/* Until a worker has told something, or a signal came. */
static void wait_for_news(struct engine *e)
{
	struct pollfd fds[] = { { .fd = e->notify_fd, .events = POLLIN },
				{ .fd = e->signal_fd, .events = POLLIN } };
	uint64_t drained;

	if (poll(fds, array_size(fds), -1) < 0)
		return;
	if (fds[0].revents && read(e->notify_fd, &drained, sizeof(drained)) < 0)
		return;
	if (fds[1].revents)
		take_signal(e);
}

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
 * A line when all workers have told of a second more, and one for what is left of a second at the
 * end. A worker can be behind the others, and whoever reads the lines as well: then lines are fewer
 * and tell of more than a second each.
 */
static int show_news(struct engine *e)
{
	struct stats *before = e->before;
	int r;

	if (!e->start_ns || !all_workers(e, has_ticked, e->n_ticks + 1))
		return 0;
	add_up(e, e->now);
	if (e->now->time_ns < before->time_ns + MIN_LINE_NS)
		return 0;
	r = progress_line(&e->progress, e->start_ns, before, e->now);
	if (r)
		return r == -EAGAIN ? 0 : r;
	e->before = e->now;
	e->now = before;
	return 0;
}

static void begin(struct engine *e)
{
	e->start_ns = monotonic_ns() + START_MARGIN_NS;
	add_up(e, e->before);
	e->opened = e->before->wire;
	e->before->time_ns = e->start_ns;
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_begin(&e->worker[i], e->start_ns);
}

/* Return: 0, or negative errno when there is nobody to show lines to. */
static int follow(struct engine *e, FILE *out)
{
	bool shown = !e->run.config->quiet;
	int r = 0;

	while (!e->signal && !all_workers(e, is_ready, 0))
		wait_for_news(e);
	if (!e->signal)
		begin(e);
	progress_init(&e->progress, e->run.config, out);
	if (shown)
		progress_begin(&e->progress);
	while (!all_workers(e, has_ended, 0)) {
		wait_for_news(e);
		if (!shown || r)
			continue;
		r = show_news(e);
		if (r)
			stop_workers(e);
	}
	if (shown && !r)
		progress_end(&e->progress);
	return r;
}

static double busiest(const struct engine *e, const struct stats *sum)
{
	uint64_t elapsed = sum->time_ns - e->start_ns, most = 0;

	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (e->worker[i].stats.cpu_ns > most)
			most = e->worker[i].stats.cpu_ns;
	}
	return e->start_ns && elapsed ? (double)most / (double)elapsed : 0;
}

static int conclude(struct engine *e, FILE *out, struct error *err)
{
	struct outcome outcome = {
		.config = e->run.config,
		.target = &e->target,
		.start_ns = e->start_ns,
		.n_requests = e->run.n_requests,
		.signal = e->signal,
	};
	const struct phase_errors *first;
	int r;

	add_up(e, e->now);
	outcome.apart = e->start_ns ? e->opened : e->now->wire;
	wire_add(&outcome.apart, &e->probe);
	wire_add(&outcome.apart, &e->now->closing);
	wire_add(&e->now->wire, &e->probe);
	wire_add(&e->now->wire, &e->now->closing);
	outcome.end_ns = e->now->time_ns;
	outcome.busiest_worker = busiest(e, e->now);
	r = report_summary(&outcome, e->now, out);
	if (r)
		return error_set(err, r, "cannot write the summary: %s", strerror(-r));
	if (e->signal)
		return 128 + e->signal;
	if (e->now->n_completed)
		return 0;
	first = stats_first_error(e->now);
	return error_set(err, -ENODATA, "no request was completed%s%s", first ? ": " : "",
			 first ? first->first : "");
}

static int run(struct engine *e, const struct config *config, struct error *err)
{
	int r;

	e->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (e->notify_fd < 0)
		return error_set(err, -errno, "cannot make an eventfd: %s", strerror(errno));
	check_authorities(config);
	r = raise_file_limit(config, err);
	if (!r)
		r = run_init(e, config, err);
	if (r)
		return r;
	check_feasible(e);
	r = hold_signals(e, err);
	if (!r)
		r = make_workers(e, err);
	if (!r)
		r = start_workers(e, err);
	if (r)
		return r;
	r = follow(e, stdout);
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_join(&e->worker[i]);
	take_signal(e); /* that came too late to end anything */
	release_signals(e);
	if (r)
		return error_set(err, r, "cannot write to standard output: %s", strerror(-r));
	return conclude(e, stdout, err);
}

/**
 * engine_run() - do what a configuration asks for, and report on standard output
 * @config: a configuration that was resolved without an error
 * @err: why there is nothing to show for it
 *
 * SIGINT and SIGTERM end the run early, with a full report. They are blocked as long as it lasts,
 * and SIGPIPE is ignored. Nobody has to read what is written while it lasts; whoever does not read
 * the summary can end the program by a signal.
 *
 * Return: 0 when the run is done; 128 + the number of the signal that ended it; negative errno
 * when it could not start, nothing was completed, or the report could not be written.
 */
int engine_run(const struct config *config, struct error *err)
{
	_cleanup_(engine_free) struct engine e = { .signal_fd = -1, .notify_fd = -1 };

	return run(&e, config, err);
}
