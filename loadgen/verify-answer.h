/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a sampler answers, taken out of its JSON. Whatever it sends: what is not as it should be is an
 * error of one line.
 */
#ifndef LOADGEN_VERIFY_ANSWER_H
#define LOADGEN_VERIFY_ANSWER_H

#include "util/error.h"
#include "verify-counts.h"
#include "verify-ports.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_MAX_TEXT 160

/* How an interface is sampled: an entry of /api/interfaces. Texts are printable; "": null. */
struct verify_interface {
	char name[64];
	char id[96];	      /* the name, and more where it is not unique */
	char epoch[32];	      /* names a set of counters */
	char attached_at[40]; /* when the program was attached last */
	char mode[16];	      /* "native" or "skb" */
	char state[16];	      /* "ok", or what is wrong */
	char reason[VERIFY_MAX_TEXT];
	uint64_t interval_ns; /* of its samples */
};

/* One reading: /api/metrics/realtime of one interface. */
struct verify_sample {
	char timestamp[40]; /* of the sampler's clock; names the sample */
	bool stale;
	char stale_reason[VERIFY_MAX_TEXT];
	struct verify_counts received;
};

int verify_read_interface(const char *body, size_t n, const char *wanted,
			  struct verify_interface *ret, struct verify_ports *ret_ports,
			  struct error *err);
int verify_read_sample(const char *body, size_t n, struct verify_sample *ret, struct error *err);
void verify_read_problem(const char *body, size_t n, char *text, size_t size);

#endif
