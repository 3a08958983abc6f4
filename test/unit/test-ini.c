// SPDX-License-Identifier: MIT OR Apache-2.0
/* util/ini.c: what a file may hold, and the message for everything that it may not. */
#include "unit.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/ini.h"
#include "util/units.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH	   "eth0.conf"
#define LINE_LIMIT 199 /* inih's, as Debian builds it */

struct config {
	uint64_t interval_ns;
	char mode[64];
	char services[512]; /* "name=value;" of each */
	int n_set;
};

static int set_interval(void *target, const char *key, const char *value, struct error *err)
{
	struct config *config = target;

	(void)key;
	(void)err;
	config->n_set++;
	return parse_duration_ns(value, 100 * NSEC_PER_MSEC, 60 * NSEC_PER_SEC,
				 &config->interval_ns);
}

static int set_mode(void *target, const char *key, const char *value, struct error *err)
{
	struct config *config = target;

	(void)key;
	config->n_set++;
	if (!strcmp(value, "own"))
		return error_set(err, -EINVAL, "the setter's own words");
	snprintf(config->mode, sizeof(config->mode), "%s", value);
	return 0;
}

static int set_service(void *target, const char *key, const char *value, struct error *err)
{
	struct config *config = target;
	size_t used = strlen(config->services);

	(void)err;
	config->n_set++;
	snprintf(config->services + used, sizeof(config->services) - used, "%s=%s;", key, value);
	return 0;
}

static const struct ini_key keys[] = {
	{ "sampler", "interval", set_interval,
	  "a duration such as 1s or 500ms, from 100ms to 60s" },
	{ "sampler", "mode", set_mode, "auto, native or skb" },
	{ "services", "*", set_service, "ports" },
	{ "services", "mode", set_mode, "a name that has a row of its own" },
	{ "other", "mode", set_mode, "anything" },
};

static int read_bytes(const char *text, size_t size, struct config *ret, struct error *err)
{
	_cleanup_fclose_ FILE *stream = tmpfile();

	memset(ret, 0, sizeof(*ret));
	strcpy(err->text, "untouched");
	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, size, stream), size);
	rewind(stream);
	return ini_read_stream(stream, PATH, keys, array_size(keys), ret, err);
}

static void expect_error(const char *text, const char *message)
{
	struct config config;
	struct error err;

	assert_int_equal(read_bytes(text, strlen(text), &config, &err), -EINVAL);
	assert_string_equal(err.text, message);
}

static struct config expect_good(const char *text)
{
	struct config config;
	struct error err;

	if (read_bytes(text, strlen(text), &config, &err))
		fail_msg("%s", err.text);
	assert_string_equal(err.text, "untouched");
	return config;
}

static void keys_reach_their_setters(void **state)
{
	struct config config = expect_good("# a comment\n"
					   "; another\n"
					   "\n"
					   "[sampler] ; said so\n"
					   "interval = 500ms ; inline\n"
					   "mode=skb\n"
					   "[services]\r\n"
					   "http = tcp/80 tcp/8080\r\n"
					   "dns: udp/53\n"
					   "mode = ours\n"
					   "[sampler]\n");

	(void)state;
	assert_int_equal(config.interval_ns, 500 * NSEC_PER_MSEC);
	assert_string_equal(config.mode, "ours");
	assert_string_equal(config.services, "http=tcp/80 tcp/8080;dns=udp/53;");
	assert_int_equal(config.n_set, 5);
}

static void empty_files_are_fine(void **state)
{
	(void)state;
	assert_int_equal(expect_good("").n_set, 0);
	assert_int_equal(expect_good("\n\n").n_set, 0);
	assert_int_equal(expect_good("# only").n_set, 0);
	assert_int_equal(expect_good("\xef\xbb\xbf").n_set, 0);
}

static void form_does_not_matter(void **state)
{
	(void)state;
	assert_string_equal(expect_good("[sampler]\nmode = a").mode, "a"); /* no last newline */
	assert_string_equal(expect_good("\xef\xbb\xbf[sampler]\nmode = a\n").mode, "a");
	assert_string_equal(expect_good("  [sampler]\n \t mode = a \t\n").mode, "a");
	assert_string_equal(expect_good("[sampler]\nmode = a b=c:d#e\n").mode, "a b=c:d#e");
	assert_string_equal(expect_good("[sampler]\nmode =\n").mode, "");
}

/* inih would append such lines to the value before. */
static void indentation_does_not_continue_a_value(void **state)
{
	struct config config = expect_good("[sampler]\nmode = a\n    interval = 1s\n");

	(void)state;
	assert_string_equal(config.mode, "a");
	assert_int_equal(config.interval_ns, NSEC_PER_SEC);
	expect_error("[services]\nhttp = tcp/80\n   tcp/8080\n",
		     PATH ":3: neither a [section], nor key = value, nor a comment");
	expect_error("[services]\nhttp = tcp/80\n\v\ftcp/8080\n",
		     PATH ":3: neither a [section], nor key = value, nor a comment");
}

static void unknown_names_list_the_known(void **state)
{
	(void)state;
	expect_error("[sampler]\nintervall = 1s\n",
		     PATH ":2: unknown key \"intervall\" in [sampler]; known: interval, mode");
	expect_error("[sampler]\nInterval = 1s\n",
		     PATH ":2: unknown key \"Interval\" in [sampler]; known: interval, mode");
	expect_error("\n\n[smapler]\n",
		     PATH ":3: unknown section [smapler]; known: sampler, services, other");
	expect_error("[smapler]\nmode = a\n",
		     PATH ":1: unknown section [smapler]; known: sampler, services, other");
	expect_error("[]\n", PATH ":1: unknown section []; known: sampler, services, other");
	expect_error("[ sampler ]\n",
		     PATH ":1: unknown section [ sampler ]; known: sampler, services, other");
	expect_error("\xef\xbb\xbf[smapler]\n",
		     PATH ":1: unknown section [smapler]; known: sampler, services, other");
	expect_error("interval = 1s\n", PATH ":1: \"interval\" stands before the first [section]");
}

static void bad_values_say_what_was_expected(void **state)
{
	(void)state;
	expect_error("# 1\n# 2\n# 3\n[sampler]\n# 5\n# 6\ninterval = 5\n",
		     PATH ":7: interval = 5: expected a duration such as 1s or 500ms, from 100ms "
			  "to 60s");
	expect_error("[sampler]\ninterval =\n",
		     PATH ":2: interval = : expected a duration such as 1s or 500ms, from 100ms "
			  "to 60s");
	expect_error("[sampler]\ninterval = 1s # not a comment here\n",
		     PATH ":2: interval = 1s # not a comment here: expected a duration such as 1s "
			  "or 500ms, from 100ms to 60s");
	expect_error("[sampler]\nmode = own\n", PATH ":2: mode = own: the setter's own words");
}

static void a_key_may_stand_once_in_a_file(void **state)
{
	(void)state;
	expect_error("[sampler]\nmode = a\n\nmode = a\n",
		     PATH ":4: \"mode\" was already set in line 2");
	expect_error("[services]\ndns = a\n[sampler]\nmode = a\n[services]\ndns = b\n",
		     PATH ":6: \"dns\" was already set in line 2");
	assert_int_equal(expect_good("[services]\ndns = a\nmode = b\n[sampler]\nmode = a\n").n_set,
			 3);
}

static void lines_that_are_nothing_are_errors(void **state)
{
	(void)state;
	expect_error("[sampler]\ninterval\n",
		     PATH ":2: neither a [section], nor key = value, nor a comment");
	expect_error("[sampler\nmode = a\n",
		     PATH ":1: neither a [section], nor key = value, nor a comment");
	expect_error("[sampler] mode = a\n",
		     PATH ":1: nothing can follow a section's name on its line: \"mode = a\"");
	expect_error("[services]\n\x01\n",
		     PATH ":2: neither a [section], nor key = value, nor a comment");
}

/* inih goes on behind lines that it does not understand. */
static void only_the_first_error_is_told(void **state)
{
	struct config config;
	struct error err;
	static const char text[] = "[sampler]\nmode = own\ninterval = 5\nrubbish\n[nowhere]\n";

	(void)state;
	expect_error("[sampler]\nrubbish\ninterval = 5\n[nowhere]\n",
		     PATH ":2: neither a [section], nor key = value, nor a comment");
	assert_int_equal(read_bytes(text, strlen(text), &config, &err), -EINVAL);
	assert_string_equal(err.text, PATH ":2: mode = own: the setter's own words");
	assert_int_equal(config.n_set, 1);
}

static void long_lines_are_errors(void **state)
{
	char text[4096], expected[64];

	(void)state;
	for (size_t value = 150; value < 3000; value++) {
		struct config config;
		struct error err;
		size_t n = (size_t)sprintf(text, "[sampler]\nmode = ");
		int r;

		memset(text + n, 'x', value);
		strcpy(text + n + value, "\n");
		r = read_bytes(text, n + value + 1, &config, &err);
		if (strlen("mode = ") + value <= LINE_LIMIT) {
			assert_int_equal(r, 0);
			assert_int_equal(strspn(config.mode, "x"), sizeof(config.mode) - 1);
			assert_int_equal(config.n_set, 1);
			continue;
		}
		assert_int_equal(r, -EINVAL);
		snprintf(expected, sizeof(expected), PATH ":2: line too long, ");
		assert_memory_equal(err.text, expected, strlen(expected));
		assert_int_equal(config.n_set, 0);
	}
	memset(text, '#', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	expect_error(text, PATH ":1: line too long, 199 bytes are the limit");
}

static void nul_bytes_are_errors(void **state)
{
	static const char in_value[] = "[sampler]\nmode = a\0b\n";
	static const char in_comment[] = "# \0\n[sampler]\n";
	struct config config;
	struct error err;

	(void)state;
	assert_int_equal(read_bytes(in_value, sizeof(in_value) - 1, &config, &err), -EINVAL);
	assert_string_equal(err.text, PATH ":2: a NUL byte; this is not a text file");
	assert_int_equal(config.n_set, 0);
	assert_int_equal(read_bytes(in_comment, sizeof(in_comment) - 1, &config, &err), -EINVAL);
	assert_string_equal(err.text, PATH ":1: a NUL byte; this is not a text file");
	assert_int_equal(read_bytes("\0", 1, &config, &err), -EINVAL);
}

static void the_number_of_keys_is_bounded(void **state)
{
	char text[8192] = "[services]\n";
	size_t n = strlen(text);

	(void)state;
	for (int i = 0; i < 257; i++)
		n += (size_t)sprintf(text + n, "s%d = x\n", i);
	expect_error(text, PATH ":258: more than 256 keys in one file");
}

static void the_length_of_keys_is_bounded(void **state)
{
	(void)state;
	expect_good("[services]\n"
		    "12345678901234567890123456789012345678901234567 = x\n"); /* 47 bytes */
	expect_error("[services]\n"
		     "123456789012345678901234567890123456789012345678 = x\n",
		     PATH ":2: \"1234567890123456...\" is too long for a key");
}

static void a_missing_file_is_told_apart(void **state)
{
	struct config config = { .n_set = 42 };
	struct error err = { "untouched" };

	(void)state;
	assert_int_equal(ini_read("/nonexistent/x.conf", keys, array_size(keys), &config, &err),
			 -ENOENT);
	assert_string_equal(err.text, "untouched");
	assert_int_equal(config.n_set, 42);
	assert_int_equal(ini_read("/", keys, array_size(keys), &config, &err), -EISDIR);
	assert_string_equal(err.text, "Cannot read /: Is a directory");
	assert_int_equal(ini_read("/dev/null/x", keys, array_size(keys), &config, &err), -ENOTDIR);
	assert_string_equal(err.text, "Cannot open /dev/null/x: Not a directory");
}

static void a_file_is_read_by_its_path(void **state)
{
	char path[] = "/tmp/sampler-ini-XXXXXX", expected[128];
	static const char text[] = "[sampler]\nmode = skb\n";
	struct config config = { 0 };
	struct error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ini_read(path, keys, array_size(keys), &config, &err), 0);
	assert_string_equal(config.mode, "skb");
	assert_int_equal(write(fd, "x = y\n", 6), 6);
	close(fd);
	assert_int_equal(ini_read(path, keys, array_size(keys), &config, &err), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s:3: unknown key \"x\" in [sampler]; known: interval, mode", path);
	assert_string_equal(err.text, expected);
	unlink(path);
}

/* Adds the line that each value stands in. */
static int set_with_line(void *target, const char *key, const char *value, struct error *err)
{
	struct config *config = target;
	size_t used = strlen(config->services);

	(void)key;
	(void)err;
	snprintf(config->services + used, sizeof(config->services) - used, "%d:%s;", config->n_set,
		 value);
	return 0;
}

static void a_key_may_be_wished_to_repeat(void **state)
{
	static const struct ini_key wished[] = { { "s", "many", set_with_line, "x" },
						 { "s", "once", set_with_line, "x" } };
	struct config config = { 0 };
	struct ini_wishes wishes = { "many", (unsigned int *)&config.n_set };
	char path[] = "/tmp/test-ini-XXXXXX";
	struct error err = { "" };
	FILE *file = fdopen(mkstemp(path), "w");
	int good, bad;

	(void)state;
	assert_non_null(file);
	fputs("[s]\nmany = a\n\nonce = b\n; c\nmany = d\nmany = a\n", file);
	fflush(file);
	good = ini_read_as(path, wished, array_size(wished), &config, &wishes, &err);
	fputs("once = e\n", file);
	fclose(file);
	bad = ini_read_as(path, wished, array_size(wished), &(struct config){ 0 }, &wishes, &err);
	unlink(path);
	assert_int_equal(good, 0);
	assert_string_equal(config.services, "2:a;4:b;6:d;7:a;");
	assert_int_equal(bad, -EINVAL);
	assert_non_null(strstr(err.text, ":8: \"once\" was already set in line 4"));
	assert_int_equal(ini_read_as(path, wished, array_size(wished), &config, &wishes, &err),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_reach_their_setters),
		cmocka_unit_test(empty_files_are_fine),
		cmocka_unit_test(form_does_not_matter),
		cmocka_unit_test(indentation_does_not_continue_a_value),
		cmocka_unit_test(unknown_names_list_the_known),
		cmocka_unit_test(bad_values_say_what_was_expected),
		cmocka_unit_test(a_key_may_stand_once_in_a_file),
		cmocka_unit_test(lines_that_are_nothing_are_errors),
		cmocka_unit_test(only_the_first_error_is_told),
		cmocka_unit_test(long_lines_are_errors),
		cmocka_unit_test(nul_bytes_are_errors),
		cmocka_unit_test(the_number_of_keys_is_bounded),
		cmocka_unit_test(the_length_of_keys_is_bounded),
		cmocka_unit_test(a_missing_file_is_told_apart),
		cmocka_unit_test(a_file_is_read_by_its_path),
		cmocka_unit_test(a_key_may_be_wished_to_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
