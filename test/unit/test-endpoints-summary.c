// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/summary.c, read/peak.c: what was received since the counters began, and its peak.
 */
#include "endpoint-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <stdio.h>
#include <string.h>

static void the_summary_has_its_members_in_their_order(void **state)
{
	static const char *const names[] = {
		"uptime_seconds",
		"avg_bandwidth_bps",
		"peak_bandwidth_bps",
		"total_packets",
		"total_bytes",
		"tcp_percentage",
		"http_percentage",
		"https_percentage",
		"schema",
		"interface",
		"interfaces",
		"missing",
		"timestamp",
		"peak_timestamp",
		"avg_packets_per_sec",
		"stale",
		"stale_reason",
		"without_tx",
		"tx",
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

static void the_summary_of_what_is_transmitted_has_the_same_names(void **state)
{
	static const char *const names[] = {
		"avg_bandwidth_bps", "peak_bandwidth_bps", "total_packets",
		"total_bytes",	     "tcp_percentage",	   "http_percentage",
		"https_percentage",  "peak_timestamp",	   "avg_packets_per_sec",
	};
	struct api *api = open_api(2);

	(void)state;
	count_tx(&api->feed[0], 1);
	ask(api, "/api/stats/summary", "interface=eth0");
	expect_members(at_path(api->body, "tx"), names, array_size(names));
	assert_int_equal(integer_at(api, "tx/avg_bandwidth_bps"), 3200);
	assert_int_equal(integer_at(api, "tx/avg_packets_per_sec"), 4);
	assert_int_equal(integer_at(api, "tx/peak_bandwidth_bps"), 33000);
	assert_string_equal(string_at(api, "tx/peak_timestamp"), "2026-01-01T00:01:20.042Z");
	assert_int_equal(integer_at(api, "tx/total_packets"), 400);
	assert_int_equal(integer_at(api, "tx/total_bytes"), 40000);
	assert_true(real_at(api, "tx/tcp_percentage") == 75.0);
	assert_int_equal(integer_at(api, "total_packets"), 1010);
	assert_int_equal(json_array_size(at_path(api->body, "without_tx")), 0);
	ask(api, "/api/stats/summary", ""); /* the other one does not count it */
	expect_null(api, "tx");
	assert_string_equal(json_string_value(json_array_get(at_path(api->body, "without_tx"), 0)),
			    "eth1");
	close_api(api);
}

/* A minute before, half of which it was off. */
static void averages_are_over_the_time_that_was_counted(void **state)
{
	struct api *api = open_api(1);
	struct sampler_meta *meta = &api->feed[0].meta;

	(void)state;
	count_tx(&api->feed[0], 1);
	meta->tx_since_boottime_ns = (BOOT_S - 10) * NSEC_PER_SEC;
	meta->tx_before_ns = 30 * NSEC_PER_SEC;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "tx/avg_bandwidth_bps"), 8000);
	assert_int_equal(integer_at(api, "tx/avg_packets_per_sec"), 10);
	assert_int_equal(integer_at(api, "avg_bandwidth_bps"), 8048);
	assert_int_equal(integer_at(api, "uptime_seconds"), 100);
	meta->tx_since_boottime_ns = 0; /* lost after the sample */
	meta->tx_before_ns = 50 * NSEC_PER_SEC;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "tx/avg_bandwidth_bps"), 6400);
	meta->tx_before_ns = 0;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "tx/avg_bandwidth_bps"), 0);
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

/* A part of the counts may be read a moment after their sum. */
static void a_share_is_never_above_all(void **state)
{
	struct api *api = open_api(1);

	(void)state;
	api->feed[0].newest.direction[SAMPLER_RX].l4[SAMPLER_TCP].bytes = 100700;
	ask(api, "/api/stats/summary", "");
	assert_true(real_at(api, "tcp_percentage") == 100.0);
	close_api(api);
}

/* ---- the peak ---- */

/* Two interfaces with a history, a burst at second 40 and at second 60, and nothing now. */
static struct api *open_bursts(struct fixture *f)
{
	static const uint64_t bursts[] = { 40, 60 };
	struct api *api = open_api(2);

	for (size_t i = 0; i < array_size(bursts); i++) {
		struct feed *feed = &api->feed[i];

		make_burst(f, feed->key, 100, bursts[i]);
		assert_int_equal(history_open_reader(f->dir, feed->key, &feed->history, &f->err),
				 0);
		memset(&feed->delta.direction, 0, sizeof(feed->delta.direction));
		memset(&feed->newest.peak, 0, sizeof(feed->newest.peak));
	}
	return api;
}

static void close_bursts(struct fixture *f, struct api *api)
{
	for (int i = 0; i < 2; i++) {
		history_close_reader(api->feed[i].history);
		assert_int_equal(history_purge(f->dir, api->feed[i].key, &f->err), 0);
	}
	close_api(api);
}

static void expect_peak(struct api *api, json_int_t bits_per_s, const char *timestamp)
{
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), bits_per_s);
	assert_string_equal(string_at(api, "peak_timestamp"), timestamp);
}

static void the_peak_of_two_is_the_highest_sum_and_not_the_sum_of_peaks(void **state)
{
	struct api *api = open_bursts(*state);

	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	/* The current sum is higher, and counts at once. */
	api->feed[0].delta.direction[SAMPLER_RX].l3[0].bytes = 100000;
	expect_peak(api, 400000, "2026-01-01T00:01:40.042Z");
	/* Other counters, another peak. */
	memset(&api->feed[0].delta.direction, 0, sizeof(api->feed[0].delta.direction));
	api->feed[1].meta.epoch++;
	api->feed[1].meta.epoch_boottime_ns = (BOOT_S - 39) * NSEC_PER_SEC;
	expect_peak(api, 80000, "2026-01-01T00:00:40.000Z");
	close_bursts(*state, api);
}

/* The busiest moment of one direction is not that of the other. */
static void each_direction_has_its_own_peak(void **state)
{
	struct api *api = open_bursts(*state);
	struct feed *feed = &api->feed[0];

	for (int i = 0; i < 2; i++) {
		count_tx(&api->feed[i], 1);
		memset(&api->feed[i].delta.direction, 0, sizeof(feed->delta.direction));
		memset(&api->feed[i].newest.peak, 0, sizeof(feed->newest.peak));
	}
	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	assert_int_equal(integer_at(api, "tx/peak_bandwidth_bps"), 96000);
	assert_string_equal(string_at(api, "tx/peak_timestamp"), "2026-01-01T00:01:00.000Z");
	feed->newest.peak[SAMPLER_TX] = (struct sample_peak){ 97000, (BOOT_S - 10) * NSEC_PER_SEC };
	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	assert_int_equal(integer_at(api, "tx/peak_bandwidth_bps"), 97000);
	assert_string_equal(string_at(api, "tx/peak_timestamp"), "2026-01-01T00:01:30.042Z");
	feed->delta.direction[SAMPLER_TX].l3[0].bytes = 100000;
	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	assert_int_equal(integer_at(api, "tx/peak_bandwidth_bps"), 400000);
	close_bursts(*state, api);
}

/* Which a recorder knows better than any step of a sum, and for longer. */
static void the_peak_of_two_is_not_below_that_of_one(void **state)
{
	struct api *api = open_bursts(*state);

	api->feed[1].newest.peak[SAMPLER_RX] =
		(struct sample_peak){ 99000, (BOOT_S - 10) * NSEC_PER_SEC };
	expect_peak(api, 99000, "2026-01-01T00:01:30.042Z");
	close_bursts(*state, api);
}

/* The wall clock was an hour ahead when counting began, and was set right at second 90. */
static void a_clock_that_was_set_back_hides_no_peak(void **state)
{
	struct api *api = open_bursts(*state);

	for (int i = 0; i < 2; i++)
		api->feed[i].meta.epoch += 3600 * NSEC_PER_SEC;
	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	close_bursts(*state, api);
}

/* The search went up to an hour later than it is now. What it found stays, and what comes is found. */
static void a_clock_that_is_set_back_stops_no_search(void **state)
{
	struct api *api = open_bursts(*state);
	struct fixture *f = *state;

	api->context.realtime_ns += 3600 * NSEC_PER_SEC;
	ask(api, "/api/stats/summary", "");
	assert_int_equal(integer_at(api, "peak_bandwidth_bps"), 0); /* as of the wrong hour */
	api->context.realtime_ns -= 3600 * NSEC_PER_SEC;
	api->context.boottime_ns += 31 * NSEC_PER_SEC;
	for (int i = 0; i < 2; i++)
		api->feed[i].newest.boottime_ns = api->context.boottime_ns;
	expect_peak(api, 88000, "2026-01-01T00:01:00.000Z");
	close_bursts(f, api);
}

/* More than are read for one answer: all of them have the same history. */
static void many_interfaces_are_searched_over_several_answers(void **state)
{
	enum { MANY = 100 };
	struct api *api = open_bursts(*state);
	struct feed *feeds = calloc(MANY, sizeof(*feeds));
	json_int_t peak = 0;
	int answers = 0;

	assert_non_null(feeds);
	api->catalog.n = 0;
	for (int i = 0; i < MANY; i++) {
		feeds[i] = api->feed[1];
		snprintf(feeds[i].name, sizeof(feeds[i].name), "v%03d", i);
		api->catalog.feed[api->catalog.n++] = &feeds[i];
	}
	for (; peak < MANY * 80000 && answers < 1000; answers++) {
		ask(api, "/api/stats/summary", "");
		assert_true(integer_at(api, "peak_bandwidth_bps") >= peak);
		peak = integer_at(api, "peak_bandwidth_bps");
	}
	assert_int_equal(peak, MANY * 80000);
	assert_true(answers >= 2);
	close_bursts(*state, api);
	free(feeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_summary_has_its_members_in_their_order),
		cmocka_unit_test(the_summary_of_what_is_transmitted_has_the_same_names),
		cmocka_unit_test(averages_are_over_the_time_that_was_counted),
		cmocka_unit_test(a_summary_of_nothing_divides_by_nothing),
		cmocka_unit_test(a_share_is_never_above_all),
		TEST(the_peak_of_two_is_the_highest_sum_and_not_the_sum_of_peaks),
		TEST(each_direction_has_its_own_peak),
		TEST(the_peak_of_two_is_not_below_that_of_one),
		TEST(a_clock_that_was_set_back_hides_no_peak),
		TEST(a_clock_that_is_set_back_stops_no_search),
		TEST(many_interfaces_are_searched_over_several_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
