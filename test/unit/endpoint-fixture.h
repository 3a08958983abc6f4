/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of the endpoints share: interfaces, a way to ask, and looks into the answer. */
#ifndef SAMPLER_TEST_ENDPOINT_FIXTURE_H
#define SAMPLER_TEST_ENDPOINT_FIXTURE_H

#include "history-fixture.h"

#include "http/endpoint.h"

#include <jansson.h>

#define BEGIN_NS  (1767225600ULL * NSEC_PER_SEC) /* 2026-01-01 */
#define BOOT_S	  1000				 /* seconds since boot at the newest sample */
#define TX_FROM_S 30 /* second of make_burst() from which on transmitted frames are counted */

/* Three interfaces: "eth0", "eth1" with an odd name of a service, and a history, "old". */
struct api {
	struct catalog catalog;
	struct feed feed[3];
	struct endpoint_context context;
	unsigned int status;
	json_t *body;
	struct error err;
};

struct api *open_api(size_t n);
void close_api(struct api *api);
void count_tx(struct feed *feed, uint64_t factor);
void ask(struct api *api, const char *path, const char *query);
void expect_refused(struct api *api, const char *path, const char *query, unsigned int status,
		    const char *reason);
json_t *at_path(const json_t *json, const char *path);
json_int_t integer_at(const struct api *api, const char *path);
double real_at(const struct api *api, const char *path);
const char *string_at(const struct api *api, const char *path);
void expect_null(const struct api *api, const char *path);
void expect_members(json_t *object, const char *const *names, size_t n);
void make_burst(struct fixture *f, const char *key, uint64_t n, uint64_t burst);

#endif
