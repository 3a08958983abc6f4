// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What writer and reader must agree on: where rings and slots lie, and when a header, a slot, an
 * epoch entry or its names are to be believed.
 *
 * Invariant: nothing that comes from a file is used as a size, a count or an offset before
 * history_disk_constant_check() has accepted it, and that accepts only the one layout that follows
 * from the capacities. Works on private copies; owns nothing.
 */
#include "model/layout.h"
#include "store/history-format.h"
#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PAGE 4096ULL

/* Place the rings behind each other. Return: bytes of the whole file. */
static uint64_t lay_out(struct history_disk_ring ring[HISTORY_N_RINGS])
{
	uint64_t end = HISTORY_HEADER_SIZE;

	for (int i = 0; i < HISTORY_N_RINGS; i++) {
		ring[i].offset = end;
		end += ring[i].capacity * sizeof(struct history_disk_slot);
	}
	return (end + PAGE - 1) & ~(PAGE - 1);
}

static bool ring_is_sane(const struct history_disk_ring *ring)
{
	return ring->step_ns > 0 && ring->capacity >= HISTORY_MIN_RECORDS &&
	       ring->capacity <= HISTORY_MAX_RECORDS;
}

static uint64_t records_for(uint64_t span_ns, uint64_t step_ns)
{
	uint64_t n = span_ns / step_ns + (span_ns % step_ns != 0);

	return n < HISTORY_MIN_RECORDS ? HISTORY_MIN_RECORDS : n;
}

static int rings_from_geometry(const struct history_geometry *g,
			       struct history_disk_ring ring[HISTORY_N_RINGS])
{
	ring[HISTORY_FINE].step_ns = g->interval_ns;
	ring[HISTORY_FINE].capacity = g->fine_records;
	ring[HISTORY_MEDIUM].step_ns = HISTORY_MEDIUM_STEP_NS;
	ring[HISTORY_MEDIUM].capacity = records_for(g->medium_span_ns, HISTORY_MEDIUM_STEP_NS);
	ring[HISTORY_COARSE].step_ns = HISTORY_COARSE_STEP_NS;
	ring[HISTORY_COARSE].capacity = records_for(g->coarse_span_ns, HISTORY_COARSE_STEP_NS);
	for (int i = 0; i < HISTORY_N_RINGS; i++)
		if (!ring_is_sane(&ring[i]))
			return -EINVAL;
	return 0;
}

/**
 * history_size() - what a geometry costs on disk, and at most in mapped memory
 * @geometry: as configured
 *
 * Return: bytes of the file; 0 where the geometry is impossible (no interval, fewer than
 * HISTORY_MIN_RECORDS fine records, a ring of more than HISTORY_MAX_RECORDS).
 */
uint64_t history_size(const struct history_geometry *geometry)
{
	struct history_disk_ring ring[HISTORY_N_RINGS];

	return rings_from_geometry(geometry, ring) < 0 ? 0 : lay_out(ring);
}

static uint64_t constant_checksum(const struct history_disk_constant *c)
{
	return hash64(c, offsetof(struct history_disk_constant, checksum), HISTORY_MAGIC);
}

/** history_disk_constant_seal() - put the checksum on a constant part */
void history_disk_constant_seal(struct history_disk_constant *c)
{
	c->checksum = constant_checksum(c);
}

/**
 * history_disk_constant_init() - the constant part of a new file
 * @c: filled in whole
 * @geometry: as configured
 * @ifname: real name of the interface, at most 15 characters
 *
 * Return: 0, or -EINVAL for a geometry or name that cannot be.
 */
int history_disk_constant_init(struct history_disk_constant *c,
			       const struct history_geometry *geometry, const char *ifname)
{
	size_t length = strlen(ifname);

	memset(c, 0, sizeof(*c));
	if (rings_from_geometry(geometry, c->ring) < 0 || !length || length >= sizeof(c->ifname))
		return -EINVAL;
	c->magic = HISTORY_MAGIC;
	c->version = HISTORY_VERSION;
	c->header_size = HISTORY_HEADER_SIZE;
	c->layout_hash = sample_layout_hash();
	c->slot_size = sizeof(struct history_disk_slot);
	c->sample_size = sizeof(struct sample);
	c->n_rings = HISTORY_N_RINGS;
	c->n_epochs = HISTORY_N_EPOCHS;
	c->file_size = lay_out(c->ring);
	c->created_realtime_ns = clock_realtime_ns();
	memcpy(c->ifname, ifname, length);
	history_disk_constant_seal(c);
	return 0;
}

static int check_format(const struct history_disk_constant *c, struct error *err)
{
	if (c->magic != HISTORY_MAGIC)
		return error_set(err, -EPROTONOSUPPORT, "it is not a history file");
	if (c->version != HISTORY_VERSION)
		return error_set(err, -EPROTONOSUPPORT,
				 "it has format version %" PRIu32 ", this program has %d",
				 c->version, HISTORY_VERSION);
	if (c->checksum != constant_checksum(c))
		return error_set(err, -EUCLEAN, "its header is damaged (checksum)");
	if (c->layout_hash != sample_layout_hash())
		return error_set(err, -EPROTONOSUPPORT,
				 "its samples are laid out by another version of this program");
	return 0;
}

static bool sizes_are_ours(const struct history_disk_constant *c)
{
	return c->header_size == HISTORY_HEADER_SIZE &&
	       c->slot_size == sizeof(struct history_disk_slot) &&
	       c->sample_size == sizeof(struct sample) && c->n_rings == HISTORY_N_RINGS &&
	       c->n_epochs == HISTORY_N_EPOCHS &&
	       memchr(c->ifname, '\0', sizeof(c->ifname)) != NULL && c->ifname[0] != '\0';
}

/* The offsets and the size must be the ones that follow from the capacities. */
static bool rings_are_sane(const struct history_disk_constant *c)
{
	struct history_disk_ring ring[HISTORY_N_RINGS];

	for (int i = 0; i < HISTORY_N_RINGS; i++)
		if (!ring_is_sane(&c->ring[i]))
			return false;
	memcpy(ring, c->ring, sizeof(ring));
	return lay_out(ring) == c->file_size && memcmp(ring, c->ring, sizeof(ring)) == 0;
}

/**
 * history_disk_constant_check() - decide whether a header may be trusted
 * @c: a private copy
 * @real_size: of the file, by fstat(2)
 * @err: why not, as a clause whose subject is the file
 *
 * A checksum keeps out accidents, not enemies: every field is checked beside it.
 *
 * Return: 0, -EPROTONOSUPPORT for another format, version or layout, -EUCLEAN for damage.
 */
int history_disk_constant_check(const struct history_disk_constant *c, uint64_t real_size,
				struct error *err)
{
	int r = check_format(c, err);

	if (r < 0)
		return r;
	if (!sizes_are_ours(c) || !rings_are_sane(c))
		return error_set(err, -EUCLEAN, "its header is damaged (impossible sizes)");
	if (c->file_size != real_size)
		return error_set(err, -EUCLEAN,
				 "it has %" PRIu64 " bytes where its header says %" PRIu64,
				 real_size, c->file_size);
	return 0;
}

/** history_disk_constant_info() - what a checked header tells callers */
void history_disk_constant_info(const struct history_disk_constant *c,
				struct history_info *ret_info)
{
	memset(ret_info, 0, sizeof(*ret_info));
	memcpy(ret_info->ifname, c->ifname, sizeof(ret_info->ifname));
	ret_info->created_realtime_ns = c->created_realtime_ns;
	ret_info->file_size = c->file_size;
	for (int i = 0; i < HISTORY_N_RINGS; i++) {
		ret_info->ring[i].step_ns = c->ring[i].step_ns;
		ret_info->ring[i].capacity = c->ring[i].capacity;
	}
}

/** history_disk_slot_offset() - Return: where in the file a record of a checked ring lies */
uint64_t history_disk_slot_offset(const struct history_disk_ring *ring, uint64_t number)
{
	return ring->offset + (number % ring->capacity) * sizeof(struct history_disk_slot);
}

/**
 * history_disk_slot_valid() - decide whether a copied slot holds a certain record, whole
 * @sequence: as copied
 * @checksum: as copied
 * @sample: as copied
 * @number: the record that is expected
 *
 * The seed is the number, so that the record of another lap fails even where a power loss brought
 * its payload together with this lap's sequence.
 *
 * Return: whether it does.
 */
bool history_disk_slot_valid(uint64_t sequence, uint64_t checksum, const struct sample *sample,
			     uint64_t number)
{
	return sequence == history_sequence_done(number) && sample->epoch != 0 &&
	       checksum == hash64(sample, sizeof(*sample), number);
}

/** history_disk_epoch_checksum() - Return: checksum of all of an entry that never changes */
uint64_t history_disk_epoch_checksum(const struct history_disk_epoch *e)
{
	const size_t from = offsetof(struct history_disk_epoch, counters_id);

	return hash64(&e->counters_id, offsetof(struct history_disk_epoch, names) - from,
		      e->ordinal);
}

/** history_disk_epoch_valid() - Return: whether a copied entry holds this epoch, whole */
bool history_disk_epoch_valid(const struct history_disk_epoch *e, uint32_t ordinal)
{
	return ordinal != 0 && e->ordinal == ordinal &&
	       e->sequence == history_sequence_done(ordinal - 1) &&
	       e->checksum == history_disk_epoch_checksum(e);
}

static void clean_name(const char *name, char *ret_name)
{
	const char *end = memchr(name, '\0', SAMPLER_NAME_MAX);

	memset(ret_name, 0, SAMPLER_NAME_MAX);
	for (size_t i = 0; end && name[i]; i++)
		ret_name[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
}

/**
 * history_services_clean() - names that can be shown, whatever they were
 * @services: from a file, or from pins
 * @ret_services: the same where they are as model/service.h wants them; a name without an end
 * becomes "", anything but visible ASCII becomes '?', and behind a name's end there are zeros
 */
void history_services_clean(const struct history_services *services,
			    struct history_services *ret_services)
{
	for (int i = 0; i < SAMPLER_MAX_SERVICES; i++)
		clean_name(services->name[i], ret_services->name[i]);
}

static uint64_t names_checksum(const struct history_services *services, uint32_t ordinal,
			       uint64_t n)
{
	return hash64(services, sizeof(*services), (uint64_t)ordinal << 32 ^ n);
}

/**
 * history_disk_names_fill() - all of a set of names but its sequence
 * @names: to be filled
 * @services: clean
 * @ordinal: of the epoch
 * @n: number of the update; as in a slot, the payload of another one fails under this one's sequence
 */
void history_disk_names_fill(struct history_disk_names *names,
			     const struct history_services *services, uint32_t ordinal, uint64_t n)
{
	names->checksum = names_checksum(services, ordinal, n);
	names->services = *services;
}

static bool names_are_valid(const struct history_disk_names *names, uint32_t ordinal)
{
	return names->sequence != 0 && names->sequence % 2 == 0 &&
	       names->checksum ==
		       names_checksum(&names->services, ordinal, names->sequence / 2 - 1);
}

/** history_disk_names_newest() - Return: the names of a copied, valid entry, or NULL: none whole */
const struct history_disk_names *history_disk_names_newest(const struct history_disk_epoch *e)
{
	const struct history_disk_names *newest = NULL;

	for (size_t i = 0; i < array_size(e->names); i++)
		if (names_are_valid(&e->names[i], e->ordinal) &&
		    (!newest || e->names[i].sequence > newest->sequence))
			newest = &e->names[i];
	return newest;
}
