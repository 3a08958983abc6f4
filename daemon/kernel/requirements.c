// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What must be there before an attach is tried: each miss is told by name, instead of as the errno
 * of whatever would have failed later (or, for CAP_SYS_ADMIN, of what would have seemed to work:
 * libxdp then attaches without dispatcher and returns 0).
 */
#include "kernel/requirements.h"

#include "kernel/link.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1

/** requirements_check_kernel() - Return: 0, or -ENOSYS on a kernel older than 6.1 */
int requirements_check_kernel(struct error *err)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name))
		return error_set(err, -errno, "uname: %s", strerror(errno));
	sscanf(name.release, "%u.%u", &major, &minor);
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		return 0;
	return error_set(err, -ENOSYS,
			 "kernel %s is too old: %d.%d or later is needed (multi-buffer XDP behind "
			 "a dispatcher, and reading pinned maps without privilege)",
			 name.release, KERNEL_MAJOR, KERNEL_MINOR);
}

static int check_capability(int number, const char *name, const char *what, struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return error_set(err, -errno, "capget: %s", strerror(errno));
	if (data[number / 32].effective & (1u << (number % 32)))
		return 0;
	return error_set(err, -EPERM, "%s is missing, needed %s: run as root", name, what);
}

/**
 * requirements_check_sight() - may this process see which XDP programs are attached
 * @err: names the capability that is missing, and what it is for
 *
 * Return: 0 or -EPERM.
 */
int requirements_check_sight(struct error *err)
{
	return check_capability(CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
				"to see which XDP programs are attached and to share the interface "
				"with them",
				err);
}

/**
 * requirements_check_capabilities() - may this process attach at all
 * @err: names the first capability that is missing, and what it is for
 *
 * Return: 0 or -EPERM.
 */
int requirements_check_capabilities(struct error *err)
{
	return check_capability(CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach XDP programs", err)
		       ?: requirements_check_sight(err);
}

static int no_such_link(const char *ifname, struct error *err)
{
	char names[300] = "none";

	link_names(names, sizeof(names));
	return error_set(err, -ENODEV, "no interface \"%.64s\"; there are: %s", ifname, names);
}

/**
 * requirements_find_link() - the interface by its name, if frames of it can be counted
 * @ifname: as the user wrote it
 * @ret_link: filled on success
 * @err: why not, with the names that there are
 *
 * Return: 0, -ENODEV, -EPROTONOSUPPORT where it is not an Ethernet device, or negative errno.
 */
int requirements_find_link(const char *ifname, struct link_info *ret_link, struct error *err)
{
	_cleanup_close_ int fd = link_socket();
	struct link_info link;
	int r = fd < 0 ? fd : link_query_name(fd, ifname, &link);

	if (r == -ENODEV || r == -EINVAL || r == -ERANGE)
		return no_such_link(ifname, err);
	if (r)
		return error_set(err, r, "%s: %s", ifname, strerror(-r));
	if (strcmp(link.name, ifname))
		return error_set(err, -ENODEV, "%s is another name of %s: use that", ifname,
				 link.name);
	if (link.type != ARPHRD_ETHER && link.type != ARPHRD_LOOPBACK)
		return error_set(err, -EPROTONOSUPPORT,
				 "%s is not an Ethernet device (link type %u): its frames have no "
				 "Ethernet header to read",
				 ifname, link.type);
	*ret_link = link;
	return 0;
}
