// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Plain TCP: each function is one system call. Also what all transports share.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SMALL 4096 /* bytes that are sent from one place */

/** iov_size() - Return: bytes of all pieces */
size_t iov_size(const struct iovec *iov, int n_iov)
{
	size_t n = 0;

	for (int i = 0; i < n_iov; i++)
		n += iov[i].iov_len;
	return n;
}

/**
 * iov_gather() - put pieces together
 * @iov: the pieces
 * @n_iov: how many
 * @data: where to
 * @size: bytes there; what does not fit is left out
 *
 * Return: bytes at @data.
 */
size_t iov_gather(const struct iovec *iov, int n_iov, char *data, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < n_iov && n < size; i++) {
		size_t part = iov[i].iov_len < size - n ? iov[i].iov_len : size - n;

		memcpy(data + n, iov[i].iov_base, part);
		n += part;
	}
	return n;
}

static int context_new(const struct config *config, void **ret_context, struct error *err)
{
	(void)config;
	(void)err;
	*ret_context = NULL;
	return 0;
}

static void context_free(void *context)
{
	(void)context;
}

static int tcp_open(struct stream *stream, void *context)
{
	(void)stream;
	(void)context;
	return 0;
}

static int tcp_handshake(struct stream *stream)
{
	(void)stream;
	return 0;
}

static ssize_t result(struct stream *stream, ssize_t n, enum stream_want want)
{
	if (n >= 0)
		return n;
	stream->want = want;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t send_pieces(int fd, const struct iovec *iov, int n_iov)
{
	struct msghdr message = { .msg_iovlen = (size_t)n_iov };

	memcpy(&message.msg_iov, &iov, sizeof(iov)); /* sendmsg() does not write to it */
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Small pieces are put together here: the kernel's way of doing that takes longer. */
static ssize_t tcp_write(struct stream *stream, const struct iovec *iov, int n_iov)
{
	char small[SMALL];
	ssize_t n;

	if (iov_size(iov, n_iov) > sizeof(small))
		n = send_pieces(stream->fd, iov, n_iov);
	else
		n = send(stream->fd, small, iov_gather(iov, n_iov, small, sizeof(small)),
			 MSG_NOSIGNAL);
	return result(stream, n, STREAM_WANT_WRITE);
}

static ssize_t tcp_read(struct stream *stream, void *data, size_t size)
{
	return result(stream, recv(stream->fd, data, size, 0), STREAM_WANT_READ);
}

/* Linux drops what it would have copied: tcp(7), MSG_TRUNC. */
static ssize_t tcp_skip(struct stream *stream, size_t size)
{
	return result(stream, recv(stream->fd, NULL, size, MSG_TRUNC), STREAM_WANT_READ);
}

static bool tcp_pending(const struct stream *stream)
{
	(void)stream;
	return false;
}

static void tcp_close(struct stream *stream)
{
	(void)stream;
}

const struct transport transport_tcp = {
	.name = "http",
	.context_new = context_new,
	.context_free = context_free,
	.open = tcp_open,
	.handshake = tcp_handshake,
	.write = tcp_write,
	.read = tcp_read,
	.skip = tcp_skip,
	.pending = tcp_pending,
	.close = tcp_close,
};

/** transport_for() - Return: the transport that a configuration asks for */
const struct transport *transport_for(const struct config *config)
{
	return config->tls ? &transport_tls : &transport_tcp;
}

/**
 * stream_explain() - why a function of a transport failed
 * @stream: the stream it failed on
 * @error: the negative errno it returned
 * @text: where one line goes
 * @size: bytes at @text
 */
void stream_explain(const struct stream *stream, int error, char *text, size_t size)
{
	if (error != -EPROTO || !stream->why)
		snprintf(text, size, "%s", strerror(-error));
	else
		snprintf(text, size, "%s%s%s%s%s%s", stream->why, stream->detail ? ": " : "",
			 stream->detail ?: "", stream->remedy ? " (" : "", stream->remedy ?: "",
			 stream->remedy ? ")" : "");
}
