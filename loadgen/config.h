/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a run is to do: defaults, then the INI file, then the command line.
 */
#ifndef LOADGEN_CONFIG_H
#define LOADGEN_CONFIG_H

#include "url.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LOADGEN_MAX_CONNECTIONS 10000
#define LOADGEN_MAX_THREADS	256
#define LOADGEN_MAX_REQUEST	(1ULL << 30) /* bytes of one request's payload */

/* 0 stands for "no limit" wherever a limit is meant. */
struct config {
	/* [target] */
	char url_text[1400]; /* with its scheme */
	struct url url;
	bool tls; /* protocol = https */

	/* [traffic] */
	uint64_t bandwidth_bps; /* bits of payload a second */
	double rate;		/* requests a second; bandwidth and rate exclude each other */
	uint32_t connections;
	uint32_t threads;
	uint64_t request_size; /* bytes of payload */
	uint64_t latency_ns;   /* think time of a connection after each response */

	/* [limits] */
	uint64_t duration_ns;
	uint64_t total_size; /* bytes of payload of the whole run */
	uint64_t requests;
	uint64_t connect_timeout_ns; /* of TCP and TLS handshake together; never 0 */
	uint64_t timeout_ns;	     /* while a request is under way and nothing moves; never 0 */

	/* [tls] */
	bool verify;
	char ca_file[256]; /* "": the system's */

	/* [output] */
	bool quiet; /* no line each second */
};

/* A key from the command line, named as in a file or as the option is: total_size, total-size. */
struct config_override {
	const char *key;
	const char *value;
};

int config_resolve(const char *path, const struct config_override *overrides, size_t n_overrides,
		   struct config *ret_config, struct error *err);
void config_print(const struct config *config, FILE *out);
const char *config_key(size_t i);

uint64_t run_n_requests(const struct config *config);
uint64_t run_request_size(const struct config *config, uint64_t k);

#endif
