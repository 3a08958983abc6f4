/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_CONFIG_CONFIG_H
#define SAMPLER_CONFIG_CONFIG_H

#include "model/service.h"
#include "sampler_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;

#define CONFIG_DEFAULT_DIR    "/etc/sampler"
#define CONFIG_DEFAULT_LISTEN "127.0.0.1:3000"
#define CONFIG_VALUE_MAX      1024

/* When a changed key takes effect. */
enum config_effect {
	CONFIG_LIVE,	    /* at a reload, in the recorder */
	CONFIG_LIVE_KERNEL, /* at a reload, written to the maps by the privileged side */
	CONFIG_ATTACH,	    /* by samplerd --attach; in the foreground at the next start */
	CONFIG_RESTART,	    /* at the next start */
	CONFIG_WEB,	    /* at sampler-web's next start; not in an interface's file */
};

struct config {
	uint64_t interval_ns;
	uint64_t log_interval_ns;
	char state_dir[256];
	char pin_dir[256];
	char user[64];
	uint32_t mode; /* enum attach_mode */
	uint32_t run_priority;
	uint32_t chain_actions;
	bool tx;       /* count transmitted frames, too */
	bool reattach; /* when somebody else detached our program */
	uint32_t fine_records;
	uint64_t medium_span_ns;
	uint64_t coarse_span_ns;
	struct service_list services;
	char web_listen[CONFIG_VALUE_MAX]; /* addresses (util/address.h), separated by blanks */
	char web_hosts[CONFIG_VALUE_MAX];  /* names, separated by blanks */
	uint32_t web_streams;		   /* clients of /api/stream at once */
	char web_tls_cert[256], web_tls_key[256], web_token_file[256]; /* "": none named */
	bool web_no_token; /* also where other machines can reach it */
};

#define CONFIG_MAX_OVERRIDES 32

/* Where a configuration comes from; a reload resolves the same source again. */
struct config_source {
	const char *dir;    /* of the files; NULL: the default one, which may be missing */
	const char *ifname; /* NULL: the common file alone */
	bool lenient;	    /* a file with a mistake is a warning, and holds up to the mistake */
	size_t n_overrides;
	struct {
		const char *key, *value;
	} override[CONFIG_MAX_OVERRIDES]; /* of the command line */
};

int config_resolve(const struct config_source *source, struct config *ret_config,
		   struct error *err);
void config_print(const struct config *config, FILE *out);

typedef void (*config_change_fn)(const char *key, enum config_effect effect, const char *before,
				 const char *after, void *user);
void config_compare(const struct config *before, const struct config *after, config_change_fn fn,
		    void *user);

#endif
