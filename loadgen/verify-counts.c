// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Frames by the classes of a sampler. Services are found by their names; there are at most as many as
 * a sampler has, and one beyond that is left out.
 */
#include "verify-counts.h"

#include "util/cleanup.h"

#include <stdio.h>
#include <string.h>

const struct verify_class_row verify_class[VERIFY_N_CLASSES] = {
	[VERIFY_ALL] = { "", "all", true },
	[VERIFY_IPV4] = { "l3", "ipv4", true },
	[VERIFY_IPV6] = { "l3", "ipv6", true },
	[VERIFY_ARP] = { "l3", "arp", true },
	[VERIFY_L3_OTHER] = { "l3", "l3_other", true },
	[VERIFY_TCP] = { "l4", "tcp", true },
	[VERIFY_UDP] = { "l4", "udp", true },
	[VERIFY_ICMP] = { "l4", "icmp", true },
	[VERIFY_SCTP] = { "l4", "sctp", true },
	[VERIFY_L4_OTHER] = { "l4", "l4_other", true },
	[VERIFY_VLAN] = { "", "vlan", true },
	[VERIFY_FRAGMENTS] = { "", "fragments", true },
	[VERIFY_MALFORMED] = { "", "malformed", true },
	[VERIFY_SIZE_60] = { "sizes", "0-60", false },
	[VERIFY_SIZE_123] = { "sizes", "61-123", false },
	[VERIFY_SIZE_251] = { "sizes", "124-251", false },
	[VERIFY_SIZE_507] = { "sizes", "252-507", false },
	[VERIFY_SIZE_1019] = { "sizes", "508-1019", false },
	[VERIFY_SIZE_1514] = { "sizes", "1020-1514", false },
	[VERIFY_SIZE_MORE] = { "sizes", "1515-", false },
	[VERIFY_SYN] = { "tcp_flags", "syn", false },
	[VERIFY_SYN_ACK] = { "tcp_flags", "syn_ack", false },
	[VERIFY_FIN] = { "tcp_flags", "fin", false },
	[VERIFY_RST] = { "tcp_flags", "rst", false },
};

/** verify_size_class() - Return: the class of a frame of @len bytes without FCS (RFC 2819) */
enum verify_class verify_size_class(uint64_t len)
{
	static const uint64_t most[] = { 60, 123, 251, 507, 1019, 1514 };
	size_t i = 0;

	while (i < array_size(most) && len > most[i])
		i++;
	return (enum verify_class)(VERIFY_SIZE_60 + i);
}

/** verify_count_add() - add @count to @sum; what is unknown makes the sum so */
void verify_count_add(struct verify_count *sum, const struct verify_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
	sum->unknown |= count->unknown;
}

/* Return: where a service is, or n_services where it is not. */
static size_t place_of(const struct verify_counts *counts, const char *name)
{
	size_t i = 0;

	while (i < counts->n_services && strcmp(counts->service[i].name, name) != 0)
		i++;
	return i;
}

/** verify_find_service() - Return: the count of a service; NULL where it is not among them */
const struct verify_count *verify_find_service(const struct verify_counts *counts, const char *name)
{
	size_t i = place_of(counts, name);

	return i < counts->n_services ? &counts->service[i].count : NULL;
}

/**
 * verify_service_count() - the count of a service
 * @counts: it is added to these, as 0, where it is not among them
 * @name: of the service
 *
 * Return: its count; NULL where there is no room for it.
 */
struct verify_count *verify_service_count(struct verify_counts *counts, const char *name)
{
	size_t i = place_of(counts, name);
	struct verify_service *service = &counts->service[i];

	if (i == VERIFY_MAX_SERVICES)
		return NULL;
	if (i == counts->n_services) {
		counts->n_services++;
		*service = (struct verify_service){ .count = { 0 } };
		snprintf(service->name, sizeof(service->name), "%s", name);
	}
	return &service->count;
}

/** verify_counts_add() - add @counts to @sum, class by class and service by service */
void verify_counts_add(struct verify_counts *sum, const struct verify_counts *counts)
{
	for (size_t i = 0; i < VERIFY_N_CLASSES; i++)
		verify_count_add(&sum->class[i], &counts -> class[i]);
	for (size_t i = 0; i < counts->n_services; i++) {
		struct verify_count *count = verify_service_count(sum, counts->service[i].name);

		if (count)
			verify_count_add(count, &counts->service[i].count);
	}
}

static void subtract(struct verify_count *count, const struct verify_count *earlier)
{
	count->packets -= earlier->packets;
	count->bytes -= earlier->bytes;
	count->unknown |= earlier->unknown;
}

/**
 * verify_counts_subtract() - what was counted between two readings
 * @counts: the later one; what was counted since
 * @earlier: nothing in it is more, see verify_counts_fell(); a service that it has not began at 0
 */
void verify_counts_subtract(struct verify_counts *counts, const struct verify_counts *earlier)
{
	for (size_t i = 0; i < VERIFY_N_CLASSES; i++)
		subtract(&counts->class[i], &earlier -> class[i]);
	for (size_t i = 0; i < earlier->n_services; i++) {
		size_t j = place_of(counts, earlier->service[i].name);

		if (j < counts->n_services)
			subtract(&counts->service[j].count, &earlier->service[i].count);
	}
}

static bool fell(const struct verify_count *earlier, const struct verify_count *later)
{
	if (earlier->unknown || later->unknown)
		return false;
	return later->packets < earlier->packets || later->bytes < earlier->bytes;
}

/**
 * verify_counts_fell() - whether these cannot be two readings of the same counters
 * @earlier: the one that was first
 * @later: the other one
 * @ret_name: of a class or service that has less in it than before, or that is no longer there
 */
bool verify_counts_fell(const struct verify_counts *earlier, const struct verify_counts *later,
			const char **ret_name)
{
	static const struct verify_count none = { 0 };

	for (size_t i = 0; i < VERIFY_N_CLASSES; i++) {
		*ret_name = verify_class[i].name;
		if (fell(&earlier->class[i], &later -> class[i]))
			return true;
	}
	for (size_t i = 0; i < earlier->n_services; i++) {
		const struct verify_service *service = &earlier->service[i];
		const struct verify_count *count = verify_find_service(later, service->name);

		*ret_name = service->name;
		if (fell(&service->count, count ?: &none))
			return true;
	}
	return false;
}
