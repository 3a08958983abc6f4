/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SIGINT and SIGTERM as something to read from a descriptor, for as long as a run lasts. */
#ifndef LOADGEN_SIGNALS_H
#define LOADGEN_SIGNALS_H

#include "util/error.h"

#include <signal.h>
#include <stdbool.h>

struct signals {
	int fd; /* -1: never held */
	bool blocked, pipe_ignored;
	sigset_t mask_before;
	struct sigaction pipe_before;
};

int signals_hold(struct signals *signals, struct error *err);
int signals_take(struct signals *signals);
void signals_hold_again(struct signals *signals);
void signals_release(struct signals *signals);
void signals_free(struct signals *signals);

#endif
