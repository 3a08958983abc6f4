// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the kernel takes of frames that nobody makes: the same one again and again, 64 in a system call.
 *
 *     send-bare INTERFACE FILE FRAMES     prints frames a second; FILE has the frame's bytes
 */
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/units.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH	  64
#define MAX_FRAME 9018

int main(int argc, char **argv)
{
	uint8_t frame[MAX_FRAME];
	struct iovec iov = { .iov_base = frame };
	struct mmsghdr messages[BATCH] = { 0 };
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW, 0);
	_cleanup_close_ int file = argc == 4 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	ssize_t size = file >= 0 ? read(file, frame, sizeof(frame)) : -1;
	uint64_t n_frames, begin;

	if (argc != 4 || size <= 0 || parse_u64(argv[3], 1, UINT64_MAX / 2, &n_frames)) {
		fputs("Usage: send-bare INTERFACE FILE FRAMES\n", stderr);
		return 2;
	}
	address.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(argv[1]);
		return 1;
	}
	iov.iov_len = (size_t)size;
	for (size_t i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	begin = clock_boottime_ns();
	for (uint64_t n = 0; n < n_frames;) {
		uint64_t left = n_frames - n;
		int sent = sendmmsg(fd, messages, left < BATCH ? (unsigned int)left : BATCH, 0);

		if (sent > 0)
			n += (uint64_t)sent;
	}
	printf("%.0f\n", (double)n_frames * 1e9 / (double)(clock_boottime_ns() - begin));
	return 0;
}
