// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Finds out where a history goes on after its writer was closed, killed or lost its power, and
 * copies it into a file of another geometry.
 *
 * After SIGKILL the page cache has every store in order: the head is at most one behind. After a
 * power loss pages of different age meet: a head may be behind or ahead of the slots, and slots may
 * be torn. So every slot is looked at, and a ring goes on behind the highest of: its newest valid
 * record, its head, and any record of which a slot shows that it was at least begun. Hence a number
 * that a reader may have seen is never given to another record. Heads and slots further ahead than
 * a whole ring can only be damage, and are not believed.
 *
 * Reads with pread(2), not through a map: a page that is mapped for the scan would stay resident.
 */
#include "store/history-recover.h"
#include "store/history-file.h"

#include <errno.h>
#include <string.h>

#define BATCH 16 /* slots: 18 KiB of stack */

struct scan {
	bool found;	 /* a valid record */
	uint64_t newest; /* its number */
	struct history_tail tail;
	struct sample *sample; /* where the newest record goes, or NULL */
};

/* The record that a slot shows as begun or done. Return: whether it can be in this slot. */
static bool slot_number(const struct history_disk_ring *ring, uint64_t index, uint64_t sequence,
			uint64_t *ret_number)
{
	uint64_t n = sequence % 2 ? sequence / 2 : sequence / 2 - 1;

	if (sequence == 0 || n >= HISTORY_MAX_NUMBER || n % ring->capacity != index)
		return false;
	*ret_number = n;
	return true;
}

/* Keep the slot if it holds a newer valid record. */
static void scan_slot(const struct history_disk_ring *ring, uint64_t index,
		      const struct history_disk_slot *slot, struct scan *scan)
{
	uint64_t n;

	if (!slot_number(ring, index, slot->sequence, &n) || (scan->found && n <= scan->newest) ||
	    !history_disk_slot_valid(slot->sequence, slot->checksum, &slot->sample, n))
		return;
	scan->found = true;
	scan->newest = n;
	scan->tail.head = n + 1;
	scan->tail.epoch = slot->sample.epoch;
	scan->tail.boottime_ns = slot->sample.boottime_ns;
	if (scan->sample)
		*scan->sample = slot->sample;
}

static int scan_ring(int fd, const struct history_disk_ring *ring, struct scan *scan)
{
	struct history_disk_slot slots[BATCH];

	for (uint64_t first = 0; first < ring->capacity; first += BATCH) {
		uint64_t n = ring->capacity - first < BATCH ? ring->capacity - first : BATCH;
		int r = history_file_pread(fd, slots, n * sizeof(slots[0]),
					   history_disk_slot_offset(ring, first));

		if (r < 0)
			return r;
		for (uint64_t i = 0; i < n; i++)
			scan_slot(ring, first + i, &slots[i], scan);
	}
	return 0;
}

/* Step over the records behind the newest valid one that were begun. */
static int skip_begun(int fd, const struct history_disk_ring *ring, uint64_t *head)
{
	const uint64_t start = *head;

	for (uint64_t n = start; n < start + ring->capacity; n++) {
		uint64_t sequence, shown;
		int r = history_file_pread(fd, &sequence, sizeof(sequence),
					   history_disk_slot_offset(ring, n));

		if (r < 0)
			return r;
		if (slot_number(ring, n % ring->capacity, sequence, &shown) && shown == n)
			*head = n + 1;
	}
	return 0;
}

static int recover_ring(int fd, const struct history_disk_ring *ring, uint64_t head,
			struct sample *sample, struct history_tail *ret_tail)
{
	struct scan scan = { .sample = sample };
	int r = scan_ring(fd, ring, &scan);

	if (r < 0)
		return r;
	if (head > scan.tail.head && head - scan.tail.head <= ring->capacity)
		scan.tail.head = head;
	r = skip_begun(fd, ring, &scan.tail.head);
	if (r < 0)
		return r;
	*ret_tail = scan.tail;
	return 0;
}

/* As with records, a number that a set of names was begun with is spent. */
static void recover_names(const struct history_disk_epoch *e, struct history_names *ret_names)
{
	const struct history_disk_names *newest = history_disk_names_newest(e);

	memset(ret_names, 0, sizeof(*ret_names));
	if (newest) {
		history_services_clean(&newest->services, &ret_names->services);
		ret_names->spare = newest == &e->names[0];
	}
	for (size_t i = 0; i < array_size(e->names); i++) {
		const uint64_t shown = (e->names[i].sequence + 1) / 2; /* n + 1 of begun and done */

		if (shown > ret_names->next && shown < HISTORY_MAX_NUMBER)
			ret_names->next = shown;
	}
}

/* Continue an epoch only if nothing shows that there was a later one. */
static void recover_epochs(const struct history_disk_header *header, struct history_state *state)
{
	uint32_t newest = 0;
	uint64_t word = header->newest_epoch.value;

	for (int i = 0; i < HISTORY_N_EPOCHS; i++) {
		const struct history_disk_epoch *e = &header->epoch[i];

		if (e->ordinal % HISTORY_N_EPOCHS != (uint32_t)i || e->ordinal <= newest ||
		    !history_disk_epoch_valid(e, e->ordinal))
			continue;
		newest = e->ordinal;
		state->epoch = *e;
	}
	if (word > newest && word - newest <= HISTORY_N_EPOCHS)
		newest = (uint32_t)word;
	for (int i = 0; i < HISTORY_N_RINGS; i++)
		if (state->tail[i].epoch > newest)
			newest = state->tail[i].epoch;
	if (state->epoch.ordinal != newest)
		memset(&state->epoch, 0, sizeof(state->epoch));
	else
		recover_names(&state->epoch, &state->names);
	state->newest_epoch = newest;
}

/**
 * history_recover() - find out where a history goes on
 * @fd: the file
 * @constant: a checked copy of its constant part
 * @ret_state: where each ring and the epochs stand
 *
 * Return: 0 or a negative errno of reading.
 */
int history_recover(int fd, const struct history_disk_constant *constant,
		    struct history_state *ret_state)
{
	_cleanup_free_ struct history_disk_header *header = malloc(sizeof(*header));
	struct history_state state = { 0 };
	int r;

	if (!header)
		return -ENOMEM;
	r = history_file_pread(fd, header, sizeof(*header), 0);
	for (int i = 0; r == 0 && i < HISTORY_N_RINGS; i++)
		r = recover_ring(fd, &constant->ring[i], header->head[i].value,
				 i == HISTORY_FINE ? &state.last : NULL, &state.tail[i]);
	if (r < 0)
		return r;
	recover_epochs(header, &state);
	*ret_state = state;
	return 0;
}

/* Copy the newest records of a ring that are whole, under their own numbers. */
static int copy_ring(int from_fd, const struct history_disk_ring *from, int to_fd,
		     const struct history_disk_ring *to, uint64_t head)
{
	uint64_t capacity = from->capacity < to->capacity ? from->capacity : to->capacity;
	struct history_disk_slot slot;

	for (uint64_t n = history_oldest(head, capacity); n < head; n++) {
		int r = history_file_pread(from_fd, &slot, sizeof(slot),
					   history_disk_slot_offset(from, n));

		if (r == 0 &&
		    history_disk_slot_valid(slot.sequence, slot.checksum, &slot.sample, n))
			r = history_file_pwrite(to_fd, &slot, sizeof(slot),
						history_disk_slot_offset(to, n));
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_header(int from_fd, int to_fd, const struct history_disk_constant *to,
		       const struct history_state *state)
{
	_cleanup_free_ struct history_disk_header *header = malloc(sizeof(*header));
	int r;

	if (!header)
		return -ENOMEM;
	r = history_file_pread(from_fd, header, sizeof(*header), 0);
	if (r < 0)
		return r;
	header->constant = *to;
	header->newest_epoch.value = state->newest_epoch;
	for (int i = 0; i < HISTORY_N_RINGS; i++)
		header->head[i].value = state->tail[i].head;
	return history_file_pwrite(to_fd, header, sizeof(*header), 0);
}

/**
 * history_copy() - fill a new file with the newest records of another
 * @from_fd: the other file
 * @from: a checked copy of its constant part
 * @to_fd: the new file, at its full size and zeroed
 * @to: its constant part, of another geometry
 * @state: of the other file
 *
 * Return: 0 or a negative errno of reading or writing.
 */
int history_copy(int from_fd, const struct history_disk_constant *from, int to_fd,
		 const struct history_disk_constant *to, const struct history_state *state)
{
	int r = copy_header(from_fd, to_fd, to, state);

	for (int i = 0; r == 0 && i < HISTORY_N_RINGS; i++)
		r = copy_ring(from_fd, &from->ring[i], to_fd, &to->ring[i], state->tail[i].head);
	return r;
}
