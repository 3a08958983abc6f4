// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/metrics.c: each counter has one row, and the row says what it is. */
#include "unit.h"

#include "model/counters.h"
#include "model/metrics.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_SEEN 64

static const char services[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX] = {
	"http", "https", "", "dns", [15] = "a23456789012345",
};

struct seen {
	size_t n;
	struct {
		char name[32];
		struct metric metric;
		uint64_t packets, bytes;
		bool has_bytes;
	} row[MAX_SEEN];
};

static int note(const struct metric *metric, uint64_t packets, const uint64_t *bytes, void *user)
{
	struct seen *seen = user;

	assert_true(seen->n < MAX_SEEN);
	snprintf(seen->row[seen->n].name, sizeof(seen->row[0].name), "%s", metric->name);
	seen->row[seen->n].metric = *metric;
	seen->row[seen->n].packets = packets;
	seen->row[seen->n].bytes = bytes ? *bytes : 0;
	seen->row[seen->n].has_bytes = bytes;
	seen->n++;
	return 0;
}

/* A different value in each counter. */
static struct sampler_counters distinct_counters(void)
{
	struct sampler_counters counters;

	for (size_t i = 0; i < sizeof(counters) / sizeof(uint64_t); i++)
		((uint64_t *)&counters)[i] = 1000 + i;
	return counters;
}

static struct seen walk(const struct sampler_counters *counters)
{
	struct seen seen = { 0 };

	assert_int_equal(metrics_for_each(counters, services, note, &seen), 0);
	return seen;
}

static void rows_come_in_order_with_their_names(void **state)
{
	static const char *const names[] = {
		"total",     "ipv4",	 "ipv6",      "arp",
		"l3_other",  "tcp",	 "udp",	      "icmp",
		"sctp",	     "l4_other", "vlan",      "fragments",
		"malformed", "0-60",	 "61-123",    "124-251",
		"252-507",   "508-1019", "1020-1514", "1515-",
		"syn",	     "syn_ack",	 "fin",	      "rst",
		"http",	     "https",	 "dns",	      "a23456789012345",
	};
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);

	(void)state;
	assert_int_equal(seen.n, array_size(names));
	for (size_t i = 0; i < seen.n; i++)
		assert_string_equal(seen.row[i].name, names[i]);
}

static void every_counter_is_shown_once(void **state)
{
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);
	const size_t n_words = sizeof(counters) / sizeof(uint64_t);
	bool shown[sizeof(counters) / sizeof(uint64_t)] = { false };
	size_t n_shown = 0;

	(void)state;
	for (size_t i = 1; i < seen.n; i++) { /* behind the total */
		uint64_t values[] = { seen.row[i].packets, seen.row[i].bytes };

		for (int j = 0; j < 1 + seen.row[i].has_bytes; j++) {
			assert_in_range(values[j], 1000, 1000 + n_words - 1);
			assert_false(shown[values[j] - 1000]);
			shown[values[j] - 1000] = true;
			n_shown++;
		}
	}
	assert_int_equal(n_shown, n_words - 2 * 12); /* twelve slots have no name */
}

static void rows_show_the_counter_of_their_name(void **state)
{
	struct sampler_counters counters = { 0 };
	struct seen seen;

	(void)state;
	counters.l3[SAMPLER_ARP] = (struct sampler_count){ 3, 180 };
	counters.l4[SAMPLER_SCTP] = (struct sampler_count){ 4, 400 };
	counters.mark[SAMPLER_FRAGMENT] = (struct sampler_count){ 5, 500 };
	counters.size[6] = 6;
	counters.tcp_flag[SAMPLER_SYN_ACK] = 7;
	counters.service[3] = (struct sampler_count){ 8, 800 };
	counters.service[2] = (struct sampler_count){ 9, 900 }; /* no name: not shown */
	seen = walk(&counters);
	for (size_t i = 0; i < seen.n; i++) {
		static const struct {
			const char *name;
			uint64_t packets, bytes;
		} expected[] = { { "total", 3, 180 },	  { "arp", 3, 180 }, { "sctp", 4, 400 },
				 { "fragments", 5, 500 }, { "1515-", 6, 0 }, { "syn_ack", 7, 0 },
				 { "dns", 8, 800 } };
		uint64_t packets = 0, bytes = 0;

		for (size_t j = 0; j < array_size(expected); j++) {
			if (!strcmp(expected[j].name, seen.row[i].name)) {
				packets = expected[j].packets;
				bytes = expected[j].bytes;
			}
		}
		assert_int_equal(seen.row[i].packets, packets);
		assert_int_equal(seen.row[i].bytes, bytes);
	}
}

static void units_say_whether_bytes_are_counted(void **state)
{
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);

	(void)state;
	for (size_t i = 0; i < seen.n; i++) {
		const struct metric *metric = &seen.row[i].metric;
		bool alone = metric->group == METRIC_SIZE || metric->group == METRIC_TCP_FLAG;

		assert_int_equal(seen.row[i].has_bytes, !alone);
		assert_int_equal(metric->units,
				 alone ? METRIC_PACKETS : METRIC_PACKETS | METRIC_BYTES);
	}
}

static void each_row_has_help_without_a_full_stop(void **state)
{
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);

	(void)state;
	for (size_t i = 0; i < seen.n; i++) {
		const char *help = seen.row[i].metric.help;

		assert_true(strlen(help) > 5);
		assert_true(help[strlen(help) - 1] != '.');
		assert_null(strpbrk(help, "\n\"\\"));
	}
}

/* The names of the buckets and the bounds that the kernel side counts by are the same numbers. */
static void bucket_names_are_the_bounds(void **state)
{
	static const unsigned int bounds[] = SAMPLER_SIZE_BOUNDS;
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);
	unsigned int first = 0, n = 0;

	(void)state;
	for (size_t i = 0; i < seen.n; i++) {
		char name[32];

		if (seen.row[i].metric.group != METRIC_SIZE)
			continue;
		assert_int_equal(seen.row[i].packets, counters.size[n]);
		if (n < array_size(bounds))
			snprintf(name, sizeof(name), "%u-%u", first, bounds[n]);
		else
			snprintf(name, sizeof(name), "%u-", first);
		assert_string_equal(seen.row[i].name, name);
		if (n < array_size(bounds))
			first = bounds[n] + 1;
		n++;
	}
	assert_int_equal(n, SAMPLER_N_SIZES);
}

static int stop_at_udp(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
		       void *user)
{
	(void)packets;
	(void)bytes;
	++*(int *)user;
	return strcmp(metric->name, "udp") ? 0 : -7;
}

static int stop_at_https(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
			 void *user)
{
	(void)packets;
	(void)bytes;
	++*(int *)user;
	return strcmp(metric->name, "https") ? 0 : 9;
}

static void a_walk_can_be_ended(void **state)
{
	struct sampler_counters counters = distinct_counters();
	int n = 0;

	(void)state;
	assert_int_equal(metrics_for_each(&counters, services, stop_at_udp, &n), -7);
	assert_int_equal(n, 7);
	n = 0;
	assert_int_equal(metrics_for_each(&counters, services, stop_at_https, &n), 9);
	assert_int_equal(n, 26);
}

static void names_without_an_end_are_cut(void **state)
{
	struct sampler_counters counters = distinct_counters();
	char endless[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
	struct seen seen = { 0 };

	(void)state;
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(
		metrics_for_each(&counters, (const char(*)[SAMPLER_NAME_MAX])endless, note, &seen),
		0);
	assert_string_equal(seen.row[seen.n - 1].name, "xxxxxxxxxxxxxxxx");
	assert_int_equal(seen.n, 24 + SAMPLER_MAX_SERVICES);
}

static void groups_have_names(void **state)
{
	(void)state;
	assert_string_equal(metric_group_name(METRIC_TOTAL), "");
	assert_string_equal(metric_group_name(METRIC_L3), "l3");
	assert_string_equal(metric_group_name(METRIC_L4), "l4");
	assert_string_equal(metric_group_name(METRIC_MARK), "");
	assert_string_equal(metric_group_name(METRIC_SIZE), "sizes");
	assert_string_equal(metric_group_name(METRIC_TCP_FLAG), "tcp_flags");
	assert_string_equal(metric_group_name(METRIC_SERVICE), "services");
}

/* The place of a row as readers of JSON see it. */
static void place_of(const struct metric *metric, const char *name, char *buf, size_t size)
{
	const char *group = metric_group_name(metric->group);

	if (metric->group == METRIC_TOTAL)
		*buf = 0;
	else
		snprintf(buf, size, "%s%s%s", group, *group ? "." : "", name);
}

static void every_row_is_found_by_its_place(void **state)
{
	struct sampler_counters counters = distinct_counters();
	struct seen seen = walk(&counters);

	(void)state;
	for (size_t i = 0; i < seen.n; i++) {
		struct metric_path path;
		struct sampler_count count;
		char place[64];

		place_of(&seen.row[i].metric, seen.row[i].name, place, sizeof(place));
		assert_int_equal(metric_path_parse(place, &path), 0);
		assert_int_equal(metric_path_get(&path, &counters, services, &count), 0);
		assert_true(count.packets == seen.row[i].packets);
		assert_true(count.bytes == seen.row[i].bytes);
	}
}

static void other_places_are_unknown(void **state)
{
	static const char *const others[] = { "total",
					      "l3",
					      "l3.",
					      "l3.tcp",
					      "tcp",
					      ".vlan",
					      "vlan.",
					      "l4.tcp.",
					      "services",
					      "services.",
					      "sizes.0-6",
					      "L4.tcp",
					      "services.a234567890123456" };
	struct sampler_counters counters = distinct_counters();
	struct sampler_count count = { 1, 2 };
	struct metric_path path;

	(void)state;
	for (size_t i = 0; i < array_size(others); i++)
		assert_int_equal(metric_path_parse(others[i], &path), -ENOENT);
	assert_int_equal(metric_path_parse("services.quic", &path), 0);
	assert_int_equal(metric_path_get(&path, &counters, services, &count), -ENOENT);
	assert_true(count.packets == 1 && count.bytes == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_in_order_with_their_names),
		cmocka_unit_test(every_counter_is_shown_once),
		cmocka_unit_test(rows_show_the_counter_of_their_name),
		cmocka_unit_test(units_say_whether_bytes_are_counted),
		cmocka_unit_test(each_row_has_help_without_a_full_stop),
		cmocka_unit_test(bucket_names_are_the_bounds),
		cmocka_unit_test(a_walk_can_be_ended),
		cmocka_unit_test(names_without_an_end_are_cut),
		cmocka_unit_test(groups_have_names),
		cmocka_unit_test(every_row_is_found_by_its_place),
		cmocka_unit_test(other_places_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
