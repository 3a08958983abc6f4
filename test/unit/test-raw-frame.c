// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/raw-frame.c, raw-kind.c, raw-classify.c: each kind at each size is what it says, in bytes that
 * are looked at here by hand, and checksums come out right however frames are patched.
 */
#include "unit.h"

#include "raw-frame.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

static const struct raw_ends ends = {
	.source_mac = { 2, 0, 0, 0, 0, 1 },
	.mac4 = { 2, 0, 0, 0, 0, 4 },
	.mac6 = { 2, 0, 0, 0, 0, 6 },
	.other_mac = { 2, 0, 0, 0, 0, 9 },
	.source4 = { 0x010012c6 },
	.destination4 = { 0x020012c6 },
	.source6 = { { { 0x20, 0x01, 0, 2, [15] = 1 } } },
	.destination6 = { { { 0x20, 0x01, 0, 2, [15] = 2 } } },
};

static struct raw_config config_of(uint32_t n_tags)
{
	struct raw_config config = { .tcp_flags = 0x12, .ttl = 1, .vlan = { n_tags, { 7, 9 } } };

	return config;
}

static struct raw_mix_item item_of(const char *name)
{
	struct raw_mix_item item = { .weight = 1 };
	int kind = raw_kind_find(name, &item.ethertype);

	assert_true(kind >= 0);
	item.kind = (uint16_t)kind;
	return item;
}

static struct raw_mix_item nth(size_t kind)
{
	struct raw_mix_item item = { .kind = (uint16_t)kind };
	char name[64];

	raw_kind_name(&item, name, sizeof(name));
	*strchrnul(name, '=') = '\0';
	return item_of(name);
}

/* One frame of a template, as a whole. */
struct made {
	struct raw_template t;
	uint8_t frame[RAW_MAX_FRAME + RAW_HEAD];
};

static void fill(struct made *m, uint32_t part, uint64_t k)
{
	const struct raw_patch patch = { .k = k,
					 .k_first = k - part,
					 .time_ns = 0x1122334455667788 * (k + 1),
					 .source_port = (uint16_t)(1024 + k),
					 .port = 80,
					 .flow = (uint32_t)k };

	raw_template_fill(&m->t, &patch, m->frame);
}

static void make(const struct raw_config *config, const struct raw_mix_item *item, uint32_t size,
		 uint32_t part, uint64_t k, struct made *ret)
{
	raw_template_make(config, &ends, item, size, part, &ret->t);
	raw_pattern(ret->frame, 0, sizeof(ret->frame));
	fill(ret, part, k);
}

/* RFC 1071, word by word as the network has them. */
static uint32_t sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return ((a + b) & 0xffff) + ((a + b) >> 16);
}

static void a_udp_frame_byte_by_byte(void **state)
{
	static const uint8_t head[] = {
		2,    0, 0,   0,  0, 4, 2, 0, 0, 0,  0,	   1,	 8,   0, /* Ethernet */
		0x45, 0, 0,   46, 0, 5, 0, 0, 1, 17, 0x2d, 0x93, 198, 18,
		0,    1, 198, 18, 0, 2, 4, 5, 0, 80, 0,	   26, /* UDP, but for its checksum */
	};
	struct raw_config config = config_of(0);
	struct raw_mix_item item = item_of("udp4");
	struct made *m = malloc(sizeof(*m));

	(void)state;
	make(&config, &item, 60, 0, 5, m);
	assert_int_equal(m->t.len, 60);
	assert_memory_equal(m->frame, head, sizeof(head));
	assert_memory_equal(m->frame + 42, "\0\0\0\0\0\0\0\5", 8); /* its number */
	free(m);
}

static void tags_and_addresses(void **state)
{
	struct raw_config config = config_of(2);
	struct raw_mix_item four = item_of("tcp4"), six = item_of("tcp6"), other;
	struct made *m = malloc(sizeof(*m));

	(void)state;
	other = item_of("ethertype=0x88cc");
	make(&config, &four, 100, 0, 1, m);
	assert_memory_equal(m->frame, ends.mac4, 6);
	assert_memory_equal(m->frame + 12, "\x88\xa8\0\7\x81\0\0\x9\x8\0\x45", 11);
	assert_int_equal(m->frame[14 + 8 + 20 + 13], 0x12); /* SYN, ACK */
	make(&config, &six, 100, 0, 1, m);
	assert_memory_equal(m->frame, ends.mac6, 6);
	assert_memory_equal(m->frame + 12, "\x88\xa8\0\7\x81\0\0\x9\x86\xdd\x60", 11);
	make(&config, &other, 100, 0, 1, m);
	assert_memory_equal(m->frame, ends.other_mac, 6);
	assert_memory_equal(m->frame + 20, "\x88\xcc", 2);
	free(m);
}

/* The sum over a packet's layer 4 and what stands for its addresses is all ones. */
static void check_l4(const struct made *m, const struct raw_mix_item *item, const uint8_t *second,
		     uint32_t l4)
{
	bool six = raw_kind_is_ipv6(item->kind);
	uint32_t n = m->t.len - l4, all = second ? 2 * n : n;
	uint32_t total = sum(m->frame + l4, n);

	if (second)
		total = add(total, sum(second + l4, n));
	if (m->t.class.l4 != RAW_ICMP || six) {
		static const uint8_t protocol[] = { [RAW_TCP] = 6, [RAW_UDP] = 17 };

		total = add(total, m->t.class.l4 == RAW_ICMP ? 58 : protocol[m->t.class.l4]);
		total = add(total, all);
		total = add(total, sum(six ? ends.source6.s6_addr : (const uint8_t *)&ends.source4,
				       six ? 16 : 4));
		total = add(total, sum(six ? ends.destination6.s6_addr
					   : (const uint8_t *)&ends.destination4,
				       six ? 16 : 4));
	}
	assert_int_equal(total, 0xffff);
}

static void checksums_are_right_at_all_sizes(void **state)
{
	static const char *const names[] = { "tcp4", "udp4", "icmp4", "tcp6", "udp6", "icmp6" };
	struct made *m = malloc(sizeof(*m)), *second = malloc(sizeof(*second));

	(void)state;
	for (size_t i = 0; i < array_size(names); i++) {
		for (uint32_t size = 60; size < 400; size += 1 + size % 7) {
			struct raw_config config = config_of(size % 3);
			uint32_t l3 = 14 + 4 * (size % 3);
			char name[32];
			struct raw_mix_item item = item_of(names[i]);
			uint32_t l4 = l3 + (raw_kind_is_ipv6(item.kind) ? 40 : 20);

			make(&config, &item, size, 0, size * 1000003ULL, m);
			check_l4(m, &item, NULL, l4);
			if (!raw_kind_is_ipv6(item.kind))
				assert_int_equal(sum(m->frame + l3, 20), 0xffff);
			snprintf(name, sizeof(name), "%s-fragments", names[i]);
			item = item_of(name);
			l4 += raw_kind_is_ipv6(item.kind) ? 8 : 0;
			make(&config, &item, size, 0, size, m);
			make(&config, &item, size, 1, size + 1, second);
			assert_int_equal(m->t.len, second->t.len);
			check_l4(m, &item, second->frame, l4);
			assert_memory_equal(
				m->frame + (raw_kind_is_ipv6(item.kind) ? l4 - 4 : l3 + 4),
				second->frame + (raw_kind_is_ipv6(item.kind) ? l4 - 4 : l3 + 4),
				2); /* they belong together */
		}
	}
	free(m);
	free(second);
}

static void no_checksum_of_udp_is_zero(void **state)
{
	struct raw_config config = config_of(0);
	struct raw_mix_item item = item_of("udp4");
	struct made *m = malloc(sizeof(*m));
	size_t n_ones = 0;

	(void)state;
	for (uint64_t k = 0; k < 200000; k++) {
		const struct raw_patch patch = { .k = k, .k_first = k, .source_port = (uint16_t)k };

		if (!k)
			make(&config, &item, 60, 0, 0, m);
		raw_template_fill(&m->t, &patch, m->frame);
		assert_true(m->frame[40] || m->frame[41]);
		n_ones += m->frame[40] == 0xff && m->frame[41] == 0xff;
	}
	assert_true(n_ones); /* it has happened */
	free(m);
}

static void nothing_of_an_earlier_frame_is_left(void **state)
{
	struct made *again = malloc(sizeof(*again)), *fresh = malloc(sizeof(*fresh));

	(void)state;
	for (size_t kind = 0; kind < raw_n_kinds(); kind++) {
		struct raw_mix_item item = nth(kind);
		struct raw_config config = config_of(kind % 3);

		for (uint32_t part = 0; part < raw_kind_n_frames(item.kind); part++) {
			make(&config, &item, 200, part, 0xfedcba9876543210, again);
			fill(again, part, 5);
			make(&config, &item, 200, part, 5, fresh);
			assert_memory_equal(again->frame, fresh->frame, sizeof(fresh->frame));
		}
	}
	free(again);
	free(fresh);
}

static void each_kind_is_classified_as_it_is_named(void **state)
{
	struct made *m = malloc(sizeof(*m));
	char name[64];

	(void)state;
	for (size_t kind = 0; kind < raw_n_kinds(); kind++) {
		struct raw_mix_item item = nth(kind);

		raw_kind_name(&item, name, sizeof(name));
		for (uint32_t size = 14; size < 3000; size += 1 + size / 9) {
			struct raw_config config = config_of(size % 3);
			uint32_t least = raw_kind_min_size(item.kind, config.vlan.n);

			for (uint32_t part = 0; part < raw_kind_n_frames(item.kind); part++) {
				make(&config, &item, size, part, size, m);
				if (m->t.class.mark[RAW_MALFORMED] != raw_kind_is_malformed(kind))
					fail_msg("%s, %u bytes", name, size);
				assert_int_equal(m->t.class.mark[RAW_FRAGMENT],
						 raw_kind_n_frames(item.kind) > 1);
				assert_int_equal(m->t.class.l3 == RAW_IPV6,
						 raw_kind_is_ipv6(item.kind));
				assert_true(m->t.len <= (size > least ? size : least));
				assert_true(m->t.len + 8 > least || raw_kind_is_malformed(kind));
			}
		}
	}
	free(m);
}

static void names_of_kinds(void **state)
{
	struct raw_mix_item item = item_of("ethertype=0x88cc");
	uint16_t type = 1;
	char name[64];

	(void)state;
	raw_kind_name(&item, name, sizeof(name));
	assert_string_equal(name, "ethertype=0x88cc");
	item = item_of("ethertype");
	raw_kind_name(&item, name, sizeof(name));
	assert_string_equal(name, "ethertype");
	assert_int_equal(raw_kind_find("udp4", &type), item_of("udp4").kind);
	assert_int_equal(type, 0);
	for (const char *const *bad =
		     (const char *const[]){ "", "udp", "udp44", "udp4=0x88cc", "ethertype=88cc",
					    "ethertype=0x88c", "ethertype=0x05ff",
					    "ethertype=0x0800", "ethertype=0x8100",
					    "ethertype=0xzzzz", NULL };
	     *bad; bad++)
		assert_true(raw_kind_find(*bad, &type) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_udp_frame_byte_by_byte),
		cmocka_unit_test(tags_and_addresses),
		cmocka_unit_test(checksums_are_right_at_all_sizes),
		cmocka_unit_test(no_checksum_of_udp_is_zero),
		cmocka_unit_test(nothing_of_an_earlier_frame_is_left),
		cmocka_unit_test(each_kind_is_classified_as_it_is_named),
		cmocka_unit_test(names_of_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
