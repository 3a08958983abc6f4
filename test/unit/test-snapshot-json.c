// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/snapshot-json.c: the object as programs that read it rely on it. */
#include "unit.h"

#include "model/metrics.h"
#include "model/snapshot-json.h"
#include "util/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct sampler_meta example_meta(void)
{
	return (struct sampler_meta){
		.flags = SAMPLER_META_CHAINED,
		.epoch = 1700000000123456789,
		.ifname = "eth0.100",
		.ifindex = 7,
		.mode = SAMPLER_MODE_NATIVE,
		.run_priority = 10,
		.prog_id = 4711,
		.link_prog_id = 4712,
		.prog_tag = { 0x00, 0x0f, 0xa0, 0xff, 1, 2, 3, 4 },
		.service = { "http", "https", "dns" },
		.chain = { .boottime_ns = 987654321 - 1000000000 / 2,
			   .n = 2,
			   .program = { { 4711,
					  10,
					  4,
					  { 0x00, 0x0f, 0xa0, 0xff, 1, 2, 3, 4 },
					  "sampler_rx" },
					{ 4705, 50, 0x1f, { 0xab }, "fifteen-bytes-x" } } },
	};
}

#define N_WORDS (sizeof(struct sampler_counters) / sizeof(uint64_t))

/* What is transmitted is 1000 more than what is received, and not counted. */
static struct sample example_sample(void)
{
	struct sample sample = { .boottime_ns = 987654321, .realtime_ns = 1700000001042999999 };

	for (size_t i = 0; i < N_WORDS; i++) {
		((uint64_t *)&sample.direction[SAMPLER_RX])[i] = 1 + i;
		((uint64_t *)&sample.direction[SAMPLER_TX])[i] = 1001 + i;
	}
	return sample;
}

static void expect_json(const struct sampler_meta *meta, const struct sample *sample,
			const char *expected)
{
	json_t *json = snapshot_json(meta, sample);
	char *text;

	assert_non_null(json);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

/* Every byte of it: nothing is renamed or goes by accident. */
static void the_whole_object_is_as_promised(void **state)
{
	struct sampler_meta meta = example_meta();
	struct sample sample = example_sample();

	(void)state;
	expect_json(
		&meta, &sample,
		"{\"schema\":1,\"interface\":\"eth0.100\",\"ifindex\":7,"
		"\"timestamp\":\"2023-11-14T22:13:21.042Z\",\"realtime_ns\":1700000001042999999,"
		"\"boottime_ns\":987654321,\"epoch\":1700000000123456789,\"mode\":\"native\","
		"\"mode_reason\":null,\"chained\":true,\"alone_reason\":null,\"run_priority\":10,"
		"\"program\":{\"id\":4711,\"tag\":\"000fa0ff01020304\"},"
		"\"chain\":[{\"name\":\"sampler_rx\",\"id\":4711,\"tag\":\"000fa0ff01020304\","
		"\"priority\":10,\"actions\":[\"pass\"],\"ours\":true},"
		"{\"name\":\"fifteen-bytes-x\",\"id\":4705,\"tag\":\"ab00000000000000\","
		"\"priority\":50,\"actions\":[\"aborted\",\"drop\",\"pass\",\"tx\",\"redirect\"],"
		"\"ours\":false}],\"chain_checked_at\":\"2023-11-14T22:13:20.542Z\","
		"\"tx_counted\":false,\"tx_reason\":null,\"tx_program_id\":null,"
		"\"vlan_stripped\":false,"
		"\"services\":[\"http\",\"https\",\"dns\"],"
		"\"rx\":{\"packets\":16,\"bytes\":20,"
		"\"l3\":{\"ipv4\":{\"packets\":1,\"bytes\":2},\"ipv6\":{\"packets\":3,\"bytes\":4},"
		"\"arp\":{\"packets\":5,\"bytes\":6},\"l3_other\":{\"packets\":7,\"bytes\":8}},"
		"\"l4\":{\"tcp\":{\"packets\":9,\"bytes\":10},\"udp\":{\"packets\":11,\"bytes\":12}"
		","
		"\"icmp\":{\"packets\":13,\"bytes\":14},\"sctp\":{\"packets\":15,\"bytes\":16},"
		"\"l4_other\":{\"packets\":17,\"bytes\":18}},"
		"\"vlan\":{\"packets\":19,\"bytes\":20},\"fragments\":{\"packets\":21,\"bytes\":22}"
		","
		"\"malformed\":{\"packets\":23,\"bytes\":24},"
		"\"sizes\":{\"0-60\":57,\"61-123\":58,\"124-251\":59,\"252-507\":60,"
		"\"508-1019\":61,\"1020-1514\":62,\"1515-\":63},"
		"\"tcp_flags\":{\"syn\":64,\"syn_ack\":65,\"fin\":66,\"rst\":67},"
		"\"services\":{\"http\":{\"packets\":25,\"bytes\":26},"
		"\"https\":{\"packets\":27,\"bytes\":28},\"dns\":{\"packets\":29,\"bytes\":30}}},"
		"\"tx\":null}");
}

static json_int_t integer_at(json_t *json, const char *a, const char *b, const char *c)
{
	json_t *value = json_object_get(json_object_get(json_object_get(json, a), b), c);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

/* With the members of what is received, each of its own counter; no tag is stripped from it. */
static void transmitted_frames_are_told_where_they_are_counted(void **state)
{
	struct sampler_meta meta = example_meta();
	struct sample sample = example_sample();
	json_t *json, *rx, *tx, *value;
	const char *name;

	(void)state;
	meta.flags |= SAMPLER_META_TX | SAMPLER_META_VLAN_STRIPPED;
	meta.tx_prog_id = 4713;
	sample.flags |= SAMPLE_TX;
	json = snapshot_json(&meta, &sample);
	assert_true(json_is_true(json_object_get(json, "tx_counted")));
	assert_int_equal(json_integer_value(json_object_get(json, "tx_program_id")), 4713);
	rx = json_object_get(json, "rx");
	tx = json_object_get(json, "tx");
	assert_int_equal(json_object_size(tx), json_object_size(rx));
	json_object_foreach(rx, name, value) assert_non_null(json_object_get(tx, name));
	assert_int_equal(json_integer_value(json_object_get(tx, "packets")), 4016);
	assert_int_equal(integer_at(tx, "l4", "tcp", "packets"), 1009);
	assert_int_equal(integer_at(tx, "services", "dns", "bytes"), 1030);
	assert_true(json_is_null(json_object_get(rx, "vlan")));
	assert_int_equal(integer_at(json, "tx", "vlan", "packets"), 1019);
	json_decref(json);
}

static void what_keeps_transmitted_frames_from_being_counted_is_told(void **state)
{
	struct sampler_meta meta = example_meta();
	struct sample sample = example_sample();
	json_t *json;

	(void)state;
	memset(meta.tx_reason, 't', sizeof(meta.tx_reason)); /* without an end */
	json = snapshot_json(&meta, &sample);
	assert_true(json_is_false(json_object_get(json, "tx_counted")));
	assert_int_equal(json_string_length(json_object_get(json, "tx_reason")),
			 sizeof(meta.tx_reason));
	assert_true(json_is_null(json_object_get(json, "tx")));
	json_decref(json);
}

static void a_stripped_tag_is_null_and_not_zero(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++) { /* meta or the sample may know */
		struct sampler_meta meta = example_meta();
		struct sample sample = example_sample();
		json_t *json, *rx;

		if (from)
			sample.flags |= SAMPLE_VLAN_STRIPPED;
		else
			meta.flags |= SAMPLER_META_VLAN_STRIPPED;
		json = snapshot_json(&meta, &sample);
		rx = json_object_get(json, "rx");
		assert_true(json_is_true(json_object_get(json, "vlan_stripped")));
		assert_true(json_is_null(json_object_get(rx, "vlan")));
		assert_true(json_is_object(json_object_get(rx, "fragments")));
		json_decref(json);
	}
}

static void skb_mode_says_why(void **state)
{
	struct sampler_meta meta = example_meta();
	struct sample sample = example_sample();
	json_t *json;

	(void)state;
	meta.mode = SAMPLER_MODE_SKB;
	meta.flags = 0;
	memset(meta.mode_reason, 'r', sizeof(meta.mode_reason)); /* without an end */
	memset(meta.alone_reason, 'a', sizeof(meta.alone_reason));
	json = snapshot_json(&meta, &sample);
	assert_string_equal(json_string_value(json_object_get(json, "mode")), "skb");
	assert_int_equal(json_string_length(json_object_get(json, "mode_reason")),
			 sizeof(meta.mode_reason));
	assert_true(json_is_false(json_object_get(json, "chained")));
	assert_int_equal(json_string_length(json_object_get(json, "alone_reason")),
			 sizeof(meta.alone_reason));
	json_decref(json);
}

static void names_of_any_bytes_make_valid_json(void **state)
{
	static const struct {
		const char *ifname, *shown;
	} cases[] = {
		{ "a\"b\\c", "a\"b\\c" },
		{ "\x01\x7f", "\x01\x7f" },
		{ "b\xc3\xbcro", "b\xc3\xbcro" }, /* valid UTF-8 stays */
		{ "b\xfcro", "b?ro" },
		{ "\xc3\xbc\xff", "???" },
		{ "\xc3", "?" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct sampler_meta meta = example_meta();
		struct sample sample = example_sample();
		json_t *json, *back;
		char *text;

		strcpy(meta.ifname, cases[i].ifname);
		json = snapshot_json(&meta, &sample);
		assert_non_null(json);
		text = json_dumps(json, 0);
		back = json_loads(text, 0, NULL);
		assert_non_null(back);
		assert_string_equal(json_string_value(json_object_get(back, "interface")),
				    cases[i].shown);
		free(text);
		json_decref(back);
		json_decref(json);
	}
}

static void timestamps_are_utc_milliseconds(void **state)
{
	static const struct {
		uint64_t realtime_ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1709210096789999999, "2024-02-29T12:34:56.789Z" },
		{ 1735689599999999999, "2024-12-31T23:59:59.999Z" },
		{ 4102444800001000000, "2100-01-01T00:00:00.001Z" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct sampler_meta meta = example_meta();
		struct sample sample = example_sample();
		json_t *json;

		sample.realtime_ns = cases[i].realtime_ns;
		json = snapshot_json(&meta, &sample);
		assert_string_equal(json_string_value(json_object_get(json, "timestamp")),
				    cases[i].text);
		json_decref(json);
	}
}

static int n_allocations_left;

static void *failing_malloc(size_t size)
{
	return n_allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Fails at each allocation in turn; the sanitizers see what is not given back. */
static void without_memory_there_is_no_object(void **state)
{
	struct sampler_meta meta = example_meta();
	struct sample sample = example_sample();
	json_t *json = NULL;
	int n = 0;

	(void)state;
	sample.flags |= SAMPLE_TX;
	json_set_alloc_funcs(failing_malloc, free);
	for (; !json; n++) {
		assert_true(n < 10000);
		n_allocations_left = n;
		json = snapshot_json(&meta, &sample);
	}
	json_set_alloc_funcs(malloc, free);
	json_decref(json);
	assert_true(n > 100); /* it really failed that often */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_object_is_as_promised),
		cmocka_unit_test(transmitted_frames_are_told_where_they_are_counted),
		cmocka_unit_test(what_keeps_transmitted_frames_from_being_counted_is_told),
		cmocka_unit_test(a_stripped_tag_is_null_and_not_zero),
		cmocka_unit_test(skb_mode_says_why),
		cmocka_unit_test(names_of_any_bytes_make_valid_json),
		cmocka_unit_test(timestamps_are_utc_milliseconds),
		cmocka_unit_test(without_memory_there_is_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
