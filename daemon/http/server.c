// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The server: one thread, h2o's event loop, HTTP/1.1.
 *
 * Everything that a client can make grow has a bound: connections (further ones wait in the kernel's
 * queue), the time that a request may take to arrive or an answer to leave, the size of both. HTTP/2
 * is off, this h2o is not safe against rapid reset.
 *
 * A stop lets open requests finish: nothing new is accepted, connections without a request are
 * closed, one that has just been accepted gets a second to say what it wants, and after five seconds
 * all end. The listening sockets are the caller's; h2o gets duplicates, because it closes what it has.
 */
#include "http/server.h"

#include "http/listener.h"
#include "http/request.h"
#include "http/response.h"
#include "util/cleanup.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <h2o/http1.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define MAX_CONNECTIONS	   512
#define ACCEPTS_AT_ONCE	   16
#define ACCEPT_PAUSE_MS	   100	 /* when the system has no descriptor or no memory for one more */
#define REQUEST_TIMEOUT_MS 10000 /* for a request to arrive, also its first byte */
#define RESPONSE_TIMEOUT_S 60	 /* for an answer to be taken */
#define MAX_BODY	   1024
#define COMPLAINT_MS	   60000 /* between two warnings; the others are for --verbose */
#define TICK_MS		   1000
#define STOP_QUIET_TICKS   1 /* for a request on a connection that has had none */
#define STOP_TICKS	   5
#define WAIT_FOREVER	   INT32_MAX

struct handler {
	h2o_handler_t super;
	struct server *server;
};

struct server {
	h2o_globalconf_t config;
	h2o_context_t context;
	h2o_accept_ctx_t accept;
	struct site site;
	char hostname[HOST_NAME_MAX + 1];
	const char **hosts;

	size_t n_listeners;
	h2o_socket_t *listener[LISTENER_MAX];
	bool accepting;
	h2o_timeout_t pause;
	h2o_timeout_entry_t paused;
	uint64_t complain_at_ms; /* not before, on the loop's clock */

	size_t n_connections, max_connections;
	h2o_timeout_t tick; /* runs while there are connections */
	h2o_timeout_entry_t ticking;

	h2o_socket_t *signals;
	bool stopping;
	unsigned int stop_ticks;
};

/* ---- accepting ---- */

static void on_acceptable(h2o_socket_t *listener, const char *err);

static void accept_resume(struct server *server)
{
	if (server->accepting || server->stopping ||
	    server->n_connections >= server->max_connections)
		return;
	h2o_timeout_unlink(&server->paused);
	for (size_t i = 0; i < server->n_listeners; i++)
		h2o_socket_read_start(server->listener[i], on_acceptable);
	server->accepting = true;
}

static void accept_hold(struct server *server)
{
	for (size_t i = 0; server->accepting && i < server->n_listeners; i++)
		h2o_socket_read_stop(server->listener[i]);
	server->accepting = false;
}

static void on_pause_end(h2o_timeout_entry_t *entry)
{
	accept_resume(H2O_STRUCT_FROM_MEMBER(struct server, paused, entry));
}

static void on_connection_close(void *user)
{
	struct server *server = user;

	server->n_connections--;
	if (!h2o_timeout_is_linked(&server->paused))
		accept_resume(server);
}

static void take_connection(struct server *server, h2o_socket_t *connection)
{
	connection->on_close.cb = on_connection_close;
	connection->on_close.data = server;
	server->n_connections++;
	if (!h2o_timeout_is_linked(&server->ticking))
		h2o_timeout_link(server->context.loop, &server->tick, &server->ticking);
	h2o_accept(&server->accept, connection);
}

static void complain(struct server *server, const char *why)
{
	uint64_t now_ms = h2o_now(server->context.loop);
	bool due = now_ms >= server->complain_at_ms;

	log_write(due ? LOG_WARNING : LOG_DEBUG, "no connection can be accepted for a moment: %s",
		  why);
	if (due)
		server->complain_at_ms = now_ms + COMPLAINT_MS;
}

/* Retrying at once would spin: the connection that cannot be accepted stays at the queue's head. */
static void on_accept_failure(struct server *server)
{
	if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
		return;
	complain(server, strerror(errno));
	accept_hold(server);
	h2o_timeout_link(server->context.loop, &server->pause, &server->paused);
}

static void on_acceptable(h2o_socket_t *listener, const char *err)
{
	struct server *server = listener->data;

	for (int n = 0; !err && n < ACCEPTS_AT_ONCE; n++) {
		h2o_socket_t *connection;

		if (server->n_connections >= server->max_connections) {
			complain(server, "as many are open as are allowed");
			accept_hold(server); /* until one closes */
			return;
		}
		errno = 0;
		connection = h2o_evloop_socket_accept(listener);
		if (!connection) {
			on_accept_failure(server);
			return;
		}
		take_connection(server, connection);
	}
}

/* ---- connections that take too long, and the end of all ---- */

static h2o_socket_t *connection_of(const h2o_req_t *req)
{
	return req->conn->callbacks->get_socket(req->conn);
}

/* h2o has no call that ends a connection; this one makes it find out by itself. */
static void end_connection(h2o_req_t *req, int how)
{
	shutdown(h2o_socket_get_fd(connection_of(req)), how);
}

/* h2o bounds the time that a request takes to arrive. This bounds that of its answer. */
static int end_if_stuck(h2o_req_t *req, void *user)
{
	const struct timeval *began = &req->timestamps.response_start_at;
	const struct timeval *now = user;

	if (began->tv_sec && now->tv_sec - began->tv_sec > RESPONSE_TIMEOUT_S)
		end_connection(req, SHUT_RDWR);
	return 0;
}

/* Between two requests, or before the first one. What it has sent already is still read. */
static int end_if_idle(h2o_req_t *req, void *user)
{
	const bool *untouched_too = user;

	if (!req->timestamps.request_begin_at.tv_sec &&
	    (*untouched_too || connection_of(req)->bytes_read))
		end_connection(req, SHUT_RD);
	return 0;
}

static int end_in_any_case(h2o_req_t *req, void *user)
{
	(void)user;
	end_connection(req, SHUT_RDWR);
	return 0;
}

static void for_each_connection(struct server *server, int (*fn)(h2o_req_t *, void *), void *user)
{
	server->config.http1.callbacks.foreach_request(&server->context, fn, user);
}

static void on_tick(h2o_timeout_entry_t *entry)
{
	struct server *server = H2O_STRUCT_FROM_MEMBER(struct server, ticking, entry);
	struct timeval now = *h2o_get_timestamp(&server->context, NULL, NULL);
	bool untouched_too = true;

	for_each_connection(server, end_if_stuck, &now);
	if (server->stopping && ++server->stop_ticks >= STOP_QUIET_TICKS)
		for_each_connection(server, end_if_idle, &untouched_too);
	if (server->stop_ticks == STOP_TICKS)
		for_each_connection(server, end_in_any_case, NULL);
	if (server->n_connections)
		h2o_timeout_link(server->context.loop, &server->tick, &server->ticking);
}

static void stop(struct server *server)
{
	bool untouched_too = false;

	if (server->stopping)
		return;
	log_info("stopping: %zu connections are open", server->n_connections);
	listeners_notify_stopping();
	accept_hold(server);
	server->stopping = true;
	server->context.shutdown_requested =
		1; /* h2o's own call sets up timers of HTTP/2 as well */
	for_each_connection(server, end_if_idle, &untouched_too);
	h2o_timeout_unlink(&server->ticking);
	h2o_timeout_link(server->context.loop, &server->tick, &server->ticking);
}

static void on_signal(h2o_socket_t *signals, const char *err)
{
	struct signalfd_siginfo info;

	if (err || read(h2o_socket_get_fd(signals), &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		log_notice("the configuration is read at the start only: restart to apply changes");
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
	handler = (struct handler *)h2o_create_handler(&host->fallback_path, sizeof(*handler));
	handler->super.on_req = on_request;
	handler->server = server;
	host->fallback_path.error_log.emit_request_errors = 0; /* no client fills the log */
	server->site.no_host = host->authority.hostport.base;
	if (assets_open(options->asset_dir, &host->fallback_path, &server->site.assets, &err))
		log_warning("no page at \"/\", only the API: %s", err.text);
}

/* Half of the descriptors is for pins, histories and files. */
static size_t connection_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 >= MAX_CONNECTIONS)
		return MAX_CONNECTIONS;
	return limit.rlim_cur / 2 ?: 1;
}

static void start(struct server *server)
{
	h2o_loop_t *loop = h2o_evloop_create();

	h2o_context_init(&server->context, loop, &server->config);
	server->accept =
		(h2o_accept_ctx_t){ .ctx = &server->context, .hosts = server->config.hosts };
	h2o_timeout_init(loop, &server->pause, ACCEPT_PAUSE_MS);
	h2o_timeout_init(loop, &server->tick, TICK_MS);
	server->paused.cb = on_pause_end;
	server->ticking.cb = on_tick;
	server->max_connections = connection_limit();
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

static int watch_listeners(struct server *server, const struct server_options *options,
			   struct error *err)
{
	for (size_t i = 0; i < options->n_listener_fds && i < LISTENER_MAX; i++) {
		int fd = fcntl(options->listener_fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return error_set(err, -errno, "a listening socket: %s", strerror(errno));
		server->listener[i] = h2o_evloop_socket_create(server->context.loop, fd,
							       H2O_SOCKET_FLAG_DONT_READ);
		server->listener[i]->data = server;
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

	if (!server || collect_hosts(server, options) || answers_create(&server->site.answers)) {
		if (server)
			free(server->hosts);
		free(server);
		return error_set(err, -ENOMEM, "no memory");
	}
	server->site.catalog = options->catalog;
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
 * server_run() - answer requests until SIGTERM or SIGINT, and finish those that are open then
 * @server: from server_open(); has no more connections afterwards
 * @err: why it ended by itself
 *
 * Return: 0 or negative errno.
 */
int server_run(struct server *server, struct error *err)
{
	while (!server->stopping || (server->n_connections && server->stop_ticks <= STOP_TICKS)) {
		if (h2o_evloop_run(server->context.loop, WAIT_FOREVER) && errno != EINTR)
			return error_set(err, -errno, "waiting for events: %s", strerror(errno));
		h2o_filecache_clear(server->context.filecache);
	}
	return 0;
}

/** server_close() - release everything but the listening sockets and the catalog */
void server_close(struct server *server)
{
	h2o_loop_t *loop = server->context.loop;

	if (server->n_connections)
		return; /* h2o cannot let go of them: the end of the process has to */
	for (size_t i = 0; i < server->n_listeners; i++)
		h2o_socket_close(server->listener[i]);
	if (server->signals)
		h2o_socket_close(server->signals);
	h2o_timeout_unlink(&server->paused);
	h2o_timeout_unlink(&server->ticking);
	h2o_timeout_dispose(loop, &server->pause);
	h2o_timeout_dispose(loop, &server->tick);
	h2o_context_dispose(&server->context);
	h2o_config_dispose(&server->config);
	h2o_evloop_destroy(loop);
	assets_close(&server->site.assets);
	answers_free(server->site.answers);
	free(server->hosts);
	free(server);
}
