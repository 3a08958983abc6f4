// SPDX-License-Identifier: MIT OR Apache-2.0
#include "raw-guard.h"

#include "raw-ethernet.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_OLD 0x9100 /* QinQ before 802.1ad */

/*
 * What carries packets past the first neighbour without that their addresses are where they could be looked
 * at: MPLS, PPPoE, TRILL, provider backbone bridges (802.1ah), service chains (RFC 8300).
 */
static const uint16_t carriers[] = { 0x8847, 0x8848, 0x8864, 0x22f3, 0x88e7, 0x894f };

static const struct range4 {
	uint32_t address, bits;
} test4[] = {
	{ 0xc6120000, 15 }, /* 198.18.0.0/15, RFC 2544 */
	{ 0xc0000200, 24 }, /* 192.0.2.0/24, RFC 5737 */
	{ 0xc6336400, 24 }, /* 198.51.100.0/24 */
	{ 0xcb007100, 24 }, /* 203.0.113.0/24 */
	{ 0xa9fe0000, 16 }, /* 169.254.0.0/16, RFC 3927 */
};

static const struct range6 {
	uint8_t byte[6];
	uint32_t bits;
} test6[] = {
	{ { 0x20, 0x01, 0x00, 0x02, 0x00, 0x00 }, 48 }, /* 2001:2::/48, RFC 5180 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },		/* 2001:db8::/32, RFC 3849 */
	{ { 0x3f, 0xff, 0x00 }, 20 },			/* 3fff::/20, RFC 9637 */
	{ { 0xfe, 0x80 }, 10 },				/* fe80::/10, RFC 4291 */
};

/** raw_guard_is_test4() - Return: whether an address is of a range for tests, or of no route */
bool raw_guard_is_test4(struct in_addr address)
{
	uint32_t a = ntohl(address.s_addr);

	for (size_t i = 0; i < array_size(test4); i++) {
		if ((a ^ test4[i].address) >> (32 - test4[i].bits) == 0)
			return true;
	}
	return false;
}

static bool begins_with(const uint8_t *address, const struct range6 *range)
{
	uint32_t whole = range->bits / 8, rest = range->bits % 8;

	if (memcmp(address, range->byte, whole))
		return false;
	return !rest || (address[whole] ^ range->byte[whole]) >> (8 - rest) == 0;
}

/** raw_guard_is_test6() - the same for IPv6 */
bool raw_guard_is_test6(const struct in6_addr *address)
{
	for (size_t i = 0; i < array_size(test6); i++) {
		if (begins_with(address->s6_addr, &test6[i]))
			return true;
	}
	return false;
}

/** raw_guard_is_many4() - Return: whether an address is of more than one */
bool raw_guard_is_many4(struct in_addr address)
{
	return IN_MULTICAST(ntohl(address.s_addr)) || address.s_addr == INADDR_BROADCAST;
}

/** raw_guard_is_many6() - the same for IPv6 */
bool raw_guard_is_many6(const struct in6_addr *address)
{
	return IN6_IS_ADDR_MULTICAST(address);
}

/** raw_guard_is_many_mac() - the same for Ethernet */
bool raw_guard_is_many_mac(const uint8_t mac[6])
{
	return mac[0] & 1;
}

/** raw_guard_is_carrier() - Return: whether what carries an EtherType is handed on by something within it */
bool raw_guard_is_carrier(uint32_t type)
{
	for (size_t i = 0; i < array_size(carriers); i++) {
		if (carriers[i] == type)
			return true;
	}
	return false;
}

/* ---- by what the interface is ---- */

static bool is_own4(const struct raw_link *link, struct in_addr address)
{
	for (uint32_t i = 0; i < link->n_own4; i++) {
		if (link->own4[i].s_addr == address.s_addr)
			return true;
	}
	return false;
}

static bool is_own6(const struct raw_link *link, const struct in6_addr *address)
{
	for (uint32_t i = 0; i < link->n_own6; i++) {
		if (!memcmp(&link->own6[i], address, sizeof(*address)))
			return true;
	}
	return false;
}

static bool is_broadcast(const struct raw_link *link, struct in_addr address)
{
	for (uint32_t i = 0; i < link->n_own4; i++) {
		if (address.s_addr && link->broadcast4[i].s_addr == address.s_addr)
			return true;
	}
	return false;
}

static int foreign(const char *what, const struct raw_link *link, struct error *err)
{
	return error_set(err, -EPERM,
			 "%s: not an address of %s; allow_any_source = yes (--allow-any-source "
			 "yes) sends from there all the same",
			 what, link->name);
}

static int check_sources(const struct raw_config *raw, const struct raw_link *link,
			 struct error *err)
{
	const struct raw_addresses *from = &raw->source;
	char text[INET6_ADDRSTRLEN + 8] = "source ";

	if (raw->allow_any_source)
		return 0;
	if (raw->source_mac.there && memcmp(raw->source_mac.byte, link->mac, 6))
		return foreign("source_mac", link, err);
	if (from->has4 && !is_own4(link, from->in4)) {
		inet_ntop(AF_INET, &from->in4, text + 7, INET6_ADDRSTRLEN);
		return foreign(text, link, err);
	}
	if (from->has6 && !is_own6(link, &from->in6)) {
		inet_ntop(AF_INET6, &from->in6, text + 7, INET6_ADDRSTRLEN);
		return foreign(text, link, err);
	}
	return 0;
}

/**
 * raw_guard_link() - whether a run may use an interface
 * @raw: what is asked for and allowed
 * @link: the interface
 * @err: what would have to be allowed
 *
 * Return: 0 or -EPERM.
 */
int raw_guard_link(const struct raw_config *raw, const struct raw_link *link, struct error *err)
{
	bool itself = !strcmp(link->world, link->name);

	if (*link->world && !raw->allow_default_route)
		return error_set(
			err, -EPERM,
			"%s%s%s%s has the default route, and so leads to the world; "
			"allow_default_route = yes (--allow-default-route yes) sends there "
			"all the same",
			link->world, itself ? "" : ", above ", itself ? "" : link->name,
			itself ? "" : ",");
	if (raw->destination.has4 && is_broadcast(link, raw->destination.in4) &&
	    !raw->allow_multicast)
		return error_set(
			err, -EPERM,
			"destination is the broadcast address of %s; allow_multicast = yes "
			"(--allow-multicast yes) sends there all the same",
			link->name);
	return check_sources(raw, link, err);
}

static int check_end(const uint8_t mac[6], const char *address, struct error *err)
{
	if (!raw_guard_is_many_mac(mac))
		return 0;
	return error_set(
		err, -EPERM,
		"destination %s is at %02x:%02x:%02x:%02x:%02x:%02x, which goes to more than "
		"one; allow_multicast = yes (--allow-multicast yes) sends there all the same",
		address, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/**
 * raw_guard_ends() - whether frames may go to the MAC addresses that routes and neighbours have
 * @raw: what is asked for and allowed
 * @ends: of all frames
 * @err: what would have to be allowed
 *
 * A broadcast address need not be the last one of its network, and a neighbour may have been given
 * the address of a group.
 *
 * Return: 0 or -EPERM.
 */
int raw_guard_ends(const struct raw_config *raw, const struct raw_ends *ends, struct error *err)
{
	char text[INET6_ADDRSTRLEN];
	int r = 0;

	if (raw->allow_multicast)
		return 0;
	if (raw->destination.has4)
		r = check_end(ends->mac4,
			      inet_ntop(AF_INET, &ends->destination4, text, sizeof(text)), err);
	if (!r && raw->destination.has6)
		r = check_end(ends->mac6,
			      inet_ntop(AF_INET6, &ends->destination6, text, sizeof(text)), err);
	return r;
}

/* ---- frames of a capture ---- */

/**
 * raw_guard_parties() - who a frame is from and to
 * @frame: from its destination address on
 * @n: bytes there, of a header of Ethernet at least
 * @ret: the addresses of IP or ARP, behind any tags, as far as they are there; those of a packet within
 *	 a packet are for whoever has the address of the outer one
 */
void raw_guard_parties(const uint8_t *frame, size_t n, struct raw_parties *ret)
{
	const uint8_t *p = frame + TYPE_AT, *end = frame + n;
	uint32_t type = be16(p);

	*ret = (struct raw_parties){ .has4 = false };
	p += 2;
	while ((type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_OLD) && end - p >= 4) {
		type = be16(p + 2);
		p += 4;
	}
	ret->hidden = raw_guard_is_carrier(type);
	if (type == TYPE_IPV4 && end - p >= 20) {
		ret->has4 = true;
		memcpy(&ret->source4, p + 12, 4);
		memcpy(&ret->destination4, p + 16, 4);
	} else if (type == TYPE_ARP && end - p >= 28) {
		ret->has4 = true;
		memcpy(&ret->source4, p + 14, 4);
		memcpy(&ret->destination4, p + 24, 4);
	} else if (type == TYPE_IPV6 && end - p >= 40) {
		ret->has6 = true;
		memcpy(&ret->source6, p + 8, 16);
		memcpy(&ret->destination6, p + 24, 16);
	}
}

static const char *missing_permission(const struct raw_config *raw, const struct raw_link *link,
				      const struct raw_captured *frame)
{
	struct raw_parties ends;
	bool many, test, own;

	raw_guard_parties(frame->bytes, frame->len, &ends);
	many = raw_guard_is_many_mac(frame->bytes) ||
	       (ends.has4 &&
		(raw_guard_is_many4(ends.destination4) || is_broadcast(link, ends.destination4))) ||
	       (ends.has6 && raw_guard_is_many6(&ends.destination6));
	test = (!ends.has4 || raw_guard_is_test4(ends.destination4)) &&
	       (!ends.has6 || raw_guard_is_test6(&ends.destination6));
	own = !memcmp(frame->bytes + 6, link->mac, 6) &&
	      (!ends.has4 || is_own4(link, ends.source4)) &&
	      (!ends.has6 || is_own6(link, &ends.source6));
	if (many && !raw->allow_multicast)
		return "goes to more than one: it needs allow_multicast = yes "
		       "(--allow-multicast yes)";
	if (ends.hidden && !raw->allow_any_destination)
		return "is of a protocol whose packets are handed on (MPLS, PPPoE and the like), "
		       "and "
		       "nobody can tell where to: it needs allow_any_destination = yes "
		       "(--allow-any-destination yes)";
	if (!test && !many && !raw->allow_any_destination)
		return "goes to none of the ranges for tests (" RAW_TEST_RANGES
		       "): it needs allow_any_destination = yes (--allow-any-destination yes)";
	if (!own && !raw->allow_any_source)
		return "is not from this interface: it needs allow_any_source = yes "
		       "(--allow-any-source yes)";
	return NULL;
}

/**
 * raw_guard_capture() - whether all frames of a capture may be sent
 * @raw: what is allowed
 * @link: the interface
 * @capture: its frames
 * @err: the first frame that may not, and what would have to be allowed
 *
 * Return: 0 or -EPERM.
 */
int raw_guard_capture(const struct raw_config *raw, const struct raw_link *link,
		      const struct raw_capture *capture, struct error *err)
{
	for (uint32_t i = 0; i < capture->n; i++) {
		const char *why = missing_permission(raw, link, &capture->frame[i]);

		if (why)
			return error_set(err, -EPERM, "%.255s: frame %u %s", raw->pcap, i + 1, why);
	}
	return 0;
}
