// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What all formats of captures have in common: byte order, and which frames can be sent.
 *
 * A frame that could not be sent as it was captured is an error, with its number, and not something to
 * be left out.
 */
#include "raw-reader.h"

#include "raw-config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES (1U << 26)
#define FIRST_ROOM 1024

/** raw_reader_get16() - Return: a number in the file's byte order */
uint16_t raw_reader_get16(const struct raw_reader *reader, const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return reader->swapped ? __builtin_bswap16(value) : value;
}

/** raw_reader_get32() - Return: the same of 32 bits */
uint32_t raw_reader_get32(const struct raw_reader *reader, const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return reader->swapped ? __builtin_bswap32(value) : value;
}

/** raw_reader_get64() - Return: the same of 64 bits */
uint64_t raw_reader_get64(const struct raw_reader *reader, const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return reader->swapped ? __builtin_bswap64(value) : value;
}

/** raw_reader_number() - Return: that of the frame which is next, from 1 */
uint32_t raw_reader_number(const struct raw_reader *reader)
{
	return reader->capture.n + 1;
}

static int check(const struct raw_reader *reader, const struct raw_record *record,
		 struct error *err)
{
	uint32_t number = raw_reader_number(reader);

	if (record->len < record->whole)
		return error_set(err, -EINVAL,
				 "has only %u of the %u bytes of frame %u; capture whole frames "
				 "(tcpdump -s 0)",
				 record->len, record->whole, number);
	if (record->len < RAW_MIN_FRAME + record->fcs || record->len - record->fcs > RAW_MAX_FRAME)
		return error_set(err, -EINVAL,
				 "has a frame of %u bytes (number %u); %u to %u can be sent",
				 record->len, number, RAW_MIN_FRAME, RAW_MAX_FRAME);
	if (number > MAX_FRAMES)
		return error_set(err, -EFBIG, "has more than %u frames", MAX_FRAMES);
	return 0;
}

/* Times may step back, where several queues were captured: then a frame is due with the one before. */
static int set_time(struct raw_reader *reader, const struct raw_record *record, struct error *err)
{
	if (!record->timed) {
		reader->capture.untimed = reader->capture.untimed ?: raw_reader_number(reader);
		return 0;
	}
	if (!reader->timed)
		reader->first_ns = reader->last_ns = record->ns;
	reader->timed = true;
	if (record->ns - reader->first_ns > INT64_MAX)
		return error_set(err, -ERANGE,
				 "has a frame (number %u) of 292 years after the first one",
				 raw_reader_number(reader));
	if (record->ns > reader->last_ns)
		reader->last_ns = record->ns;
	return 0;
}

static int append(struct raw_reader *reader, const struct raw_captured *frame)
{
	uint32_t room = reader->room ? 2 * reader->room : FIRST_ROOM;
	struct raw_captured *more;

	if (reader->capture.n == reader->room) {
		more = reallocarray(reader->capture.frame, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		reader->capture.frame = more;
		reader->room = room;
	}
	reader->capture.frame[reader->capture.n++] = *frame;
	return 0;
}

/**
 * raw_reader_add() - take a frame over
 * @reader: to whose frames it is added
 * @record: all of its bytes lie within the file
 * @err: why it cannot be sent
 *
 * Return: 0 or negative errno.
 */
int raw_reader_add(struct raw_reader *reader, const struct raw_record *record, struct error *err)
{
	struct raw_captured frame = { .bytes = record->bytes, .len = record->len - record->fcs };
	int r = check(reader, record, err);

	r = r ?: set_time(reader, record, err);
	if (r)
		return r;
	frame.after_ns = (uint64_t)(reader->last_ns - reader->first_ns);
	if (append(reader, &frame))
		return error_set(err, -ENOMEM, "out of memory for %u frames",
				 raw_reader_number(reader));
	return 0;
}
