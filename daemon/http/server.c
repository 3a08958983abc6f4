// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The server: one thread, h2o's event loop, HTTP/1.1.
 *
 * Everything that a client can make grow has a bound: connections (those that have been silent for longest
 * make room for further ones, which wait in the kernel's queue meanwhile), the time that a request may take to arrive or an answer to leave, the size of both. HTTP/2
 * is off, this h2o is not safe against rapid reset.
 *
 * A stop lets open requests finish: nothing new is accepted, connections without a request are
 * closed, one that has just been accepted gets a second to say what it wants, and after five seconds
 * all end. The listening sockets are the caller's; h2o gets duplicates, because it closes what it has.
 *
 * Time is CLOCK_BOOTTIME, looked at between two rounds of the loop. h2o's own timers go by the wall
 * clock, and one that is set back stops them for as long; so whoever keeps us waiting then is sent
 * away.
 */
#include "http/server.h"

#include "http/access.h"
#include "http/connections.h"
#include "http/listener.h"
#include "http/request.h"
#include "http/response.h"
#include "http/stream.h"
#include "read/catalog.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define MAX_CONNECTIONS	   512
#define ACCEPTS_AT_ONCE	   16
#define ACCEPT_PAUSE_NS	   (100 * NSEC_PER_MSEC) /* without a descriptor or memory for one more */
#define REQUEST_TIMEOUT_MS 10000		 /* for a request to arrive, also its first byte */
#define MAX_BODY	   1024
#define COMPLAINT_NS	   (60 * NSEC_PER_SEC) /* between two warnings; others are for --verbose */
#define TICK_NS		   NSEC_PER_SEC
#define WARN_NS		   (24 * 3600 * NSEC_PER_SEC) /* between two warnings of a certificate */
#define SET_BACK_NS	   NSEC_PER_SEC		      /* by less, the wall clock may be slewed */
#define STOP_QUIET_TICKS   1 /* for a request on a connection that has had none */
#define STOP_TICKS	   5
#define LOOK_MS		   (3600 * 1000) /* between two looks at clocks, at most */
#define WAIT_FOREVER	   INT32_MAX
#define OTHER_DESCRIPTORS  (2 * CATALOG_MAX_FEEDS + 64)		     /* feeds have two each */
#define DESCRIPTORS	   (2 * MAX_CONNECTIONS + OTHER_DESCRIPTORS) /* a connection may have a file */
#define NEVER		   UINT64_MAX

struct handler {
	h2o_handler_t super;
	struct server *server;
};

struct listening {
	struct server *server;
	h2o_socket_t *socket;
	bool is_unix;
};

struct server {
	h2o_globalconf_t config;
	h2o_context_t context;
	struct connections connections;
	struct secrets *secrets;
	struct site site;
	char hostname[HOST_NAME_MAX + 1];
	const char **hosts;

	size_t n_listeners;
	struct listening listener[LISTENER_MAX];
	bool accepting;
	uint64_t accept_at_ns;	 /* after a pause; NEVER: there is none */
	uint64_t complain_at_ns; /* not before */

	size_t bytes_leaving;  /* site's */
	uint64_t tick_at_ns;   /* NEVER: there are no connections */
	int64_t wall_ahead_ns; /* of CLOCK_BOOTTIME */
	uint64_t warn_at_ns;   /* of CLOCK_REALTIME: of a certificate that expires */

	h2o_socket_t *signals;
	bool stopping;
	unsigned int stop_ticks;
};

/* ---- accepting ---- */

static void on_acceptable(h2o_socket_t *listener, const char *err);

static void accept_resume(struct server *server)
{
	if (server->accepting || server->stopping)
		return;
	server->accept_at_ns = NEVER;
	for (size_t i = 0; i < server->n_listeners; i++)
		h2o_socket_read_start(server->listener[i].socket, on_acceptable);
	server->accepting = true;
}

static void accept_hold(struct server *server)
{
	for (size_t i = 0; server->accepting && i < server->n_listeners; i++)
		h2o_socket_read_stop(server->listener[i].socket);
	server->accepting = false;
}

static void on_connection_close(void *user)
{
	accept_resume(user);
}

static void take_connection(const struct listening *listening, h2o_socket_t *socket)
{
	struct server *server = listening->server;

	if (server->tick_at_ns == NEVER)
		server->tick_at_ns = clock_boottime_ns() + TICK_NS;
	connections_take(&server->connections, socket, listening->is_unix,
			 listening->is_unix ? NULL : server->secrets->tls);
}

static void complain(struct server *server, const char *why)
{
	uint64_t now_ns = clock_boottime_ns();
	bool due = now_ns >= server->complain_at_ns;

	log_write(due ? LOG_WARNING : LOG_DEBUG, "no connection can be accepted for a moment: %s",
		  why);
	if (due)
		server->complain_at_ns = now_ns + COMPLAINT_NS;
}

/*
 * Retrying at once would spin: the connection that cannot be accepted stays at the queue's head. The next attempt is when
 * one closes, or after a pause, also where nobody could make room for it this time.
 */
static void make_room(struct server *server, const char *why)
{
	complain(server, why);
	connections_make_room(&server->connections, ACCEPTS_AT_ONCE);
	accept_hold(server);
	server->accept_at_ns = clock_boottime_ns() + ACCEPT_PAUSE_NS;
}

static void on_acceptable(h2o_socket_t *listener, const char *err)
{
	const struct listening *listening = listener->data;
	struct server *server = listening->server;

	for (int n = 0; !err && n < ACCEPTS_AT_ONCE; n++) {
		h2o_socket_t *connection;

		if (server->connections.n >= server->connections.max) {
			make_room(server, "as many are open as are allowed");
			return;
		}
		errno = 0;
		connection = h2o_evloop_socket_accept(listener);
		if (!connection) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				make_room(server, strerror(errno));
			return;
		}
		take_connection(listening, connection);
	}
}

/* ---- what is due ---- */

static void tick(struct server *server)
{
	bool ends = server->stopping && ++server->stop_ticks >= STOP_QUIET_TICKS;

	connections_end_stuck(&server->context);
	connections_end_handshakes(&server->connections, !ends);
	if (ends)
		connections_end_idle(&server->context, true);
	if (server->stop_ticks == STOP_TICKS)
		connections_end_all(&server->context);
}

static int64_t wall_ahead_ns(void)
{
	return (int64_t)(clock_realtime_ns() - clock_boottime_ns());
}

static void watch_wall_clock(struct server *server)
{
	int64_t ahead = wall_ahead_ns();

	if (ahead + (int64_t)SET_BACK_NS < server->wall_ahead_ns) {
		connections_end_waited_for(&server->context);
		server->warn_at_ns = 0;
	}
	server->wall_ahead_ns = ahead;
}

static void watch_certificate(struct server *server)
{
	uint64_t now_ns = clock_realtime_ns();

	if (now_ns < server->warn_at_ns)
		return;
	secrets_warn_expiry(server->secrets);
	server->warn_at_ns = now_ns + WARN_NS;
}

/* What is due by now. */
static void look_at_clocks(struct server *server)
{
	uint64_t now_ns = clock_boottime_ns();

	watch_wall_clock(server);
	watch_certificate(server);
	if (now_ns >= server->accept_at_ns) {
		server->accept_at_ns = NEVER;
		accept_resume(server);
	}
	if (now_ns >= streams_due_ns(server->site.streams))
		streams_tell(server->site.streams);
	if (now_ns < server->tick_at_ns)
		return;
	tick(server);
	server->tick_at_ns = server->connections.n ? now_ns + TICK_NS : NEVER;
	if (!server->connections.n)
		malloc_trim(0); /* what many of them have needed is not needed for long */
}

static int32_t wait_ms(const struct server *server)
{
	uint64_t now_ns = clock_boottime_ns();
	uint64_t streams_ns = streams_due_ns(server->site.streams);
	uint64_t at_ns = server->accept_at_ns < server->tick_at_ns ? server->accept_at_ns
								   : server->tick_at_ns;

	at_ns = streams_ns < at_ns ? streams_ns : at_ns;
	if (at_ns == NEVER)
		return LOOK_MS;
	return at_ns > now_ns ? (int32_t)((at_ns - now_ns) / NSEC_PER_MSEC + 1) : 0;
}

static void stop(struct server *server)
{
	if (server->stopping)
		return;
	log_info("stopping: %zu connections are open", server->connections.n);
	listeners_notify_stopping();
	accept_hold(server);
	server->accept_at_ns = NEVER;
	server->stopping = true;
	streams_end(server->site.streams);
	server->context.shutdown_requested =
		1; /* h2o's own call sets up timers of HTTP/2 as well */
	connections_end_idle(&server->context, false);
	server->tick_at_ns = clock_boottime_ns() + TICK_NS;
}

static void reload(struct server *server)
{
	listeners_notify_reload(true);
	if (secrets_reload(server->secrets))
		streams_judge_anew(server->site.streams);
	listeners_notify_reload(false);
}

static void on_signal(h2o_socket_t *signals, const char *err)
{
	struct signalfd_siginfo info;

	if (err || read(h2o_socket_get_fd(signals), &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(signals->data);
	else
		stop(signals->data);
}

/* ---- start and end ---- */

static int on_request(h2o_handler_t *super, h2o_req_t *req)
{
	struct handler *handler = H2O_STRUCT_FROM_MEMBER(struct handler, super, super);

	request_handle(&handler->server->site, req);
	return 0;
}

static int collect_hosts(struct server *server, const struct server_options *options)
{
	server->hosts = calloc(options->n_hosts + 1, sizeof(*server->hosts));
	if (!server->hosts)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_hosts; i++)
		server->hosts[i] = options->hosts[i];
	server->site.n_hosts = options->n_hosts;
	if (!gethostname(server->hostname, sizeof(server->hostname) - 1))
		server->hosts[server->site.n_hosts++] = server->hostname;
	server->site.hosts = server->hosts;
	return 0;
}

/* What is smaller goes into few packets as it is; level 1 is several times as fast as the usual 6. */
static void compress_answers(h2o_pathconf_t *path)
{
	h2o_compress_args_t args = { .min_size = 1024,
				     .gzip = { .quality = 1 },
				     .brotli = { .quality = -1 } };

	h2o_compress_register(path, &args);
}

/* All requests take the fallback path, so that one handler and one filter see each of them. */
static void configure(struct server *server, const struct server_options *options)
{
	h2o_globalconf_t *config = &server->config;
	struct handler *handler;
	h2o_hostconf_t *host;
	struct error err;

	h2o_config_init(config);
	config->server_name = h2o_iovec_init(H2O_STRLIT("sampler"));
	config->http1.req_timeout = REQUEST_TIMEOUT_MS;
	config->http1.upgrade_to_http2 = 0;
	config->max_request_entity_size = MAX_BODY;
	host = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	response_register_filter(&host->fallback_path);
	compress_answers(&host->fallback_path);
	handler = (struct handler *)h2o_create_handler(&host->fallback_path, sizeof(*handler));
	handler->super.on_req = on_request;
	handler->server = server;
	host->fallback_path.error_log.emit_request_errors = 0; /* no client fills the log */
	server->site.no_host = host->authority.hostport.base;
	if (assets_open(options->asset_dir, &host->fallback_path, &server->site.assets, &err))
		log_warning("no page at \"/\", only the API: %s", err.text);
}

/* As many descriptors as we may have, up to what we ever need. */
static rlim_t descriptor_limit(void)
{
	const rlim_t wanted = DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return wanted;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

/* Where there are too few, a third of them is for pins and histories. */
static size_t connection_limit(void)
{
	rlim_t limit = descriptor_limit();

	if (limit >= DESCRIPTORS)
		return MAX_CONNECTIONS;
	return limit / 3 ?: 1;
}

/* Streams make no room for others, so they may not have all connections. */
static size_t stream_limit(size_t wanted)
{
	size_t n = connection_limit(), most = n - n / 5;

	if (wanted <= most)
		return wanted;
	log_warning("streams = %zu: only %zu clients can follow, there are descriptors for %zu "
		    "connections (ulimit -n)",
		    wanted, most, n);
	return most;
}

static void start(struct server *server)
{
	h2o_loop_t *loop = h2o_evloop_create();

	h2o_context_init(&server->context, loop, &server->config);
	connections_init(&server->connections, &server->context, connection_limit(),
			 on_connection_close, server);
	server->accept_at_ns = server->tick_at_ns = NEVER;
	server->wall_ahead_ns = wall_ahead_ns();
	server->warn_at_ns = clock_realtime_ns() + WARN_NS; /* the start has warned */
}

static int watch_signals(struct server *server, struct error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "signalfd: %s", strerror(errno));
	server->signals =
		h2o_evloop_socket_create(server->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
	server->signals->data = server;
	h2o_socket_read_start(server->signals, on_signal);
	return 0;
}

static bool is_unix(int fd)
{
	struct address address = { .len = sizeof(address.storage) };

	return !getsockname(fd, &address.sa, &address.len) && address.sa.sa_family == AF_UNIX;
}

static int watch_listeners(struct server *server, const struct server_options *options,
			   struct error *err)
{
	for (size_t i = 0; i < options->n_listener_fds && i < LISTENER_MAX; i++) {
		int fd = fcntl(options->listener_fds[i], F_DUPFD_CLOEXEC, 0);
		struct listening *listening = &server->listener[i];

		if (fd < 0)
			return error_set(err, -errno, "a listening socket: %s", strerror(errno));
		listening->server = server;
		listening->is_unix = is_unix(fd);
		listening->socket = h2o_evloop_socket_create(server->context.loop, fd,
							     H2O_SOCKET_FLAG_DONT_READ);
		listening->socket->data = listening;
		server->n_listeners++;
	}
	accept_resume(server);
	return 0;
}

/**
 * server_open() - get ready to answer
 * @options: what is served, and where; all of it has to outlive the server
 * @ret_server: to be closed with server_close()
 * @err: why not
 *
 * From here on SIGTERM, SIGINT and SIGHUP are blocked and wait for server_run(). A page that is not
 * there is a warning in the log.
 *
 * Return: 0 or negative errno.
 */
int server_open(const struct server_options *options, struct server **ret_server, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server || collect_hosts(server, options) || answers_create(&server->site.answers) ||
	    access_create(&options->secrets->tokens, &server->site.access) ||
	    streams_create(options->catalog, stream_limit(options->max_streams),
			   &server->site.streams)) {
		if (server) {
			answers_free(server->site.answers);
			access_free(server->site.access);
			free(server->hosts);
		}
		free(server);
		return error_set(err, -ENOMEM, "no memory");
	}
	server->site.catalog = options->catalog;
	server->secrets = options->secrets;
	server->site.secrets = options->secrets;
	server->site.bytes_leaving = &server->bytes_leaving;
	configure(server, options);
	start(server);
	r = watch_signals(server, err) ?: watch_listeners(server, options, err);
	if (r)
		server_close(server);
	else
		*ret_server = server;
	return r;
}

/**
 * server_turn() - do what there is to do
 * @server: from server_open()
 * @max_wait_ms: how long to wait for something, at most
 * @err: why nothing can be done any more
 *
 * Return: 0 or negative errno.
 */
int server_turn(struct server *server, int32_t max_wait_ms, struct error *err)
{
	int32_t wait = wait_ms(server);

	if (h2o_evloop_run(server->context.loop, wait < max_wait_ms ? wait : max_wait_ms) &&
	    errno != EINTR)
		return error_set(err, -errno, "waiting for events: %s", strerror(errno));
	connections_end_large(&server->context);
	h2o_filecache_clear(server->context.filecache);
	look_at_clocks(server);
	return 0;
}

/**
 * server_run() - answer requests until SIGTERM or SIGINT, and finish those that are open then
 * @server: from server_open(); has no more connections afterwards
 * @err: why it ended by itself
 *
 * Return: 0 or negative errno.
 */
int server_run(struct server *server, struct error *err)
{
	int r = 0;

	while (!r &&
	       (!server->stopping || (server->connections.n && server->stop_ticks <= STOP_TICKS)))
		r = server_turn(server, WAIT_FOREVER, err);
	return r;
}

/** server_close() - release everything but the listening sockets and the catalog */
void server_close(struct server *server)
{
	h2o_loop_t *loop = server->context.loop;

	if (server->connections.n)
		return; /* h2o cannot let go of them: the end of the process has to */
	for (size_t i = 0; i < server->n_listeners; i++)
		h2o_socket_close(server->listener[i].socket);
	if (server->signals)
		h2o_socket_close(server->signals);
	h2o_context_dispose(&server->context);
	h2o_config_dispose(&server->config);
	h2o_evloop_destroy(loop);
	assets_close(&server->site.assets);
	answers_free(server->site.answers);
	access_free(server->site.access);
	streams_free(server->site.streams);
	free(server->hosts);
	free(server);
}
