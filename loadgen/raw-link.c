// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The interface that frames leave by: what it is, which addresses are its own, what it has dropped.
 */
#include "raw-link.h"

#include "raw-netlink.h"
#include "raw-world.h"
#include "util/cleanup.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define NAMES_MAX 200

/* "eth0, wlan0": those that there are. */
static void list_names(char *buf, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	*buf = '\0';
	for (struct if_nameindex *i = all; i && i->if_name && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", i->if_name);
	if (all)
		if_freenameindex(all);
}

static int ask(int fd, unsigned long what, const char *name, struct ifreq *ret)
{
	*ret = (struct ifreq){ .ifr_flags = 0 };
	snprintf(ret->ifr_name, sizeof(ret->ifr_name), "%s", name);
	return ioctl(fd, what, ret) ? -errno : 0;
}

static int find_index(int fd, struct raw_link *link, struct error *err)
{
	char names[NAMES_MAX];
	struct ifreq request;
	int r = ask(fd, SIOCGIFINDEX, link->name, &request);

	if (r == -ENODEV) {
		list_names(names, sizeof(names));
		return error_set(err, r, "no interface \"%s\"; there are: %s", link->name, names);
	}
	if (r)
		return error_set(err, r, "cannot look at %s: %s", link->name, strerror(-r));
	link->ifindex = (uint32_t)request.ifr_ifindex;
	return 0;
}

static int find_kind(int fd, struct raw_link *link, struct error *err)
{
	struct ifreq request;
	int r = ask(fd, SIOCGIFHWADDR, link->name, &request);

	if (!r && request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return error_set(err, -EINVAL, "%s is no Ethernet interface", link->name);
	memcpy(link->mac, request.ifr_hwaddr.sa_data, sizeof(link->mac));
	r = r ?: ask(fd, SIOCGIFMTU, link->name, &request);
	link->mtu = (uint32_t)request.ifr_mtu;
	r = r ?: ask(fd, SIOCGIFFLAGS, link->name, &request);
	if (r)
		return error_set(err, r, "cannot look at %s: %s", link->name, strerror(-r));
	if (!(request.ifr_flags & IFF_UP))
		return error_set(err, -ENETDOWN, "%s is down (ip link set dev %s up)", link->name,
				 link->name);
	return 0;
}

/* Not by IFF_RUNNING, which follows some time later. */
static int find_carrier(const struct raw_link *link, struct error *err)
{
	struct raw_link_stats stats;

	raw_link_stats(link, &stats);
	if (stats.there && !stats.carrier)
		return error_set(err, -ENETDOWN,
				 "%s has no link: is its other end connected, and up?", link->name);
	return 0;
}

/* The last address of a network goes to all of it, whether the interface says so or not. */
static struct in_addr broadcast_of(struct in_addr address, const struct sockaddr_in *mask)
{
	struct in_addr none = { 0 };

	if (!mask || ntohl(mask->sin_addr.s_addr) >= 0xfffffffe) /* RFC 3021 */
		return none;
	address.s_addr |= ~mask->sin_addr.s_addr;
	return address;
}

static void take_address(struct raw_link *link, const struct ifaddrs *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)a->ifa_addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a->ifa_addr;

	if (in->sin_family == AF_INET && link->n_own4 < RAW_MAX_OWN) {
		link->broadcast4[link->n_own4] =
			broadcast_of(in->sin_addr, (const struct sockaddr_in *)a->ifa_netmask);
		link->own4[link->n_own4++] = in->sin_addr;
	} else if (in->sin_family == AF_INET6 && link->n_own6 < RAW_MAX_OWN) {
		link->own6[link->n_own6++] = in6->sin6_addr;
	}
}

static int find_addresses(struct raw_link *link, struct error *err)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return error_set(err, -errno, "cannot list addresses: %s", strerror(errno));
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (a->ifa_addr && !strcmp(a->ifa_name, link->name))
			take_address(link, a);
	}
	freeifaddrs(all);
	return 0;
}

/**
 * raw_link_find() - find out what an interface is
 * @name: its name
 * @ret: filled on success
 * @err: why it cannot be used
 *
 * Return: 0 or negative errno.
 */
int raw_link_find(const char *name, struct raw_link *ret, struct error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct raw_link link = { .ifindex = 0 };
	int r;

	if (fd < 0)
		return error_set(err, -errno, "cannot look at %s: %s", name, strerror(errno));
	snprintf(link.name, sizeof(link.name), "%s", name);
	r = find_index(fd, &link, err);
	r = r ?: find_kind(fd, &link, err);
	r = r ?: find_carrier(&link, err);
	r = r ?: find_addresses(&link, err);
	r = r ?: raw_world_find(link.ifindex, link.world, err);
	if (!r)
		*ret = link;
	return r;
}

/* ---- what it counts ---- */

static void take_stats(const struct nlmsghdr *answer, void *user)
{
	struct rtnl_link_stats64 stats;
	struct raw_link_stats *ret = user;
	const void *value = netlink_attribute(answer, sizeof(struct ifinfomsg), IFLA_STATS64,
					      offsetof(struct rtnl_link_stats64, rx_compressed));

	const uint8_t *carrier =
		netlink_attribute(answer, sizeof(struct ifinfomsg), IFLA_CARRIER, sizeof(*carrier));
	const uint32_t *lost = netlink_attribute(answer, sizeof(struct ifinfomsg),
						 IFLA_CARRIER_DOWN_COUNT, sizeof(*lost));

	if (!value)
		return;
	ret->carrier = carrier && *carrier;
	memcpy(&stats, value, offsetof(struct rtnl_link_stats64, rx_compressed));
	ret->there = true;
	ret->tx_dropped = stats.tx_dropped;
	ret->n_carrier_lost = lost ? *lost : 0;
}

#define TC_STATS_LEN \
	(offsetof(struct tc_stats, backlog) + sizeof(uint32_t)) /* without its padding */

struct queue {
	const struct raw_link *link;
	struct raw_link_stats *stats;
};

static void take_queue(const struct nlmsghdr *answer, void *user)
{
	const struct tcmsg *message = NLMSG_DATA(answer);
	const struct queue *queue = user;
	struct tc_stats stats;
	const void *value;

	if (answer->nlmsg_type != RTM_NEWQDISC || message->tcm_parent != TC_H_ROOT ||
	    (uint32_t)message->tcm_ifindex != queue->link->ifindex)
		return;
	value = netlink_attribute(answer, sizeof(*message), TCA_STATS, TC_STATS_LEN);
	if (!value)
		return;
	memcpy(&stats, value, TC_STATS_LEN);
	queue->stats->queue = message->tcm_handle;
	queue->stats->queue_dropped = stats.drops;
	queue->stats->n_queued = stats.qlen;
}

/** raw_link_stats() - read what an interface has counted; "there" is false where it is gone */
void raw_link_stats(const struct raw_link *link, struct raw_link_stats *ret)
{
	struct netlink_request request;

	*ret = (struct raw_link_stats){ .there = false };
	netlink_request_init(&request, RTM_GETLINK, sizeof(request.link));
	request.link.ifi_index = (int)link->ifindex;
	netlink_ask(&request, take_stats, ret);
	netlink_request_init(&request, RTM_GETQDISC, sizeof(request.queue));
	request.header.nlmsg_flags |= NLM_F_DUMP;
	netlink_ask(&request, take_queue, &(struct queue){ link, ret });
}
