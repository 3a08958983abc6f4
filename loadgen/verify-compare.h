/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sent against counted. Pure: no sockets, no clocks.
 */
#ifndef LOADGEN_VERIFY_COMPARE_H
#define LOADGEN_VERIFY_COMPARE_H

#include "verify-counts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_MAX_ROWS	 (VERIFY_N_CLASSES + VERIFY_MAX_SERVICES)
#define VERIFY_MAX_NOTES 8

/* What a run has sent, as far as it is known; a class that is not is unknown. */
struct verify_sent {
	struct verify_counts counts;
	struct verify_counts
		asked; /* and questions to the sampler, of TCP; 0 where it has no class */
	bool exact;    /* each frame is known: no class may differ, whatever else is on the link */
	uint64_t packets; /* else: how many more or fewer may be counted */
	uint64_t bytes;	  /* and bytes */
	uint64_t header;  /* bytes of the headers of a frame, at most */
	bool merged;	  /* frames may be counted merged: one for several, with one header */
	bool others;	  /* other traffic is expected: what is counted beyond is no difference */
	uint64_t n_data;  /* so many of the packets that may differ are of data */
};

struct verify_row {
	const char *group; /* "services" besides those of verify_class */
	char name[VERIFY_MAX_NAME];
	bool has_bytes;
	struct verify_count sent, counted;
	bool judged;  /* a difference in it counts */
	bool differs; /* by more than is allowed */
};

enum verify_verdict {
	VERIFY_UNKNOWN, /* could not be compared */
	VERIFY_GOOD,
	VERIFY_DIFFERS,
};

struct verify_result {
	enum verify_verdict verdict;
	char reason[512]; /* why it is unknown: an error's text */
	struct verify_row row[VERIFY_MAX_ROWS];
	size_t n_rows;
	bool missing, excess;	 /* of what differs: fewer counted than sent, more */
	bool others;		 /* more was counted, and is allowed for */
	uint64_t packets, bytes; /* that were allowed */
	uint64_t n_data;	 /* as above */

	/* Filled by whoever has asked. */
	char interface[64], mode[16];
	uint64_t interval_ns;
	struct verify_count asked; /* of what was sent: the questions to the sampler themselves */
	char note[VERIFY_MAX_NOTES][300];
	size_t n_notes;
};

void verify_compare(const struct verify_sent *sent, const struct verify_counts *counted,
		    struct verify_result *ret);
int64_t verify_difference(uint64_t sent, uint64_t counted);
const struct verify_row *verify_first_difference(const struct verify_result *result);
void verify_describe(const struct verify_row *row, char *text, size_t size);
const char *verify_verdict_name(enum verify_verdict verdict);
void verify_note(struct verify_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
