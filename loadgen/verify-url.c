// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The URL of a sampler: that of its page, with the interface as its query, as a browser shows it. What
 * is behind a proxy has a path before it.
 */
#include "verify-url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

static unsigned int hex(char digit)
{
	return digit <= '9' ? (unsigned int)(digit - '0')
			    : (unsigned int)((digit | 0x20) - 'a') + 10;
}

/* url_parse() has seen to two digits behind each %. Return: -EINVAL for what is no name. */
static int decode(const char *text, char *name, size_t size)
{
	size_t n = 0;

	while (*text && n + 1 < size) {
		unsigned int c = (unsigned char)*text++;

		if (c == '%') {
			c = hex(text[0]) << 4 | hex(text[1]);
			text += 2;
		}
		if (c <= ' ' || c == 0x7f || c == '&' || c == '=')
			return -EINVAL;
		name[n++] = (char)c;
	}
	name[n] = '\0';
	return *text || !n ? -EINVAL : 0;
}

/**
 * verify_url_parse() - take a sampler's URL apart
 * @url: from url_parse()
 * @ret: its API and the interface
 * @err: what is wrong with its query
 *
 * Return: 0 or -EINVAL.
 */
int verify_url_parse(const struct url *url, struct verify_url *ret, struct error *err)
{
	size_t n = strcspn(url->target, "?");
	const char *query = url->target + n;
	struct verify_url v = { .prefix = "" };

	while (n && url->target[n - 1] == '/')
		n--;
	snprintf(v.prefix, sizeof(v.prefix), "%.*s", (int)n, url->target);
	if (*query && (strncmp(query, VERIFY_URL_QUERY, strlen(VERIFY_URL_QUERY)) ||
		       decode(query + strlen(VERIFY_URL_QUERY), v.interface, sizeof(v.interface))))
		return error_set(err, -EINVAL,
				 "of a sampler's address only the interface is asked for, as "
				 "http://HOST:3000/" VERIFY_URL_QUERY "eth0");
	*ret = v;
	return 0;
}

/**
 * verify_url_query() - a query for one interface
 * @interface: its name or id, of any bytes
 * @query: VERIFY_URL_QUERY and that, percent-encoded
 * @size: bytes at @query, three for each of the name's at least
 */
void verify_url_query(const char *interface, char *query, size_t size)
{
	size_t n = (size_t)snprintf(query, size, "%s", VERIFY_URL_QUERY);

	for (; *interface && n + 3 < size; interface++) {
		if (strchr(PLAIN, *interface))
			query[n++] = *interface;
		else
			n += (size_t)snprintf(query + n, size - n, "%%%02x",
					      (unsigned char)*interface);
	}
	query[n] = '\0';
}
