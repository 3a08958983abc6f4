// SPDX-License-Identifier: MIT OR Apache-2.0
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

/** signals_hold_again() - have them be read again, after signals_release() */
void signals_hold_again(struct signals *signals)
{
	const sigset_t set = ending_signals();

	pthread_sigmask(SIG_BLOCK, &set, &signals->mask_before);
	signals->blocked = true;
}

/**
 * signals_hold() - have SIGINT and SIGTERM end nothing, but be read
 * @signals: its fd is -1; filled, and to be freed by signals_free(), also after a failure
 * @err: why not
 *
 * Before any thread is started, which inherit it. SIGPIPE is ignored as well: OpenSSL writes without
 * MSG_NOSIGNAL, and who does not read an output is told by its error.
 *
 * Return: 0 or negative errno.
 */
int signals_hold(struct signals *signals, struct error *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const sigset_t set = ending_signals();

	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return error_set(err, -errno, "cannot wait for signals: %s", strerror(errno));
	sigaction(SIGPIPE, &ignore, &signals->pipe_before);
	signals->pipe_ignored = true;
	signals_hold_again(signals);
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
	if (signals->blocked)
		pthread_sigmask(SIG_SETMASK, &signals->mask_before, NULL);
	signals->blocked = false;
}

/** signals_free() - leave all as it was before signals_hold() */
void signals_free(struct signals *signals)
{
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
	if (signals->pipe_ignored)
		sigaction(SIGPIPE, &signals->pipe_before, NULL);
	signals->pipe_ignored = false;
	signals_release(signals);
}
