// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * TLS: a certificate with its key, and how strictly it is used.
 *
 * TLS 1.2 and 1.3, with ephemeral key exchange and authenticated encryption only; HTTP/1.1 is the one
 * protocol that ALPN (RFC 7301) can agree on. Sessions are not resumed: a key of tickets that lives as long
 * as we do would open what was recorded, connections are kept, and clients are few. No
 * Strict-Transport-Security is sent: it would hold for the whole host, with whatever else serves plain
 * HTTP there at ports of its own.
 *
 * OpenSSL leaves what went wrong in a queue, by which a later call on a connection would judge itself: it is
 * emptied before each return.
 */
#include "http/tls.h"

#include "http/secret-file.h"
#include "util/cleanup.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define CIPHERS_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

static void cleanup_x509(X509 **p)
{
	X509_free(*p);
}

static void cleanup_pkey(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void cleanup_bio(BIO **p)
{
	BIO_free(*p);
}

#define _cleanup_x509_ _cleanup_(cleanup_x509)
#define _cleanup_pkey_ _cleanup_(cleanup_pkey)
#define _cleanup_bio_  _cleanup_(cleanup_bio)

static const char *openssl_reason(void)
{
	return ERR_reason_error_string(ERR_peek_last_error()) ?: "unknown reason";
}

/* ---- the certificate ---- */

static int add_chain(SSL_CTX *context, BIO *pem, const struct tls_source *source, struct error *err)
{
	for (;;) {
		_cleanup_x509_ X509 *next = PEM_read_bio_X509(pem, NULL, NULL, NULL);

		if (!next)
			break;
		if (SSL_CTX_add1_chain_cert(context, next) != 1)
			return error_set(err, -EINVAL, "%s %s: a certificate of its chain: %s",
					 source->cert_name, source->cert_path, openssl_reason());
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return error_set(err, -EINVAL, "%s %s: a certificate of its chain is damaged: %s",
				 source->cert_name, source->cert_path, openssl_reason());
	ERR_clear_error();
	return 0;
}

static int load_certificate(SSL_CTX *context, const struct tls_source *source, X509 **ret_cert,
			    struct error *err)
{
	_cleanup_secret_ struct secret_file file = {};
	_cleanup_bio_ BIO *pem = NULL;
	_cleanup_x509_ X509 *cert = NULL;
	int r = secret_file_read(source->cert_name, source->cert_path, &file, err);

	if (r)
		return r;
	pem = BIO_new_mem_buf(file.text, (int)file.len);
	cert = pem ? PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL) : NULL;
	if (!cert)
		return error_set(err, -EINVAL, "%s %s: has no certificate in PEM form%s",
				 source->cert_name, source->cert_path,
				 strstr(file.text, "PRIVATE KEY-----") ? ", but a private key"
								       : "");
	if (SSL_CTX_use_certificate(context, cert) != 1)
		return error_set(err, -EINVAL, "%s %s: OpenSSL does not take it: %s",
				 source->cert_name, source->cert_path, openssl_reason());
	r = add_chain(context, pem, source, err);
	if (!r)
		*ret_cert = take_ptr(cert);
	return r;
}

static int read_date(const ASN1_TIME *date, int64_t *ret_s)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(date, &tm) != 1)
		return -EINVAL;
	*ret_s = timegm(&tm);
	return 0;
}

static int read_dates(const X509 *cert, struct tls_dates *ret_dates)
{
	return read_date(X509_get0_notBefore(cert), &ret_dates->begins_s)
		       ?: read_date(X509_get0_notAfter(cert), &ret_dates->expires_s);
}

/* ---- the key ---- */

/* Nobody is there to be asked. */
static int refuse_passphrase(char *buf, int size, int writing, void *user)
{
	bool *encrypted = user;

	(void)buf, (void)size, (void)writing;
	*encrypted = true;
	return -1;
}

static int load_key(SSL_CTX *context, const struct tls_source *source, const X509 *cert,
		    struct error *err)
{
	_cleanup_secret_ struct secret_file file = {};
	_cleanup_bio_ BIO *pem = NULL;
	_cleanup_pkey_ EVP_PKEY *key = NULL;
	bool encrypted = false;
	int r = secret_file_read(source->key_name, source->key_path, &file, err);

	if (r)
		return r;
	pem = BIO_new_mem_buf(file.text, (int)file.len);
	key = pem ? PEM_read_bio_PrivateKey(pem, NULL, refuse_passphrase, &encrypted) : NULL;
	if (encrypted)
		return error_set(
			err, -EINVAL,
			"%s %s: is encrypted, and nobody is there to be asked for the passphrase: "
			"openssl pkey -in FILE -out NEW takes it off",
			source->key_name, source->key_path);
	if (!key)
		return error_set(err, -EINVAL, "%s %s: has no private key in PEM form%s",
				 source->key_name, source->key_path,
				 strstr(file.text, "BEGIN CERTIFICATE") ? ", but a certificate"
									: "");
	if (X509_check_private_key(cert, key) != 1)
		return error_set(
			err, -EINVAL,
			"%s %s: is not the key of the certificate in %s (the first in there is the "
			"server's own)",
			source->key_name, source->key_path, source->cert_path);
	if (SSL_CTX_use_PrivateKey(context, key) != 1)
		return error_set(err, -EINVAL, "%s %s: OpenSSL does not take it: %s",
				 source->key_name, source->key_path, openssl_reason());
	secret_file_warn(source->key_name, source->key_path, &file);
	return 0;
}

/* ---- the rules ---- */

static int choose_protocol(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_len,
			   const unsigned char *offered, unsigned int n_offered, void *user)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)user;
	if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, n_offered) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret_chosen = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *context)
{
	SSL_CTX_set_options(context,
			    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context, CIPHERS_OF_1_2) == 1 &&
	       SSL_CTX_set_num_tickets(context, 0) == 1;
}

static int fill(SSL_CTX *context, const struct tls_source *source, struct tls_dates *ret_dates,
		struct error *err)
{
	_cleanup_x509_ X509 *cert = NULL;
	int r;

	if (!set_rules(context))
		return error_set(err, -EIO, "OpenSSL: %s", openssl_reason());
	r = load_certificate(context, source, &cert, err) ?: load_key(context, source, cert, err);
	if (!r && read_dates(cert, ret_dates))
		r = error_set(err, -EINVAL, "%s %s: its dates cannot be read", source->cert_name,
			      source->cert_path);
	return r;
}

/**
 * tls_load() - read a certificate, its chain and its key
 * @source: where from
 * @ret_context: for new connections; SSL_CTX_free() releases it
 * @ret_dates: of the certificate, which are the caller's to judge
 * @err: what is wrong with which file
 *
 * Return: 0 or negative errno.
 */
int tls_load(const struct tls_source *source, SSL_CTX **ret_context, struct tls_dates *ret_dates,
	     struct error *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct tls_dates dates;
	int r = context ? fill(context, source, &dates, err)
			: error_set(err, -EIO, "OpenSSL: %s", openssl_reason());

	ERR_clear_error();
	if (r) {
		SSL_CTX_free(context);
		return r;
	}
	*ret_context = context;
	*ret_dates = dates;
	return 0;
}
