// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A sample as JSON: what `samplerd --snapshot`, files and the web service show of an interface.
 *
 * Names and values come from the metric table, so the object grows with it. Members are never
 * renamed or removed within a schema number. What cannot be known is null, never 0. Names of
 * interfaces may hold any byte; JSON has to be UTF-8, so in a name that is not, each byte above 127
 * becomes '?'.
 *
 * The caller owns the object that it gets; nothing else is kept.
 */
#include "model/snapshot-json.h"

#include "model/chain.h"
#include "model/metrics.h"
#include "util/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A direction that is being filled. */
struct direction {
	json_t *object;
	bool vlan_unknown;
};

/* -1 when there was no memory for value or for its place, as jansson's functions do. */
static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static int set_u64(json_t *object, const char *name, uint64_t value)
{
	return set(object, name, json_integer((json_int_t)value));
}

/**
 * text_json() - text that may hold any byte
 * @text: ended by a NUL, or by its size
 * @size: of the array that holds it
 *
 * Return: a new string, or NULL without memory. In text that is not UTF-8, each byte above 127
 * becomes '?'; of such, only up to 256 bytes can be shown at all.
 */
json_t *text_json(const char *text, size_t size)
{
	char ascii[256];
	size_t n = strnlen(text, size);
	json_t *json = json_stringn(text, n);

	if (json || n > sizeof(ascii))
		return json;
	for (size_t i = 0; i < n; i++)
		ascii[i] = text[i] & 0x80 ? '?' : text[i];
	return json_stringn(ascii, n);
}

/** text_or_null_json() - Return: text_json(), or null for no text at all */
json_t *text_or_null_json(const char *text, size_t size)
{
	return text[0] ? text_json(text, size) : json_null();
}

/**
 * timestamp_json() - a moment as RFC 3339 has it, in UTC with milliseconds
 * @realtime_ns: CLOCK_REALTIME
 *
 * Return: a new string, null for a moment that has no date, or NULL without memory.
 */
json_t *timestamp_json(uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NSEC_PER_SEC);
	char text[64], date[32];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	snprintf(text, sizeof(text), "%s.%03uZ", date,
		 (unsigned int)(realtime_ns % NSEC_PER_SEC / NSEC_PER_MSEC));
	return json_string(text);
}

/**
 * moment_json() - a moment of this boot by the clocks of now
 * @at_ns: CLOCK_BOOTTIME; 0: never
 * @boottime_ns: CLOCK_BOOTTIME now
 * @realtime_ns: CLOCK_REALTIME now; a label of then may be of before a step
 *
 * Return: timestamp_json(), or null for never and for what is still to come.
 */
json_t *moment_json(uint64_t at_ns, uint64_t boottime_ns, uint64_t realtime_ns)
{
	if (!at_ns || at_ns > boottime_ns)
		return json_null();
	return timestamp_json(realtime_ns - (boottime_ns - at_ns));
}

/** id_or_null_json() - Return: a program's id, or null for none */
json_t *id_or_null_json(uint32_t id)
{
	return id ? json_integer(id) : json_null();
}

static json_t *tag_json(const __u8 tag[8])
{
	char text[2 * 8 + 1];

	for (size_t i = 0; i < 8; i++)
		sprintf(text + 2 * i, "%02x", tag[i]);
	return json_string(text);
}

/** program_json() - Return: a new object with id and tag of our program, or NULL without memory */
json_t *program_json(const struct sampler_meta *meta)
{
	return json_pack("{s:I, s:o}", "id", (json_int_t)meta->prog_id, "tag",
			 tag_json(meta->prog_tag));
}

static json_t *actions_json(uint32_t actions)
{
	json_t *names = json_array();

	for (unsigned int i = 0; names && i < CHAIN_N_ACTIONS; i++) {
		if (!(actions & 1u << i))
			continue;
		if (!json_array_append_new(names, json_string(chain_action_names[i])))
			continue;
		json_decref(names);
		names = NULL;
	}
	return names;
}

static json_t *chain_program_json(const struct sampler_chain_program *program, bool ours)
{
	return json_pack("{s:o, s:I, s:o, s:I, s:o, s:b}", "name",
			 text_json(program->name, sizeof(program->name)), "id",
			 (json_int_t)program->prog_id, "tag", tag_json(program->tag), "priority",
			 (json_int_t)program->run_priority, "actions",
			 actions_json(program->actions), "ours", ours);
}

/**
 * chain_json() - the XDP programs of an interface in the order in which they run
 * @meta: of the interface, checked by meta_check()
 *
 * Return: a new array, or NULL without memory.
 */
json_t *chain_json(const struct sampler_meta *meta)
{
	json_t *programs = json_array();

	for (size_t i = 0; programs && i < chain_size(&meta->chain); i++) {
		const struct sampler_chain_program *p = &meta->chain.program[i];

		if (!json_array_append_new(programs,
					   chain_program_json(p, p->prog_id == meta->prog_id)))
			continue;
		json_decref(programs);
		programs = NULL;
	}
	return programs;
}

/**
 * services_json() - the services that have a name
 * @services: SAMPLER_MAX_SERVICES names by slot
 *
 * Return: a new array of strings, or NULL without memory.
 */
json_t *services_json(const char (*services)[SAMPLER_NAME_MAX])
{
	json_t *names = json_array();

	for (int slot = 0; names && slot < SAMPLER_MAX_SERVICES; slot++) {
		if (!services[slot][0])
			continue;
		if (!json_array_append_new(names, text_json(services[slot], SAMPLER_NAME_MAX)))
			continue;
		json_decref(names);
		names = NULL;
	}
	return names;
}

/* The object that a metric of this group goes into, made when it is the first. */
static json_t *group_object(json_t *direction, enum metric_group group)
{
	const char *name = metric_group_name(group);
	json_t *object = json_object_get(direction, name);

	if (!*name)
		return direction;
	if (object)
		return object;
	return set(direction, name, json_object()) ? NULL : json_object_get(direction, name);
}

static json_t *value_json(uint64_t packets, const uint64_t *bytes)
{
	if (!bytes)
		return json_integer((json_int_t)packets);
	return json_pack("{s:I, s:I}", "packets", (json_int_t)packets, "bytes", (json_int_t)*bytes);
}

/* A metric_fn: 0, or -1 without memory. */
static int add_metric(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
		      void *user)
{
	struct direction *direction = user;
	json_t *object = group_object(direction->object, metric->group);

	if (!object)
		return -1;
	if (metric->group == METRIC_TOTAL)
		return set_u64(object, "packets", packets) || set_u64(object, "bytes", *bytes) ? -1
											       : 0;
	if (metric_is_vlan(metric) && direction->vlan_unknown)
		return set(object, metric->name, json_null());
	return set(object, metric->name, value_json(packets, bytes));
}

static json_t *direction_json(const struct sampler_meta *meta,
			      const struct sampler_counters *counters, bool vlan_unknown)
{
	struct direction direction = { json_object(), vlan_unknown };

	if (!direction.object)
		return NULL;
	if (!metrics_for_each(counters, meta->service, add_metric, &direction))
		return direction.object;
	json_decref(direction.object);
	return NULL;
}

static json_t *tx_json(const struct sampler_meta *meta, const struct sample *sample)
{
	if (!sample_counts(sample, SAMPLER_TX))
		return json_null();
	return direction_json(meta, &sample->direction[SAMPLER_TX], false);
}

static int set_identity(json_t *json, const struct sampler_meta *meta)
{
	return set_u64(json, "schema", SNAPSHOT_JSON_SCHEMA) ||
	       set(json, "interface", text_json(meta->ifname, sizeof(meta->ifname))) ||
	       set_u64(json, "ifindex", meta->ifindex);
}

static int set_time(json_t *json, const struct sampler_meta *meta, const struct sample *sample)
{
	return set(json, "timestamp", timestamp_json(sample->realtime_ns)) ||
	       set_u64(json, "realtime_ns", sample->realtime_ns) ||
	       set_u64(json, "boottime_ns", sample->boottime_ns) ||
	       set_u64(json, "epoch", meta->epoch);
}

static int set_chain(json_t *json, const struct sampler_meta *meta, const struct sample *sample)
{
	return set(json, "chained", json_boolean(meta->flags & SAMPLER_META_CHAINED)) ||
	       set(json, "alone_reason",
		   text_or_null_json(meta->alone_reason, sizeof(meta->alone_reason))) ||
	       set_u64(json, "run_priority", meta->run_priority) ||
	       set(json, "program", program_json(meta)) || set(json, "chain", chain_json(meta)) ||
	       set(json, "chain_checked_at",
		   moment_json(meta->chain.boottime_ns, sample->boottime_ns, sample->realtime_ns));
}

static int set_attachment(json_t *json, const struct sampler_meta *meta,
			  const struct sample *sample, bool vlan_stripped)
{
	const char *mode = meta->mode == SAMPLER_MODE_NATIVE ? "native" : "skb";

	return set(json, "mode", json_string(mode)) ||
	       set(json, "mode_reason",
		   text_or_null_json(meta->mode_reason, sizeof(meta->mode_reason))) ||
	       set_chain(json, meta, sample) ||
	       set(json, "tx_counted", json_boolean(sample_counts(sample, SAMPLER_TX))) ||
	       set(json, "tx_reason",
		   text_or_null_json(meta->tx_reason, sizeof(meta->tx_reason))) ||
	       set(json, "tx_program_id", id_or_null_json(meta->tx_prog_id)) ||
	       set(json, "vlan_stripped", json_boolean(vlan_stripped)) ||
	       set(json, "services", services_json(meta->service));
}

/**
 * snapshot_json() - a sample and what it belongs to, as JSON
 * @meta: of the interface, checked by meta_check()
 * @sample: of the same epoch
 *
 * Counters are totals since the epoch began. "tx" is null where transmitted frames are not counted.
 *
 * Return: a new object that the caller gives up by json_decref(), or NULL without memory.
 */
json_t *snapshot_json(const struct sampler_meta *meta, const struct sample *sample)
{
	bool vlan_stripped =
		meta->flags & SAMPLER_META_VLAN_STRIPPED || sample->flags & SAMPLE_VLAN_STRIPPED;
	json_t *json = json_object();

	if (!json)
		return NULL;
	if (!set_identity(json, meta) && !set_time(json, meta, sample) &&
	    !set_attachment(json, meta, sample, vlan_stripped) &&
	    !set(json, "rx", direction_json(meta, &sample->direction[SAMPLER_RX], vlan_stripped)) &&
	    !set(json, "tx", tx_json(meta, sample)))
		return json;
	json_decref(json);
	return NULL;
}
