// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Where requests go: a URL taken apart, strictly.
 *
 * What is accepted goes into the request line and the Host header as it stands, so nothing passes
 * that could not stand there: no blanks, no control characters, no bytes beyond ASCII. A host made
 * of numbers has to be an IPv4 address in its usual form; a resolver would read "10.1" as 10.0.0.1 and
 * "0x7f.1" as 127.0.0.1. The parser resolves nothing and allocates nothing.
 */
#include "url.h"

#include "util/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_LABEL 63
#define MAX_NAME  253
#define ALPHA	  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	  "0123456789"
#define HEX	  DIGITS "abcdefABCDEF"
/* RFC 3986 section 3.3 and 3.4: what a path and a query hold; % only before two hex digits. */
#define TARGET	  ALPHA DIGITS "-._~!$&'()*+,;=:@/?%"

#define EXPECTED "expected http://HOST[:PORT][/PATH] or https://..."

/* The authority of a URL, and what is left after it. */
struct parts {
	const char *host; /* without brackets */
	size_t n_host;
	bool bracketed;
	const char *port; /* behind the colon, or NULL */
	size_t n_port;
	const char *target;
};

static int fail(struct error *err, const char *why)
{
	return error_set(err, -EINVAL, "%s", why);
}

/* Moves *text behind the scheme. */
static int take_scheme(const char **text, bool *tls, struct error *err)
{
	const char *url = *text, *end = strstr(url, "://");
	size_t n = end ? (size_t)(end - url) : 0;

	if (!end || strcspn(url, "/?#") < n)
		return 0; /* none: what follows is the host */
	if (n == 4 && !strncasecmp(url, "http", n))
		*tls = false;
	else if (n == 5 && !strncasecmp(url, "https", n))
		*tls = true;
	else
		return fail(err, "unknown scheme; " EXPECTED);
	*text = end + 3;
	return 0;
}

static int split_authority(const char *text, struct parts *ret_parts, struct error *err)
{
	size_t n = strcspn(text, "/?#");
	struct parts p = { .host = text, .target = text + n };
	const char *end = text + n, *after, *close;

	if (memchr(text, '@', n))
		return fail(err, "user information (user@) is not supported");
	if (n && *text == '[') {
		close = memchr(text, ']', n);
		if (!close)
			return fail(err, "\"[\" without \"]\"");
		p.bracketed = true;
		p.host++;
		after = close + 1;
		p.n_host = (size_t)(close - p.host);
	} else {
		after = memchr(text, ':', n) ?: end;
		p.n_host = (size_t)(after - text);
		if (memchr(after, ':', n - p.n_host) != memrchr(text, ':', n))
			return fail(err, "an IPv6 address needs brackets: [2001:db8::1]");
	}
	if (after < end && *after != ':')
		return fail(err, EXPECTED);
	if (after < end) {
		p.port = after + 1;
		p.n_port = (size_t)(end - p.port);
	}
	*ret_parts = p;
	return 0;
}

static bool ipv4_valid(const char *text)
{
	struct in_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1;
}

/* All of its parts, decimal or hexadecimal: resolvers read that as an IPv4 address (inet_aton(3)). */
static bool is_numbers(const char *host)
{
	while (*host) {
		bool hex = host[0] == '0' && (host[1] | 0x20) == 'x';

		host += hex ? 2 + strspn(host + 2, HEX) : strspn(host, DIGITS);
		if (*host && *host++ != '.')
			return false;
	}
	return true;
}

/* Names as resolvers take them: labels of letters, digits, - and _, a dot at the end allowed. */
static bool name_valid(const char *name)
{
	size_t n = strlen(name), n_label;

	if (n && name[n - 1] == '.')
		n--;
	if (!n || n > MAX_NAME || name[n - 1] == '.')
		return false;
	for (const char *label = name; label < name + n; label += n_label + 1) {
		n_label = strspn(label, ALPHA DIGITS "-_");
		if (!n_label || n_label > MAX_LABEL || label[0] == '-' || label[n_label - 1] == '-')
			return false;
		if (label + n_label < name + n && label[n_label] != '.')
			return false;
	}
	return true;
}

/* "fe80::1%25eth0" (RFC 6874), or with a plain %, becomes what getaddrinfo() takes: "fe80::1%eth0". */
static bool ipv6_zone_take(char *host)
{
	char *zone = strchr(host, '%');
	struct in6_addr addr;
	bool valid;

	if (!zone)
		return inet_pton(AF_INET6, host, &addr) == 1;
	if (!strncmp(zone, "%25", 3) && zone[3])
		memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
	*zone = '\0';
	valid = inet_pton(AF_INET6, host, &addr) == 1;
	*zone = '%';
	return valid && zone[1] && !zone[1 + strspn(zone + 1, ALPHA DIGITS "-._")];
}

static int take_host(const struct parts *p, struct url *ret, struct error *err)
{
	if (!p->n_host)
		return fail(err, "no host; " EXPECTED);
	if (p->n_host >= sizeof(ret->host))
		return fail(err, "the host's name is too long, 253 characters are the limit");
	memcpy(ret->host, p->host, p->n_host);
	ret->host[p->n_host] = '\0';
	if (p->bracketed)
		return ipv6_zone_take(ret->host)
			       ? 0
			       : fail(err, "no IPv6 address between the brackets");
	if (is_numbers(ret->host))
		return ipv4_valid(ret->host)
			       ? 0
			       : fail(err,
				      "not a valid IPv4 address (four decimal numbers: 127.0.0.1)");
	if (!name_valid(ret->host))
		return fail(err,
			    "the host is no valid name (letters, digits, - and _; an international "
			    "name in its xn-- form)");
	return 0;
}

static int take_port(const struct parts *p, struct url *ret, struct error *err)
{
	uint64_t port = ret->tls ? 443 : 80;
	char text[8] = "";

	if (p->port && p->n_port < sizeof(text))
		memcpy(text, p->port, p->n_port);
	if (p->port && parse_u64(text, 1, UINT16_MAX, &port))
		return fail(err, "the port has to be a number from 1 to 65535");
	ret->port = (uint16_t)port;
	return 0;
}

static int take_target(const char *target, struct url *ret, struct error *err)
{
	size_t n = strspn(target, TARGET);

	if (target[n] == '#')
		return fail(err, "a fragment (#...) is never sent; leave it out");
	if (target[n])
		return error_set(err, -EINVAL,
				 "byte 0x%02x (at \"%.20s\") has to be percent-encoded",
				 (unsigned char)target[n], target + n);
	for (const char *c = target; (c = strchr(c, '%')); c += 3) {
		if (strspn(c + 1, HEX) < 2)
			return fail(err, "% without two hexadecimal digits; % itself is %25");
	}
	if (n + 1 >= sizeof(ret->target)) /* with room for a "/" before it */
		return fail(err, "path and query are too long, 1022 characters are the limit");
	snprintf(ret->target, sizeof(ret->target), "%s%s", *target == '/' ? "" : "/", target);
	return 0;
}

/* RFC 9110 section 7.2: the Host header; a zone is the sender's own business (RFC 6874). */
static void make_authority(const struct parts *p, struct url *ret)
{
	int n_host = (int)strcspn(ret->host, p->bracketed ? "%" : "");
	int n = snprintf(ret->authority, sizeof(ret->authority), "%s%.*s%s",
			 p->bracketed ? "[" : "", n_host, ret->host, p->bracketed ? "]" : "");

	if (ret->port != (ret->tls ? 443 : 80))
		snprintf(ret->authority + n, sizeof(ret->authority) - (size_t)n, ":%u", ret->port);
}

/**
 * url_parse() - take a URL apart (RFC 3986)
 * @text: http://HOST[:PORT][/PATH][?QUERY], https://..., or the same without a scheme
 * @tls_by_default: what a URL without a scheme means: https or http
 * @ret_url: its parts, each NUL-terminated
 * @err: what is wrong with it; the caller says with which
 *
 * Return: 0, or -EINVAL.
 */
int url_parse(const char *text, bool tls_by_default, struct url *ret_url, struct error *err)
{
	struct url url = { .tls = tls_by_default };
	const char *rest = text;
	struct parts parts = { 0 };
	int r = take_scheme(&rest, &url.tls, err) ?: split_authority(rest, &parts, err);

	r = r ?: take_host(&parts, &url, err);
	r = r ?: take_port(&parts, &url, err);
	r = r ?: take_target(parts.target, &url, err);
	if (r)
		return r;
	make_authority(&parts, &url);
	*ret_url = url;
	return 0;
}
