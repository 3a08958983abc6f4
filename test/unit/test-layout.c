// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/layout.c: no accident that befalls memory or files goes unseen. */
#include "unit.h"

#include "model/layout.h"
#include "model/sample.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 42

#define HASH_OF_SAMPLER 0xe6c4beb867bfcdd1ULL
#define LAYOUT_HASH	0xb5c63156aee209e7ULL
#define SAMPLE_HASH	0x8bb5ef817b9a96ceULL

/* Something without a pattern, the same in each run. */
static void fill(unsigned char *data, size_t size)
{
	uint32_t x = 2463534242;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (unsigned char)x;
	}
}

static void every_flipped_bit_changes_the_hash(void **state)
{
	unsigned char data[sizeof(struct sample) + 3];
	uint64_t whole;

	(void)state;
	fill(data, sizeof(data));
	whole = hash64(data, sizeof(data), SEED);
	for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_true(hash64(data, sizeof(data), SEED) != whole);
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	assert_true(hash64(data, sizeof(data), SEED) == whole);
}

/* A torn write: new data up to some byte, from there on the old, or zeros. */
static void every_tear_changes_the_hash(void **state)
{
	unsigned char older[sizeof(struct sample)], newer[sizeof(struct sample)];
	unsigned char torn[sizeof(struct sample)];
	uint64_t whole;

	(void)state;
	fill(newer, sizeof(newer));
	memcpy(older, newer, sizeof(older));
	for (size_t i = 0; i < sizeof(older); i++)
		older[i] ^= (unsigned char)(i | 1);
	whole = hash64(newer, sizeof(newer), SEED);
	for (size_t at = 0; at < sizeof(torn); at++) {
		memcpy(torn, newer, at);
		memcpy(torn + at, older + at, sizeof(torn) - at);
		assert_true(hash64(torn, sizeof(torn), SEED) != whole);
		memset(torn + at, 0, sizeof(torn) - at);
		if (memcmp(torn, newer, sizeof(torn)))
			assert_true(hash64(torn, sizeof(torn), SEED) != whole);
	}
}

static void swapped_words_change_the_hash(void **state)
{
	uint64_t words[32], swapped[32], whole;

	(void)state;
	fill((unsigned char *)words, sizeof(words));
	whole = hash64(words, sizeof(words), SEED);
	for (size_t i = 0; i < 32; i++) {
		for (size_t j = 0; j < i; j++) {
			memcpy(swapped, words, sizeof(words));
			swapped[i] = words[j];
			swapped[j] = words[i];
			assert_true(hash64(swapped, sizeof(swapped), SEED) != whole);
		}
	}
}

static void zeros_never_hash_to_zero(void **state)
{
	static const unsigned char zeros[4096];
	uint64_t before = 0;

	(void)state;
	for (size_t size = 0; size <= sizeof(zeros); size++) {
		uint64_t hash = hash64(zeros, size, 0);

		assert_true(hash != 0);
		assert_true(hash != before); /* the length counts */
		before = hash;
	}
}

/* The one state that the last step would take to 0, found by taking the steps back. */
static void no_input_hashes_to_zero(void **state)
{
	uint64_t seed_of_zero = 0x2a1059680a64e26bULL; /* hash64(, 0, seed) starts as seed ^ this */

	(void)state;
	assert_true(hash64("", 0, seed_of_zero) != 0);
}

static void length_and_seed_count(void **state)
{
	unsigned char data[64];

	(void)state;
	fill(data, sizeof(data));
	for (size_t size = 0; size < sizeof(data); size++) {
		uint64_t hash = hash64(data, size, SEED);

		assert_true(hash != hash64(data, size + 1, SEED));
		assert_true(hash != hash64(data, size, SEED + 1));
		assert_true(hash == hash64(data, size, SEED));
	}
}

static void alignment_does_not_count(void **state)
{
	unsigned char data[100], moved[108];

	(void)state;
	fill(data, sizeof(data));
	for (size_t shift = 0; shift < 8; shift++) {
		memcpy(moved + shift, data, sizeof(data));
		assert_true(hash64(moved + shift, sizeof(data), SEED) ==
			    hash64(data, sizeof(data), SEED));
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Counters differ in few low bits: a weak hash would map many of them together. */
static void small_counters_do_not_collide(void **state)
{
	enum { N = 100000 };
	uint64_t *hash = calloc(N, sizeof(*hash));
	struct sampler_counters counters = { 0 };
	unsigned int n_high = 0;

	(void)state;
	assert_non_null(hash);
	for (uint64_t i = 0; i < N; i++) {
		counters.l3[0].packets = i % 100;
		counters.l3[0].bytes = i / 100 % 100;
		counters.tcp_flag[3] = i / 10000;
		hash[i] = hash64(&counters, sizeof(counters), 0);
		n_high += hash[i] >> 63;
	}
	qsort(hash, N, sizeof(*hash), by_value);
	for (size_t i = 1; i < N; i++)
		assert_true(hash[i] != hash[i - 1]);
	assert_in_range(n_high, N / 2 - N / 50, N / 2 + N / 50);
	free(hash);
}

/* Pinned so that files of the same layout go on being readable: a change needs a new ABI version. */
static void the_hash_is_the_same_in_every_build(void **state)
{
	(void)state;
	assert_int_equal(hash64("sampler", 7, 1), HASH_OF_SAMPLER);
	assert_int_equal(layout_hash(), LAYOUT_HASH);
	assert_int_equal(sample_layout_hash(), SAMPLE_HASH); /* histories go by it */
}

static struct sampler_meta sealed_meta(void)
{
	struct sampler_meta meta = {
		.epoch = 1700000000123456789,
		.ifname = "eth0",
		.ifindex = 2,
		.mode = SAMPLER_MODE_NATIVE,
		.service = { "http", "https" },
	};

	meta_seal(&meta);
	return meta;
}

static void a_sealed_meta_is_good(void **state)
{
	struct sampler_meta meta = sealed_meta();
	struct error err = { "untouched" };

	(void)state;
	assert_int_equal(meta_check(&meta, &err), 0);
	assert_string_equal(err.text, "untouched");
	assert_true(meta.magic == SAMPLER_META_MAGIC);
	assert_int_equal(meta.abi_version, SAMPLER_ABI_VERSION);
	meta.ifindex = 3;
	assert_int_equal(meta_check(&meta, &err), -EAGAIN);
	meta_seal(&meta);
	assert_int_equal(meta_check(&meta, &err), 0);
}

static void every_damaged_byte_of_a_meta_is_seen(void **state)
{
	const struct sampler_meta good = sealed_meta();

	(void)state;
	for (size_t i = 0; i < sizeof(good); i++) {
		struct sampler_meta meta = good;
		int r;

		((unsigned char *)&meta)[i] ^= 0x10;
		r = meta_check(&meta, NULL);
		assert_true(r == -EBADMSG || r == -EPROTO || r == -EAGAIN);
	}
}

static void a_meta_of_another_build_is_named(void **state)
{
	struct sampler_meta meta = sealed_meta();
	char expected[80];
	struct error err;

	(void)state;
	meta.abi_version = SAMPLER_ABI_VERSION + 6;
	assert_int_equal(meta_check(&meta, &err), -EPROTO);
	snprintf(expected, sizeof(expected), "speaks ABI %d, this program speaks ABI %d",
		 SAMPLER_ABI_VERSION + 6, SAMPLER_ABI_VERSION);
	assert_non_null(strstr(err.text, expected));
	assert_non_null(strstr(err.text, "attach"));
	meta = sealed_meta();
	meta.layout_hash++;
	assert_int_equal(meta_check(&meta, &err), -EPROTO);
	assert_non_null(strstr(err.text, "different builds"));
}

static void what_is_no_meta_is_told_apart(void **state)
{
	struct sampler_meta meta = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(meta_check(&meta, &err), -ENODATA);
	memset(&meta, 0xff, sizeof(meta));
	assert_int_equal(meta_check(&meta, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "ffffffffffffffff"));
}

/* Half of a new value over an old one, as a reader may find it. */
static void a_half_written_meta_is_seen(void **state)
{
	struct sampler_meta older = sealed_meta(), newer = older;

	(void)state;
	newer.epoch++;
	newer.attach_boottime_ns = 12345;
	strcpy(newer.mode_reason, "the driver has no native XDP");
	meta_seal(&newer);
	for (size_t at = sizeof(uint64_t); at < sizeof(newer); at += sizeof(uint64_t)) {
		struct sampler_meta torn = newer;
		bool same;

		memcpy((char *)&torn + at, (const char *)&older + at, sizeof(torn) - at);
		same = !memcmp(&torn, &older, sizeof(torn)) || !memcmp(&torn, &newer, sizeof(torn));
		assert_int_equal(meta_check(&torn, NULL), same ? 0 : -EAGAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit_changes_the_hash),
		cmocka_unit_test(every_tear_changes_the_hash),
		cmocka_unit_test(swapped_words_change_the_hash),
		cmocka_unit_test(zeros_never_hash_to_zero),
		cmocka_unit_test(no_input_hashes_to_zero),
		cmocka_unit_test(length_and_seed_count),
		cmocka_unit_test(alignment_does_not_count),
		cmocka_unit_test(small_counters_do_not_collide),
		cmocka_unit_test(the_hash_is_the_same_in_every_build),
		cmocka_unit_test(a_sealed_meta_is_good),
		cmocka_unit_test(every_damaged_byte_of_a_meta_is_seen),
		cmocka_unit_test(a_meta_of_another_build_is_named),
		cmocka_unit_test(what_is_no_meta_is_told_apart),
		cmocka_unit_test(a_half_written_meta_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
