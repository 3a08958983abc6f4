// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is counted and what was recorded, as JSON for scripts: one snapshot of the pins (--print), or
 * the fine ring of the history file, one record a line (--history). Reads only, without privilege.
 */
#include "record/export.h"

#include "config/config.h"
#include "kernel/attach-tx.h"
#include "kernel/counters-map.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "model/snapshot-json.h"
#include "store/history.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <errno.h>
#include <string.h>

static int dump(json_t *json, size_t flags, FILE *out, struct error *err)
{
	int r;

	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	r = json_dumpf(json, out, flags | JSON_PRESERVE_ORDER);
	json_decref(json);
	if (r || fputc('\n', out) == EOF || fflush(out))
		return error_set(err, -EIO, "cannot write: %s", strerror(errno));
	return 0;
}

/**
 * export_snapshot() - print what the counters of an interface say now
 * @config: for pin_dir
 * @ifname: interface
 * @out: gets one JSON object
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int export_snapshot(const struct config *config, const char *ifname, FILE *out, struct error *err)
{
	struct counters_map map;
	struct sampler_meta meta;
	struct sample sample;
	struct pins pins;
	int r = pins_find(config->pin_dir, ifname, &pins, err) ?:
		pins_read_meta(&pins, &meta, err) ?:
		counters_map_open(&map, &pins, err);

	if (r)
		return r;
	r = counters_map_read(&map, &sample);
	counters_map_close(&map);
	if (r)
		return error_set(err, r, "%s: cannot read the counters: %s", ifname, strerror(-r));
	if (link_vlan_stripped(ifname))
		sample.flags |= SAMPLE_VLAN_STRIPPED;
	if (tx_counts(&meta))
		sample.flags |= SAMPLE_TX;
	return dump(snapshot_json(&meta, &sample), JSON_INDENT(2), out, err);
}

/*
 * Without privilege nobody can tell whether this is init's network namespace, once the pins are gone:
 * then the name that has a history is it.
 */
static int open_history(const struct config *config, const char *ifname,
			struct history_reader **ret_reader, struct error *err)
{
	char key[KEY_MAX];
	int r = pins_key(config->pin_dir, ifname, key, err)
			?: history_open_reader(config->state_dir, key, ret_reader, err);

	if (r == -ENOENT && !key_from_interface(ifname, 0, key, sizeof(key)) &&
	    !history_open_reader(config->state_dir, key, ret_reader, NULL))
		return 0;
	return r;
}

/* The epoch that the records are of, as far as JSON needs it. */
struct epoch {
	uint32_t ordinal;
	struct sampler_meta meta; /* its services' names, all "" where the history lost them */
};

/* To be called after the head was read: then no record below it counts by a later name. */
static void follow_epoch(const struct history_reader *reader, uint32_t ordinal, struct epoch *epoch)
{
	struct history_epoch found;

	if (epoch->ordinal == ordinal)
		return;
	*epoch = (struct epoch){ .ordinal = ordinal };
	if (!history_reader_epoch(reader, ordinal, &found))
		memcpy(epoch->meta.service, found.source.services.name,
		       sizeof(epoch->meta.service));
}

static json_t *record_json(uint64_t number, const struct sample *sample,
			   const struct sampler_meta *meta)
{
	json_t *all = snapshot_json(meta, sample), *record, *value;
	static const char *const keys[] = { "realtime_ns", "boottime_ns", "rx", "tx" };

	if (!all)
		return NULL;
	record = json_pack("{s:I, s:I}", "record", (json_int_t)number, "epoch",
			   (json_int_t)sample->epoch);
	for (size_t i = 0; record && i < array_size(keys); i++) {
		value = json_object_get(all, keys[i]);
		json_object_set(record, keys[i], value);
	}
	json_decref(all);
	return record;
}

/**
 * export_history() - print the fine ring of an interface's history, oldest record first
 * @config: for state_dir and pin_dir
 * @ifname: interface
 * @out: gets one JSON object a line; a record that is missing is missing
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int export_history(const struct config *config, const char *ifname, FILE *out, struct error *err)
{
	_cleanup_history_reader_ struct history_reader *reader = NULL;
	struct epoch epoch = { .ordinal = 0 };
	struct sample sample;
	uint64_t head, capacity;
	int r = open_history(config, ifname, &reader, err);

	if (r)
		return r;
	r = history_reader_head(reader, HISTORY_FINE, &head);
	if (r)
		return error_set(err, r, "%s: %s", ifname, strerror(-r));
	capacity = history_reader_info(reader)->ring[HISTORY_FINE].capacity;
	for (uint64_t n = history_oldest(head, capacity); !r && n < head; n++) {
		if (history_read(reader, HISTORY_FINE, n, &sample))
			continue;
		follow_epoch(reader, sample.epoch, &epoch);
		r = dump(record_json(n, &sample, &epoch.meta), JSON_COMPACT, out, err);
	}
	return r;
}
