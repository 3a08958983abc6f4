/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How bytes get over a connection. A transport is a filled struct of functions, so that nothing
 * else asks whether there is TLS.
 */
#ifndef LOADGEN_TRANSPORT_H
#define LOADGEN_TRANSPORT_H

#include "config.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct ssl_st; /* OpenSSL's SSL */

enum stream_want { STREAM_WANT_READ, STREAM_WANT_WRITE };

/* One connection's bytes. The caller owns the descriptor, the transport the rest. */
struct stream {
	int fd; /* connected, non-blocking */
	struct ssl_st *ssl;
	bool corked;	       /* what is written waits for more of it */
	enum stream_want want; /* after -EAGAIN: what to wait for */
	const char *why;       /* after -EPROTO: the library's word, never freed */
	const char *detail;    /* more of it, or NULL */
	const char *remedy;    /* what to do about it, or NULL */
};

/*
 * Functions that move bytes return how many, 0 at the end of the stream (read, skip), -EAGAIN when
 * there is to be waited for stream->want, -EPROTO with stream->why, or another negative errno.
 */
struct transport {
	const char *name;

	/* What the connections of one worker share; not safe to use from two threads. */
	int (*context_new)(const struct config *config, void **ret_context, struct error *err);
	void (*context_free)(void *context);

	int (*open)(struct stream *stream, void *context);
	int (*handshake)(struct stream *stream); /* 0: done */
	ssize_t (*write)(struct stream *stream, const struct iovec *iov, int n_iov);
	ssize_t (*read)(struct stream *stream, void *data, size_t size);
	/* Drop bytes unseen; NULL where they have to be read anyway. */
	ssize_t (*skip)(struct stream *stream, size_t size);
	bool (*pending)(const struct stream *stream); /* read() has more, whatever poll says */
	void (*close)(struct stream *stream);	      /* says goodbye; leaves the descriptor */
};

extern const struct transport transport_tcp, transport_tls;

const struct transport *transport_for(const struct config *config);
size_t iov_size(const struct iovec *iov, int n_iov);
size_t iov_gather(const struct iovec *iov, int n_iov, char *data, size_t size);
void stream_explain(const struct stream *stream, int error, char *text, size_t size);

#endif
