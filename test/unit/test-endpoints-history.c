// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/history.c, http/history-query.c: what was recorded, as columns, and what is no question.
 */
#include "endpoint-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <stdbool.h>
#include <string.h>

static struct api *open_history_api(struct fixture *f)
{
	struct api *api = open_api(1);

	make_burst(f, "eth0", 100, 40);
	assert_int_equal(history_open_reader(f->dir, "eth0", &api->feed[0].history, &f->err), 0);
	return api;
}

static void close_history_api(struct fixture *f, struct api *api)
{
	history_close_reader(api->feed[0].history);
	assert_int_equal(history_purge(f->dir, "eth0", &f->err), 0);
	close_api(api);
}

static void history_is_columns(void **state)
{
	static const char *const names[] = {
		"schema",  "interface",	    "id",     "from",	 "to",
		"step_ms", "resolution_ms", "epochs", "columns", "data"
	};
	struct api *api = open_history_api(*state);
	json_t *data;

	ask(api, "/api/history", "");
	assert_int_equal(api->status, 200);
	expect_members(api->body, names, array_size(names));
	assert_int_equal(integer_at(api, "step_ms"), 1000);
	assert_int_equal(integer_at(api, "resolution_ms"), 1000);
	assert_string_equal(string_at(api, "from"), "2026-01-01T00:00:01.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:40.000Z");
	assert_int_equal(json_array_size(at_path(api->body, "columns")), 6);
	data = at_path(api->body, "data");
	assert_int_equal(json_array_size(data), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(json_array_size(json_array_get(data, i)), 99);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(data, 0), 98)),
			 BEGIN_NS / NSEC_PER_SEC + 100);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 38)) == 80000.0);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 39)) == 8000.0);
	close_history_api(*state, api);
}

static size_t count_rows(const struct api *api)
{
	return json_array_size(json_array_get(at_path(api->body, "data"), 0));
}

static void append_at(struct history_writer *w, const struct history_source *from, uint64_t second)
{
	struct sample s = { .boottime_ns = second * NSEC_PER_SEC,
			    .realtime_ns = BEGIN_NS + second * NSEC_PER_SEC };

	assert_true(history_begin_epoch(w, from, &s) >= 0);
	assert_int_equal(history_append(w, &s), 0);
}

/* Four epochs, at 10, 20, 30 and 90 s: the first follows none. */
static void make_epochs(struct fixture *f)
{
	struct history_geometry wide = HISTORY_GEOMETRY_DEFAULT;
	struct history_place place = { f->dir, "eth0", "eth0", (uid_t)-1, (gid_t)-1 };
	struct history_source from = { .counters_id = 7, .ifindex = 3 };
	struct history_writer *w = NULL;

	assert_int_equal(history_open_writer(&place, &wide, &w, &f->err), 0);
	append_at(w, &from, 10);
	from.counters_id = 9;
	append_at(w, &from, 20);
	from.boot_id[0] = 1;
	append_at(w, &from, 30);
	from.counters_id = UINT64_MAX;
	append_at(w, &from, 90);
	history_close_writer(w);
}

static void expect_epoch(const struct api *api, size_t i, const char *from, const char *id,
			 const char *reason)
{
	static const char *const members[] = { "from", "epoch", "reason" };
	json_t *epoch = json_array_get(at_path(api->body, "epochs"), i);

	expect_members(epoch, members, array_size(members));
	assert_string_equal(json_string_value(at_path(epoch, "from")), from);
	assert_string_equal(json_string_value(at_path(epoch, "epoch")), id);
	assert_string_equal(json_string_value(at_path(epoch, "reason")), reason);
}

static void history_tells_when_counters_began_anew(void **state)
{
	struct fixture *f = *state;
	struct api *api = open_api(1);

	make_epochs(f);
	assert_int_equal(history_open_reader(f->dir, "eth0", &api->feed[0].history, &f->err), 0);
	ask(api, "/api/history", "from=-100&to=-50&metrics=rx.packets");
	assert_int_equal(json_array_size(at_path(api->body, "epochs")), 2);
	expect_epoch(api, 0, "2026-01-01T00:00:20.000Z", "9", "counters");
	expect_epoch(api, 1, "2026-01-01T00:00:30.000Z", "9", "boot");
	ask(api, "/api/history", "from=-15&metrics=rx.packets");
	assert_int_equal(json_array_size(at_path(api->body, "epochs")), 1);
	expect_epoch(api, 0, "2026-01-01T00:01:30.000Z", "18446744073709551615", "counters");
	close_history_api(f, api);
}

static void history_begins_with_its_oldest_record(void **state)
{
	struct api *api = open_history_api(*state);

	ask(api, "/api/history", "from=0");
	assert_int_equal(integer_at(api, "step_ms"), 1000);
	assert_string_equal(string_at(api, "from"), "2026-01-01T00:00:01.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:40.000Z");
	assert_int_equal(count_rows(api), 99);
	ask(api, "/api/history", "from=0&step=30s&metrics=rx.packets");
	assert_string_equal(string_at(api, "from"), "2026-01-01T00:00:00.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:30.000Z");
	ask(api, "/api/history", "from=-200&to=-150"); /* before it: nothing, as asked for */
	assert_string_equal(string_at(api, "from"), "2025-12-31T23:58:20.000Z");
	assert_string_equal(string_at(api, "to"), "2025-12-31T23:59:10.000Z");
	assert_true(json_is_null(json_array_get(json_array_get(at_path(api->body, "data"), 1), 0)));
	close_history_api(*state, api);
}

static void less_than_a_step_is_told_as_one_or_as_none(void **state)
{
	struct api *api = open_history_api(*state);

	ask(api, "/api/history", "from=-4&step=1min&metrics=rx.packets");
	assert_int_equal(count_rows(api), 0);
	assert_string_equal(string_at(api, "from"), "2026-01-01T00:01:36.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:40.000Z");
	ask(api, "/api/history", "from=-44&to=-41.5&step=10s&metrics=rx.packets");
	assert_int_equal(count_rows(api), 1);
	assert_string_equal(string_at(api, "from"), "2026-01-01T00:00:50.000Z");
	assert_string_equal(string_at(api, "to"), "2026-01-01T00:01:00.000Z");
	assert_int_equal(json_integer_value(
				 json_array_get(json_array_get(at_path(api->body, "data"), 1), 0)),
			 10);
	close_history_api(*state, api);
}

static void history_takes_times_steps_and_metrics(void **state)
{
	struct api *api = open_history_api(*state);
	json_t *data;

	ask(api, "/api/history",
	    "interface=eth0&from=2026-01-01T00:00:20Z&to=1767225680.5&step=10s"
	    "&metrics=rx.packets_per_s,rx.l3.ipv4.bits_per_s,rx.services.dns.bits_per_s");
	assert_int_equal(api->status, 200);
	assert_int_equal(integer_at(api, "step_ms"), 10000);
	data = at_path(api->body, "data");
	assert_int_equal(json_array_size(json_array_get(data, 0)), 6);
	assert_true(json_real_value(json_array_get(json_array_get(data, 1), 0)) == 1.0);
	assert_true(json_real_value(json_array_get(json_array_get(data, 2), 1)) == 15200.0);
	/* "dns" is known now, but had no slot when this was recorded. */
	assert_true(json_is_null(json_array_get(json_array_get(data, 3), 0)));
	ask(api, "/api/history", "from=-50&to=-10&step=0.5&metrics=rx.sizes.61-123.packets_per_s");
	assert_int_equal(integer_at(api, "step_ms"), 1000);
	assert_int_equal(json_array_size(json_array_get(at_path(api->body, "data"), 0)), 40);
	ask(api, "/api/history", "from=2026-01-01t00:00:20.5z&to=1767225759");
	assert_int_equal(api->status, 200); /* a little ahead of our clock */
	close_history_api(*state, api);
}

static json_t *value_at(const struct api *api, size_t column, size_t row)
{
	return json_array_get(json_array_get(at_path(api->body, "data"), column), row);
}

static void what_is_transmitted_is_null_where_it_is_not_counted(void **state)
{
	struct api *api = open_history_api(*state);

	ask(api, "/api/history",
	    "metrics=rx.packets,tx.packets,tx.bits_per_s,tx.l3.ipv6.packets_per_s,tx.l3.ipv4."
	    "bytes,tx.vlan.packets,rx.vlan.packets");
	assert_int_equal(api->status, 200);
	for (size_t row = 0; row < 99; row++) { /* that of second row + 2 */
		bool known = row + 2 > TX_FROM_S, burst = row + 2 == 40;

		assert_int_equal(json_integer_value(value_at(api, 1, row)), 1);
		for (size_t column = 2; column <= 6; column++)
			assert_int_equal(json_is_null(value_at(api, column, row)), !known);
		assert_int_equal(json_is_null(value_at(api, 7, row)), row + 2 >= TX_FROM_S);
		if (!known)
			continue;
		assert_int_equal(json_integer_value(value_at(api, 2, row)), 2);
		assert_true(json_real_value(value_at(api, 3, row)) == (burst ? 80000 : 16000));
		assert_true(json_real_value(value_at(api, 4, row)) == 2);
		assert_true(json_is_integer(value_at(api, 5, row)));
		assert_int_equal(json_integer_value(value_at(api, 5, row)), 0);
	}
	close_history_api(*state, api);
}

static void bad_parameters_are_refused(void **state)
{
	static const char *const bad[] = {
		"from=",
		"from=x",
		"from=-",
		"from=1e9",
		"from=2026-02-30T00:00:00Z",
		"from=2026-01-01T24:00:00Z",
		"from=2026-01-01T00:00:00",
		"from=2026-01-01T00:00:00%2B01:00",
		"from=2026-01-01%2000:00:00Z",
		"from=2026-1-01T000:00:00Z",
		"from=99999999999",
		"to=1767225761",
		"to=-100000000000",
		"from=-10&to=-10",
		"from=-10&to=-20",
		"step=0",
		"step=-1",
		"step=1x",
		"step=",
		"step=400d",
		"metrics=",
		"metrics=rx",
		"metrics=rx.",
		"metrics=bits_per_s",
		"metrics=tx",
		"metrics=tx.",
		"metrics=tx.rx.bits_per_s",
		"metrics=txx.bits_per_s",
		"metrics=ttx.bits_per_s",
		"metrics=tx.sizes.61-123.bits_per_s",
		"metrics=tx.services.nope.bits_per_s",
		"metrics=rx.bits",
		"metrics=rx.l3.bits_per_s",
		"metrics=rx.l3.ipv9.bits_per_s",
		"metrics=rx.sizes.61-123.bits_per_s",
		"metrics=rx.total.bits_per_s",
		"metrics=rx.services.nope.bits_per_s",
		"metrics=rx.services..bits_per_s",
		"metrics=rx.bits_per_s,,rx.bits_per_s",
		"metrics=rx.services.0123456789012345678901234567890123456789012345678901234.x",
	};
	struct api *api = open_history_api(*state);
	char many[1024] = "metrics=rx.bits_per_s";

	for (size_t i = 0; i < array_size(bad); i++) {
		ask(api, "/api/history", bad[i]);
		if (api->status != 400)
			fail_msg("%s: %u", bad[i], api->status);
		assert_null(api->body);
	}
	for (int i = 1; i < 32; i++)
		strcat(many, ",rx.bits_per_s");
	ask(api, "/api/history", many);
	assert_int_equal(api->status, 200);
	strcat(many, ",rx.bits_per_s");
	expect_refused(api, "/api/history", many, 400, "metrics: at most 32 of them");
	close_history_api(*state, api);
}

static void history_names_the_interfaces_where_one_is_needed(void **state)
{
	struct api *api = open_api(2);

	(void)state;
	expect_refused(api, "/api/history", "", 400,
		       "interface= is needed where there are several: eth0, eth1");
	expect_refused(api, "/api/history", "interface=eth0", 404,
		       "nothing has been recorded of eth0 yet");
	strcpy(api->feed[0].trouble.text, "its history is damaged");
	expect_refused(api, "/api/history", "interface=eth0", 503, "eth0: its history is damaged");
	api->catalog.n = 0;
	expect_refused(api, "/api/history", "", 503, "no interface is sampled");
	close_api(api);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_is_columns),
		TEST(history_tells_when_counters_began_anew),
		TEST(history_begins_with_its_oldest_record),
		TEST(less_than_a_step_is_told_as_one_or_as_none),
		TEST(history_takes_times_steps_and_metrics),
		TEST(what_is_transmitted_is_null_where_it_is_not_counted),
		TEST(bad_parameters_are_refused),
		cmocka_unit_test(history_names_the_interfaces_where_one_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
