// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The writer of a history file: opens or makes it, goes on where it stood, appends samples.
 *
 * Invariants: within an epoch time and counters only grow, since an append that would break that
 * begins the next epoch itself. Each coarse ring holds, beside its boundary samples, the last
 * sample before and the first one after an epoch change or a pause of more than a step, so that no
 * delta is lost between them; its records grow in time like the fine ones. An epoch is on disk
 * before the first record that names it, so that after a power loss no pair of epoch and number
 * comes twice. So are the names that its services have, and within an epoch none ever changes.
 * Everything else is left to the kernel's write-back: a power loss costs the last half minute, a
 * crash of the process nothing.
 *
 * Stores go through a shared map. The blocks are allocated when the file is made, so that a full
 * disk cannot hurt later; a file that someone truncates meanwhile kills the process (SIGBUS), and
 * its next start moves the rest aside. What the map holds is never read back: heads and the newest
 * samples are kept here, so that a damaged file cannot lead a running writer astray.
 *
 * The writer owns its descriptors, its map and the lock. One thread uses it.
 */
#include "model/layout.h"
#include "model/rates.h"
#include "store/history-file.h"
#include "store/history-recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct history_writer {
	struct history_dir dir;
	int lock_fd;
	int fd;
	struct history_disk_constant constant; /* of the file in use, checked */
	struct history_state state;
	struct history_info info;
	uint8_t *map; /* constant.file_size bytes */
	bool begun;   /* an epoch, by this writer */
	struct error note;
};

static struct history_disk_header *header(const struct history_writer *w)
{
	return (struct history_disk_header *)w->map;
}

/*
 * Write a record. The orderings, each for a reader that goes the other way round:
 * - the fence keeps the payload's stores behind the odd sequence, and behind the head that was
 *   stored before it. A reader that copied a byte of this payload therefore finds, behind its own
 *   fence, a sequence that is not the old one any more and a head of at least n;
 * - the release store of the even sequence keeps the payload before it: who sees it even and copies
 *   then, copies all of this payload or of a later one;
 * - the release store of the head comes last: a number below it is in its slot.
 * The odd store itself needs no order, and no other process ever stores here.
 */
static void put(struct history_writer *w, enum history_ring ring, const struct sample *sample)
{
	struct history_tail *tail = &w->state.tail[ring];
	const uint64_t n = tail->head;
	struct history_disk_slot *slot =
		(struct history_disk_slot *)(w->map +
					     history_disk_slot_offset(&w->constant.ring[ring], n));

	__atomic_store_n(&slot->sequence, history_sequence_begun(n), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	slot->checksum = hash64(sample, sizeof(*sample), n);
	memcpy(&slot->sample, sample, sizeof(*sample));
	__atomic_store_n(&slot->sequence, history_sequence_done(n), __ATOMIC_RELEASE);
	__atomic_store_n(&header(w)->head[ring].value, n + 1, __ATOMIC_RELEASE);
	tail->head = n + 1;
	tail->epoch = sample->epoch;
	tail->boottime_ns = sample->boottime_ns;
}

/* Write a record unless the ring has it or a newer one: coarse rings grow in time, too. */
static void put_newer(struct history_writer *w, enum history_ring ring, const struct sample *sample)
{
	const struct history_tail *tail = &w->state.tail[ring];

	if (sample->epoch > tail->epoch ||
	    (sample->epoch == tail->epoch && sample->boottime_ns > tail->boottime_ns))
		put(w, ring, sample);
}

/* Write the record if it is the first of its epoch or of a step. */
static void put_at_boundary(struct history_writer *w, enum history_ring ring,
			    const struct sample *sample)
{
	const struct history_tail *tail = &w->state.tail[ring];
	const uint64_t step = w->constant.ring[ring].step_ns;

	if (sample->epoch != tail->epoch || sample->boottime_ns / step != tail->boottime_ns / step)
		put_newer(w, ring, sample);
}

/* Both sides of a pause go into a coarse ring, so that its length is not taken for a step. */
static void put_before_pause(struct history_writer *w, enum history_ring ring,
			     const struct sample *sample)
{
	const struct sample *last = &w->state.last;

	if (last->epoch == sample->epoch &&
	    sample->boottime_ns - last->boottime_ns >= w->constant.ring[ring].step_ns)
		put_newer(w, ring, last);
}

static bool fell(const struct sample *older, const struct sample *newer)
{
	if (newer->boottime_ns < older->boottime_ns)
		return true;
	for (int i = 0; i < SAMPLER_N_DIRECTIONS; i++)
		if (rates_fell(older, newer, i))
			return true;
	return false;
}

static bool same_source(const struct history_disk_epoch *e, const struct history_source *source)
{
	return e->counters_id == source->counters_id && e->ifindex == source->ifindex &&
	       memcmp(e->boot_id, source->boot_id, sizeof(e->boot_id)) == 0;
}

/* Whether each slot that had a name still has it. */
static bool names_stay(const struct history_services *before, const struct history_services *now)
{
	for (int i = 0; i < SAMPLER_MAX_SERVICES; i++)
		if (before->name[i][0] &&
		    memcmp(before->name[i], now->name[i], sizeof(now->name[i])) != 0)
			return false;
	return true;
}

static void sync_header(struct history_writer *w)
{
	/* A disk that fails here is the kernel's to report; recording goes on in the page cache. */
	(void)msync(w->map, HISTORY_HEADER_SIZE, MS_SYNC);
}

/* Update the names of the epoch under the same rule as a record, and see them to the disk. */
static void put_names(struct history_writer *w, const struct history_services *services)
{
	const uint32_t ordinal = w->state.epoch.ordinal;
	struct history_names *names = &w->state.names;
	struct history_disk_names *slot =
		&header(w)->epoch[ordinal % HISTORY_N_EPOCHS].names[names->spare];
	const uint64_t n = names->next;

	__atomic_store_n(&slot->sequence, history_sequence_begun(n), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	history_disk_names_fill(slot, services, ordinal, n);
	__atomic_store_n(&slot->sequence, history_sequence_done(n), __ATOMIC_RELEASE);
	*names = (struct history_names){ *services, !names->spare, n + 1 };
	sync_header(w);
}

/* Publish an epoch under the same rule as a record, and see it to the disk. */
static void put_epoch(struct history_writer *w, struct history_disk_epoch *e)
{
	struct history_disk_epoch *slot = &header(w)->epoch[e->ordinal % HISTORY_N_EPOCHS];

	e->checksum = history_disk_epoch_checksum(e);
	e->sequence = history_sequence_begun(e->ordinal - 1);
	__atomic_store_n(&slot->sequence, e->sequence, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*slot = *e;
	e->sequence = history_sequence_done(e->ordinal - 1);
	__atomic_store_n(&slot->sequence, e->sequence, __ATOMIC_RELEASE);
	__atomic_store_n(&header(w)->newest_epoch.value, e->ordinal, __ATOMIC_RELEASE);
	sync_header(w);
}

static int start_epoch(struct history_writer *w, const struct history_source *source,
		       const struct sample *first)
{
	struct history_disk_epoch e = { .counters_id = source->counters_id,
					.ifindex = source->ifindex,
					.ordinal = w->state.newest_epoch + 1,
					.first_boottime_ns = first->boottime_ns,
					.offset_ns = first->realtime_ns - first->boottime_ns };

	if (e.ordinal == 0)
		return -EOVERFLOW;
	for (int i = HISTORY_MEDIUM; i < HISTORY_N_RINGS; i++)
		put_newer(w, i, &w->state.last);
	for (int i = 0; i < HISTORY_N_RINGS; i++)
		e.first_record[i] = w->state.tail[i].head;
	memcpy(e.boot_id, source->boot_id, sizeof(e.boot_id));
	e.names[0].sequence = history_sequence_done(0);
	history_disk_names_fill(&e.names[0], &source->services, e.ordinal, 0);
	put_epoch(w, &e);
	w->state.newest_epoch = e.ordinal;
	w->state.epoch = e;
	w->state.names = (struct history_names){ source->services, 1, 1 };
	return 1;
}

/**
 * history_begin_epoch() - say where the counters come from, before the first append and whenever
 * that may have changed
 * @w: the writer
 * @source: what they come from, and what their services are called now
 * @first: the sample that will be appended next
 *
 * The last epoch goes on if the source is the same, each name is still in its slot, and neither time
 * nor a counter fell since its newest sample, also where another process wrote that. New names in
 * free slots join it. Cheap enough for every tick, which is how often to call it: names that a
 * reload brought are then in the file before the first record that counts by them. Takes a msync(2)
 * when an epoch begins or names join. Names are cleaned by history_services_clean().
 *
 * Return: 1 where a new epoch began, 0 where the last one goes on, -EOVERFLOW after 2^32 epochs.
 */
int history_begin_epoch(struct history_writer *w, const struct history_source *source,
			const struct sample *first)
{
	const struct history_services *names = &w->state.names.services;
	const struct history_disk_epoch *e = &w->state.epoch;
	struct history_source clean = *source;
	int r = 0;

	history_services_clean(&source->services, &clean.services);
	if (!e->ordinal || !same_source(e, source) || !names_stay(names, &clean.services) ||
	    (w->state.last.epoch == e->ordinal && fell(&w->state.last, first)))
		r = start_epoch(w, &clean, first);
	else if (memcmp(names, &clean.services, sizeof(clean.services)) != 0)
		put_names(w, &clean.services);
	w->begun = r >= 0;
	return r;
}

static int restart_epoch(struct history_writer *w, const struct sample *first)
{
	struct history_source source = { .counters_id = w->state.epoch.counters_id,
					 .ifindex = w->state.epoch.ifindex,
					 .services = w->state.names.services };

	memcpy(source.boot_id, w->state.epoch.boot_id, sizeof(source.boot_id));
	return start_epoch(w, &source, first);
}

/**
 * history_append() - record a sample, in the fine ring and where it is due in the coarse ones
 * @w: the writer, with an epoch begun
 * @sample: its epoch is set; the rest is stored as it is
 *
 * A sample of which time or a counter fell begins another epoch of the same source.
 *
 * Return: 0; -EINVAL before history_begin_epoch() or for a second sample of the same time;
 * -EOVERFLOW after 2^32 epochs.
 */
int history_append(struct history_writer *w, struct sample *sample)
{
	const struct sample *last = &w->state.last;

	if (!w->begun)
		return -EINVAL;
	if (last->epoch == w->state.epoch.ordinal) {
		if (sample->boottime_ns == last->boottime_ns)
			return -EINVAL;
		if (fell(last, sample) && restart_epoch(w, sample) < 0)
			return -EOVERFLOW;
	}
	sample->epoch = w->state.epoch.ordinal;
	for (int i = HISTORY_MEDIUM; i < HISTORY_N_RINGS; i++)
		put_before_pause(w, i, sample);
	put(w, HISTORY_FINE, sample);
	for (int i = HISTORY_MEDIUM; i < HISTORY_N_RINGS; i++)
		put_at_boundary(w, i, sample);
	__atomic_store_n(&header(w)->epoch[sample->epoch % HISTORY_N_EPOCHS].offset_ns,
			 sample->realtime_ns - sample->boottime_ns, __ATOMIC_RELAXED);
	w->state.last = *sample;
	return 0;
}

/**
 * history_last() - the newest fine sample, also one that an earlier writer left
 * @w: the writer
 *
 * Return: the sample, valid until the next append, or NULL where there is none.
 */
const struct sample *history_last(const struct history_writer *w)
{
	return w->state.last.epoch ? &w->state.last : NULL;
}

/**
 * history_count_missed() - there will be no records of some ticks
 * @w: the writer
 * @n: how many more
 */
void history_count_missed(struct history_writer *w, uint64_t n)
{
	__atomic_fetch_add(&header(w)->missed.value, n, __ATOMIC_RELAXED);
}

/** history_writer_epoch() - Return: ordinal of the epoch that the next append belongs to, 0: none */
uint32_t history_writer_epoch(const struct history_writer *w)
{
	return w->begun ? w->state.epoch.ordinal : 0;
}

/** history_writer_head() - Return: the number that the ring's next record will get */
uint64_t history_writer_head(const struct history_writer *w, enum history_ring ring)
{
	return w->state.tail[ring].head;
}

/** history_writer_note() - Return: what befell the file at opening and is worth logging, or "" */
const char *history_writer_note(const struct history_writer *w)
{
	return w->note.text;
}

/** history_writer_info() - Return: what the file says of itself, valid until it is closed */
const struct history_info *history_writer_info(const struct history_writer *w)
{
	return &w->info;
}

static int make_file(struct history_writer *w, const struct history_place *place,
		     const struct history_disk_constant *wanted, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = history_file_begin(&w->dir, place, wanted, &fd, err);

	if (r == 0)
		r = history_file_publish(&w->dir, fd, err);
	if (r < 0)
		return r;
	w->fd = take_fd(&fd);
	w->constant = *wanted;
	return 0;
}

static int replace_file(struct history_writer *w, const struct history_place *place,
			const char *reason, const struct history_disk_constant *wanted,
			struct error *err)
{
	int r = history_file_move_aside(&w->dir, err);

	if (r < 0)
		return r;
	error_set(&w->note, 0, "%s; it was moved to %s, and a new one begins", reason, w->dir.old);
	return make_file(w, place, wanted, err);
}

/* Take the file that is there, or make one. */
static int open_file(struct history_writer *w, const struct history_place *place,
		     const struct history_disk_constant *wanted, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct error why;
	uint64_t size;
	int r = history_file_open(&w->dir, O_RDWR, &fd, &size, err);

	if (r == -ENOENT)
		return make_file(w, place, wanted, err);
	if (r < 0)
		return r;
	r = history_file_read_constant(&w->dir, fd, size, &w->constant, &why);
	if (r == 0 && strcmp(w->constant.ifname, wanted->ifname) != 0)
		r = error_set(&why, -EUCLEAN, "%s/%s is the history of another interface, %s",
			      w->dir.path, w->dir.file, w->constant.ifname);
	if (r == -EUCLEAN || r == -EPROTONOSUPPORT)
		return replace_file(w, place, why.text, wanted, err);
	if (r < 0)
		return error_set(err, r, "%s", why.text);
	w->fd = take_fd(&fd);
	return history_file_own(&w->dir, w->fd, place, err);
}

static int migrate(struct history_writer *w, const struct history_place *place,
		   const struct history_disk_constant *wanted, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = history_file_begin(&w->dir, place, wanted, &fd, err);

	if (r < 0)
		return r;
	r = history_copy(w->fd, &w->constant, fd, wanted, &w->state);
	if (r < 0) {
		history_file_abandon(&w->dir);
		return error_set(err, r, "cannot copy %s/%s: %s", w->dir.path, w->dir.file,
				 strerror(-r));
	}
	r = history_file_publish(&w->dir, fd, err);
	if (r < 0)
		return r;
	history_file_supersede(w->fd);
	close(w->fd);
	w->fd = take_fd(&fd);
	w->constant = *wanted;
	return 0;
}

/* Bring the file to the wanted geometry; if that cannot be, go on recording in the old one. */
static void follow_geometry(struct history_writer *w, const struct history_place *place,
			    struct history_disk_constant *wanted)
{
	struct error why;

	if (memcmp(w->constant.ring, wanted->ring, sizeof(wanted->ring)) == 0)
		return;
	wanted->created_realtime_ns = w->constant.created_realtime_ns;
	history_disk_constant_seal(wanted);
	if (migrate(w, place, wanted, &why) < 0)
		error_set(&w->note, 0, "%s/%s keeps its old size and interval: %s", w->dir.path,
			  w->dir.file, why.text);
	else
		error_set(&w->note, 0, "%s/%s was copied into a file of the new size", w->dir.path,
			  w->dir.file);
}

static int map_file(struct history_writer *w, struct error *err)
{
	void *map = mmap(NULL, w->constant.file_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);

	if (map == MAP_FAILED)
		return error_set(err, -errno, "cannot map %s/%s: %m", w->dir.path, w->dir.file);
	w->map = map;
	return 0;
}

/* Show where the rings go on, and complete an append that was cut short between two rings. */
static void resume(struct history_writer *w)
{
	for (int i = 0; i < HISTORY_N_RINGS; i++)
		__atomic_store_n(&header(w)->head[i].value, w->state.tail[i].head,
				 __ATOMIC_RELEASE);
	__atomic_store_n(&header(w)->newest_epoch.value, w->state.newest_epoch, __ATOMIC_RELEASE);
	__atomic_store_n(&header(w)->superseded.value, 0, __ATOMIC_RELAXED);
	for (int i = HISTORY_MEDIUM; i < HISTORY_N_RINGS; i++)
		put_at_boundary(w, i, &w->state.last);
	history_disk_constant_info(&w->constant, &w->info);
}

static int open_all(struct history_writer *w, const struct history_place *place,
		    struct history_disk_constant *wanted, struct error *err)
{
	int r = history_dir_open(place->dir, place->key, &w->dir, err);

	if (r == 0)
		r = history_file_lock(&w->dir, place, &w->lock_fd, err);
	if (r == 0)
		r = open_file(w, place, wanted, err);
	if (r < 0)
		return r;
	r = history_recover(w->fd, &w->constant, &w->state);
	if (r < 0)
		return error_set(err, r, "cannot read %s/%s: %s", w->dir.path, w->dir.file,
				 strerror(-r));
	follow_geometry(w, place, wanted);
	r = map_file(w, err);
	if (r == 0)
		resume(w);
	return r;
}

/**
 * history_open_writer() - open the history of an interface for appending, or make it
 * @place: where, of which interface and whose; the strings need not outlive the call
 * @geometry: as configured
 * @ret_writer: the writer, to be closed with history_close_writer()
 * @err: why not
 *
 * A file of another geometry is copied into a new one that takes its place; where that fails (a
 * full disk), the old one stays in use. A damaged file, or one of another format, layout or
 * interface, is moved to <key>.hist.old. history_writer_note() tells of all three. A new file gets
 * mode 0640. The lock goes with the last copy of its descriptor: fork() helpers before this call.
 *
 * Return: 0; -EINVAL for an impossible geometry, key or name, or a name that is not a regular
 * file's; -EBUSY where another writer has it; -ENOSPC, and no file is left; or another negative
 * errno.
 */
int history_open_writer(const struct history_place *place, const struct history_geometry *geometry,
			struct history_writer **ret_writer, struct error *err)
{
	_cleanup_history_writer_ struct history_writer *w = NULL;
	struct history_disk_constant wanted;
	int r = history_disk_constant_init(&wanted, geometry, place->ifname);

	if (r < 0)
		return error_set(err, r, "cannot keep a history of %.64s: impossible size or name",
				 place->ifname);
	w = calloc(1, sizeof(*w));
	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	w->dir.fd = w->lock_fd = w->fd = -1;
	r = open_all(w, place, &wanted, err);
	if (r < 0)
		return r;
	w->dir.path = NULL; /* borrowed, for messages at opening only */
	*ret_writer = take_ptr(w);
	return 0;
}

/**
 * history_close_writer() - bring everything to the disk and let another writer in
 * @w: the writer, or NULL
 */
void history_close_writer(struct history_writer *w)
{
	if (!w)
		return;
	if (w->map) {
		(void)msync(w->map, w->constant.file_size, MS_SYNC);
		munmap(w->map, w->constant.file_size);
	}
	if (w->fd >= 0)
		close(w->fd);
	history_file_unlock(&w->dir, w->lock_fd);
	history_dir_close(&w->dir);
	free(w);
}
