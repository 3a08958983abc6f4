/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of the load generator's configuration share: resolving, and what it says no with. */
#ifndef SAMPLER_TEST_LOADGEN_CONFIG_FIXTURE_H
#define SAMPLER_TEST_LOADGEN_CONFIG_FIXTURE_H

#include "unit.h"

#include "config.h"

#include <stdbool.h>

#define URL "[target]\nurl = http://192.0.2.1/\n"
#define RAW_FILE                                                                  \
	"[target]\nprotocol = raw\n[limits]\nframes = 5\n[raw]\ninterface = p0\n" \
	"destination = 198.18.0.2\n"

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

int resolve(const char *text, const char *const *args, struct config *config, struct error *err);
void must_resolve(const char *text, const char *const *args, struct config *config);
bool matches(const char *text, const char *pattern);
void must_fail(const char *text, const char *const *args, const char *pattern);

#endif
