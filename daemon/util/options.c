// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Long options are written out.
 *
 * getopt_long(3) takes any unambiguous beginning of an option's name, and cannot be told not to. A
 * script that has "--mod" works until a release brings "--modify"; so this looks first.
 */
#include "util/options.h"

#include <errno.h>
#include <string.h>

static const struct option *find(const struct option *options, const char *name, size_t len)
{
	for (; options->name; options++)
		if (strlen(options->name) == len && !strncmp(options->name, name, len))
			return options;
	return NULL;
}

/* The only option that begins so, NULL where there is none or more than one. */
static const struct option *find_longer(const struct option *options, const char *name, size_t len)
{
	const struct option *found = NULL;

	for (; options->name; options++) {
		if (!len || strncmp(options->name, name, len))
			continue;
		if (found)
			return NULL;
		found = options;
	}
	return found;
}

/**
 * options_check() - refuse long options that do not exist or are cut short
 * @argv: the command line, NULL at the end
 * @options: as for getopt_long(3); short options have to be without values
 * @err: which one, and which may be meant
 *
 * To be called before getopt_long(3), which reports everything else. What follows "--" is no option.
 *
 * Return: 0 or -EINVAL.
 */
int options_check(char *const *argv, const struct option *options, struct error *err)
{
	for (argv++; *argv && strcmp(*argv, "--"); argv++) {
		const char *name = *argv + 2;
		size_t len;
		const struct option *option;

		if (strncmp(*argv, "--", 2))
			continue;
		len = strcspn(name, "=");
		option = find(options, name, len);
		if (option && option->has_arg == required_argument && !name[len] && argv[1])
			argv++; /* its value, whatever that looks like */
		if (option)
			continue;
		option = find_longer(options, name, len);
		return error_set(err, -EINVAL, "no option --%.*s%s%s%s", (int)len, name,
				 option ? "; did you mean --" : "", option ? option->name : "",
				 option ? "?" : "");
	}
	return 0;
}
