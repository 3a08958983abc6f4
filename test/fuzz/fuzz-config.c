// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * daemon/config: any bytes as sampler.conf. They are refused with one line that says why, or what is made
 * of them is printed as a file that reads back the same.
 */
#include "fuzz.h"

#include "config/config.h"
#include "util/error.h"

#include <limits.h>
#include <sys/stat.h>

static char folder[] = "/dev/shm/fuzz-config-XXXXXX";
static char path[sizeof(folder) + sizeof("/sampler.conf")];

static void clean_up(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(const void *data, size_t n)
{
	_cleanup_fclose_ FILE *file = NULL;

	if (!*path) {
		fuzz_assert(mkdtemp(folder));
		snprintf(path, sizeof(path), "%s/sampler.conf", folder);
		atexit(clean_up);
	}
	file = fopen(path, "w");
	fuzz_assert(file && fwrite(data, 1, n, file) == n);
}

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct config_source source = { .dir = folder };
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct error err = { "" };
	struct config config;

	put(data, n);
	if (config_resolve(&source, &config, &err)) {
		fuzz_assert(*err.text && !strchr(err.text, '\n'));
		return 0;
	}
	first = print(&config);
	put(first, strlen(first));
	if (config_resolve(&source, &config, &err))
		fprintf(stderr, "%s\n%s\n", err.text, first);
	fuzz_assert(!*err.text);
	second = print(&config);
	fuzz_assert(!strcmp(first, second));
	return 0;
}
