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

/* What a certificate's dates say, in seconds from now. */
struct tls_dates {
	int64_t valid_in_s; /* above 0: it is not valid yet */
	int64_t expires_in_s;
};

int tls_load(const struct tls_source *source, SSL_CTX **ret_context, struct tls_dates *ret_dates,
	     struct error *err);

#endif
