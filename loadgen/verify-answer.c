// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A sampler's JSON, read as that of a stranger: any member may be missing, of another type, negative
 * or of any length, and texts, which are shown to people, may hold anything. Members that are not
 * known are passed over: an answer may gain some.
 */
#include "verify-answer.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA	    1
#define NSEC_PER_MS 1000000.0
#define MIN_MS	    1.0
#define MAX_MS	    3600000.0

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* A character of UTF-8 (RFC 3629, 3) at the end that was cut is none. */
static void drop_half_character(char *text, size_t n)
{
	size_t start = n, whole;

	while (start && (text[start - 1] & 0xc0) == 0x80)
		start--;
	if (!start || !(text[start - 1] & 0x80))
		return;
	whole = (text[start - 1] & 0xf0) == 0xf0 ? 4 : text[start - 1] & 0x20 ? 3 : 2;
	if (n - (start - 1) < whole)
		text[start - 1] = '\0';
}

/* Cut to the size; control characters, which a terminal would act on, become '?'. */
static void copy_text(char *text, size_t size, const char *value)
{
	int n = snprintf(text, size, "%s", value ?: "");

	if ((size_t)n >= size)
		drop_half_character(text, size - 1);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

static void take_text(const json_t *object, const char *name, char *text, size_t size)
{
	copy_text(text, size, json_string_value(json_object_get(object, name)));
}

/* Return: the object, which has the schema that is known; NULL with a reason. */
static json_t *load(const char *body, size_t n, struct error *err)
{
	json_error_t why;
	json_t *json = json_loadb(body, n, JSON_REJECT_DUPLICATES, &why);
	json_int_t schema;
	char text[80];

	if (!json) {
		copy_text(text, sizeof(text), why.text);
		error_set(err, -EPROTO, "what it answers is no JSON (line %d: %s)", why.line, text);
		return NULL;
	}
	schema = json_integer_value(json_object_get(json, "schema"));
	if (schema == SCHEMA)
		return json;
	if (schema)
		error_set(err, -EPROTO,
			  "it speaks schema %" JSON_INTEGER_FORMAT ", this program knows %d",
			  schema, SCHEMA);
	else
		error_set(err, -EPROTO, "what it answers is not a sampler's (no \"schema\")");
	json_decref(json);
	return NULL;
}

/* ---- /api/interfaces ---- */

static int take_interface(const json_t *entry, struct verify_interface *ret, struct error *err)
{
	const json_t *recorder = json_object_get(entry, "recorder");
	const json_t *health = json_object_get(entry, "health");
	double interval_ms = json_number_value(json_object_get(recorder, "interval_ms"));
	struct verify_interface i = { .interval_ns = 0 };

	take_text(entry, "interface", i.name, sizeof(i.name));
	take_text(entry, "id", i.id, sizeof(i.id));
	take_text(entry, "epoch", i.epoch, sizeof(i.epoch));
	take_text(entry, "attached_at", i.attached_at, sizeof(i.attached_at));
	take_text(entry, "mode", i.mode, sizeof(i.mode));
	take_text(health, "state", i.state, sizeof(i.state));
	take_text(health, "reason", i.reason, sizeof(i.reason));
	if (interval_ms >= MIN_MS && interval_ms <= MAX_MS)
		i.interval_ns = (uint64_t)(interval_ms * NSEC_PER_MS);
	if (!*i.name || !*i.state)
		return error_set(err, -EPROTO,
				 "its list of interfaces lacks \"interface\" or \"health\"");
	*ret = i;
	return 0;
}

/* A sampler that does not say them has the usual ones at least. */
static int take_ports(json_t *services, struct verify_ports *ports, struct error *err)
{
	const char *name;
	json_t *list, *range;
	size_t i;
	int r = 0;

	if (!json_is_object(services)) {
		verify_ports_default(ports);
		return 0;
	}
	memset(ports, 0, sizeof(*ports));
	json_object_foreach(services, name, list)
	{
		r = verify_ports_add(ports, name, "");
		json_array_foreach(list, i, range)
		{
			const char *text = json_string_value(range);

			r = r ?: verify_ports_add(ports, name, text ?: "-");
		}
		if (r)
			return error_set(err, -EPROTO, "it has a service with strange ports");
	}
	return 0;
}

static bool is_wanted(const json_t *entry, const char *wanted)
{
	const char *name = json_string_value(json_object_get(entry, "interface"));
	const char *id = json_string_value(json_object_get(entry, "id"));

	return (name && !strcmp(name, wanted)) || (id && !strcmp(id, wanted));
}

/* Those that are left of a history alone count nothing. */
static bool counts(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "attached"));
}

static void list_names(const json_t *list, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < json_array_size(list) && n < size; i++) {
		const json_t *entry = json_array_get(list, i);
		char name[64];

		if (!counts(entry))
			continue;
		take_text(entry, "interface", name, sizeof(name));
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", name);
	}
	if (!*text)
		snprintf(text, size, "none");
}

static int refuse(const json_t *list, const char *wanted, size_t n_found, struct error *err)
{
	char names[256];

	list_names(list, names, sizeof(names));
	if (!n_found && !*wanted)
		return error_set(err, -ENOENT, "no interface is sampled there");
	if (!n_found)
		return error_set(err, -ENOENT, "it samples no interface \"%.64s\"; there are: %s",
				 wanted, names);
	if (*wanted)
		return error_set(err, -EINVAL,
				 "it samples several interfaces \"%.64s\"; name one by its id, "
				 "which /api/interfaces has",
				 wanted);
	return error_set(err, -EINVAL,
			 "it samples several interfaces; name one (?interface=NAME): %s", names);
}

/**
 * verify_read_interface() - how an interface is sampled
 * @body: the answer of /api/interfaces
 * @n: bytes at @body
 * @wanted: name or id of the interface; "": the only one
 * @ret: its entry
 * @ret_ports: the ports of its services; may be NULL
 * @err: why there is none: what is wrong with the answer, or which interfaces there are
 *
 * Return: 0 or negative errno.
 */
int verify_read_interface(const char *body, size_t n, const char *wanted,
			  struct verify_interface *ret, struct verify_ports *ret_ports,
			  struct error *err)
{
	__attribute__((cleanup(cleanup_json))) json_t *json = load(body, n, err);
	const json_t *list = json_object_get(json, "interfaces"), *found = NULL;
	size_t n_found = 0;
	int r = 0;

	if (!json)
		return -EPROTO;
	if (!json_is_array(list))
		return error_set(err, -EPROTO, "its answer has no list of interfaces");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);

		if (!counts(entry) || (*wanted && !is_wanted(entry, wanted)))
			continue;
		found = entry;
		n_found++;
	}
	if (n_found != 1)
		return refuse(list, wanted, n_found, err);
	if (ret_ports)
		r = take_ports(json_object_get(found, "service_ports"), ret_ports, err);
	return r ?: take_interface(found, ret, err);
}

/* ---- /api/metrics/realtime ---- */

static int take_u64(const json_t *json, uint64_t *ret)
{
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return -EPROTO;
	*ret = (uint64_t)json_integer_value(json);
	return 0;
}

/* A count is an object with packets, and most with bytes; null is what nobody can know. */
static int take_count(const json_t *json, bool has_bytes, struct verify_count *ret)
{
	struct verify_count count = { 0 };
	int r;

	if (json_is_null(json)) {
		ret->unknown = true;
		return 0;
	}
	r = take_u64(json_object_get(json, "packets"), &count.packets);
	if (!r && has_bytes)
		r = take_u64(json_object_get(json, "bytes"), &count.bytes);
	if (!r)
		*ret = count;
	return r;
}

static int take_classes(const json_t *rx, struct verify_counts *counts, struct error *err)
{
	for (size_t i = 0; i < VERIFY_N_CLASSES; i++) {
		const struct verify_class_row *row = &verify_class[i];
		const json_t *group = *row->group ? json_object_get(rx, row->group) : rx;
		const json_t *json = i == VERIFY_ALL ? rx : json_object_get(group, row->name);

		if (take_count(json, row->has_bytes, &counts->class[i]))
			return error_set(err, -EPROTO, "its answer has no count of \"%s\"",
					 row->name);
	}
	return 0;
}

static int take_services(json_t *services, struct verify_counts *counts, struct error *err)
{
	const char *name;
	json_t *json;

	if (!json_is_object(services))
		return error_set(err, -EPROTO, "its answer has no services");
	json_object_foreach(services, name, json)
	{
		struct verify_service *service = &counts->service[counts->n_services];

		if (counts->n_services == VERIFY_MAX_SERVICES)
			return error_set(err, -EPROTO, "its answer has more than %d services",
					 VERIFY_MAX_SERVICES);
		copy_text(service->name, sizeof(service->name), name);
		if (take_count(json, true, &service->count))
			return error_set(err, -EPROTO, "its answer has no count of service \"%s\"",
					 service->name);
		counts->n_services++;
	}
	return 0;
}

/**
 * verify_read_sample() - what an interface had counted at a time
 * @body: the answer of /api/metrics/realtime
 * @n: bytes at @body
 * @ret: when, and how much
 * @err: what is wrong with the answer
 *
 * Return: 0 or -EPROTO.
 */
int verify_read_sample(const char *body, size_t n, struct verify_sample *ret, struct error *err)
{
	__attribute__((cleanup(cleanup_json))) json_t *json = load(body, n, err);
	const json_t *rx = json_object_get(json, "rx");
	struct verify_sample sample = { .stale = false };
	int r;

	if (!json)
		return -EPROTO;
	take_text(json, "timestamp", sample.timestamp, sizeof(sample.timestamp));
	take_text(json, "stale_reason", sample.stale_reason, sizeof(sample.stale_reason));
	sample.stale = json_is_true(json_object_get(json, "stale"));
	if (!*sample.timestamp || !json_is_object(rx))
		return error_set(err, -EPROTO, "its answer has no \"timestamp\" or no \"rx\"");
	r = take_classes(rx, &sample.received, err);
	r = r ?: take_services(json_object_get(rx, "services"), &sample.received, err);
	if (!r)
		*ret = sample;
	return r;
}

/**
 * verify_read_problem() - what an answer that is an error says
 * @body: problem details (RFC 9457), or anything
 * @n: bytes at @body
 * @text: its detail, as ": DETAIL"; "" without one
 * @size: bytes at @text
 */
void verify_read_problem(const char *body, size_t n, char *text, size_t size)
{
	__attribute__((cleanup(cleanup_json))) json_t *json = json_loadb(body, n, 0, NULL);
	char detail[300];

	take_text(json, "detail", detail, sizeof(detail));
	snprintf(text, size, "%s%s", *detail ? ": " : "", detail);
}
