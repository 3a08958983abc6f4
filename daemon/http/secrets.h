/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The server's certificate with its key, and the tokens that let clients in: where from, what is in use, and how they
 * are read anew.
 */
#ifndef SAMPLER_HTTP_SECRETS_H
#define SAMPLER_HTTP_SECRETS_H

#include "http/tls.h"
#include "http/tokens.h"
#include "util/error.h"

#include <limits.h>
#include <stdbool.h>

/* A file, and what messages call it; no path: there is none. */
struct secret_place {
	const char *name;
	char path[PATH_MAX];
};

struct secrets {
	struct secret_place cert, key, token;
	SSL_CTX *tls; /* NULL: no TLS */
	struct tls_dates dates;
	struct tokens tokens; /* none: nobody is asked */
};

/* As the configuration has them; "": a credential of systemd, if there is one. */
struct secret_paths {
	const char *tls_cert, *tls_key, *token_file;
	const char *credential_dir; /* NULL: none */
};

int secrets_open(const struct secret_paths *paths, struct secrets *ret_secrets, struct error *err);
void secrets_warn_unreadable(const struct secrets *secrets);
void secrets_warn_expiry(const struct secrets *secrets);
bool secrets_reload(struct secrets *secrets);
void secrets_close(struct secrets *secrets);

#endif
