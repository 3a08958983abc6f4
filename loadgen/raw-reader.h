/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A capture file while it is read, whatever its format. */
#ifndef LOADGEN_RAW_READER_H
#define LOADGEN_RAW_READER_H

#include "raw-capture.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_LINK_ETHERNET 1
#define RAW_PCAPNG_MAGIC  0x0a0d0d0a /* in either byte order */

struct raw_reader {
	const uint8_t *bytes;
	size_t n, at;
	bool swapped; /* the file's byte order is not this machine's */
	bool timed;   /* there was a frame that has a time */
	__int128 first_ns, last_ns;
	uint32_t room; /* for frames */
	struct raw_capture capture;
};

/* A frame as a file has it. */
struct raw_record {
	const uint8_t *bytes;
	uint32_t len, whole; /* as captured; before it was cut */
	uint32_t fcs;	     /* bytes at the end that are no part of it */
	bool timed;
	__int128 ns; /* since 1970 */
};

uint16_t raw_reader_get16(const struct raw_reader *reader, const uint8_t *from);
uint32_t raw_reader_get32(const struct raw_reader *reader, const uint8_t *from);
uint64_t raw_reader_get64(const struct raw_reader *reader, const uint8_t *from);
uint32_t raw_reader_number(const struct raw_reader *reader);
int raw_reader_add(struct raw_reader *reader, const struct raw_record *record, struct error *err);

int raw_pcap_read(struct raw_reader *reader, struct error *err);
int raw_pcapng_read(struct raw_reader *reader, struct error *err);

#endif
