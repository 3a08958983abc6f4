// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/openapi.json is written by hand: what it lists is what the tables of endpoints and of metrics have, no more
 * and no less, in the same words and with the same limits.
 */
#include "unit.h"

#include "http/endpoints.h"
#include "http/history-query.h"
#include "http/query.h"
#include "model/chain.h"
#include "model/counters.h"
#include "util/cleanup.h"

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N_UNITS 4

static const char *const units[N_UNITS] = { "packets", "bytes", "packets_per_s", "bits_per_s" };
static const char services[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX] = { "http", "https" };

/* The member at keys with blanks between them, which have to be there. */
static json_t *at(json_t *json, const char *keys)
{
	_cleanup_free_ char *copy = strdup(keys);
	char *rest = copy, *key;

	while ((key = strsep(&rest, " "))) {
		json_t *inner = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
						    : json_object_get(json, key);

		if (!inner)
			fail_msg("no \"%s\" of \"%s\"", key, keys);
		json = inner;
	}
	return json;
}

static const char *text_at(json_t *json, const char *keys)
{
	json_t *text = at(json, keys);

	assert_true(json_is_string(text));
	return json_string_value(text);
}

static bool has_text(const json_t *array, const char *text)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!strcmp(json_string_value(json_array_get(array, i)), text))
			return true;
	return false;
}

static int load(void **state)
{
	json_error_t err;

	*state = json_loads(openapi_description, JSON_REJECT_DUPLICATES, &err);
	if (!*state)
		print_error("line %d: %s\n", err.line, err.text);
	return *state ? 0 : -1;
}

static int unload(void **state)
{
	json_decref(*state);
	return 0;
}

/* ---- endpoints ---- */

static void nothing_is_left_to_be_filled_in(void **state)
{
	assert_string_equal(text_at(*state, "openapi"), "3.1.0");
	assert_null(strstr(openapi_description, "@version@"));
	assert_true(strspn(text_at(*state, "info version"), "0123456789.") >= 3);
}

static void it_has_each_endpoint_in_the_same_words(void **state)
{
	json_t *paths = at(*state, "paths"), *path;
	const char *name;
	size_t n = 0;

	for (size_t i = 0; i < n_endpoints; i++) {
		json_t *get = at(at(paths, endpoints[i].path), "get");

		assert_string_equal(text_at(get, "summary"), endpoints[i].help);
	}
	json_object_foreach(paths, name, path) n +=
		!!json_object_get(path, "get"); /* login and logout have POST alone */
	assert_int_equal(n, n_endpoints);
}

/* What a "$ref" leads to, else the object itself. */
static json_t *resolved(json_t *description, json_t *object)
{
	const char *ref = json_string_value(json_object_get(object, "$ref"));
	_cleanup_free_ char *keys = NULL;

	if (!ref)
		return object;
	assert_int_equal(strncmp(ref, "#/", 2), 0);
	keys = strdup(ref + 2);
	for (char *slash = keys; (slash = strchr(slash, '/'));)
		*slash = ' ';
	return at(description, keys);
}

static bool is_listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void each_takes_its_parameters_and_no_other(void **state)
{
	for (size_t i = 0; i < n_endpoints; i++) {
		json_t *get = at(at(at(*state, "paths"), endpoints[i].path), "get");
		json_t *parameters = json_object_get(get, "parameters");
		size_t n = 0, wanted = 0;

		for (size_t j = 0; j < json_array_size(parameters); j++) {
			json_t *parameter = resolved(*state, json_array_get(parameters, j));

			if (strcmp(text_at(parameter, "in"), "query") != 0)
				continue;
			if (!is_listed(endpoints[i].parameters, text_at(parameter, "name")))
				fail_msg("%s takes no %s", endpoints[i].path,
					 text_at(parameter, "name"));
			n++;
		}
		while (endpoints[i].parameters[wanted])
			wanted++;
		assert_int_equal(n, wanted);
	}
}

static json_t *parameter_of_history(json_t *description, const char *name)
{
	json_t *parameters = at(description, "paths /api/history get parameters");

	for (size_t i = 0; i < json_array_size(parameters); i++)
		if (!strcmp(text_at(json_array_get(parameters, i), "name"), name))
			return json_array_get(parameters, i);
	fail_msg("history has no %s", name);
	return NULL;
}

static void limits_are_those_of_the_code(void **state)
{
	json_t *schemas = at(*state, "components schemas");
	char digits[64];

	assert_int_equal(
		json_integer_value(at(parameter_of_history(*state, "metrics"), "schema maxItems")),
		HISTORY_MAX_METRICS);
	assert_int_equal(json_integer_value(at(schemas, "History properties columns maxItems")),
			 1 + HISTORY_MAX_METRICS);
	assert_int_equal(json_integer_value(at(schemas, "History properties data maxItems")),
			 1 + HISTORY_MAX_METRICS);
	assert_int_equal(json_integer_value(at(schemas, "History properties data items maxItems")),
			 HISTORY_MAX_STEPS);
	assert_int_equal(
		json_integer_value(at(schemas, "History properties data prefixItems 0 maxItems")),
		HISTORY_MAX_STEPS);
	assert_int_equal(json_integer_value(at(schemas, "MetricPath maxLength")),
			 HISTORY_NAME_MAX - 1);
	snprintf(digits, sizeof(digits), "more than %d,%03d steps", HISTORY_MAX_STEPS / 1000,
		 HISTORY_MAX_STEPS % 1000);
	assert_non_null(
		strstr(text_at(parameter_of_history(*state, "step"), "description"), digits));
	snprintf(digits, sizeof(digits), "more than %d,%03d bytes", QUERY_MAX_LENGTH / 1000,
		 QUERY_MAX_LENGTH % 1000);
	assert_non_null(
		strstr(text_at(*state, "components responses UriTooLong description"), digits));
	assert_int_equal(json_integer_value(at(schemas, "SchemaNumber const")), API_SCHEMA);
}

static void expect_names(json_t *array, const char *const *names, size_t n)
{
	assert_int_equal(json_array_size(array), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), names[i]);
}

static void it_has_each_state_and_verdict(void **state)
{
	json_t *schemas = at(*state, "components schemas");
	size_t n = 0;

	while (feed_states[n])
		n++;
	expect_names(at(schemas, "State enum"), feed_states, n);
	expect_names(at(schemas, "ChainProgram properties actions items enum"), chain_action_names,
		     CHAIN_N_ACTIONS);
}

/* ---- metrics ---- */

struct walk {
	json_t *description;
	json_t *direction; /* the schema of realtime's rx */
	size_t n;
	size_t n_groups[METRIC_N_GROUPS];
};

static void expect_total(const struct walk *walk, const struct metric *metric)
{
	for (size_t i = 0; i < N_UNITS; i++) {
		const char *help =
			text_at(at(at(walk->direction, "properties"), units[i]), "description");

		assert_int_equal(strncmp(help, metric->help, strlen(metric->help)), 0);
	}
}

/* The schema of a counter is that of its units. */
static void expect_units(json_t *schema, const struct metric *metric)
{
	const char *want = metric->units & METRIC_BYTES ? "#/components/schemas/Counter"
							: "#/components/schemas/PacketCounter";
	const char *ref = json_string_value(json_object_get(schema, "$ref"));

	assert_string_equal(ref ?: text_at(schema, "anyOf 0 $ref"), want);
}

/* A metric_fn. */
static int expect_metric(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
			 void *user)
{
	struct walk *walk = user;
	const char *group = metric_group_name(metric->group);
	json_t *holder = walk->direction, *schema;

	(void)packets, (void)bytes;
	walk->n++;
	walk->n_groups[metric->group]++;
	if (metric->group == METRIC_TOTAL) {
		expect_total(walk, metric);
		return 0;
	}
	if (*group)
		holder = at(at(holder, "properties"), group);
	schema = at(at(holder, "properties"), metric->name);
	assert_true(has_text(at(holder, "required"), metric->name));
	expect_units(schema, metric);
	if (*group)
		assert_string_equal(text_at(holder, "description"),
				    metric_group_help(metric->group));
	if (metric->group != METRIC_SERVICE)
		assert_string_equal(text_at(schema, "description"), metric->help);
	return 0;
}

/* Return: schemas of counters below a schema, the totals of the direction apart. */
static size_t count_counters(json_t *schema)
{
	json_t *inner;
	const char *name;
	size_t n = 0;

	json_object_foreach(json_object_get(schema, "properties"), name, inner)
	{
		const char *ref = json_string_value(json_object_get(inner, "$ref"));

		if (json_object_get(inner, "properties"))
			n += count_counters(inner);
		else
			n += json_object_get(inner, "anyOf") || (ref && strstr(ref, "Counter"));
	}
	return n;
}

static void it_has_each_metric_in_the_same_words(void **state)
{
	static const struct sampler_counters zeros;
	struct walk walk = {
		.description = *state,
		.direction = at(*state, "components schemas Direction"),
	};

	metrics_for_each(&zeros, services, expect_metric, &walk);
	assert_int_equal(count_counters(walk.direction), walk.n - 1);
}

/* What history takes, as is tried below. */
static bool is_taken(const char *name)
{
	struct metric_path path;
	char place[128], *unit;

	if (strncmp(name, "rx.", 3) != 0 && strncmp(name, "tx.", 3) != 0)
		return false;
	snprintf(place, sizeof(place), "%s", name + 2);
	unit = strrchr(place, '.');
	*unit++ = 0;
	if (!*unit || metric_path_parse(place[0] ? place + 1 : "", &path))
		return false;
	if (path.metric && !(path.metric->units & METRIC_BYTES) && unit[0] == 'b')
		return false;
	return !strcmp(unit, "packets") || !strcmp(unit, "bytes") ||
	       !strcmp(unit, "packets_per_s") || !strcmp(unit, "bits_per_s");
}

struct names {
	regex_t pattern;
	size_t n_taken;
};

static void expect_same(struct names *names, const char *name)
{
	bool taken = is_taken(name);

	if (taken != !regexec(&names->pattern, name, 0, NULL, 0))
		fail_msg("%s: history %s it, MetricPath does not", name,
			 taken ? "takes" : "refuses");
	names->n_taken += taken;
}

/* A metric_fn: the metric at its own place, and at wrong ones. */
static int expect_names_of(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
			   void *user)
{
	const char *name = metric->group == METRIC_TOTAL ? "" : metric->name;
	struct names *names = user;
	char text[128];

	(void)packets, (void)bytes;
	for (enum metric_group group = 0; group < METRIC_N_GROUPS; group++) {
		const char *place = metric_group_name(group);

		for (size_t i = 0; i < N_UNITS * SAMPLER_N_DIRECTIONS; i++) {
			snprintf(text, sizeof(text), "%s.%s%s%s%s%s", direction_name(i / N_UNITS),
				 place, *place ? "." : "", name, *name ? "." : "",
				 units[i % N_UNITS]);
			if (group != METRIC_SERVICE || *name)
				expect_same(names, text);
		}
	}
	snprintf(text, sizeof(text), "rx.%s.errors", name);
	expect_same(names, text);
	return 0;
}

static void its_names_are_those_that_history_takes(void **state)
{
	static const struct sampler_counters zeros;
	struct names names = { .n_taken = 0 };
	const char *pattern = text_at(*state, "components schemas MetricPath pattern");

	assert_int_equal(regcomp(&names.pattern, pattern, REG_EXTENDED | REG_NOSUB), 0);
	metrics_for_each(&zeros, services, expect_names_of, &names);
	assert_true(names.n_taken > 160);
	expect_same(&names, "tx.packets");
	expect_same(&names, "x.packets");
	expect_same(&names, "packets");
	expect_same(&names, "rx.services.a-b_c.bytes");
	regfree(&names.pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_to_be_filled_in),
		cmocka_unit_test(it_has_each_endpoint_in_the_same_words),
		cmocka_unit_test(each_takes_its_parameters_and_no_other),
		cmocka_unit_test(limits_are_those_of_the_code),
		cmocka_unit_test(it_has_each_state_and_verdict),
		cmocka_unit_test(it_has_each_metric_in_the_same_words),
		cmocka_unit_test(its_names_are_those_that_history_takes),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
