/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of a capture file, to be sent as they are. */
#ifndef LOADGEN_RAW_CAPTURE_H
#define LOADGEN_RAW_CAPTURE_H

#include "util/error.h"

#include <stddef.h>
#include <stdint.h>

/* A file in memory. */
struct raw_file {
	const char *path; /* the caller's */
	uint8_t *bytes;
	size_t n;
};

struct raw_captured {
	const uint8_t *bytes; /* in the capture's memory */
	uint32_t len;
	uint64_t after_ns; /* the first frame; never less than that of the frame before */
};

struct raw_capture {
	struct raw_captured *frame;
	uint32_t n;
	uint32_t
		untimed; /* number of the first frame without a time, due with the one before; 0: none */
	uint64_t period_ns; /* after which the first frame is due again */
	uint8_t *memory;    /* the file */
};

int raw_file_read(const char *path, struct raw_file *ret, struct error *err);
void raw_file_free(struct raw_file *file);

int raw_capture_take(struct raw_file *file, struct raw_capture *ret, struct error *err);
int raw_capture_parse(const uint8_t *bytes, size_t n, struct raw_capture *ret, struct error *err);
void raw_capture_free(struct raw_capture *capture);

#endif
