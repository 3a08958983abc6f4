// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/config.c: files, options, and what they have to agree on. */
#include "loadgen-config-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is taken ---- */

static void the_first_file_works_as_written(void **state)
{
	struct config c;

	(void)state;
	must_resolve("[target]\n"
		     "url = http://192.0.2.7:8080/upload\n"
		     "protocol = http\n"
		     "\n"
		     "[traffic]\n"
		     "bandwidth = 10Mbps\n"
		     "connections = 10\n"
		     "request_size = 1KB\n"
		     "latency = 0ms\n"
		     "\n"
		     "[limits]\n"
		     "duration = 60s\n"
		     "total_size = 0\n",
		     NULL, &c);
	assert_string_equal(c.url_text, "http://192.0.2.7:8080/upload");
	assert_string_equal(c.url.host, "192.0.2.7");
	assert_int_equal(c.url.port, 8080);
	assert_string_equal(c.url.target, "/upload");
	assert_false(c.tls);
	assert_int_equal(c.bandwidth_bps, 10000000);
	assert_true(c.rate == 0);
	assert_int_equal(c.connections, 10);
	assert_int_equal(c.threads, 1);
	assert_int_equal(c.request_size, 1000);
	assert_int_equal(c.latency_ns, 0);
	assert_int_equal(c.duration_ns, 60 * NSEC_PER_SEC);
	assert_int_equal(c.total_size, 0);
	assert_int_equal(c.requests, 0);
	assert_true(c.verify && !c.quiet);
}

static void a_url_is_enough(void **state)
{
	struct config c;

	(void)state;
	must_resolve(NULL, ARGS("url", "a/to://b"), &c);
	assert_string_equal(c.url_text, "http://a/to://b");
	must_resolve(NULL, ARGS("url", "localhost"), &c);
	assert_string_equal(c.url_text, "http://localhost");
	assert_false(c.tls);
	assert_int_equal(c.bandwidth_bps, 10000000);
	assert_int_equal(c.connections, 10);
	assert_int_equal(c.threads, 1);
	assert_int_equal(c.request_size, 1000);
	assert_int_equal(c.latency_ns, 0);
	assert_int_equal(c.duration_ns, 0);
	assert_int_equal(c.total_size, 0);
	assert_int_equal(c.requests, 0);
	assert_int_equal(c.connect_timeout_ns, 10 * NSEC_PER_SEC);
	assert_int_equal(c.timeout_ns, 30 * NSEC_PER_SEC);
	assert_true(c.rate == 0 && c.verify && !c.quiet);
	assert_string_equal(c.ca_file, "");
	assert_true(c.method == METHOD_POST && !c.headers.n && !c.ramp_ns);
	assert_int_equal(c.give_up_ns, 30 * NSEC_PER_SEC);
	assert_true(!*c.cert_file && !*c.key_file && !*c.server_name);
	assert_true(c.min_version == TLS_1_2 && c.session_reuse);
	assert_true(!*c.json && !*c.ndjson && !*c.csv && !*c.hdr);
	assert_true(c.max_p50_ns == LOADGEN_NO_THRESHOLD && c.max_p99_ns == LOADGEN_NO_THRESHOLD);
	assert_true(c.max_p99_9_ns == LOADGEN_NO_THRESHOLD);
	assert_true(c.max_errors_ppm == LOADGEN_NO_THRESHOLD);
	assert_true(c.min_achieved_ppm == LOADGEN_NO_THRESHOLD);
}

static void every_key_is_read_from_the_file(void **state)
{
	struct config c;

	(void)state;
	must_resolve(
		"[target]\nurl = https://[::1]:4433/x?y\nprotocol = https\n"
		"[traffic]\nbandwidth = 0\nrate = 12.5\nconnections = 10000\nthreads = 256\n"
		"request_size = 1GiB\nlatency = 1h\n"
		"method = PATCH\nheader = A: b\nheader = Host: c\nramp = 1d\n"
		"[limits]\nduration = 366d\ntotal_size = 1000000TB\nrequests = 7\n"
		"connect_timeout = 100ms\ntimeout = 1h\ngive_up = 1d\n"
		"[tls]\ntls_verify = no\nca_file = /a b/c.pem\ncert_file = d.pem\nkey_file = e\n"
		"server_name = f.g\nmin_version = 1.3\nsession_reuse = no\n"
		"[output]\nquiet = yes\njson = -\nndjson = h\ncsv = i\nhdr = j\n"
		"[thresholds]\nmax_p50 = 0\nmax_p99 = 1h\nmax_p99_9 = 3us\nmax_errors = 0%\n"
		"min_achieved = 100%\n",
		NULL, &c);
	assert_int_equal(c.method, METHOD_PATCH);
	assert_int_equal(c.headers.n, 2);
	assert_string_equal(c.headers.text[0], "A: b");
	assert_string_equal(c.headers.text[1], "Host: c");
	assert_int_equal(c.ramp_ns, 86400 * NSEC_PER_SEC);
	assert_int_equal(c.give_up_ns, 86400 * NSEC_PER_SEC);
	assert_string_equal(c.cert_file, "d.pem");
	assert_string_equal(c.key_file, "e");
	assert_string_equal(c.server_name, "f.g");
	assert_true(c.min_version == TLS_1_3 && !c.session_reuse);
	assert_string_equal(c.json, "-");
	assert_string_equal(c.ndjson, "h");
	assert_string_equal(c.csv, "i");
	assert_string_equal(c.hdr, "j");
	assert_true(c.max_p50_ns == 0 && c.max_p99_ns == 3600 * NSEC_PER_SEC);
	assert_true(c.max_p99_9_ns == 3000 && c.max_errors_ppm == 0);
	assert_int_equal(c.min_achieved_ppm, 1000000);
	assert_true(c.tls && c.url.tls && c.quiet && !c.verify);
	assert_string_equal(c.url.host, "::1");
	assert_int_equal(c.bandwidth_bps, 0);
	assert_true(c.rate == 12.5);
	assert_int_equal(c.connections, 10000);
	assert_int_equal(c.threads, 256);
	assert_int_equal(c.request_size, 1 << 30);
	assert_int_equal(c.latency_ns, 3600 * NSEC_PER_SEC);
	assert_int_equal(c.duration_ns, 366 * 86400 * NSEC_PER_SEC);
	assert_int_equal(c.total_size, 1000000000000000000);
	assert_int_equal(c.requests, 7);
	assert_int_equal(c.connect_timeout_ns, 100 * NSEC_PER_MSEC);
	assert_int_equal(c.timeout_ns, 3600 * NSEC_PER_SEC);
	assert_string_equal(c.ca_file, "/a b/c.pem");
}

static void options_win_over_the_file(void **state)
{
	struct config c;

	(void)state;
	must_resolve(URL
		     "[traffic]\nconnections = 5\nrequest_size = 2KB\n[tls]\ntls_verify = yes\n",
		     ARGS("connections", "6", "request-size", "1KB", "request_size", "3KB",
			  "connections", "7", "tls-verify", "no", "ca-file", "x.pem"),
		     &c);
	assert_int_equal(c.connections, 7);
	assert_int_equal(c.request_size, 3000);
	assert_false(c.verify);
	assert_string_equal(c.ca_file, "x.pem");
	must_resolve(URL "[tls]\nca_file = y.pem\n", ARGS("ca-file", ""), &c);
	assert_string_equal(c.ca_file, "");
}

static void protocol_and_url_settle_each_other(void **state)
{
	static const struct {
		const char *url, *protocol;
		bool tls;
		unsigned int port;
		const char *url_text;
	} cases[] = {
		{ "a", NULL, false, 80, "http://a" },
		{ "a", "http", false, 80, "http://a" },
		{ "a", "https", true, 443, "https://a" },
		{ "a:8443/x", "https", true, 8443, "https://a:8443/x" },
		{ "http://a", NULL, false, 80, "http://a" },
		{ "https://a", NULL, true, 443, "https://a" },
		{ "https://a", "https", true, 443, "https://a" },
		{ "HTTPS://a", "https", true, 443, "HTTPS://a" },
		{ "http://a", "http", false, 80, "http://a" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		const char *args[] = { "url", cases[i].url, cases[i].protocol ? "protocol" : NULL,
				       cases[i].protocol, NULL };
		struct config c;

		must_resolve(NULL, args, &c);
		if (c.tls != cases[i].tls || c.url.tls != cases[i].tls ||
		    c.url.port != cases[i].port || strcmp(c.url_text, cases[i].url_text))
			fail_msg("%s: %s, port %u", cases[i].url, c.url_text, c.url.port);
	}
}

static void limits_may_just_be_met(void **state)
{
	struct config c;

	(void)state;
	must_resolve(URL, ARGS("connections", "2", "threads", "2", "total-size", "1KB"), &c);
	assert_int_equal(c.threads, 2);
	assert_int_equal(c.total_size, 1000);
}

static void the_default_bandwidth_gives_way(void **state)
{
	struct config c;

	(void)state;
	must_resolve(NULL, ARGS("url", "a", "rate", "100"), &c);
	assert_int_equal(c.bandwidth_bps, 0);
	assert_true(c.rate == 100);
	must_resolve(NULL, ARGS("url", "a", "rate", "0"), &c);
	assert_int_equal(c.bandwidth_bps, 10000000);
	must_resolve(NULL, ARGS("url", "a", "bandwidth", "0"), &c);
	assert_int_equal(c.bandwidth_bps, 0);
	assert_true(c.rate == 0);
	must_resolve(URL "[traffic]\nbandwidth = 1Mbps\n", ARGS("bandwidth", "0", "rate", "5"), &c);
	assert_int_equal(c.bandwidth_bps, 0);
	assert_true(c.rate == 5);
	must_resolve(NULL, ARGS("url", "a", "rate", "5", "request-size", "0"), &c);
	assert_int_equal(c.request_size, 0);
}

static void assert_follows(const struct config *c, enum config_key key, enum config_key from)
{
	assert_int_equal(c->origin[key].from, FROM_KEY);
	assert_int_equal(c->origin[key].key, from);
}

/* Of two keys that exclude each other, the one that follows says so where it is printed. */
static void an_option_wins_over_the_other_key_of_the_file(void **state)
{
	struct config c;

	(void)state;
	must_resolve("[target]\nurl = a\nprotocol = http\n", ARGS("url", "https://b"), &c);
	assert_true(c.tls && c.url.tls);
	assert_string_equal(c.url_text, "https://b");
	assert_follows(&c, KEY_PROTOCOL, KEY_URL);
	must_resolve("[target]\nurl = http://a:81/x\n", ARGS("protocol", "https"), &c);
	assert_true(c.tls && c.url.tls && c.url.port == 81);
	assert_string_equal(c.url_text, "https://a:81/x");
	assert_follows(&c, KEY_URL, KEY_PROTOCOL);
	must_resolve("[target]\nurl = HTTPS://a\n", ARGS("protocol", "http"), &c);
	assert_true(!c.tls && !c.url.tls && c.url.port == 80);
	assert_string_equal(c.url_text, "http://a");

	must_resolve(URL "[traffic]\nbandwidth = 1Mbps\n", ARGS("rate", "5"), &c);
	assert_true(c.rate == 5 && !c.bandwidth_bps);
	assert_follows(&c, KEY_BANDWIDTH, KEY_RATE);
	must_resolve(URL "[traffic]\nrate = 5\n", ARGS("bandwidth", "1Mbps"), &c);
	assert_true(c.rate == 0 && c.bandwidth_bps == 1000000);
	assert_follows(&c, KEY_RATE, KEY_BANDWIDTH);
	must_resolve(URL "[traffic]\nrate = 5\n", ARGS("bandwidth", "0"), &c);
	assert_true(c.rate == 5 && !c.bandwidth_bps);

	must_resolve(URL "[traffic]\nrequest_size = 7\nrate = 1\n", ARGS("method", "GET"), &c);
	assert_true(c.method == METHOD_GET && !c.request_size);
	assert_follows(&c, KEY_REQUEST_SIZE, KEY_METHOD);
	must_resolve(URL "[traffic]\nmethod = GET\nrate = 1\n", ARGS("request-size", "7"), &c);
	assert_true(c.method == METHOD_POST && c.request_size == 7);
	assert_follows(&c, KEY_METHOD, KEY_REQUEST_SIZE);
	must_resolve(URL "[traffic]\nbandwidth = 1Mbps\nrequest_size = 7\n",
		     ARGS("request-size", "0", "rate", "2"), &c);
	assert_true(c.method == METHOD_GET && !c.request_size && c.rate == 2);

	must_resolve(RAW_FILE "qdisc_bypass = no\n", ARGS("socket", "xdp"), &c);
	assert_true(c.raw.socket == RAW_XDP && c.raw.past_qdisc);
	assert_follows(&c, KEY_QDISC_BYPASS, KEY_SOCKET);
	must_resolve(RAW_FILE "socket = xdp\n", ARGS("qdisc-bypass", "no"), &c);
	assert_true(c.raw.socket == RAW_PACKET && !c.raw.past_qdisc);
	assert_follows(&c, KEY_SOCKET, KEY_QDISC_BYPASS);
	must_resolve(RAW_FILE "socket = xdp\n", ARGS("qdisc-bypass", "yes"), &c);
	assert_true(c.raw.socket == RAW_XDP && c.raw.past_qdisc);
	must_resolve(RAW_FILE "socket = xdp\n", ARGS("socket", "packet"), &c);
	assert_true(c.raw.socket == RAW_PACKET && !c.raw.past_qdisc);
}

/* ---- what is refused ---- */

static void the_file_is_told_by_line(void **state)
{
	static const struct {
		const char *text, *pattern;
	} cases[] = {
		{ "[targets]\n", ":1: unknown section \\[targets\\]; known: target, traffic, "
				 "limits, tls, raw, output, thresholds, verify" },
		{ "[target]\nuri = a\n", ":2: unknown key \"uri\" in \\[target\\]; known: url" },
		{ "[traffic]\nurl = a\n", ":2: unknown key \"url\" in \\[traffic\\]" },
		{ "url = a\n", ":1: \"url\" stands before the first" },
		{ "[target]\nurl\n", ":2: neither a \\[section\\]" },
		{ "[target]\nurl = a\nurl = b\n", ":3: \"url\" was already set in line 2" },
		{ "[target]\nurl =\n", ":2: url = : expected a URL such as http://" },
		{ "[target]\nurl = ftp://a\n",
		  ":2: url = ftp://a: unknown scheme; expected http:" },
		{ "[target]\n\nurl = http://a:0\n", ":3: url = .*: the port has to be a number" },
		{ "[target]\nurl = http://a/b c\n", ":2: url = .*: byte 0x20" },
		{ "[target]\nprotocol = ftp\n", ":2: protocol = ftp: expected http, https or raw" },
		{ "[target]\nprotocol = HTTP\n",
		  ":2: protocol = HTTP: expected http, https or raw" },
		{ "[traffic]\nbandwidth = 10M\n",
		  ":2: bandwidth = 10M: expected a bandwidth such as 10Mbps, 10Mbit/s or 100KB/s" },
		{ "[traffic]\nbandwidth = 10\n", ":2: bandwidth = 10: expected a bandwidth" },
		{ "[traffic]\nbandwidth = 1.1Tbps\n", ":2: .*up to 1Tbps" },
		{ "[traffic]\nrate = 1/s\n", ":2: rate = 1/s: expected requests a second such" },
		{ "[traffic]\nrate = 0.0000001\n", ":2: rate = 0.0000001: expected requests" },
		{ "[traffic]\nrate = 10000001\n", ":2: .*up to 10000000" },
		{ "[traffic]\nconnections = 0\n",
		  ":2: connections = 0: expected a number from 1 t" },
		{ "[traffic]\nconnections = 10001\n", ":2: .* from 1 to 10000" },
		{ "[traffic]\nthreads = 0\n", ":2: threads = 0: expected a number from 1 to 256" },
		{ "[traffic]\nthreads = 257\n", ":2: .* from 1 to 256" },
		{ "[traffic]\nrequest_size = 1K\n", ":2: .*expected a size such as 1KB \\(1000 b" },
		{ "[traffic]\nrequest_size = 1025MiB\n", ":2: .*up to 1GiB" },
		{ "[traffic]\nrequest_size = -1\n", ":2: request_size = -1: expected a size" },
		{ "[traffic]\nlatency = 5\n", ":2: latency = 5: expected a duration such as 5ms" },
		{ "[traffic]\nlatency = 61min\n", ":2: .*up to 1h" },
		{ "[limits]\nduration = 60\n",
		  ":2: duration = 60: expected a duration such as 60s" },
		{ "[limits]\nduration = 367d\n", ":2: .*up to 366d" },
		{ "[limits]\ntotal_size = all\n", ":2: total_size = all: expected a size such as" },
		{ "[limits]\ntotal_size = 1000001TB\n", ":2: .*up to 1000000TB" },
		{ "[limits]\nrequests = 1e3\n",
		  ":2: requests = 1e3: expected a number of requests" },
		{ "[limits]\nrequests = 1000000000000000001\n", ":2: .*up to 10\\^18" },
		{ "[limits]\nconnect_timeout = 99ms\n", ":2: .*from 100ms to 1h" },
		{ "[limits]\ntimeout = 0\n", ":2: timeout = 0: expected .*from 100ms to 1h" },
		{ "[tls]\ntls_verify = maybe\n", ":2: tls_verify = maybe: expected yes or no" },
		{ "[tls]\ntls_verify = 1\n", ":2: tls_verify = 1: expected yes or no" },
		{ "[tls]\nca_file = a;b\n", ":2: ca_file = a;b: expected a path of at most 255" },
		{ "[output]\nquiet = true\n", ":2: quiet = true: expected yes or no" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		must_fail(cases[i].text, NULL, cases[i].pattern);
}

static void options_are_told_by_name(void **state)
{
	static const struct {
		const char *key, *value, *pattern;
	} cases[] = {
		{ "bandwidth", "10M",
		  "^--bandwidth 10M: expected a bandwidth such as 10Mbps, 10Mb" },
		{ "request_size", "x", "^--request-size x: expected a size such as" },
		{ "request-size", "x", "^--request-size x: expected a size such as" },
		{ "duration", "1m", "^--duration 1m: m is no unit; minutes are 1min, millis" },
		{ "timeout", "1.5m", "^--timeout 1.5m: .* 1.5min, milliseconds 1.5ms" },
		{ "total-size", "", "^--total-size : expected a size such as" },
		{ "url", "", "^--url : expected a URL such as" },
		{ "url", "ftp://a", "^--url ftp://a: unknown scheme; expected http://HOST" },
		{ "url", "http://u@a", "^--url http://u@a: user information" },
		{ "ca-file", " x", "^--ca-file  x: expected a path" },
		{ "ca-file", "x ", "^--ca-file x : expected a path" },
		{ "ca-file", "a\nb", "^--ca-file a b: expected a path" },
		{ "nope", "x", "^unknown option --nope" },
		{ "requestsize", "1", "^unknown option --requestsize" },
		{ "ur", "a", "^unknown option --ur" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++)
		must_fail(URL, ARGS(cases[i].key, cases[i].value), cases[i].pattern);
}

static void keys_have_to_agree(void **state)
{
	(void)state;
	must_fail(NULL, NULL, "^no url: give --url http://HOST.*\\[target\\]");
	must_fail("[traffic]\nrate = 1\n", NULL, "^no url");
	must_fail(NULL, ARGS("url", "https://a", "protocol", "http"),
		  "^protocol = http \\(--protocol\\) and url = https://a \\(--url\\): ");
	must_fail("[target]\nprotocol = https\nurl = http://a\n", NULL,
		  "^protocol = https \\(/tmp/.*:2\\) and url = http://a \\(/tmp/.*:3\\): ");
	must_fail(NULL, ARGS("url", "a", "rate", "5", "bandwidth", "1Mbps"),
		  "^bandwidth = 1Mbps \\(--bandwidth\\) and rate = 5 \\(--rate\\): ");
	must_fail(URL "[traffic]\nrate = 0.5\nbandwidth = 1Mbps\n", NULL,
		  "^bandwidth = 1Mbps \\(.*\\) and rate = 0.5 ");
	must_fail(RAW_FILE "socket = xdp\nqdisc_bypass = no\n", NULL,
		  "^qdisc_bypass = no \\(.*\\) and socket = xdp .*; use socket = packet$");
	must_fail(URL "[traffic]\nmethod = GET\nrequest_size = 7\n", NULL,
		  "^method = GET \\(.*\\) and request_size = 7B ");
	must_fail(URL "[traffic]\nbandwidth = 1Mbps\n", ARGS("request-size", "0"),
		  "^bandwidth = 1Mbps \\(/tmp/.*:4\\) and request_size = 0 .*--rate");
	must_fail(URL, ARGS("threads", "11"),
		  "^threads = 11 \\(--threads\\) and connections = 10 \\(default\\): ");
	must_fail(URL, ARGS("connections", "1", "threads", "2"), "^threads = 2 .*connections = 1 ");
	must_fail(URL, ARGS("request-size", "0"),
		  "^bandwidth = 10Mbps \\(default\\) and request_size = 0 .*--rate.*--bandwidth 0");
	must_fail(URL, ARGS("request-size", "0", "rate", "1", "total-size", "1"),
		  "^total_size = 1B .*request_size = 0 .*--requests");
	must_fail(URL, ARGS("total-size", "999"), "^request_size = 1KB .*total_size = 999B ");
}

static void what_is_too_long_is_refused(void **state)
{
	char url[1500] = "http://a/", path[300] = "";
	struct config c;
	struct error err;

	(void)state;
	memset(path, 'p', 255);
	must_resolve(NULL, ARGS("url", "a", "ca-file", path), &c);
	assert_string_equal(c.ca_file, path);
	path[255] = 'p';
	must_fail(NULL, ARGS("url", "a", "ca-file", path), "^--ca-file p+: expected a path");
	memset(url + 9, 'u', 1021);
	must_resolve(NULL, ARGS("url", url), &c);
	assert_string_equal(c.url_text, url);
	must_resolve(NULL, ARGS("url", url + 7, "protocol", "https"), &c);
	url[9 + 1021] = 'u';
	must_fail(NULL, ARGS("url", url), "^--url http://au+|1022 characters");
	memset(url + 9, 'u', sizeof(url) - 10);
	must_fail(NULL, ARGS("url", url), "longer than 1390 characters");
	assert_true(resolve(NULL, ARGS("url", url), &c, &err) < 0);
}

static void the_file_has_to_be_there(void **state)
{
	struct config c;
	struct error err;

	(void)state;
	assert_int_equal(config_resolve("/nonexistent/x.ini", NULL, 0, &c, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/x.ini: no such file");
	assert_int_equal(config_resolve("/tmp", NULL, 0, &c, &err), -EISDIR);
	assert_true(matches(err.text, "^Cannot read /tmp: Is a directory$"));
}

/* ---- what is printed ---- */

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	config_print(config, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Where values came from differs between options and a file that has been printed of them. */
static void drop_comments(char *text)
{
	char *to = text;

	for (const char *c = text; *c; c++) {
		if (*c == ' ' && c[strspn(c, " ")] == ';')
			c += strcspn(c, "\n");
		*to++ = *c;
	}
	*to = '\0';
}

static void what_is_printed_reads_back_the_same(void **state)
{
	static const char *const cases[][17] = {
		{ "url", "a" },
		{ "url", "a:81/x?y", "protocol", "https", "tls_verify", "no", "quiet", "yes" },
		{ "url", "http://[fe80::1%25eth0]:81/", "bandwidth", "0" },
		{ "url", "a", "rate", "0.000001" },
		{ "url", "a", "rate", "9999999.999999" },
		{ "url", "a", "rate", "333.3333" },
		{ "url", "a", "bandwidth", "1Tbps", "request-size", "1GiB", "latency", "1.5ms" },
		{ "url", "a", "bandwidth", "999999999999bps", "request-size", "1073741823" },
		{ "url", "a", "bandwidth", "12345KiB/s", "request-size", "1.46KB", "threads", "3" },
		{ "url", "a", "duration", "90s", "total-size", "1000001", "requests", "10" },
		{ "url", "a", "duration", "1.000000001s", "ca-file", "/a b/c.pem" },
		{ "url", "a", "ramp", "3s", "method", "PUT", "header", "A: b", "header",
		  "C: d=e;f" },
		{ "url", "a", "method", "HEAD", "rate", "5", "header", "If-None-Match: \"x\"" },
		{ "url", "a", "request-size", "0", "rate", "5", "give-up", "0" },
		{ "url", "https://a", "cert-file", "c.pem", "key-file", "k.pem", "server-name",
		  "b.c", "min-version", "1.3", "session-reuse", "no" },
		{ "url", "a", "json", "-", "ndjson", "a.nd", "csv", "a.csv", "hdr", "a hdr" },
		{ "url", "a", "max-p50", "1ms", "max-p99", "5ms", "max-p99-9", "1s", "max-errors",
		  "0%", "min-achieved", "99.95%" },
	};

	(void)state;
	for (size_t i = 0; i < array_size(cases); i++) {
		_cleanup_free_ char *first = NULL, *second = NULL;
		struct config before, after;

		must_resolve(NULL, cases[i], &before);
		first = print(&before);
		must_resolve(first, NULL, &after);
		second = print(&after);
		drop_comments(first);
		drop_comments(second);
		assert_string_equal(first, second);
		assert_true(before.bandwidth_bps == after.bandwidth_bps);
		assert_true(before.rate == after.rate && before.latency_ns == after.latency_ns);
		assert_true(before.request_size == after.request_size);
		assert_true(before.total_size == after.total_size);
		assert_true(before.duration_ns == after.duration_ns);
		assert_memory_equal(&before.url, &after.url, sizeof(before.url));
	}
}

static void must_print_keys(const struct config *c, const char *text)
{
	for (size_t n = 0; n < N_KEYS; n++) {
		char pattern[64];

		snprintf(pattern, sizeof(pattern), "\n%s =", config_key_name(n));
		assert_true(!strstr(text, pattern) == !config_key_is_used(c, n));
	}
}

static void every_key_is_printed(void **state)
{
	_cleanup_free_ char *text = NULL, *raw = NULL;
	struct config c;

	(void)state;
	must_resolve(NULL,
		     ARGS("protocol", "raw", "interface", "v0", "destination", "198.18.0.2",
			  "frames", "1"),
		     &c);
	raw = print(&c);
	must_print_keys(&c, raw);
	assert_true(matches(raw, "\ninterface = v0 +; --interface\n"));
	must_resolve(NULL, ARGS("url", "a"), &c);
	text = print(&c);
	must_print_keys(&c, text);
	assert_true(matches(text,
			    "^\\[target\\]\nurl = http://a +; --url\nprotocol = http +; default\n"
			    "\n\\[traffic\\]\nmethod = POST +; default\nheader = +; default\n"
			    "bandwidth = 10Mbps +; default\nrate = 0 +; default\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_file_works_as_written),
		cmocka_unit_test(a_url_is_enough),
		cmocka_unit_test(every_key_is_read_from_the_file),
		cmocka_unit_test(options_win_over_the_file),
		cmocka_unit_test(protocol_and_url_settle_each_other),
		cmocka_unit_test(the_default_bandwidth_gives_way),
		cmocka_unit_test(limits_may_just_be_met),
		cmocka_unit_test(an_option_wins_over_the_other_key_of_the_file),
		cmocka_unit_test(the_file_is_told_by_line),
		cmocka_unit_test(options_are_told_by_name),
		cmocka_unit_test(keys_have_to_agree),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(the_file_has_to_be_there),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(every_key_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
