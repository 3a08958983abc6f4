// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The whole of sampler-web's HTTP: any bytes on a connection to a server in this process, with its real endpoints over
 * histories of two interfaces. By the first byte's lowest bit they come to a UNIX socket or to one that asks for
 * a token, which no input can know.
 *
 * What comes back are responses, those of ours with their headers, none with a path of the host, and none that tells
 * anything to who has no token.
 */
#include "fuzz.h"

#include "http/listener.h"
#include "http/server.h"
#include "store/history.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/socket.h>

#define ROUNDS_AT_REST 3
#define ANSWER_MAX     (4 << 20)
#define PAGE	       "<!doctype html><title>the page</title>\n"

static char folder[] = "/dev/shm/fuzz-request-XXXXXX";
static struct server *server;
static struct secrets secrets;
static struct listeners listeners;
static char *answer;

static void clean_up(void)
{
	fuzz_empty_folder(folder);
	rmdir(folder);
	free(answer);
}

static void make_file(const char *name, const char *text)
{
	_cleanup_close_ int dir = open(folder, O_PATH | O_CLOEXEC);
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	fuzz_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void make_history(const char *name)
{
	static const struct history_geometry geometry = { .interval_ns = NSEC_PER_SEC,
							  .fine_records = 60,
							  .medium_span_ns =
								  20 * HISTORY_MEDIUM_STEP_NS,
							  .coarse_span_ns =
								  10 * HISTORY_COARSE_STEP_NS };
	static const struct history_source source = { .counters_id = 77,
						      .boot_id = "boot",
						      .ifindex = 3,
						      .services = { { "http", "https" } } };
	const struct history_place place = { folder, name, name, (uid_t)-1, (gid_t)-1 };
	struct history_writer *writer;
	struct sample sample = {};
	struct error err;

	fuzz_assert(!history_open_writer(&place, &geometry, &writer, &err));
	for (uint64_t t = 1; t <= 100; t++) {
		sample.boottime_ns = clock_boottime_ns() - (101 - t) * NSEC_PER_SEC;
		sample.realtime_ns = clock_realtime_ns() - (101 - t) * NSEC_PER_SEC;
		sample.direction[0].l3[0].packets += t;
		sample.direction[0].l3[0].bytes += 100 * t;
		sample.flags = t > 50 ? SAMPLE_TX : 0;
		sample.direction[1].l3[1].packets += t;
		fuzz_assert(history_begin_epoch(writer, &source, &sample) >= 0);
		fuzz_assert(!history_append(writer, &sample));
	}
	history_close_writer(writer);
}

static void listen_at(const char *text)
{
	struct address address;
	struct error err;

	fuzz_assert(!address_parse(text, &address) && !listeners_add(&listeners, &address, &err));
}

/* A port that is free, since others may run beside this. */
static void listen_at_some_port(void)
{
	struct address *address = &listeners.address[listeners.n];
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address->len = sizeof(address->storage);
	fuzz_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&any, sizeof(any)) && !listen(fd, 64) &&
		    !getsockname(fd, &address->sa, &address->len));
	listeners.fd[listeners.n++] = fd;
}

static void make_token(void)
{
	unsigned char noise[16];
	char token[2 * sizeof(noise) + 1];
	struct error err;

	fuzz_assert(getrandom(noise, sizeof(noise), 0) == sizeof(noise));
	for (size_t i = 0; i < sizeof(noise); i++)
		sprintf(token + 2 * i, "%02x", noise[i]);
	fuzz_assert(!tokens_parse(token, strlen(token), &secrets.tokens, &err));
}

static void start(void)
{
	struct server_options options = { .asset_dir = folder,
					  .max_streams = 8,
					  .secrets = &secrets };
	char socket_path[sizeof(folder) + 16];
	struct error err;
	sigset_t set;

	log_set_level(LOG_ERR);
	fuzz_assert(mkdtemp(folder));
	atexit(clean_up);
	answer = malloc(ANSWER_MAX + 1);
	make_file("index.html", PAGE);
	make_file("app.js", "// a script\n");
	make_file("login.html", "<!doctype html><title>the login</title>\n");
	make_history("eth0");
	make_history("eth1");
	make_token();
	snprintf(socket_path, sizeof(socket_path), "unix:%s/s", folder);
	listen_at(socket_path);
	listen_at_some_port();
	options.listener_fds = listeners.fd;
	options.n_listener_fds = listeners.n;
	fuzz_assert(!catalog_open("/dev/shm/fuzz-request-none", folder, &options.catalog, &err));
	fuzz_assert(!server_open(&options, &server, &err));
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Sends it all and takes what comes, until nothing does. Return: bytes at answer. */
static size_t converse(int fd, const uint8_t *data, size_t n)
{
	size_t n_sent = 0, n_answer = 0;
	struct error err;

	for (int at_rest = 0; at_rest < ROUNDS_AT_REST; at_rest++) {
		ssize_t sent = n_sent < n ? send(fd, data + n_sent, n - n_sent,
						 MSG_DONTWAIT | MSG_NOSIGNAL)
					  : 0;
		ssize_t got;

		n_sent += sent > 0 ? (size_t)sent : 0;
		fuzz_assert(!server_turn(server, 0, &err));
		got = recv(fd, answer + n_answer, ANSWER_MAX - n_answer, MSG_DONTWAIT);
		if (!got || (got < 0 && errno != EAGAIN))
			break;
		n_answer += got > 0 ? (size_t)got : 0;
		if (sent > 0 || got > 0)
			at_rest = -1;
		fuzz_assert(n_answer < ANSWER_MAX);
	}
	answer[n_answer] = '\0';
	return n_answer;
}

static int connect_to(size_t which)
{
	const struct address *address = &listeners.address[which];
	struct linger at_once = { .l_onoff = 1 };
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fuzz_assert(fd >= 0 && !connect(fd, &address->sa, address->len));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return fd;
}

/* Until the server has seen that the client is gone, so that inputs do not meet. */
static void part(int fd)
{
	struct error err;

	close(fd);
	for (int i = 0; i < ROUNDS_AT_REST; i++)
		fuzz_assert(!server_turn(server, 0, &err));
}

/* Whether the answer has a text that the input did not have it say. */
static bool tells(size_t n, const char *text, const uint8_t *data, size_t n_data)
{
	return memmem(answer, n, text, strlen(text)) && !memmem(data, n_data, text, strlen(text));
}

static void check_answer(size_t n, bool is_stranger, const uint8_t *data, size_t n_data)
{
	static const char *const secret[] = {
		"\"schema\"", "\"checks\"", "sampler_build_info",
		"retry: ",    PAGE,	    "set-cookie: sampler-web=0"
	};
	unsigned int status;

	if (!n)
		return;
	fuzz_assert(n > 12 && sscanf(answer, "HTTP/1.%*1[01] %3u ", &status) == 1);
	fuzz_assert(status == 100 || (status >= 200 && status < 600));
	fuzz_assert(status != 500 && strstr(answer, "\r\n\r\n"));
	if (status != 100 && !strstr(answer, "\r\n\r\nBad Request"))
		fuzz_assert(strstr(answer, "\r\nx-content-type-options: nosniff\r\n"));
	fuzz_assert(!tells(n, folder, data, n_data));
	for (size_t i = 0; is_stranger && i < array_size(secret); i++)
		fuzz_assert(!tells(n, secret[i], data, n_data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t which = fuzz_byte(&data, &n) & 1;
	int fd;

	if (!server)
		start();
	fd = connect_to(which);
	check_answer(converse(fd, data, n), which, data, n);
	part(fd);
	return 0;
}
