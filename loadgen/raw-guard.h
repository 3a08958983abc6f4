/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where raw frames may go without being told so: addresses that are nobody's, or that no router
 * hands on.
 */
#ifndef LOADGEN_RAW_GUARD_H
#define LOADGEN_RAW_GUARD_H

#include "raw-config.h"
#include "raw-link.h"
#include "raw-sequence.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RAW_TEST_RANGES                                                    \
	"198.18.0.0/15, 2001:2::/48, the documentation and the link-local" \
	" ranges"

/* Who a frame is from and to. */
struct raw_parties {
	bool has4, has6;
	bool hidden; /* it is handed on by something before its addresses, as by a label of MPLS */
	struct in_addr source4, destination4;
	struct in6_addr source6, destination6;
};

bool raw_guard_is_test4(struct in_addr address);
bool raw_guard_is_test6(const struct in6_addr *address);
bool raw_guard_is_many4(struct in_addr address);
bool raw_guard_is_many6(const struct in6_addr *address);
bool raw_guard_is_many_mac(const uint8_t mac[6]);
bool raw_guard_is_carrier(uint32_t type);

int raw_guard_link(const struct raw_config *raw, const struct raw_link *link, struct error *err);
int raw_guard_ends(const struct raw_config *raw, const struct raw_ends *ends, struct error *err);
void raw_guard_parties(const uint8_t *frame, size_t n, struct raw_parties *ret);
int raw_guard_capture(const struct raw_config *raw, const struct raw_link *link,
		      const struct raw_capture *capture, struct error *err);

#endif
