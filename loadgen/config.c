// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The load generator's configuration: defaults, then the INI file, then the command line.
 *
 * One table row a key: where it is kept, how it is read and written, what is accepted, what it is
 * when nobody says. Reading a file, options and config_print() all walk that table. What two keys
 * must agree on is checked last, over whatever source each came from, which is remembered for the
 * message.
 */
#include "config.h"

#include "config-kinds.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/ini.h"
#include "util/units.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define DAY	      (24 * 3600 * NSEC_PER_SEC)
#define HOUR	      (3600 * NSEC_PER_SEC)
#define MIN_TIMEOUT   (100 * NSEC_PER_MSEC) /* they are looked at ten times a second */
#define MAX_BANDWIDTH 1000000000000ULL	    /* bit/s */
#define MAX_URL	      1390		    /* leaves room for "https://" */
#define MAX_BYTES     1000000000000000000ULL
#define MAX_REQUESTS  1000000000000000000ULL
#define MAX_RATE      (10000000ULL * CONFIG_RATE_PARTS)

enum key {
	KEY_URL,
	KEY_PROTOCOL,
	KEY_BANDWIDTH,
	KEY_RATE,
	KEY_CONNECTIONS,
	KEY_THREADS,
	KEY_REQUEST_SIZE,
	KEY_LATENCY,
	KEY_DURATION,
	KEY_TOTAL_SIZE,
	KEY_REQUESTS,
	KEY_CONNECT_TIMEOUT,
	KEY_TIMEOUT,
	KEY_VERIFY,
	KEY_CA_FILE,
	KEY_QUIET,
	N_KEYS,
};

enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_OPTION };

/* A configuration while it is put together. */
struct draft {
	struct config config;
	const char *path;
	enum source source[N_KEYS];
};

/* ---- the table ---- */

#define FIELD(member) offsetof(struct config, member)

static const struct config_row rows[N_KEYS] = {
	[KEY_URL] = { "target", "url", &config_url, FIELD(url_text), 1, MAX_URL,
		      "a URL such as http://192.0.2.1:8080/path", NULL },
	[KEY_PROTOCOL] = { "target", "protocol", &config_protocol, FIELD(tls), 0, 0,
			   "http or https", "http" },
	[KEY_BANDWIDTH] = { "traffic", "bandwidth", &config_bandwidth, FIELD(bandwidth_bps), 0,
			    MAX_BANDWIDTH,
			    "a bandwidth such as 10Mbps, 10Mbit/s or 100KB/s, up to 1Tbps, "
			    "or 0 for no limit",
			    "10Mbps" },
	[KEY_RATE] = { "traffic", "rate", &config_rate, FIELD(rate), 0, MAX_RATE,
		       "requests a second such as 100 or 0.5, up to 10000000 and exact to a "
		       "millionth, or 0 for no limit",
		       "0" },
	[KEY_CONNECTIONS] = { "traffic", "connections", &config_count32, FIELD(connections), 1,
			      LOADGEN_MAX_CONNECTIONS, "a number from 1 to 10000", "10" },
	[KEY_THREADS] = { "traffic", "threads", &config_count32, FIELD(threads), 1,
			  LOADGEN_MAX_THREADS, "a number from 1 to 256", "1" },
	[KEY_REQUEST_SIZE] = { "traffic", "request_size", &config_bytes, FIELD(request_size), 0,
			       LOADGEN_MAX_REQUEST,
			       "a size such as 1KB (1000 bytes), 1KiB (1024) or 512, up to 1GiB, "
			       "or "
			       "0 for GET without a body",
			       "1KB" },
	[KEY_LATENCY] = { "traffic", "latency", &config_time, FIELD(latency_ns), 0, HOUR,
			  "a duration such as 5ms or 1s, up to 1h, or 0 for none", "0" },
	[KEY_DURATION] = { "limits", "duration", &config_time, FIELD(duration_ns), 0, 366 * DAY,
			   "a duration such as 60s or 5min, up to 366d, or 0 for no limit", "0" },
	[KEY_TOTAL_SIZE] = { "limits", "total_size", &config_bytes, FIELD(total_size), 0, MAX_BYTES,
			     "a size such as 100MB, 1GiB or 5000000, up to 1000000TB, or 0 for no "
			     "limit",
			     "0" },
	[KEY_REQUESTS] = { "limits", "requests", &config_count, FIELD(requests), 0, MAX_REQUESTS,
			   "a number of requests up to 10^18, or 0 for no limit", "0" },
	[KEY_CONNECT_TIMEOUT] = { "limits", "connect_timeout", &config_time,
				  FIELD(connect_timeout_ns), MIN_TIMEOUT, HOUR,
				  "a duration such as 10s or 500ms, from 100ms to 1h", "10s" },
	[KEY_TIMEOUT] = { "limits", "timeout", &config_time, FIELD(timeout_ns), MIN_TIMEOUT, HOUR,
			  "a duration such as 30s or 500ms, from 100ms to 1h", "30s" },
	[KEY_VERIFY] = { "tls", "verify", &config_yes, FIELD(verify), 0, 0, "yes or no", "yes" },
	[KEY_CA_FILE] = { "tls", "ca_file", &config_text, FIELD(ca_file), 0, 255,
			  "a path of at most 255 characters, without quotes and semicolons, or "
			  "nothing for the system's",
			  "" },
	[KEY_QUIET] = { "output", "quiet", &config_yes, FIELD(quiet), 0, 0, "yes or no", "no" },
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
		if (name_equal(rows[i].name, name))
			return i;
	}
	return -ENOENT;
}

static int draft_set(struct draft *draft, int key, const char *value, enum source source,
		     struct error *err)
{
	void *field = (char *)&draft->config + rows[key].offset;
	int r = rows[key].kind->parse(&rows[key], value, field, err);

	if (!r)
		draft->source[key] = source;
	return r;
}

static void set_defaults(struct draft *draft, const char *path)
{
	*draft = (struct draft){ .path = path };
	for (int i = 0; i < N_KEYS; i++) {
		if (rows[i].by_default)
			draft_set(draft, i, rows[i].by_default, SOURCE_DEFAULT, NULL);
	}
}

/* ---- file and command line ---- */

static int set_from_file(void *target, const char *name, const char *value, struct error *err)
{
	return draft_set(target, key_find(name), value, SOURCE_FILE, err);
}

static int load_file(struct draft *draft, struct error *err)
{
	struct ini_key keys[N_KEYS];
	int r;

	for (size_t i = 0; i < N_KEYS; i++)
		keys[i] = (struct ini_key){ rows[i].section, rows[i].name, set_from_file,
					    rows[i].expected };
	r = ini_read(draft->path, keys, N_KEYS, draft, err);
	if (r == -ENOENT)
		return error_set(err, r, "%s: no such file", draft->path);
	return r;
}

/* "--request-size" from "request_size". */
static void option_name(const char *key, char *buf, size_t size)
{
	snprintf(buf, size, "--%s", key);
	for (char *c = buf; (c = strchr(c, '_'));)
		*c = '-';
}

static int set_from_option(struct draft *draft, const struct config_override *override,
			   struct error *err)
{
	struct error why = { "" };
	int key = key_find(override->key);
	char option[64];

	option_name(override->key, option, sizeof(option));
	if (key < 0)
		return error_set(err, -EINVAL, "unknown option %s", option);
	if (!draft_set(draft, key, override->value, SOURCE_OPTION, &why))
		return 0;
	if (*why.text)
		return error_set(err, -EINVAL, "%s %.100s: %s", option, override->value, why.text);
	return error_set(err, -EINVAL, "%s %.100s: expected %s", option, override->value,
			 rows[key].expected);
}

/* ---- what keys have to agree on ---- */

/* "bandwidth = 10Mbps (load.ini)", for messages about more than one key. */
static const char *describe(const struct draft *draft, enum key key, char *buf, size_t size)
{
	const char *const sources[] = {
		[SOURCE_DEFAULT] = "default",
		[SOURCE_FILE] = draft->path,
		[SOURCE_OPTION] = "command line",
	};
	char value[CONFIG_VALUE_MAX];

	rows[key].kind->format((const char *)&draft->config + rows[key].offset, value,
			       sizeof(value));
	snprintf(buf, size, "%s = %.100s (%.60s)", rows[key].name, value,
		 sources[draft->source[key]]);
	return buf;
}

static int disagree(const struct draft *draft, enum key a, enum key b, const char *why,
		    struct error *err)
{
	char text_a[256], text_b[256];

	return error_set(err, -EINVAL, "%s and %s: %s", describe(draft, a, text_a, sizeof(text_a)),
			 describe(draft, b, text_b, sizeof(text_b)), why);
}

/* The URL's scheme is the protocol where nobody named one, and the other way round. */
static int settle_target(struct draft *draft, struct error *err)
{
	struct config *c = &draft->config;
	bool has_scheme, named = draft->source[KEY_PROTOCOL] != SOURCE_DEFAULT;
	char text[sizeof(c->url_text) + sizeof("https://")];
	int r;

	if (!*c->url_text)
		return error_set(
			err, -EINVAL,
			"no url: give --url http://HOST[:PORT][/PATH], or url = ... in the "
			"[target] section of a file (-c)");
	has_scheme =
		!strncasecmp(c->url_text, "http://", 7) || !strncasecmp(c->url_text, "https://", 8);
	r = url_parse(c->url_text, c->tls, &c->url, err); /* has been read before, as http */
	if (r)
		return r;
	if (has_scheme && named && c->url.tls != c->tls)
		return disagree(draft, KEY_PROTOCOL, KEY_URL, "drop one, or make them agree", err);
	c->tls = c->url.tls;
	if (has_scheme)
		return 0;
	snprintf(text, sizeof(text), "%s://%s", c->tls ? "https" : "http", c->url_text);
	strcpy(c->url_text, text); /* MAX_URL leaves room */
	return 0;
}

/* Ten megabits are the pace of who asks for nothing: no load of full speed by omission. */
static int settle_pace(struct draft *draft, struct error *err)
{
	struct config *c = &draft->config;

	if (c->rate > 0 && draft->source[KEY_BANDWIDTH] == SOURCE_DEFAULT)
		c->bandwidth_bps = 0;
	if (c->rate > 0 && c->bandwidth_bps)
		return disagree(draft, KEY_BANDWIDTH, KEY_RATE,
				"each is a pace of its own; give one (0 turns the other off)", err);
	if (c->bandwidth_bps && !c->request_size)
		return disagree(draft, KEY_BANDWIDTH, KEY_REQUEST_SIZE,
				"requests without payload have no bandwidth; give --rate instead, "
				"or --bandwidth 0 for as fast as it goes",
				err);
	return 0;
}

static int settle_limits(struct draft *draft, struct error *err)
{
	struct config *c = &draft->config;

	if (c->threads > c->connections)
		return disagree(draft, KEY_THREADS, KEY_CONNECTIONS,
				"each thread needs a connection of its own", err);
	if (c->total_size && !c->request_size)
		return disagree(draft, KEY_TOTAL_SIZE, KEY_REQUEST_SIZE,
				"requests without payload never get there; use --requests", err);
	if (c->total_size && c->request_size > c->total_size)
		return disagree(draft, KEY_REQUEST_SIZE, KEY_TOTAL_SIZE,
				"not even one request fits", err);
	return 0;
}

/**
 * config_resolve() - defaults, file, command line, in this order, and all of it checked
 * @path: the file, or NULL for none; has to exist
 * @overrides: options of the command line; of two with the same key the last one counts
 * @n_overrides: how many
 * @ret_config: filled on success
 * @err: file and line or option, and what would be right
 *
 * Return: 0 or negative errno.
 */
int config_resolve(const char *path, const struct config_override *overrides, size_t n_overrides,
		   struct config *ret_config, struct error *err)
{
	struct draft draft;
	int r = 0;

	set_defaults(&draft, path);
	if (path)
		r = load_file(&draft, err);
	for (size_t i = 0; !r && i < n_overrides; i++)
		r = set_from_option(&draft, &overrides[i], err);
	r = r ?: settle_target(&draft, err);
	r = r ?: settle_pace(&draft, err);
	r = r ?: settle_limits(&draft, err);
	if (!r)
		*ret_config = draft.config;
	return r;
}

/**
 * config_print() - write the resolved configuration as a file that reads back the same
 * @config: from config_resolve()
 * @out: where to
 *
 * The exception is a URL or path that makes a line too long for files (199 bytes, see util/ini.c):
 * only the command line takes those.
 */
void config_print(const struct config *config, FILE *out)
{
	const char *section = "";
	char value[CONFIG_VALUE_MAX];

	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(section, rows[i].section))
			fprintf(out, "%s[%s]\n", i ? "\n" : "", rows[i].section);
		section = rows[i].section;
		rows[i].kind->format((const char *)config + rows[i].offset, value, sizeof(value));
		fprintf(out, "%s =%s%s\n", rows[i].name, *value ? " " : "", value);
	}
}

/**
 * config_key() - the names of the keys, one by one
 * @i: from 0
 *
 * Return: the name as in a file, or NULL behind the last one.
 */
const char *config_key(size_t i)
{
	return i < N_KEYS ? rows[i].name : NULL;
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
