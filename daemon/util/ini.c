// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Configuration files by table: a wrapper over inih that turns everything unexpected into an error
 * which names file and line.
 *
 * inih by itself cuts long lines in two, joins indented lines to the value before, ignores what
 * follows a section's bracket, never tells of a section without keys and does not pass line numbers
 * on (as Debian builds it). So it reads its lines from line_read() here, which counts them, takes
 * the indentation off and refuses what inih would misread. Each line is handed over in one piece;
 * inih's own line number, which it returns for a line that it cannot make sense of, is therefore
 * the same as ours. A line is never longer than inih's own buffer.
 *
 * Only the first error is told. Values before it have been set: read into a copy of what is in use.
 */
#include "util/ini.h"

#include "util/cleanup.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define MAX_KEYS     256 /* in one file */
#define MAX_KEY_NAME 48
#define UTF8_BOM     "\xef\xbb\xbf"
#define BLANKS	     " \t\v\f\r" /* what inih takes for indentation */

/* A key that the file has set, to find it a second time. */
struct seen {
	const struct ini_key *key;
	char name[MAX_KEY_NAME];
	unsigned int line;
};

struct reader {
	FILE *stream;
	const char *path;
	const struct ini_key *keys;
	size_t n_keys;
	void *target;
	struct ini_wishes wishes;
	struct error *err;
	unsigned int n_lines;
	unsigned int failed_line; /* of the first error, 0 = none; nothing is set after it */
	int read_error;		  /* negative errno of the stream */
	size_t n_seen;
	struct seen seen[MAX_KEYS];
};

__attribute__((format(printf, 2, 3))) static void fail(struct reader *reader, const char *format,
						       ...)
{
	struct error text;
	va_list args;

	if (reader->failed_line)
		return;
	reader->failed_line = reader->n_lines;
	va_start(args, format);
	vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	error_set(reader->err, -EINVAL, "%s:%u: %s", reader->path, reader->n_lines, text.text);
}

static void list_append(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static bool section_known(const struct reader *reader, const char *section)
{
	for (size_t i = 0; i < reader->n_keys; i++) {
		if (!strcmp(reader->keys[i].section, section))
			return true;
	}
	return false;
}

static void fail_unknown_section(struct reader *reader, const char *section)
{
	char known[256] = "";

	for (size_t i = 0; i < reader->n_keys; i++) {
		const char *name = reader->keys[i].section;
		bool listed = false;

		for (size_t j = 0; j < i && !listed; j++)
			listed = !strcmp(reader->keys[j].section, name);
		if (!listed)
			list_append(known, sizeof(known), name);
	}
	fail(reader, "unknown section [%s]; known: %s", section, known);
}

static void fail_unknown_key(struct reader *reader, const char *section, const char *name)
{
	char known[384] = "";

	if (!*section) {
		fail(reader, "\"%s\" stands before the first [section]", name);
		return;
	}
	for (size_t i = 0; i < reader->n_keys; i++) {
		if (!strcmp(reader->keys[i].section, section))
			list_append(known, sizeof(known), reader->keys[i].name);
	}
	fail(reader, "unknown key \"%s\" in [%s]; known: %s", name, section, known);
}

/* inih takes what follows the bracket for nothing, and tells of no section that has no keys. */
static void check_section(struct reader *reader, const char *line)
{
	const char *end = strchr(line, ']'), *rest;
	char name[64];

	if (!end)
		return; /* inih's to refuse */
	rest = end + 1 + strspn(end + 1, BLANKS);
	if (*rest && *rest != ';' && *rest != '#') {
		fail(reader, "nothing can follow a section's name on its line: \"%.64s\"", rest);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - line - 1), line + 1);
	if (!section_known(reader, name))
		fail_unknown_section(reader, name);
}

/* Reads up to the end of the line into buf. False at the end of the file, or after an error. */
static bool line_take(struct reader *reader, char *buf, size_t room)
{
	size_t n = 0;
	int c = getc(reader->stream);

	if (c == EOF) {
		reader->read_error = !ferror(reader->stream) ? 0 : errno ? -errno : -EIO;
		return false;
	}
	reader->n_lines++;
	for (; c != EOF && c != '\n'; c = getc(reader->stream)) {
		if (c == '\0')
			fail(reader, "a NUL byte; this is not a text file");
		else if (n == room - 1)
			fail(reader, "line too long, %zu bytes are the limit", room - 1);
		if (reader->failed_line)
			return false;
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
	return true;
}

/* The reader of inih, with the signature of fgets(). */
static char *line_read(char *buf, int room, void *stream)
{
	struct reader *reader = stream;
	char *line = buf;

	if (reader->failed_line || !line_take(reader, buf, (size_t)room))
		return NULL;
	if (reader->n_lines == 1 && !strncmp(line, UTF8_BOM, strlen(UTF8_BOM)))
		line += strlen(UTF8_BOM);
	line += strspn(line, BLANKS);
	if (*line == '[')
		check_section(reader, line);
	if (reader->failed_line)
		return NULL;
	return memmove(buf, line, strlen(line) + 1);
}

static const struct ini_key *key_find(const struct reader *reader, const char *section,
				      const char *name)
{
	const struct ini_key *any = NULL;

	for (size_t i = 0; i < reader->n_keys; i++) {
		const struct ini_key *key = &reader->keys[i];

		if (strcmp(key->section, section))
			continue;
		if (!strcmp(key->name, "*"))
			any = key;
		else if (!strcmp(key->name, name))
			return key;
	}
	return any;
}

/* Notes the key; false and an error when the file had it before. */
static bool note_key(struct reader *reader, const struct ini_key *key, const char *name)
{
	struct seen *seen = &reader->seen[reader->n_seen];

	for (size_t i = 0; i < reader->n_seen; i++) {
		if (reader->seen[i].key == key && !strcmp(reader->seen[i].name, name)) {
			fail(reader, "\"%s\" was already set in line %u", name,
			     reader->seen[i].line);
			return false;
		}
	}
	if (strlen(name) >= sizeof(seen->name)) {
		fail(reader, "\"%.16s...\" is too long for a key", name);
		return false;
	}
	if (reader->n_seen == MAX_KEYS) {
		fail(reader, "more than %u keys in one file", MAX_KEYS);
		return false;
	}
	strcpy(seen->name, name);
	seen->key = key;
	seen->line = reader->n_lines;
	reader->n_seen++;
	return true;
}

static bool repeats(const struct reader *reader, const char *name)
{
	return reader->wishes.repeats && !strcmp(reader->wishes.repeats, name);
}

/* The handler of inih: 0 is an error there, anything else success. */
static int key_handle(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	const struct ini_key *key = key_find(reader, section, name);
	struct error why = { "" };

	if (!key) {
		fail_unknown_key(reader, section, name);
		return 0;
	}
	if (!repeats(reader, name) && !note_key(reader, key, name))
		return 0;
	if (reader->wishes.line)
		*reader->wishes.line = reader->n_lines;
	if (key->set(reader->target, name, value, &why) >= 0)
		return 1;
	fail(reader, "%s = %s: %s%s", name, value, *why.text ? "" : "expected ",
	     *why.text ? why.text : key->expected);
	return 0;
}

static int reader_run(struct reader *reader)
{
	int r = ini_parse_stream(line_read, reader, key_handle, reader);

	if (reader->read_error)
		return error_set(reader->err, reader->read_error, "Cannot read %s: %s",
				 reader->path, strerror(-reader->read_error));
	if (r < 0)
		return error_set(reader->err, -ENOMEM, "Cannot read %s: no memory", reader->path);
	if (r && (!reader->failed_line || (unsigned int)r < reader->failed_line))
		return error_set(reader->err, -EINVAL,
				 "%s:%d: neither a [section], nor key = value, nor a comment",
				 reader->path, r);
	return reader->failed_line ? -EINVAL : 0;
}

static int read_stream(FILE *stream, const char *path, const struct ini_key *keys, size_t n_keys,
		       void *target, const struct ini_wishes *wishes, struct error *err)
{
	_cleanup_free_ struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return error_set(err, -ENOMEM, "Cannot read %s: no memory", path);
	reader->stream = stream;
	reader->path = path;
	reader->keys = keys;
	reader->n_keys = n_keys;
	reader->target = target;
	reader->wishes = *wishes;
	reader->err = err;
	return reader_run(reader);
}

/**
 * ini_read_stream() - ini_read() from an open stream
 * @stream: read to its end or the first error, and left open
 * @path: its name in messages
 * @keys: what the file may hold
 * @n_keys: rows in @keys
 * @target: handed to the rows' set()
 * @err: the first error
 *
 * Return: 0, -EINVAL for what the file says, or another negative errno.
 */
int ini_read_stream(FILE *stream, const char *path, const struct ini_key *keys, size_t n_keys,
		    void *target, struct error *err)
{
	const struct ini_wishes none = { NULL, NULL };

	return read_stream(stream, path, keys, n_keys, target, &none, err);
}

/**
 * ini_read_as() - ini_read() with wishes
 * @path: the file
 * @keys: what it may hold
 * @n_keys: rows in @keys
 * @target: handed to the rows' set()
 * @wishes: what is different
 * @err: the first error
 *
 * Return: as ini_read().
 */
int ini_read_as(const char *path, const struct ini_key *keys, size_t n_keys, void *target,
		const struct ini_wishes *wishes, struct error *err)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "re");

	if (!stream && errno == ENOENT)
		return -ENOENT;
	if (!stream)
		return error_set(err, -errno, "Cannot open %s: %s", path, strerror(errno));
	return read_stream(stream, path, keys, n_keys, target, wishes, err);
}

/**
 * ini_read() - read a configuration file
 * @path: the file
 * @keys: what it may hold
 * @n_keys: rows in @keys
 * @target: handed to the rows' set(); holds a part of the values after a failure
 * @err: the first error, e.g. `eth0.conf:7: interval = 5: expected a duration such as 1s`
 *
 * Comments start with ; or #, at the end of a line with a blank and ;. Indentation says nothing. A
 * section may occur twice, a key only once.
 *
 * Return: 0, -ENOENT without touching @target and @err when there is no such file, -EINVAL for what
 * the file says, or another negative errno.
 */
int ini_read(const char *path, const struct ini_key *keys, size_t n_keys, void *target,
	     struct error *err)
{
	const struct ini_wishes none = { NULL, NULL };

	return ini_read_as(path, keys, n_keys, target, &none, err);
}
