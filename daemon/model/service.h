/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_SERVICE_H
#define SAMPLER_MODEL_SERVICE_H

#include "sampler_abi.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_MAX_RANGES 32

enum service_protocol { SERVICE_TCP, SERVICE_UDP };

struct service_range {
	uint8_t protocol; /* enum service_protocol */
	uint16_t first;	  /* 1 to 65535 */
	uint16_t last;	  /* not below first */
};

struct service {
	char name[SAMPLER_NAME_MAX]; /* [a-z0-9_-], NUL-terminated */
	bool replaceable; /* a default: the next service_list_add() of that name replaces it */
	uint32_t n_ranges;
	struct service_range range[SERVICE_MAX_RANGES];
};

/* What the configuration asks for; http and https are always the first two. */
struct service_list {
	uint32_t n;
	struct service service[SAMPLER_MAX_SERVICES];
};

void service_list_init(struct service_list *list);
void service_list_make_defaults(struct service_list *list);
bool service_name_valid(const char *name);
int service_list_add(struct service_list *list, const char *name, const char *spec,
		     struct error *err);
int service_list_check(const struct service_list *list, struct error *err);
void service_list_fill(const struct service_list *list, struct sampler_port_table *table);
int service_list_assign(const struct service_list *wanted, char (*slots)[SAMPLER_NAME_MAX],
			struct sampler_port_table *ret_table, struct error *err);

#endif
