// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The classic format of captures, pcap (draft-ietf-opsawg-pcap): of either byte order, with microseconds
 * or nanoseconds.
 */
#include "raw-reader.h"
#include "util/clock.h"

#include <errno.h>

#define MAGIC_US      0xa1b2c3d4
#define MAGIC_NS      0xa1b23c4d
#define FILE_HEADER   24
#define RECORD_HEADER 16
#define LINK_MASK     0xffff
#define HAS_FCS	      0x04000000 /* of the link type; its length is in the highest 4 bits */

/* What is the same in all records of a file. */
struct pcap {
	uint64_t part_ns; /* of the second field of a time */
	uint32_t fcs;
};

static int read_magic(struct raw_reader *r, uint64_t *ret_part_ns, struct error *err)
{
	uint32_t magic = r->n >= FILE_HEADER ? raw_reader_get32(r, r->bytes) : 0;

	r->swapped = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
	magic = r->swapped ? __builtin_bswap32(magic) : magic;
	if (magic != MAGIC_US && magic != MAGIC_NS)
		return error_set(err, -EINVAL, "is neither a pcap nor a pcapng file");
	*ret_part_ns = magic == MAGIC_NS ? 1 : NSEC_PER_USEC;
	return 0;
}

static int read_file_header(struct raw_reader *r, struct pcap *ret, struct error *err)
{
	int code = read_magic(r, &ret->part_ns, err);
	uint32_t link;

	if (code)
		return code;
	link = raw_reader_get32(r, r->bytes + 20);
	if ((link & LINK_MASK) != RAW_LINK_ETHERNET)
		return error_set(
			err, -EINVAL,
			"has frames of link type %u; only those of Ethernet (1) can be sent",
			link & LINK_MASK);
	ret->fcs = link & HAS_FCS ? 2 * (link >> 28) : 0;
	r->at = FILE_HEADER;
	return 0;
}

static int read_record(struct raw_reader *r, const struct pcap *pcap, struct error *err)
{
	const uint8_t *header = r->bytes + r->at;
	size_t left = r->n - r->at;
	struct raw_record record = { .fcs = pcap->fcs, .timed = true };
	int code;

	if (left < RECORD_HEADER)
		return error_set(err, -EINVAL, "ends within the header of frame %u",
				 raw_reader_number(r));
	record.bytes = header + RECORD_HEADER;
	record.len = raw_reader_get32(r, header + 8);
	record.whole = raw_reader_get32(r, header + 12);
	record.ns = raw_reader_get32(r, header) * NSEC_PER_SEC +
		    raw_reader_get32(r, header + 4) * pcap->part_ns;
	if (record.len > left - RECORD_HEADER)
		return error_set(err, -EINVAL, "ends within frame %u", raw_reader_number(r));
	code = raw_reader_add(r, &record, err);
	r->at += RECORD_HEADER + record.len;
	return code;
}

/**
 * raw_pcap_read() - find the frames of a pcap file
 * @reader: of the file; gets its frames
 * @err: what is wrong with it, to be said behind the file's name
 *
 * Return: 0 or negative errno.
 */
int raw_pcap_read(struct raw_reader *reader, struct error *err)
{
	struct pcap pcap = { .fcs = 0 };
	int code = read_file_header(reader, &pcap, err);

	while (!code && reader->at < reader->n)
		code = read_record(reader, &pcap, err);
	return code;
}
