// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * From addresses of layer 3 to whole ends of frames: the source by the route, the destination's MAC
 * address by the neighbour that the next hop is.
 *
 * A neighbour that the kernel does not know yet is asked for by it, when an empty UDP datagram is sent
 * there (port 9, discard, with a TTL of 1): before the run, and never where destination_mac is given.
 */
#include "raw-link.h"

#include "raw-guard.h"
#include "raw-netlink.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PORT_DISCARD 9
#define N_TRIES	     150
#define TRY_NS	     (20 * NSEC_PER_MSEC)
#define NEIGHBOUR_HAS \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* An address of either family, as netlink has it. */
struct hop {
	int family;
	size_t n; /* bytes of it */
	uint8_t byte[16];
};

struct route {
	uint8_t type;
	bool has_source, has_gateway;
	struct hop source, gateway;
};

static struct hop hop_of(int family, const void *address)
{
	struct hop hop = { .family = family, .n = family == AF_INET ? 4 : 16 };

	memcpy(hop.byte, address, hop.n);
	return hop;
}

static const char *hop_text(const struct hop *hop, char buf[INET6_ADDRSTRLEN])
{
	return inet_ntop(hop->family, hop->byte, buf, INET6_ADDRSTRLEN);
}

static void take_route(const struct nlmsghdr *answer, void *user)
{
	const struct rtmsg *message = NLMSG_DATA(answer);
	struct route *route = user;
	size_t n = message->rtm_family == AF_INET ? 4 : 16;
	const void *source = netlink_attribute(answer, sizeof(*message), RTA_PREFSRC, n);
	const void *gateway = netlink_attribute(answer, sizeof(*message), RTA_GATEWAY, n);

	route->type = message->rtm_type;
	route->has_source = source;
	route->has_gateway = gateway;
	if (source)
		route->source = hop_of(message->rtm_family, source);
	if (gateway)
		route->gateway = hop_of(message->rtm_family, gateway);
}

static int ask_route(const struct raw_link *link, const struct hop *to, struct route *ret)
{
	struct netlink_request request;

	*ret = (struct route){ .type = RTN_UNICAST };
	netlink_request_init(&request, RTM_GETROUTE, sizeof(request.route));
	request.route.rtm_family = (uint8_t)to->family;
	request.route.rtm_dst_len = (uint8_t)(8 * to->n);
	netlink_request_add(&request, RTA_DST, to->byte, to->n);
	netlink_request_add(&request, RTA_OIF, &link->ifindex, sizeof(link->ifindex));
	return netlink_ask(&request, take_route, ret);
}

/* ---- neighbours ---- */

struct neighbour {
	bool known;
	uint8_t mac[6];
};

static void take_neighbour(const struct nlmsghdr *answer, void *user)
{
	const struct ndmsg *message = NLMSG_DATA(answer);
	struct neighbour *neighbour = user;
	const void *mac = netlink_attribute(answer, sizeof(*message), NDA_LLADDR, 6);

	if (!mac || !(message->ndm_state & NEIGHBOUR_HAS))
		return;
	neighbour->known = true;
	memcpy(neighbour->mac, mac, 6);
}

static bool ask_neighbour(const struct raw_link *link, const struct hop *hop, uint8_t ret_mac[6])
{
	struct neighbour neighbour = { .known = false };
	struct netlink_request request;

	netlink_request_init(&request, RTM_GETNEIGH, sizeof(request.neighbour));
	request.neighbour.ndm_family = (uint8_t)hop->family;
	request.neighbour.ndm_ifindex = (int)link->ifindex;
	netlink_request_add(&request, NDA_DST, hop->byte, hop->n);
	netlink_ask(&request, take_neighbour, &neighbour);
	if (neighbour.known)
		memcpy(ret_mac, neighbour.mac, 6);
	return neighbour.known;
}

/* What comes of it is looked at in the table of neighbours only. */
static void send_datagram(const struct raw_link *link, const struct hop *hop)
{
	_cleanup_close_ int fd = socket(hop->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT_DISCARD) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(PORT_DISCARD),
				    .sin6_scope_id = link->ifindex };
	int ttl = 1;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->name, (socklen_t)strlen(link->name));
	if (hop->family == AF_INET) {
		memcpy(&in.sin_addr, hop->byte, 4);
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&in, sizeof(in));
	} else {
		memcpy(&in6.sin6_addr, hop->byte, 16);
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
		sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&in6, sizeof(in6));
	}
}

static int find_neighbour(const struct raw_link *link, const struct hop *hop, uint8_t ret_mac[6],
			  struct error *err)
{
	const struct timespec pause = { .tv_nsec = TRY_NS };
	char text[INET6_ADDRSTRLEN];

	if (ask_neighbour(link, hop, ret_mac))
		return 0;
	send_datagram(link, hop);
	for (int i = 0; i < N_TRIES; i++) {
		nanosleep(&pause, NULL);
		if (ask_neighbour(link, hop, ret_mac))
			return 0;
	}
	return error_set(err, -EHOSTUNREACH,
			 "%s does not answer on %s, so that its MAC address is not known; give "
			 "--destination-mac",
			 hop_text(hop, text), link->name);
}

/* RFC 1112, 6.4; RFC 2464, 7 */
static bool mac_of_many(const struct hop *to, uint8_t ret_mac[6])
{
	struct in_addr in4;
	struct in6_addr in6;

	if (to->family == AF_INET) {
		memcpy(&in4, to->byte, 4);
		if (!raw_guard_is_many4(in4))
			return false;
		memcpy(ret_mac, in4.s_addr == INADDR_BROADCAST ? "\xff\xff\xff" : "\x01\x00\x5e",
		       3);
		memcpy(ret_mac + 3, to->byte + 1, 3);
		if (in4.s_addr != INADDR_BROADCAST)
			ret_mac[3] &= 0x7f;
		return true;
	}
	memcpy(&in6, to->byte, 16);
	if (!raw_guard_is_many6(&in6))
		return false;
	memcpy(ret_mac, "\x33\x33", 2);
	memcpy(ret_mac + 2, to->byte + 12, 4);
	return true;
}

/* ---- the ends ---- */

/* The route, where something is wanted of it. */
static int find_route(const struct raw_link *link, const struct hop *to, struct route *ret,
		      struct error *err)
{
	char text[INET6_ADDRSTRLEN];
	int r = ask_route(link, to, ret);

	if (r)
		return error_set(err, r,
				 "no route to %s by %s (%s); give --source and --destination-mac, "
				 "or an address to %s",
				 hop_text(to, text), link->name, strerror(-r), link->name);
	if (ret->type == RTN_LOCAL)
		return error_set(err, -EINVAL, "%s is this machine's own; frames to it never leave",
				 hop_text(to, text));
	return 0;
}

static int find_mac(const struct raw_config *raw, const struct raw_link *link, const struct hop *to,
		    const struct route *route, uint8_t ret_mac[6], struct error *err)
{
	if (raw->destination_mac.there) {
		memcpy(ret_mac, raw->destination_mac.byte, 6);
		return 0;
	}
	if (mac_of_many(to, ret_mac))
		return 0;
	if (route->type == RTN_BROADCAST) {
		memset(ret_mac, 0xff, 6);
		return 0;
	}
	return find_neighbour(link, route->has_gateway ? &route->gateway : to, ret_mac, err);
}

/* @source: where to; has the address that was given, if @given. */
static int find_end(const struct raw_config *raw, const struct raw_link *link, const struct hop *to,
		    bool given, void *source, uint8_t ret_mac[6], struct error *err)
{
	struct route route = { .type = RTN_UNICAST };
	int r = 0;

	if (!given || !raw->destination_mac.there)
		r = find_route(link, to, &route, err);
	if (r)
		return r;
	if (!given && !route.has_source)
		return error_set(err, -EADDRNOTAVAIL,
				 "%s has no IPv%d address to send from; give "
				 "--source",
				 link->name, to->family == AF_INET ? 4 : 6);
	if (!given)
		memcpy(source, route.source.byte, to->n);
	return find_mac(raw, link, to, &route, ret_mac, err);
}

/**
 * raw_link_ends() - the addresses of all frames
 * @raw: those that are given
 * @link: the interface; what is missing goes by its routes and neighbours
 * @ret: filled on success
 * @err: what is not known, and what to give
 *
 * It can take some seconds, where a neighbour has to be asked for.
 *
 * Return: 0 or negative errno.
 */
int raw_link_ends(const struct raw_config *raw, const struct raw_link *link, struct raw_ends *ret,
		  struct error *err)
{
	struct hop to4 = hop_of(AF_INET, &raw->destination.in4);
	struct hop to6 = hop_of(AF_INET6, &raw->destination.in6);
	int r = 0;

	*ret = (struct raw_ends){
		.source4 = raw->source.in4,
		.source6 = raw->source.in6,
		.destination4 = raw->destination.in4,
		.destination6 = raw->destination.in6,
	};
	memcpy(ret->source_mac, raw->source_mac.there ? raw->source_mac.byte : link->mac, 6);
	memcpy(ret->other_mac, raw->destination_mac.byte, 6);
	if (raw->destination.has4)
		r = find_end(raw, link, &to4, raw->source.has4, &ret->source4, ret->mac4, err);
	if (!r && raw->destination.has6)
		r = find_end(raw, link, &to6, raw->source.has6, &ret->source6, ret->mac6, err);
	return r;
}
