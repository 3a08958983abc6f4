// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a TCP connection has put on the wire, from the kernel's own count of it (TCP_INFO).
 *
 *   bytes sent     = tcpi_bytes_sent (4.19) + tcpi_segs_out (4.2) x header + options of the SYN
 *   bytes received = tcpi_bytes_received (4.1) + tcpi_segs_in (4.2) x header + those of the SYN-ACK
 *   header         = 14 (Ethernet) + 20 (IPv4) or 40 (IPv6) + 20 (TCP) + 12 (timestamps, if used)
 *
 * tcpi_bytes_sent has retransmissions; both segment counts have SYN, FIN, pure ACKs and each
 * segment of a GSO or GRO packet. Not known from TCP_INFO, and left out: SACK blocks, VLAN tags,
 * IPv6 extension headers, padding to 60 bytes, and payload that was received twice. Counted although
 * it does not arrive: what is lost on the way. What close() sends comes after the last look;
 * wire_settle() foretells it.
 */
#include "wire.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define ETHERNET_HEADER	 14
#define IPV4_HEADER	 20
#define IPV6_HEADER	 40
#define TCP_HEADER	 20
#define TIMESTAMPS	 12
#define SYN_OPTIONS	 20 /* MSS, SACK permitted, timestamps, window scale: what Linux sends */
#define SYN_OPTIONS_BARE 12 /* without timestamps */

/* Of the kernel's ABI; <netinet/tcp.h> names them, but its struct tcp_info is an old one. */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE_WAIT = 8 };

static int tcp_info(int fd, struct tcp_info *info)
{
	socklen_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) ? -errno : 0;
}

static uint64_t header_size(const struct tcp_info *info, bool ipv6)
{
	return ETHERNET_HEADER + (ipv6 ? IPV6_HEADER : IPV4_HEADER) + TCP_HEADER +
	       (info->tcpi_options & TCPI_OPT_TIMESTAMPS ? TIMESTAMPS : 0);
}

static uint64_t syn_surplus(const struct tcp_info *info)
{
	return info->tcpi_options & TCPI_OPT_TIMESTAMPS ? SYN_OPTIONS - TIMESTAMPS
							: SYN_OPTIONS_BARE;
}

static uint64_t surplus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * Those that are under way; and those that a queue of this host has dropped, of which it tells TCP, so that
 * they are sent as if they had never been.
 */
static void find_unacked(const struct tcp_info *info, struct wire *wire)
{
	uint64_t syn = info->tcpi_bytes_acked != 0;

	wire->tx_unacked_frames = surplus(info->tcpi_data_segs_out,
					  info->tcpi_delivered - syn + info->tcpi_total_retrans);
	wire->tx_unacked_bytes = surplus(info->tcpi_bytes_sent,
					 info->tcpi_bytes_acked - syn + info->tcpi_bytes_retrans);
}

static void wire_from(const struct tcp_info *info, bool ipv6, struct wire *wire)
{
	uint64_t header = header_size(info, ipv6);

	*wire = (struct wire){
		.tx_frames = info->tcpi_segs_out,
		.tx_bytes = info->tcpi_bytes_sent + info->tcpi_segs_out * header,
		.rx_frames = info->tcpi_segs_in,
		.rx_bytes = info->tcpi_bytes_received + info->tcpi_segs_in * header,
		.tx_again_bytes = info->tcpi_bytes_retrans,
		.tx_again_frames = info->tcpi_total_retrans,
		.rx_disorder = info->tcpi_rcv_ooopack,
	};
	find_unacked(info, wire);
	if (wire->tx_frames)
		wire->tx_bytes += syn_surplus(info);
	if (wire->rx_frames)
		wire->rx_bytes += syn_surplus(info);
}

/**
 * wire_read() - what a connection has sent and received until now
 * @fd: its socket; costs about a microsecond
 * @ipv6: its address family is IPv6
 * @ret_wire: frames and bytes since the SYN
 *
 * Return: 0 or negative errno.
 */
int wire_read(int fd, bool ipv6, struct wire *ret_wire)
{
	struct tcp_info info;
	int r = tcp_info(fd, &info);

	if (!r)
		wire_from(&info, ipv6, ret_wire);
	return r;
}

static bool is_open(const struct tcp_info *info)
{
	return info->tcpi_state == STATE_ESTABLISHED || info->tcpi_state == STATE_CLOSE_WAIT;
}

/*
 * Closing first takes FIN and a last ACK, and the peer answers with its FIN; closing second takes FIN
 * and gets an ACK; giving up takes a RST. A connection that was reset, or never was, sends nothing
 * more.
 */
static void foretell(const struct tcp_info *info, bool ipv6, bool given_up, struct wire *closing)
{
	uint64_t header = header_size(info, ipv6);

	*closing = (struct wire){ 0 };
	if (!is_open(info))
		return;
	closing->tx_frames = given_up || info->tcpi_state == STATE_CLOSE_WAIT ? 1 : 2;
	closing->tx_bytes = closing->tx_frames * header;
	closing->rx_frames = !given_up;
	closing->rx_bytes = closing->rx_frames * header;
}

/* Return: whether close() will drop what is queued. Else it would go on sending, unseen by us. */
static bool give_up_queue(int fd, const struct tcp_info *info)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	return is_open(info) && info->tcpi_notsent_bytes &&
	       !setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/**
 * wire_settle() - make sure of what close() will do, and tell how a connection ends
 * @fd: the socket, to be closed right after that
 * @ipv6: its address family is IPv6
 * @ret_end: what it has sent and received, what comes after that, and what never will
 *
 * Where the send queue holds what was not sent yet, because the server has answered before it had
 * all of the request (RFC 9112, 9.5: the client ceases to send) or because the run is over, the
 * connection is reset. An orderly close() would send megabytes more after the last look, and for
 * longer than the program runs.
 *
 * Return: 0 or negative errno.
 */
int wire_settle(int fd, bool ipv6, struct wire_end *ret_end)
{
	struct tcp_info info;
	int r = tcp_info(fd, &info);
	bool given_up;

	if (r)
		return r;
	given_up = give_up_queue(fd, &info);
	if (given_up)
		r = tcp_info(fd, &info); /* as late as can be: the queue goes on being sent */
	if (r)
		return r;
	wire_from(&info, ipv6, &ret_end->wire);
	foretell(&info, ipv6, given_up, &ret_end->closing);
	ret_end->unsent = info.tcpi_notsent_bytes;
	return 0;
}

/** wire_add() - add @wire to @sum */
void wire_add(struct wire *sum, const struct wire *wire)
{
	sum->tx_frames += wire->tx_frames;
	sum->tx_bytes += wire->tx_bytes;
	sum->rx_frames += wire->rx_frames;
	sum->rx_bytes += wire->rx_bytes;
	sum->tx_again_bytes += wire->tx_again_bytes;
	sum->tx_again_frames += wire->tx_again_frames;
	sum->tx_unacked_bytes += wire->tx_unacked_bytes;
	sum->tx_unacked_frames += wire->tx_unacked_frames;
	sum->rx_disorder += wire->rx_disorder;
}

/** wire_subtract() - take an @earlier reading of the same off @wire */
void wire_subtract(struct wire *wire, const struct wire *earlier)
{
	wire->tx_frames -= earlier->tx_frames;
	wire->tx_bytes -= earlier->tx_bytes;
	wire->rx_frames -= earlier->rx_frames;
	wire->rx_bytes -= earlier->rx_bytes;
	wire->tx_again_bytes -= earlier->tx_again_bytes;
	wire->tx_again_frames -= earlier->tx_again_frames;
	wire->tx_unacked_bytes -= earlier->tx_unacked_bytes;
	wire->tx_unacked_frames -= earlier->tx_unacked_frames;
	wire->rx_disorder -= earlier->rx_disorder;
}
