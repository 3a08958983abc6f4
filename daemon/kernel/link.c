// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Interfaces, through rtnetlink: what is this link, is XDP on it, did it go away.
 *
 * One RTM_GETLINK request a question, for one interface: libbpf's bpf_xdp_query() asks the kernel to
 * dump all of them, which is too dear for a tick on a host with thousands. The socket belongs to the
 * caller and to the network namespace in which it was opened, whatever /sys shows.
 */
#include "kernel/link.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ANSWER_MAX 32768 /* an interface with many VFs answers with some 10 KiB */

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[64];
};

/**
 * link_socket() - open a route netlink socket in the current network namespace
 *
 * Return: descriptor that the caller closes, or negative errno.
 */
int link_socket(void)
{
	static const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return take_fd(&fd);
}

static void read_xdp(const struct rtattr *nested, struct link_info *link)
{
	int len = RTA_PAYLOAD(nested);

	for (const struct rtattr *a = RTA_DATA(nested); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_XDP_PROG_ID)
			memcpy(&link->xdp_prog_id, RTA_DATA(a), sizeof(link->xdp_prog_id));
		else if (a->rta_type == IFLA_XDP_ATTACHED)
			link->xdp_skb = *(const __u8 *)RTA_DATA(a) == XDP_ATTACHED_SKB;
	}
}

static void read_attribute(const struct rtattr *a, struct link_info *link)
{
	struct rtnl_link_stats64 stats;

	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		strncpy(link->name, RTA_DATA(a), sizeof(link->name) - 1);
		break;
	case IFLA_MTU:
		memcpy(&link->mtu, RTA_DATA(a), sizeof(link->mtu));
		break;
	case IFLA_STATS64:
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, RTA_DATA(a),
		       RTA_PAYLOAD(a) < sizeof(stats) ? RTA_PAYLOAD(a) : sizeof(stats));
		link->rx_packets = stats.rx_packets;
		break;
	case IFLA_XDP:
		read_xdp(a, link);
		break;
	}
}

static void read_link(const struct nlmsghdr *message, struct link_info *ret_link)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	int len = IFLA_PAYLOAD(message);
	struct link_info link = {
		.ifindex = info->ifi_index,
		.type = info->ifi_type,
		.flags = info->ifi_flags,
		.up = info->ifi_flags & IFF_UP && info->ifi_flags & IFF_RUNNING,
	};

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len))
		read_attribute(a, &link);
	*ret_link = link;
}

static void add_attribute(struct link_request *request, int type, const void *data, size_t size)
{
	struct rtattr *a = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int read_answer(int fd, uint32_t sequence, struct link_info *ret_link)
{
	char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n;

	for (;;) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (struct nlmsghdr *m = (void *)buf; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			if (m->nlmsg_seq != sequence)
				continue; /* the late answer to a question given up on */
			if (m->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(m))->error ?: -EBADMSG;
			if (m->nlmsg_type != RTM_NEWLINK)
				return -EBADMSG;
			read_link(m, ret_link);
			return 0;
		}
	}
}

static int query(int fd, struct link_request *request, struct link_info *ret_link)
{
	static const int timeout_ms = 5000;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	request->header.nlmsg_type = RTM_GETLINK;
	request->header.nlmsg_flags = NLM_F_REQUEST;
	request->header.nlmsg_seq = clock_boottime_ns(); /* differs from all before it */
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	if (poll(&ready, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	return read_answer(fd, request->header.nlmsg_seq, ret_link);
}

/**
 * link_query_index() - what the kernel says of an interface
 * @fd: socket of link_socket()
 * @ifindex: interface index in the socket's namespace
 * @ret_link: filled on success
 *
 * Return: 0, -ENODEV where there is none, or another negative errno.
 */
int link_query_index(int fd, uint32_t ifindex, struct link_info *ret_link)
{
	struct link_request request = {
		.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex },
	};

	return query(fd, &request, ret_link);
}

/** link_query_name() - link_query_index() for a name; -ENODEV also for one that cannot be */
int link_query_name(int fd, const char *name, struct link_info *ret_link)
{
	struct link_request request = {
		.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		.info.ifi_family = AF_UNSPEC,
	};

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	add_attribute(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return query(fd, &request, ret_link);
}

/**
 * link_label() - an interface of which only the number is at hand, for messages
 * @ifindex: of this network namespace
 * @buf: room for the text
 *
 * Return: @buf, with its name; its number where it has none any more.
 */
const char *link_label(uint32_t ifindex, char buf[SAMPLER_NAME_MAX])
{
	if (!if_indextoname(ifindex, buf))
		snprintf(buf, SAMPLER_NAME_MAX, "%u", ifindex);
	return buf;
}

/**
 * link_names() - the names of all interfaces, for messages
 * @buf: gets them with ", " between; ends in "..." where it is too small
 * @size: of @buf
 *
 * Return: 0 or negative errno.
 */
int link_names(char *buf, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	if (!all)
		return -errno;
	*buf = 0;
	for (struct if_nameindex *i = all; i->if_index; i++) {
		if (n + strlen(i->if_name) + 6 > size) {
			snprintf(buf + n, size - n, "%s", "...");
			break;
		}
		n += snprintf(buf + n, size - n, "%s%s", n ? ", " : "", i->if_name);
	}
	if_freenameindex(all);
	return 0;
}

/**
 * link_vlan_stripped() - does the device take VLAN tags off before XDP sees the frame
 * @name: interface in the current network namespace
 *
 * Return: true where rxvlan is on (ethtool -k), false where it is off or the device cannot say.
 */
bool link_vlan_stripped(const char *name)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request = { .ifr_data = (void *)&flags };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		return false;
	return flags.data & ETH_FLAG_RXVLAN;
}

/* Link settings with room for the masks of modes that the kernel insists on. */
struct link_settings {
	struct ethtool_link_settings settings;
	__u32 masks[3 * SCHAR_MAX];
};

static int read_settings(int fd, struct ifreq *request, struct link_settings *ret_settings)
{
	request->ifr_data = (void *)ret_settings;
	*ret_settings = (struct link_settings){ .settings.cmd = ETHTOOL_GLINKSETTINGS };
	if (ioctl(fd, SIOCETHTOOL, request))
		return -errno;
	/* Asked with no room, the kernel says how much it wants, as a negative number. */
	ret_settings->settings.link_mode_masks_nwords *= -1;
	ret_settings->settings.cmd = ETHTOOL_GLINKSETTINGS;
	return ioctl(fd, SIOCETHTOOL, request) ? -errno : 0;
}

/**
 * link_speed() - how fast a link is
 * @name: interface in the current network namespace
 * @ret_mbps: Mbit/s
 *
 * Return: 0, -ENODATA where the device does not know (no carrier, a virtual device), or another
 * negative errno.
 */
int link_speed(const char *name, uint32_t *ret_mbps)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct link_settings all;
	struct ifreq request = { .ifr_flags = 0 };
	int r;

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	r = read_settings(fd, &request, &all);
	if (r)
		return r;
	if (!all.settings.speed || all.settings.speed == (__u32)SPEED_UNKNOWN)
		return -ENODATA;
	*ret_mbps = all.settings.speed;
	return 0;
}

/** link_xdp_prog_id() - Return: id of the XDP program that the link shows, 0 for none */
uint32_t link_xdp_prog_id(uint32_t ifindex)
{
	_cleanup_close_ int fd = link_socket();
	struct link_info link;

	return fd < 0 || link_query_index(fd, ifindex, &link) ? 0 : link.xdp_prog_id;
}
