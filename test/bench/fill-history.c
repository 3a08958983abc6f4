// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Writes a history as a recorder would have in two weeks of uneven traffic, so that the web service
 * can be measured on full rings. fill-history DIR KEY INTERFACE DAYS, by the store's own writer.
 */
#include "store/history.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/units.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400ULL

/* Grows by what a second of 1 to 100 Mbit/s brings, in the classes that web traffic is in. */
static void grow(struct sampler_counters *counters, uint64_t second)
{
	uint64_t packets = 100 + second * 2654435761ULL % 10000;
	struct sampler_count *const counts[] = { &counters->l3[SAMPLER_IPV4],
						 &counters->l4[SAMPLER_TCP],
						 &counters->service[SAMPLER_HTTPS] };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		counts[i]->packets += packets;
		counts[i]->bytes += packets * 1200;
	}
	counters->size[5] += packets;
}

static int fill(struct history_writer *writer, uint64_t seconds)
{
	uint64_t now = clock_realtime_ns() / NSEC_PER_SEC;
	struct history_source source = { .counters_id = 1,
					 .ifindex = 1,
					 .services = { { "http", "https" } } };
	struct sample sample = { .flags = SAMPLE_TX };
	int r = 0;

	memset(source.boot_id, 0xb0, sizeof(source.boot_id));
	for (uint64_t s = 1; !r && s <= seconds; s++) {
		sample.boottime_ns = s * NSEC_PER_SEC;
		sample.realtime_ns = (now - seconds + s) * NSEC_PER_SEC;
		grow(&sample.direction[SAMPLER_RX], s);
		grow(&sample.direction[SAMPLER_TX], s + 1);
		if (s == 1)
			r = history_begin_epoch(writer, &source, &sample);
		r = r < 0 ? r : history_append(writer, &sample);
	}
	return r;
}

int main(int argc, char **argv)
{
	const struct history_geometry geometry = HISTORY_GEOMETRY_DEFAULT;
	struct history_writer *writer;
	struct error err = { "" };
	uint64_t days;
	int r;

	if (argc != 5 || parse_u64(argv[4], 1, 366, &days)) {
		fprintf(stderr, "fill-history: DIR KEY INTERFACE DAYS\n");
		return 2;
	}
	r = history_open_writer(&(struct history_place){ .dir = argv[1],
							 .key = argv[2],
							 .ifname = argv[3],
							 .uid = (uid_t)-1,
							 .gid = (gid_t)-1 },
				&geometry, &writer, &err);
	if (r) {
		fprintf(stderr, "fill-history: %s\n", err.text);
		return 1;
	}
	r = fill(writer, days * DAY_S);
	history_close_writer(writer);
	return r < 0;
}
