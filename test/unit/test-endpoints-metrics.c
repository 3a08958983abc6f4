// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * http/metrics.c: which series there are for Prometheus, by direction, and in one piece a family.
 */
#include "endpoint-fixture.h"

#include "http/endpoints.h"
#include "http/exposition.h"
#include "util/cleanup.h"

#include <stdio.h>
#include <string.h>

/* Return: the text, which the caller frees. */
static char *scrape(struct api *api)
{
	struct endpoint_text text;

	for (size_t i = 0; i < n_endpoints; i++) {
		if (strcmp(endpoints[i].path, "/metrics") != 0)
			continue;
		assert_int_equal(endpoints[i].text(&api->context, exposition_type(NULL, 0), &text),
				 0);
		return text.body;
	}
	fail_msg("no /metrics");
	return NULL;
}

/* As a whole line, once. */
static void expect_line(const char *text, const char *line)
{
	char whole[256];
	const char *at;

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	at = strstr(text, whole);
	if (!at || strstr(at + 1, whole))
		fail_msg("%s: %s", at ? "twice" : "not there", line);
}

static void each_direction_that_is_counted_has_its_series(void **state)
{
	struct api *api = open_api(3);
	_cleanup_free_ char *text = NULL;

	(void)state;
	count_tx(&api->feed[0], 1);
	text = scrape(api);
	expect_line(text, "sampler_packets_total{interface=\"eth0\",direction=\"rx\"} 1010");
	expect_line(text, "sampler_packets_total{interface=\"eth0\",direction=\"tx\"} 400");
	expect_line(text, "sampler_bytes_total{interface=\"eth0\",direction=\"tx\"} 40000");
	expect_line(text, "sampler_bytes_total{interface=\"eth1\",direction=\"rx\"} 1006000");
	expect_line(text, "sampler_l3_packets_total{interface=\"eth0\",direction=\"tx\","
			  "protocol=\"ipv6\"} 400");
	expect_line(text, "sampler_service_bytes_total{interface=\"eth0\",direction=\"tx\","
			  "service=\"dns\"} 300");
	expect_line(text, "sampler_tx_counted{interface=\"eth0\"} 1");
	expect_line(text, "sampler_tx_counted{interface=\"eth1\"} 0");
	/* What is not counted has no series, which a 0 would be. */
	assert_null(strstr(text, "{interface=\"eth1\",direction=\"tx\""));
	assert_null(strstr(text, "{interface=\"old\""));
	close_api(api);
}

/* Taken off what is received, and seen in what is transmitted. */
static void stripped_tags_are_unknown_in_one_direction(void **state)
{
	struct api *api = open_api(1);
	_cleanup_free_ char *text = NULL;

	(void)state;
	count_tx(&api->feed[0], 1);
	api->feed[0].newest.flags |= SAMPLE_VLAN_STRIPPED;
	text = scrape(api);
	expect_line(text, "sampler_vlan_packets_total{interface=\"eth0\",direction=\"tx\"} 5");
	assert_null(strstr(text, "sampler_vlan_packets_total{interface=\"eth0\",direction=\"rx\""));
	close_api(api);
}

/* Prometheus wants a family's samples together, below one TYPE. */
static void families_are_in_one_piece(void **state)
{
	struct api *api = open_api(2);
	_cleanup_free_ char *text = NULL;
	char *rest, *line, family[128] = "", begin[140];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		count_tx(&api->feed[i], 1);
	text = scrape(api);
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		if (!strncmp(line, "# HELP ", 7)) {
			assert_int_equal(sscanf(line, "# HELP %127s ", family), 1);
			snprintf(begin, sizeof(begin), "# TYPE %s ", family);
			n++;
			/* Once: what is still to come does not have it again. */
			assert_true(!rest || !strstr(rest + strcspn(rest, "\n"), begin));
		} else if (*line != '#') {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_non_null(strchr("{ ", line[strlen(family)]));
		}
	}
	assert_true(n > 20);
	close_api(api);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_direction_that_is_counted_has_its_series),
		cmocka_unit_test(stripped_tags_are_unknown_in_one_direction),
		cmocka_unit_test(families_are_in_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
