// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The format of captures that Wireshark writes, pcapng (draft-ietf-opsawg-pcapng): sections, of either
 * byte order, of blocks. Frames are in packet blocks; when they were captured, by which interface and
 * with what behind them, is said by the interface's description before them.
 *
 * Of all other blocks and options only the lengths are looked at. A packet block is of the same form
 * whether it is an enhanced or an old one, but for the interface's number; a simple one has no time.
 */
#include "raw-reader.h"
#include "util/clock.h"

#include <errno.h>
#include <stdlib.h>

#define ORDER_MAGIC	   0x1a2b3c4d
#define VERSION		   1
#define BLOCK_ENDS	   12 /* bytes of a block that has nothing in it: type, length, and length again */
#define BLOCK_BODY	   8
#define SECTION_BODY	   16
#define INTERFACE_BODY	   8
#define PACKET_BODY	   20
#define SIMPLE_BODY	   4
#define MAX_INTERFACES	   65536
#define OPTION_HEAD	   4
#define DECIMAL_MAX	   19 /* of if_tsresol: units of 10^-19 s are the finest that 64 bits can count */
#define BINARY_MAX	   63
#define BINARY		   0x80
#define DEFAULT_PER_SECOND 1000000
#define FCS_BITS	   32 /* of Ethernet */
#define FLAGS_FCS	   5  /* bit of a frame's flags from which on 4 are bytes of its FCS */

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = RAW_PCAPNG_MAGIC,
};

enum option_code {
	OPTION_END,
	OPTION_FLAGS = 2,
	OPTION_TSRESOL = 9,
	OPTION_FCSLEN = 13,
	OPTION_TSOFFSET
};

struct block {
	uint32_t type;
	size_t at; /* in the file */
	const uint8_t *body;
	size_t n;
};

struct option {
	uint32_t code, len;
	const uint8_t *value;
};

struct interface {
	uint32_t link, snaplen, fcs;
	uint64_t per_second; /* units of its times */
	int64_t offset_s;
};

/* One section; the next one has interfaces of its own. */
struct section {
	struct raw_reader *reader;
	struct interface *interface;
	uint32_t n, room;
};

static uint32_t get32(const struct section *s, const uint8_t *from)
{
	return raw_reader_get32(s->reader, from);
}

static uint32_t get16(const struct section *s, const uint8_t *from)
{
	return raw_reader_get16(s->reader, from);
}

/* ---- blocks and options ---- */

static int cut(const struct section *s, struct error *err)
{
	return error_set(err, -EINVAL, "ends within the block at byte %zu, behind %u whole frames",
			 s->reader->at, s->reader->capture.n);
}

/* A section's first block says in which byte order all of the section is. */
static int read_order(const struct section *s, const uint8_t *block, struct error *err)
{
	struct raw_reader *r = s->reader;

	r->swapped = false;
	r->swapped = get32(s, block + BLOCK_BODY) == __builtin_bswap32(ORDER_MAGIC);
	if (get32(s, block + BLOCK_BODY) == ORDER_MAGIC)
		return 0;
	return error_set(err, -EINVAL, "has a section at byte %zu without a byte order", r->at);
}

/* The next one, and goes behind it. */
static int next_block(struct section *s, struct block *ret, struct error *err)
{
	struct raw_reader *r = s->reader;
	const uint8_t *start = r->bytes + r->at;
	size_t left = r->n - r->at;
	uint32_t len;
	int code = 0;

	if (left < BLOCK_ENDS)
		return cut(s, err);
	*ret = (struct block){ .type = get32(s, start), .at = r->at, .body = start + BLOCK_BODY };
	if (ret->type == BLOCK_SECTION)
		code = read_order(s, start, err);
	if (code)
		return code;
	len = get32(s, start + 4);
	if (len < BLOCK_ENDS || len % 4)
		return error_set(err, -EINVAL,
				 "has a block of %u bytes at byte %zu; blocks have 12 or more, a "
				 "multiple of 4",
				 len, r->at);
	if (len > left)
		return cut(s, err);
	if (get32(s, start + len - 4) != len)
		return error_set(err, -EINVAL,
				 "has a block at byte %zu that gives its length as %u bytes, and "
				 "at its end as %u",
				 r->at, len, get32(s, start + len - 4));
	ret->n = len - BLOCK_ENDS;
	r->at += len;
	return 0;
}

static int too_short(const struct block *block, struct error *err)
{
	return error_set(err, -EINVAL, "has a block of type %u at byte %zu of only %zu bytes",
			 block->type, block->at, block->n + BLOCK_ENDS);
}

/* Return: 1 with an option, and @at behind it; 0 at the last; -EINVAL where one does not fit. */
static int next_option(const struct section *s, const struct block *block, const uint8_t **at,
		       struct option *ret, struct error *err)
{
	size_t left = (size_t)(block->body + block->n - *at), padded;

	if (!left)
		return 0;
	if (left >= OPTION_HEAD) {
		*ret = (struct option){ get16(s, *at), get16(s, *at + 2), *at + OPTION_HEAD };
		padded = (ret->len + 3U) / 4 * 4;
		if (ret->code == OPTION_END)
			return 0;
		if (padded <= left - OPTION_HEAD) {
			*at += OPTION_HEAD + padded;
			return 1;
		}
	}
	return error_set(err, -EINVAL, "has an option that goes beyond its block, at byte %zu",
			 block->at);
}

/* ---- interfaces ---- */

static int read_resolution(const struct block *block, uint32_t value, struct interface *interface,
			   struct error *err)
{
	uint32_t exponent = value & ~(uint32_t)BINARY;

	if (exponent > (value & BINARY ? BINARY_MAX : DECIMAL_MAX))
		return error_set(err, -ERANGE,
				 "has an interface at byte %zu with times in units of %u^-%u s; "
				 "the finest are 10^-%u and 2^-%u",
				 block->at, value & BINARY ? 2 : 10, exponent, DECIMAL_MAX,
				 BINARY_MAX);
	interface->per_second = 1;
	for (; exponent; exponent--)
		interface->per_second *= value & BINARY ? 2 : 10;
	return 0;
}

/* Its unit is bits by the format's description; there are programs that write bytes. */
static int read_fcs(const struct block *block, uint32_t value, struct interface *interface,
		    struct error *err)
{
	if (value && value != FCS_BITS && value != FCS_BITS / 8)
		return error_set(err, -EINVAL,
				 "has an interface at byte %zu with an FCS of %u bits; that of "
				 "Ethernet has %u",
				 block->at, value, FCS_BITS);
	interface->fcs = value ? FCS_BITS / 8 : 0;
	return 0;
}

static int read_interface_option(const struct section *s, const struct block *block,
				 const struct option *option, struct interface *interface,
				 struct error *err)
{
	switch (option->code) {
	case OPTION_TSRESOL:
		if (option->len == 1)
			return read_resolution(block, *option->value, interface, err);
		break;
	case OPTION_FCSLEN:
		if (option->len == 1)
			return read_fcs(block, *option->value, interface, err);
		break;
	case OPTION_TSOFFSET:
		if (option->len != 8)
			break;
		interface->offset_s = (int64_t)raw_reader_get64(s->reader, option->value);
		return 0;
	default:
		return 0;
	}
	return error_set(err, -EINVAL, "has an interface at byte %zu whose option %u has %u bytes",
			 block->at, option->code, option->len);
}

static int read_interface_options(const struct section *s, const struct block *block,
				  struct interface *interface, struct error *err)
{
	const uint8_t *at = block->body + INTERFACE_BODY;
	struct option option;
	int r = next_option(s, block, &at, &option, err);

	while (r > 0) {
		r = read_interface_option(s, block, &option, interface, err);
		r = r ?: next_option(s, block, &at, &option, err);
	}
	return r;
}

static int add_interface(struct section *s, const struct interface *interface)
{
	uint32_t room = s->room ? 2 * s->room : 8;
	struct interface *more;

	if (s->n == s->room) {
		more = reallocarray(s->interface, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->interface = more;
		s->room = room;
	}
	s->interface[s->n++] = *interface;
	return 0;
}

static int read_interface(struct section *s, const struct block *block, struct error *err)
{
	struct interface interface = { .per_second = DEFAULT_PER_SECOND };
	int r;

	if (block->n < INTERFACE_BODY)
		return too_short(block, err);
	if (s->n == MAX_INTERFACES)
		return error_set(err, -EFBIG, "has more than %u interfaces", MAX_INTERFACES);
	interface.link = get16(s, block->body);
	interface.snaplen = get32(s, block->body + 4);
	r = read_interface_options(s, block, &interface, err);
	if (!r && add_interface(s, &interface))
		r = error_set(err, -ENOMEM, "out of memory for interfaces");
	return r;
}

/* ---- frames ---- */

static int find_interface(const struct section *s, uint32_t number, const struct interface **ret,
			  struct error *err)
{
	if (number >= s->n)
		return error_set(err, -EINVAL,
				 "has a frame (number %u) of interface %u, of which there is no "
				 "description before it",
				 raw_reader_number(s->reader), number);
	*ret = &s->interface[number];
	if ((*ret)->link == RAW_LINK_ETHERNET)
		return 0;
	return error_set(err, -EINVAL,
			 "has a frame (number %u, of interface %u) of link type %u; only those of "
			 "Ethernet (1) can be sent",
			 raw_reader_number(s->reader), number, (*ret)->link);
}

static int check_len(const struct section *s, const struct block *block, uint32_t len,
		     uint32_t before, struct error *err)
{
	if (len <= block->n - before)
		return 0;
	return error_set(err, -EINVAL,
			 "has a frame (number %u) of %u bytes in a block that has room for %zu",
			 raw_reader_number(s->reader), len, block->n - before);
}

/* A frame may have an FCS of its own, or none by what is known of it. */
static int read_flags(const struct section *s, const struct block *block, uint32_t len,
		      uint32_t *fcs, struct error *err)
{
	const uint8_t *at = block->body + PACKET_BODY + (len + 3ULL) / 4 * 4;
	struct option option;
	int r;

	if (at > block->body + block->n)
		at = block->body + block->n;
	while ((r = next_option(s, block, &at, &option, err)) > 0) {
		if (option.code == OPTION_FLAGS && option.len == 4)
			*fcs = (get32(s, option.value) >> FLAGS_FCS & 15) ?: *fcs;
	}
	return r;
}

static int read_packet(struct section *s, const struct block *block, struct error *err)
{
	struct raw_record record = { .timed = true };
	const struct interface *interface;
	uint64_t units;
	int r;

	if (block->n < PACKET_BODY)
		return too_short(block, err);
	r = find_interface(
		s, block->type == BLOCK_PACKET ? get32(s, block->body) : get16(s, block->body),
		&interface, err);
	if (r)
		return r;
	units = (uint64_t)get32(s, block->body + 4) << 32 | get32(s, block->body + 8);
	record.ns = (__int128)((unsigned __int128)units * NSEC_PER_SEC / interface->per_second) +
		    (__int128)interface->offset_s * (int64_t)NSEC_PER_SEC;
	record.bytes = block->body + PACKET_BODY;
	record.len = get32(s, block->body + 12);
	record.whole = get32(s, block->body + 16);
	record.fcs = interface->fcs;
	r = check_len(s, block, record.len, PACKET_BODY, err);
	r = r ?: read_flags(s, block, record.len, &record.fcs, err);
	return r ?: raw_reader_add(s->reader, &record, err);
}

/* It is of the first interface, and as long as that captures. */
static int read_simple_packet(struct section *s, const struct block *block, struct error *err)
{
	struct raw_record record = { .timed = false };
	const struct interface *interface;
	int r;

	if (block->n < SIMPLE_BODY)
		return too_short(block, err);
	r = find_interface(s, 0, &interface, err);
	if (r)
		return r;
	record.bytes = block->body + SIMPLE_BODY;
	record.len = record.whole = get32(s, block->body);
	if (interface->snaplen && interface->snaplen < record.len)
		record.len = interface->snaplen;
	record.fcs = interface->fcs;
	r = check_len(s, block, record.len, SIMPLE_BODY, err);
	return r ?: raw_reader_add(s->reader, &record, err);
}

/* ---- the whole ---- */

static int begin_section(struct section *s, const struct block *block, struct error *err)
{
	uint32_t version;

	if (block->n < SECTION_BODY)
		return too_short(block, err);
	version = get16(s, block->body + 4);
	if (version != VERSION)
		return error_set(err, -EPROTONOSUPPORT,
				 "has a section at byte %zu of version %u of pcapng; known is "
				 "version %u",
				 block->at, version, VERSION);
	s->n = 0;
	return 0;
}

static int read_block(struct section *s, struct error *err)
{
	struct block block;
	int r = next_block(s, &block, err);

	if (r)
		return r;
	switch (block.type) {
	case BLOCK_SECTION:
		return begin_section(s, &block, err);
	case BLOCK_INTERFACE:
		return read_interface(s, &block, err);
	case BLOCK_PACKET:
	case BLOCK_OLD_PACKET:
		return read_packet(s, &block, err);
	case BLOCK_SIMPLE_PACKET:
		return read_simple_packet(s, &block, err);
	}
	return 0;
}

/**
 * raw_pcapng_read() - find the frames of a pcapng file
 * @reader: of the file, which begins with RAW_PCAPNG_MAGIC; gets its frames
 * @err: what is wrong with it, to be said behind the file's name
 *
 * Return: 0 or negative errno.
 */
int raw_pcapng_read(struct raw_reader *reader, struct error *err)
{
	struct section section = { .reader = reader };
	int r = 0;

	while (!r && reader->at < reader->n)
		r = read_block(&section, err);
	free(section.interface);
	return r;
}
