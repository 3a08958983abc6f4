/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the main thread has to do with a run, whatever is sent: signals, news of its threads, outputs,
 * a sampler that is asked.
 */
#ifndef LOADGEN_RUN_LOOP_H
#define LOADGEN_RUN_LOOP_H

#include "output.h"
#include "report.h"
#include "signals.h"
#include "stats.h"
#include "util/error.h"
#include "verify.h"

#include <stdint.h>

struct run_loop {
	void (*stop)(void *engine); /* has all threads end now; more than once is well */
	void *engine;

	int notify_fd; /* an eventfd: a thread has something to tell */
	struct signals signals;
	int signal; /* that was received, or 0 */
	enum ending ending;
	struct outputs outputs;
	struct stats *now;		/* of all threads */
	struct verify *verify;		/* NULL: no sampler is asked */
	struct verify_result *verified; /* NULL: not yet, or not at all */
};

int run_loop_open(struct run_loop *loop, const struct config *config, struct error *err);
void run_loop_free(struct run_loop *loop);
void run_loop_wait(struct run_loop *loop);
void run_loop_take_signal(struct run_loop *loop);
void run_loop_end(struct run_loop *loop, enum ending ending);
void run_loop_row(struct run_loop *loop, const struct pace *pace, uint64_t start_ns);
void run_loop_last_row(struct run_loop *loop, const struct pace *pace, uint64_t start_ns);
int run_loop_verify(struct run_loop *loop, const struct verify_sent *sent, struct error *err);
int run_loop_report(struct run_loop *loop, struct outcome *outcome, struct error *err);

#endif
