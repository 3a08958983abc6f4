// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/url.c: what is taken could stand in a request as it is, and reads the same when it is put together
 * again.
 */
#include "fuzz.h"

#include "url.h"

#include <stdbool.h>

static bool printable(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text >= 0x7f)
			return false;
	}
	return true;
}

static void check(const struct url *url)
{
	char text[sizeof(url->authority) + sizeof(url->target) + 16];
	struct error err = { "" };
	struct url again;

	fuzz_assert(*url->host && *url->authority && *url->target == '/' && url->port);
	fuzz_assert(printable(url->host) && printable(url->authority) && printable(url->target));
	if (strchr(url->host, '%'))
		return; /* a zone is not in the authority */
	snprintf(text, sizeof(text), "http%s://%s%s", url->tls ? "s" : "", url->authority,
		 url->target);
	fuzz_assert(!url_parse(text, !url->tls, &again, &err));
	fuzz_assert(again.tls == url->tls && again.port == url->port &&
		    !strcmp(again.host, url->host) && !strcmp(again.authority, url->authority) &&
		    !strcmp(again.target, url->target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool tls = fuzz_byte(&data, &n) & 1;
	_cleanup_free_ char *text = fuzz_text(data, n);
	struct error err = { "" };
	struct url url;

	if (url_parse(text, tls, &url, &err))
		fuzz_assert(*err.text && !strchr(err.text, '\n'));
	else
		check(&url);
	return 0;
}
