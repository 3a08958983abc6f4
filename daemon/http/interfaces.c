// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /api/interfaces: each interface that is sampled, or was and left a history. What the pins say
 * is null where they cannot be read, and what the kernel says is null where the interface is in
 * another network namespace or gone: nothing is guessed.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "model/snapshot-json.h"
#include "read/range.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *boolean_if(bool known, bool value)
{
	return known ? json_boolean(value) : json_null();
}

static json_t *integer_if(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *timestamp_if(bool known, uint64_t realtime_ns)
{
	return known ? timestamp_json(realtime_ns) : json_null();
}

static json_t *mode_json(const struct feed *feed)
{
	if (!feed->pinned)
		return json_null();
	return json_string(feed->meta.mode == SAMPLER_MODE_NATIVE ? "native" : "skb");
}

/* A string: readers whose numbers are doubles would round it. */
static json_t *epoch_json(const struct feed *feed)
{
	char text[32];

	if (!feed->pinned)
		return json_null();
	snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)feed->meta.epoch);
	return json_string(text);
}

static json_t *moment_of(const struct endpoint_context *context, uint64_t boottime_ns)
{
	return moment_json(boottime_ns, context->boottime_ns, context->realtime_ns);
}

/* Without pins the meta is all zeros. */
static int set_chain(json_t *json, const struct endpoint_context *context, const struct feed *feed)
{
	const struct sampler_meta *meta = &feed->meta;
	const bool pinned = feed->pinned;

	return json_set(json, "chained", boolean_if(pinned, meta->flags & SAMPLER_META_CHAINED)) ||
	       json_set(json, "alone_reason",
			text_or_null_json(meta->alone_reason, sizeof(meta->alone_reason))) ||
	       json_set(json, "run_priority", integer_if(pinned, meta->run_priority)) ||
	       json_set(json, "program", pinned ? program_json(meta) : json_null()) ||
	       json_set(json, "link_program_id", integer_if(pinned, meta->link_prog_id)) ||
	       json_set(json, "chain", pinned ? chain_json(meta) : json_null()) ||
	       json_set(json, "chain_checked_at", moment_of(context, meta->chain.boottime_ns));
}

/* Samples are looked at when they are taken; what the pins say is of the last attach or re-check. */
static int set_tx(json_t *json, const struct feed *feed)
{
	const struct sampler_meta *meta = &feed->meta;
	bool attached = meta->flags & SAMPLER_META_TX;
	bool is_now = feed->source == FEED_RECORDS || feed->source == FEED_COUNTERS;
	bool is_lost = attached && is_now && !sample_counts(&feed->newest, SAMPLER_TX);

	return json_set(json, "tx_counted", boolean_if(feed->pinned, attached && !is_lost)) ||
	       json_set(json, "tx_reason",
			is_lost ? json_string(SAMPLE_TX_LOST)
				: text_or_null_json(meta->tx_reason, sizeof(meta->tx_reason))) ||
	       json_set(json, "tx_program_id", id_or_null_json(meta->tx_prog_id));
}

static int set_attachment(json_t *json, const struct endpoint_context *context,
			  const struct feed *feed)
{
	const struct sampler_meta *meta = &feed->meta;
	const bool pinned = feed->pinned;

	return json_set(json, "attached", json_boolean(feed->attached)) ||
	       json_set(json, "mode", mode_json(feed)) ||
	       json_set(json, "mode_reason",
			text_or_null_json(meta->mode_reason, sizeof(meta->mode_reason))) ||
	       set_chain(json, context, feed) || set_tx(json, feed) ||
	       json_set(json, "epoch", epoch_json(feed)) ||
	       json_set(json, "attached_at", timestamp_if(pinned, meta->attach_realtime_ns)) ||
	       json_set(json, "counting_since", timestamp_if(pinned, meta->epoch));
}

static json_t *speed_json(const struct feed *feed, const struct feed_health *health)
{
	uint32_t mbps;

	if (!health->has_link || link_speed(feed->name, &mbps))
		return json_null();
	return json_integer(mbps);
}

/* "tcp/80", "udp/8000-8010": a run of ports of one service. */
static int append_range(json_t *list, const char *protocol, unsigned int first, unsigned int last)
{
	char text[32];

	if (first == last)
		snprintf(text, sizeof(text), "%s/%u", protocol, first);
	else
		snprintf(text, sizeof(text), "%s/%u-%u", protocol, first, last);
	return json_array_append_new(list, json_string(text));
}

static int append_ranges(json_t *list, const char *protocol, const __u8 *slots, __u8 slot)
{
	const unsigned int n = 65536;
	int r = 0;

	for (unsigned int first = 0, last; !r && first < n; first = last + 1) {
		const __u8 *found = memchr(slots + first, slot, n - first);

		if (!found)
			break;
		first = last = (unsigned int)(found - slots);
		while (last + 1 < n && slots[last + 1] == slot)
			last++;
		r = append_range(list, protocol, first, last);
	}
	return r;
}

/* By name; null where the port table cannot be read. */
static json_t *service_ports_json(const struct feed *feed)
{
	_cleanup_free_ struct sampler_port_table *table = malloc(sizeof(*table));
	json_t *json;
	int r = 0;

	if (!table)
		return NULL;
	if (feed_read_ports(feed, table))
		return json_null();
	json = json_object();
	for (__u8 slot = 0; json && !r && slot < SAMPLER_MAX_SERVICES; slot++) {
		json_t *list;

		if (!feed->services[slot][0])
			continue;
		list = json_array();
		r = json_set(json, feed->services[slot], list) ||
		    append_ranges(list, "tcp", table->tcp, slot + 1) ||
		    append_ranges(list, "udp", table->udp, slot + 1);
	}
	if (!r)
		return json;
	json_decref(json);
	return NULL;
}

static int set_link(json_t *json, const struct feed *feed, const struct feed_health *health)
{
	const bool pinned = feed->pinned;

	return json_set(json, "ifindex", integer_if(pinned, feed->meta.ifindex)) ||
	       json_set(json, "namespace", integer_if(pinned, feed->meta.netns_inode)) ||
	       json_set(json, "mtu", integer_if(health->has_link, health->link.mtu)) ||
	       json_set(json, "link_up", boolean_if(health->has_link, health->link.up)) ||
	       json_set(json, "speed_mbps", speed_json(feed, health)) ||
	       json_set(json, "vlan_stripped",
			boolean_if(pinned, feed_vlan_unknown(feed, SAMPLER_RX))) ||
	       json_set(json, "services", services_json(feed->services)) ||
	       json_set(json, "service_ports", service_ports_json(feed));
}

static json_t *last_record_json(const struct endpoint_context *context, const struct feed *feed)
{
	if (feed->source == FEED_RECORDS)
		return timestamp_json(feed->newest.realtime_ns);
	return moment_of(context, feed->recorded_boottime_ns);
}

static json_t *recorder_json(const struct endpoint_context *context, const struct feed *feed)
{
	json_t *interval = json_null();

	if (feed->history)
		interval = json_real((double)feed_interval_ns(feed) / (double)NSEC_PER_MSEC);
	return json_pack("{s:b, s:o, s:o}", "at_work", feed->source == FEED_RECORDS, "interval_ms",
			 interval, "last_record_at", last_record_json(context, feed));
}

static json_t *health_json(const struct feed_health *health)
{
	return json_pack("{s:s, s:o}", "state", health->state, "reason",
			 reason_json(&health->reason));
}

static json_t *history_json(const struct feed *feed)
{
	uint64_t from, to;

	if (!feed->history || range_ends(feed->history, &from, &to))
		return json_null();
	return json_pack("{s:o, s:o}", "from", timestamp_json(from), "to", timestamp_json(to));
}

static json_t *interface_json(const struct endpoint_context *context, const struct feed *feed,
			      int link_fd)
{
	json_t *json = json_object();
	struct feed_health health;

	if (!json)
		return NULL;
	judge_feed(feed, link_fd, &health);
	if (!json_set(json, "interface", text_json(feed->name, sizeof(feed->name))) &&
	    !json_set(json, "id", json_string(feed->key)) && !set_attachment(json, context, feed) &&
	    !set_link(json, feed, &health) &&
	    !json_set(json, "recorder", recorder_json(context, feed)) &&
	    !json_set(json, "health", health_json(&health)) &&
	    !json_set(json, "history", history_json(feed)))
		return json;
	json_decref(json);
	return NULL;
}

static int append_all(json_t *array, const struct endpoint_context *context, int link_fd)
{
	int r = array ? 0 : -1;

	for (size_t i = 0; !r && i < context->catalog->n; i++) {
		const struct feed *feed = context->catalog->feed[i];

		if (is_shown(feed))
			r = json_array_append_new(array, interface_json(context, feed, link_fd));
	}
	return r;
}

/**
 * interfaces_answer() - all interfaces, by name
 * @context: of the request
 * @query: nothing
 * @ret_body: a new object
 * @err: why there is none
 *
 * Return: 200, or 500 without memory.
 */
unsigned int interfaces_answer(const struct endpoint_context *context, const struct query *query,
			       json_t **ret_body, struct error *err)
{
	int link_fd = link_socket(); /* without one, nothing is said of links */
	json_t *array = json_array(), *json;
	int r = append_all(array, context, link_fd);

	(void)query;
	if (link_fd >= 0)
		close(link_fd);
	json = r ? NULL
		 : json_pack("{s:i, s:O, s:o}", "schema", API_SCHEMA, "interfaces", array,
			     "trouble", reason_json(&context->catalog->trouble));
	json_decref(array);
	if (!json) {
		error_set(err, 0, "out of memory");
		return 500;
	}
	*ret_body = json;
	return 200;
}
