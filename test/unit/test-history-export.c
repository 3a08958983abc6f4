// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * record/export.c: --history shows each record's services by the names of the record's own epoch.
 */
#include "history-fixture.h"

#include "config/config.h"
#include "kernel/pins.h"
#include "record/export.h"
#include "util/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The history of an interface that is not sampled: no pins tell its names any more. */
static struct history_writer *open_for_export(struct fixture *f, struct config *ret_config)
{
	static struct pins pins;

	memset(ret_config, 0, sizeof(*ret_config));
	snprintf(ret_config->state_dir, sizeof(ret_config->state_dir), "%s", f->dir);
	snprintf(ret_config->pin_dir, sizeof(ret_config->pin_dir), "%s/no-pins", f->dir);
	assert_int_equal(pins_for_attach(ret_config->pin_dir, "eth0", &pins, &f->err), 0);
	f->place.key = pins.key;
	return open_writer(f, &small);
}

static char *export(struct fixture *f, const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (export_history(config, "eth0", out, &f->err))
		fail_msg("%s", f->err.text);
	fclose(out);
	assert_int_equal(history_purge(f->dir, f->place.key, &f->err), 0);
	return text;
}

/* The services that the next line counts, as "http,https". */
static void assert_services(char **text, uint32_t epoch, const char *expected)
{
	char *line = strsep(text, "\n"), names[512] = "";
	json_t *record = json_loads(line, 0, NULL), *services, *count;
	const char *name;

	assert_non_null(record);
	assert_int_equal(json_integer_value(json_object_get(record, "epoch")), epoch);
	services = json_object_get(json_object_get(record, "rx"), "services");
	json_object_foreach(services, name, count)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 names[0] ? "," : "", name);
	assert_string_equal(names, expected);
	json_decref(record);
}

static void records_show_the_names_of_their_epoch(void **state)
{
	struct fixture *f = *state;
	struct config config;
	struct history_writer *w = open_for_export(f, &config);
	struct history_source other = source;
	_cleanup_free_ char *text = NULL;
	struct sample s = at(3);
	char *rest;

	begin(w, 1, 1);
	append(w, 1);
	append(w, 2);
	other.counters_id++;
	other.services = (struct history_services){ { "http", "https", "dns" } };
	assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	append(w, 3);
	strcpy(other.services.name[4], "ntp");
	s = at(4);
	assert_int_equal(history_begin_epoch(w, &other, &s), 0);
	append(w, 4);
	history_close_writer(w);
	rest = text = export(f, &config);
	assert_services(&rest, 1, "http,https");
	assert_services(&rest, 1, "http,https");
	assert_services(&rest, 2, "http,https,dns,ntp");
	assert_services(&rest, 2, "http,https,dns,ntp");
	assert_string_equal(rest, "");
}

static void an_epoch_that_left_the_table_has_no_services(void **state)
{
	struct fixture *f = *state;
	struct config config;
	struct history_writer *w = open_for_export(f, &config);
	struct history_source other = source;
	_cleanup_free_ char *text = NULL;
	struct sample s = at(2);
	char *rest;

	begin(w, 1, 1);
	append(w, 1);
	for (int i = 0; i < HISTORY_N_EPOCHS; i++) {
		other.counters_id++;
		assert_int_equal(history_begin_epoch(w, &other, &s), 1);
	}
	append(w, 2);
	history_close_writer(w);
	rest = text = export(f, &config);
	assert_services(&rest, 1, "");
	assert_services(&rest, 1 + HISTORY_N_EPOCHS, "http,https");
	assert_string_equal(rest, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_show_the_names_of_their_epoch),
		TEST(an_epoch_that_left_the_table_has_no_services),
	};

	return cmocka_run_group_tests_name("history-export", tests, NULL, NULL);
}
