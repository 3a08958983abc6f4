// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/verify-answer.c: what a sampler says, and what a stranger may say in its place. */
#include "unit.h"

#include "util/cleanup.h"
#include "verify-answer.h"

#include <errno.h>
#include <string.h>

static const char interfaces[] =
	"{\"schema\":1,\"interfaces\":[{\"interface\":\"web0\",\"id\":\"web0@7\",\"attached\":true,"
	"\"mode\":\"native\",\"epoch\":\"1795\",\"attached_at\":\"2026-11-23T03:07:40.860Z\","
	"\"recorder\":{\"at_work\":true,\"interval_ms\":100.0},"
	"\"health\":{\"state\":\"ok\",\"reason\":null},\"new\":[1]}],\"trouble\":null}";

static const char two[] =
	"{\"schema\":1,\"interfaces\":["
	"{\"interface\":\"a\",\"id\":\"a\",\"attached\":true,\"health\":{\"state\":\"ok\"}},"
	"{\"interface\":\"b\",\"id\":\"b\",\"attached\":true,\"health\":{\"state\":\"ok\"}},"
	"{\"interface\":\"b\",\"id\":\"b@9\",\"attached\":true,\"health\":{\"state\":\"degraded\","
	"\"reason\":\"it is \\u001b[31mred\\u0007\"}},"
	"{\"interface\":\"old\",\"id\":\"old\",\"attached\":false,\"health\":{\"state\":"
	"\"detached\"}}]}";

static const char sample[] =
	"{\"schema\":1,\"timestamp\":\"2026-11-23T03:07:56.680Z\",\"stale\":false,"
	"\"stale_reason\":null,"
	"\"rx\":{\"packets\":20,\"bytes\":2000,"
	"\"l3\":{\"ipv4\":{\"packets\":11,\"bytes\":1100},\"ipv6\":{\"packets\":5,\"bytes\":500},"
	"\"arp\":{\"packets\":3,\"bytes\":300},\"l3_other\":{\"packets\":1,\"bytes\":100}},"
	"\"l4\":{\"tcp\":{\"packets\":12,\"bytes\":1200},\"udp\":{\"packets\":2,\"bytes\":200},"
	"\"icmp\":{\"packets\":1,\"bytes\":100},\"sctp\":{\"packets\":0,\"bytes\":0},"
	"\"l4_other\":{\"packets\":1,\"bytes\":100}},"
	"\"vlan\":null,\"fragments\":{\"packets\":4,\"bytes\":400},"
	"\"malformed\":{\"packets\":6,\"bytes\":600},\"sizes\":{"
	"\"0-60\":{\"packets\":1,\"packets_per_s\":1.5},"
	"\"61-123\":{\"packets\":2,\"packets_per_s\":1.5},"
	"\"124-251\":{\"packets\":3,\"packets_per_s\":1.5},"
	"\"252-507\":{\"packets\":4,\"packets_per_s\":1.5},"
	"\"508-1019\":{\"packets\":5,\"packets_per_s\":1.5},"
	"\"1020-1514\":{\"packets\":6,\"packets_per_s\":1.5},"
	"\"1515-\":{\"packets\":7,\"packets_per_s\":1.5}},"
	"\"tcp_flags\":{"
	"\"syn\":{\"packets\":8,\"packets_per_s\":1.5},"
	"\"syn_ack\":{\"packets\":9,\"packets_per_s\":1.5},"
	"\"fin\":{\"packets\":10,\"packets_per_s\":1.5},"
	"\"rst\":{\"packets\":11,\"packets_per_s\":1.5}},"
	"\"services\":{\"http\":{\"packets\":13,\"bytes\":1300},"
	"\"https\":{\"packets\":0,\"bytes\":0},"
	"\"dns\":{\"packets\":14,\"bytes\":1400}}},\"tx\":null}";

/* The text with its first @from replaced by @to; to be freed. */
static char *changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *copy = malloc(strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	assert_non_null(copy);
	sprintf(copy, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return copy;
}

static void an_interface_is_read(void **state)
{
	struct verify_interface i;
	struct error err = { "" };

	(void)state;
	for (int n = 0; n < 3; n++) {
		static const char *const wanted[] = { "", "web0", "web0@7" };

		assert_int_equal(verify_read_interface(interfaces, strlen(interfaces), wanted[n],
						       &i, NULL, &err),
				 0);
		assert_string_equal(i.name, "web0");
		assert_string_equal(i.id, "web0@7");
		assert_string_equal(i.epoch, "1795");
		assert_string_equal(i.mode, "native");
		assert_string_equal(i.state, "ok");
		assert_string_equal(i.reason, "");
		assert_int_equal(i.interval_ns, 100000000);
	}
	assert_int_equal(verify_read_interface(two, strlen(two), "b@9", &i, NULL, &err), 0);
	assert_string_equal(i.state, "degraded");
	assert_string_equal(i.reason, "it is ?[31mred?"); /* no terminal is told what to do */
	assert_int_equal(i.interval_ns, 0);
}

static void it_has_to_be_one_that_is_sampled(void **state)
{
	static const struct {
		const char *body, *wanted, *why;
	} cases[] = {
		{ two, "", "it samples several interfaces; name one (?interface=NAME): a, b, b" },
		{ two, "c", "it samples no interface \"c\"; there are: a, b, b" },
		{ two, "old", "it samples no interface \"old\"; there are: a, b, b" },
		{ two, "b",
		  "it samples several interfaces \"b\"; name one by its id, which "
		  "/api/interfaces has" },
		{ "{\"schema\":1,\"interfaces\":[]}", "", "no interface is sampled there" },
		{ "{\"schema\":1,\"interfaces\":[]}", "a",
		  "it samples no interface \"a\"; there are: none" },
		{ "{\"schema\":1,\"interfaces\":{}}", "", "its answer has no list of interfaces" },
		{ "{\"schema\":1,\"interfaces\":[1,null,[],{\"attached\":true}]}", "",
		  "its list of interfaces lacks \"interface\" or \"health\"" },
		{ "{\"schema\":2}", "", "it speaks schema 2, this program knows 1" },
		{ "{\"schema\":\"1\"}", "", "what it answers is not a sampler's (no \"schema\")" },
		{ "[]", "", "what it answers is not a sampler's (no \"schema\")" },
		{ "", "",
		  "what it answers is no JSON (line 1: '[' or '{' expected near end of file)" },
		{ "<html>\n", "",
		  "what it answers is no JSON (line 1: '[' or '{' expected near '<')" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		struct error err = { "" };
		struct verify_interface interface;

		assert_true(verify_read_interface(cases[i].body, strlen(cases[i].body),
						  cases[i].wanted, &interface, NULL, &err) < 0);
		assert_string_equal(err.text, cases[i].why);
	}
}

static void a_sample_is_read(void **state)
{
	struct error err = { "" };
	struct verify_sample s;

	(void)state;
	if (verify_read_sample(sample, strlen(sample), &s, &err))
		fail_msg("%s", err.text);
	assert_string_equal(s.timestamp, "2026-11-23T03:07:56.680Z");
	assert_false(s.stale);
	assert_int_equal(s.received.class[VERIFY_ALL].packets, 20);
	assert_int_equal(s.received.class[VERIFY_ALL].bytes, 2000);
	assert_int_equal(s.received.class[VERIFY_IPV6].bytes, 500);
	assert_int_equal(s.received.class[VERIFY_UDP].packets, 2);
	assert_true(s.received.class[VERIFY_VLAN].unknown);
	assert_false(s.received.class[VERIFY_FRAGMENTS].unknown);
	assert_int_equal(s.received.class[VERIFY_SIZE_MORE].packets, 7);
	assert_int_equal(s.received.class[VERIFY_RST].packets, 11);
	assert_int_equal(s.received.n_services, 3);
	assert_int_equal(verify_service_count(&s.received, "dns")->bytes, 1400);
}

static void each_count_has_to_be_one(void **state)
{
	static const struct {
		const char *from, *to, *why;
	} cases[] = {
		{ "\"schema\":1", "\"schema\":1.0", "no \"schema\"" },
		{ "\"timestamp\":\"", "\"timestamp\":\"\",\"x\":\"", "no \"timestamp\"" },
		{ "\"timestamp\":\"", "\"timestamp\":1,\"x\":\"", "no \"timestamp\"" },
		{ "\"rx\":{", "\"rx\":null,\"rx2\":{", "no \"rx\"" },
		{ "\"rx\":{\"packets\":20", "\"rx\":{\"packets\":-1", "no count of \"all\"" },
		{ "\"rx\":{\"packets\":20", "\"rx\":{\"packets\":2e1", "no count of \"all\"" },
		{ "\"rx\":{\"packets\":20", "\"rx\":{\"packets\":true", "no count of \"all\"" },
		{ "\"rx\":{\"packets\":20", "\"rx\":{\"packets\":99999999999999999999", "no JSON" },
		{ "\"bytes\":2000", "\"octets\":2000", "no count of \"all\"" },
		{ "\"l3\":{", "\"l3\":[],\"x\":{", "no count of \"ipv4\"" },
		{ "\"arp\":{", "\"arp\":[],\"x\":{", "no count of \"arp\"" },
		{ "\"rst\":{", "\"rst\":11,\"x\":{", "no count of \"rst\"" },
		{ "\"1515-\"", "\"1514-\"", "no count of \"1515-\"" },
		{ "\"services\":{", "\"services\":null,\"x\":{", "no services" },
		{ "\"dns\":{", "\"dns\":[],\"x\":{", "no count of service \"dns\"" },
		{ "\"packets\":11", "\"packets\":11,\"packets\":11", "no JSON" },
		{ "null}", "null", "no JSON" },
		{ "null}", "null}}", "no JSON" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		_cleanup_free_ char *text = changed(sample, cases[i].from, cases[i].to);
		struct error err = { "" };
		struct verify_sample s;

		assert_int_equal(verify_read_sample(text, strlen(text), &s, &err), -EPROTO);
		if (!strstr(err.text, cases[i].why))
			fail_msg("case %zu: %s", i, err.text);
		assert_null(strchr(err.text, '\n'));
	}
}

static void a_stale_one_says_why(void **state)
{
	_cleanup_free_ char *text = changed(sample, "\"stale\":false,\"stale_reason\":null",
					    "\"stale\":true,\"stale_reason\":\"gone\\nfor good\"");
	struct error err = { "" };
	struct verify_sample s;

	(void)state;
	assert_int_equal(verify_read_sample(text, strlen(text), &s, &err), 0);
	assert_true(s.stale);
	assert_string_equal(s.stale_reason, "gone?for good");
}

static void too_many_services_are_refused(void **state)
{
	char services[2000] = "\"services\":{";
	_cleanup_free_ char *text = NULL;
	struct error err = { "" };
	struct verify_sample s;

	(void)state;
	for (int i = 0; i < VERIFY_MAX_SERVICES - 2; i++)
		sprintf(services + strlen(services), "\"s%d\":{\"packets\":1,\"bytes\":100},", i);
	text = changed(sample, "\"services\":{", services);
	assert_int_equal(verify_read_sample(text, strlen(text), &s, &err), -EPROTO);
	assert_string_equal(err.text, "its answer has more than 16 services");
}

static void ports_are_read(void **state)
{
	static struct verify_ports ports;
	_cleanup_free_ char *text =
		changed(interfaces, "\"new\":[1]",
			"\"service_ports\":{\"http\":[\"tcp/80\",\"tcp/8000-8010\"],"
			"\"dns\":[\"tcp/53\",\"udp/53\"],\"none\":[]}");
	static const char *const bad[] = {
		"\"tcp/65536\"", "\"tcp/\"", "\"sctp/80\"",   "\"tcp/9-8\"",
		"\"80\"",	 "80",	     "\"tcp/1-2-3\"", "\"tcp/18446744073709551696\"",
		"null",
	};
	struct verify_interface i;
	struct error err = { "" };

	(void)state;
	assert_int_equal(verify_read_interface(text, strlen(text), "", &i, &ports, &err), 0);
	assert_int_equal(ports.n, 3);
	assert_string_equal(verify_ports_find(&ports, true, 80), "http");
	assert_string_equal(verify_ports_find(&ports, true, 8000), "http");
	assert_string_equal(verify_ports_find(&ports, true, 8010), "http");
	assert_string_equal(verify_ports_find(&ports, false, 53), "dns");
	assert_null(verify_ports_find(&ports, true, 8011));
	assert_null(verify_ports_find(&ports, false, 80));
	assert_null(verify_ports_find(&ports, true, 443));
	assert_int_equal(
		verify_read_interface(interfaces, strlen(interfaces), "", &i, &ports, &err), 0);
	assert_string_equal(verify_ports_find(&ports, true, 443), "https"); /* as all have it */
	for (size_t n = 0; n < array_size(bad); n++) {
		_cleanup_free_ char *wrong = changed(text, "\"tcp/80\"", bad[n]);

		assert_int_equal(verify_read_interface(wrong, strlen(wrong), "", &i, &ports, &err),
				 -EPROTO);
		assert_string_equal(err.text, "it has a service with strange ports");
	}
}

static void texts_are_cut_between_characters(void **state)
{
	char name[4 * 64 + 1] = "";
	_cleanup_free_ char *text = NULL;
	struct verify_interface i;
	struct error err = { "" };

	(void)state;
	for (int n = 0; n < 64; n++)
		strcat(name, "\xe2\x82\xac");
	text = changed(interfaces, "\"interface\":\"web0\"", "\"interface\":\"@\"");
	{
		_cleanup_free_ char *named = changed(text, "@", name);

		assert_int_equal(verify_read_interface(named, strlen(named), "", &i, NULL, &err),
				 0);
	}
	assert_int_equal(strlen(i.name), 63); /* of room for 63 bytes: 21 whole characters */
	strcpy(name, "a");
	for (int n = 0; n < 64; n++)
		strcat(name, "\xe2\x82\xac");
	{
		_cleanup_free_ char *named = changed(text, "@", name);

		assert_int_equal(verify_read_interface(named, strlen(named), "", &i, NULL, &err),
				 0);
	}
	assert_int_equal(strlen(i.name), 61);
}

static void depth_and_garbage_are_borne(void **state)
{
	size_t n = 200000;
	char *deep = malloc(n);
	struct error err = { "" };
	struct verify_sample s;

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', n);
	assert_int_equal(verify_read_sample(deep, n, &s, &err), -EPROTO);
	memset(deep, 0xff, n);
	assert_int_equal(verify_read_sample(deep, n, &s, &err), -EPROTO);
	memset(deep, 0, n);
	assert_int_equal(verify_read_sample(deep, n, &s, &err), -EPROTO);
	assert_null(strchr(err.text, '\n'));
	free(deep);
}

static void problems_tell_their_detail(void **state)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
		{ "{\"detail\":\"no interface \\\"x\\\"\"}", ": no interface \"x\"" },
		{ "{\"detail\":7}", "" },
		{ "{\"title\":\"x\"}", "" },
		{ "oops", "" },
		{ "", "" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		verify_read_problem(cases[i].body, strlen(cases[i].body), text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_is_read),
		cmocka_unit_test(it_has_to_be_one_that_is_sampled),
		cmocka_unit_test(a_sample_is_read),
		cmocka_unit_test(each_count_has_to_be_one),
		cmocka_unit_test(a_stale_one_says_why),
		cmocka_unit_test(too_many_services_are_refused),
		cmocka_unit_test(ports_are_read),
		cmocka_unit_test(texts_are_cut_between_characters),
		cmocka_unit_test(depth_and_garbage_are_borne),
		cmocka_unit_test(problems_tell_their_detail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
