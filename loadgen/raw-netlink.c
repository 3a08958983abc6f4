// SPDX-License-Identifier: MIT OR Apache-2.0
#include "raw-netlink.h"

#include "util/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_MAX 65536
#define PATIENCE_S 5

/**
 * netlink_request_init() - begin a request
 * @request: filled; the caller sets what follows its header
 * @type: RTM_GETROUTE and the like
 * @n: bytes of what follows the header, before attributes
 */
void netlink_request_init(struct netlink_request *request, uint16_t type, size_t n)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(n);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST;
}

/** netlink_request_add() - add an attribute; there is room for a few of addresses' size */
void netlink_request_add(struct netlink_request *request, uint16_t type, const void *value,
			 size_t n)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(attribute), value, n);
	request->header.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(n)));
}

/* Return: 1 when that was all, 0 when there is more to come, or negative errno. */
static int take_message(const struct nlmsghdr *message,
			void (*take)(const struct nlmsghdr *answer, void *user), void *user)
{
	const struct nlmsgerr *error = NLMSG_DATA(message);

	if (message->nlmsg_type == NLMSG_DONE)
		return 1;
	if (message->nlmsg_type == NLMSG_ERROR)
		return message->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error
			       ? error->error
			       : 1;
	take(message, user);
	return !(message->nlmsg_flags & NLM_F_MULTI);
}

static int receive(int fd, char *buffer, void (*take)(const struct nlmsghdr *answer, void *user),
		   void *user)
{
	int r = 0;

	while (!r) {
		ssize_t n = recv(fd, buffer, ANSWER_MAX, 0);
		const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (; !r && NLMSG_OK(message, (size_t)n); message = NLMSG_NEXT(message, n))
			r = take_message(message, take, user);
	}
	return r < 0 ? r : 0;
}

/**
 * netlink_ask() - ask, and hand on each answer
 * @request: with NLM_F_DUMP in its header where all are wanted
 * @take: is called for each; may be NULL where @request asks for none
 * @user: handed on to it
 *
 * Return: 0, or a negative errno, such as the kernel's own answer.
 */
int netlink_ask(struct netlink_request *request,
		void (*take)(const struct nlmsghdr *answer, void *user), void *user)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_free_ char *buffer = malloc(ANSWER_MAX);
	struct timeval patience = { .tv_sec = PATIENCE_S };

	if (fd < 0)
		return -errno;
	if (!buffer)
		return -ENOMEM;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	return receive(fd, buffer, take, user);
}

/**
 * netlink_attribute() - an attribute of an answer
 * @answer: the message
 * @n: bytes of what is before the attributes
 * @type: which one
 * @least: bytes that it has to have
 *
 * Return: its value, or NULL where it is not there.
 */
const void *netlink_attribute(const struct nlmsghdr *answer, size_t n, uint16_t type, size_t least)
{
	const char *end = (const char *)answer + answer->nlmsg_len;
	const char *at = (const char *)answer + NLMSG_SPACE(n);

	while (end - at >= (ptrdiff_t)sizeof(struct rtattr)) {
		const struct rtattr *attribute = (const struct rtattr *)at;

		if (attribute->rta_len < sizeof(*attribute) || attribute->rta_len > end - at)
			return NULL;
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute->rta_len >= RTA_LENGTH(least) ? at + RTA_LENGTH(0) : NULL;
		at += RTA_ALIGN(attribute->rta_len);
	}
	return NULL;
}
