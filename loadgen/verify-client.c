// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A small blocking HTTP client over the generator's own transports and parser of responses.
 *
 * The sampler may be slow, hostile or none at all: an exchange is bounded in time and in size. Where
 * the way to it is the link that it samples, its counters have the questions in them too; so what
 * each has sent is kept, by TCP_INFO (see wire.c), in the sampler's own classes.
 */
#include "verify-client.h"

#include "monotonic.h"
#include "response.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "verify-answer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_NS (5 * NSEC_PER_SEC)	  /* of an exchange */
#define GOODBYE_NS  (200 * NSEC_PER_MSEC) /* for the server's FIN, after the answer */
#define MAX_BODY    (1u << 20)
#define SYN_SURPLUS 8 /* what a SYN has more than a header with timestamps, see wire.c */

/* One exchange. */
struct exchange {
	struct verify_client *client;
	struct stream stream;
	uint64_t deadline_ns;
	struct response response;
	char *body;
	size_t n_body;
};

/* ---- waiting ---- */

static int wait_for(const struct verify_client *client, int fd, short events, uint64_t deadline_ns)
{
	struct pollfd fds[] = { { .fd = fd, .events = events },
				{ .fd = client->cancel_fd, .events = POLLIN } };
	uint64_t now = monotonic_ns();
	int n = 0;

	while (now < deadline_ns) {
		n = poll(fds, array_size(fds), (int)((deadline_ns - now) / NSEC_PER_MSEC + 1));
		if (n > 0 || (n < 0 && errno != EINTR))
			break;
		now = monotonic_ns();
	}
	if (n < 0)
		return -errno;
	if (fds[1].revents)
		return -ECANCELED;
	return n ? 0 : -ETIMEDOUT;
}

/**
 * verify_client_sleep() - let time pass
 * @client: whose cancel_fd ends it
 * @ns: how long
 * @err: that it was ended
 *
 * Return: 0, or -ECANCELED.
 */
int verify_client_sleep(const struct verify_client *client, uint64_t ns, struct error *err)
{
	if (wait_for(client, -1, 0, monotonic_ns() + ns) != -ECANCELED)
		return 0;
	return error_set(err, -ECANCELED, "interrupted");
}

static int wait_stream(struct exchange *x)
{
	return wait_for(x->client, x->stream.fd,
			x->stream.want == STREAM_WANT_READ ? POLLIN : POLLOUT, x->deadline_ns);
}

/* ---- one exchange ---- */

static int establish(struct exchange *x)
{
	const struct transport *transport = x->client->transport;
	socklen_t size = sizeof(int);
	int error = 0, r;

	r = target_connect(&x->client->target, &x->stream.fd);
	r = r ?: wait_for(x->client, x->stream.fd, POLLOUT, x->deadline_ns);
	if (!r && getsockopt(x->stream.fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	r = r ?: -error;
	r = r ?: transport->open(&x->stream, x->client->context);
	while (!r && (r = transport->handshake(&x->stream)) == -EAGAIN)
		r = wait_stream(x);
	return r;
}

static int send_all(struct exchange *x, const char *text)
{
	size_t n = strlen(text);
	ssize_t sent;
	int r = 0;

	while (!r && n) {
		const struct iovec piece = { .iov_base = (void *)(uintptr_t)text, .iov_len = n };

		sent = x->client->transport->write(&x->stream, &piece, 1);
		if (sent > 0) {
			text += sent;
			n -= (size_t)sent;
		} else {
			r = sent == -EAGAIN ? wait_stream(x) : (int)sent ?: -EPIPE;
		}
	}
	return r;
}

/* As much of data as is body, or one byte of what is not: the parser does not keep bodies. */
static enum response_result take(struct exchange *x, const char **data, size_t *n, const char **why)
{
	uint64_t body = response_skippable(&x->response);
	size_t used = body && body < *n ? (size_t)body : *n;
	enum response_result result;

	if (!body) {
		result = response_feed(&x->response, *data, 1, &used, why);
	} else {
		if (x->n_body + used <= MAX_BODY) /* more is refused by receive() */
			memcpy(x->body + x->n_body, *data, used);
		x->n_body += used;
		result = response_skip(&x->response, used);
	}
	*data += used;
	*n -= used;
	return result;
}

static enum response_result take_all(struct exchange *x, const char *data, size_t n,
				     const char **why)
{
	enum response_result result = RESPONSE_MORE;

	while (n && result == RESPONSE_MORE && x->n_body <= MAX_BODY)
		result = take(x, &data, &n, why);
	return result;
}

static int receive(struct exchange *x, const char **ret_why)
{
	enum response_result result = RESPONSE_MORE;
	char buffer[16384];
	ssize_t n;
	int r;

	while (result == RESPONSE_MORE) {
		n = x->client->transport->read(&x->stream, buffer, sizeof(buffer));
		if (n == -EAGAIN) {
			r = wait_stream(x);
			if (r)
				return r;
			continue;
		}
		if (n < 0)
			return (int)n;
		result = n ? take_all(x, buffer, (size_t)n, ret_why)
			   : response_end(&x->response, ret_why);
		if (x->n_body > MAX_BODY)
			return -EMSGSIZE;
	}
	return result == RESPONSE_DONE ? 0 : -EBADMSG;
}

/* The server closes first; what it has to say goodbye belongs to the exchange. */
static void await_end(struct exchange *x)
{
	uint64_t deadline_ns = monotonic_ns() + GOODBYE_NS;
	char rest[512];
	ssize_t n;

	do {
		n = recv(x->stream.fd, rest, sizeof(rest), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EAGAIN &&
			   !wait_for(x->client, x->stream.fd, POLLIN, deadline_ns)));
}

/* ---- what it has sent ---- */

/*
 * The SYN is longer than other segments, all others but those with data are bare headers. Where the
 * question took more than one segment, or something was sent again, no size is known.
 */
static void account_sizes(struct verify_counts *asked, const struct tcp_info *info, uint64_t frames,
			  uint64_t header)
{
	bool timestamps = info->tcpi_options & TCPI_OPT_TIMESTAMPS;
	uint64_t syn = header + SYN_SURPLUS + (timestamps ? 0 : 4);

	if (info->tcpi_data_segs_out > 1 || info->tcpi_total_retrans || !frames) {
		for (size_t i = VERIFY_SIZE_60; i <= VERIFY_SIZE_MORE; i++)
			asked->class[i].unknown = true;
		return;
	}
	asked->class[verify_size_class(syn)].packets++;
	asked->class[verify_size_class(header)].packets += frames - 1 - info->tcpi_data_segs_out;
	if (info->tcpi_data_segs_out)
		asked->class[verify_size_class(header + info->tcpi_bytes_sent)].packets++;
}

static void account_frames(struct verify_client *client, const struct wire_end *end)
{
	const struct verify_count count = {
		.packets = end->wire.tx_frames + end->closing.tx_frames,
		.bytes = end->wire.tx_bytes + end->closing.tx_bytes,
	};
	struct verify_counts *asked = &client->asked;

	verify_count_add(&asked->class[VERIFY_ALL], &count);
	verify_count_add(&asked->class[client->target.ipv6 ? VERIFY_IPV6 : VERIFY_IPV4], &count);
	verify_count_add(&asked->class[VERIFY_TCP], &count);
	asked->class[VERIFY_SYN].packets += end->wire.tx_frames != 0;
	asked->class[VERIFY_FIN].packets += end->closing.tx_frames != 0;
	if (client->service)
		verify_count_add(verify_service_count(asked, client->service), &count);
}

static void account(struct exchange *x)
{
	struct verify_client *client = x->client;
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	uint64_t header = 14 + (client->target.ipv6 ? 40 : 20) + 20;
	struct wire_end end;

	if (wire_settle(x->stream.fd, client->target.ipv6, &end) ||
	    getsockopt(x->stream.fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		return;
	wire_add(&client->wire, &end.wire);
	header += info.tcpi_options & TCPI_OPT_TIMESTAMPS ? 12 : 0;
	account_frames(client, &end);
	account_sizes(&client->asked, &info, end.wire.tx_frames + end.closing.tx_frames, header);
}

/* ---- errors ---- */

static int explain(const struct exchange *x, int r, const char *why, struct error *err)
{
	struct stream stream = x->stream;
	char text[200];

	if (r == -ECANCELED)
		return error_set(err, r, "interrupted");
	if (r == -ETIMEDOUT)
		return error_set(err, r, "no whole answer from %s within %u s",
				 x->client->target.text,
				 (unsigned int)(PATIENCE_NS / NSEC_PER_SEC));
	if (r == -EMSGSIZE)
		return error_set(err, r, "the answer from %s is larger than %u MiB",
				 x->client->target.text, MAX_BODY >> 20);
	if (r == -EBADMSG)
		return error_set(err, r, "what answers at %s speaks no HTTP: %s",
				 x->client->target.text, why);
	if (stream.remedy && strstr(stream.remedy, "--ca-file"))
		stream.remedy = "--verify-ca-file FILE trusts its authority";
	else if (stream.remedy && strstr(stream.remedy, "--insecure"))
		stream.remedy = NULL;
	stream_explain(&stream, r, text, sizeof(text));
	return error_set(err, r, "%s: %s", x->client->target.text, text);
}

static int check_status(const struct exchange *x, struct error *err)
{
	unsigned int status = x->response.status;
	char detail[310];

	if (status == 200)
		return 0;
	if (status == 401 || status == 403)
		return error_set(err, -EACCES, "it refuses the question (%u)%s", status,
				 *x->client->token
					 ? ": is the token in verify_token_file the right one?"
					 : ": it wants a token (--verify-token-file FILE)");
	verify_read_problem(x->body, x->n_body, detail, sizeof(detail));
	return error_set(err, -EPROTO, "it answers with status %u%s", status, detail);
}

static int converse(struct exchange *x, const char *path, struct error *err)
{
	const struct verify_client *client = x->client;
	const char *why = "";
	char question[4096];
	int r;

	snprintf(question, sizeof(question),
		 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sampler-loadgen/" SAMPLER_VERSION
		 "\r\n"
		 "Accept: application/json\r\nConnection: close\r\n%s%s%s\r\n",
		 path, client->config.url.authority, *client->token ? "Authorization: Bearer " : "",
		 client->token, *client->token ? "\r\n" : "");
	response_init(&x->response, false);
	r = establish(x);
	r = r ?: send_all(x, question);
	r = r ?: receive(x, &why);
	if (r)
		return explain(x, r, why, err);
	await_end(x);
	return check_status(x, err);
}

/**
 * verify_client_get() - ask one question
 * @client: opened
 * @path: path and query
 * @ret_body: of an answer with status 200, ended by a NUL; to be freed
 * @ret_n: bytes of it
 * @err: why there is none
 *
 * Return: 0 or negative errno; -ECANCELED: given up, with nothing wrong.
 */
int verify_client_get(struct verify_client *client, const char *path, char **ret_body,
		      size_t *ret_n, struct error *err)
{
	_cleanup_free_ char *body = malloc(MAX_BODY + 1);
	struct exchange x = {
		.client = client,
		.stream.fd = -1,
		.deadline_ns = monotonic_ns() + PATIENCE_NS,
		.body = body,
	};
	int r;

	if (!body)
		return error_set(err, -ENOMEM, "out of memory");
	r = converse(&x, path, err);
	if (x.stream.fd >= 0) {
		x.stream.why = "closed"; /* who has closed would answer TLS's goodbye by a RST */
		client->transport->close(&x.stream);
		account(&x);
		close(x.stream.fd);
	}
	if (r)
		return r;
	body[x.n_body] = '\0';
	*ret_n = x.n_body;
	*ret_body = take_ptr(body);
	return 0;
}

/* ---- opening ---- */

/* The first line that is neither empty nor a comment: a sampler's own file of tokens will do. */
static void find_token(FILE *file, char *line, size_t size)
{
	size_t n = 0;

	while (fgets(line, (int)size, file)) {
		n = strspn(line, " \t\r\n");
		if (line[n] && line[n] != '#')
			break;
		*line = '\0';
	}
	memmove(line, line + n, strlen(line + n) + 1);
	line[strcspn(line, "\r\n")] = '\0';
	for (n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t'); n--)
		line[n - 1] = '\0';
}

/* Visible characters (RFC 6750, 2.1). */
static int read_token(const char *path, char *token, size_t size, struct error *err)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file)
		return error_set(err, -errno, "cannot read verify_token_file %s: %s", path,
				 strerror(errno));
	*token = '\0';
	find_token(file, token, size);
	if (ferror(file))
		return error_set(err, -EIO, "cannot read verify_token_file %s: %s", path,
				 strerror(errno));
	if (!*token || strlen(token) >= size - 2)
		return error_set(err, -EINVAL,
				 "verify_token_file %s: expected a token of 1 to %zu characters",
				 path, size - 3);
	for (const char *c = token; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f)
			return error_set(err, -EINVAL,
					 "verify_token_file %s: character %zu is none of a token",
					 path, (size_t)(c - token) + 1);
	}
	return 0;
}

static int set_up(struct verify_client *client, const struct config *config, struct error *err)
{
	struct config *c = &client->config;

	*c = *config;
	c->url = config->verify_url;
	c->tls = c->url.tls;
	c->verify = true;
	strcpy(c->ca_file, config->verify_ca_file);
	*c->cert_file = *c->key_file = *c->server_name = '\0';
	c->min_version = TLS_1_2;
	c->session_reuse = true;
	c->connect_timeout_ns = PATIENCE_NS;
	client->transport = transport_for(c);
	if (*config->verify_token_file)
		return read_token(config->verify_token_file, client->token, sizeof(client->token),
				  err);
	return 0;
}

/* A token that anybody on the way can read; on this host nobody is. */
static void warn_open_token(const struct verify_client *client)
{
	if (*client->token && !client->config.tls && strcmp(client->config.url.host, "localhost") &&
	    strncmp(client->target.text, "127.", 4) && strncmp(client->target.text, "::1 ", 4))
		log_warning("the token for %s goes over the network unencrypted: its url is http",
			    client->config.url.authority);
}

/**
 * verify_client_new() - make ready to ask a sampler; reads the files of token and certificates
 * @config: of the run; its verify_url is where the sampler is
 * @ret: to be freed by verify_client_free()
 * @err: what is wrong with a file
 *
 * Return: 0 or negative errno.
 */
int verify_client_new(const struct config *config, struct verify_client **ret, struct error *err)
{
	struct verify_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return error_set(err, -ENOMEM, "out of memory");
	r = set_up(client, config, err);
	r = r ?: client->transport->context_new(&client->config, &client->context, err);
	if (r)
		verify_client_free(client);
	else
		*ret = client;
	return r;
}

/**
 * verify_client_find() - find the sampler, before it is asked
 * @client: from verify_client_new()
 * @cancel_fd: gives up what is under way, from now on, as soon as it is readable
 * @err: why nobody is there
 *
 * Return: 0 or negative errno; -ECANCELED: given up, with nothing wrong.
 */
int verify_client_find(struct verify_client *client, int cancel_fd, struct error *err)
{
	struct wire unused = { 0 };
	int r;

	client->cancel_fd = cancel_fd;
	r = target_find(&client->config, &transport_tcp, cancel_fd, &client->target, &unused, err);
	if (!r)
		warn_open_token(client);
	return r;
}

/** verify_client_free() - forget a sampler; NULL is none */
void verify_client_free(struct verify_client *client)
{
	if (!client)
		return;
	if (client->context)
		client->transport->context_free(client->context);
	free(client);
}
