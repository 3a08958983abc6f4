// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The first frames of a run, a line each: when each is due, what it is, and how a sampler counts it.
 * All of it is read back from the bytes that would be sent.
 */
#include "raw-ethernet.h"
#include "raw-guard.h"
#include "raw-pace.h"
#include "raw-plan.h"
#include "raw-report.h"

#include "util/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define N_SHOWN	  20
#define HEX_A_ROW 16

static void put_macs(const uint8_t *frame, FILE *out)
{
	for (size_t i = 6; i < 12; i++)
		fprintf(out, "%s%02x", i > 6 ? ":" : " ", frame[i]);
	fputs(" >", out);
	for (size_t i = 0; i < 6; i++)
		fprintf(out, "%s%02x", i ? ":" : " ", frame[i]);
}

/* Steps over the tags. Return: the type behind them. */
static uint32_t put_tags(const uint8_t **at, const uint8_t *end, FILE *out)
{
	uint32_t type = be16(*at);

	*at += 2;
	while ((type == TYPE_VLAN || type == TYPE_QINQ) && end - *at >= 4) {
		fprintf(out, " vlan %u", be16(*at) & 0xfff);
		type = be16(*at + 2);
		*at += 4;
	}
	return type;
}

static void put_address(int family, const void *address, uint32_t port, bool has_port, FILE *out)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(out, " %s", inet_ntop(family, address, text, sizeof(text)));
	if (has_port)
		fprintf(out, ".%u", port);
}

static void put_parties(const uint8_t *frame, const struct raw_class *class, FILE *out)
{
	struct raw_parties p;
	int family;

	raw_guard_parties(frame, class->len, &p);
	if (!p.has4 && !p.has6)
		return;
	family = p.has4 ? AF_INET : AF_INET6;
	put_address(family, p.has4 ? (void *)&p.source4 : &p.source6, class->source,
		    class->has_ports, out);
	fputs(" >", out);
	put_address(family, p.has4 ? (void *)&p.destination4 : &p.destination6, class->dest,
		    class->has_ports, out);
}

static void put_class(const struct raw_class *class, FILE *out)
{
	if (class->l4 != RAW_NO_L4)
		fprintf(out, " %s", raw_l4_name(class->l4));
	for (size_t i = 0; i < RAW_N_FLAGS; i++) {
		if (class->flag[i])
			fprintf(out, " %s", raw_flag_name(i));
	}
	for (size_t i = RAW_FRAGMENT; i < RAW_N_MARKS; i++) {
		if (class->mark[i])
			fprintf(out, " %s", raw_mark_name(i));
	}
}

static void put_frame(const uint8_t *frame, uint32_t len, FILE *out)
{
	const uint8_t *at = frame + TYPE_AT, *end = frame + len;
	struct raw_class class;
	uint32_t type;

	raw_classify(frame, len, &class);
	put_macs(frame, out);
	type = put_tags(&at, end, out);
	if (class.l3 == RAW_L3_OTHER)
		fprintf(out, " ethertype 0x%04x", type);
	else
		fprintf(out, " %s", raw_l3_name(class.l3));
	if (class.l3 != RAW_L3_OTHER)
		put_parties(frame, &class, out);
	put_class(&class, out);
	fputc('\n', out);
}

static void put_hex(const uint8_t *frame, uint32_t len, FILE *out)
{
	for (uint32_t i = 0; i < len; i++) {
		if (i % HEX_A_ROW == 0)
			fprintf(out, "%s        0x%04x:", i ? "\n" : "", i);
		fprintf(out, "%s%02x", i % 2 ? "" : " ", frame[i]);
	}
	fputc('\n', out);
}

static void put_title(const struct raw_plan *plan, uint64_t n_frames, uint64_t n_shown, FILE *out)
{
	fprintf(out, "by %s, the first %" PRIu64 " of ", plan->link.name, n_shown);
	if (n_frames != UINT64_MAX)
		fprintf(out, "%" PRIu64 " frame%s", n_frames, n_frames == 1 ? "" : "s");
	else
		fputs("as many as go", out);
	fputs("; seconds, bytes without FCS, what they are:\n", out);
}

/**
 * raw_plan_show() - write the first frames
 * @plan: made
 * @hex: with all bytes of each
 * @out: where to
 *
 * Return: 0 or -ENOMEM.
 */
int raw_plan_show(const struct raw_plan *plan, bool hex, FILE *out)
{
	const struct raw_sequence *s = &plan->sequence;
	uint64_t duration_ns = s->config->duration_ns, n = plan->n_frames, n_shown;
	uint8_t *buffer = malloc(s->max_len + RAW_HEAD);
	struct raw_pace pace;

	if (!buffer)
		return -ENOMEM;
	raw_pattern(buffer, 0, s->max_len + RAW_HEAD);
	raw_pace_init(&pace, s, 0);
	if (duration_ns && pace.kind != RAW_UNPACED)
		n = raw_pace_n_before(&pace, duration_ns, n);
	n_shown = n < N_SHOWN ? n : N_SHOWN;
	put_title(plan, n, n_shown, out);
	for (uint64_t k = 0; k < n_shown; k++) {
		uint64_t due_ns = raw_pace_due_ns(&pace, k), time_ns = clock_realtime_ns() + due_ns;
		const uint8_t *frame;
		uint32_t len = raw_sequence_frame(s, (uint32_t)(k % s->period), k, time_ns, buffer,
						  &frame);

		fprintf(out, "%13.9f %5u", (double)due_ns / 1e9, len);
		put_frame(frame, len, out);
		if (hex)
			put_hex(frame, len, out);
	}
	free(buffer);
	return 0;
}
