// SPDX-License-Identifier: MIT OR Apache-2.0
/* A verification for people: a table of at most 79 columns, and what follows from it in a sentence. */
#include "verify-output.h"

#include "util/units.h"

#include <inttypes.h>
#include <string.h>

#define FRAMES_WIDTH 11
#define BYTES_WIDTH  13

struct cell {
	char text[24];
};

static const char *put(struct cell *cell, bool there, uint64_t value)
{
	if (there)
		snprintf(cell->text, sizeof(cell->text), "%" PRIu64, value);
	else
		strcpy(cell->text, "-");
	return cell->text;
}

static const char *put_difference(struct cell *cell, bool there, uint64_t sent, uint64_t counted)
{
	int64_t difference = verify_difference(sent, counted);

	if (!there)
		strcpy(cell->text, "");
	else if (!difference)
		strcpy(cell->text, "0");
	else
		snprintf(cell->text, sizeof(cell->text), "%+" PRId64, difference);
	return cell->text;
}

static void put_counts(const struct verify_row *row, bool bytes, int width, FILE *out)
{
	bool sent = !row->sent.unknown, counted = !row->counted.unknown;
	uint64_t a = bytes ? row->sent.bytes : row->sent.packets;
	uint64_t b = bytes ? row->counted.bytes : row->counted.packets;
	struct cell cell[3];

	fprintf(out, "%*s%*s%9s", width, put(&cell[0], sent, a), width, put(&cell[1], counted, b),
		put_difference(&cell[2], sent && counted, a, b));
}

static void put_row(const struct verify_row *row, FILE *out)
{
	fprintf(out, "  %-12s", row->name);
	put_counts(row, false, FRAMES_WIDTH, out);
	if (row->has_bytes)
		put_counts(row, true, BYTES_WIDTH, out);
	fputs(row->differs ? " !\n" : "\n", out);
}

static void put_verdict(const struct verify_result *result, FILE *out)
{
	if (result->verdict == VERIFY_DIFFERS)
		fprintf(out, "What was counted differs from what was sent, in the rows with !.\n");
	else if (result->others)
		fprintf(out,
			"Verified: all that was sent was counted, and what others have sent.\n");
	else if (result->packets)
		fprintf(out, "Verified: what was counted is what was sent.\n");
	else
		fprintf(out, "Verified: each frame that was sent was counted, and nothing else.\n");
	if (result->packets)
		fprintf(out,
			"  %" PRIu64
			" frames, of headers alone, may differ: how connections end is not known\n",
			result->packets - result->n_data);
	if (result->n_data)
		fprintf(out,
			"  %" PRIu64
			" frames of data may, too: sent again, or never acknowledged\n",
			result->n_data);
	if (result->asked.packets)
		fprintf(out,
			"  in it are %" PRIu64 " frames, %" PRIu64 " B, of the questions to the "
			"sampler\n",
			result->asked.packets, result->asked.bytes);
}

/**
 * verify_text() - write a verification
 * @result: it
 * @url: of the sampler
 * @out: where to
 */
void verify_text(const struct verify_result *result, const char *url, FILE *out)
{
	char interval[FORMAT_MAX];

	format_duration(interval, sizeof(interval), result->interval_ns);
	fprintf(out, "Verification by %s: %s, %s mode, a sample every %s\n", url, result->interface,
		result->mode, interval);
	if (result->verdict == VERIFY_UNKNOWN) {
		fprintf(out, "Not verified: %s.\n", result->reason);
		return;
	}
	fprintf(out, "  %-12s%11s%11s%22s%13s\n", "", "frames sent", "counted", "bytes sent",
		"counted");
	for (size_t i = 0; i < result->n_rows; i++)
		put_row(&result->row[i], out);
	put_verdict(result, out);
	for (size_t i = 0; i < result->n_notes; i++)
		fprintf(out, "%s\n", result->note[i]);
}
