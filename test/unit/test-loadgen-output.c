// SPDX-License-Identifier: MIT OR Apache-2.0
/* loadgen/output.c: the files that reports go to, before there is anything to report. */
#include "unit.h"

#include "output.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, true);
}

/* Whether the file has a text anywhere, also behind what was written over it. */
static bool holds(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "r");
	char buf[4096];
	size_t n;

	assert_non_null(file);
	n = fread(buf, 1, sizeof(buf) - 1, file);
	buf[n] = '\0';
	return strstr(buf, text);
}

static void a_file_is_kept_until_something_is_written(void **state)
{
	_cleanup_free_ struct stats *stats = calloc(1, sizeof(*stats));
	_cleanup_free_ struct outputs *outputs = calloc(1, sizeof(*outputs));
	struct config config = { .request_size = 1000, .connections = 10, .threads = 1 };
	char folder[] = "/tmp/test-loadgen-output-XXXXXX";
	char before[2000] = "";
	struct error err;

	(void)state;
	assert_true(outputs && stats);
	stats->time_ns = NSEC_PER_SEC;
	assert_non_null(mkdtemp(folder));
	memset(before, 'x', sizeof(before) - 1); /* more than the names of the columns */
	snprintf(config.csv, sizeof(config.csv), "%s/csv", folder);
	snprintf(config.hdr, sizeof(config.hdr), "%s/hdr", folder);
	config.quiet = true;
	write_file(config.csv, before);
	assert_int_equal(outputs_open(&config, outputs, &err), 0);
	assert_int_equal(access(config.hdr, F_OK), 0);
	outputs_close(outputs);
	assert_true(holds(config.csv, before));
	assert_int_equal(access(config.hdr, F_OK), -1);

	assert_int_equal(outputs_open(&config, outputs, &err), 0);
	outputs_begin(outputs, stats);
	outputs_close(outputs);
	assert_true(holds(config.csv, "time_s,") && !holds(config.csv, "xx"));
	assert_int_equal(access(config.hdr, F_OK), 0);
	assert_int_equal(unlink(config.csv) | unlink(config.hdr) | rmdir(folder), 0);
}

static void one_file_by_two_names_is_refused(void **state)
{
	_cleanup_free_ struct outputs *outputs = calloc(1, sizeof(*outputs));
	struct config config = { .request_size = 1000, .connections = 10, .threads = 1 };
	char folder[] = "/tmp/test-loadgen-output-XXXXXX";
	struct error err;

	(void)state;
	assert_non_null(outputs);
	assert_non_null(mkdtemp(folder));
	config.quiet = true;
	snprintf(config.csv, sizeof(config.csv), "%s/a", folder);
	snprintf(config.hdr, sizeof(config.hdr), "%s/./a", folder);
	assert_int_equal(outputs_open(&config, outputs, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/a and /tmp/"));
	assert_non_null(strstr(err.text, "/./a are the same file"));
	outputs_close(outputs);
	assert_int_equal(access(config.csv, F_OK), -1);

	write_file(config.csv, "[target]");
	*config.csv = '\0';
	config.path = config.hdr;
	assert_int_equal(outputs_open(&config, outputs, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/./a is the file of -c"));
	outputs_close(outputs);
	assert_true(holds(config.hdr, "[target]"));

	strcpy(config.csv, "/dev/null");
	strcpy(config.json, "/dev/null"); /* keeps nothing: any number */
	*config.hdr = '\0';
	config.path = NULL;
	assert_int_equal(outputs_open(&config, outputs, &err), 0);
	outputs_close(outputs);
	snprintf(config.hdr, sizeof(config.hdr), "%s/a", folder);
	assert_int_equal(unlink(config.hdr) | rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_kept_until_something_is_written),
		cmocka_unit_test(one_file_by_two_names_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
