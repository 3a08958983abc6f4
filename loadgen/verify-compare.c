// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Sent against counted, class by class.
 *
 * Frames that are known one by one (raw) have to be counted exactly, in each class, and nothing else
 * may be. What TCP has sent is known from TCP_INFO: data to the byte, but not how each connection ends
 * (see verify_predict()), nor the RSTs by which the kernel answers what comes after that, of which
 * only the sampler knows. That much may differ, in the classes that the run is in; of the others nothing
 * is known, since the kernel sends ARP and neighbour discovery by itself.
 *
 * Where a sampler sees frames merged (skb mode), each one less comes with one header less, and no byte
 * of data is gone: any number may be missing, but no more bytes than their headers.
 */
#include "verify-compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DSACK \
	12 /* bytes of a block that says what came twice (RFC 2883), of which TCP_INFO is silent */

/** verify_difference() - Return: how many more were counted than sent; negative: fewer */
int64_t verify_difference(uint64_t sent, uint64_t counted)
{
	return (int64_t)(counted - sent);
}

static uint64_t surplus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * Frames that are more or fewer than they should be have no data, only a header each: so many bytes may
 * go with them, and no more.
 */
static void judge(const struct verify_sent *sent, struct verify_row *row, uint64_t n_asked,
		  uint64_t n_rst, struct verify_result *result)
{
	uint64_t fewer = surplus(row->sent.packets, row->counted.packets);
	uint64_t more = surplus(row->counted.packets, row->sent.packets);
	uint64_t fewer_bytes = surplus(row->sent.bytes, row->counted.bytes);
	uint64_t more_bytes = surplus(row->counted.bytes, row->sent.bytes);
	bool missing = (fewer > sent->packets && !sent->merged) ||
		       fewer_bytes > fewer * sent->header + sent->bytes;
	bool excess = more > sent->packets + n_rst ||
		      more_bytes > more * sent->header + sent->bytes + DSACK * n_asked;

	result->others |= excess && sent->others;
	excess &= !sent->others;
	row->differs = missing || excess;
	result->missing |= missing;
	result->excess |= excess;
}

/* All frames together are judged only where nothing but the run's own may be among them. */
static bool is_judged(const struct verify_sent *sent, const struct verify_row *row, bool all)
{
	if (row->sent.unknown || row->counted.unknown)
		return false;
	return sent->exact || (!all && row->sent.packets);
}

/* A row without what was asked, and that. */
static void add_row(const struct verify_sent *sent, struct verify_row row,
		    const struct verify_count *asked, uint64_t n_rst, struct verify_result *result)
{
	bool all = !*row.group && !strcmp(row.name, verify_class[VERIFY_ALL].name);

	verify_count_add(&row.sent, asked);
	row.judged = is_judged(sent, &row, all);
	if (row.judged)
		judge(sent, &row, asked->packets, n_rst, result);
	if ((!row.sent.unknown && row.sent.packets) ||
	    (!row.counted.unknown && row.counted.packets) || row.differs)
		result->row[result->n_rows++] = row;
}

/* What is in neither is not known: a client knows the ports of some services only. */
static void add_services(const struct verify_sent *sent, const struct verify_counts *counted,
			 uint64_t n_rst, struct verify_result *result)
{
	static const struct verify_count none, unknown = { .unknown = true };

	for (size_t i = 0; i < counted->n_services; i++) {
		const struct verify_service *service = &counted->service[i];
		const struct verify_count *asked = verify_find_service(&sent->asked, service->name);
		const struct verify_count *own = verify_find_service(&sent->counts, service->name);
		struct verify_row row = {
			.group = "services",
			.has_bytes = true,
			.sent = *(own
					  ?: asked ? &none
						   : &unknown),
			.counted = service->count,
		};

		snprintf(row.name, sizeof(row.name), "%s", service->name);
		add_row(sent, row, asked ?: &none, n_rst, result);
	}
}

/**
 * verify_compare() - hold what was counted against what was sent
 * @sent: by the run, and by the questions where they were counted, too
 * @counted: meanwhile
 * @ret: rows that have anything in them, and the verdict; all else is 0
 */
void verify_compare(const struct verify_sent *sent, const struct verify_counts *counted,
		    struct verify_result *ret)
{
	uint64_t n_rst = sent->exact ? 0 : counted->class[VERIFY_RST].packets;

	*ret = (struct verify_result){
		.packets = sent->packets,
		.bytes = sent->bytes,
		.n_data = sent->n_data,
	};
	for (size_t i = 0; i < VERIFY_N_CLASSES; i++) {
		const struct verify_class_row *class = &verify_class[i];
		struct verify_row row = {
			.group = class->group,
			.has_bytes = class->has_bytes,
			.sent = sent->counts.class[i],
			.counted = counted->class[i],
		};

		snprintf(row.name, sizeof(row.name), "%s", class->name);
		add_row(sent, row, &sent->asked.class[i], n_rst, ret);
	}
	add_services(sent, counted, n_rst, ret);
	ret->verdict = ret->missing || ret->excess ? VERIFY_DIFFERS : VERIFY_GOOD;
}

/** verify_first_difference() - Return: the first row that differs, NULL where none does */
const struct verify_row *verify_first_difference(const struct verify_result *result)
{
	for (size_t i = 0; i < result->n_rows; i++) {
		if (result->row[i].differs)
			return &result->row[i];
	}
	return NULL;
}

/**
 * verify_describe() - a row in words
 * @row: that differs
 * @text: "udp: 1000 frames were sent, 999 counted (-1; -60 B)"
 * @size: bytes at @text
 */
void verify_describe(const struct verify_row *row, char *text, size_t size)
{
	char bytes[40] = "";

	if (row->has_bytes)
		snprintf(bytes, sizeof(bytes), "; %+" PRId64 " B",
			 verify_difference(row->sent.bytes, row->counted.bytes));
	snprintf(text, size,
		 "%s: %" PRIu64 " frames were sent, %" PRIu64 " counted (%+" PRId64 "%s)",
		 row->name, row->sent.packets, row->counted.packets,
		 verify_difference(row->sent.packets, row->counted.packets), bytes);
}

/** verify_verdict_name() - Return: the verdict in a word */
const char *verify_verdict_name(enum verify_verdict verdict)
{
	static const char *const names[] = {
		[VERIFY_UNKNOWN] = "unknown",
		[VERIFY_GOOD] = "verified",
		[VERIFY_DIFFERS] = "differs",
	};

	return names[verdict];
}

/** verify_note() - add a sentence; what is more than there is room for is left out */
void verify_note(struct verify_result *result, const char *format, ...)
{
	va_list args;

	if (result->n_notes == VERIFY_MAX_NOTES)
		return;
	va_start(args, format);
	vsnprintf(result->note[result->n_notes], sizeof(result->note[0]), format, args);
	va_end(args);
	result->n_notes++;
}
