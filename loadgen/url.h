/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_URL_H
#define LOADGEN_URL_H

#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Where requests go: RFC 3986's http and https URLs, without user information or fragment. */
struct url {
	bool tls;
	char host[256]; /* name or address, an IPv6 literal without its brackets */
	uint16_t port;	/* the scheme's own where the URL names none */
	char authority
		[272]; /* for the Host header: with brackets, port only where it is not the scheme's */
	char target[1024]; /* path and query, "/" at least */
};

int url_parse(const char *text, bool tls_by_default, struct url *ret_url, struct error *err);

#endif
