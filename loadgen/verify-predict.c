// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a sampler on the server's side is to count of an HTTP run: what TCP_INFO says of each of its
 * connections (wire.c), how sure that is, and in which classes it has to be found.
 */
#include "verify-predict.h"

#define HEADER_IPV4 (14 + 20 + 20 + TIMESTAMPS)
#define HEADER_IPV6 (14 + 40 + 20 + TIMESTAMPS)
#define TIMESTAMPS  12 /* which a RST has not */
#define SACK	    36 /* bytes of three blocks, beside timestamps */

static void know(struct verify_count *count, const struct wire *wire)
{
	*count = (struct verify_count){ .packets = wire->tx_frames, .bytes = wire->tx_bytes };
}

/**
 * verify_predict() - what there is to be counted of an HTTP run
 * @stats: of all its workers; its wire has finding the target and closing in it
 * @service: that the port of the target is of; NULL: none, or one that is not known
 * @ipv6: its address family is IPv6
 * @ret: frames and bytes, and by how much they may differ
 *
 * Data is exact to the byte. How a connection ends after the last look at it is not: it may be a frame
 * more or less, of headers alone. A frame that was sent again replaces one that may have been lost,
 * before the sampler or behind it; one that was never acknowledged may be lost as well, and sent again after
 * the last look.
 */
void verify_predict(const struct stats *stats, const char *service, bool ipv6,
		    struct verify_sent *ret)
{
	const struct wire *wire = &stats->wire;
	uint64_t header = ipv6 ? HEADER_IPV6 : HEADER_IPV4;
	uint64_t n_ends =
		1 + stats->n_connects + stats->errors[PHASE_CONNECT].n; /* 1: target_find() */
	uint64_t n_data = wire->tx_again_frames + wire->tx_unacked_frames;

	*ret = (struct verify_sent){
		.header = header,
		.packets = n_ends + n_data,
		.bytes = TIMESTAMPS * n_ends + SACK * wire->rx_disorder + wire->tx_again_bytes +
			 wire->tx_unacked_bytes,
		.n_data = n_data,
	};
	for (size_t i = 0; i < VERIFY_N_CLASSES; i++)
		ret->counts.class[i].unknown = true;
	know(&ret->counts.class[VERIFY_ALL], wire);
	know(&ret->counts.class[ipv6 ? VERIFY_IPV6 : VERIFY_IPV4], wire);
	know(&ret->counts.class[VERIFY_TCP], wire);
	if (service)
		know(verify_service_count(&ret->counts, service), wire);
}
