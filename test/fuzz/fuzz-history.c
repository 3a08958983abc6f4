// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * daemon/store: any bytes as a history's file. It is opened or refused, and all of it can be read, or
 * each part refused; then a writer takes it up, or moves it aside, and goes on.
 *
 * An input whose first byte is even is the file as it is. Otherwise it is what is changed in a file that
 * a writer has made: an offset of two bytes and a length, then as many bytes to put there.
 */
#include "fuzz.h"

#include "store/history.h"
#include "util/clock.h"
#include "util/error.h"

#include <stdbool.h>

static char folder[] = "/dev/shm/fuzz-history-XXXXXX";
static char path[sizeof(folder) + sizeof("/eth0.hist")];
static char *good;
static size_t n_good;

static const struct history_geometry geometry = { .interval_ns = NSEC_PER_SEC,
						  .fine_records = 4,
						  .medium_span_ns = 2 * HISTORY_MEDIUM_STEP_NS,
						  .coarse_span_ns = 2 * HISTORY_COARSE_STEP_NS };
static const struct history_place place = { .dir = folder,
					    .key = "eth0",
					    .ifname = "eth0",
					    .uid = -1,
					    .gid = -1 };
static const struct history_source source = { .counters_id = 77,
					      .boot_id = "boot",
					      .ifindex = 3,
					      .services = { { "http", "https" } } };

static void clean_up(void)
{
	fuzz_empty_folder(folder);
	rmdir(folder);
	free(good);
}

static struct sample sample_at(uint64_t seconds)
{
	return (struct sample){ .boottime_ns = seconds * NSEC_PER_SEC,
				.realtime_ns = (1000 + seconds) * NSEC_PER_SEC };
}

/* What a writer goes on with, whatever it has found. */
static void write_on(uint64_t from)
{
	struct error err = { "" };
	struct history_writer *w = NULL;
	struct sample sample = sample_at(from);

	if (history_open_writer(&place, &geometry, &w, &err)) {
		fuzz_assert(*err.text);
		return;
	}
	if (!history_begin_epoch(w, &source, &sample)) {
		for (uint64_t i = 0; i < 8; i++) {
			sample = sample_at(from + i * 20);
			history_append(w, &sample);
		}
		fuzz_assert(history_last(w));
	}
	history_close_writer(w);
}

static void read_ring(const struct history_reader *r, enum history_ring ring)
{
	uint64_t capacity = history_reader_info(r)->ring[ring].capacity, head;
	struct sample samples[8];

	if (history_reader_head(r, ring, &head))
		return;
	for (uint64_t i = history_oldest(head, capacity); i < head && i < head + 8; i++) {
		if (!history_read(r, ring, i, samples))
			fuzz_assert(samples->epoch);
		if (i > history_oldest(head, capacity) + 16)
			break;
	}
	history_read_range(r, ring, head > 8 ? head - 8 : 0, 8, samples);
	history_read_range(r, ring, UINT64_MAX - 4, 8, samples);
	history_read(r, ring, UINT64_MAX, samples);
}

static void read_all(void)
{
	struct error err = { "" };
	struct history_reader *r = NULL;
	struct history_epoch epoch;
	uint32_t newest;

	if (history_open_reader(folder, "eth0", &r, &err)) {
		fuzz_assert(*err.text);
		return;
	}
	for (enum history_ring ring = 0; ring < HISTORY_N_RINGS; ring++)
		read_ring(r, ring);
	if (!history_reader_newest_epoch(r, &newest))
		history_reader_epoch(r, newest, &epoch);
	history_reader_epoch(r, 1, &epoch);
	history_reader_superseded(r);
	history_close_reader(r);
}

static void put(const void *data, size_t n)
{
	_cleanup_fclose_ FILE *file = fopen(path, "w");

	fuzz_assert(file && fwrite(data, 1, n, file) == n);
}

static void make_good(void)
{
	FILE *file;

	fuzz_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/eth0.hist", folder);
	atexit(clean_up);
	write_on(100);
	write_on(400);
	n_good = history_size(&geometry);
	good = malloc(n_good);
	file = fopen(path, "r");
	fuzz_assert(file && good && fread(good, 1, n_good, file) == n_good && fgetc(file) == EOF);
	fclose(file);
}

static void put_changed(const uint8_t *data, size_t n)
{
	_cleanup_free_ char *file = fuzz_copy(good, n_good);

	while (n > 3) {
		size_t at = (data[0] | data[1] << 8) % n_good, some = data[2] % 16;

		data += 3;
		n -= 3;
		if (some > n)
			some = n;
		if (some > n_good - at)
			some = n_good - at;
		memcpy(file + at, data, some);
		data += some;
		n -= some;
	}
	put(file, n_good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool change;

	if (!good)
		make_good();
	change = fuzz_byte(&data, &n) & 1;
	fuzz_empty_folder(folder);
	if (change)
		put_changed(data, n);
	else
		put(data, n);
	read_all();
	write_on(1000);
	read_all();
	return 0;
}
