// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What keys of a run of raw frames have to agree on. What can be known without looking at the machine
 * is refused here, by key and line; raw-guard.c has the rest.
 */
#include "config-kinds.h"

#include "raw-draft.h"
#include "raw-frame.h"
#include "raw-guard.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_ECHO_FLOWS 65536 /* an echo's identifier has 16 bits */

static const char needs_permission[] =
	"not within the ranges for tests (" RAW_TEST_RANGES "); allow_any_destination = yes "
	"(--allow-any-destination yes) sends there all the same";
static const char is_for_many[] = "goes to more than one; allow_multicast = yes (--allow-multicast "
				  "yes) sends there all the same";

/* Who says what is so anyway has said nothing. */
static bool is_said(const struct config *c, enum config_key key)
{
	const struct config_row *row = &config_rows[key];
	char value[CONFIG_VALUE_MAX];

	row->kind->format((const char *)c + row->offset, value, sizeof(value));
	return !config_is_default(c, key) && strcmp(value, row->by_default);
}

/* ---- a capture, or frames that are made ---- */

/* The pace is the capture's own, unless another is said; 0 turns either off. */
static int settle_capture_pace(struct config *c, struct error *err)
{
	enum config_key pace = c->rate > 0 ? KEY_RATE : KEY_BANDWIDTH;
	bool paced = !config_is_default(c, pace) && c->origin[pace].from != FROM_KEY;
	bool own = !config_is_default(c, KEY_PCAP_SPEED) && c->raw.speed;

	if (paced && own && (c->rate > 0 || c->bandwidth_bps))
		return config_disagree(c, KEY_PCAP_SPEED, pace,
				       "each is a pace of its own; give one (pcap_speed = 0 for "
				       "the other)",
				       err);
	if (paced && !own) {
		c->raw.speed = 0;
		config_follows(c, KEY_PCAP_SPEED, pace);
	}
	if (!c->raw.speed)
		return 0;
	c->bandwidth_bps = 0;
	config_follows(c, KEY_BANDWIDTH, KEY_PCAP_SPEED);
	if (c->ramp_ns)
		return config_disagree(c, KEY_RAMP, KEY_PCAP_SPEED,
				       "a capture has its own times; give a rate to grow to", err);
	if (c->raw.burst > 1)
		return config_disagree(c, KEY_BURST, KEY_PCAP_SPEED,
				       "a capture has its own times; give a rate", err);
	return 0;
}

static int settle_capture(struct config *c, struct error *err)
{
	static const enum config_key of_made[] = {
		KEY_DESTINATION, KEY_SOURCE, KEY_DESTINATION_MAC, KEY_SOURCE_MAC, KEY_MIX,
		KEY_FRAME_SIZE,	 KEY_PORT,   KEY_SOURCE_PORT,	  KEY_TCP_FLAGS,  KEY_VLAN,
		KEY_TTL,	 KEY_FLOWS,  KEY_FLOW_ORDER,
	};

	for (size_t i = 0; i < array_size(of_made); i++) {
		if (is_said(c, of_made[i]))
			return config_disagree(c, of_made[i], KEY_PCAP,
					       "frames of a capture are sent as they are", err);
	}
	if (c->threads > 1)
		return config_disagree(c, KEY_THREADS, KEY_PCAP,
				       "a capture is sent in its order, by one thread", err);
	return settle_capture_pace(c, err);
}

static int settle_made(struct config *c, struct error *err)
{
	static const enum config_key of_capture[] = { KEY_PCAP_SPEED, KEY_LOOPS };

	for (size_t i = 0; i < array_size(of_capture); i++) {
		if (is_said(c, of_capture[i]))
			return config_wrong(c, of_capture[i], "there is no capture: give pcap",
					    err);
	}
	return 0;
}

/* ---- where frames go ---- */

static int check_destination(const struct config *c, struct error *err)
{
	const struct raw_addresses *to = &c->raw.destination;
	bool many = (to->has4 && raw_guard_is_many4(to->in4)) ||
		    (to->has6 && raw_guard_is_many6(&to->in6));
	bool test = (!to->has4 || raw_guard_is_test4(to->in4)) &&
		    (!to->has6 || raw_guard_is_test6(&to->in6));

	if (many && !c->raw.allow_multicast)
		return config_wrong(c, KEY_DESTINATION, is_for_many, err);
	if (!test && !many && !c->raw.allow_any_destination)
		return config_wrong(c, KEY_DESTINATION, needs_permission, err);
	if (raw_guard_is_many_mac(c->raw.destination_mac.byte) && !c->raw.allow_multicast)
		return config_wrong(c, KEY_DESTINATION_MAC, is_for_many, err);
	return 0;
}

static int check_family(const struct config *c, const struct raw_mix_item *item, struct error *err)
{
	const struct raw_addresses *to = &c->raw.destination;
	bool missing = (raw_kind_is_ipv4(item->kind) && !to->has4) ||
		       (raw_kind_is_ipv6(item->kind) && !to->has6);
	char name[64];

	raw_kind_name(item, name, sizeof(name));
	if (missing)
		return error_set(err, -EINVAL,
				 "%s frames (mix) need an IPv%d address to go to: give "
				 "--destination %s, or destination = ... in the [raw] section of "
				 "a file (-c)",
				 name, raw_kind_is_ipv4(item->kind) ? 4 : 6,
				 raw_kind_is_ipv4(item->kind) ? "198.18.0.2" : "2001:2::2");
	if (!raw_kind_is_ipv4(item->kind) && !raw_kind_is_ipv6(item->kind) &&
	    !c->raw.destination_mac.there)
		return error_set(err, -EINVAL,
				 "%s frames (mix) need an address to go to: give --destination-mac",
				 name);
	if (raw_guard_is_carrier(item->ethertype) && !c->raw.allow_any_destination)
		return error_set(err, -EINVAL,
				 "%s frames (mix) are handed on, and nobody can tell where to; "
				 "allow_any_destination = yes (--allow-any-destination yes) sends "
				 "them all the same",
				 name);
	return 0;
}

/* ---- flows ---- */

static bool has_ports(uint32_t kind)
{
	uint32_t protocol = raw_kind(kind)->protocol;

	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static bool is_echo(uint32_t kind)
{
	uint32_t protocol = raw_kind(kind)->protocol;

	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static int check_flows_of(const struct config *c, uint32_t kind, struct error *err)
{
	uint64_t n_pairs = ((uint64_t)c->raw.port.last - c->raw.port.first + 1) *
			   ((uint64_t)c->raw.source_port.last - c->raw.source_port.first + 1);

	if (has_ports(kind) && c->raw.flows > n_pairs)
		return config_disagree(c, KEY_FLOWS, KEY_SOURCE_PORT,
				       "there are fewer pairs of ports than flows", err);
	if (is_echo(kind) && c->raw.flows > MAX_ECHO_FLOWS)
		return config_disagree(c, KEY_FLOWS, KEY_MIX,
				       "echoes have at most 65536 identifiers", err);
	return 0;
}

static int settle_flows(struct config *c, struct error *err)
{
	if (config_is_default(c, KEY_FLOWS) && c->threads > 1) {
		c->raw.flows = c->threads;
		config_follows(c, KEY_FLOWS, KEY_THREADS);
	}
	if (c->raw.flows % c->threads)
		return config_disagree(c, KEY_FLOWS, KEY_THREADS,
				       "threads have flows of their own, as many each: give a "
				       "multiple of threads",
				       err);
	return 0;
}

static int settle_mix(struct config *c, struct error *err)
{
	int r = settle_flows(c, err);

	for (uint32_t i = 0; !r && i < c->raw.mix.n; i++) {
		r = check_family(c, &c->raw.mix.item[i], err);
		r = r ?: check_flows_of(c, c->raw.mix.item[i].kind, err);
	}
	return r ?: check_destination(c, err);
}

/* ---- the rest ---- */

static int check_interface(const struct config *c, struct error *err)
{
	if (*c->raw.interface)
		return 0;
	return error_set(err, -EINVAL,
			 "no interface: give --interface NAME, or interface = ... in the [raw] "
			 "section of a file (-c)");
}

static int settle_socket(struct config *c, struct error *err)
{
	bool through = !config_is_default(c, KEY_QDISC_BYPASS) && !c->raw.past_qdisc;

	if (c->raw.socket != RAW_XDP)
		return 0;
	if (through && config_wins(c, KEY_QDISC_BYPASS, KEY_SOCKET)) {
		c->raw.socket = RAW_PACKET;
		config_follows(c, KEY_SOCKET, KEY_QDISC_BYPASS);
		return 0;
	}
	if (through && !config_wins(c, KEY_SOCKET, KEY_QDISC_BYPASS))
		return config_disagree(c, KEY_QDISC_BYPASS, KEY_SOCKET,
				       "AF_XDP always passes by queueing disciplines; use "
				       "socket = packet",
				       err);
	c->raw.past_qdisc = true;
	config_follows(c, KEY_QDISC_BYPASS, KEY_SOCKET);
	return 0;
}

static int check_limits(const struct config *c, struct error *err)
{
	bool loops = *c->raw.pcap && c->raw.loops;

	if (c->duration_ns || c->total_size || c->raw.frames || loops)
		return 0;
	return error_set(err, -EINVAL,
			 "no limit: raw frames need one of --duration, --frames, --total-size%s",
			 *c->raw.pcap ? " and --loops" : "");
}

/**
 * config_agree_raw() - config_agree() for runs of raw frames
 * @config: with the values of defaults, file and command line; its pace is settled
 * @err: which keys do not go together, where each stands, and what would do
 *
 * Return: 0 or -EINVAL.
 */
int config_agree_raw(struct config *config, struct error *err)
{
	bool capture = *config->raw.pcap;
	int r = check_interface(config, err);

	r = r ?: check_limits(config, err);
	r = r ?: settle_socket(config, err);
	if (!r)
		r = capture ? settle_capture(config, err) : settle_made(config, err);
	if (!r && !capture)
		r = settle_mix(config, err);
	return r;
}
