// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/service.c: what a service may be, and that a slot never changes its meaning. */
#include "unit.h"

#include "model/service.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef char slot_names[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];

/* Two of them are too much for some stacks. */
static struct sampler_port_table table, other_table;

static struct service_list defaults(void)
{
	struct service_list list;

	memset(&list, 0xff, sizeof(list));
	service_list_init(&list);
	return list;
}

static void must_add(struct service_list *list, const char *name, const char *spec)
{
	struct error err;

	if (service_list_add(list, name, spec, &err))
		fail_msg("%s", err.text);
}

static void must_assign(const struct service_list *list, slot_names slots)
{
	struct error err;

	if (service_list_assign(list, slots, &table, &err))
		fail_msg("%s", err.text);
}

static unsigned int n_ports(const __u8 *ports, unsigned int slot)
{
	unsigned int n = 0;

	for (size_t i = 0; i < 65536; i++)
		n += ports[i] == slot + 1;
	return n;
}

static void http_and_https_are_always_there(void **state)
{
	struct service_list list = defaults();

	(void)state;
	assert_int_equal(list.n, 2);
	assert_string_equal(list.service[SAMPLER_HTTP].name, "http");
	assert_string_equal(list.service[SAMPLER_HTTPS].name, "https");
	memset(&table, 0xff, sizeof(table));
	service_list_fill(&list, &table);
	assert_int_equal(table.tcp[80], SAMPLER_HTTP + 1);
	assert_int_equal(table.tcp[443], SAMPLER_HTTPS + 1);
	table.tcp[80] = table.tcp[443] = 0;
	assert_memory_equal(&table, &other_table, sizeof(table)); /* all else is 0 */
}

static void ports_and_ranges_are_filled(void **state)
{
	struct service_list list = defaults();

	(void)state;
	must_add(&list, "dns", "udp/53\ttcp/53 ");
	must_add(&list, "a_b-9", "  tcp/8000-8010 udp/1 udp/65535 udp/7-7");
	service_list_fill(&list, &table);
	assert_int_equal(table.udp[53], 3);
	assert_int_equal(table.tcp[53], 3);
	assert_int_equal(n_ports(table.tcp, 2) + n_ports(table.udp, 2), 2);
	assert_int_equal(table.tcp[7999], 0);
	assert_int_equal(table.tcp[8000], 4);
	assert_int_equal(table.tcp[8010], 4);
	assert_int_equal(table.tcp[8011], 0);
	assert_int_equal(n_ports(table.tcp, 3), 11);
	assert_int_equal(table.udp[1], 4);
	assert_int_equal(table.udp[7], 4);
	assert_int_equal(table.udp[65535], 4);
	assert_int_equal(n_ports(table.udp, 3), 3);
}

static void all_ports_can_be_one_service(void **state)
{
	struct service_list list = defaults();

	(void)state;
	must_add(&list, "all", "udp/1-65535");
	service_list_fill(&list, &table);
	assert_int_equal(n_ports(table.udp, 2), 65535);
	assert_int_equal(table.udp[0], 0);
	assert_int_equal(n_ports(table.tcp, 2), 0);
}

static void a_default_is_replaced_once(void **state)
{
	struct service_list list = defaults();
	struct error err;

	(void)state;
	must_add(&list, "http", "tcp/8080 tcp/3000-3001");
	assert_int_equal(list.n, 2);
	service_list_fill(&list, &table);
	assert_int_equal(table.tcp[80], 0);
	assert_int_equal(table.tcp[8080], 1);
	assert_int_equal(table.tcp[3001], 1);
	assert_int_equal(service_list_add(&list, "http", "tcp/80", &err), -EEXIST);
	assert_string_equal(err.text, "service \"http\" is there twice");
	service_list_make_defaults(&list);
	must_add(&list, "http", "tcp/80");
	assert_int_equal(service_list_add(&list, "http", "tcp/80", NULL), -EEXIST);
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {
		"",    "a234567890123456",    "Dns", "d ns", "dns.", "d/ns", "dn\xc3\xa9", "*", "=",
		"a\n", "a2345678901234567890"
	};
	static const char *const good[] = { "a", "0", "-", "_", "a23456789012345" };
	struct service_list list = defaults(), before = list;

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		struct error err = { "" };

		assert_int_equal(service_list_add(&list, bad[i], "udp/1", &err), -EINVAL);
		assert_non_null(strstr(err.text, "is no name for a service"));
	}
	assert_memory_equal(&list, &before, sizeof(list));
	for (size_t i = 0; i < array_size(good); i++) {
		char spec[16];

		snprintf(spec, sizeof(spec), "udp/%zu", i + 1);
		must_add(&list, good[i], spec);
	}
}

static void ports_are_checked(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"80",
		"tcp",
		"tcp/",
		"tcp/0",
		"tcp/65536",
		"tcp/-1",
		"tcp/+1",
		"tcp/80,",
		"tcp/80;",
		"tcp/80/81",
		"TCP/80",
		"sctp/80",
		"/80",
		"tcp /80",
		"tcp/ 80",
		"tcp/80-",
		"tcp/-80",
		"tcp/81-80",
		"tcp/1-2-3",
		"tcp/0-5",
		"tcp/1-65536",
		"tcp/http",
		"tcp/0x50",
		"udp/53 x",
		"udp/53, tcp/53",
		"tcp/000000000000000000000000000000000000000080",
	};
	struct service_list list = defaults(), before = list;

	(void)state;
	for (size_t i = 0; i < array_size(bad); i++) {
		struct error err = { "" };

		if (service_list_add(&list, "x", bad[i], &err) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(err.text, "service \"x\": expected ports such as"));
	}
	assert_memory_equal(&list, &before, sizeof(list));
}

static void a_bad_word_is_shown_as_it_was_written(void **state)
{
	struct service_list list = defaults();
	struct error err;

	(void)state;
	assert_int_equal(service_list_add(&list, "x", "udp/1 tcp/9-8 udp/2", &err), -EINVAL);
	assert_non_null(strstr(err.text, "got \"tcp/9-8\""));
}

static void a_port_has_one_service(void **state)
{
	struct service_list list = defaults(), before;
	struct error err;

	(void)state;
	must_add(&list, "a", "tcp/100-200 udp/5");
	before = list;
	assert_int_equal(service_list_add(&list, "b", "udp/6 tcp/150", &err), -EEXIST);
	assert_string_equal(err.text, "tcp/150 belongs to two services, \"a\" and \"b\"");
	assert_int_equal(service_list_add(&list, "b", "tcp/1-100", &err), -EEXIST);
	assert_string_equal(err.text, "tcp/100 belongs to two services, \"a\" and \"b\"");
	assert_int_equal(service_list_add(&list, "b", "tcp/200-300", &err), -EEXIST);
	assert_string_equal(err.text, "tcp/200 belongs to two services, \"a\" and \"b\"");
	assert_int_equal(service_list_add(&list, "b", "tcp/1-65535", NULL), -EEXIST);
	assert_memory_equal(&list, &before, sizeof(list));
	must_add(&list, "b", "udp/100-200 tcp/99 tcp/201"); /* other protocol, neighbours */
	assert_int_equal(service_list_check(&list, &err), 0);
}

/* Whether a default's port is free is only known when all has been read. */
static void the_order_of_services_does_not_matter(void **state)
{
	struct service_list list = defaults();
	struct error err;
	slot_names slots = { "" }, untouched = { "" };

	(void)state;
	must_add(&list, "web", "tcp/80");
	assert_int_equal(service_list_check(&list, &err), -EEXIST);
	assert_string_equal(err.text, "tcp/80 belongs to two services, \"http\" and \"web\"");
	assert_int_equal(service_list_assign(&list, slots, &table, &err), -EEXIST);
	assert_memory_equal(slots, untouched, sizeof(slots));
	must_add(&list, "http", "tcp/8080");
	assert_int_equal(service_list_check(&list, &err), 0);
}

static void the_number_of_services_is_bounded(void **state)
{
	struct service_list list = defaults(), full;
	struct error err;

	(void)state;
	for (int i = 2; i < SAMPLER_MAX_SERVICES; i++) {
		char name[16], spec[16];

		snprintf(name, sizeof(name), "s%d", i);
		snprintf(spec, sizeof(spec), "udp/%d", i);
		must_add(&list, name, spec);
	}
	assert_int_equal(list.n, 16);
	full = list;
	assert_int_equal(service_list_add(&list, "more", "udp/99", &err), -ENOSPC);
	assert_non_null(strstr(err.text, "\"more\" is one too many: there is room for 16"));
	assert_memory_equal(&list, &full, sizeof(list));
	must_add(&list, "http", "tcp/80 tcp/8080"); /* replacing needs no room */
}

static void the_number_of_ranges_is_bounded(void **state)
{
	struct service_list list = defaults();
	char spec[512] = "";
	struct error err;

	(void)state;
	for (int i = 1; i <= SERVICE_MAX_RANGES; i++)
		sprintf(spec + strlen(spec), " tcp/%d", 1000 + i);
	must_add(&list, "x", spec);
	assert_int_equal(list.service[2].n_ranges, SERVICE_MAX_RANGES);
	strcat(spec, " tcp/2000");
	assert_int_equal(service_list_add(&list, "y", spec, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "more than 32 ranges"));
}

static void a_new_epoch_gives_slots_in_order(void **state)
{
	struct service_list list = defaults();
	slot_names slots = { "" };

	(void)state;
	must_add(&list, "dns", "udp/53");
	must_assign(&list, slots);
	assert_string_equal(slots[0], "http");
	assert_string_equal(slots[1], "https");
	assert_string_equal(slots[2], "dns");
	assert_string_equal(slots[3], "");
	assert_int_equal(table.tcp[80], 1);
	assert_int_equal(table.udp[53], 3);
}

static void slots_stay_with_their_names(void **state)
{
	struct service_list first = defaults(), second = defaults();
	slot_names slots = { "" }, before;

	(void)state;
	must_add(&first, "dns", "udp/53");
	must_add(&first, "quic", "udp/443");
	must_add(&first, "ntp", "udp/123");
	must_assign(&first, slots);
	memcpy(before, slots, sizeof(slots));
	must_add(&second, "ntp", "udp/123 udp/124"); /* moved to the front, with a port more */
	must_add(&second, "ssh", "tcp/22");	     /* new */
	must_add(&second, "dns", "tcp/53");	     /* moved to the end, with another port */
	must_assign(&second, slots);		     /* and quic is gone */
	assert_memory_equal(slots, before, 5 * SAMPLER_NAME_MAX);
	assert_string_equal(slots[5], "ssh");
	assert_int_equal(table.udp[123], 5);
	assert_int_equal(table.udp[124], 5);
	assert_int_equal(table.tcp[53], 3);
	assert_int_equal(table.udp[53], 0);
	assert_int_equal(n_ports(table.udp, 3), 0);
	assert_int_equal(table.tcp[22], 6);
}

static void a_service_that_returns_finds_its_slot(void **state)
{
	struct service_list with = defaults(), without = defaults();
	slot_names slots = { "" };

	(void)state;
	must_add(&with, "dns", "udp/53");
	must_add(&without, "ssh", "tcp/22");
	must_assign(&with, slots);
	must_assign(&without, slots);
	must_assign(&with, slots);
	assert_string_equal(slots[2], "dns");
	assert_string_equal(slots[3], "ssh");
	assert_int_equal(table.udp[53], 3);
	assert_int_equal(table.tcp[22], 0);
}

static void slots_run_out_rather_than_change(void **state)
{
	slot_names slots = { "" }, before;
	struct error err;

	(void)state;
	for (int i = 2; i <= SAMPLER_MAX_SERVICES; i++) {
		struct service_list list = defaults();
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		must_add(&list, name, "udp/1");
		if (i < SAMPLER_MAX_SERVICES) {
			must_assign(&list, slots);
			continue;
		}
		memcpy(before, slots, sizeof(slots));
		other_table = table;
		assert_int_equal(service_list_assign(&list, slots, &table, &err), -ENOSPC);
		assert_non_null(strstr(err.text, "No slot is free for service \"s16\""));
		assert_non_null(strstr(err.text, "detach and attach"));
		assert_memory_equal(slots, before, sizeof(slots));
		assert_memory_equal(&table, &other_table, sizeof(table));
	}
}

static void foreign_slots_are_refused(void **state)
{
	struct service_list list = defaults();
	slot_names slots = { "dns", "https" };
	struct error err;

	(void)state;
	assert_int_equal(service_list_assign(&list, slots, &table, &err), -EINVAL);
	assert_string_equal(slots[2], "");
	memset(slots, 'x', sizeof(slots)); /* without an end, too */
	assert_int_equal(service_list_assign(&list, slots, &table, &err), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_and_https_are_always_there),
		cmocka_unit_test(ports_and_ranges_are_filled),
		cmocka_unit_test(all_ports_can_be_one_service),
		cmocka_unit_test(a_default_is_replaced_once),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(ports_are_checked),
		cmocka_unit_test(a_bad_word_is_shown_as_it_was_written),
		cmocka_unit_test(a_port_has_one_service),
		cmocka_unit_test(the_order_of_services_does_not_matter),
		cmocka_unit_test(the_number_of_services_is_bounded),
		cmocka_unit_test(the_number_of_ranges_is_bounded),
		cmocka_unit_test(a_new_epoch_gives_slots_in_order),
		cmocka_unit_test(slots_stay_with_their_names),
		cmocka_unit_test(a_service_that_returns_finds_its_slot),
		cmocka_unit_test(slots_run_out_rather_than_change),
		cmocka_unit_test(foreign_slots_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
