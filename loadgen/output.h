/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where a run is told of: text for people, JSON, JSON lines, CSV, a percentile distribution; each
 * to standard output or to a file.
 */
#ifndef LOADGEN_OUTPUT_H
#define LOADGEN_OUTPUT_H

#include "config.h"
#include "interval.h"
#include "report.h"
#include "stats.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_OUTPUTS 5

struct output;

/*
 * A format. Functions write to output->out; whether that went well is looked at by who calls them.
 * Any may be NULL.
 */
struct output_format {
	uint64_t min_row_ns; /* a row about less is left out; 0: none is, so that they add up */
	void (*begin)(struct output *output);
	void (*row)(struct output *output, const struct interval *interval);
	void (*end)(struct output *output, const struct outcome *outcome,
		    const struct stats *stats);
};

struct output {
	const struct output_format *format;
	const struct config *config;
	const char *name; /* of the file, or "standard output" */
	FILE *out;
	bool made;	      /* the file was not there before */
	bool kept;	      /* nothing is written yet: what the file had before is still in it */
	int error;	      /* negative errno: it cannot be written any more */
	struct stats *before; /* as of its last row, where it has rows */
	bool begun;	      /* of CSV: it has its names of columns */
	bool terminal;	      /* of text: each line takes the place of the one before */
	size_t n_shown;	      /* of text: columns of a line that the next one takes the place of */
};

struct outputs {
	struct output output[MAX_OUTPUTS];
	size_t n;
	struct histogram scratch;
};

extern const struct output_format output_text, output_text_quiet;
extern const struct output_format output_json, output_ndjson, output_csv, output_hdr;
extern const struct output_format output_raw_text, output_raw_text_quiet;
extern const struct output_format output_raw_ndjson;

bool outputs_have_text(const struct config *config);
int outputs_open(const struct config *config, struct outputs *outputs, struct error *err);
void outputs_begin(struct outputs *outputs, const struct stats *stats);
int outputs_row(struct outputs *outputs, const struct pace *pace, uint64_t start_ns,
		const struct stats *now, bool last);
int outputs_end(struct outputs *outputs, const struct outcome *outcome, const struct stats *stats,
		struct error *err);
void outputs_close(struct outputs *outputs);

#endif
