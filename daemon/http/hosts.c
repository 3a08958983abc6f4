// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Which Host a request may have.
 *
 * A web page anywhere can have its name resolve to 127.0.0.1 and then read what a server there
 * answers ("DNS rebinding"): to the browser both are one origin. Such a request carries the page's
 * name as its Host. An address cannot be made to point elsewhere, nor can localhost (RFC 6761), so
 * those are always let in; other names only where somebody has named them.
 */
#include "http/hosts.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253 /* of a name in DNS; addresses are shorter */

/* Takes ":123" or ":" or nothing, up to the end. */
static bool is_port(const char *text)
{
	if (!*text)
		return true;
	return *text == ':' && !text[1 + strspn(text + 1, "0123456789")];
}

/* "[::1]:80" */
static bool is_ipv6(char *text)
{
	char *end = strchr(text, ']');
	struct in6_addr address;

	if (*text != '[' || !end || !is_port(end + 1))
		return false;
	*end = '\0';
	return inet_pton(AF_INET6, text + 1, &address) == 1;
}

/* Names below localhost are ours whatever they are, as long as they are names. */
static bool is_localhost(const char *name, size_t len)
{
	static const char suffix[] = ".localhost";
	static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-_.";
	size_t n = sizeof(suffix) - 1;

	return !strcasecmp(name, suffix + 1) ||
	       (len > n && !strcasecmp(name + len - n, suffix) &&
		name[strspn(name, name_bytes)] == 0 && *name != '.' && !strstr(name, ".."));
}

static bool is_named(const char *name, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

/**
 * host_allowed() - whether a request's Host is one that only we are meant by
 * @host: the header's value, or the authority of an absolute request target; not NUL-terminated
 * @len: bytes at @host
 * @names: names that are allowed besides, without a dot at the end
 * @n_names: how many
 *
 * Allowed are IPv4 and IPv6 addresses, localhost and names below it, and @names, each with or
 * without a port (RFC 9110, section 7.2), which is not looked at: a proxy or a forwarded port changes
 * it. Case does not matter, nor does one dot at the end of a name.
 *
 * Return: true or false.
 */
bool host_allowed(const char *host, size_t len, const char *const *names, size_t n_names)
{
	char name[HOST_MAX + sizeof(".:65535")];
	struct in_addr address;
	char *port;

	if (!len || len >= sizeof(name) || memchr(host, '\0', len))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (*name == '[')
		return is_ipv6(name);
	port = strchrnul(name, ':');
	if (!is_port(port))
		return false;
	*port = '\0';
	if (inet_pton(AF_INET, name, &address) == 1)
		return true;
	if (port > name && port[-1] == '.')
		*--port = '\0';
	return is_localhost(name, port - name) || is_named(name, names, n_names);
}
