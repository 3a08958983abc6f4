/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kinds of values that keys of the configuration have, and the table that is made of them. Only
 * for the files of the configuration.
 */
#ifndef LOADGEN_CONFIG_KINDS_H
#define LOADGEN_CONFIG_KINDS_H

#include "config.h"

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_RATE_PARTS 1000000 /* a rate's min and max are in this part of a request a second */
#define CONFIG_VALUE_MAX  1500	  /* room for any value as it is written */

struct config_row;

struct config_kind {
	/*
	 * Reads text into the row's field, or returns a negative errno; then the row's `expected`
	 * says what would be right, or err, where the trouble is not the spelling.
	 */
	int (*parse)(const struct config_row *row, const char *text, void *field,
		     struct error *err);
	void (*format)(const void *field, char *buf, size_t size);
};

/* Whose keys they are. */
enum config_user { BY_ALL, BY_HTTP, BY_RAW };

struct config_row {
	const char *section;
	const char *name;
	const struct config_kind *kind;
	size_t offset;	   /* of the field in struct config */
	uint64_t min, max; /* in the field's unit; of texts, the length */
	const char *expected;
	const char *by_default; /* as text; NULL: there is none */
	enum config_user user;
};

extern const struct config_row config_rows[N_KEYS];

extern const struct config_kind config_url;	    /* char[max + 1] */
extern const struct config_kind config_url_or_none; /* the same, or "" */
extern const struct config_kind config_text;	    /* char[max + 1] */
extern const struct config_kind config_host;	    /* char[max + 1] */
extern const struct config_kind config_protocol;    /* enum protocol */
extern const struct config_kind config_yes;	    /* bool */
extern const struct config_kind config_bandwidth;   /* uint64_t, bit/s */
extern const struct config_kind config_bytes;	    /* uint64_t */
extern const struct config_kind config_time;	    /* uint64_t, ns */
extern const struct config_kind config_most_time;   /* the same, or LOADGEN_NO_THRESHOLD */
extern const struct config_kind config_share;	    /* uint64_t, ppm, or LOADGEN_NO_THRESHOLD */
extern const struct config_kind config_rate;	    /* double, 1/s */
extern const struct config_kind config_count;	    /* uint64_t */
extern const struct config_kind config_count32;	    /* uint32_t */
extern const struct config_kind config_method;	    /* enum http_method */
extern const struct config_kind config_tls_version; /* enum tls_version */
extern const struct config_kind config_header;	    /* struct config_headers: adds one */

/* raw-kinds.c; each a struct or enum of raw-config.h by the same name */
extern const struct config_kind config_addresses;
extern const struct config_kind config_mac;
extern const struct config_kind config_range;
extern const struct config_kind config_sizes;
extern const struct config_kind config_mix;
extern const struct config_kind config_vlan;
extern const struct config_kind config_tcp_flags;
extern const struct config_kind config_flow_order;
extern const struct config_kind config_socket;
extern const struct config_kind config_layer; /* bool: 1 */
extern const struct config_kind config_speed; /* uint64_t, RAW_SPEED_PARTS */

void config_describe_origin(const struct config *config, enum config_key key,
			    const struct config_origin *origin, char *buf, size_t size);
int config_agree(struct config *config, struct error *err);
int config_agree_raw(struct config *config, struct error *err);

int config_disagree(const struct config *c, enum config_key a, enum config_key b, const char *why,
		    struct error *err);
int config_wrong(const struct config *c, enum config_key key, const char *why, struct error *err);
bool config_is_default(const struct config *c, enum config_key key);
bool config_wins(const struct config *c, enum config_key key, enum config_key over);
void config_follows(struct config *c, enum config_key key, enum config_key from);

#endif
