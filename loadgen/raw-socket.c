// SPDX-License-Identifier: MIT OR Apache-2.0
/* Sockets that send frames by an interface, and receive none. Those of AF_PACKET are here. */
#include "raw-socket.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_HELD_MS 50 /* waiting for room, until which a thread has to hear that it is to end */

/* ---- AF_PACKET ---- */

struct packet {
	struct mmsghdr message[RAW_BATCH];
};

static int packet_open(struct raw_socket *s, const struct raw_config *raw,
		       const struct raw_link *link, uint32_t index, struct error *err)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_ifindex = (int)link->ifindex };
	int yes = raw->past_qdisc;
	struct packet *packet = calloc(1, sizeof(*packet));

	(void)index;
	s->state = packet;
	if (!packet)
		return error_set(err, -ENOMEM, "out of memory for frames");
	for (size_t i = 0; i < RAW_BATCH; i++)
		packet->message[i].msg_hdr.msg_iovlen = 1;
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 && errno == EPERM)
		return raw_socket_refused(err);
	if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)))
		return error_set(err, -errno, "cannot send frames by %s: %s", link->name,
				 strerror(errno));
	return 0;
}

static void packet_close(struct raw_socket *s)
{
	free(s->state);
	if (s->fd >= 0)
		close(s->fd);
}

static int packet_send(struct raw_socket *s, const struct iovec *frame, uint32_t n)
{
	struct packet *packet = s->state;
	int r;

	n = n < RAW_BATCH ? n : RAW_BATCH;
	for (uint32_t i = 0; i < n; i++) /* is not written to */
		packet->message[i].msg_hdr.msg_iov = (struct iovec *)(uintptr_t)&frame[i];
	r = sendmmsg(s->fd, packet->message, n, MSG_DONTWAIT);
	return r < 0 ? -errno : r;
}

/* As far as it can be told afterwards. */
static bool packet_has_room(const struct raw_socket *s)
{
	int most, used;
	socklen_t n = sizeof(most);

	return getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &most, &n) ||
	       ioctl(s->fd, SIOCOUTQ, &used) || used < most / 4 * 3;
}

/* What was handed over is still in a queue: until much of it has left. */
static void packet_wait(struct raw_socket *s)
{
	struct pollfd fd = { .fd = s->fd, .events = POLLOUT };

	poll(&fd, 1, MAX_HELD_MS);
}

static uint32_t packet_settle(struct raw_socket *s)
{
	(void)s;
	return 0;
}

static uint64_t packet_queued(const struct raw_socket *s)
{
	int bytes;

	return !ioctl(s->fd, SIOCOUTQ, &bytes) && bytes > 0 ? (uint64_t)bytes : 0;
}

const struct raw_socket_kind raw_socket_packet = {
	.open = packet_open,
	.close = packet_close,
	.send = packet_send,
	.has_room = packet_has_room,
	.wait = packet_wait,
	.settle = packet_settle,
	.queued = packet_queued,
};

/* ---- any ---- */

/**
 * raw_socket_open() - open the socket of a thread
 * @s: filled; to be closed by raw_socket_close(), also after a failure
 * @raw: which kind
 * @link: the interface
 * @index: of the thread, from 0
 * @err: why not, and what would help
 *
 * Return: 0 or negative errno.
 */
int raw_socket_open(struct raw_socket *s, const struct raw_config *raw, const struct raw_link *link,
		    uint32_t index, struct error *err)
{
	*s = (struct raw_socket){ .fd = -1 };
	s->kind = raw->socket == RAW_XDP ? &raw_socket_xdp : &raw_socket_packet;
	return s->kind->open(s, raw, link, index, err);
}

/** raw_socket_refused() - set the error of a socket that needs a privilege. Return: -EPERM. */
int raw_socket_refused(struct error *err)
{
	return error_set(err, -EPERM,
			 "raw frames need CAP_NET_RAW: run as root, or give it to the "
			 "program (setcap cap_net_raw+ep) or its unit "
			 "(AmbientCapabilities=CAP_NET_RAW)");
}

/** raw_socket_close() - release a socket, if there is one */
void raw_socket_close(struct raw_socket *s)
{
	if (s->kind)
		s->kind->close(s);
	s->kind = NULL;
}
