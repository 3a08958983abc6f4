// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/: what the endpoints of now answer, member by member, since programs depend on it.
 */
#include "endpoint-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <stdbool.h>
#include <string.h>

static void realtime_has_its_members_in_their_order(void **state)
{
	static const char *const names[] = {
		"bandwidth_bps",
		"packets_per_sec",
		"tcp_bandwidth_bps",
		"tcp_packets_per_sec",
		"http_bandwidth_bps",
		"http_packets_per_sec",
		"https_bandwidth_bps",
		"https_packets_per_sec",
		"total_packets",
		"total_bytes",
		"schema",
		"interface",
		"interfaces",
		"missing",
		"timestamp",
		"interval_ms",
		"without_rates",
		"without_tx",
		"stale",
		"stale_reason",
		"rx",
		"tx",
	};
	static const char *const groups[] = {
		"bits_per_s", "packets_per_s", "packets",   "bytes", "l3",	  "l4",
		"vlan",	      "fragments",     "malformed", "sizes", "tcp_flags", "services"
	};
	struct api *api = open_api(1);

	(void)state;
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(api->status, 200);
	expect_members(api->body, names, array_size(names));
	expect_members(json_object_get(api->body, "rx"), groups, array_size(groups));
	count_tx(&api->feed[0], 1);
	ask(api, "/api/metrics/realtime", "interface=eth0");
	expect_members(api->body, names, array_size(names));
	expect_members(json_object_get(api->body, "tx"), groups, array_size(groups));
	for (size_t i = 0; i < 10; i++)
		integer_at(api, names[i]);
	close_api(api);
}

static void realtime_tells_one_interface(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(integer_at(api, "bandwidth_bps"), 4400);
	assert_int_equal(integer_at(api, "packets_per_sec"), 6); /* 5.5 */
	assert_int_equal(integer_at(api, "tcp_bandwidth_bps"), 2404);
	assert_int_equal(integer_at(api, "tcp_packets_per_sec"), 3);
	assert_int_equal(integer_at(api, "http_bandwidth_bps"), 0);
	assert_int_equal(integer_at(api, "total_packets"), 1010);
	assert_int_equal(integer_at(api, "total_bytes"), 100600);
	assert_string_equal(string_at(api, "interface"), "eth0");
	assert_string_equal(string_at(api, "timestamp"), "2026-01-01T00:01:40.042Z");
	assert_true(real_at(api, "interval_ms") == 2000.0);
	assert_true(json_is_false(at_path(api->body, "stale")));
	expect_null(api, "stale_reason");
	expect_null(api, "tx");
	assert_true(real_at(api, "rx/packets_per_s") == 5.5);
	assert_int_equal(integer_at(api, "rx/services/dns/bytes"), 700);
	assert_true(real_at(api, "rx/services/dns/bits_per_s") == 800.0);
	assert_true(real_at(api, "rx/sizes/61-123/packets_per_s") == 5.5);
	assert_null(json_object_get(at_path(api->body, "rx/sizes/61-123"), "bytes"));
	assert_null(json_object_get(at_path(api->body, "rx/tcp_flags/syn"), "bits_per_s"));
	assert_int_equal(json_object_size(at_path(api->body, "rx/l4/tcp")), 4);
	close_api(api);
}

static void realtime_tells_what_is_transmitted_where_it_is_counted(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	ask(api, "/api/metrics/realtime", "interface=eth0");
	expect_null(api, "tx");
	assert_int_equal(json_array_size(at_path(api->body, "without_tx")), 1);
	count_tx(&api->feed[0], 1);
	api->feed[0].meta.flags |= SAMPLER_META_VLAN_STRIPPED; /* from what is received */
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(json_array_size(at_path(api->body, "without_tx")), 0);
	assert_int_equal(integer_at(api, "bandwidth_bps"),
			 4400); /* the ten are of what is received */
	assert_int_equal(integer_at(api, "total_packets"), 1010);
	assert_int_equal(integer_at(api, "tx/packets"), 400);
	assert_int_equal(integer_at(api, "tx/bytes"), 40000);
	assert_true(real_at(api, "tx/packets_per_s") == 3.5);
	assert_true(real_at(api, "tx/bits_per_s") == 2800.0);
	assert_int_equal(integer_at(api, "tx/l3/ipv4/packets"), 0);
	assert_int_equal(integer_at(api, "tx/l3/ipv6/packets"), 400);
	assert_int_equal(integer_at(api, "tx/services/dns/packets"), 3);
	assert_true(real_at(api, "tx/services/dns/bits_per_s") == 400.0);
	assert_int_equal(integer_at(api, "tx/vlan/packets"), 5);
	expect_null(api, "rx/vlan");
	assert_int_equal(integer_at(api, "rx/packets"), 1010);
	close_api(api);
}

/* Counted in the newest sample, and not in the one before. */
static void rates_of_what_has_just_begun_to_be_counted_are_unknown(void **state)
{
	struct api *api = open_api(1);

	(void)state;
	count_tx(&api->feed[0], 1);
	rates_forget(&api->feed[0].delta, SAMPLER_TX);
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(integer_at(api, "tx/packets"), 400);
	expect_null(api, "tx/bits_per_s");
	expect_null(api, "tx/l4/tcp/packets_per_s");
	assert_true(real_at(api, "rx/packets_per_s") == 5.5);
	assert_int_equal(json_array_size(at_path(api->body, "without_rates")), 0);
	close_api(api);
}

/* A part of what they transmit would pass for all of it. */
static void the_sum_of_what_not_all_count_is_unknown(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	count_tx(&api->feed[1], 10);
	ask(api, "/api/metrics/realtime", "");
	expect_null(api, "tx");
	assert_int_equal(integer_at(api, "rx/packets"), 11110);
	assert_int_equal(json_array_size(at_path(api->body, "without_tx")), 1);
	assert_string_equal(json_string_value(json_array_get(at_path(api->body, "without_tx"), 0)),
			    "eth0");
	count_tx(&api->feed[0], 1);
	ask(api, "/api/metrics/realtime", "");
	assert_int_equal(integer_at(api, "tx/packets"), 4400);
	assert_true(real_at(api, "tx/packets_per_s") == 38.5);
	assert_int_equal(integer_at(api, "tx/services/dns/packets"), 3);
	assert_int_equal(integer_at(api, "tx/services/quic/packets"), 30);
	close_api(api);
}

static void rates_are_unknown_where_one_interface_has_none(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	api->feed[1].has_delta = false;
	ask(api, "/api/metrics/realtime", "");
	assert_int_equal(api->status, 200);
	assert_int_equal(integer_at(api, "bandwidth_bps"), 4400); /* what is known of it */
	assert_int_equal(integer_at(api, "total_packets"), 11110);
	expect_null(api, "rx/bits_per_s");
	expect_null(api, "rx/l4/tcp/packets_per_s");
	assert_int_equal(integer_at(api, "rx/packets"), 11110);
	assert_int_equal(json_array_size(at_path(api->body, "without_rates")), 1);
	assert_string_equal(
		json_string_value(json_array_get(at_path(api->body, "without_rates"), 0)), "eth1");
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(json_array_size(at_path(api->body, "without_rates")), 0);
	assert_true(real_at(api, "rx/packets_per_s") == 5.5);
	close_api(api);
}

static void realtime_adds_interfaces_and_their_services_by_name(void **state)
{
	struct api *api = open_api(3);

	(void)state;
	api->feed[1].delta.interval_ns = NSEC_PER_SEC;
	api->feed[1].meta.flags = SAMPLER_META_VLAN_STRIPPED;
	ask(api, "/api/metrics/realtime", "");
	assert_int_equal(integer_at(api, "bandwidth_bps"), 4400 + 88000);
	assert_int_equal(integer_at(api, "total_packets"), 11110);
	expect_null(api, "interface");
	assert_int_equal(json_array_size(at_path(api->body, "interfaces")), 2);
	assert_int_equal(json_array_size(at_path(api->body, "missing")), 0);
	assert_true(real_at(api, "interval_ms") == 2000.0);
	assert_int_equal(integer_at(api, "rx/services/dns/packets"), 7);
	assert_int_equal(integer_at(api, "rx/services/quic/packets"), 70);
	assert_int_equal(integer_at(api, "rx/services/http/packets"), 3300);
	expect_null(api, "rx/vlan");
	close_api(api);
}

static void rates_of_one_sample_are_unknown(void **state)
{
	struct api *api = open_api(1);

	(void)state;
	api->feed[0].has_delta = false;
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_int_equal(integer_at(api, "bandwidth_bps"), 0);
	expect_null(api, "interval_ms");
	expect_null(api, "rx/bits_per_s");
	expect_null(api, "rx/l3/ipv4/packets_per_s");
	assert_int_equal(integer_at(api, "rx/l3/ipv4/packets"), 1000);
	close_api(api);
}

static void what_is_stale_or_missing_is_said(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	strcpy(api->feed[0].stale.text, "samplerd is away");
	ask(api, "/api/metrics/realtime", "interface=eth0");
	assert_true(json_is_true(at_path(api->body, "stale")));
	assert_string_equal(string_at(api, "stale_reason"), "samplerd is away");
	ask(api, "/api/metrics/realtime", "");
	assert_string_equal(string_at(api, "stale_reason"), "eth0: samplerd is away");
	api->feed[1].source = FEED_NOTHING;
	api->feed[1].pinned = false;
	strcpy(api->feed[1].trouble.text, "no permission");
	ask(api, "/api/metrics/realtime", "");
	assert_int_equal(api->status, 200);
	assert_int_equal(integer_at(api, "total_packets"), 1010);
	assert_int_equal(json_array_size(at_path(api->body, "missing")), 1);
	expect_refused(api, "/api/metrics/realtime", "interface=eth1", 503, "eth1: no permission");
	close_api(api);
}

static void interfaces_that_give_nothing_are_refused_with_the_reason(void **state)
{
	static const char *const paths[] = { "/api/metrics/realtime", "/api/stats/summary" };
	struct api *api = open_api(3);

	(void)state;
	for (size_t i = 0; i < array_size(paths); i++) {
		expect_refused(api, paths[i], "interface=x", 404,
			       "no interface \"x\"; there are: eth0, eth1, old");
		expect_refused(api, paths[i], "interface=old", 503,
			       "old is not attached; its history ends at "
			       "2026-01-01T00:00:00.000Z");
	}
	api->catalog.n = 0;
	expect_refused(api, paths[0], "", 503, "no interface is sampled");
	strcpy(api->catalog.trouble.text, "no permission to list");
	expect_refused(api, paths[1], "", 503, "no permission to list");
	ask(api, "/api/interfaces", "");
	assert_int_equal(api->status, 200);
	assert_string_equal(string_at(api, "trouble"), "no permission to list");
	ask(api, "/healthz", "");
	assert_int_equal(api->status, 503);
	assert_string_equal(string_at(api, "status"), "failing");
	assert_string_equal(string_at(api, "reason"), "no permission to list");
	close_api(api);
}

/* ---- interfaces, health ---- */

static void interfaces_are_told_member_by_member(void **state)
{
	static const char *const names[] = {
		"interface",	 "id",
		"attached",	 "mode",
		"mode_reason",	 "chained",
		"alone_reason",	 "run_priority",
		"program",	 "link_program_id",
		"chain",	 "chain_checked_at",
		"tx_counted",	 "tx_reason",
		"tx_program_id", "epoch",
		"attached_at",	 "counting_since",
		"ifindex",	 "namespace",
		"mtu",		 "link_up",
		"speed_mbps",	 "vlan_stripped",
		"services",	 "service_ports",
		"recorder",	 "health",
		"history",
	};
	struct api *api = open_api(3);
	json_t *array, *old;

	(void)state;
	strcpy(api->feed[1].meta.mode_reason, "no native mode");
	api->feed[1].meta.mode = SAMPLER_MODE_SKB;
	api->feed[2].history = NULL;
	strcpy(api->feed[2].trouble.text, "its history is damaged");
	ask(api, "/api/interfaces", "");
	assert_int_equal(api->status, 200);
	assert_int_equal(integer_at(api, "schema"), 1);
	expect_null(api, "trouble");
	array = at_path(api->body, "interfaces");
	assert_int_equal(json_array_size(array), 3);
	for (size_t i = 0; i < 3; i++)
		expect_members(json_array_get(array, i), names, array_size(names));
	assert_string_equal(json_string_value(at_path(json_array_get(array, 1), "mode_reason")),
			    "no native mode");
	assert_string_equal(json_string_value(at_path(json_array_get(array, 0), "epoch")),
			    "1767225600000000000");
	assert_string_equal(json_string_value(at_path(json_array_get(array, 0), "health/state")),
			    "ok");
	assert_true(json_is_null(at_path(json_array_get(array, 0), "mtu"))); /* elsewhere */
	old = json_array_get(array, 2);
	assert_true(json_is_false(at_path(old, "attached")));
	assert_true(json_is_null(at_path(old, "ifindex")));
	assert_string_equal(json_string_value(at_path(old, "health/state")), "unreadable");
	close_api(api);
}

static void whether_transmitted_frames_are_counted_is_told(void **state)
{
	struct api *api = open_api(3);
	json_t *array, *with, *without, *old;

	(void)state;
	count_tx(&api->feed[0], 1);
	api->feed[0].meta.tx_prog_id = 4713;
	strcpy(api->feed[1].meta.tx_reason, "tx = no");
	strcpy(api->feed[2].trouble.text, "its history is damaged"); /* so that it is shown */
	ask(api, "/api/interfaces", "");
	array = at_path(api->body, "interfaces");
	with = json_array_get(array, 0);
	without = json_array_get(array, 1);
	old = json_array_get(array, 2);
	assert_true(json_is_true(at_path(with, "tx_counted")));
	assert_true(json_is_null(at_path(with, "tx_reason")));
	assert_int_equal(json_integer_value(at_path(with, "tx_program_id")), 4713);
	assert_true(json_is_false(at_path(without, "tx_counted")));
	assert_string_equal(json_string_value(at_path(without, "tx_reason")), "tx = no");
	assert_true(json_is_null(at_path(without, "tx_program_id")));
	assert_true(json_is_null(at_path(old, "tx_counted"))); /* nobody knows */
	assert_true(json_is_null(at_path(old, "tx_reason")));
	api->feed[0].newest.flags = 0; /* as the recorder has seen since */
	ask(api, "/api/interfaces", "");
	with = json_array_get(at_path(api->body, "interfaces"), 0);
	assert_true(json_is_false(at_path(with, "tx_counted")));
	assert_string_equal(json_string_value(at_path(with, "tx_reason")),
			    "our filter is gone from tc egress");
	close_api(api);
}

static void the_chain_is_told_as_it_was_last_seen(void **state)
{
	struct api *api = open_api(3);
	struct sampler_meta *meta = &api->feed[0].meta;
	json_t *array, *alone, *chain;

	(void)state;
	meta->prog_id = 7;
	meta->flags = SAMPLER_META_CHAINED;
	meta->chain = (struct sampler_chain){
		.boottime_ns = (BOOT_S - 2) * NSEC_PER_SEC,
		.n = 2,
		.program = { { 9, 5, 2, { 1 }, "first" }, { 7, 10, 4, { 2 }, "sampler_rx" } },
	};
	strcpy(api->feed[1].meta.alone_reason, "no freplace");
	ask(api, "/api/interfaces", "");
	array = at_path(api->body, "interfaces");
	chain = at_path(json_array_get(array, 0), "chain");
	assert_int_equal(json_array_size(chain), 2);
	assert_string_equal(json_string_value(at_path(json_array_get(chain, 0), "name")), "first");
	assert_true(json_is_false(at_path(json_array_get(chain, 0), "ours")));
	assert_true(json_is_true(at_path(json_array_get(chain, 1), "ours")));
	assert_string_equal(
		json_string_value(at_path(json_array_get(array, 0), "chain_checked_at")),
		"2026-01-01T00:01:38.000Z");
	alone = json_array_get(array, 1);
	assert_string_equal(json_string_value(at_path(alone, "alone_reason")), "no freplace");
	assert_true(json_is_null(at_path(alone, "chain_checked_at"))); /* never yet */
	api->feed[0].pinned = false;
	ask(api, "/api/interfaces", "");
	array = at_path(api->body, "interfaces");
	assert_true(json_is_null(at_path(json_array_get(array, 0), "chain")));
	close_api(api);
}

static void expect_health(struct api *api, unsigned int status, const char *word, const char *state)
{
	ask(api, "/healthz", "");
	assert_int_equal(api->status, status);
	assert_string_equal(string_at(api, "status"), word);
	if (state)
		assert_string_equal(
			json_string_value(
				at_path(json_array_get(at_path(api->body, "checks"), 0), "state")),
			state);
}

static void health_is_that_of_the_worst(void **state)
{
	struct api *api = open_api(3);

	(void)state;
	expect_health(api, 200, "ok", "ok");
	assert_int_equal(json_array_size(at_path(api->body, "checks")), 2);
	strcpy(api->feed[0].stale.text, "samplerd is away");
	expect_health(api, 503, "failing", "stale");
	api->feed[0].newest.flags = SAMPLE_DEGRADED;
	expect_health(api, 503, "failing", "degraded");
	api->feed[0].source = FEED_NOTHING;
	strcpy(api->feed[0].trouble.text, "no permission");
	expect_health(api, 503, "failing", "unreadable");
	api->feed[0].attached = api->feed[1].attached = false;
	expect_health(api, 503, "no interface", NULL);
	close_api(api);
}

/* An index that no interface has, in our own namespace. */
static void an_interface_that_is_gone_is_degraded(void **state)
{
	struct api *api = open_api(1);

	(void)state;
	api->feed[0].meta.netns_inode = pins_netns_inode();
	api->feed[0].meta.ifindex = 0x7ffffff0;
	expect_health(api, 503, "failing", "degraded");
	close_api(api);
}

static void every_endpoint_says_what_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_endpoints; i++) {
		assert_true(endpoints[i].path[0] == '/');
		assert_int_equal(
			!!endpoints[i].answer + !!endpoints[i].text + endpoints[i].is_stream, 1);
		assert_true(endpoints[i].text || !endpoints[i].type);
		assert_false(endpoints[i].is_open && endpoints[i].version);
		assert_non_null(endpoints[i].parameters);
		assert_true(endpoints[i].help[0]);
		assert_true(endpoints[i].help[strlen(endpoints[i].help) - 1] != '.');
	}
	assert_int_equal(n_endpoints, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(realtime_has_its_members_in_their_order),
		cmocka_unit_test(realtime_tells_one_interface),
		cmocka_unit_test(realtime_tells_what_is_transmitted_where_it_is_counted),
		cmocka_unit_test(rates_of_what_has_just_begun_to_be_counted_are_unknown),
		cmocka_unit_test(the_sum_of_what_not_all_count_is_unknown),
		cmocka_unit_test(rates_are_unknown_where_one_interface_has_none),
		cmocka_unit_test(realtime_adds_interfaces_and_their_services_by_name),
		cmocka_unit_test(rates_of_one_sample_are_unknown),
		cmocka_unit_test(what_is_stale_or_missing_is_said),
		cmocka_unit_test(interfaces_that_give_nothing_are_refused_with_the_reason),
		cmocka_unit_test(interfaces_are_told_member_by_member),
		cmocka_unit_test(whether_transmitted_frames_are_counted_is_told),
		cmocka_unit_test(the_chain_is_told_as_it_was_last_seen),
		cmocka_unit_test(health_is_that_of_the_worst),
		cmocka_unit_test(an_interface_that_is_gone_is_degraded),
		cmocka_unit_test(every_endpoint_says_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
