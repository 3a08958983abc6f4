// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The reader of a history file: any number of processes, without a lock, while it is written.
 *
 * Reads with pread(2) instead of through a map, on purpose. A map of a file that someone truncates
 * kills the reader (SIGBUS), and no check of the size beforehand closes that race; a read is merely
 * short. The page cache is the writer's map, so a read sees the same stores. Each copy is judged in
 * private memory: its sequence must be even and the expected one before and after it, and
 * its checksum, seeded with the record's number, must be right.
 *
 * Invariants: no field of the file is used before it was checked; numbers from callers select a
 * slot only modulo the ring's capacity. A reader is constant after opening: threads may share it.
 */
#include "store/history-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define TRIES 3
#define BATCH 32 /* records a system call */

/* Each update of names changes an entry twice, and an epoch has no more of them than slots. */
#define EPOCH_TRIES (TRIES + 2 * SAMPLER_MAX_SERVICES)

struct history_reader {
	struct history_dir dir;
	int fd;
	struct history_disk_constant constant;
	struct history_info info;
};

static const struct history_disk_ring *disk_ring(const struct history_reader *r,
						 enum history_ring ring)
{
	return &r->constant.ring[ring];
}

/*
 * A copy of 8 bytes by the kernel is one load on all machines that we know, but nothing promises
 * that; two equal ones in a row do. A word that changes faster than that is only ever a hint.
 */
static int read_word(const struct history_reader *r, uint64_t offset, uint64_t *ret_word)
{
	uint64_t word, again = 0;
	int error = history_file_pread(r->fd, &word, sizeof(word), offset);

	for (int i = 0; error == 0 && i < TRIES; i++) {
		error = history_file_pread(r->fd, &again, sizeof(again), offset);
		if (again == word)
			break;
		word = again;
	}
	if (error == 0)
		*ret_word = word;
	return error;
}

/**
 * history_reader_head() - where a ring's next record goes; polling this shows a new tick
 * @r: the reader
 * @ring: which ring
 * @ret_head: records are numbered below this; the oldest is history_oldest() of it
 *
 * Return: 0, -EUCLEAN for a damaged word, -EIO where the file was cut, or another negative errno.
 */
int history_reader_head(const struct history_reader *r, enum history_ring ring, uint64_t *ret_head)
{
	const uint64_t at = offsetof(struct history_disk_header, head) +
			    ring * sizeof(struct history_disk_word);
	uint64_t head;
	int error = read_word(r, at, &head);

	if (error == 0 && head > HISTORY_MAX_NUMBER)
		error = -EUCLEAN;
	if (error == 0)
		*ret_head = head;
	return error;
}

/*
 * Copy a slot between two looks at its sequence. The fences keep this processor's loads, which the
 * kernel's copies are, in that order; the writer's release fence and store are their counterparts.
 */
static int copy_slot(const struct history_reader *r, uint64_t offset,
		     struct history_disk_slot *ret_slot, uint64_t *ret_before, uint64_t *ret_after)
{
	int error = history_file_pread(r->fd, ret_before, sizeof(*ret_before), offset);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = history_file_pread(r->fd, ret_slot, sizeof(*ret_slot), offset);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = history_file_pread(r->fd, ret_after, sizeof(*ret_after), offset);
	return error;
}

/* Why there is no record of this number, though its slot could be read. */
static int why_missing(const struct history_reader *r, enum history_ring ring, uint64_t number,
		       uint64_t sequence)
{
	uint64_t head = 0;
	int error = history_reader_head(r, ring, &head);

	if (error < 0)
		return error;
	if (number >= head)
		return -EAGAIN;
	return head - number >= disk_ring(r, ring)->capacity ||
			       sequence > history_sequence_done(number)
		       ? -ESTALE
		       : -ENODATA;
}

/**
 * history_read() - read one record
 * @r: the reader
 * @ring: which ring
 * @number: of the record
 * @ret_sample: untouched unless 0 is returned
 *
 * Return: 0; -ENODATA for a gap (lost to a crash); -ESTALE where a later record took the slot;
 * -EAGAIN for a record not written yet; -EINVAL for an impossible number; -EIO where the file was
 * cut; or another negative errno.
 */
int history_read(const struct history_reader *r, enum history_ring ring, uint64_t number,
		 struct sample *ret_sample)
{
	struct history_disk_slot slot;
	uint64_t before, after = 0;

	if (number >= HISTORY_MAX_NUMBER)
		return -EINVAL;
	for (int i = 0; i < TRIES; i++) {
		int error = copy_slot(r, history_disk_slot_offset(disk_ring(r, ring), number),
				      &slot, &before, &after);

		if (error < 0)
			return error;
		if (before == slot.sequence && after == slot.sequence &&
		    history_disk_slot_valid(slot.sequence, slot.checksum, &slot.sample, number)) {
			*ret_sample = slot.sample;
			return 0;
		}
		if (before == after && before != history_sequence_begun(number))
			break; /* nobody is at it */
	}
	return why_missing(r, ring, number, after);
}

struct slot_head {
	uint64_t sequence;
	uint64_t checksum;
};

_Static_assert(sizeof(struct slot_head) == offsetof(struct history_disk_slot, sample), "in front");

/* Copy slots that lie side by side, the samples straight to where the caller wants them. */
static int copy_slots(const struct history_reader *r, uint64_t offset, size_t n,
		      struct slot_head *ret_heads, struct sample *ret_samples)
{
	struct iovec iov[2 * BATCH];
	ssize_t done;

	for (size_t i = 0; i < n; i++) {
		iov[2 * i].iov_base = &ret_heads[i];
		iov[2 * i].iov_len = sizeof(ret_heads[i]);
		iov[2 * i + 1].iov_base = &ret_samples[i];
		iov[2 * i + 1].iov_len = sizeof(ret_samples[i]);
	}
	do
		done = preadv(r->fd, iov, (int)(2 * n), (off_t)offset);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return (size_t)done == n * sizeof(struct history_disk_slot) ? 0 : -EIO;
}

/*
 * Read a batch. Instead of every sequence twice more, the head is read before and after the copies:
 * a record below the first head was complete, and the writer touches its slot again only for record
 * n + capacity, when the head has come to that number. Between the two the slot stood still, and what
 * is no record then is none. Records of which the heads do not prove that are read one by one: the
 * newest and the oldest, so that a file full of holes costs no more than any other.
 */
static int read_batch(const struct history_reader *r, enum history_ring ring, uint64_t first,
		      size_t n, struct sample *ret_samples)
{
	const struct history_disk_ring *disk = disk_ring(r, ring);
	struct slot_head heads[BATCH];
	uint64_t before = 0, after = 0;
	int found = 0;
	int error = history_reader_head(r, ring, &before);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = copy_slots(r, history_disk_slot_offset(disk, first), n, heads, ret_samples);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = history_reader_head(r, ring, &after);
	if (error < 0)
		return error;
	for (uint64_t i = 0; i < n; i++) {
		const bool still = first + i < before && after < first + i + disk->capacity;

		if (still ? history_disk_slot_valid(heads[i].sequence, heads[i].checksum,
						    &ret_samples[i], first + i)
			  : history_read(r, ring, first + i, &ret_samples[i]) == 0)
			found++;
		else
			memset(&ret_samples[i], 0, sizeof(ret_samples[i]));
	}
	return found;
}

/**
 * history_read_range() - read records of successive numbers
 * @r: the reader
 * @ring: which ring
 * @first: number of the first
 * @n: how many; at most INT_MAX
 * @ret_samples: room for @n; one that is a gap, overwritten or not written yet is zeroed, so that
 * history_is_gap() tells
 *
 * Return: how many were found, or a negative errno as history_read() has it; the array's content
 * is then undefined.
 */
int history_read_range(const struct history_reader *r, enum history_ring ring, uint64_t first,
		       size_t n, struct sample *ret_samples)
{
	const uint64_t capacity = disk_ring(r, ring)->capacity;
	int found = 0;

	if (n > INT_MAX || first >= HISTORY_MAX_NUMBER || n > HISTORY_MAX_NUMBER - first)
		return -EINVAL;
	for (size_t done = 0; done < n;) {
		uint64_t to_wrap = capacity - (first + done) % capacity;
		size_t batch = n - done < BATCH ? n - done : BATCH;
		int r_batch;

		if (batch > to_wrap)
			batch = to_wrap;
		r_batch = read_batch(r, ring, first + done, batch, ret_samples + done);
		if (r_batch < 0)
			return r_batch;
		found += r_batch;
		done += batch;
	}
	return found;
}

/**
 * history_reader_newest_epoch() - the epoch that is being recorded, or was last
 * @r: the reader
 * @ret_ordinal: its number, 0 where there is none yet
 *
 * Return: 0, -EUCLEAN for a damaged word, or another negative errno.
 */
int history_reader_newest_epoch(const struct history_reader *r, uint32_t *ret_ordinal)
{
	uint64_t word = 0;
	int error = read_word(r, offsetof(struct history_disk_header, newest_epoch.value), &word);

	if (error == 0 && word > UINT32_MAX)
		error = -EUCLEAN;
	if (error == 0)
		*ret_ordinal = (uint32_t)word;
	return error;
}

static bool same_sequences(const struct history_disk_epoch *a, const struct history_disk_epoch *b)
{
	return a->sequence == b->sequence && a->names[0].sequence == b->names[0].sequence &&
	       a->names[1].sequence == b->names[1].sequence;
}

/* Copy an entry between two looks at its sequences, as copy_slot() does. -EAGAIN: it changed. */
static int copy_epoch(const struct history_reader *r, uint32_t ordinal,
		      struct history_disk_epoch *ret_epoch)
{
	const uint64_t at = offsetof(struct history_disk_header, epoch) +
			    ordinal % HISTORY_N_EPOCHS * sizeof(struct history_disk_epoch);
	struct history_disk_epoch before, after;
	int error = history_file_pread(r->fd, &before, sizeof(before), at);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = history_file_pread(r->fd, ret_epoch, sizeof(*ret_epoch), at);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (error == 0)
		error = history_file_pread(r->fd, &after, sizeof(after), at);
	if (error == 0 &&
	    !(same_sequences(&before, ret_epoch) && same_sequences(ret_epoch, &after)))
		error = -EAGAIN;
	return error;
}

static void export_epoch(const struct history_disk_epoch *e, const struct history_disk_names *names,
			 struct history_epoch *ret_epoch)
{
	memset(ret_epoch, 0, sizeof(*ret_epoch));
	ret_epoch->source.counters_id = e->counters_id;
	memcpy(ret_epoch->source.boot_id, e->boot_id, sizeof(e->boot_id));
	ret_epoch->source.ifindex = e->ifindex;
	if (names)
		history_services_clean(&names->services, &ret_epoch->source.services);
	ret_epoch->ordinal = e->ordinal;
	memcpy(ret_epoch->first_record, e->first_record, sizeof(e->first_record));
	ret_epoch->first_boottime_ns = e->first_boottime_ns;
	ret_epoch->offset_ns = e->offset_ns;
}

/**
 * history_reader_epoch() - where the samples of an epoch come from, its names and its wall clock
 * @r: the reader
 * @ordinal: sample.epoch
 * @ret_epoch: untouched unless 0 is returned; names are NUL-terminated visible ASCII, all "" where
 * they are damaged, and include those of every record that was complete before the call
 *
 * Return: 0; -EINVAL for 0; -ESTALE for one that is no longer among the last HISTORY_N_EPOCHS;
 * -EAGAIN for one that has not begun (or an entry that never holds still, which only a damaged file
 * can show); -ENODATA for a damaged entry; or another negative errno.
 */
int history_reader_epoch(const struct history_reader *r, uint32_t ordinal,
			 struct history_epoch *ret_epoch)
{
	struct history_disk_epoch e;
	uint32_t newest = 0;
	int error = -EAGAIN;

	if (ordinal == 0)
		return -EINVAL;
	for (int i = 0; error == -EAGAIN && i < EPOCH_TRIES; i++)
		error = copy_epoch(r, ordinal, &e);
	if (error < 0)
		return error;
	if (history_disk_epoch_valid(&e, ordinal)) {
		export_epoch(&e, history_disk_names_newest(&e), ret_epoch);
		return 0;
	}
	error = history_reader_newest_epoch(r, &newest);
	if (error < 0)
		return error;
	if (ordinal > newest)
		return -EAGAIN;
	return newest - ordinal >= HISTORY_N_EPOCHS ||
			       e.sequence > history_sequence_done(ordinal - 1)
		       ? -ESTALE
		       : -ENODATA;
}

/**
 * history_reader_missed() - ticks of which there is no record though a recorder ran
 * @r: the reader
 * @ret_n: how many, since the file was made
 *
 * Return: 0, -EIO where the file was cut, or another negative errno.
 */
int history_reader_missed(const struct history_reader *r, uint64_t *ret_n)
{
	return read_word(r, offsetof(struct history_disk_header, missed.value), ret_n);
}

/**
 * history_reader_superseded() - whether to close this reader and open the name again
 * @r: the reader
 *
 * True when the writer has moved on to another file, and when the name leads to another file or to
 * none for any other reason (purged, moved aside).
 */
bool history_reader_superseded(const struct history_reader *r)
{
	const uint64_t at = offsetof(struct history_disk_header, superseded.value);
	struct stat here, there;
	uint64_t word = HISTORY_SUPERSEDED;

	if (read_word(r, at, &word) < 0 || word == HISTORY_SUPERSEDED)
		return true;
	return fstat(r->fd, &here) < 0 ||
	       fstatat(r->dir.fd, r->dir.file, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
	       here.st_ino != there.st_ino || here.st_dev != there.st_dev;
}

/** history_reader_info() - Return: what the file says of itself, valid until it is closed */
const struct history_info *history_reader_info(const struct history_reader *r)
{
	return &r->info;
}

static int open_all(struct history_reader *r, const char *dir, const char *key, struct error *err)
{
	uint64_t size;
	int error = history_dir_open(dir, key, &r->dir, err);

	if (error == 0)
		error = history_file_open(&r->dir, O_RDONLY, &r->fd, &size, err);
	if (error == 0)
		error = history_file_read_constant(&r->dir, r->fd, size, &r->constant, err);
	r->dir.path = NULL; /* borrowed, for messages at opening only */
	return error;
}

/**
 * history_open_reader() - open the history of an interface for reading
 * @dir: directory of history files
 * @key: of the interface
 * @ret_reader: the reader, to be closed with history_close_reader()
 * @err: why not
 *
 * Return: 0; -ENOENT where there is none; -EINVAL for a name that is not a regular file's;
 * -EPROTONOSUPPORT for another format, version or layout; -EUCLEAN for damage; or another
 * negative errno.
 */
int history_open_reader(const char *dir, const char *key, struct history_reader **ret_reader,
			struct error *err)
{
	_cleanup_history_reader_ struct history_reader *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->dir.fd = r->fd = -1;
	error = open_all(r, dir, key, err);
	if (error < 0)
		return error;
	history_disk_constant_info(&r->constant, &r->info);
	*ret_reader = take_ptr(r);
	return 0;
}

/**
 * history_close_reader() - release a reader
 * @r: the reader, or NULL
 */
void history_close_reader(struct history_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	history_dir_close(&r->dir);
	free(r);
}
