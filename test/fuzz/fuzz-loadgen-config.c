// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/config.c: any bytes as a file. They are refused with one line that says why, or what is made of
 * them is printed as a file that reads back the same.
 */
#include "fuzz.h"

#include "config.h"

#include <stdbool.h>

#define MAX_LINE 199 /* of a file, see util/ini.c */

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	fuzz_assert(out);
	config_print(config, out);
	fuzz_assert(!fclose(out));
	return text;
}

/* Comments tell where a value came from, which is another place the second time. */
static void drop_comments(char *text)
{
	char *to = text;
	bool comment = false;

	for (char *c = text; *c; c++) {
		if (*c == ';' && (c == text || strchr(" \n", c[-1])))
			comment = true;
		if (*c == '\n') {
			comment = false;
			while (to > text && to[-1] == ' ')
				to--;
			if (to == text || to[-1] == '\n')
				continue;
		}
		if (!comment)
			*to++ = *c;
	}
	*to = '\0';
}

static bool fits(const char *text)
{
	for (; *text; text += strcspn(text, "\n") + 1) {
		if (strcspn(text, "\n") > MAX_LINE)
			return false;
	}
	return true;
}

static void check_reads_back(const struct config *config)
{
	_cleanup_free_ char *first = print(config), *second = NULL;
	struct error err = { "" };
	struct config again;
	char path[FUZZ_PATH_MAX];
	int fd = fuzz_file(first, strlen(first), path);

	if (fits(first)) {
		if (config_resolve(path, NULL, 0, &again, &err))
			fprintf(stderr, "%s\n%s\n", err.text, first);
		fuzz_assert(!*err.text);
		second = print(&again);
		drop_comments(first);
		drop_comments(second);
		fuzz_assert(!strcmp(first, second));
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct error err = { "" };
	struct config config;
	char path[FUZZ_PATH_MAX];
	int fd = fuzz_file(data, n, path);

	if (config_resolve(path, NULL, 0, &config, &err))
		fuzz_assert(*err.text && !strchr(err.text, '\n'));
	else
		check_reads_back(&config);
	close(fd);
	return 0;
}
