// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A writer that never rests and is killed again and again, and readers that check all they get.
 *
 * Every word of a record follows from its number, so a reader can tell a torn one without trusting
 * the store; a nonce names the attempt that wrote it, so that a number that was given out twice
 * shows. The rings are tiny: each slot is overwritten many thousand times a second.
 *
 * The test has teeth: beside the store's own reader run three of the test's. One that checks
 * nothing must meet torn records, or the test fails. One that goes by the sequence alone and one
 * that goes by the checksum alone must meet none: each guard holds without the other.
 */
#include "unit.h"

#include "model/layout.h"
#include "store/history-format.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_READERS  8
#define DURATION   (3 * NSEC_PER_SEC)
#define FINE	   4
#define REMEMBERED 4096
#define STEP_NS	   NSEC_PER_SEC

static const struct history_geometry tiny = { .interval_ns = STEP_NS,
					      .fine_records = FINE,
					      .medium_span_ns = 3 * HISTORY_MEDIUM_STEP_NS,
					      .coarse_span_ns = 2 * HISTORY_COARSE_STEP_NS };

enum method { STORE, STORE_RANGE, SEQUENCE_ONLY, CHECKSUM_ONLY, NOTHING, N_METHODS };

/* What the processes share. */
struct board {
	int stop;
	uint64_t incarnation;
	uint64_t accepted[N_METHODS];
	uint64_t refused[N_METHODS];
	uint64_t torn[N_METHODS];
	uint64_t given_twice;
	uint64_t epochs;
};

struct fixture {
	char dir[64];
	struct history_place place;
	struct board *board;
};

static uint64_t *words_of(struct sample *s)
{
	return (uint64_t *)s->direction;
}

#define N_WORDS (sizeof(((struct sample *)NULL)->direction) / (sizeof(uint64_t)))

/* Records are numbered from 0, one a STEP_NS; nonce in peak[0], everything else from t. */
static void fill(struct sample *s, uint64_t t, uint64_t nonce)
{
	*s = (struct sample){ .boottime_ns = t * STEP_NS, .realtime_ns = ~t, .flags = (uint32_t)t };
	s->peak[0].bits_per_s = nonce;
	s->peak[0].boottime_ns = nonce * 3 + t;
	for (size_t i = 0; i < N_WORDS; i++)
		words_of(s)[i] = t * (2 * i + 1);
}

/* Return: whether the record is of one piece. */
static bool is_whole(const struct sample *s)
{
	struct sample expected;

	fill(&expected, s->boottime_ns / STEP_NS, s->peak[0].bits_per_s);
	expected.epoch = s->epoch;
	return memcmp(s, &expected, sizeof(expected)) == 0;
}

static void add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool stopped(const struct board *board)
{
	return __atomic_load_n(&board->stop, __ATOMIC_RELAXED);
}

static void pause_us(unsigned int us)
{
	struct timespec ts = { .tv_nsec = us * 1000L };

	nanosleep(&ts, NULL);
}

/* The writer: a record's time is its number, also over gaps, which is what readers check. */
static int write_until_killed(struct fixture *f)
{
	uint64_t incarnation = __atomic_add_fetch(&f->board->incarnation, 1, __ATOMIC_RELAXED);
	const struct history_source source = { .counters_id = 1,
					       .ifindex = (uint32_t)incarnation / 2 };
	struct history_writer *w = NULL;
	struct error err;
	struct sample s;
	uint64_t nonce = incarnation << 32;

	if (history_open_writer(&f->place, &tiny, &w, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	fill(&s, history_writer_head(w, HISTORY_FINE) + 1, nonce);
	if (history_begin_epoch(w, &source, &s) < 0)
		return 2;
	while (!stopped(f->board)) {
		fill(&s, history_writer_head(w, HISTORY_FINE) + 1, ++nonce);
		if (history_append(w, &s) < 0)
			return 3;
	}
	history_close_writer(w);
	return 0;
}

struct memory {
	struct {
		uint64_t number;
		uint64_t nonce;
	} seen[REMEMBERED];
};

/* A number stands for one record, for ever. */
static void check(struct board *board, struct memory *memory, enum method method, uint64_t number,
		  const struct sample *s)
{
	const size_t i = number % REMEMBERED;

	add(&board->accepted[method]);
	if (!is_whole(s) || s->boottime_ns / STEP_NS != number + 1) {
		add(&board->torn[method]);
		return;
	}
	if (memory->seen[i].number == number + 1 && memory->seen[i].nonce != s->peak[0].bits_per_s)
		add(&board->given_twice);
	memory->seen[i].number = number + 1;
	memory->seen[i].nonce = s->peak[0].bits_per_s;
}

static void read_by_store(struct board *board, struct history_reader *r, struct memory *memory,
			  uint64_t number)
{
	struct sample s;

	if (history_read(r, HISTORY_FINE, number, &s) == 0)
		check(board, memory, STORE, number, &s);
	else
		add(&board->refused[STORE]);
}

static void read_range_by_store(struct board *board, struct history_reader *r,
				struct memory *memory, uint64_t head)
{
	const uint64_t first = history_oldest(head, FINE);
	struct sample s[FINE + 1];
	int found = history_read_range(r, HISTORY_FINE, first, array_size(s), s);

	for (uint64_t i = 0; i < array_size(s); i++) {
		if (history_is_gap(&s[i])) {
			add(&board->refused[STORE_RANGE]);
			continue;
		}
		check(board, memory, STORE_RANGE, first + i, &s[i]);
		found--;
	}
	if (found != 0)
		add(&board->torn[STORE_RANGE]);
}

/* Coarse records, too, are whole, and their epoch is known. */
static void read_coarse(struct board *board, struct history_reader *r, uint64_t random)
{
	const enum history_ring ring = random % 2 ? HISTORY_MEDIUM : HISTORY_COARSE;
	struct history_epoch e;
	struct sample s;
	uint64_t head = 0;

	if (history_reader_head(r, ring, &head) < 0 || !head ||
	    history_read(r, ring, head - 1, &s) < 0)
		return;
	add(&board->accepted[STORE]);
	if (!is_whole(&s))
		add(&board->torn[STORE]);
	if (history_reader_epoch(r, s.epoch, &e) == 0) {
		add(&board->epochs);
		if (e.ordinal != s.epoch || e.source.counters_id != 1)
			add(&board->torn[STORE]);
	}
}

static off_t slot_of(uint64_t number)
{
	return (off_t)(HISTORY_HEADER_SIZE + number % FINE * sizeof(struct history_disk_slot));
}

/* A slot with one guard or none, through a descriptor of the test's own. */
static void read_by_hand(struct board *board, int fd, struct memory *memory, enum method method,
			 uint64_t number)
{
	const off_t at = slot_of(number);
	const uint64_t expected = history_sequence_done(number);
	struct history_disk_slot slot;
	uint64_t before = expected, after = expected;

	if (method == SEQUENCE_ONLY && pread(fd, &before, sizeof(before), at) != sizeof(before))
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (pread(fd, &slot, sizeof(slot), at) != sizeof(slot))
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (method == SEQUENCE_ONLY && pread(fd, &after, sizeof(after), at) != sizeof(after))
		return;
	if (before != expected || after != expected ||
	    (method == CHECKSUM_ONLY &&
	     slot.checksum != hash64(&slot.sample, sizeof(slot.sample), number))) {
		add(&board->refused[method]);
		return;
	}
	if (method == NOTHING) { /* any record is welcome, if only it is of one piece */
		add(&board->accepted[method]);
		if (slot.sample.epoch && !is_whole(&slot.sample))
			add(&board->torn[method]);
		return;
	}
	check(board, memory, method, number, &slot.sample);
}

static uint64_t random64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static int read_until_stopped(struct fixture *f, unsigned int reader)
{
	static struct memory memory;
	uint64_t seed = 0x9e3779b97f4a7c15 * (reader + 1), head = 0;
	struct history_reader *r = NULL;
	struct board *board = f->board;
	struct error err;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/eth0.hist", f->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || history_open_reader(f->dir, "eth0", &r, &err) < 0)
		return 1;
	while (!stopped(board)) {
		const uint64_t random = random64(&seed);
		uint64_t number;

		if (history_reader_head(r, HISTORY_FINE, &head) < 0 || history_reader_superseded(r))
			return 2;
		/* from the oldest, which is being overwritten, to the one being written */
		number = history_oldest(head, FINE) + random % (FINE + 1);
		switch (random >> 32 & 7) {
		case 0 ... 2:
			read_by_store(board, r, &memory, number);
			break;
		case 3 ... 4:
			read_range_by_store(board, r, &memory, head);
			break;
		case 5:
			read_coarse(board, r, random >> 35);
			break;
		case 6:
			read_by_hand(board, fd, &memory, SEQUENCE_ONLY + (random >> 35) % 2,
				     number);
			break;
		default:
			read_by_hand(board, fd, &memory, NOTHING, number);
		}
	}
	history_close_reader(r);
	close(fd);
	return 0;
}

static pid_t start_writer(struct fixture *f)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(write_until_killed(f));
	}
	return pid;
}

static int open_raw(const struct fixture *f)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/eth0.hist", f->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static uint64_t head_of(const struct fixture *f)
{
	_cleanup_close_ int fd = open_raw(f);
	uint64_t head = 0;

	assert_int_equal(pread(fd, &head, 8, offsetof(struct history_disk_header, head)), 8);
	return head;
}

/* Whether the slot that comes next is half written. */
static bool left_odd(const struct fixture *f)
{
	_cleanup_close_ int fd = open_raw(f);
	const uint64_t head = head_of(f);
	uint64_t sequence;

	assert_int_equal(pread(fd, &sequence, sizeof(sequence), slot_of(head)), sizeof(sequence));
	return sequence == history_sequence_begun(head);
}

/*
 * Leave the next slot as a writer does that is killed half way through it, until the reader without
 * a guard has met it: on a loaded machine chance alone could take longer than the test.
 */
static void tear_next_slot(struct fixture *f)
{
	const uint64_t seen = __atomic_load_n(&f->board->torn[NOTHING], __ATOMIC_RELAXED);
	struct history_disk_slot slot;
	_cleanup_close_ int fd = open_raw(f);
	uint64_t head = head_of(f), sequence;

	/* A writer that died between a record's end and the head's store has left that one whole. */
	assert_int_equal(pread(fd, &sequence, sizeof(sequence), slot_of(head)), sizeof(sequence));
	head += sequence == history_sequence_done(head);
	fill(&slot.sample, head + 1, 0);
	slot.sample.epoch = 1;
	slot.sequence = history_sequence_begun(head);
	slot.checksum = hash64(&slot.sample, sizeof(slot.sample), head);
	assert_int_equal(pwrite(fd, &slot, sizeof(slot) / 2, slot_of(head)), sizeof(slot) / 2);
	for (int i = 0; i < 500; i++) {
		if (__atomic_load_n(&f->board->torn[NOTHING], __ATOMIC_RELAXED) > seen)
			return;
		pause_us(1000);
	}
}

static void reap(pid_t pid, int expected_signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (expected_signal)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == expected_signal);
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("a process ended with status 0x%x", status);
}

static void wait_for_records(const struct fixture *f, uint64_t head)
{
	for (int i = 0; i < 2000 && head_of(f) < head; i++)
		pause_us(500);
}

/* Return: how often a writer died in the middle of a record. */
static unsigned int kill_writers(struct fixture *f, unsigned int *ret_kills)
{
	const uint64_t start = clock_boottime_ns();
	unsigned int odd = 0, kills = 0, next_tear = 0;

	/* twice as long at most, where a loaded machine has let too little happen */
	while (clock_boottime_ns() - start < (odd && kills > 4 ? DURATION : 2 * DURATION)) {
		const uint64_t head = head_of(f);
		pid_t pid = start_writer(f);

		assert_true(pid > 0);
		wait_for_records(f, head + 1000);
		pause_us(1000 + kills * 7919 % 9000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		reap(pid, SIGKILL);
		kills++;
		if (left_odd(f)) { /* may be whole but for its sequence: not to be written again */
			odd++;
		} else if (kills > next_tear) {
			tear_next_slot(f);
			next_tear = kills + 8;
		}
	}
	*ret_kills = kills;
	return odd;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct history_writer *w = NULL;
	struct error err;

	if (!f)
		return -1;
	strcpy(f->dir, "/dev/shm/test-history-stress-XXXXXX");
	if (!mkdtemp(f->dir)) {
		strcpy(f->dir, "/tmp/test-history-stress-XXXXXX");
		if (!mkdtemp(f->dir))
			return -1;
	}
	f->place = (struct history_place){
		.dir = f->dir, .key = "eth0", .ifname = "eth0", .uid = -1, .gid = -1
	};
	f->board = mmap(NULL, sizeof(*f->board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (f->board == MAP_FAILED || history_open_writer(&f->place, &tiny, &w, &err) < 0)
		return -1;
	history_close_writer(w);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct error err;
	int r = history_purge(f->dir, "eth0", &err);

	munmap(f->board, sizeof(*f->board));
	r = r < 0 ? r : rmdir(f->dir);
	free(f);
	return r;
}

static void report(const struct board *board, unsigned int kills, unsigned int odd)
{
	static const char *const names[N_METHODS] = { "store", "store, range", "sequence only",
						      "checksum only", "no guard" };

	for (int i = 0; i < N_METHODS; i++)
		printf("# %-13s %8ju accepted, %8ju refused, %6ju torn\n", names[i],
		       (uintmax_t)board->accepted[i], (uintmax_t)board->refused[i],
		       (uintmax_t)board->torn[i]);
	printf("# %u writers killed, %u of them within a record\n", kills, odd);
	fflush(stdout);
}

static void no_torn_record_is_ever_accepted(void **state)
{
	struct fixture *f = *state;
	struct board *board = f->board;
	pid_t readers[N_READERS];
	unsigned int kills = 0, odd;

	fflush(stdout);
	for (unsigned int i = 0; i < N_READERS; i++) {
		readers[i] = fork();
		assert_true(readers[i] >= 0);
		if (readers[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(read_until_stopped(f, i));
		}
	}
	odd = kill_writers(f, &kills);
	__atomic_store_n(&board->stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < N_READERS; i++)
		reap(readers[i], 0);
	report(board, kills, odd);

	assert_int_equal(board->torn[STORE], 0);
	assert_int_equal(board->torn[STORE_RANGE], 0);
	assert_int_equal(board->torn[SEQUENCE_ONLY], 0);
	assert_int_equal(board->torn[CHECKSUM_ONLY], 0);
	assert_int_equal(board->given_twice, 0);
	/* and it was a test: records were read, torn ones were there to be met, writers died in them */
	for (int i = 0; i < N_METHODS; i++)
		assert_true(board->accepted[i] > 100);
	assert_true(board->torn[NOTHING] > 0);
	assert_true(board->epochs > 100);
	assert_true(kills > 4);
	assert_true(odd > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_torn_record_is_ever_accepted, setup, teardown),
	};

	return cmocka_run_group_tests_name("history-stress", tests, NULL, NULL);
}
