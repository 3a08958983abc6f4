// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The one table of metrics, and the one walk over it.
 *
 * JSON, journal fields and Prometheus are walkers of this table: a metric that gets a row here is in
 * all of them, under the same name, with the same help. The counters may be totals or the
 * differences of a struct delta, the rows are the same. Services are rows like the others whose
 * names come from the slots at run time. The table is constant.
 */
#include "model/metrics.h"

#include "model/counters.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_AND_BYTES (METRIC_PACKETS | METRIC_BYTES)

static struct sampler_count get_total(const struct sampler_counters *counters, unsigned int index)
{
	(void)index;
	return counters_total(counters);
}

static struct sampler_count get_l3(const struct sampler_counters *counters, unsigned int index)
{
	return counters->l3[index];
}

static struct sampler_count get_l4(const struct sampler_counters *counters, unsigned int index)
{
	return counters->l4[index];
}

static struct sampler_count get_mark(const struct sampler_counters *counters, unsigned int index)
{
	return counters->mark[index];
}

static struct sampler_count get_size(const struct sampler_counters *counters, unsigned int index)
{
	return (struct sampler_count){ .packets = counters->size[index] };
}

static struct sampler_count get_flag(const struct sampler_counters *counters, unsigned int index)
{
	return (struct sampler_count){ .packets = counters->tcp_flag[index] };
}

static struct sampler_count get_service(const struct sampler_counters *counters, unsigned int index)
{
	return counters->service[index];
}

#define TOTAL(name, help)                                                 \
	{                                                                 \
		name, help, get_total, 0, PACKETS_AND_BYTES, METRIC_TOTAL \
	}
#define L3(name, index, help)                                           \
	{                                                               \
		name, help, get_l3, index, PACKETS_AND_BYTES, METRIC_L3 \
	}
#define L4(name, index, help)                                           \
	{                                                               \
		name, help, get_l4, index, PACKETS_AND_BYTES, METRIC_L4 \
	}
#define MARK(name, index, help)                                             \
	{                                                                   \
		name, help, get_mark, index, PACKETS_AND_BYTES, METRIC_MARK \
	}
#define SIZE(name, index, help)                                          \
	{                                                                \
		name, help, get_size, index, METRIC_PACKETS, METRIC_SIZE \
	}
#define FLAG(name, index, help)                                              \
	{                                                                    \
		name, help, get_flag, index, METRIC_PACKETS, METRIC_TCP_FLAG \
	}

static const struct metric table[] = {
	TOTAL("total", "All frames, without FCS"),
	L3("ipv4", SAMPLER_IPV4, "IPv4 packets"),
	L3("ipv6", SAMPLER_IPV6, "IPv6 packets"),
	L3("arp", SAMPLER_ARP, "ARP packets"),
	L3("l3_other", SAMPLER_L3_OTHER, "Frames that are neither IPv4, IPv6 nor ARP"),
	L4("tcp", SAMPLER_TCP, "TCP over IPv4 or IPv6"),
	L4("udp", SAMPLER_UDP, "UDP over IPv4 or IPv6"),
	L4("icmp", SAMPLER_ICMP, "ICMP over IPv4, ICMPv6 over IPv6"),
	L4("sctp", SAMPLER_SCTP, "SCTP over IPv4 or IPv6"),
	L4("l4_other", SAMPLER_L4_OTHER, "IPv4 or IPv6 packets of another protocol, or of none"),
	MARK("vlan", SAMPLER_VLAN, "Frames with a VLAN tag (802.1Q, 802.1ad)"),
	MARK("fragments", SAMPLER_FRAGMENT, "Fragments of IPv4 or IPv6 packets"),
	MARK("malformed", SAMPLER_MALFORMED, "Frames whose headers do not fit or contradict"),
	SIZE("0-60", 0, "Frames of up to 60 bytes without FCS"),
	SIZE("61-123", 1, "Frames of 61 to 123 bytes without FCS"),
	SIZE("124-251", 2, "Frames of 124 to 251 bytes without FCS"),
	SIZE("252-507", 3, "Frames of 252 to 507 bytes without FCS"),
	SIZE("508-1019", 4, "Frames of 508 to 1019 bytes without FCS"),
	SIZE("1020-1514", 5, "Frames of 1020 to 1514 bytes without FCS"),
	SIZE("1515-", 6, "Frames of more than 1514 bytes without FCS"),
	FLAG("syn", SAMPLER_SYN, "TCP packets with SYN but not ACK"),
	FLAG("syn_ack", SAMPLER_SYN_ACK, "TCP packets with SYN and ACK"),
	FLAG("fin", SAMPLER_FIN, "TCP packets with FIN"),
	FLAG("rst", SAMPLER_RST, "TCP packets with RST"),
};

#define N_ROWS \
	(1 + SAMPLER_N_L3 + SAMPLER_N_L4 + SAMPLER_N_MARKS + SAMPLER_N_SIZES + SAMPLER_N_FLAGS)
_Static_assert(array_size(table) == N_ROWS, "each counter has its row");

static int visit(const struct metric *metric, const struct sampler_counters *counters, metric_fn fn,
		 void *user)
{
	struct sampler_count count = metric->get(counters, metric->index);
	uint64_t bytes = count.bytes;

	return fn(metric, count.packets, metric->units & METRIC_BYTES ? &bytes : NULL, user);
}

static int visit_services(const struct sampler_counters *counters,
			  const char (*services)[SAMPLER_NAME_MAX], metric_fn fn, void *user)
{
	int r = 0;

	for (unsigned int slot = 0; !r && slot < SAMPLER_MAX_SERVICES; slot++) {
		char name[SAMPLER_NAME_MAX + 1];
		const struct metric metric = {
			.name = name,
			.help = "TCP and UDP packets to or from the service's ports",
			.get = get_service,
			.index = slot,
			.units = PACKETS_AND_BYTES,
			.group = METRIC_SERVICE,
		};

		snprintf(name, sizeof(name), "%.*s", SAMPLER_NAME_MAX, services[slot]);
		if (*name)
			r = visit(&metric, counters, fn, user);
	}
	return r;
}

/** direction_name() - Return: "rx" or "tx", as in JSON, paths and labels */
const char *direction_name(enum sampler_direction direction)
{
	return direction == SAMPLER_TX ? "tx" : "rx";
}

/**
 * metrics_for_each() - walk over all metrics of a direction
 * @counters: totals of one direction, or differences of them
 * @services: SAMPLER_MAX_SERVICES names as in meta.service; slots named "" are left out
 * @fn: called for each metric
 * @user: handed to @fn
 *
 * Return: 0, or what @fn returned when that was not 0.
 */
int metrics_for_each(const struct sampler_counters *counters,
		     const char (*services)[SAMPLER_NAME_MAX], metric_fn fn, void *user)
{
	for (size_t i = 0; i < array_size(table); i++) {
		int r = visit(&table[i], counters, fn, user);

		if (r)
			return r;
	}
	return visit_services(counters, services, fn, user);
}

/** metric_is_vlan() - Return: whether nobody knows it where tags are stripped before the program sees a frame */
bool metric_is_vlan(const struct metric *metric)
{
	return metric->group == METRIC_MARK && metric->index == SAMPLER_VLAN;
}

/**
 * metric_group_name() - the member of a direction's JSON object that holds a group
 * @group: any but METRIC_N_GROUPS
 *
 * Return: e.g. "sizes"; "" for the groups that lie directly in the object.
 */
const char *metric_group_name(enum metric_group group)
{
	static const char *const names[METRIC_N_GROUPS] = {
		[METRIC_TOTAL] = "",
		[METRIC_L3] = "l3",
		[METRIC_L4] = "l4",
		[METRIC_MARK] = "",
		[METRIC_SIZE] = "sizes",
		[METRIC_TCP_FLAG] = "tcp_flags",
		[METRIC_SERVICE] = "services",
	};

	return names[group];
}

/**
 * metric_group_help() - what the metrics of a group have in common
 * @group: any but METRIC_N_GROUPS
 *
 * Return: a sentence without a full stop; NULL for groups whose metrics have nothing in common.
 */
const char *metric_group_help(enum metric_group group)
{
	static const char *const help[METRIC_N_GROUPS] = {
		[METRIC_TOTAL] = "All frames, without FCS",
		[METRIC_L3] = "Frames by network protocol; they add up to all frames",
		[METRIC_L4] = "Packets by transport protocol; they add up to IPv4 and IPv6",
		[METRIC_SIZE] = "Frames by size without FCS (RFC 2819); they add up to all frames",
		[METRIC_TCP_FLAG] = "TCP packets by flag; syn is without ACK, syn_ack with it",
		[METRIC_SERVICE] = "TCP and UDP packets to or from the service's ports",
	};

	return help[group];
}

/* Is text the place of this metric: "l4.tcp", "vlan", "" for the total? */
static bool is_place_of(const struct metric *metric, const char *text)
{
	const char *group = metric_group_name(metric->group);
	size_t n = strlen(group);

	if (metric->group == METRIC_TOTAL)
		return !*text;
	if (!n)
		return !strcmp(text, metric->name);
	return !strncmp(text, group, n) && text[n] == '.' && !strcmp(text + n + 1, metric->name);
}

/**
 * metric_path_parse() - find a metric by its place in JSON
 * @text: "" for the total, "vlan", "l4.tcp", "services.dns"
 * @ret_path: for metric_path_get()
 *
 * Return: 0, or -ENOENT where there is no such place. Any name is taken for a service's.
 */
int metric_path_parse(const char *text, struct metric_path *ret_path)
{
	struct metric_path path = { .metric = NULL };
	const char *group = metric_group_name(METRIC_SERVICE);
	size_t n = strlen(group);

	for (size_t i = 0; i < array_size(table) && !path.metric; i++) {
		if (is_place_of(&table[i], text))
			path.metric = &table[i];
	}
	if (!path.metric) {
		if (strncmp(text, group, n) != 0 || text[n] != '.' || !text[n + 1] ||
		    strlen(text + n + 1) >= sizeof(path.service))
			return -ENOENT;
		strcpy(path.service, text + n + 1);
	}
	*ret_path = path;
	return 0;
}

/**
 * metric_path_get() - the value at a place
 * @path: of metric_path_parse()
 * @counters: totals of one direction, or differences of them
 * @services: the names of its SAMPLER_MAX_SERVICES slots
 * @ret_count: bytes are 0 where only packets are counted
 *
 * Return: 0, or -ENOENT for a service that has no slot among @services.
 */
int metric_path_get(const struct metric_path *path, const struct sampler_counters *counters,
		    const char (*services)[SAMPLER_NAME_MAX], struct sampler_count *ret_count)
{
	unsigned int slot = 0;

	if (path->metric) {
		*ret_count = path->metric->get(counters, path->metric->index);
		return 0;
	}
	while (slot < SAMPLER_MAX_SERVICES &&
	       strncmp(services[slot], path->service, SAMPLER_NAME_MAX) != 0)
		slot++;
	if (slot == SAMPLER_MAX_SERVICES)
		return -ENOENT;
	*ret_count = get_service(counters, slot);
	return 0;
}
