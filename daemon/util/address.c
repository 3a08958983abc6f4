// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Addresses to listen at, as people write them.
 *
 * Names are not looked up: what a server listens at should not depend on what answers for a name at
 * that moment. The one name is localhost, which is 127.0.0.1.
 */
#include "util/address.h"

#include "util/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse_unix(const char *path, struct address *ret_address)
{
	struct address address = { .un = { .sun_family = AF_UNIX }, .len = sizeof(address.un) };

	if (*path != '/' || strlen(path) >= sizeof(address.un.sun_path))
		return -EINVAL;
	strcpy(address.un.sun_path, path);
	*ret_address = address;
	return 0;
}

/* text is "[ADDRESS]" */
static int parse_ipv6(const char *text, size_t len, uint16_t port, struct address *ret_address)
{
	struct address address = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) },
				   .len = sizeof(address.in6) };
	char host[INET6_ADDRSTRLEN];

	if (len < 2 || text[len - 1] != ']' || len - 2 >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(len - 2), text + 1);
	if (inet_pton(AF_INET6, host, &address.in6.sin6_addr) != 1)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

static int parse_ipv4(const char *text, size_t len, uint16_t port, struct address *ret_address)
{
	struct address address = { .in = { .sin_family = AF_INET, .sin_port = htons(port) },
				   .len = sizeof(address.in) };
	char host[INET_ADDRSTRLEN];

	if (len >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (inet_pton(AF_INET, host, &address.in.sin_addr) != 1)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

/**
 * address_parse() - read an address to listen at
 * @text: "127.0.0.1:3000", "[::1]:3000", "localhost:3000" or "unix:/run/x.sock"
 * @ret_address: the address
 *
 * Return: 0, -EINVAL where it is none of them; ADDRESS_EXPECTED says what is.
 */
int address_parse(const char *text, struct address *ret_address)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (!strncmp(text, "unix:", 5))
		return parse_unix(text + 5, ret_address);
	if (!colon || parse_u64(colon + 1, 1, 65535, &port))
		return -EINVAL;
	if (*text == '[')
		return parse_ipv6(text, colon - text, port, ret_address);
	return parse_ipv4(text, colon - text, port, ret_address);
}

/**
 * address_format() - write an address so that address_parse() reads it
 * @address: of a socket, also as getsockname(2) gives it
 * @buf: where to
 *
 * A socket without a name, or of a family that is not ours, is "unix:" or "?".
 */
void address_format(const struct address *address, char buf[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	size_t path_at = offsetof(struct sockaddr_un, sun_path);

	switch (address->sa.sa_family) {
	case AF_UNIX:
		snprintf(buf, ADDRESS_TEXT_MAX, "unix:%.*s",
			 address->len > path_at ? (int)(address->len - path_at) : 0,
			 address->un.sun_path);
		break;
	case AF_INET:
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(buf, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		snprintf(buf, ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->in6.sin6_port));
		break;
	default:
		snprintf(buf, ADDRESS_TEXT_MAX, "?");
	}
}

static bool is_ipv4_loopback(const void *address)
{
	return *(const unsigned char *)address == 127;
}

/**
 * address_is_local() - whether only this machine's own processes can connect there
 * @address: an address to listen at
 *
 * Return: true for UNIX sockets and for loopback addresses (RFC 1122, RFC 4291; mapped ones, too).
 */
bool address_is_local(const struct address *address)
{
	const struct in6_addr *in6 = &address->in6.sin6_addr;

	switch (address->sa.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return is_ipv4_loopback(&address->in.sin_addr);
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(in6) ||
		       (IN6_IS_ADDR_V4MAPPED(in6) && is_ipv4_loopback(&in6->s6_addr[12]));
	default:
		return false;
	}
}
