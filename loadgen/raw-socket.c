// SPDX-License-Identifier: MIT OR Apache-2.0
#include "raw-socket.h"

#include "util/cleanup.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

/**
 * raw_socket_open() - a socket that sends frames by an interface, and receives none
 * @link: the interface
 * @past_qdisc: leave out the interface's queueing discipline, and with it local captures
 * @err: why not
 *
 * Return: its descriptor, or negative errno.
 */
int raw_socket_open(const struct raw_link *link, bool past_qdisc, struct error *err)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_ifindex = (int)link->ifindex };
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int yes = past_qdisc;

	if (fd < 0 && errno == EPERM)
		return error_set(err, -EPERM,
				 "raw frames need CAP_NET_RAW: run as root, or give it to the "
				 "program (setcap cap_net_raw+ep) or its unit "
				 "(AmbientCapabilities=CAP_NET_RAW)");
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)))
		return error_set(err, -errno, "cannot send frames by %s: %s", link->name,
				 strerror(errno));
	return take_fd(&fd);
}
