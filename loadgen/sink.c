// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The sink from its start to its end, as the main thread sees it: addresses, certificate and workers,
 * then a line a second until a signal ends it, and the summary.
 */
#include "sink.h"

#include "monotonic.h"
#include "sink-listen.h"
#include "sink-report.h"
#include "sink-worker.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define OTHER_FILES	32 /* descriptors besides connections and those of workers */
#define FILES_A_WORKER	(3 + SINK_MAX_ADDRESSES)
#define MIN_CONNECTIONS 16

struct server {
	struct sink_config config;
	struct sink sink;
	struct sink_worker *worker;
	uint32_t n_made;
	int signal_fd;
	struct sink_sum start, before;
};

/* ---- before anything starts ---- */

/* As many connections as there can be descriptors. */
static int find_max_connections(struct server *s, struct error *err)
{
	uint32_t threads = s->config.threads;
	rlim_t others = FILES_A_WORKER * (rlim_t)threads + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set(err, -errno, "cannot read RLIMIT_NOFILE: %s", strerror(errno));
	if (limit.rlim_cur < others + SINK_MAX_CONNECTIONS) {
		limit.rlim_cur = limit.rlim_max < others + SINK_MAX_CONNECTIONS
					 ? limit.rlim_max
					 : others + SINK_MAX_CONNECTIONS;
		setrlimit(RLIMIT_NOFILE, &limit); /* to what it is allowed anyway */
	}
	if (limit.rlim_cur < others + MIN_CONNECTIONS)
		return error_set(err, -EMFILE,
				 "%u threads need more open files than the limit of %ju (ulimit "
				 "-n N in the same shell, or LimitNOFILE= of a unit)",
				 threads, (uintmax_t)limit.rlim_cur);
	limit.rlim_cur -= others;
	if (limit.rlim_cur > SINK_MAX_CONNECTIONS)
		limit.rlim_cur = SINK_MAX_CONNECTIONS;
	s->sink.max_connections = (uint32_t)(limit.rlim_cur + threads - 1) / threads;
	return 0;
}

static int fill_arena(struct sink *sink, struct error *err)
{
	ssize_t n;

	sink->arena = malloc(SINK_ARENA_SIZE);
	if (!sink->arena)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t done = 0; done < SINK_ARENA_SIZE; done += (size_t)n) {
		n = getrandom(sink->arena + done, SINK_ARENA_SIZE - done, 0);
		if (n < 0)
			return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	}
	return 0;
}

/* They stay blocked: when the sink has ended, there is nothing more to interrupt than its summary. */
static int hold_signals(struct server *s, struct error *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0)
		return error_set(err, -errno, "cannot wait for signals: %s", strerror(errno));
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* OpenSSL writes without MSG_NOSIGNAL */
	return 0;
}

static int make_workers(struct server *s, struct error *err)
{
	uint32_t n = s->config.threads;
	int r;

	s->worker = calloc(n, sizeof(*s->worker));
	if (!s->worker)
		return error_set(err, -ENOMEM, "out of memory for %u threads", n);
	for (uint32_t i = 0; i < n; i++) {
		s->n_made = i + 1;
		r = sink_worker_init(&s->worker[i], &s->sink, err);
		if (r)
			return r;
	}
	return 0;
}

static int make(struct server *s, struct error *err)
{
	struct sink_config *config = &s->config;
	int r = find_max_connections(s, err);

	if (!r)
		r = fill_arena(&s->sink, err);
	if (!r)
		r = sink_identity_make(config->address, config->n_addresses, &s->sink.identity,
				       err);
	if (!r)
		r = make_workers(s, err);
	if (!r)
		r = sink_bind(config, s->worker[0].listen_fd, err);
	for (uint32_t i = 1; !r && i < config->threads; i++)
		r = sink_bind_more(config, s->worker[i].listen_fd, err);
	return r;
}

static int start(struct server *s, struct error *err)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < s->config.threads; i++)
		r = sink_listen(&s->config, s->worker[i].listen_fd, err);
	for (uint32_t i = 0; !r && i < s->config.threads; i++)
		r = sink_worker_start(&s->worker[i], err);
	return r;
}

static void join(struct server *s)
{
	for (uint32_t i = 0; i < s->n_made; i++)
		sink_worker_stop(&s->worker[i]);
	for (uint32_t i = 0; i < s->n_made; i++)
		sink_worker_join(&s->worker[i]);
}

static void server_free(struct server *s)
{
	join(s);
	for (uint32_t i = 0; i < s->n_made; i++)
		sink_worker_free(&s->worker[i]);
	free(s->worker);
	free(s->sink.arena);
	sink_identity_free(&s->sink.identity);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
}

/* ---- until a signal ---- */

static void add_up(const struct server *s, struct sink_sum *sum)
{
	*sum = (struct sink_sum){
		.time_ns = monotonic_ns(),
		.max_connections = s->sink.max_connections,
	};
	for (uint32_t i = 0; i < s->n_made; i++) {
		sum->cpu_ns += __atomic_load_n(&s->worker[i].cpu_ns, __ATOMIC_RELAXED);
		for (unsigned int j = 0; j < SINK_N_COUNTS; j++)
			sum->stats.count[j] += sink_count_read(&s->worker[i].stats, j);
	}
}

/* A line that nobody reads is left out, and so is one of nothing. */
static int show_second(struct server *s, FILE *out)
{
	struct pollfd reader = { .fd = fileno(out), .events = POLLOUT };
	struct sink_sum now;
	int r = 0;

	add_up(s, &now);
	if (!poll(&reader, 1, 0))
		return 0;
	if (memcmp(&now.stats, &s->before.stats, sizeof(now.stats)))
		r = sink_report_line(&s->start, &s->before, &now, out);
	s->before = now;
	return r;
}

/* Return: 0, or negative errno when there is nobody to show lines to. */
static int follow(struct server *s, FILE *out)
{
	struct pollfd signals = { .fd = s->signal_fd, .events = POLLIN };
	uint64_t next = s->start.time_ns + NSEC_PER_SEC, now;
	int r = 0;

	while (!r) {
		now = monotonic_ns();
		if (now >= next) {
			r = s->config.quiet ? 0 : show_second(s, out);
			next += ((now - next) / NSEC_PER_SEC + 1) * NSEC_PER_SEC;
		} else if (poll(&signals, 1, (int)((next - now) / NSEC_PER_MSEC) + 1) > 0) {
			return 0;
		}
	}
	return r;
}

/* Who forgets a sink has left an open port behind. */
static void warn_of_others(const struct sink_config *config)
{
	char text[ADDRESS_TEXT_MAX];

	for (unsigned int i = 0; i < config->n_addresses; i++) {
		if (address_is_local(&config->address[i]))
			continue;
		address_format(&config->address[i], text);
		log_warning("%s: other machines can reach this, and the sink answers everyone",
			    text);
	}
}

static int run(struct server *s, FILE *out, struct error *err)
{
	struct sink_sum end;
	int r = make(s, err);

	r = r ?: hold_signals(s, err);
	r = r ?: start(s, err);
	if (r)
		return r;
	add_up(s, &s->start);
	s->before = s->start;
	warn_of_others(&s->config);
	r = sink_report_addresses(&s->config, s->config.json ? stderr : out);
	r = r ?: follow(s, out);
	join(s);
	add_up(s, &end);
	if (!r)
		r = (s->config.json ? sink_report_json : sink_report_summary)(&s->start, &end, out);
	if (r)
		return error_set(err, r, "cannot write to standard output: %s", strerror(-r));
	return 0;
}

/**
 * sink_run() - serve until SIGINT or SIGTERM, and tell what was had
 * @config: from sink_config_resolve()
 * @err: why it could not
 *
 * Return: 0 or negative errno.
 */
int sink_run(const struct sink_config *config, struct error *err)
{
	_cleanup_(server_free) struct server s = { .config = *config, .signal_fd = -1 };

	s.sink.config = &s.config;
	sink_tls_transport(&s.sink.tls);
	return run(&s, stdout, err);
}
