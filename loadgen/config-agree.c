// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What keys of the configuration have to agree on, whatever source each came from; and defaults that
 * give way to what was said.
 */
#include "config-kinds.h"

#include "util/cleanup.h"
#include "verify-url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* "bandwidth = 10Mbps (load.ini:3)", for messages about more than one key. */
static const char *describe(const struct config *c, enum config_key key, char *buf, size_t size)
{
	char value[CONFIG_VALUE_MAX], origin[160];

	config_rows[key].kind->format((const char *)c + config_rows[key].offset, value,
				      sizeof(value));
	config_describe_origin(c, key, &c->origin[key], origin, sizeof(origin));
	snprintf(buf, size, "%s = %.100s (%.110s)", config_key_name(key), value, origin);
	return buf;
}

/**
 * config_disagree() - say that two keys do not go together
 * @c: with both
 * @a: one of them
 * @b: the other
 * @why: and what would do
 * @err: filled
 *
 * Return: -EINVAL.
 */
int config_disagree(const struct config *c, enum config_key a, enum config_key b, const char *why,
		    struct error *err)
{
	char text_a[256], text_b[256];

	return error_set(err, -EINVAL, "%s and %s: %s", describe(c, a, text_a, sizeof(text_a)),
			 describe(c, b, text_b, sizeof(text_b)), why);
}

/** config_wrong() - say that a key's value cannot be. Return: -EINVAL */
int config_wrong(const struct config *c, enum config_key key, const char *why, struct error *err)
{
	char text[256];

	return error_set(err, -EINVAL, "%s: %s", describe(c, key, text, sizeof(text)), why);
}

/** config_is_default() - Return: whether nobody has said a key's value */
bool config_is_default(const struct config *c, enum config_key key)
{
	return c->origin[key].from == FROM_DEFAULT;
}

/** config_follows() - note that a key has its value from another one */
void config_follows(struct config *c, enum config_key key, enum config_key from)
{
	c->origin[key] = (struct config_origin){ .from = FROM_KEY, .key = from };
}

/** config_wins() - Return: whether a key is the command line's, and the other one only a file's */
bool config_wins(const struct config *c, enum config_key key, enum config_key over)
{
	return c->origin[key].from == FROM_OPTION && c->origin[over].from == FROM_FILE;
}

/* Bytes of a URL's scheme, "://" included; a path can have a "://" as well. */
static size_t scheme_length(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < array_size(schemes); i++) {
		if (!strncasecmp(url, schemes[i], strlen(schemes[i])))
			return strlen(schemes[i]);
	}
	return 0;
}

static void set_scheme(struct config *c)
{
	char text[sizeof(c->url_text) + sizeof("https://")];

	snprintf(text, sizeof(text), "%s://%s", c->tls ? "https" : "http",
		 c->url_text + scheme_length(c->url_text));
	strcpy(c->url_text, text); /* MAX_URL leaves room */
}

/* The URL has a scheme, and protocol names the other one. */
static int settle_scheme(struct config *c, struct error *err)
{
	if (config_wins(c, KEY_URL, KEY_PROTOCOL)) {
		config_follows(c, KEY_PROTOCOL, KEY_URL);
		return 0;
	}
	if (!config_wins(c, KEY_PROTOCOL, KEY_URL))
		return config_disagree(c, KEY_PROTOCOL, KEY_URL, "drop one, or make them agree",
				       err);
	set_scheme(c);
	config_follows(c, KEY_URL, KEY_PROTOCOL);
	return url_parse(c->url_text, c->tls, &c->url, err);
}

/* The URL's scheme is the protocol where nobody named one, and the other way round. */
static int settle_target(struct config *c, struct error *err)
{
	bool has_scheme, named = !config_is_default(c, KEY_PROTOCOL);
	int r;

	if (!*c->url_text)
		return error_set(
			err, -EINVAL,
			"no url: give --url http://HOST[:PORT][/PATH], or url = ... in the "
			"[target] section of a file (-c)");
	has_scheme = scheme_length(c->url_text);
	r = url_parse(c->url_text, c->tls, &c->url, err); /* has been read before, as http */
	if (!r && has_scheme && named && c->url.tls != c->tls)
		r = settle_scheme(c, err);
	if (r)
		return r;
	if (has_scheme && !named)
		config_follows(c, KEY_PROTOCOL, KEY_URL);
	c->tls = c->url.tls;
	if (!has_scheme)
		set_scheme(c);
	return 0;
}

/* Who wants a GET says so, or asks for no payload; the other one of both follows. */
static int settle_method(struct config *c, struct error *err)
{
	if (config_is_default(c, KEY_METHOD) && !c->request_size) {
		c->method = METHOD_GET;
		config_follows(c, KEY_METHOD, KEY_REQUEST_SIZE);
	}
	if (method_has_payload(c->method) || !c->request_size)
		return 0;
	if (config_wins(c, KEY_REQUEST_SIZE, KEY_METHOD)) {
		c->method = METHOD_POST;
		config_follows(c, KEY_METHOD, KEY_REQUEST_SIZE);
		return 0;
	}
	if (!config_is_default(c, KEY_REQUEST_SIZE) &&
	    !config_wins(c, KEY_METHOD, KEY_REQUEST_SIZE))
		return config_disagree(
			c, KEY_METHOD, KEY_REQUEST_SIZE,
			"this method has no payload; drop request_size, or have POST, PUT "
			"or PATCH send it",
			err);
	c->request_size = 0;
	config_follows(c, KEY_REQUEST_SIZE, KEY_METHOD);
	return 0;
}

/* Ten megabits are the pace of who asks for nothing: no load of full speed by omission. */
static int settle_pace(struct config *c, struct error *err)
{
	if (c->rate > 0 &&
	    (config_is_default(c, KEY_BANDWIDTH) || config_wins(c, KEY_RATE, KEY_BANDWIDTH))) {
		c->bandwidth_bps = 0;
		config_follows(c, KEY_BANDWIDTH, KEY_RATE);
	} else if (c->bandwidth_bps && config_wins(c, KEY_BANDWIDTH, KEY_RATE)) {
		c->rate = 0;
		config_follows(c, KEY_RATE, KEY_BANDWIDTH);
	}
	if (c->rate > 0 && c->bandwidth_bps)
		return config_disagree(
			c, KEY_BANDWIDTH, KEY_RATE,
			"each is a pace of its own; give one (0 turns the other off)", err);
	if (c->ramp_ns && !(c->rate > 0) && !c->bandwidth_bps)
		return config_wrong(c, KEY_RAMP,
				    "there is no pace to grow to; give bandwidth or rate", err);
	return 0;
}

static int settle_payload(struct config *c, struct error *err)
{
	if (c->bandwidth_bps && !c->request_size)
		return config_disagree(
			c, KEY_BANDWIDTH, KEY_REQUEST_SIZE,
			"requests without payload have no bandwidth; give --rate instead, "
			"or --bandwidth 0 for as fast as it goes",
			err);
	return 0;
}

static int settle_limits(struct config *c, struct error *err)
{
	if (c->threads > c->connections)
		return config_disagree(c, KEY_THREADS, KEY_CONNECTIONS,
				       "each thread needs a connection of its own", err);
	if (c->total_size && !c->request_size)
		return config_disagree(c, KEY_TOTAL_SIZE, KEY_REQUEST_SIZE,
				       "requests without payload never get there; use --requests",
				       err);
	if (c->total_size && c->request_size > c->total_size)
		return config_disagree(c, KEY_REQUEST_SIZE, KEY_TOTAL_SIZE,
				       "not even one request fits", err);
	return 0;
}

static int settle_ramp(struct config *c, struct error *err)
{
	if (c->duration_ns && c->ramp_ns > c->duration_ns)
		return config_disagree(c, KEY_RAMP, KEY_DURATION,
				       "the run ends before its pace is reached", err);
	return 0;
}

static int settle_tls(struct config *c, struct error *err)
{
	if (*c->key_file && !*c->cert_file)
		return config_wrong(c, KEY_KEY_FILE,
				    "it is the key of a certificate: give cert_file", err);
	return 0;
}

/* Two writers of one file, or of standard output, would write into each other's lines. */
static int settle_outputs(struct config *c, struct error *err)
{
	static const enum config_key keys[] = { KEY_JSON, KEY_NDJSON, KEY_CSV, KEY_HDR };
	const char *const paths[] = { c->json, c->ndjson, c->csv, c->hdr };

	for (size_t i = 0; i < array_size(keys); i++) {
		for (size_t j = 0; j < i; j++) {
			if (*paths[i] && !strcmp(paths[i], paths[j]))
				return config_disagree(c, keys[j], keys[i],
						       "each needs a file of its own; one can have "
						       "standard output (-)",
						       err);
		}
	}
	return 0;
}

static int settle_thresholds(struct config *c, struct error *err)
{
	if (c->min_achieved_ppm != LOADGEN_NO_THRESHOLD && !(c->rate > 0) && !c->bandwidth_bps)
		return config_wrong(c, KEY_MIN_ACHIEVED,
				    "there is no pace to achieve; give bandwidth or rate", err);
	return 0;
}

/* A sampler's page: http where nobody says more. */
static int settle_verify(struct config *c, struct error *err)
{
	static const enum config_key keys[] = { KEY_VERIFY_TOKEN_FILE, KEY_VERIFY_CA_FILE };
	const char *const paths[] = { c->verify_token_file, c->verify_ca_file };
	struct verify_url unused;
	struct error why = { "" };
	int r;

	for (size_t i = 0; !*c->verify_text && i < array_size(keys); i++) {
		if (*paths[i])
			return config_wrong(c, keys[i], "no sampler is asked: give verify", err);
	}
	if (!*c->verify_text)
		return 0;
	r = url_parse(c->verify_text, false, &c->verify_url, &why);
	r = r ?: verify_url_parse(&c->verify_url, &unused, &why);
	return r ? config_wrong(c, KEY_VERIFY, why.text, err) : 0;
}

/* What is for another engine than the run's: an option is a mistake, a file can serve both. */
static int settle_users(struct config *c, struct error *err)
{
	for (enum config_key key = 0; key < N_KEYS; key++) {
		if (!config_key_is_used(c, key) && c->origin[key].from == FROM_OPTION)
			return config_disagree(c, key, KEY_PROTOCOL,
					       c->protocol == PROTOCOL_RAW
						       ? "raw frames have no use for it"
						       : "it is for raw frames (--raw)",
					       err);
	}
	return 0;
}

static int agree_http(struct config *c, struct error *err)
{
	int r;

	c->tls = c->protocol == PROTOCOL_HTTPS;
	r = settle_target(c, err);
	c->protocol = c->tls ? PROTOCOL_HTTPS : PROTOCOL_HTTP;
	r = r ?: settle_method(c, err);
	r = r ?: settle_pace(c, err);
	r = r ?: settle_payload(c, err);
	r = r ?: settle_limits(c, err);
	return r ?: settle_tls(c, err);
}

static int agree_raw(struct config *c, struct error *err)
{
	int r = settle_pace(c, err);

	return r ?: config_agree_raw(c, err);
}

/**
 * config_agree() - the last step of config_resolve()
 * @config: with the values of defaults, file and command line
 * @err: which keys do not go together, where each stands, and what would do
 *
 * Return: 0 or -EINVAL.
 */
int config_agree(struct config *config, struct error *err)
{
	int r = settle_users(config, err);

	if (!r)
		r = config->protocol == PROTOCOL_RAW ? agree_raw(config, err)
						     : agree_http(config, err);
	r = r ?: settle_ramp(config, err);
	r = r ?: settle_outputs(config, err);
	r = r ?: settle_thresholds(config, err);
	return r ?: settle_verify(config, err);
}
