// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/raw-capture.c: any bytes as a capture. They are refused with one line that says why, or each
 * frame lies within them, after the one before, and can be classified and looked at for permission.
 */
#include "fuzz.h"

#include "raw-account.h"
#include "raw-capture.h"
#include "raw-guard.h"

#include <stdbool.h>

static void check_class(const struct raw_captured *frame, struct raw_account *account)
{
	struct raw_class class;
	bool ip;

	raw_classify(frame->bytes, frame->len, &class);
	ip = class.l3 == RAW_IPV4 || class.l3 == RAW_IPV6;
	fuzz_assert(class.len == frame->len && class.l3 < RAW_N_L3 && class.l4 <= RAW_NO_L4);
	fuzz_assert(ip == (class.l4 != RAW_NO_L4));
	fuzz_assert(!class.has_ports || (!class.mark[RAW_MALFORMED] && class.l4 <= RAW_UDP));
	fuzz_assert(!raw_account_add(account, &class, 3));
}

static void check_account(const struct raw_account *account, uint32_t n)
{
	uint64_t l3 = 0, sizes = 0, ports = 0;

	for (size_t i = 0; i < RAW_N_L3; i++)
		l3 += account->l3[i].frames;
	for (size_t i = 0; i < RAW_N_SIZES; i++)
		sizes += account->size[i];
	for (size_t i = 0; i < account->n_ports; i++)
		ports += account->ports[i].count.frames;
	fuzz_assert(account->total.frames == 3ULL * n && l3 == 3ULL * n && sizes == 3ULL * n);
	fuzz_assert(ports <= account->l4[RAW_TCP].frames + account->l4[RAW_UDP].frames);
}

static void check(const struct raw_capture *capture, const uint8_t *data, size_t n)
{
	const struct raw_config raw = { .allow_multicast = true, .pcap = "x.pcap" };
	const struct raw_link link = { .name = "v0" };
	struct raw_account account = { .n_ports = 0 };
	struct error err = { "" };
	uint64_t after_ns = 0;

	fuzz_assert(capture->n);
	for (uint32_t i = 0; i < capture->n; i++) {
		const struct raw_captured *frame = &capture->frame[i];

		fuzz_assert(frame->bytes >= data && frame->bytes + frame->len <= data + n);
		fuzz_assert(frame->after_ns >= after_ns);
		after_ns = frame->after_ns;
		check_class(frame, &account);
	}
	fuzz_assert(capture->period_ns >= after_ns);
	check_account(&account, capture->n);
	raw_account_free(&account);
	if (raw_guard_capture(&raw, &link, capture, &err))
		fuzz_assert(*err.text && !strchr(err.text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct raw_capture capture = { .n = 0 };
	struct error err = { "" };

	if (raw_capture_parse(data, n, &capture, &err))
		fuzz_assert(*err.text && !strchr(err.text, '\n') && !capture.frame);
	else
		check(&capture, data, n);
	raw_capture_free(&capture);
	return 0;
}
