// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/interval.c, outcome.c, thresholds.c, notes.c, output-csv.c, output-hdr.c and checks.c, on
 * counters that are made up: what a second was, what a run came to, and how it is written.
 */
#include "unit.h"

#include "checks.h"
#include "interval.h"
#include "notes.h"
#include "output.h"
#include "thresholds.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START (1000 * NSEC_PER_SEC)
#define MS    1000000ULL

static const struct pace pace = { 1, MS, 0 }; /* 1,000 a second */

static struct stats *stats_new(uint64_t time_ns)
{
	struct stats *stats = calloc(1, sizeof(*stats));

	assert_non_null(stats);
	stats->time_ns = time_ns;
	return stats;
}

static void cleanup_stats(struct stats **stats)
{
	free(*stats);
}

#define _cleanup_stats_ _cleanup_(cleanup_stats)

static struct config config_of(void)
{
	return (struct config){
		.request_size = 1000,
		.bandwidth_bps = 8000000,
		.connections = 10,
		.threads = 1,
		.max_p50_ns = LOADGEN_NO_THRESHOLD,
		.max_p99_ns = LOADGEN_NO_THRESHOLD,
		.max_p99_9_ns = LOADGEN_NO_THRESHOLD,
		.max_errors_ppm = LOADGEN_NO_THRESHOLD,
		.min_achieved_ppm = LOADGEN_NO_THRESHOLD,
	};
}

static bool about(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b));
}

static void record(struct stats *stats, uint64_t n, uint64_t ns)
{
	for (uint64_t i = 0; i < n; i++) {
		histogram_record(&stats->corrected, ns);
		histogram_record(&stats->service, ns / 2);
		histogram_record(&stats->lateness, ns / 4);
	}
	stats->n_completed += n;
	stats->status[2] += n;
}

/* ---- a second ---- */

static void an_interval_is_what_came_in_between(void **state)
{
	_cleanup_stats_ struct stats *before = stats_new(START + NSEC_PER_SEC);
	_cleanup_stats_ struct stats *now = stats_new(START + 3 * NSEC_PER_SEC);
	struct histogram scratch;
	struct config config = config_of();
	struct interval i;

	(void)state;
	record(before, 500, 100);
	record(now, 500, 100);
	record(now, 100, 200);
	now->status[2] -= 10;
	now->status[5] += 10;
	now->n_connected = 7;
	before->n_failed = 3;
	now->n_failed = 8;
	now->errors[PHASE_PARSE].n = 5;
	now->payload_sent = 1000000;
	now->payload_unsent = 250000;
	now->http_sent = 2000000;
	now->wire.tx_bytes = 3000000;
	now->wire.tx_again_frames = 4;
	now->cpu_ns = NSEC_PER_SEC;
	interval_between(&config, &pace, START, before, now, &scratch, &i);
	assert_true(about(i.time_s, 3) && about(i.seconds, 2));
	assert_int_equal(i.n_connected, 7);
	assert_int_equal(i.n_completed, 100);
	assert_int_equal(i.n_failed, 5);
	assert_int_equal(i.n_not_2xx, 10);
	assert_int_equal(i.n_errors, 15);
	assert_true(about(i.requests_per_s, 50));
	assert_true(about(i.target_per_s, 1000) && about(i.target_bps, 8e6) && i.has_target);
	assert_true(about(i.payload_bps, 3e6) && about(i.http_bps, 8e6) && about(i.wire_bps, 12e6));
	assert_true(about(i.cpu_percent, 50));
	assert_int_equal(i.n_retransmits, 4);
	assert_int_equal(i.corrected.n, 100);
	assert_true(i.corrected.p50 == 200 && i.corrected.p99 == 200 && i.corrected.min == 200);
	assert_true(i.service.p50 == 100 && i.lateness.max == 50 && i.lateness.mean == 50);
}

static void a_queue_that_was_dropped_makes_no_negative_rate(void **state)
{
	_cleanup_stats_ struct stats *before = stats_new(START);
	_cleanup_stats_ struct stats *now = stats_new(START + NSEC_PER_SEC);
	const struct pace none = { 0, 0, 0 };
	struct histogram scratch;
	struct config config = config_of();
	struct interval i;

	(void)state;
	now->payload_sent = 10;
	now->payload_unsent = 20;
	interval_between(&config, &none, START, before, now, &scratch, &i);
	assert_true(i.payload_bps == 0 && !i.has_target && i.target_bps == 0);
	assert_int_equal(i.corrected.n, 0);
}

static void a_ramp_has_its_own_target_each_second(void **state)
{
	_cleanup_stats_ struct stats *before = stats_new(START);
	_cleanup_stats_ struct stats *now = stats_new(START + NSEC_PER_SEC);
	const struct pace ramp = { 1, MS, 10 * NSEC_PER_SEC };
	struct histogram scratch;
	struct config config = config_of();
	struct interval i;

	(void)state;
	interval_between(&config, &ramp, START, before, now, &scratch, &i);
	assert_true(about(i.target_per_s, 50));
	before->time_ns = START + 10 * NSEC_PER_SEC;
	now->time_ns = START + 11 * NSEC_PER_SEC;
	interval_between(&config, &ramp, START, before, now, &scratch, &i);
	assert_true(about(i.target_per_s, 1000));
}

/* ---- a run ---- */

static struct outcome outcome_of(const struct config *config, const struct stats *stats)
{
	static const struct target target = { .text = "192.0.2.1 port 80" };
	struct outcome outcome = {
		.config = config,
		.target = &target,
		.pace = &pace,
		.start_ns = START,
		.end_ns = stats->time_ns,
		.n_requests = UINT64_MAX,
	};

	outcome_reckon(&outcome, stats);
	return outcome;
}

static void what_is_under_way_counts_as_reached(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + 2 * NSEC_PER_SEC);
	struct config config = config_of();
	struct outcome outcome;

	(void)state;
	record(stats, 1000, MS);
	stats->n_unfinished = 15;
	stats->n_pending = 6;
	stats->payload_pending = 10000;	 /* of all that are under way: 10 whole ones */
	stats->payload_withheld = 50000; /* of refused requests: 50 whole ones */
	outcome = outcome_of(&config, stats);
	assert_true(about(outcome_seconds(&outcome), 2));
	assert_true(about(outcome.due_per_s, 1000));
	assert_true(about(outcome.reached_per_s, 480));
	config.bandwidth_bps = 0; /* a rate: requests that were sent as a whole */
	outcome = outcome_of(&config, stats);
	assert_true(about(outcome.reached_per_s, 503));
	outcome.start_ns = 0;
	outcome_reckon(&outcome, stats);
	assert_true(outcome.due_per_s == 0 && outcome.reached_per_s == 0);
	assert_true(outcome_seconds(&outcome) == 0);
}

static const struct threshold *check_one(const struct config *config, const struct stats *stats)
{
	static struct threshold threshold[MAX_THRESHOLDS];
	struct outcome outcome = outcome_of(config, stats);

	assert_int_equal(thresholds_check(&outcome, stats, threshold), 1);
	return threshold;
}

static void thresholds_are_missed_beyond_their_limit(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();
	const struct threshold *one;
	char line[200];

	(void)state;
	record(stats, 980, 64); /* exact: below 256 ns a bucket is one */
	record(stats, 20, 128);
	config.max_p50_ns = 64;
	assert_false(check_one(&config, stats)->missed);
	config.max_p50_ns = 63;
	one = check_one(&config, stats);
	assert_true(one->missed);
	assert_int_equal(one->key, KEY_MAX_P50);
	threshold_explain(one, line, sizeof(line));
	assert_string_equal(line, "threshold missed: max_p50 = 63ns, but it was 0.000ms");
	config = config_of();
	config.max_p99_ns = 128;
	assert_false(check_one(&config, stats)->missed);
	config.max_p99_ns = 127;
	assert_true(check_one(&config, stats)->missed);
	config = config_of();
	config.max_p99_9_ns = 127;
	assert_true(check_one(&config, stats)->missed);
}

static void thresholds_of_shares(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();

	(void)state;
	record(stats, 990, 64);
	stats->n_failed = 2;
	stats->n_completed += 8;
	stats->status[2] += 3;
	stats->status[4] = 5;
	stats->errors[PHASE_RECEIVE].n = 2;
	stats->errors[PHASE_CONNECT].n = 3; /* of no request */
	config.max_errors_ppm = 10000;	    /* 10 of 1,000 */
	assert_false(check_one(&config, stats)->missed);
	config.max_errors_ppm = 9999;
	assert_true(check_one(&config, stats)->missed);
	assert_string_equal(check_one(&config, stats)->limit, "0.9999%");
	assert_string_equal(check_one(&config, stats)->value, "1%");
	stats->errors[PHASE_TLS].n = 5000; /* more than requests */
	assert_string_equal(check_one(&config, stats)->value, "100%");
	config = config_of();
	config.min_achieved_ppm = 998000; /* 998 of 1,000 that were due */
	assert_false(check_one(&config, stats)->missed);
	config.min_achieved_ppm = 998001;
	assert_true(check_one(&config, stats)->missed);
}

static void without_an_answer_no_latency_is_kept_to(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();

	(void)state;
	config.max_p99_ns = 3600 * NSEC_PER_SEC;
	assert_true(check_one(&config, stats)->missed);
	assert_string_equal(check_one(&config, stats)->value, "no answer");
	config = config_of();
	config.max_errors_ppm = 0;
	assert_false(check_one(&config, stats)->missed);
	stats->errors[PHASE_CONNECT].n = 1;
	assert_true(check_one(&config, stats)->missed);
}

/* 1,000 were due: 985 of them are answered, 15 are not, each in another way. */
static void what_has_no_answer_is_not_within_a_limit(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();

	(void)state;
	record(stats, 985, 64);
	config.max_p99_ns = 64;
	stats->n_unfinished = 15;
	stats->n_overdue[OVERDUE_P50] = 1000; /* of another limit */
	assert_false(check_one(&config, stats)->missed);
	stats->n_failed = 2;
	stats->n_skipped = 3;
	stats->n_overdue[OVERDUE_P99] = 4; /* 9 of 994 */
	assert_false(check_one(&config, stats)->missed);
	assert_string_equal(check_one(&config, stats)->value, "0.000ms");
	stats->n_overdue[OVERDUE_P99] = 5; /* 10 of 995, which is more than 1 % */
	assert_true(check_one(&config, stats)->missed);
	assert_string_equal(check_one(&config, stats)->value, "no answer");
	stats->n_overdue[OVERDUE_P99] = 0;
	stats->n_failed = 7;
	assert_true(check_one(&config, stats)->missed);
	stats->n_failed = 0;
	stats->n_skipped = 10;
	assert_true(check_one(&config, stats)->missed);
}

/* 10 connections in 1 s: 1 % of their time is 100 ms. */
static void a_closed_loop_that_hangs_is_not_within_a_limit(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();

	(void)state;
	record(stats, 985, 64);
	config.max_p99_ns = 64;
	stats->hung_ns[OVERDUE_P50] = 10 * NSEC_PER_SEC; /* of another limit */
	stats->hung_ns[OVERDUE_P99] = 99 * MS;
	assert_false(check_one(&config, stats)->missed);
	stats->hung_ns[OVERDUE_P99] = 101 * MS;
	assert_true(check_one(&config, stats)->missed);
	assert_string_equal(check_one(&config, stats)->value, "no answer");
	config.max_p99_ns = LOADGEN_NO_THRESHOLD;
	config.max_p50_ns = 64;
	stats->hung_ns[OVERDUE_P50] = 4999 * MS;
	assert_false(check_one(&config, stats)->missed);
	stats->hung_ns[OVERDUE_P50] = 5001 * MS;
	assert_true(check_one(&config, stats)->missed);
}

static void take_note(const char *line, void *user)
{
	char *text = user;

	strncat(text, line, 1000 - strlen(text) - 1);
	strncat(text, "\n", 1000 - strlen(text) - 1);
}

static void a_saturated_generator_says_so(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();
	struct outcome outcome;
	char text[1000] = "";

	(void)state;
	record(stats, 1000, 100);
	outcome = outcome_of(&config, stats);
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text, "");
	outcome.busiest_worker = 0.95;
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text,
			    "The generator itself was the limit: a thread used 95 % of a CPU; "
			    "more threads may help.\n");
	text[0] = '\0';
	outcome.busiest_worker = 0.5;
	config.threads = config.connections;
	for (size_t i = 0; i < 20; i++)
		histogram_record(&stats->lateness, 20 * MS);
	notes_tell(&outcome, stats, take_note, text);
	assert_memory_equal(text,
			    "The generator itself was late: 1 % of the requests were sent more "
			    "than 20.",
			    73);
	assert_null(strstr(text, "more threads"));
}

static void a_missed_target_says_why(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();
	struct outcome outcome;
	char text[1000] = "";

	(void)state;
	record(stats, 500, 100);
	outcome = outcome_of(&config, stats);
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text,
			    "The target of 8.00 Mbit/s was not reached (4.00 Mbit/s), because "
			    "all connections were busy: the answers take too long for so few "
			    "connections.\n");
	text[0] = '\0';
	for (size_t i = 0; i < 20; i++)
		histogram_record(&stats->lateness, 20 * MS);
	notes_tell(&outcome, stats, take_note, text);
	assert_non_null(strstr(text, "because the generator was not woken in time.\n"));
	text[0] = '\0';
	stats->n_failed = 1; /* which is not the generator's doing */
	notes_tell(&outcome, stats, take_note, text);
	assert_non_null(strstr(text, "because of errors, see above.\n"));
	text[0] = '\0';
	outcome.busiest_worker = 1;
	outcome.ending = ENDED_GIVEN_UP;
	config.give_up_ns = 30 * NSEC_PER_SEC;
	notes_tell(&outcome, stats, take_note, text);
	assert_non_null(strstr(text, "Given up: for 30s (give_up) no connection could be made.\n"));
	assert_non_null(strstr(text, "because the generator has no more CPU.\n"));
}

static void what_had_no_answer_is_told(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	struct config config = config_of();
	struct outcome outcome;
	char text[1000] = "";

	(void)state;
	record(stats, 1000, 100);
	outcome = outcome_of(&config, stats);
	stats->n_failed = 1;
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text, "");
	stats->n_skipped = 1;
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text,
			    "2 requests that were due had no answer: the latencies leave them "
			    "out.\n");
	text[0] = '\0';
	stats->n_failed = stats->n_skipped = 0;
	stats->n_overdue[OVERDUE_LONG] = 1;
	stats->oldest_ns = 6 * NSEC_PER_SEC;
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text,
			    "1 request that was due had no answer: the latencies leave it out; "
			    "at the end the oldest had waited for 6.0 s.\n");
	text[0] = '\0';
	record(stats, 1, 7 * NSEC_PER_SEC); /* a longer one is in the latencies */
	stats->lateness = (struct histogram){ 0 };
	notes_tell(&outcome, stats, take_note, text);
	assert_string_equal(text, "");
}

/* ---- as it is written ---- */

static char *write_end(const struct output_format *format, const struct stats *stats)
{
	struct config config = config_of();
	struct outcome outcome = outcome_of(&config, stats);
	struct output output = { .format = format, .config = &config };
	char *text = NULL;
	size_t n;

	output.out = open_memstream(&text, &n);
	assert_non_null(output.out);
	format->end(&output, &outcome, stats);
	assert_int_equal(fclose(output.out), 0);
	return text;
}

/* What HdrHistogram's own writer makes of 2, 4 and so on to 200 ns, five steps to each half. */
static void percentiles_are_written_as_plotters_read_them(void **state)
{
	static const char want[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
				   "    0.000002 0.000000000000          1           1.00\n"
				   "    0.000020 0.100000000000         10           1.11\n"
				   "    0.000040 0.200000000000         20           1.25\n"
				   "    0.000060 0.300000000000         30           1.43\n"
				   "    0.000080 0.400000000000         40           1.67\n"
				   "    0.000100 0.500000000000         50           2.00\n"
				   "    0.000110 0.550000000000         55           2.22\n"
				   "    0.000120 0.600000000000         60           2.50\n"
				   "    0.000130 0.650000000000         65           2.86\n"
				   "    0.000140 0.700000000000         70           3.33\n"
				   "    0.000150 0.750000000000         75           4.00\n";
	static const char last[] = "    0.000200 1.000000000000        100\n"
				   "#[Mean    =     0.000101, StdDeviation   =     0.000058]\n"
				   "#[Max     =     0.000200, Total count    =          100]\n";
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (uint64_t ns = 2; ns <= 200; ns += 2)
		record(stats, 1, ns);
	text = write_end(&output_hdr, stats);
	assert_memory_equal(text, want, sizeof(want) - 1);
	assert_non_null(strstr(text, last));
}

static void nothing_is_a_distribution_as_well(void **state)
{
	_cleanup_stats_ struct stats *stats = stats_new(START + NSEC_PER_SEC);
	_cleanup_free_ char *text = NULL, *names = NULL;

	(void)state;
	text = write_end(&output_hdr, stats);
	assert_non_null(strstr(text, "1/(1-Percentile)\n\n#[Mean    =     0.000000"));
	names = write_end(&output_csv, stats);
	assert_memory_equal(names, "time_s,interval_s,connections,", 30);
	assert_ptr_equal(strchr(names, '\n'), names + strlen(names) - 1);
}

/* ---- before the start ---- */

static int check_range(const char *range, uint32_t connections, struct error *err)
{
	struct config config = { .connections = connections };
	char path[] = "/tmp/test-loadgen-report-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, range, strlen(range)), strlen(range));
	r = check_ports(&config, path, err);
	unlink(path);
	return r;
}

static void each_connection_needs_a_port(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(check_range("32768\t60999\n", 10000, &err), 0);
	assert_int_equal(check_range("1000 1099\n", 100, &err), 0);
	assert_int_equal(check_range("5 5\n", 1, &err), 0);
	assert_int_equal(check_range("1000 1099\n", 101, &err), -EADDRNOTAVAIL);
	assert_string_equal(
		err.text, "101 connections need as many local ports, but there are 100 (sysctl -w "
			  "net.ipv4.ip_local_port_range=\"1024 65535\", as root, or fewer "
			  "connections)");
	assert_int_equal(check_range("", 10000, &err), 0);
	assert_int_equal(check_range("x y\n", 10000, &err), 0);
	assert_int_equal(check_range("9 5\n", 10000, &err), 0);
	assert_int_equal(check_ports(&(struct config){ .connections = 1 }, "/nonexistent", &err),
			 0);
}

static int take_line(int level, const char *message_id, const char *text, const void *user)
{
	char *const *line = user;

	(void)level, (void)message_id;
	strcpy(*line, text);
	return 0;
}

static const char *feasible(const struct config *config, const struct pace *asked,
			    uint64_t round_trip_ns)
{
	static char text[600];
	static char *const line = text;
	const struct target target = { .round_trip_ns = round_trip_ns };

	text[0] = '\0';
	log_set_sink(take_line, &line);
	check_feasible(config, asked, &target);
	log_set_sink(NULL, NULL);
	return text;
}

/* 10 connections, a request of 1 KB in each 100 ms: 100 a second, 800 kbit/s. */
static void too_few_connections_are_warned_of(void **state)
{
	static const struct pace none = { 0, 0, 0 }, hundred = { 1, 10 * MS, 0 };
	static const struct pace million = { 1, 1000, 0 };
	struct config config = config_of();

	(void)state;
	config.latency_ns = 99 * MS;
	assert_string_equal(feasible(&config, &none, MS), "");
	assert_string_equal(feasible(&config, &hundred, MS), "");
	assert_string_equal(feasible(&config, &pace, MS),
			    "10 connections cannot send 1000 requests a second (8.00 Mbit/s): each "
			    "takes at least "
			    "100.000 ms (latency and a round trip), which makes 100 a second (800 "
			    "kbit/s) at most; "
			    "it takes 100 connections or more");
	config.latency_ns += 1; /* one more, however little is missing */
	assert_non_null(strstr(feasible(&config, &pace, MS), "it takes 101 connections or more"));
	assert_non_null(strstr(feasible(&config, &hundred, MS), "it takes 11 connections or more"));
	assert_non_null(strstr(feasible(&config, &million, MS),
			       "connections or more, and so larger requests or less latency"));
	config.request_size = 0;
	assert_non_null(
		strstr(feasible(&config, &pace, MS), " 1000 requests a second: each takes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interval_is_what_came_in_between),
		cmocka_unit_test(a_queue_that_was_dropped_makes_no_negative_rate),
		cmocka_unit_test(a_ramp_has_its_own_target_each_second),
		cmocka_unit_test(what_is_under_way_counts_as_reached),
		cmocka_unit_test(thresholds_are_missed_beyond_their_limit),
		cmocka_unit_test(thresholds_of_shares),
		cmocka_unit_test(without_an_answer_no_latency_is_kept_to),
		cmocka_unit_test(what_has_no_answer_is_not_within_a_limit),
		cmocka_unit_test(a_closed_loop_that_hangs_is_not_within_a_limit),
		cmocka_unit_test(a_saturated_generator_says_so),
		cmocka_unit_test(a_missed_target_says_why),
		cmocka_unit_test(what_had_no_answer_is_told),
		cmocka_unit_test(percentiles_are_written_as_plotters_read_them),
		cmocka_unit_test(nothing_is_a_distribution_as_well),
		cmocka_unit_test(each_connection_needs_a_port),
		cmocka_unit_test(too_few_connections_are_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
