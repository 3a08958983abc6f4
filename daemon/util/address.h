/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_ADDRESS_H
#define SAMPLER_UTIL_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_EXPECTED \
	"ADDRESS:PORT such as 127.0.0.1:3000 or [::1]:3000 or localhost:3000, or unix:/PATH"

/* Room for what address_format() writes. */
#define ADDRESS_TEXT_MAX (sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path))

/* Where a stream socket listens. */
struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

int address_parse(const char *text, struct address *ret_address);
void address_format(const struct address *address, char buf[ADDRESS_TEXT_MAX]);
bool address_is_local(const struct address *address);

#endif
