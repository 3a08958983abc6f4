// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The sequence of a run's frames.
 *
 * It is made once, as a table of which template each frame of the period has, and of which flow it
 * is. Kinds come in blocks in which each is as often as its weight says, shuffled; so do sizes, apart
 * from them. The shuffling is the same each time: a run can be repeated.
 *
 * Since it is known what each thread sends, limits, paces and the account are worked out from numbers
 * of frames, however many there are.
 */
#include "raw-sequence.h"

#include "raw-shuffle.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WANTED_PERIOD 65536
#define MAX_PERIOD    (1U << 21)
#define MAX_TEMPLATES (1U << 18)

/* While a table is made. */
struct builder {
	struct raw_sequence *s;
	const struct raw_config *raw;
	struct raw_shuffle kinds, sizes;
	uint32_t n_sizes;	    /* different ones, over all items of the list */
	uint32_t base[RAW_MAX_MIX]; /* of an item of the mix: its first template */
	uint32_t n_templates;
	uint64_t random;
	double *zipf; /* [f]: share of a thread's flows up to f, of all */
};

static uint32_t n_of_size(const struct raw_size *size)
{
	return (uint32_t)size->last - size->first + 1;
}

/* ---- templates ---- */

/* For each kind, each size, each part. */
static int count_templates(struct builder *b, struct error *err)
{
	uint64_t n = 0;

	b->n_sizes = 0;
	for (uint32_t i = 0; i < b->raw->sizes.n; i++)
		b->n_sizes += n_of_size(&b->raw->sizes.item[i]);
	for (uint32_t i = 0; i < b->raw->mix.n; i++) {
		b->base[i] = (uint32_t)n;
		n += (uint64_t)b->n_sizes * raw_kind_n_frames(b->raw->mix.item[i].kind);
		if (n > MAX_TEMPLATES)
			return error_set(err, -E2BIG,
					 "mix and frame_size: kinds and sizes make more than %u "
					 "different frames; fewer kinds, or a shorter range of "
					 "sizes, would do",
					 MAX_TEMPLATES);
	}
	b->n_templates = (uint32_t)n;
	return 0;
}

static void tell_grown(const struct builder *b, const struct raw_mix_item *item)
{
	uint32_t least = raw_kind_min_size(item->kind, b->raw->vlan.n), n = 0;
	char name[64];

	for (uint32_t i = 0; i < b->raw->sizes.n; i++)
		n += b->raw->sizes.item[i].first < least;
	if (!n)
		return;
	raw_kind_name(item, name, sizeof(name));
	log_notice("%s: its headers take %u bytes; smaller frames (frame_size) become as large",
		   name, least);
}

static void make_templates_of(struct builder *b, const struct raw_ends *ends, uint32_t i)
{
	const struct raw_mix_item *item = &b->raw->mix.item[i];
	uint32_t n_parts = raw_kind_n_frames(item->kind), at = b->base[i];

	tell_grown(b, item);
	for (uint32_t s = 0; s < b->raw->sizes.n; s++) {
		const struct raw_size *size = &b->raw->sizes.item[s];

		for (uint32_t n = 0; n < n_of_size(size) * n_parts; n++)
			raw_template_make(b->raw, ends, item, size->first + n / n_parts,
					  n % n_parts, &b->s->template[at++]);
	}
}

static int make_templates(struct builder *b, const struct raw_ends *ends, struct error *err)
{
	int r = count_templates(b, err);

	if (r)
		return r;
	b->s->template = calloc(b->n_templates, sizeof(*b->s->template));
	if (!b->s->template)
		return error_set(err, -ENOMEM, "out of memory for %u frames", b->n_templates);
	for (uint32_t i = 0; i < b->raw->mix.n; i++)
		make_templates_of(b, ends, i);
	return 0;
}

/* ---- the table ---- */

static uint64_t common_multiple(uint64_t a, uint64_t b)
{
	uint64_t x = a, y = b;

	while (y) {
		uint64_t rest = x % y;

		x = y;
		y = rest;
	}
	return a / x * b;
}

static bool has_fragments(const struct raw_config *raw)
{
	for (uint32_t i = 0; i < raw->mix.n; i++) {
		if (raw_kind_n_frames(raw->mix.item[i].kind) > 1)
			return true;
	}
	return false;
}

static uint32_t frames_of_mix(const struct raw_config *raw)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < raw->mix.n; i++)
		n += raw->mix.item[i].weight * raw_kind_n_frames(raw->mix.item[i].kind);
	return n;
}

/*
 * Whole rounds of flows in any case; whole blocks of kinds and sizes, so that shares are exact also
 * over many periods, where that is not too long.
 */
static uint32_t choose_period(const struct builder *b)
{
	bool drawn = b->kinds.n > 1 || b->sizes.n > 1 || b->n_sizes > 1 ||
		     b->raw->flow_order != RAW_ROUND_ROBIN;
	uint32_t wanted = drawn ? WANTED_PERIOD : 1;
	uint32_t threads = b->s->n_threads * (has_fragments(b->raw) ? 2 : 1);
	uint64_t least = common_multiple(threads, b->raw->flows), with;

	with = common_multiple(least, frames_of_mix(b->raw));
	least = with <= MAX_PERIOD ? with : least;
	with = common_multiple(least, b->sizes.n);
	least = with <= MAX_PERIOD ? with : least;
	return (uint32_t)(least >= wanted ? least : wanted / least * least);
}

static int make_zipf(struct builder *b)
{
	uint32_t n = b->raw->flows / b->s->n_threads;
	double sum = 0, so_far = 0;

	if (b->raw->flow_order != RAW_ZIPF)
		return 0;
	b->zipf = calloc(n, sizeof(*b->zipf));
	if (!b->zipf)
		return -ENOMEM;
	for (uint32_t f = 0; f < n; f++)
		sum += 1.0 / (f + 1);
	for (uint32_t f = 0; f < n; f++) {
		so_far += 1.0 / (f + 1) / sum;
		b->zipf[f] = so_far;
	}
	return 0;
}

static uint32_t draw_zipf(struct builder *b, uint32_t n)
{
	double share = (double)(raw_random(&b->random) >> 11) / (double)(1ULL << 53);
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (b->zipf[middle] > share)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Of the flows of the thread that has frame i: those that are its number mod n. */
static uint32_t draw_flow(struct builder *b, uint32_t i)
{
	uint32_t n_threads = b->s->n_threads, n = b->raw->flows / n_threads, f;

	if (b->raw->flow_order == RAW_ROUND_ROBIN)
		f = i / n_threads % n;
	else if (b->raw->flow_order == RAW_UNIFORM)
		f = (uint32_t)(raw_random(&b->random) % n);
	else
		f = draw_zipf(b, n);
	return i % n_threads + n_threads * f;
}

/* The number of a size among all of the list. */
static uint32_t draw_size(struct builder *b)
{
	uint32_t item = raw_shuffle_draw(&b->sizes, &b->random), at = 0;

	for (uint32_t i = 0; i < item; i++)
		at += n_of_size(&b->raw->sizes.item[i]);
	return at + (uint32_t)(raw_random(&b->random) % n_of_size(&b->raw->sizes.item[item]));
}

/* Where two fragments have no room any more, one frame of another kind is in their place. */
static uint32_t draw_kind(struct builder *b, uint32_t i)
{
	uint32_t item = raw_shuffle_draw(&b->kinds, &b->random);

	if (raw_kind_n_frames(b->raw->mix.item[item].kind) == 1 ||
	    i + b->s->n_threads < b->s->period)
		return item;
	for (item = 0; raw_kind_n_frames(b->raw->mix.item[item].kind) > 1; item++)
		;
	return item;
}

/* Destination ports first. */
static void put_ports(const struct raw_config *raw, struct raw_entry *entry)
{
	uint32_t n_port = (uint32_t)raw->port.last - raw->port.first + 1;
	uint32_t n_source = (uint32_t)raw->source_port.last - raw->source_port.first + 1;

	entry->port = (uint16_t)(raw->port.first + entry->flow % n_port);
	entry->source_port = (uint16_t)(raw->source_port.first + entry->flow / n_port % n_source);
}

/* Two fragments are the next two frames of their thread, and of one flow. */
static void make_entry(struct builder *b, uint32_t i)
{
	uint32_t item = draw_kind(b, i), n_parts = raw_kind_n_frames(b->raw->mix.item[item].kind);
	struct raw_entry *entry = &b->s->entry[i];

	entry->template = b->base[item] + draw_size(b) * n_parts;
	entry->flow = draw_flow(b, i);
	put_ports(b->raw, entry);
	if (n_parts > 1) {
		entry[b->s->n_threads] = *entry;
		entry[b->s->n_threads].template ++;
	}
}

static bool is_taken(const struct builder *b, uint32_t i)
{
	return b->s->entry[i].template != UINT32_MAX;
}

static int make_entries(struct builder *b)
{
	b->s->period = choose_period(b);
	b->s->entry = malloc(b->s->period * sizeof(*b->s->entry));
	if (!b->s->entry || make_zipf(b))
		return -ENOMEM;
	memset(b->s->entry, 0xff, b->s->period * sizeof(*b->s->entry));
	for (uint32_t i = 0; i < b->s->period; i++) {
		if (!is_taken(b, i))
			make_entry(b, i);
	}
	return 0;
}

static int make_shuffles(struct builder *b)
{
	for (uint32_t i = 0; i < b->raw->mix.n; i++) {
		if (raw_shuffle_add(&b->kinds, i, b->raw->mix.item[i].weight))
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < b->raw->sizes.n; i++) {
		if (raw_shuffle_add(&b->sizes, i, b->raw->sizes.item[i].weight))
			return -ENOMEM;
	}
	return 0;
}

static int make_frames(struct raw_sequence *s, const struct raw_ends *ends, struct error *err)
{
	struct builder b = { .s = s, .raw = &s->config->raw, .random = 1 };
	int r = make_templates(&b, ends, err);

	if (!r && (make_shuffles(&b) || make_entries(&b)))
		r = error_set(err, -ENOMEM, "out of memory for the sequence of frames");
	raw_shuffle_free(&b.kinds);
	raw_shuffle_free(&b.sizes);
	free(b.zipf);
	return r;
}

static int add_up(struct raw_sequence *s, struct error *err)
{
	s->bytes = malloc((s->period + 1ULL) * sizeof(*s->bytes));
	s->wire = malloc((s->period + 1ULL) * sizeof(*s->wire));
	if (!s->bytes || !s->wire)
		return error_set(err, -ENOMEM, "out of memory for the sequence of frames");
	s->bytes[0] = s->wire[0] = 0;
	s->min_len = UINT32_MAX;
	for (uint32_t i = 0; i < s->period; i++) {
		uint32_t len = raw_sequence_len(s, i);

		s->bytes[i + 1] = s->bytes[i] + len;
		s->wire[i + 1] = s->wire[i] + raw_wire_len(len);
		s->max_len = len > s->max_len ? len : s->max_len;
		s->min_len = len < s->min_len ? len : s->min_len;
	}
	return 0;
}

/* Its own times are those that it has. */
static int take_capture(struct raw_sequence *s, struct raw_file *file, struct error *err)
{
	const struct raw_config *raw = &s->config->raw;
	int r = raw_capture_take(file, &s->capture, err);

	if (!r && raw->speed && s->capture.untimed)
		r = error_set(err, -EINVAL,
			      "%.255s: frame %u has no time (a simple packet block of pcapng has "
			      "none): give a pace (--rate, --bandwidth)",
			      raw->pcap, s->capture.untimed);
	return r;
}

/**
 * raw_sequence_make() - all frames of a run
 * @config: the run's; is used as long as the sequence
 * @ends: addresses, for frames that are made
 * @file: the capture, if there is one; is taken over
 * @ret: to be freed by raw_sequence_free(), also after a failure
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int raw_sequence_make(const struct config *config, const struct raw_ends *ends,
		      struct raw_file *file, struct raw_sequence *ret, struct error *err)
{
	int r;

	*ret = (struct raw_sequence){ .config = config, .n_threads = config->threads };
	if (*config->raw.pcap)
		r = take_capture(ret, file, err);
	else
		r = make_frames(ret, ends, err);
	if (r)
		return r;
	if (!ret->template)
		ret->period = ret->capture.n;
	return add_up(ret, err);
}

/** raw_sequence_free() - release what raw_sequence_make() has made */
void raw_sequence_free(struct raw_sequence *sequence)
{
	free(sequence->template);
	free(sequence->entry);
	free(sequence->bytes);
	free(sequence->wire);
	raw_capture_free(&sequence->capture);
	*sequence = (struct raw_sequence){ 0 };
}

/** raw_sequence_bytes() - Return: bytes of the first k frames of a run */
uint64_t raw_sequence_bytes(const struct raw_sequence *s, uint64_t k)
{
	return k / s->period * s->bytes[s->period] + s->bytes[k % s->period];
}

/** raw_sequence_wire() - Return: the same as it is on the wire, with FCS, preambles and gaps */
uint64_t raw_sequence_wire(const struct raw_sequence *s, uint64_t k)
{
	return k / s->period * s->wire[s->period] + s->wire[k % s->period];
}

/* How many frames, from the first one on, have so many bytes at most. */
static uint64_t n_within(const struct raw_sequence *s, uint64_t bytes)
{
	uint64_t rest = bytes % s->bytes[s->period];
	uint32_t low = 0, high = s->period;

	while (low < high) {
		uint32_t middle = high - (high - low) / 2;

		if (s->bytes[middle] <= rest)
			low = middle;
		else
			high = middle - 1;
	}
	return bytes / s->bytes[s->period] * s->period + low;
}

/**
 * raw_sequence_n_frames() - how many frames a run has, but for its duration
 * @s: the sequence
 *
 * Return: the least of what frames, total_size and the loops of a capture allow; UINT64_MAX: no limit.
 */
uint64_t raw_sequence_n_frames(const struct raw_sequence *s)
{
	const struct config *config = s->config;
	uint64_t n = config->raw.frames ?: UINT64_MAX, other = UINT64_MAX;

	if (config->total_size)
		other = n_within(s, config->total_size);
	n = other < n ? other : n;
	if (!s->template && config->raw.loops)
		other = config->raw.loops * s->period;
	return other < n ? other : n;
}

/**
 * raw_sequence_frame() - the bytes of a frame
 * @s: the sequence
 * @i: its place in the period: k modulo period
 * @k: its number in the whole run
 * @time_ns: CLOCK_REALTIME, to be told in it
 * @buffer: of max_len and RAW_HEAD bytes at least, with the pattern in it, for frames that are made
 * @ret_frame: where it is
 *
 * Return: how many bytes it has.
 */
uint32_t raw_sequence_frame(const struct raw_sequence *s, uint32_t i, uint64_t k, uint64_t time_ns,
			    uint8_t *buffer, const uint8_t **ret_frame)
{
	const struct raw_entry *entry;
	const struct raw_template *t;
	struct raw_patch patch;

	if (!s->template) {
		*ret_frame = s->capture.frame[i].bytes;
		return s->capture.frame[i].len;
	}
	entry = &s->entry[i];
	t = &s->template[entry->template];
	patch = (struct raw_patch){
		.k = k,
		.k_first = k - (uint64_t)t->n_back * s->n_threads,
		.time_ns = time_ns,
		.source_port = entry->source_port,
		.port = entry->port,
		.flow = entry->flow,
	};
	raw_template_fill(t, &patch, buffer);
	*ret_frame = buffer;
	return t->len;
}

static void class_at(const struct raw_sequence *s, uint32_t i, struct raw_class *ret)
{
	if (!s->template) {
		raw_classify(s->capture.frame[i].bytes, s->capture.frame[i].len, ret);
		return;
	}
	*ret = s->template[s->entry[i].template].class;
	ret->source = s->entry[i].source_port;
	ret->dest = s->entry[i].port;
}

/**
 * raw_sequence_account() - what was sent, in the classes of a sampler
 * @s: the sequence
 * @n_sent: of each thread: how many of its frames, from its first one on
 * @account: to which they are added
 *
 * Return: 0 or -ENOMEM.
 */
int raw_sequence_account(const struct raw_sequence *s, const uint64_t *n_sent,
			 struct raw_account *account)
{
	uint64_t round = s->period / s->n_threads;

	for (uint32_t i = 0; i < s->period; i++) {
		uint64_t n = n_sent[i % s->n_threads];
		struct raw_class class;

		class_at(s, i, &class);
		if (raw_account_add(account, &class, n / round + (i / s->n_threads < n % round)))
			return -ENOMEM;
	}
	return 0;
}
