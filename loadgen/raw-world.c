// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Whether an interface leads to the world: whether it has the default route, or one that is above it
 * has: the bridge or bond that it is a port of, or what is made on top of it (VLAN, macvlan).
 *
 * Default is also what some VPNs split it into (0.0.0.0/1, 128.0.0.0/1) and all global unicast
 * (2000::/3): each prefix that is shorter than that of any private network.
 */
#include "raw-world.h"

#include "raw-netlink.h"
#include "util/cleanup.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MIN_PRIVATE_BITS 7 /* fc00::/7, RFC 4193; 10.0.0.0/8, RFC 1918 */

/* The interface, and all above it. */
struct stack {
	uint32_t *ifindex;
	size_t n;
	bool failed;	/* there was no memory for one */
	uint32_t leads; /* which of them has a default route; 0: none */
};

static bool has(const struct stack *stack, uint32_t ifindex)
{
	for (size_t i = 0; i < stack->n; i++) {
		if (stack->ifindex[i] == ifindex)
			return true;
	}
	return false;
}

static void add(struct stack *stack, uint32_t ifindex)
{
	uint32_t *more;

	if (has(stack, ifindex))
		return;
	more = reallocarray(stack->ifindex, stack->n + 1, sizeof(*more));
	stack->failed = stack->failed || !more;
	if (!more)
		return;
	stack->ifindex = more;
	stack->ifindex[stack->n++] = ifindex;
}

static void take_link(const struct nlmsghdr *answer, void *user)
{
	const struct ifinfomsg *link = NLMSG_DATA(answer);
	struct stack *stack = user;
	const uint32_t *master, *below;

	if (answer->nlmsg_type != RTM_NEWLINK)
		return;
	master = netlink_attribute(answer, sizeof(*link), IFLA_MASTER, sizeof(*master));
	below = netlink_attribute(answer, sizeof(*link), IFLA_LINK, sizeof(*below));
	if (netlink_attribute(answer, sizeof(*link), IFLA_LINK_NETNSID, 0))
		below = NULL; /* an index of another namespace */
	if (master && has(stack, (uint32_t)link->ifi_index))
		add(stack, *master);
	if (below && has(stack, *below))
		add(stack, (uint32_t)link->ifi_index);
}

static void take_interface(struct stack *stack, uint32_t ifindex)
{
	if (!stack->leads && has(stack, ifindex))
		stack->leads = ifindex;
}

static void take_hops(struct stack *stack, const struct rtnexthop *hop, size_t n)
{
	size_t size;

	while (n >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= n) {
		take_interface(stack, (uint32_t)hop->rtnh_ifindex);
		size = (size_t)RTNH_ALIGN(hop->rtnh_len);
		n -= size < n ? size : n;
		hop = RTNH_NEXT(hop);
	}
}

static void take_route(const struct nlmsghdr *answer, void *user)
{
	const struct rtmsg *route = NLMSG_DATA(answer);
	const struct rtnexthop *hops;
	const uint32_t *oif;

	if (answer->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST ||
	    route->rtm_dst_len >= MIN_PRIVATE_BITS)
		return;
	oif = netlink_attribute(answer, sizeof(*route), RTA_OIF, sizeof(*oif));
	hops = netlink_attribute(answer, sizeof(*route), RTA_MULTIPATH, sizeof(*hops));
	if (oif)
		take_interface(user, *oif);
	if (hops)
		take_hops(user, hops, ((const struct rtattr *)hops)[-1].rta_len - RTA_LENGTH(0));
}

static int find_above(struct stack *stack)
{
	size_t before;
	int r = 0;

	do {
		struct netlink_request request;

		before = stack->n;
		netlink_request_init(&request, RTM_GETLINK, sizeof(request.link));
		request.header.nlmsg_flags |= NLM_F_DUMP;
		r = netlink_ask(&request, take_link, stack);
	} while (!r && !stack->failed && stack->n > before);
	return stack->failed ? -ENOMEM : r;
}

static int find_routes(struct stack *stack)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < array_size(families); i++) {
		struct netlink_request request;
		int r;

		netlink_request_init(&request, RTM_GETROUTE, sizeof(request.route));
		request.header.nlmsg_flags |= NLM_F_DUMP;
		request.route.rtm_family = families[i];
		r = netlink_ask(&request, take_route, stack);
		if (r && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
			return r;
	}
	return 0;
}

/**
 * raw_world_find() - by which interface one leads to the world
 * @ifindex: of the one
 * @ret_by: filled on success: its own name, that of one above it, or "" where it leads nowhere
 * @err: why that cannot be known
 *
 * Return: 0 or negative errno.
 */
int raw_world_find(uint32_t ifindex, char ret_by[IF_NAMESIZE], struct error *err)
{
	struct stack stack = { .n = 0 };
	int r;

	add(&stack, ifindex);
	r = find_above(&stack);
	r = r ?: find_routes(&stack);
	free(stack.ifindex);
	if (r)
		return error_set(err, r, "cannot read links and routes: %s", strerror(-r));
	memset(ret_by, 0, IF_NAMESIZE);
	if (stack.leads && !if_indextoname(stack.leads, ret_by))
		return error_set(err, -errno,
				 "cannot look at the interface of the default route: %s",
				 strerror(errno));
	return 0;
}
