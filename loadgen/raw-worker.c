// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The thread that sends: frames that are due are made in a batch of buffers and handed to the kernel
 * by one system call; then it sleeps until the next one is due.
 *
 * Nothing is sent before its time, and nothing is left out: a frame that the kernel refuses is sent
 * again until it is taken, so that what was sent is always the first so many of the thread's frames.
 * Where no frame is taken for as long as give_up the thread gives up, and says why.
 *
 * Sleeping is precise to some microseconds; the last of them are waited for without sleep.
 */
#include "raw-worker.h"

#include "monotonic.h"
#include "notify.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define CACHE_LINE   64
#define AWAKE_NS     (8 * NSEC_PER_USEC)  /* before a frame is due: no sleep any more */
#define MAX_SLEEP_NS (50 * NSEC_PER_MSEC) /* until which a thread has to hear that it is to end */
#define MIN_GRACE_NS (30 * NSEC_PER_MSEC) /* after the end, for frames that were due before it */
#define MAX_GRACE_NS NSEC_PER_SEC
#define REFUSED_NS   (20 * NSEC_PER_USEC) /* until a frame that was refused is tried again */
#define LONG_NS	     NSEC_PER_MSEC	  /* the same, after a while */
#define DOWN_NS	     (5 * NSEC_PER_MSEC)  /* the same, where the interface is down */

struct raw_batch {
	uint32_t n;
	uint64_t due_ns[RAW_BATCH];
	struct iovec iov[RAW_BATCH];
	uint8_t *buffer[RAW_BATCH]; /* with the pattern in them; [0] is the memory of all */
};

static int batch_make(const struct raw_sequence *sequence, struct raw_batch **ret)
{
	size_t size = (sequence->max_len + RAW_HEAD + CACHE_LINE) / CACHE_LINE * CACHE_LINE;
	struct raw_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return -ENOMEM;
	*ret = batch;
	if (posix_memalign((void **)&batch->buffer[0], CACHE_LINE, RAW_BATCH * size))
		return -ENOMEM;
	for (size_t i = 0; i < RAW_BATCH; i++) {
		batch->buffer[i] = batch->buffer[0] + i * size;
		raw_pattern(batch->buffer[i], 0, size);
	}
	return 0;
}

/**
 * raw_worker_init() - make a worker that is not started
 * @worker: filled; to be freed by raw_worker_free(), also after a failure
 * @run: is used as long as the worker
 * @index: from 0
 * @socket: which it takes over
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int raw_worker_init(struct raw_worker *worker, struct raw_run *run, uint32_t index,
		    struct raw_socket *socket, struct error *err)
{
	worker->run = run;
	worker->index = index;
	worker->socket = *socket;
	socket->kind = NULL;
	if (pthread_mutex_init(&worker->mailbox.lock, NULL))
		return error_set(err, -ENOMEM, "cannot make a lock");
	worker->has_lock = true;
	if (batch_make(run->sequence, &worker->batch))
		return error_set(err, -ENOMEM, "out of memory for frames");
	return 0;
}

/* ---- telling ---- */

static void tell(struct raw_worker *w, uint64_t now_ns, bool ended)
{
	w->stats.time_ns = now_ns;
	w->stats.cpu_ns = clock_thread_ns();
	pthread_mutex_lock(&w->mailbox.lock);
	w->mailbox.stats = w->stats;
	w->mailbox.n_ticks = (now_ns - w->run->start_ns) / NSEC_PER_SEC;
	w->mailbox.ended = ended;
	pthread_mutex_unlock(&w->mailbox.lock);
	notify(w->run->notify_fd);
}

static void tell_each_second(struct raw_worker *w, uint64_t now_ns)
{
	if (now_ns < w->tick_ns)
		return;
	tell(w, now_ns, false);
	w->tick_ns += NSEC_PER_SEC;
}

/* ---- a batch ---- */

static uint64_t number(const struct raw_worker *w, uint64_t n)
{
	return w->index + n * w->run->config->threads;
}

static bool is_over(const struct raw_worker *w)
{
	return number(w, w->n_sent) >= w->run->n_frames;
}

static void add_frame(struct raw_worker *w, uint32_t i, uint64_t k, uint64_t due_ns,
		      uint64_t time_ns)
{
	struct raw_batch *batch = w->batch;
	const uint8_t *frame;
	uint32_t len = raw_sequence_frame(w->run->sequence, i, k, time_ns, batch->buffer[batch->n],
					  &frame);

	batch->due_ns[batch->n] = due_ns;
	batch->iov[batch->n].iov_base = (void *)(uintptr_t)frame; /* is not written to */
	batch->iov[batch->n++].iov_len = len;
}

/* What is due by now, as far as there is room. Return: when the next frame after these is. */
static uint64_t take_due(struct raw_worker *w, uint64_t now_ns)
{
	const struct raw_run *run = w->run;
	uint64_t time_ns = now_ns + (uint64_t)run->realtime_offset_ns;
	uint64_t k = number(w, w->n_sent), due_ns = run->start_ns;
	uint32_t n_threads = run->config->threads, period = run->sequence->period;
	uint32_t i = (uint32_t)(k % period);

	for (w->batch->n = 0; w->batch->n < RAW_BATCH; k += n_threads) {
		if (k >= run->n_frames)
			return UINT64_MAX;
		if (run->pace.kind != RAW_UNPACED)
			due_ns = raw_pace_due_ns(&run->pace, k);
		if (due_ns > now_ns)
			return due_ns;
		add_frame(w, i, k, due_ns, time_ns);
		i += n_threads;
		i = i < period ? i : i - period;
	}
	return 0;
}

static void count_sent(struct raw_worker *w, uint32_t from, uint32_t to, uint64_t now_ns)
{
	const struct raw_batch *batch = w->batch;
	struct raw_tally *tally = &w->stats.raw;

	for (uint32_t i = from; i < to; i++) {
		uint32_t len = (uint32_t)batch->iov[i].iov_len;

		tally->bytes += len;
		tally->wire_bytes += raw_wire_len(len);
	}
	for (uint32_t i = from; i < to && w->run->pace.kind != RAW_UNPACED; i++)
		histogram_record(&w->stats.lateness, now_ns - batch->due_ns[i]);
	tally->frames += to - from;
	w->n_sent += to - from;
}

static void pause_for(uint64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* A generator that was held up may still do what was due; one that is too slow is cut. */
static uint64_t grace_ns(const struct raw_run *run)
{
	uint64_t ns = run->config->duration_ns / 50;

	if (run->pace.kind == RAW_UNPACED)
		return 0;
	if (ns < MIN_GRACE_NS)
		return MIN_GRACE_NS;
	return ns < MAX_GRACE_NS ? ns : MAX_GRACE_NS;
}

static bool is_past_end(const struct raw_run *run, uint64_t now_ns)
{
	return run->end_ns != UINT64_MAX && now_ns >= run->end_ns + grace_ns(run);
}

static void count_refused(struct raw_worker *w, int error)
{
	if (error == EINTR || error == EAGAIN)
		return;
	w->stats.raw.n_refused++;
	w->stats.raw.n_full += error == ENOBUFS;
}

/* Longer, the longer it is that nothing was taken, so that what goes on for long takes little CPU. */
static uint64_t refused_ns(uint64_t held_ns)
{
	uint64_t ns = held_ns / 16;

	if (ns < REFUSED_NS)
		return REFUSED_NS;
	return ns < LONG_NS ? ns : LONG_NS;
}

static void pause_after(struct raw_worker *w, int error, uint64_t now_ns, uint64_t since_ns)
{
	if (error == EINTR)
		return;
	if (error == EAGAIN)
		w->socket.kind->wait(&w->socket);
	else
		pause_for(error == ENETDOWN ? DOWN_NS : refused_ns(now_ns - since_ns));
	w->stats.raw.held_ns += monotonic_ns() - now_ns;
}

/*
 * What was refused is counted in any case: the interface has counted it as well. Whether it is worth to
 * try again, after a pause; else the failure is noted.
 */
static bool may_go_on(struct raw_worker *w, int error, uint64_t since_ns)
{
	uint64_t now_ns = monotonic_ns(), give_up_ns = w->run->config->give_up_ns;
	bool passing = error == ENOBUFS || error == EAGAIN || error == ENOMEM ||
		       error == ENETDOWN || error == EINTR;

	if (passing)
		count_refused(w, error);
	if (atomic_load_explicit(&w->run->stop, memory_order_relaxed) ||
	    is_past_end(w->run, now_ns))
		return false;
	if (!passing || (give_up_ns && now_ns - since_ns >= give_up_ns)) {
		snprintf(w->failure, sizeof(w->failure), "%s%s", strerror(error),
			 passing ? ", for as long as give_up" : "");
		return false;
	}
	pause_after(w, error, now_ns, since_ns);
	return true;
}

/*
 * Where the kernel takes some of a batch it does not say why not the next one. If the socket was not
 * full the interface has refused it, and that one is tried again at once: if it is taken then, there had
 * been no room for it, else the same reason holds.
 *
 * Return: whether all of the batch was taken.
 */
static bool send_batch(struct raw_worker *w, uint64_t now_ns)
{
	struct raw_batch *batch = w->batch;
	struct raw_socket *socket = &w->socket;
	uint64_t since_ns = now_ns;
	bool cut = false;

	for (uint32_t i = 0; i < batch->n;) {
		int n = socket->kind->send(socket, batch->iov + i, batch->n - i);
		int error = n > 0 ? ENOBUFS : -n;

		if (cut)
			count_refused(w, error);
		cut = false;
		if (n > 0) {
			count_sent(w, i, i + (uint32_t)n, now_ns);
			i += (uint32_t)n;
			cut = i < batch->n && socket->kind->has_room(socket);
			if (i < batch->n)
				since_ns = now_ns = monotonic_ns();
		} else if (!may_go_on(w, error, since_ns)) {
			count_sent(w, i, i + socket->kind->settle(socket), now_ns);
			return false;
		} else {
			now_ns = monotonic_ns();
			tell_each_second(w, now_ns);
		}
	}
	return true;
}

/* ---- the thread ---- */

/* Until then, or a little earlier. */
static void wait_until(uint64_t due_ns, uint64_t now_ns)
{
	uint64_t until_ns = due_ns - AWAKE_NS;
	struct timespec time;

	if (until_ns <= now_ns)
		return;
	if (until_ns > now_ns + MAX_SLEEP_NS)
		until_ns = now_ns + MAX_SLEEP_NS;
	time.tv_sec = (time_t)(until_ns / NSEC_PER_SEC);
	time.tv_nsec = (long)(until_ns % NSEC_PER_SEC);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static bool is_to_end(const struct raw_worker *w, uint64_t now_ns)
{
	return is_over(w) || atomic_load_explicit(&w->run->stop, memory_order_relaxed) ||
	       is_past_end(w->run, now_ns);
}

static void *work(void *user)
{
	struct raw_worker *w = user;
	uint64_t now_ns = monotonic_ns(), next_ns;

	w->tick_ns = w->run->start_ns + NSEC_PER_SEC;
	prctl(PR_SET_TIMERSLACK, 1);
	for (; !is_to_end(w, now_ns); now_ns = monotonic_ns()) {
		tell_each_second(w, now_ns);
		if (now_ns < w->run->start_ns)
			next_ns = w->run->start_ns;
		else
			next_ns = take_due(w, now_ns);
		if (w->batch->n && !send_batch(w, now_ns)) {
			now_ns = monotonic_ns();
			break;
		}
		w->batch->n = 0;
		if (next_ns > now_ns && !is_over(w))
			wait_until(next_ns < w->tick_ns ? next_ns : w->tick_ns, monotonic_ns());
	}
	tell(w, now_ns > w->run->start_ns ? now_ns : w->run->start_ns, true);
	return NULL;
}

/**
 * raw_worker_start() - start the thread
 * @worker: from raw_worker_init(); its run has its times
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int raw_worker_start(struct raw_worker *worker, struct error *err)
{
	int r = pthread_create(&worker->thread, NULL, work, worker);

	if (r)
		return error_set(err, -r, "cannot start a thread: %s", strerror(r));
	worker->started = true;
	return 0;
}

/** raw_worker_join() - wait for the thread to end, if it was started */
void raw_worker_join(struct raw_worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	worker->started = false;
}

/** raw_worker_free() - release what raw_worker_init() has made; the thread has ended */
void raw_worker_free(struct raw_worker *worker)
{
	if (worker->batch)
		free(worker->batch->buffer[0]);
	free(worker->batch);
	if (worker->has_lock)
		pthread_mutex_destroy(&worker->mailbox.lock);
	raw_socket_close(&worker->socket);
}
