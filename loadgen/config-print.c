// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The resolved configuration, as it is written: for people, as a file that reads back the same, and
 * item by item for whoever writes it otherwise.
 */
#include "config.h"

#include "config-kinds.h"

#include "util/log.h"

#include <string.h>

#define LINE_MAX_BYTES 199 /* of a file, see util/ini.c */
#define COMMENT_COLUMN 32
#define ORIGIN_MAX     160

static void take_headers(const struct config *config, struct config_item item,
			 void (*take)(const struct config_item *item, void *user), void *user)
{
	const struct config_headers *headers = &config->headers;
	char origin[ORIGIN_MAX];

	item.origin = origin;
	for (uint32_t i = 0; i < headers->n; i++) {
		item.value = headers->text[i];
		config_describe_origin(config, item.key, &headers->origin[i], origin,
				       sizeof(origin));
		take(&item, user);
	}
	if (headers->n)
		return;
	item.value = "";
	config_describe_origin(config, item.key, &config->origin[item.key], origin, sizeof(origin));
	take(&item, user);
}

/**
 * config_items() - all values that a run of this protocol uses, in the order of files
 * @config: from config_resolve()
 * @take: is called for each; for keys that repeat as often as they have values, and once without
 * @user: handed on to it
 */
void config_items(const struct config *config,
		  void (*take)(const struct config_item *item, void *user), void *user)
{
	char value[CONFIG_VALUE_MAX], origin[ORIGIN_MAX];

	for (enum config_key key = 0; key < N_KEYS; key++) {
		const struct config_row *row = &config_rows[key];
		struct config_item item = { key, row->section, row->name, value, origin };

		if (!config_key_is_used(config, key))
			continue;
		if (config_key_repeats(key)) {
			take_headers(config, item, take, user);
			continue;
		}
		row->kind->format((const char *)config + row->offset, value, sizeof(value));
		config_describe_origin(config, key, &config->origin[key], origin, sizeof(origin));
		take(&item, user);
	}
}

struct printer {
	FILE *out;
	const char *section;
};

static size_t line_length(const struct config_item *item, const char *equals)
{
	return strlen(item->name) + strlen(equals) + strlen(item->value);
}

/* With its origin behind it as a comment, or above it where the line has no room. */
static void print_item(const struct config_item *item, void *user)
{
	struct printer *printer = user;
	const char *equals = line_length(item, " = ") <= LINE_MAX_BYTES ? " = " : "=";
	size_t n = line_length(item, equals);
	int pad = n < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - n) : 1;
	bool beside = n + (size_t)pad + strlen("; ") + strlen(item->origin) <= LINE_MAX_BYTES;

	if (strcmp(printer->section, item->section))
		fprintf(printer->out, "%s[%s]\n", *printer->section ? "\n" : "", item->section);
	printer->section = item->section;
	if (!beside)
		fprintf(printer->out, "; %s:\n%s%s%s\n", item->origin, item->name, equals,
			item->value);
	else
		fprintf(printer->out, "%s%s%s%*s; %s\n", item->name, equals, item->value, pad, "",
			item->origin);
}

/**
 * config_print() - write the resolved configuration as a file that reads back the same
 * @config: from config_resolve()
 * @out: where to
 *
 * Each value has as a comment where it came from. The exception is a URL, header or path that makes
 * a line too long for files (199 bytes, see util/ini.c): only the command line takes those, and
 * config_warn_long() tells which.
 */
void config_print(const struct config *config, FILE *out)
{
	struct printer printer = { out, "" };

	config_items(config, print_item, &printer);
}

static void warn_long(const struct config_item *item, void *unused)
{
	(void)unused;
	if (line_length(item, "=") > LINE_MAX_BYTES)
		log_warning("%s %.40s... (%s): no file can hold this, whose lines have %u bytes at "
			    "most; give it as an option with each run",
			    item->name, item->value, item->origin, LINE_MAX_BYTES);
}

/**
 * config_warn_long() - log what config_print() writes that cannot be read back
 * @config: from config_resolve()
 */
void config_warn_long(const struct config *config)
{
	config_items(config, warn_long, NULL);
}
