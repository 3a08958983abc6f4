/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_REQUEST_H
#define LOADGEN_REQUEST_H

#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define REQUEST_MAX_IOV	   4
/* Request line, the generator's own headers and those of the configuration. */
#define REQUEST_MAX_HEAD   (2048 + LOADGEN_MAX_HEADERS * (LOADGEN_MAX_HEADER + 4))
#define REQUEST_FRESH_SIZE 8 /* bytes at the start of a body that no other body has */

/* What the requests of one worker are made of. */
struct request_maker {
	const struct config *config;
	char *arena;	     /* random bytes */
	size_t arena_size;   /* a power of two; 0: there is no payload */
	uint64_t fresh_base; /* random, the same in all workers */
	char head[REQUEST_MAX_HEAD];
	size_t n_head;
	uint64_t head_size; /* body size that head tells */
};

/* One request under way; what it sends is a function of it and of how much has been sent. */
struct request {
	char *last_head; /* its own head, where its size is not the others'; else NULL */
	const char *head;
	size_t n_head;
	char fresh[REQUEST_FRESH_SIZE];
	size_t arena_offset;
	uint64_t body_size;
	uint64_t sent; /* bytes of head and body */
};

int request_maker_init(struct request_maker *maker, const struct config *config,
		       uint64_t fresh_base);
void request_maker_free(struct request_maker *maker);

int request_begin(struct request_maker *maker, uint64_t k, uint64_t body_size,
		  struct request *request);
void request_end(struct request *request);
int request_iov(const struct request_maker *maker, const struct request *request,
		struct iovec iov[REQUEST_MAX_IOV]);
uint64_t request_size(const struct request *request);
uint64_t request_payload_sent(const struct request *request);

#endif
