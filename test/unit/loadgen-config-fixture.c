// SPDX-License-Identifier: MIT OR Apache-2.0
#include "loadgen-config-fixture.h"

#include "util/cleanup.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS 80

/* A file in /tmp that removes itself. */
struct temporary {
	char path[64];
};

static void temporary_make(struct temporary *file, const char *text)
{
	_cleanup_close_ int fd = -1;
	size_t n = strlen(text);

	strcpy(file->path, "/tmp/test-loadgen-config-XXXXXX");
	fd = mkstemp(file->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
}

static void temporary_remove(struct temporary *file)
{
	if (*file->path)
		unlink(file->path);
}

/* args: key, value, key, value, ..., NULL. text: of a file, or NULL for none. */
int resolve(const char *text, const char *const *args, struct config *config, struct error *err)
{
	_cleanup_(temporary_remove) struct temporary file = { "" };
	struct config_override overrides[MAX_ARGS];
	size_t n = 0;

	err->text[0] = '\0';
	for (; args && args[2 * n]; n++) {
		assert_true(n < MAX_ARGS);
		overrides[n] = (struct config_override){ args[2 * n], args[2 * n + 1] };
	}
	if (text)
		temporary_make(&file, text);
	return config_resolve(text ? file.path : NULL, overrides, n, config, err);
}

void must_resolve(const char *text, const char *const *args, struct config *config)
{
	struct error err;

	if (resolve(text, args, config, &err))
		fail_msg("%s: %s", text ?: "", err.text);
	if (text)
		config->path = "x.ini"; /* the file's own name is gone with it */
}

bool matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return found;
}

void must_fail(const char *text, const char *const *args, const char *pattern)
{
	struct config config, before;
	struct error err;
	int r;

	memset(&config, 'x', sizeof(config));
	before = config;
	r = resolve(text, args, &config, &err);
	if (r >= 0 || !matches(err.text, pattern))
		fail_msg("%s / %s %s: %d, \"%s\" instead of \"%s\"", text ?: "",
			 args ? args[0] : "", args ? args[1] : "", r, err.text, pattern);
	if (!matches(err.text, "^[^\n]+$") || strlen(err.text) > 480)
		fail_msg("not one line, or cut: %s", err.text);
	assert_memory_equal(&config, &before, sizeof(config));
}
