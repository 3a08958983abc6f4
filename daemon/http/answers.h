/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_ANSWERS_H
#define SAMPLER_HTTP_ANSWERS_H

#include "http/endpoint.h"

#include <stddef.h>
#include <stdint.h>

#define ANSWERS_MAX_KEPT  32
#define ANSWERS_MAX_BYTES (4u << 20) /* of all that are kept */

/* A body that several responses may be sending; counted references, answer_release() ends one. */
struct answer {
	unsigned int references;
	const char *type; /* its media type, a constant */
	size_t len;
	char *body; /* not NUL-terminated */
};

/* What an answer depends on besides its version. */
struct answer_key {
	const struct endpoint *endpoint;
	const char *type;  /* by its address */
	const char *query; /* as query_canonical() writes it */
	size_t query_len;
};

struct answers;

int answers_create(struct answers **ret_answers);
void answers_free(struct answers *answers);
struct answer *answers_find(struct answers *answers, const struct answer_key *key,
			    uint64_t version);
void answers_keep(struct answers *answers, const struct answer_key *key, uint64_t version,
		  struct answer *answer);

struct answer *answer_new(const char *type, char *body, size_t len);
void answer_release(struct answer *answer);

#endif
