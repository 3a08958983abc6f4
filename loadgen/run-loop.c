// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The main thread of a run: it waits for what threads tell and for signals, has rows and the report
 * written, and a sampler asked.
 *
 * SIGINT and SIGTERM are held while threads send, and while a sampler is asked: the first one ends the
 * run, one more the wait for the sampler. Once nothing is sent any more, whatever may wait for somebody
 * to read it is written while they are not held, so that one more ends the program.
 */
#include "run-loop.h"

#include "util/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/**
 * run_loop_open() - make ready before anything is sent or any thread started
 * @loop: with its engine, and -1 for its descriptors; to be freed by run_loop_free(), also after a failure
 * @config: of the run; is used as long
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int run_loop_open(struct run_loop *loop, const struct config *config, struct error *err)
{
	int r;

	loop->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->now = calloc(1, sizeof(*loop->now));
	if (loop->notify_fd < 0 || !loop->now)
		return error_set(err, -ENOMEM, "cannot make an eventfd or memory for counters");
	r = outputs_open(config, &loop->outputs, err);
	r = r ?: signals_hold(&loop->signals, err);
	return r ?: verify_open(config, &loop->verify, err);
}

/** run_loop_free() - release what run_loop_open() has made; all threads have ended */
void run_loop_free(struct run_loop *loop)
{
	free(loop->now);
	verify_free(loop->verify);
	free(loop->verified);
	outputs_close(&loop->outputs);
	if (loop->notify_fd >= 0)
		close(loop->notify_fd);
	signals_free(&loop->signals);
}

/** run_loop_take_signal() - end the run if a signal has come; only the first one counts */
void run_loop_take_signal(struct run_loop *loop)
{
	int signal = signals_take(&loop->signals);

	if (!signal || loop->signal)
		return;
	loop->signal = signal;
	loop->ending = ENDED_BY_SIGNAL;
	loop->stop(loop->engine);
}

/** run_loop_wait() - until a thread has told something, or a signal came, which is taken */
void run_loop_wait(struct run_loop *loop)
{
	struct pollfd fds[] = { { .fd = loop->notify_fd, .events = POLLIN },
				{ .fd = loop->signals.fd, .events = POLLIN } };
	uint64_t drained;

	if (poll(fds, array_size(fds), -1) < 0)
		return;
	if (fds[0].revents && read(loop->notify_fd, &drained, sizeof(drained)) < 0)
		return;
	if (fds[1].revents)
		run_loop_take_signal(loop);
}

/** run_loop_end() - end the run for a reason, unless it has one already */
void run_loop_end(struct run_loop *loop, enum ending ending)
{
	if (loop->ending != ENDED_BY_LIMIT)
		return;
	loop->ending = ending;
	loop->stop(loop->engine);
}

/**
 * run_loop_row() - write what is new in the counters; ends the run where that cannot be written
 * @loop: with the counters of all threads
 * @pace: of the run
 * @start_ns: when it started
 */
void run_loop_row(struct run_loop *loop, const struct pace *pace, uint64_t start_ns)
{
	if (outputs_row(&loop->outputs, pace, start_ns, loop->now, false))
		run_loop_end(loop, ENDED_UNWRITTEN);
}

/** run_loop_last_row() - the same after all threads have ended: waits for who does not read, too */
void run_loop_last_row(struct run_loop *loop, const struct pace *pace, uint64_t start_ns)
{
	signals_release(&loop->signals);
	outputs_row(&loop->outputs, pace, start_ns, loop->now, true);
	if (loop->verify)
		signals_hold_again(&loop->signals);
}

/**
 * run_loop_verify() - ask the sampler what has arrived, where one is asked
 * @loop: whose threads have ended
 * @sent: what there is to be counted
 * @err: out of memory
 *
 * Return: 0 or negative errno.
 */
int run_loop_verify(struct run_loop *loop, const struct verify_sent *sent, struct error *err)
{
	loop->verified = calloc(1, sizeof(*loop->verified));
	if (!loop->verified)
		return error_set(err, -ENOMEM, "out of memory");
	verify_end(loop->verify, sent, loop->verified);
	run_loop_take_signal(loop);
	return 0;
}

/**
 * run_loop_report() - write what the run came to
 * @loop: all is done
 * @outcome: the run; what a sampler says is put into it
 * @err: which output could not be written
 *
 * Return: 0 or negative errno.
 */
int run_loop_report(struct run_loop *loop, struct outcome *outcome, struct error *err)
{
	signals_release(&loop->signals);
	outcome->verified = loop->verified;
	return outputs_end(&loop->outputs, outcome, loop->now, err);
}
