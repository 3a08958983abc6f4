/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Questions to a sampler: one connection each, so that what each has put on the wire is known.
 */
#ifndef LOADGEN_VERIFY_CLIENT_H
#define LOADGEN_VERIFY_CLIENT_H

#include "config.h"
#include "target.h"
#include "transport.h"
#include "util/error.h"
#include "verify-counts.h"
#include "wire.h"

#include <stddef.h>

struct verify_client {
	struct config config; /* as for a run whose target is the sampler */
	const struct transport *transport;
	void *context;
	struct target target;
	char token[1024];	    /* "": none */
	int cancel_fd;		    /* readable: give up */
	const char *service;	    /* that its port is of; NULL: none */
	struct verify_counts asked; /* what all questions together have sent */
	struct wire wire;	    /* the same, as TCP_INFO says it */
};

int verify_client_new(const struct config *config, struct verify_client **ret, struct error *err);
int verify_client_find(struct verify_client *client, int cancel_fd, struct error *err);
int verify_client_get(struct verify_client *client, const char *path, char **ret_body,
		      size_t *ret_n, struct error *err);
int verify_client_sleep(const struct verify_client *client, uint64_t ns, struct error *err);
void verify_client_free(struct verify_client *client);

#endif
