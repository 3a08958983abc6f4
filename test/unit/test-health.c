// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/health.c: alarms that are due, and above all those that are not. */
#include "unit.h"

#include "model/health.h"

#include <stdbool.h>
#include <string.h>

#define SECOND 1000000000ULL
#define OURS   17 /* the expected program */
#define OTHER  23

/* A host that ticks once a second. */
struct host {
	struct health health;
	struct health_input input;
};

static struct host new_host(void)
{
	struct host host = { .input = { .boottime_ns = 100 * SECOND,
					.interface_rx_packets = 5000000,
					.our_rx_packets = 4000,
					.link_prog_id = OURS,
					.expected_prog_id = OURS } };

	health_init(&host.health);
	return host;
}

/* A second in which the interface and our program count so many packets. */
static enum health_state tick(struct host *host, uint64_t interface, uint64_t ours)
{
	host->input.boottime_ns += SECOND;
	host->input.interface_rx_packets += interface;
	host->input.our_rx_packets += ours;
	return health_tick(&host->health, &host->input);
}

static void moving_counters_are_well(void **state)
{
	struct host host = new_host();

	(void)state;
	assert_int_equal(host.health.state, HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 10, 10), HEALTH_UNJUDGED); /* nothing to compare with yet */
	assert_int_equal(host.health.judged_boottime_ns, 0);
	assert_int_equal(tick(&host, 10, 10), HEALTH_OK);
	assert_string_equal(host.health.reason, "");
	assert_true(host.health.judged_boottime_ns == host.input.boottime_ns);
}

static void inequality_alone_is_no_alarm(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	for (int i = 0; i < 100; i++) /* far fewer, e.g. as an earlier program drops most */
		assert_int_equal(tick(&host, 1000000, 1), HEALTH_OK);
	for (int i = 0; i < 100; i++) /* or more, e.g. as the driver does not count them */
		assert_int_equal(tick(&host, 0, 1000), HEALTH_OK);
}

static void an_idle_link_is_not_judged(void **state)
{
	struct host host = new_host();
	uint64_t judged;

	(void)state;
	tick(&host, 0, 0);
	tick(&host, 5, 5);
	judged = host.input.boottime_ns;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(tick(&host, 0, 0), HEALTH_UNJUDGED);
	assert_true(host.health.judged_boottime_ns == judged);
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
	assert_true(host.health.judged_boottime_ns == host.input.boottime_ns);
}

static void no_program_is_degraded_at_once(void **state)
{
	struct host host = new_host();

	(void)state;
	host.input.link_prog_id = 0;
	assert_int_equal(tick(&host, 0, 0), HEALTH_DEGRADED);
	assert_non_null(strstr(host.health.reason, "no XDP program"));
	assert_true(host.health.judged_boottime_ns == host.input.boottime_ns);
	assert_int_equal(tick(&host, 9, 9), HEALTH_DEGRADED);
	host.input.link_prog_id = OURS;
	assert_int_equal(tick(&host, 0, 0), HEALTH_UNJUDGED);
	assert_string_equal(host.health.reason, "");
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void another_program_is_suspect(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER;
	assert_int_equal(tick(&host, 1, 1), HEALTH_SUSPECT);
	assert_non_null(strstr(host.health.reason, "23"));
	assert_non_null(strstr(host.health.reason, "17"));
	assert_int_equal(tick(&host, 1, 1), HEALTH_SUSPECT); /* until it is cleared up */
	host.input.link_prog_id = OURS;
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void a_verified_newcomer_is_expected_from_then_on(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER;
	tick(&host, 0, 0);
	health_verified(&host.health, true, OTHER, NULL);
	assert_int_equal(host.health.state, HEALTH_OK);
	assert_string_equal(host.health.reason, "");
	assert_int_equal(tick(&host, 0, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
	host.input.link_prog_id = OTHER + 1; /* the next newcomer is suspect again */
	assert_int_equal(tick(&host, 1, 1), HEALTH_SUSPECT);
	host.input.link_prog_id = OURS; /* and when all have left, the first is right */
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void a_change_during_the_check_is_suspect_again(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER + 1;
	health_verified(&host.health, true, OTHER, NULL);
	assert_int_equal(tick(&host, 1, 1), HEALTH_SUSPECT);
}

/* As --attach does in a hand-over: program and meta change together. */
static void a_hand_over_is_well(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = host.input.expected_prog_id = OTHER;
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void a_failed_check_is_degraded_until_the_link_changes(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER;
	tick(&host, 1, 1);
	health_verified(&host.health, false, OTHER, "sampler_rx is not attached to eth0");
	assert_int_equal(host.health.state, HEALTH_DEGRADED);
	assert_int_equal(tick(&host, 0, 0), HEALTH_DEGRADED);
	assert_string_equal(host.health.reason, "sampler_rx is not attached to eth0");
	assert_int_equal(tick(&host, 5, 0), HEALTH_DEGRADED);
	host.input.link_prog_id = OTHER + 1;
	assert_int_equal(tick(&host, 0, 0), HEALTH_SUSPECT);
	health_verified(&host.health, false, 0, "again"); /* the check could not tell the id */
	assert_int_equal(tick(&host, 0, 0), HEALTH_DEGRADED);
	host.input.link_prog_id = OURS;
	assert_int_equal(tick(&host, 0, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void a_program_that_comes_back_is_checked_anew(void **state)
{
	static const uint32_t between[] = { OURS, 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct host host = new_host();

		host.input.link_prog_id = OTHER;
		tick(&host, 1, 1);
		health_verified(&host.health, false, OTHER, "not there");
		host.input.link_prog_id = between[i];
		tick(&host, 1, 1);
		host.input.link_prog_id = OTHER;
		assert_int_equal(tick(&host, 1, 1), HEALTH_SUSPECT);
	}
}

static void a_later_check_can_end_the_alarm(void **state)
{
	struct host host = new_host();

	(void)state;
	host.input.link_prog_id = OTHER;
	tick(&host, 1, 1);
	health_verified(&host.health, false, OTHER, "timed out");
	assert_int_equal(tick(&host, 1, 1), HEALTH_DEGRADED);
	health_verified(&host.health, true, OTHER, NULL);
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
}

static void a_stall_is_suspect_after_two_ticks(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 500, 500);
	tick(&host, 500, 500);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_SUSPECT);
	assert_non_null(strstr(host.health.reason, "10000 packets"));
	assert_int_equal(tick(&host, 5000, 1), HEALTH_OK);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_UNJUDGED); /* the watch starts anew */
}

static void a_stall_takes_a_thousand_packets(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	assert_int_equal(tick(&host, 500, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 499, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 1, 0), HEALTH_SUSPECT);
}

static void packets_before_the_stand_still_do_not_count(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	for (int i = 0; i < 50; i++) { /* ours moves at every other tick */
		assert_int_equal(tick(&host, 900, 0), HEALTH_UNJUDGED);
		assert_int_equal(tick(&host, 900, 1), HEALTH_OK);
	}
}

static void a_silent_tick_does_not_end_a_stall(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	tick(&host, 600, 0);
	assert_int_equal(tick(&host, 0, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 600, 0), HEALTH_SUSPECT);
}

static void an_explained_stall_is_suspected_once(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	tick(&host, 5000, 0);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_SUSPECT);
	health_verified(&host.health, true, OURS, NULL);
	for (int i = 0; i < 100; i++)
		assert_int_equal(tick(&host, 5000, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 5000, 1), HEALTH_OK);
	tick(&host, 5000, 0);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_SUSPECT); /* a stall of its own */
}

static void a_check_for_another_cause_explains_no_stall(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 1, 1);
	host.input.link_prog_id = OTHER;
	tick(&host, 0, 0);
	health_verified(&host.health, true, OTHER, NULL);
	tick(&host, 5000, 0);
	assert_int_equal(tick(&host, 5000, 0), HEALTH_SUSPECT);
}

static void a_failed_check_of_a_stall_ends_when_ours_moves(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	tick(&host, 5000, 0);
	tick(&host, 5000, 0);
	health_verified(&host.health, false, OURS, "not in the dispatcher");
	assert_int_equal(tick(&host, 5000, 0), HEALTH_DEGRADED);
	assert_int_equal(tick(&host, 0, 0), HEALTH_DEGRADED);
	assert_string_equal(host.health.reason, "not in the dispatcher");
	assert_int_equal(tick(&host, 1, 1), HEALTH_OK);
	assert_string_equal(host.health.reason, "");
}

static void counters_that_fell_start_the_watch_anew(void **state)
{
	struct host host = new_host();

	(void)state;
	tick(&host, 0, 0);
	tick(&host, 900, 0);
	host.input.our_rx_packets = 0; /* a new epoch */
	assert_int_equal(tick(&host, 900, 0), HEALTH_UNJUDGED);
	host.input.interface_rx_packets = 0; /* the driver was reset */
	assert_int_equal(tick(&host, 900, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 900, 0), HEALTH_UNJUDGED);
	assert_int_equal(tick(&host, 900, 0), HEALTH_SUSPECT);
}

static void long_reasons_are_cut(void **state)
{
	struct host host = new_host();
	char reason[1000];

	(void)state;
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	tick(&host, 1, 1);
	health_verified(&host.health, false, OURS, reason);
	assert_int_equal(strlen(host.health.reason), sizeof(host.health.reason) - 1);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(health_state_name(HEALTH_UNJUDGED), "unjudged");
	assert_string_equal(health_state_name(HEALTH_OK), "ok");
	assert_string_equal(health_state_name(HEALTH_SUSPECT), "suspect");
	assert_string_equal(health_state_name(HEALTH_DEGRADED), "degraded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moving_counters_are_well),
		cmocka_unit_test(inequality_alone_is_no_alarm),
		cmocka_unit_test(an_idle_link_is_not_judged),
		cmocka_unit_test(no_program_is_degraded_at_once),
		cmocka_unit_test(another_program_is_suspect),
		cmocka_unit_test(a_verified_newcomer_is_expected_from_then_on),
		cmocka_unit_test(a_change_during_the_check_is_suspect_again),
		cmocka_unit_test(a_hand_over_is_well),
		cmocka_unit_test(a_failed_check_is_degraded_until_the_link_changes),
		cmocka_unit_test(a_program_that_comes_back_is_checked_anew),
		cmocka_unit_test(a_later_check_can_end_the_alarm),
		cmocka_unit_test(a_stall_is_suspect_after_two_ticks),
		cmocka_unit_test(a_stall_takes_a_thousand_packets),
		cmocka_unit_test(packets_before_the_stand_still_do_not_count),
		cmocka_unit_test(a_silent_tick_does_not_end_a_stall),
		cmocka_unit_test(an_explained_stall_is_suspected_once),
		cmocka_unit_test(a_check_for_another_cause_explains_no_stall),
		cmocka_unit_test(a_failed_check_of_a_stall_ends_when_ours_moves),
		cmocka_unit_test(counters_that_fell_start_the_watch_anew),
		cmocka_unit_test(long_reasons_are_cut),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
