// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The name under which an interface's pins and files lie.
 *
 * bpffs refuses dots and file systems refuse slashes, so all but the plainest bytes are escaped. The
 * way back is not here on purpose: the real name is in the pins' meta, and readers take it from
 * there.
 */
#include "model/key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/**
 * key_from_interface() - name an interface's directory and files
 * @ifname: the interface, 1 to 15 bytes
 * @netns_inode: inode of its network namespace, 0 in that of init
 * @buf: where to, KEY_MAX is enough for every name
 * @size: bytes at @buf
 *
 * `eth0.100` is `eth0%2E100`, and `eth0%2E100@4026532001` in another namespace.
 *
 * Return: 0, -EINVAL when @ifname cannot be an interface's name, -ENOSPC when @buf is too small.
 */
int key_from_interface(const char *ifname, uint64_t netns_inode, char *buf, size_t size)
{
	char key[KEY_MAX];
	int n = 0;

	if (!*ifname || strnlen(ifname, SAMPLER_NAME_MAX) == SAMPLER_NAME_MAX)
		return -EINVAL;
	for (const char *c = ifname; *c; c++)
		n += sprintf(key + n, is_plain(*c) ? "%c" : "%%%02X", (unsigned char)*c);
	if (netns_inode)
		n += sprintf(key + n, "@%" PRIu64, netns_inode);
	if ((size_t)n >= size)
		return -ENOSPC;
	memcpy(buf, key, (size_t)n + 1);
	return 0;
}
