// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * TLS on the sink's side. Its certificate is made at the start and signed by itself, so clients have to
 * be told to trust any (sampler-loadgen --insecure, curl -k): nothing is kept on disk, and no key is
 * the same twice.
 *
 * One SSL_CTX a worker, for the reason that transport-tls.c has. All of them take each other's tickets:
 * a client that comes back is seldom given to the same worker.
 */
#include "sink-tls.h"

#include "util/cleanup.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALID_S	 (365 * 24 * 3600L)
#define BEFORE_S 3600L /* clocks of clients may be behind */

static int fail(struct error *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	return error_set(err, -EIO, "cannot make %s: %s", what, why ?: "out of memory");
}

/* "DNS:localhost,IP:..." of all that clients may call it by */
static void names(const struct address *addresses, unsigned int n, char *text, size_t size)
{
	char host[HOST_NAME_MAX + 1] = "", address[ADDRESS_TEXT_MAX];
	size_t used = (size_t)snprintf(text, size, "DNS:localhost,IP:127.0.0.1,IP:::1");

	for (unsigned int i = 0; i < n && used < size; i++) {
		address_format(&addresses[i], address);
		*strrchr(address, ':') = '\0'; /* its port */
		address[strcspn(address, "]")] = '\0';
		used += (size_t)snprintf(text + used, size - used, ",IP:%s",
					 address + (*address == '['));
	}
	if (gethostname(host, sizeof(host) - 1) || !*host ||
	    host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")])
		return;
	if (used < size)
		snprintf(text + used, size - used, ",DNS:%s", host);
}

static int add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int r;

	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (!extension)
		return -EIO;
	r = X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return r == 1 ? 0 : -EIO;
}

static int name_it(X509 *certificate)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	const unsigned char *common = (const unsigned char *)"sampler-loadgen sink";

	if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) != 1)
		return -EIO;
	return X509_set_issuer_name(certificate, name) == 1 ? 0 : -EIO;
}

static int fill(X509 *certificate, EVP_PKEY *key, const char *alternative_names)
{
	uint32_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1 ||
	    X509_set_version(certificate, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)(serial >> 1) + 1) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -BEFORE_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) ||
	    X509_set_pubkey(certificate, key) != 1 || name_it(certificate) ||
	    add_extension(certificate, NID_subject_alt_name, alternative_names) ||
	    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE"))
		return -EIO;
	return X509_sign(certificate, key, EVP_sha256()) ? 0 : -EIO;
}

/**
 * sink_identity_make() - make a key, and a certificate for it
 * @addresses: where the sink listens, which stand in it
 * @n_addresses: how many
 * @ret_identity: to be freed by sink_identity_free()
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int sink_identity_make(const struct address *addresses, unsigned int n_addresses,
		       struct sink_identity *ret_identity, struct error *err)
{
	_cleanup_(sink_identity_free) struct sink_identity identity = { 0 };
	char alternative_names[512];

	ERR_clear_error();
	names(addresses, n_addresses, alternative_names, sizeof(alternative_names));
	identity.key = EVP_EC_gen("P-256");
	identity.certificate = X509_new();
	if (!identity.key || !identity.certificate ||
	    RAND_bytes(identity.ticket_key, sizeof(identity.ticket_key)) != 1)
		return fail(err, "a key");
	if (fill(identity.certificate, identity.key, alternative_names))
		return fail(err, "a certificate");
	*ret_identity = identity;
	identity = (struct sink_identity){ 0 };
	return 0;
}

/** sink_identity_free() - release what sink_identity_make() has made */
void sink_identity_free(struct sink_identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	*identity = (struct sink_identity){ 0 };
}

/* http/1.1 where it is among what the client offers (RFC 7301). */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *n_out,
			   const unsigned char *offered, unsigned int n_offered, void *arg)
{
	static const char http1[] = "http/1.1";

	(void)ssl, (void)arg;
	for (unsigned int i = 0; i < n_offered; i += 1U + offered[i]) {
		if (offered[i] != sizeof(http1) - 1 ||
		    memcmp(offered + i + 1, http1, sizeof(http1) - 1))
			continue;
		*out = offered + i + 1;
		*n_out = offered[i];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

static void set_up(SSL_CTX *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1); /* a record's head and body in one recv() */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets hold them */
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
}

/**
 * sink_tls_context() - what the TLS connections of one worker share
 * @identity: what it shows to clients
 * @ret_context: to be freed by SSL_CTX_free()
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int sink_tls_context(const struct sink_identity *identity, SSL_CTX **ret_context, struct error *err)
{
	unsigned char ticket_key[SINK_TICKET_KEY_SIZE];
	SSL_CTX *context;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_server_method());
	if (!context)
		return fail(err, "a TLS context");
	set_up(context);
	memcpy(ticket_key, identity->ticket_key, sizeof(ticket_key));
	if (SSL_CTX_use_certificate(context, identity->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, identity->key) != 1 ||
	    SSL_CTX_set_tlsext_ticket_keys(context, ticket_key, sizeof(ticket_key)) != 1) {
		SSL_CTX_free(context);
		return fail(err, "a TLS context");
	}
	*ret_context = context;
	return 0;
}

static int tls_open(struct stream *stream, void *context)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(context);
	if (!ssl)
		return -ENOMEM;
	if (SSL_set_fd(ssl, stream->fd) != 1) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	SSL_set_accept_state(ssl);
	stream->ssl = ssl;
	return 0;
}

/** sink_tls_transport() - transport_tls, but for who begins the handshake; open() takes an SSL_CTX */
void sink_tls_transport(struct transport *ret_transport)
{
	*ret_transport = transport_tls;
	ret_transport->open = tls_open;
}
