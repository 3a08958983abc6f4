// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The name under which an interface's pins and files lie.
 *
 * bpffs refuses dots and file systems refuse slashes, so all but the plainest bytes are escaped. The
 * real name is in the pins' meta and in the history, and readers take it from there. The way back
 * is for names of folders and files that come from outside: it tells which of them are keys.
 */
#include "model/key.h"

#include "util/units.h"

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

static bool take_hex(const char *c, char *ret_byte)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high = c[0] ? strchr(digits, c[0]) : NULL;
	const char *low = high && c[1] ? strchr(digits, c[1]) : NULL;

	if (low)
		*ret_byte = (char)((high - digits) << 4 | (low - digits));
	return low;
}

/* "@4026532001" behind a name, or nothing. */
static int parse_suffix(const char *text, uint64_t *ret_inode)
{
	if (!*text) {
		*ret_inode = 0;
		return 0;
	}
	return *text == '@' ? parse_u64(text + 1, 1, UINT64_MAX, ret_inode) : -EINVAL;
}

/**
 * key_parse() - see whether a name is a key, and of which interface
 * @key: e.g. the name of a folder, of any length and content
 * @ret_name: the interface's name, NUL-terminated
 * @ret_netns_inode: as key_from_interface() took it
 *
 * Return: 0, or -EINVAL for everything that key_from_interface() does not write.
 */
int key_parse(const char *key, char ret_name[SAMPLER_NAME_MAX], uint64_t *ret_netns_inode)
{
	char name[SAMPLER_NAME_MAX] = "", again[KEY_MAX];
	const char *c = key;
	uint64_t inode;

	for (size_t n = 0; *c && *c != '@'; n++, c++) {
		if (n == sizeof(name) - 1)
			return -EINVAL;
		name[n] = *c;
		if (*c == '%' && take_hex(c + 1, &name[n]))
			c += 2;
		if (!name[n])
			return -EINVAL;
	}
	if (parse_suffix(c, &inode) || key_from_interface(name, inode, again, sizeof(again)) ||
	    strcmp(again, key) != 0)
		return -EINVAL;
	memcpy(ret_name, name, sizeof(name));
	*ret_netns_inode = inode;
	return 0;
}
