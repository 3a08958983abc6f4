/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a run is to do: defaults, then the INI file, then the command line.
 */
#ifndef LOADGEN_CONFIG_H
#define LOADGEN_CONFIG_H

#include "raw-config.h"
#include "url.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LOADGEN_MAX_CONNECTIONS 10000
#define LOADGEN_MAX_THREADS	256
#define LOADGEN_MAX_REQUEST	(1ULL << 30) /* bytes of one request's payload */
#define LOADGEN_MAX_HEADERS	32
#define LOADGEN_MAX_HEADER	500	   /* bytes of "Name: value" */
#define LOADGEN_MAX_PATH	255	   /* bytes of a file's name */
#define LOADGEN_NO_THRESHOLD	UINT64_MAX /* nothing is asked for */

enum config_key {
	KEY_URL,
	KEY_PROTOCOL,
	KEY_METHOD,
	KEY_HEADER,
	KEY_BANDWIDTH,
	KEY_RATE,
	KEY_RAMP,
	KEY_CONNECTIONS,
	KEY_THREADS,
	KEY_REQUEST_SIZE,
	KEY_LATENCY,
	KEY_DURATION,
	KEY_TOTAL_SIZE,
	KEY_REQUESTS,
	KEY_FRAMES,
	KEY_CONNECT_TIMEOUT,
	KEY_TIMEOUT,
	KEY_GIVE_UP,
	KEY_TLS_VERIFY,
	KEY_CA_FILE,
	KEY_CERT_FILE,
	KEY_KEY_FILE,
	KEY_SERVER_NAME,
	KEY_MIN_VERSION,
	KEY_SESSION_REUSE,
	KEY_INTERFACE,
	KEY_DESTINATION,
	KEY_SOURCE,
	KEY_DESTINATION_MAC,
	KEY_SOURCE_MAC,
	KEY_MIX,
	KEY_FRAME_SIZE,
	KEY_PORT,
	KEY_SOURCE_PORT,
	KEY_TCP_FLAGS,
	KEY_VLAN,
	KEY_TTL,
	KEY_FLOWS,
	KEY_FLOW_ORDER,
	KEY_BURST,
	KEY_BANDWIDTH_LAYER,
	KEY_SOCKET,
	KEY_QDISC_BYPASS,
	KEY_PCAP,
	KEY_PCAP_SPEED,
	KEY_LOOPS,
	KEY_ALLOW_ANY_DESTINATION,
	KEY_ALLOW_ANY_SOURCE,
	KEY_ALLOW_MULTICAST,
	KEY_ALLOW_DEFAULT_ROUTE,
	KEY_QUIET,
	KEY_JSON,
	KEY_NDJSON,
	KEY_CSV,
	KEY_HDR,
	KEY_MAX_P50,
	KEY_MAX_P99,
	KEY_MAX_P99_9,
	KEY_MAX_ERRORS,
	KEY_MIN_ACHIEVED,
	KEY_VERIFY,
	KEY_VERIFY_OTHERS,
	KEY_VERIFY_TOKEN_FILE,
	KEY_VERIFY_CA_FILE,
	N_KEYS,
};

enum protocol { PROTOCOL_HTTP, PROTOCOL_HTTPS, PROTOCOL_RAW };

enum http_method { METHOD_POST, METHOD_GET, METHOD_PUT, METHOD_HEAD, METHOD_PATCH, METHOD_DELETE };

enum tls_version { TLS_1_2, TLS_1_3 };

/* Where a value comes from. */
enum config_from { FROM_DEFAULT, FROM_FILE, FROM_OPTION, FROM_KEY };

struct config_origin {
	enum config_from from;
	unsigned int line;   /* of the file */
	enum config_key key; /* FROM_KEY: the other one, which this follows */
};

struct config_headers {
	uint32_t n;
	char text[LOADGEN_MAX_HEADERS][LOADGEN_MAX_HEADER + 1]; /* "Name: value" */
	struct config_origin origin[LOADGEN_MAX_HEADERS];
};

/* 0 stands for "no limit" wherever a limit is meant. */
struct config {
	/* [target] */
	char url_text[1400]; /* with its scheme */
	struct url url;
	enum protocol protocol;
	bool tls; /* protocol = https */

	/* [traffic] */
	enum http_method method;
	struct config_headers headers;
	uint64_t bandwidth_bps; /* bits of payload a second */
	double rate;		/* requests a second; bandwidth and rate exclude each other */
	uint64_t ramp_ns;	/* until the pace is reached, from none */
	uint32_t connections;
	uint32_t threads;
	uint64_t request_size; /* bytes of payload; 0 for methods without */
	uint64_t latency_ns;   /* think time of a connection after each response */

	/* [limits] */
	uint64_t duration_ns;
	uint64_t total_size; /* bytes of payload of the whole run */
	uint64_t requests;
	uint64_t connect_timeout_ns; /* of TCP and TLS handshake together; never 0 */
	uint64_t timeout_ns;	     /* while a request is under way and nothing moves; never 0 */
	uint64_t give_up_ns;	     /* without any connection, where no duration ends the run */

	/* [tls] */
	bool verify;
	char ca_file[LOADGEN_MAX_PATH + 1];   /* "": the system's */
	char cert_file[LOADGEN_MAX_PATH + 1]; /* "": no certificate of the client */
	char key_file[LOADGEN_MAX_PATH + 1];  /* "": in cert_file as well */
	char server_name[256];		      /* "": the URL's host */
	enum tls_version min_version;
	bool session_reuse;

	struct raw_config raw; /* [raw], and frames of [limits] */

	/* [output] */
	bool quiet; /* no line each second */
	/* "": not wanted; "-": standard output */
	char json[LOADGEN_MAX_PATH + 1], ndjson[LOADGEN_MAX_PATH + 1];
	char csv[LOADGEN_MAX_PATH + 1], hdr[LOADGEN_MAX_PATH + 1];

	/* [thresholds], or LOADGEN_NO_THRESHOLD */
	uint64_t max_p50_ns, max_p99_ns, max_p99_9_ns;
	uint64_t max_errors_ppm;   /* of the requests that ended */
	uint64_t min_achieved_ppm; /* of what was due */

	/* [verify] */
	char verify_text[1400]; /* as it was given; "": no sampler is asked */
	struct url verify_url;
	bool verify_others;			      /* other traffic is expected */
	char verify_token_file[LOADGEN_MAX_PATH + 1]; /* "": no token */
	char verify_ca_file[LOADGEN_MAX_PATH + 1];    /* "": the system's */

	const char *path; /* of the file, or NULL; the caller's */
	struct config_origin origin[N_KEYS];
};

/* A key from the command line, named as in a file or as the option is: total_size, total-size. */
struct config_override {
	const char *key;
	const char *value;
};

/* One value, as it is written. Valid until the callback returns. */
struct config_item {
	enum config_key key;
	const char *section;
	const char *name;
	const char *value;
	const char *origin; /* "default", "load.ini:7", "--rate", "from url" */
};

int config_resolve(const char *path, const struct config_override *overrides, size_t n_overrides,
		   struct config *ret_config, struct error *err);
void config_print(const struct config *config, FILE *out);
void config_warn_long(const struct config *config);
void config_items(const struct config *config,
		  void (*take)(const struct config_item *item, void *user), void *user);
bool config_key_repeats(enum config_key key);
bool config_key_is_used(const struct config *config, enum config_key key);
const char *config_key_name(enum config_key key);

bool method_has_payload(enum http_method method);
const char *method_name(enum http_method method);

uint64_t run_n_requests(const struct config *config);
uint64_t run_request_size(const struct config *config, uint64_t k);

#endif
