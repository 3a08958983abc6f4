// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The load generator's configuration: defaults, then the INI file, then the command line.
 *
 * config-rows.c has a row a key. Where each value came from is kept beside it, for messages and for
 * whoever wants to know what a run was made of. What two keys must agree on is checked last, over
 * whatever source each came from, by config-agree.c.
 */
#include "config.h"

#include "config-kinds.h"
#include "util/cleanup.h"
#include "util/ini.h"

#include <errno.h>
#include <string.h>

/* What ini_read() is to fill. */
struct file {
	struct config *config;
	unsigned int line; /* that is being read */
};

/* request_size and request-size are the same. */
static bool name_equal(const char *a, const char *b)
{
	while (*a && (*a == *b || (*a == '_' && *b == '-')))
		a++, b++;
	return !*a && !*b;
}

static int key_find(const char *name)
{
	for (int i = 0; i < N_KEYS; i++) {
		if (name_equal(config_rows[i].name, name))
			return i;
	}
	return -ENOENT;
}

/** config_key_repeats() - Return: whether a key may stand more than once, each time for one more */
bool config_key_repeats(enum config_key key)
{
	return key == KEY_HEADER;
}

/** config_key_is_used() - Return: whether a key is of the protocol that the run has */
bool config_key_is_used(const struct config *config, enum config_key key)
{
	enum config_user user = config_rows[key].user;

	return user == BY_ALL || (user == BY_RAW) == (config->protocol == PROTOCOL_RAW);
}

/** config_key_name() - Return: the name of a key as in a file */
const char *config_key_name(enum config_key key)
{
	return config_rows[key].name;
}

/* Of a key that repeats, the command line replaces all that the file has. */
static void drop_weaker(struct config *config, enum config_key key, enum config_from from)
{
	if (config_key_repeats(key) && config->origin[key].from != from)
		config->headers.n = 0;
}

static int set(struct config *config, enum config_key key, const char *value,
	       struct config_origin origin, struct error *err)
{
	const struct config_row *row = &config_rows[key];
	uint32_t n;
	int r;

	drop_weaker(config, key, origin.from);
	n = config->headers.n;
	r = row->kind->parse(row, value, (char *)config + row->offset, err);
	if (r)
		return r;
	config->origin[key] = origin;
	if (config->headers.n > n)
		config->headers.origin[n] = origin;
	return 0;
}

static void set_defaults(struct config *config, const char *path)
{
	memset(config, 0, sizeof(*config));
	config->path = path;
	for (enum config_key key = 0; key < N_KEYS; key++) {
		const struct config_origin origin = { .from = FROM_DEFAULT };

		if (config_rows[key].by_default)
			set(config, key, config_rows[key].by_default, origin, NULL);
	}
}

/* ---- file and command line ---- */

static int set_from_file(void *target, const char *name, const char *value, struct error *err)
{
	struct file *file = target;
	const struct config_origin origin = { .from = FROM_FILE, .line = file->line };

	return set(file->config, (enum config_key)key_find(name), value, origin, err);
}

static int load_file(struct config *config, struct error *err)
{
	struct file file = { .config = config };
	const struct ini_wishes wishes = { config_key_name(KEY_HEADER), &file.line };
	struct ini_key keys[N_KEYS];
	int r;

	for (enum config_key key = 0; key < N_KEYS; key++)
		keys[key] = (struct ini_key){
			.section = config_rows[key].section,
			.name = config_rows[key].name,
			.set = set_from_file,
			.expected = config_rows[key].expected,
		};
	r = ini_read_as(config->path, keys, N_KEYS, &file, &wishes, err);
	if (r == -ENOENT)
		return error_set(err, r, "%s: no such file", config->path);
	return r;
}

/* "--request-size" from "request_size". */
static void option_name(const char *key, char *buf, size_t size)
{
	snprintf(buf, size, "--%s", key);
	for (char *c = buf; (c = strchr(c, '_'));)
		*c = '-';
}

static int set_from_option(struct config *config, const struct config_override *override,
			   struct error *err)
{
	const struct config_origin origin = { .from = FROM_OPTION };
	struct error why = { "" };
	int key = key_find(override->key);
	char option[64];

	option_name(override->key, option, sizeof(option));
	if (key < 0)
		return error_set(err, -EINVAL, "unknown option %s", option);
	if (!set(config, (enum config_key)key, override->value, origin, &why))
		return 0;
	if (*why.text)
		return error_set(err, -EINVAL, "%s %.100s: %s", option, override->value, why.text);
	return error_set(err, -EINVAL, "%s %.100s: expected %s", option, override->value,
			 config_rows[key].expected);
}

/**
 * config_describe_origin() - in words, where a value comes from
 * @config: it is of
 * @key: of the value
 * @origin: of the value
 * @buf: "default", "load.ini:7", "--request-size" or "follows from rate"
 * @size: bytes at @buf
 */
void config_describe_origin(const struct config *config, enum config_key key,
			    const struct config_origin *origin, char *buf, size_t size)
{
	if (origin->from == FROM_FILE)
		snprintf(buf, size, "%.100s:%u", config->path, origin->line);
	else if (origin->from == FROM_OPTION)
		option_name(config_key_name(key), buf, size);
	else if (origin->from == FROM_KEY)
		snprintf(buf, size, "follows from %s", config_key_name(origin->key));
	else
		snprintf(buf, size, "default");
	for (; *buf; buf++) {
		if ((unsigned char)*buf < ' ')
			*buf = '?'; /* a file may be called anything */
	}
}

/**
 * config_resolve() - defaults, file, command line, in this order, and all of it checked
 * @path: the file, or NULL for none; has to exist; is used as long as the configuration
 * @overrides: options of the command line; of two with the same key the last one counts, but for
 *             keys that repeat
 * @n_overrides: how many
 * @ret_config: filled on success
 * @err: file and line or option, and what would be right
 *
 * Return: 0 or negative errno.
 */
int config_resolve(const char *path, const struct config_override *overrides, size_t n_overrides,
		   struct config *ret_config, struct error *err)
{
	_cleanup_free_ struct config *config = malloc(sizeof(*config));
	int r = 0;

	if (!config)
		return error_set(err, -ENOMEM, "out of memory");
	set_defaults(config, path);
	if (path)
		r = load_file(config, err);
	for (size_t i = 0; !r && i < n_overrides; i++)
		r = set_from_option(config, &overrides[i], err);
	r = r ?: config_agree(config, err);
	if (!r)
		*ret_config = *config;
	return r;
}

/**
 * run_n_requests() - how many requests a run has
 * @config: from config_resolve()
 *
 * Return: the lesser of requests and what total_size comes to, or UINT64_MAX without either.
 */
uint64_t run_n_requests(const struct config *config)
{
	uint64_t n = config->requests ?: UINT64_MAX, by_size = UINT64_MAX;

	if (config->total_size)
		by_size = (config->total_size - 1) / config->request_size + 1;
	return n < by_size ? n : by_size;
}

/**
 * run_request_size() - the payload of one request
 * @config: from config_resolve()
 * @k: its number in the whole run, from 0, below run_n_requests()
 *
 * Return: bytes: request_size, less for the last one where total_size is no multiple of it.
 */
uint64_t run_request_size(const struct config *config, uint64_t k)
{
	uint64_t left;

	if (!config->total_size || k < config->total_size / config->request_size)
		return config->request_size;
	left = config->total_size % config->request_size;
	return k == config->total_size / config->request_size ? left : 0;
}
