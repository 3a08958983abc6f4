// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * TLS by OpenSSL 3.0, straight on the socket.
 *
 * One SSL_CTX a worker: OpenSSL 3.0 takes locks in what connections share. The newest session is
 * kept in it, so that a reconnect resumes, unless sessions are not to be reused. The certificate is
 * verified against server_name, or the host of the URL, unless the configuration says otherwise.
 */
#include "transport.h"

#include "util/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX 16384 /* bytes of payload of one TLS record, RFC 8446, 5.1 */

struct tls_context {
	SSL_CTX *ctx;
	SSL_SESSION *session;			    /* the newest, or NULL */
	char host[sizeof(((struct url *)0)->host)]; /* without an IPv6 zone */
	bool verify, is_address;
};

static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "TLS error";
}

/* OpenSSL calls this for each ticket, in the worker's own thread. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(context->session);
	context->session = session;
	return 1; /* ours now */
}

static void context_free(void *p)
{
	struct tls_context *context = p;

	if (!context)
		return;
	SSL_SESSION_free(context->session);
	SSL_CTX_free(context->ctx);
	free(context);
}

static void cleanup_context(struct tls_context **context)
{
	context_free(*context);
}

static int load_authorities(SSL_CTX *ctx, const struct config *config, struct error *err)
{
	ERR_clear_error();
	if (!config->verify)
		return 0;
	if (!config->ca_file[0]) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return 0;
		return error_set(err, -ENOENT, "cannot load the system's certificates: %s",
				 reason());
	}
	if (access(config->ca_file, R_OK)) /* OpenSSL would say "system lib" */
		return error_set(err, -errno, "cannot read ca_file %s: %s", config->ca_file,
				 strerror(errno));
	if (SSL_CTX_load_verify_file(ctx, config->ca_file) == 1)
		return 0;
	return error_set(err, -EINVAL, "cannot load certificates from ca_file %s: %s (want PEM)",
			 config->ca_file, reason());
}

/* A file that can be read but not loaded is in another form; OpenSSL's words for that vary. */
static int refuse_file(const char *key, const char *path, const char *what, struct error *err)
{
	if (access(path, R_OK))
		return error_set(err, -errno, "cannot read %s %s: %s", key, path, strerror(errno));
	return error_set(err, -EINVAL,
			 "cannot load %s from %s %s: %s (want PEM, without a password)", what, key,
			 path, reason());
}

/* Whether a file has a key in whatever form, EC PARAMETERS and certificates aside. */
static bool has_key(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *name, *header;
	unsigned char *data;
	bool found = false;
	long n;

	while (file && !found && PEM_read(file, &name, &header, &data, &n) == 1) {
		found = strstr(name, "PRIVATE KEY");
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)n);
	}
	ERR_clear_error();
	return found;
}

/* Nobody is there to be asked for a password. */
static int no_password(char *buf, int size, int writing, void *user)
{
	(void)buf, (void)size, (void)writing, (void)user;
	return -1;
}

static int load_certificate(SSL_CTX *ctx, const struct config *config, struct error *err)
{
	bool apart = *config->key_file;
	const char *key_file = apart ? config->key_file : config->cert_file;
	const char *key = apart ? "key_file" : "cert_file";
	int r;

	if (!*config->cert_file)
		return 0;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, config->cert_file) != 1)
		return refuse_file("cert_file", config->cert_file, "a certificate", err);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1)
		return 0; /* it also fits the certificate */
	if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
		return error_set(err, -EINVAL,
				 "the key in %s %s is not that of the certificate in %s", key,
				 key_file, config->cert_file);
	r = refuse_file(key, key_file, "a key", err);
	if (!apart && !has_key(key_file))
		return error_set(err, -EINVAL,
				 "cert_file %s has no key: give the file that has it (--key-file)",
				 key_file);
	return r;
}

static void set_up_sessions(SSL_CTX *ctx, bool reuse)
{
	if (!reuse) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		return;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

static void set_up(SSL_CTX *ctx, const struct config *config)
{
	static const unsigned char http1[] = "\x08http/1.1";

	SSL_CTX_set_min_proto_version(ctx, config->min_version == TLS_1_3 ? TLS1_3_VERSION
									  : TLS1_2_VERSION);
	/* Without close_notify the length of the response tells whether it is whole. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* a record's head and body in one recv() */
	SSL_CTX_set_alpn_protos(ctx, http1, sizeof(http1) - 1);
	set_up_sessions(ctx, config->session_reuse);
	SSL_CTX_set_verify(ctx, config->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

static bool is_ip_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static int context_new(const struct config *config, void **ret_context, struct error *err)
{
	_cleanup_(cleanup_context) struct tls_context *context = calloc(1, sizeof(*context));
	const char *host;
	int r;

	if (!context)
		return error_set(err, -ENOMEM, "out of memory");
	context->ctx = SSL_CTX_new(TLS_client_method());
	if (!context->ctx)
		return error_set(err, -ENOMEM, "cannot start TLS: %s", reason());
	host = *config->server_name ? config->server_name : config->url.host;
	snprintf(context->host, sizeof(context->host), "%.*s", (int)strcspn(host, "%"), host);
	context->verify = config->verify;
	context->is_address = is_ip_address(context->host);
	SSL_CTX_set_app_data(context->ctx, context);
	set_up(context->ctx, config);
	r = load_authorities(context->ctx, config, err);
	r = r ?: load_certificate(context->ctx, config, err);
	if (r)
		return r;
	*ret_context = take_ptr(context);
	return 0;
}

/* SNI is for names only (RFC 6066, 3); a certificate is for the address or for the name. */
static bool expect_host(SSL *ssl, const struct tls_context *context)
{
	if (!context->is_address && SSL_set_tlsext_host_name(ssl, context->host) != 1)
		return false;
	if (!context->verify)
		return true;
	if (context->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), context->host) == 1;
	return SSL_set1_host(ssl, context->host) == 1;
}

static int tls_open(struct stream *stream, void *p)
{
	struct tls_context *context = p;
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(context->ctx);
	if (!ssl)
		return -ENOMEM;
	if (SSL_set_fd(ssl, stream->fd) != 1 || !expect_host(ssl, context)) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	if (context->session && SSL_SESSION_is_resumable(context->session))
		SSL_set_session(ssl, context->session);
	SSL_set_connect_state(ssl);
	stream->ssl = ssl;
	return 0;
}

/* What may be done about a certificate that is not trusted. */
static const char *remedy(long verified)
{
	switch (verified) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "--ca-file FILE trusts its authority, --insecure any";
	}
	return "--insecure trusts any";
}

/* OpenSSL's word for what is no TLS record at all. */
static bool is_no_tls(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_SSL &&
	       ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER;
}

static void explain(struct stream *stream)
{
	long verified = SSL_get_verify_result(stream->ssl);

	stream->why = reason();
	stream->detail = stream->remedy = NULL;
	if (is_no_tls())
		stream->remedy = "does it speak TLS there?";
	if (verified == X509_V_OK || SSL_get_verify_mode(stream->ssl) == SSL_VERIFY_NONE)
		return;
	stream->detail = X509_verify_cert_error_string(verified);
	stream->remedy = remedy(verified);
}

/*
 * SSL_get_error() wants an empty queue. To empty one is a twelfth of all that a small request costs in
 * user space, to see that it is empty is not.
 */
static void forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
	errno = 0;
}

/* What a call's return value means. */
static ssize_t result(struct stream *stream, int n)
{
	int error;

	if (n > 0)
		return n;
	error = SSL_get_error(stream->ssl, n);
	switch (error) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		stream->want = error == SSL_ERROR_WANT_READ ? STREAM_WANT_READ : STREAM_WANT_WRITE;
		return -EAGAIN;
	case SSL_ERROR_SYSCALL:
		return errno ? -errno : -ECONNRESET;
	}
	explain(stream);
	return -EPROTO;
}

static int tls_handshake(struct stream *stream)
{
	ssize_t n;

	forget_errors();
	n = result(stream, SSL_do_handshake(stream->ssl));
	if (n == 0)
		return -ECONNRESET; /* closed in the middle of it */
	return n > 0 ? 0 : (int)n;
}

static void cork(struct stream *stream, bool on)
{
	int value = on;

	if (stream->corked != on)
		setsockopt(stream->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
	stream->corked = on;
}

/*
 * At most a record at a time. When it could not be written whole, OpenSSL wants the same bytes
 * again in the next call; they are, since what is sent is a function of how much has been sent.
 *
 * TCP sends the records of one request together: otherwise the server is woken for each of them.
 */
static ssize_t tls_write(struct stream *stream, const struct iovec *iov, int n_iov)
{
	size_t left = iov_size(iov, n_iov), n = left < RECORD_MAX ? left : RECORD_MAX;
	const void *data = iov->iov_base;
	char record[RECORD_MAX];
	ssize_t r;

	if (iov->iov_len < n) {
		iov_gather(iov, n_iov, record, n);
		data = record;
	}
	if (n < left)
		cork(stream, true);
	forget_errors();
	r = result(stream, SSL_write(stream->ssl, data, (int)n));
	if (r == (ssize_t)left)
		cork(stream, false);
	return r;
}

static ssize_t tls_read(struct stream *stream, void *data, size_t size)
{
	forget_errors();
	return result(stream, SSL_read(stream->ssl, data, (int)size));
}

static bool tls_pending(const struct stream *stream)
{
	return SSL_has_pending(stream->ssl);
}

/* The session stays good only if its connection was ended, or is said to have been. */
static void tls_close(struct stream *stream)
{
	if (!stream->ssl)
		return;
	ERR_clear_error();
	if (SSL_is_init_finished(stream->ssl) && !stream->why)
		SSL_shutdown(stream->ssl);
	SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(stream->ssl);
	stream->ssl = NULL;
}

const struct transport transport_tls = {
	.name = "https",
	.context_new = context_new,
	.context_free = context_free,
	.open = tls_open,
	.handshake = tls_handshake,
	.write = tls_write,
	.read = tls_read,
	.pending = tls_pending,
	.close = tls_close,
};
