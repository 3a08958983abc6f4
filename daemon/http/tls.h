/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_TLS_H
#define SAMPLER_HTTP_TLS_H

#include "util/error.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct tls_source {
	const char *cert_name, *cert_path; /* the name is for messages */
	const char *key_name, *key_path;   /* may be the same file */
};

/* Between which a certificate is valid, in seconds since 1970. */
struct tls_dates {
	int64_t begins_s, expires_s;
};

int tls_load(const struct tls_source *source, SSL_CTX **ret_context, struct tls_dates *ret_dates,
	     struct error *err);

#endif
