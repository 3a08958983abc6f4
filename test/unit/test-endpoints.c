// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/: what the endpoints answer, member by member, since programs depend on it. Interfaces are
 * filled in by hand where their pins would be needed; histories are real files.
 */
#include "history-fixture.h"

#include "http/endpoint.h"
#include "http/query.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BEGIN_NS (1767225600ULL * NSEC_PER_SEC) /* 2026-01-01 */
#define BOOT_S	 1000				/* seconds since boot at the newest sample */

/* Three interfaces: "eth0", "eth1" with an odd name of a service, and a history, "old". */
struct api {
	struct catalog catalog;
	struct feed feed[3];
	struct endpoint_context context;
	unsigned int status;
	json_t *body;
	struct error err;
};

static void fill_feed(struct feed *feed, const char *name, uint64_t factor)
{
	struct sampler_counters *rx = &feed->newest.direction[SAMPLER_RX];
	struct sampler_counters *now = &feed->delta.direction[SAMPLER_RX];

	*feed = (struct feed){ .attached = true,
			       .pinned = true,
			       .source = FEED_RECORDS,
			       .has_delta = true,
			       .services = { "http", "https", "dns" } };
	strcpy(feed->name, name);
	strcpy(feed->key, name);
	strcpy(feed->meta.ifname, name);
	feed->meta.mode = SAMPLER_MODE_NATIVE;
	feed->meta.epoch = BEGIN_NS;
	feed->meta.epoch_boottime_ns = (BOOT_S - 100) * NSEC_PER_SEC;
	feed->meta.attach_realtime_ns = BEGIN_NS;
	feed->newest.boottime_ns = BOOT_S * NSEC_PER_SEC;
	feed->newest.realtime_ns = BEGIN_NS + 100 * NSEC_PER_SEC + 42 * NSEC_PER_MSEC;
	feed->newest.peak[SAMPLER_RX] =
		(struct sample_peak){ 77000 * factor, (BOOT_S - 10) * NSEC_PER_SEC };
	rx->l3[SAMPLER_IPV4] = (struct sampler_count){ 1000 * factor, 100000 * factor };
	rx->l3[SAMPLER_ARP] = (struct sampler_count){ 10 * factor, 600 * factor };
	rx->l4[SAMPLER_TCP] = (struct sampler_count){ 500 * factor, 50000 * factor };
	rx->service[SAMPLER_HTTP] = (struct sampler_count){ 300 * factor, 25150 * factor };
	rx->service[2] = (struct sampler_count){ 7 * factor, 700 * factor };
	rx->size[1] = 1010 * factor;
	feed->delta.interval_ns = 2 * NSEC_PER_SEC;
	now->l3[SAMPLER_IPV4] = (struct sampler_count){ 11 * factor, 1100 * factor };
	now->l4[SAMPLER_TCP] = (struct sampler_count){ 6 * factor, 601 * factor };
	now->service[2] = (struct sampler_count){ 2 * factor, 200 * factor };
	now->size[1] = 11 * factor;
}

static struct api *open_api(size_t n)
{
	struct api *api = calloc(1, sizeof(*api));

	assert_non_null(api);
	fill_feed(&api->feed[0], "eth0", 1);
	fill_feed(&api->feed[1], "eth1", 10);
	strcpy(api->feed[1].services[2], "quic");
	strcpy(api->feed[2].name, "old");
	strcpy(api->feed[2].key, "old");
	strcpy(api->feed[2].stale.text, "it is not attached");
	api->feed[2].source = FEED_PAST;
	api->feed[2].newest.realtime_ns = BEGIN_NS;
	for (size_t i = 0; i < n; i++)
		api->catalog.feed[api->catalog.n++] = &api->feed[i];
	api->context = (struct endpoint_context){ .catalog = &api->catalog,
						  .boottime_ns = BOOT_S * NSEC_PER_SEC,
						  .realtime_ns = BEGIN_NS + 100 * NSEC_PER_SEC };
	return api;
}

static void close_api(struct api *api)
{
	json_decref(api->body);
	free(api);
}

static const struct endpoint *endpoint_of(const char *path)
{
	for (size_t i = 0; i < n_endpoints; i++) {
		if (!strcmp(endpoints[i].path, path))
			return &endpoints[i];
	}
	fail_msg("no endpoint %s", path);
	return NULL;
}

/* Ask, as the server does. */
static void ask(struct api *api, const char *path, const char *query)
{
	const struct endpoint *endpoint = endpoint_of(path);
	struct query_text text;
	char *dumped;

	json_decref(api->body);
	api->body = NULL;
	api->err.text[0] = 0;
	assert_int_equal(query_parse(query, strlen(query), &text, &api->err), 0);
	assert_int_equal(query_check(&text.query, endpoint->parameters, &api->err), 0);
	api->status = endpoint->answer(&api->context, &text.query, &api->body, &api->err);
	if (!api->body) {
		assert_true(api->err.text[0]);
		assert_null(strstr(api->err.text, "/"));
		return;
	}
	dumped = json_dumps(api->body, 0);
	assert_non_null(dumped);
	assert_null(strstr(dumped, "/dev/shm"));
	free(dumped);
}

static void expect_refused(struct api *api, const char *path, const char *query,
			   unsigned int status, const char *reason)
{
	ask(api, path, query);
	assert_int_equal(api->status, status);
	assert_null(api->body);
	assert_string_equal(api->err.text, reason);
}

/* The member at "rx.l3.ipv4". */
static json_t *at_path(const json_t *json, const char *path)
{
	char name[64];

	for (;;) {
		size_t n = strcspn(path, "/");
		json_t *member;

		assert_true(n < sizeof(name));
		memcpy(name, path, n);
		name[n] = 0;
		member = json_object_get(json, name);
		if (!member)
			fail_msg("no \"%s\"", name);
		if (!path[n])
			return member;
		json = member;
		path += n + 1;
	}
}

static json_int_t integer_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", path);
	return json_integer_value(value);
}

static double real_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_real(value))
		fail_msg("%s is no real", path);
	return json_real_value(value);
}

static const char *string_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_string(value))
		fail_msg("%s is no string", path);
	return json_string_value(value);
}

static void expect_null(const struct api *api, const char *path)
{
	if (!json_is_null(at_path(api->body, path)))
		fail_msg("%s is not null", path);
}

/* Members in this order and no others. */
static void expect_members(json_t *object, const char *const *names, size_t n)
{
	void *at = json_object_iter(object);

	for (size_t i = 0; i < n; i++) {
		assert_non_null(at);
		assert_string_equal(json_object_iter_key(at), names[i]);
		at = json_object_iter_next(object, at);
	}
	assert_null(at);
}

/* ---- realtime ---- */

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
	close_api(api);
}

/* ---- summary ---- */

static void the_summary_has_its_members_in_their_order(void **state)
{
	static const char *const names[] = {
		"uptime_seconds", "avg_bandwidth_bps", "peak_bandwidth_bps",  "total_packets",
		"total_bytes",	  "tcp_percentage",    "http_percentage",     "https_percentage",
		"schema",	  "interface",	       "interfaces",	      "missing",
		"timestamp",	  "peak_timestamp",    "avg_packets_per_sec", "stale",
		"stale_reason",
	};
	struct api *api = open_api(1);

	(void)state;
	ask(api, "/api/stats/summary", "interface=eth0");
	assert_int_equal(api->status, 200);
	expect_members(api->body, names, array_size(names));
	assert_int_equal(integer_at(api, "uptime_seconds"), 100);
	assert_int_equal(integer_at(api, "avg_bandwidth_bps"), 8048);
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), 77000);
	assert_int_equal(integer_at(api, "total_packets"), 1010);
	assert_int_equal(integer_at(api, "total_bytes"), 100600);
	assert_true(real_at(api, "http_percentage") == 25.0);
	assert_true(real_at(api, "https_percentage") == 0.0);
	assert_in_range((uint64_t)(real_at(api, "tcp_percentage") * 1000), 49701, 49702);
	assert_string_equal(string_at(api, "peak_timestamp"), "2026-01-01T00:01:30.042Z");
	assert_int_equal(integer_at(api, "avg_packets_per_sec"), 10);
	close_api(api);
}

static void a_summary_of_nothing_divides_by_nothing(void **state)
{
	struct api *api = open_api(1);

	(void)state;
	memset(&api->feed[0].newest.direction, 0, sizeof(api->feed[0].newest.direction));
	memset(&api->feed[0].newest.peak, 0, sizeof(api->feed[0].newest.peak));
	api->feed[0].meta.epoch_boottime_ns = api->feed[0].newest.boottime_ns;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "uptime_seconds"), 0);
	assert_int_equal(integer_at(api, "avg_bandwidth_bps"), 0);
	assert_true(real_at(api, "tcp_percentage") == 0.0);
	expect_null(api, "peak_timestamp");
	close_api(api);
}

/* Seconds 1 to n with a burst in second @burst: 1,000 bytes a second, and 9,000 more then. */
static void make_burst(struct fixture *f, const char *key, uint64_t n, uint64_t burst)
{
	struct history_geometry wide = HISTORY_GEOMETRY_DEFAULT;
	struct history_place place = { f->dir, key, key, (uid_t)-1, (gid_t)-1 };
	struct history_writer *w = NULL;
	struct sample s = { .boottime_ns = 0 };

	assert_int_equal(history_open_writer(&place, &wide, &w, &f->err), 0);
	for (uint64_t t = 1; t <= n; t++) {
		s.boottime_ns = t * NSEC_PER_SEC;
		s.realtime_ns = BEGIN_NS + t * NSEC_PER_SEC;
		s.direction[SAMPLER_RX].l3[0].packets += 1;
		s.direction[SAMPLER_RX].l3[0].bytes += t == burst ? 10000 : 1000;
		assert_true(history_begin_epoch(w, &source, &s) >= 0);
		assert_int_equal(history_append(w, &s), 0);
	}
	history_close_writer(w);
}

static void the_peak_of_two_is_the_highest_sum_and_not_the_sum_of_peaks(void **state)
{
	struct fixture *f = *state;
	struct api *api = open_api(2);

	make_burst(f, "eth0", 100, 40);
	make_burst(f, "eth1", 100, 60);
	for (int i = 0; i < 2; i++) {
		struct feed *feed = &api->feed[i];

		assert_int_equal(history_open_reader(f->dir, feed->key, &feed->history, &f->err),
				 0);
		memset(&feed->delta.direction, 0, sizeof(feed->delta.direction));
	}
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), 88000);
	assert_string_equal(string_at(api, "peak_timestamp"), "2026-01-01T00:01:00.000Z");
	/* The current sum is higher, and counts at once. */
	api->feed[0].delta.direction[SAMPLER_RX].l3[0].bytes = 100000;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), 400000);
	/* Other counters, another peak. */
	memset(&api->feed[0].delta.direction, 0, sizeof(api->feed[0].delta.direction));
	api->feed[1].meta.epoch = BEGIN_NS + 61 * NSEC_PER_SEC;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), 80000);
	for (int i = 0; i < 2; i++) {
		history_close_reader(api->feed[i].history);
		assert_int_equal(history_purge(f->dir, api->feed[i].key, &f->err), 0);
	}
	close_api(api);
}

/* ---- interfaces, health ---- */

static void interfaces_are_told_member_by_member(void **state)
{
	static const char *const names[] = {
		"interface",	"id",	       "attached",
		"mode",		"mode_reason", "chained",
		"run_priority", "program",     "link_program_id",
		"epoch",	"attached_at", "counting_since",
		"ifindex",	"namespace",   "mtu",
		"link_up",	"speed_mbps",  "vlan_stripped",
		"services",	"recorder",    "health",
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
	expect_health(api, 503, "degraded", "stale");
	api->feed[0].newest.flags = SAMPLE_DEGRADED;
	expect_health(api, 503, "degraded", "degraded");
	api->feed[0].source = FEED_NOTHING;
	strcpy(api->feed[0].trouble.text, "no permission");
	expect_health(api, 503, "degraded", "unreadable");
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
	expect_health(api, 503, "degraded", "degraded");
	close_api(api);
}

/* ---- history ---- */

static struct api *open_history_api(struct fixture *f)
{
	struct api *api = open_api(1);

	make_burst(f, "eth0", 100, 40);
	assert_int_equal(history_open_reader(f->dir, "eth0", &api->feed[0].history, &f->err), 0);
	return api;
}

static void close_history_api(struct fixture *f, struct api *api)
{
	history_close_reader(api->feed[0].history);
	assert_int_equal(history_purge(f->dir, "eth0", &f->err), 0);
	close_api(api);
}

static void history_is_columns(void **state)
{
	static const char *const names[] = { "schema",	"interface",	 "id",	    "from", "to",
					     "step_ms", "resolution_ms", "columns", "data" };
	struct api *api = open_history_api(*state);
	json_t *data;

	ask(api, "/api/history", "");
	assert_int_equal(api->status, 200);
	expect_members(api->body, names, array_size(names));
	assert_int_equal(integer_at(api, "step_ms"), 1000);
	assert_int_equal(integer_at(api, "resolution_ms"), 1000);
	assert_string_equal(string_at(api, "from"), "2025-12-31T23:01:40.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:40.000Z");
	assert_int_equal(json_array_size(at_path(api->body, "columns")), 6);
	data = at_path(api->body, "data");
	assert_int_equal(json_array_size(data), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(json_array_size(json_array_get(data, i)), 3600);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(data, 0), 3599)),
			 BEGIN_NS / NSEC_PER_SEC + 100);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 3539)) == 80000.0);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 3540)) == 8000.0);
	assert_true(json_is_null(json_array_get(json_array_get(data, 1), 3500)));
	close_history_api(*state, api);
}

static void history_takes_times_steps_and_metrics(void **state)
{
	struct api *api = open_history_api(*state);
	json_t *data;

	ask(api, "/api/history",
	    "interface=eth0&from=2026-01-01T00:00:20Z&to=1767225680.5&step=10s"
	    "&metrics=rx.packets_per_s,rx.l3.ipv4.bits_per_s,rx.services.dns.bits_per_s");
	assert_int_equal(api->status, 200);
	assert_int_equal(integer_at(api, "step_ms"), 10000);
	data = at_path(api->body, "data");
	assert_int_equal(json_array_size(json_array_get(data, 0)), 6);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 0)) == 1.0);
	assert_true(json_real_value(json_array_get(json_array_get(data, 2), 1)) == 15200.0);
	/* "dns" is known now, but had no slot when this was recorded. */
	assert_true(json_is_null(json_array_get(json_array_get(data, 3), 0)));
	ask(api, "/api/history", "from=-50&to=-10&step=0.5&metrics=rx.sizes.61-123.packets_per_s");
	assert_int_equal(integer_at(api, "step_ms"), 1000);
	assert_int_equal(json_array_size(json_array_get(at_path(api->body, "data"), 0)), 40);
	ask(api, "/api/history", "from=2026-01-01t00:00:20.5z&to=1767225759");
	assert_int_equal(api->status, 200); /* a little ahead of our clock */
	close_history_api(*state, api);
}

static void bad_parameters_are_refused(void **state)
{
	static const char *const bad[] = {
		"from=",
		"from=x",
		"from=-",
		"from=1e9",
		"from=2026-02-30T00:00:00Z",
		"from=2026-01-01T24:00:00Z",
		"from=2026-01-01T00:00:00",
		"from=2026-01-01T00:00:00%2B01:00",
		"from=2026-01-01%2000:00:00Z",
		"from=2026-1-01T000:00:00Z",
		"from=99999999999",
		"to=1767225761",
		"to=-100000000000",
		"from=-10&to=-10",
		"from=-10&to=-20",
		"step=0",
		"step=-1",
		"step=1x",
		"step=",
		"step=400d",
		"metrics=",
		"metrics=rx",
		"metrics=rx.",
		"metrics=tx.bits_per_s",
		"metrics=rx.bits",
		"metrics=rx.l3.bits_per_s",
		"metrics=rx.l3.ipv9.bits_per_s",
		"metrics=rx.sizes.61-123.bits_per_s",
		"metrics=rx.total.bits_per_s",
		"metrics=rx.services.nope.bits_per_s",
		"metrics=rx.services..bits_per_s",
		"metrics=rx.bits_per_s,,rx.bits_per_s",
		"metrics=rx.services.0123456789012345678901234567890123456789012345678901234.x",
	};
	struct api *api = open_history_api(*state);
	char many[1024] = "metrics=rx.bits_per_s";

	for (size_t i = 0; i < array_size(bad); i++) {
		ask(api, "/api/history", bad[i]);
		if (api->status != 400)
			fail_msg("%s: %u", bad[i], api->status);
		assert_null(api->body);
	}
	for (int i = 1; i < 32; i++)
		strcat(many, ",rx.bits_per_s");
	ask(api, "/api/history", many);
	assert_int_equal(api->status, 200);
	strcat(many, ",rx.bits_per_s");
	expect_refused(api, "/api/history", many, 400, "metrics: at most 32 of them");
	close_history_api(*state, api);
}

static void history_names_the_interfaces_where_one_is_needed(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	expect_refused(api, "/api/history", "", 400,
		       "interface= is needed where there are several: eth0, eth1");
	expect_refused(api, "/api/history", "interface=eth0", 404,
		       "nothing has been recorded of eth0 yet");
	strcpy(api->feed[0].trouble.text, "its history is damaged");
	expect_refused(api, "/api/history", "interface=eth0", 503, "eth0: its history is damaged");
	api->catalog.n = 0;
	expect_refused(api, "/api/history", "", 503, "no interface is sampled");
	close_api(api);
}

static void every_endpoint_says_what_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_endpoints; i++) {
		assert_true(endpoints[i].path[0] == '/');
		assert_non_null(endpoints[i].answer);
		assert_non_null(endpoints[i].parameters);
		assert_true(endpoints[i].help[0]);
		assert_true(endpoints[i].help[strlen(endpoints[i].help) - 1] != '.');
	}
	assert_int_equal(n_endpoints, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(realtime_has_its_members_in_their_order),
		cmocka_unit_test(realtime_tells_one_interface),
		cmocka_unit_test(realtime_adds_interfaces_and_their_services_by_name),
		cmocka_unit_test(rates_of_one_sample_are_unknown),
		cmocka_unit_test(what_is_stale_or_missing_is_said),
		cmocka_unit_test(interfaces_that_give_nothing_are_refused_with_the_reason),
		cmocka_unit_test(the_summary_has_its_members_in_their_order),
		cmocka_unit_test(a_summary_of_nothing_divides_by_nothing),
		TEST(the_peak_of_two_is_the_highest_sum_and_not_the_sum_of_peaks),
		cmocka_unit_test(interfaces_are_told_member_by_member),
		cmocka_unit_test(health_is_that_of_the_worst),
		cmocka_unit_test(an_interface_that_is_gone_is_degraded),
		TEST(history_is_columns),
		TEST(history_takes_times_steps_and_metrics),
		TEST(bad_parameters_are_refused),
		cmocka_unit_test(history_names_the_interfaces_where_one_is_needed),
		cmocka_unit_test(every_endpoint_says_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
