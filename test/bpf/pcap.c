// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Reader and writer of classic pcap files (draft-ietf-opsawg-pcap): both byte orders, micro- and
 * nanoseconds, link type Ethernet. pcapng is refused by name; `editcap -F pcap` converts it.
 */
#include <byteswap.h>
#include <errno.h>
#include <string.h>

#include "pcap.h"

#define MAGIC_MICRO   0xa1b2c3d4
#define MAGIC_NANO    0xa1b23c4d
#define MAGIC_PCAPNG  0x0a0d0d0a
#define LINK_ETHERNET 1
#define LINK_MASK     0x03ffffff /* above: length of the FCS and flags */
#define FCS_PRESENT   0x04000000
#define SNAPLEN	      262144

static uint32_t order(bool swapped, uint32_t v)
{
	return swapped ? bswap_32(v) : v;
}

static int refuse(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EINVAL;
}

/**
 * pcap_open() - read the head of a capture
 * @ret: the capture
 * @file: at its beginning
 * @ret_reason: on failure, what is wrong with it
 *
 * Return: 0 or -EINVAL.
 */
int pcap_open(struct pcap *ret, FILE *file, const char **ret_reason)
{
	uint32_t head[6], magic, link;
	bool swapped;

	if (fread(head, sizeof(head), 1, file) != 1)
		return refuse(ret_reason, "shorter than a pcap file's head");
	if (head[0] == MAGIC_PCAPNG)
		return refuse(ret_reason, "pcapng; convert it with editcap -F pcap");
	swapped = head[0] == bswap_32(MAGIC_MICRO) || head[0] == bswap_32(MAGIC_NANO);
	magic = order(swapped, head[0]);
	if (magic != MAGIC_MICRO && magic != MAGIC_NANO)
		return refuse(ret_reason, "not a pcap file");
	link = order(swapped, head[5]);
	if ((link & LINK_MASK) != LINK_ETHERNET)
		return refuse(ret_reason, "link type is not Ethernet");
	if (link & FCS_PRESENT)
		return refuse(ret_reason, "frames carry an FCS, which XDP never sees");
	*ret = (struct pcap){ file, swapped };
	return 0;
}

/**
 * pcap_next() - the next frame of a capture
 * @p: the capture
 * @ret_frame: room for it
 * @max: that room
 * @ret_len: its captured length, which snaplen may have cut
 * @ret_reason: on failure, what is wrong
 *
 * Return: 1 with a frame, 0 at the end, -EINVAL.
 */
int pcap_next(struct pcap *p, uint8_t *ret_frame, size_t max, size_t *ret_len,
	      const char **ret_reason)
{
	uint32_t head[4];
	size_t n = fread(head, 1, sizeof(head), p->file), len;

	if (n == 0 && feof(p->file))
		return 0;
	if (n != sizeof(head))
		return refuse(ret_reason, "ends inside a frame's head");
	len = order(p->swapped, head[2]);
	if (len > max)
		return refuse(ret_reason, "a frame is longer than a test run takes");
	if (len && fread(ret_frame, len, 1, p->file) != 1)
		return refuse(ret_reason, "ends inside a frame");
	*ret_len = len;
	return 1;
}

/**
 * pcap_write_head() - begin a capture
 * @file: where to
 * @swapped: in the other byte order than this machine's
 */
void pcap_write_head(FILE *file, bool swapped)
{
	const uint16_t version[] = { swapped ? bswap_16(2) : 2, swapped ? bswap_16(4) : 4 };
	const uint32_t magic = order(swapped, MAGIC_MICRO);
	const uint32_t rest[] = { 0, 0, order(swapped, SNAPLEN), order(swapped, LINK_ETHERNET) };

	fwrite(&magic, sizeof(magic), 1, file);
	fwrite(version, sizeof(version), 1, file);
	fwrite(rest, sizeof(rest), 1, file);
}

/**
 * pcap_write_frame() - append a frame
 * @file: after pcap_write_head()
 * @swapped: as there
 * @frame: its bytes
 * @len: their number
 */
void pcap_write_frame(FILE *file, bool swapped, const uint8_t *frame, size_t len)
{
	const uint32_t head[] = { 0, 0, order(swapped, (uint32_t)len),
				  order(swapped, (uint32_t)len) };

	fwrite(head, sizeof(head), 1, file);
	fwrite(frame, len, 1, file);
}
