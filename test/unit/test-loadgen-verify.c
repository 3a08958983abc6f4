// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/verify-compare.c, verify-counts.c, verify-predict.c and verify-url.c: which differences count,
 * and which are how TCP is.
 */
#include "unit.h"

#include "util/cleanup.h"
#include "verify-compare.h"
#include "verify-predict.h"
#include "verify-url.h"

#include <errno.h>
#include <string.h>

#define HEADER 66

/* ---- frames that are known one by one ---- */

/* A frame of @len bytes, @n times, in these classes and a service. */
static void add(struct verify_counts *counts, uint64_t n, uint64_t len, enum verify_class l3,
		enum verify_class l4, const char *service)
{
	const struct verify_count count = { .packets = n, .bytes = n * len };

	verify_count_add(&counts->class[VERIFY_ALL], &count);
	verify_count_add(&counts->class[l3], &count);
	verify_count_add(&counts->class[l4], &count);
	counts->class[verify_size_class(len)].packets += n;
	if (service)
		verify_count_add(verify_service_count(counts, service), &count);
}

static void make_mix(struct verify_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	verify_service_count(counts, "http");
	verify_service_count(counts, "dns");
	add(counts, 1000, 60, VERIFY_IPV4, VERIFY_UDP, "dns");
	add(counts, 70, 1514, VERIFY_IPV6, VERIFY_TCP, "http");
}

static const struct verify_row *row_of(const struct verify_result *result, const char *name)
{
	for (size_t i = 0; i < result->n_rows; i++) {
		if (!strcmp(result->row[i].name, name))
			return &result->row[i];
	}
	return NULL;
}

static void all_that_is_equal_is_verified(void **state)
{
	struct verify_sent sent = { .exact = true };
	struct verify_result result;

	(void)state;
	make_mix(&sent.counts);
	verify_compare(&sent, &sent.counts, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	assert_false(result.missing || result.excess);
	assert_null(verify_first_difference(&result));
	assert_int_equal(result.n_rows, 9); /* all, 2 × l3, 2 × l4, 2 sizes, 2 services */
	assert_null(row_of(&result, "arp"));
	assert_true(row_of(&result, "dns")->judged);
	assert_int_equal(row_of(&result, "1020-1514")->counted.packets, 70);
}

/* One frame or one byte more or less, in whatever class: found, and in that row only. */
static void one_off_is_found_in_each_class(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * (VERIFY_N_CLASSES + 2); i++) {
		size_t place = i / 4;
		bool more = i % 2, bytes = i % 4 >= 2;
		struct verify_sent sent = { .exact = true };
		struct verify_counts counted;
		struct verify_result result;
		struct verify_count *count;
		const char *name;

		make_mix(&sent.counts);
		counted = sent.counts;
		if (place < VERIFY_N_CLASSES) {
			count = &counted.class[place];
			name = verify_class[place].name;
		} else {
			count = &counted.service[place - VERIFY_N_CLASSES].count;
			name = counted.service[place - VERIFY_N_CLASSES].name;
		}
		if (!more && !count->packets)
			continue;
		if (bytes && place < VERIFY_N_CLASSES && !verify_class[place].has_bytes)
			continue;
		*(bytes ? &count->bytes : &count->packets) += more ? 1 : -1;
		verify_compare(&sent, &counted, &result);
		assert_int_equal(result.verdict, VERIFY_DIFFERS);
		assert_int_equal(result.excess, more);
		assert_int_equal(result.missing, !more);
		assert_string_equal(verify_first_difference(&result)->name, name);
	}
}

static void what_nobody_knows_is_not_judged(void **state)
{
	struct verify_sent sent = { .exact = true };
	struct verify_counts counted;
	struct verify_result result;

	(void)state;
	make_mix(&sent.counts);
	counted = sent.counts;
	counted.class[VERIFY_VLAN] = (struct verify_count){ .unknown = true };
	sent.counts.class[VERIFY_VLAN] = (struct verify_count){ .packets = 3, .bytes = 300 };
	sent.counts.n_services = 1; /* of dns nobody knows the ports */
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	assert_false(row_of(&result, "vlan")->judged);
	assert_true(row_of(&result, "dns")->sent.unknown);
	assert_false(row_of(&result, "dns")->judged);
	assert_true(row_of(&result, "http")->judged);
}

static void others_may_add_but_not_hide(void **state)
{
	struct verify_sent sent = { .exact = true, .others = true };
	struct verify_counts counted;
	struct verify_result result;

	(void)state;
	make_mix(&sent.counts);
	counted = sent.counts;
	add(&counted, 5, 60, VERIFY_ARP, VERIFY_SYN, NULL);
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	assert_true(result.others);
	counted.class[VERIFY_UDP].packets--;
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_DIFFERS);
	assert_true(result.missing && !result.excess);
}

/* A block that says what came twice makes a question longer, and nothing else. */
static void questions_are_in_it(void **state)
{
	struct verify_sent sent = { .exact = true };
	struct verify_counts counted;
	struct verify_result result;

	(void)state;
	make_mix(&sent.counts);
	add(&sent.asked, 5, 66, VERIFY_IPV4, VERIFY_TCP, "dns");
	counted = sent.counts;
	verify_counts_add(&counted, &sent.asked);
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	assert_int_equal(row_of(&result, "tcp")->sent.packets, 75);
	assert_int_equal(row_of(&result, "dns")->sent.packets, 1005);
	counted.class[VERIFY_TCP].bytes += 5 * 12;
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	counted.class[VERIFY_UDP].bytes++; /* where no question is */
	verify_compare(&sent, &counted, &result);
	assert_string_equal(verify_first_difference(&result)->name, "udp");
	counted.class[VERIFY_UDP].bytes--;
	counted.class[VERIFY_TCP].bytes++;
	verify_compare(&sent, &counted, &result);
	assert_string_equal(verify_first_difference(&result)->name, "tcp");
	counted = sent.counts; /* they were not counted */
	verify_compare(&sent, &counted, &result);
	assert_true(result.missing && !result.excess);
}

static void a_difference_is_told_in_words(void **state)
{
	struct verify_row row = {
		.name = "udp",
		.has_bytes = true,
		.sent = { .packets = 1000, .bytes = 60000 },
		.counted = { .packets = 999, .bytes = 59940 },
	};
	char text[200];

	(void)state;
	verify_describe(&row, text, sizeof(text));
	assert_string_equal(text, "udp: 1000 frames were sent, 999 counted (-1; -60 B)");
	row.has_bytes = false;
	row.counted.packets = 1002;
	verify_describe(&row, text, sizeof(text));
	assert_string_equal(text, "udp: 1000 frames were sent, 1002 counted (+2)");
}

/* ---- HTTP ---- */

/* 10,000 data frames of 1,066 bytes over ten connections. */
static void predict(struct verify_sent *sent)
{
	static struct stats stats;
	memset(&stats, 0, sizeof(stats));
	stats.n_connects = 10;
	stats.wire.tx_frames = 10000;
	stats.wire.tx_bytes = 10660000;
	verify_predict(&stats, "http", false, sent);
	assert_int_equal(sent->header, HEADER);
	assert_int_equal(sent->packets, 11);
	assert_false(sent->exact);
}

static void count_as_sent(const struct verify_sent *sent, int64_t frames, int64_t bytes,
			  struct verify_counts *counted)
{
	static const enum verify_class classes[] = { VERIFY_ALL, VERIFY_IPV4, VERIFY_TCP };
	struct verify_count *count;

	memset(counted, 0, sizeof(*counted));
	for (size_t i = 0; i <= array_size(classes); i++) {
		count = i < array_size(classes) ? &counted->class[classes[i]]
						: verify_service_count(counted, "http");
		count->packets = sent->counts.class[VERIFY_ALL].packets + (uint64_t)frames;
		count->bytes = sent->counts.class[VERIFY_ALL].bytes + (uint64_t)bytes;
	}
	verify_service_count(counted, "https");
}

static void only_headers_may_differ(void **state)
{
	static const struct {
		int64_t frames, bytes;
		uint64_t n_rst;
		bool merged, good;
	} cases[] = {
		{ 0, 0, 0, false, true },
		{ -1, -HEADER, 0, false, true },
		{ 1, HEADER, 0, false, true },
		{ 11, 11 * HEADER, 0, false, true },
		{ -11, -11 * HEADER, 0, false, true },
		{ 12, 12 * HEADER, 0, false, false },
		{ -12, -12 * HEADER, 0, false, false },
		{ 14, 14 * 54, 3, false, true }, /* a RST has no time stamps, and is seen */
		{ 15, 15 * 54, 3, false, false },
		{ -1, -1066, 0, false, false }, /* a data frame is missing */
		{ 1, 1066, 0, false, false },	/* or came twice, or from another */
		{ 0, -1000, 0, false, false },
		{ 0, 1000, 0, false, false },
		{ -5000, -5000 * HEADER, 0, true, true },
		{ -5000, -5000 * HEADER, 0, false, false },
		{ -5001, -5000 * HEADER - 1066, 0, true, false }, /* one in so many merged ones */
		{ -10000, -10660000, 0, true, false },
		{ -10000, -10660000, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct verify_counts counted;
		struct verify_result result;
		struct verify_sent sent;

		predict(&sent);
		sent.merged = cases[i].merged;
		count_as_sent(&sent, cases[i].frames, cases[i].bytes, &counted);
		counted.class[VERIFY_RST].packets = cases[i].n_rst;
		verify_compare(&sent, &counted, &result);
		if (result.verdict != (cases[i].good ? VERIFY_GOOD : VERIFY_DIFFERS))
			fail_msg("case %zu: %s", i, verify_verdict_name(result.verdict));
	}
}

static void only_the_classes_of_the_run_are_judged(void **state)
{
	struct verify_counts counted;
	struct verify_result result;
	struct verify_sent sent;

	(void)state;
	predict(&sent);
	count_as_sent(&sent, 0, 0, &counted);
	add(&counted, 500, 60, VERIFY_ARP, VERIFY_UDP, "https");
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_GOOD);
	assert_false(row_of(&result, "all")->judged);
	assert_false(row_of(&result, "https")->judged);
	assert_true(row_of(&result, "http")->judged);
	assert_true(row_of(&result, "tcp")->judged);
	add(&counted, 500, 60, VERIFY_IPV4, VERIFY_UDP, NULL);
	verify_compare(&sent, &counted, &result);
	assert_int_equal(result.verdict, VERIFY_DIFFERS);
	assert_true(result.excess && !result.missing);
	assert_string_equal(verify_first_difference(&result)->name, "ipv4");
}

static void what_may_be_lost_may_be_missing(void **state)
{
	static struct stats stats;
	struct verify_sent sent;

	(void)state;
	memset(&stats, 0, sizeof(stats));
	stats.n_connects = 1;
	stats.errors[PHASE_CONNECT].n = 2;
	stats.wire = (struct wire){
		.tx_frames = 100,
		.tx_bytes = 100000,
		.tx_again_frames = 3,
		.tx_again_bytes = 4000,
		.tx_unacked_frames = 10,
		.tx_unacked_bytes = 14480,
		.rx_disorder = 2,
	};
	verify_predict(&stats, NULL, true, &sent);
	assert_int_equal(sent.packets, 4 + 3 + 10);
	assert_int_equal(sent.bytes, 4 * 12 + 2 * 36 + 4000 + 14480);
	assert_int_equal(sent.header, 86);
	assert_int_equal(sent.n_data, 3 + 10);
	assert_int_equal(sent.counts.n_services, 0); /* whose port that is, is not known here */
	assert_true(sent.counts.class[VERIFY_IPV4].unknown &&
		    sent.counts.class[VERIFY_SYN].unknown);
	assert_false(sent.counts.class[VERIFY_IPV6].unknown);
}

/* ---- counts ---- */

static void sizes_have_their_bounds(void **state)
{
	static const uint64_t most[] = { 60, 123, 251, 507, 1019, 1514 };

	(void)state;
	assert_int_equal(verify_size_class(0), VERIFY_SIZE_60);
	for (size_t i = 0; i < array_size(most); i++) {
		assert_int_equal(verify_size_class(most[i]), VERIFY_SIZE_60 + i);
		assert_int_equal(verify_size_class(most[i] + 1), VERIFY_SIZE_60 + i + 1);
	}
	assert_int_equal(verify_size_class(65535), VERIFY_SIZE_MORE);
}

static void readings_are_subtracted(void **state)
{
	struct verify_counts earlier, later;
	const char *name;

	(void)state;
	make_mix(&earlier);
	later = earlier;
	add(&later, 9, 100, VERIFY_IPV4, VERIFY_UDP, "dns");
	add(&later, 4, 100, VERIFY_IPV4, VERIFY_UDP, "new"); /* a service of a reload */
	assert_false(verify_counts_fell(&earlier, &later, &name));
	assert_true(verify_counts_fell(&later, &earlier, &name));
	assert_string_equal(name, "all");
	verify_counts_subtract(&later, &earlier);
	assert_int_equal(later.class[VERIFY_ALL].packets, 13);
	assert_int_equal(later.class[VERIFY_UDP].bytes, 1300);
	assert_int_equal(later.class[VERIFY_TCP].packets, 0);
	assert_int_equal(verify_service_count(&later, "dns")->packets, 9);
	assert_int_equal(verify_service_count(&later, "new")->bytes, 400);
	later = earlier;
	later.class[VERIFY_SIZE_60].packets--;
	assert_true(verify_counts_fell(&earlier, &later, &name));
	assert_string_equal(name, "0-60");
	later = earlier;
	later.n_services = 1;
	assert_true(verify_counts_fell(&earlier, &later, &name));
	assert_string_equal(name, "dns");
}

static void services_have_a_bound(void **state)
{
	struct verify_counts counts = { .n_services = 0 };
	char name[16];

	(void)state;
	for (int i = 0; i < VERIFY_MAX_SERVICES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_non_null(verify_service_count(&counts, name));
	}
	assert_null(verify_service_count(&counts, "more"));
	assert_non_null(verify_service_count(&counts, "s3"));
	verify_counts_add(&counts, &counts);
	assert_int_equal(counts.n_services, VERIFY_MAX_SERVICES);
}

/* ---- URLs ---- */

static void urls_name_an_interface(void **state)
{
	static const struct {
		const char *url, *prefix, *interface;
	} good[] = {
		{ "a:3000", "", "" },
		{ "http://a:3000/", "", "" },
		{ "a/?interface=eth0", "", "eth0" },
		{ "a?interface=eth0.100", "", "eth0.100" },
		{ "a/x/y/?interface=v0%404026532179", "/x/y", "v0@4026532179" },
		{ "a/x?interface=%25%2e", "/x", "%." },
	};
	static const char *const bad[] = {
		"a/?interface=", "a/?Interface=a",   "a/?x=1",		 "a/?interface=a&x=1",
		"a/?",		 "a/?interface=%00", "a/?interface=%0a", "a/?interface=%20",
	};
	struct error err = { "" };
	struct verify_url v;
	struct url url;

	(void)state;
	for (size_t i = 0; i < array_size(good); i++) {
		assert_int_equal(url_parse(good[i].url, false, &url, &err), 0);
		assert_int_equal(verify_url_parse(&url, &v, &err), 0);
		assert_string_equal(v.prefix, good[i].prefix);
		assert_string_equal(v.interface, good[i].interface);
	}
	for (size_t i = 0; i < array_size(bad); i++) {
		assert_int_equal(url_parse(bad[i], false, &url, &err), 0);
		if (verify_url_parse(&url, &v, &err) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
	}
}

static void names_are_encoded(void **state)
{
	char query[64];

	(void)state;
	verify_url_query("a-b_c.%\xc3\xa4&=@1 ", query, sizeof(query));
	assert_string_equal(query, "?interface=a-b_c.%25%c3%a4%26%3d%401%20");
	verify_url_query("%%%%%%%%", query, 16);
	assert_string_equal(query, "?interface=%25");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_equal_is_verified),
		cmocka_unit_test(one_off_is_found_in_each_class),
		cmocka_unit_test(what_nobody_knows_is_not_judged),
		cmocka_unit_test(others_may_add_but_not_hide),
		cmocka_unit_test(questions_are_in_it),
		cmocka_unit_test(a_difference_is_told_in_words),
		cmocka_unit_test(only_headers_may_differ),
		cmocka_unit_test(only_the_classes_of_the_run_are_judged),
		cmocka_unit_test(what_may_be_lost_may_be_missing),
		cmocka_unit_test(sizes_have_their_bounds),
		cmocka_unit_test(readings_are_subtracted),
		cmocka_unit_test(services_have_a_bound),
		cmocka_unit_test(urls_name_an_interface),
		cmocka_unit_test(names_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
