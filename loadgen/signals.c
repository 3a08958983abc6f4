// SPDX-License-Identifier: MIT OR Apache-2.0
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/**
 * signals_hold() - have SIGINT and SIGTERM end nothing, but be read
 * @signals: filled; to be given to signals_release(), also after a failure
 * @err: why not
 *
 * Before any thread is started: threads inherit it.
 *
 * Return: 0 or negative errno.
 */
int signals_hold(struct signals *signals, struct error *err)
{
	sigset_t set;

	*signals = (struct signals){ .fd = -1 };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return error_set(err, -errno, "cannot wait for signals: %s", strerror(errno));
	pthread_sigmask(SIG_BLOCK, &set, &signals->mask_before);
	signals->held = true;
	return 0;
}

/** signals_take() - Return: a signal that has come, or 0 */
int signals_take(struct signals *signals)
{
	struct signalfd_siginfo info;

	return read(signals->fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/** signals_release() - from then on they end the program, as they do by default */
void signals_release(struct signals *signals)
{
	if (signals->held)
		pthread_sigmask(SIG_SETMASK, &signals->mask_before, NULL);
	if (signals->fd >= 0)
		close(signals->fd);
	*signals = (struct signals){ .fd = -1 };
}
