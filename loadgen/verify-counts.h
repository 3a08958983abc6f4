/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Frames by the classes in which a sampler counts them, under the names of its JSON: what was sent,
 * what was counted, what lies between two readings.
 */
#ifndef LOADGEN_VERIFY_COUNTS_H
#define LOADGEN_VERIFY_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_MAX_SERVICES 16
#define VERIFY_MAX_NAME	    32

enum verify_class {
	VERIFY_ALL,
	VERIFY_IPV4,
	VERIFY_IPV6,
	VERIFY_ARP,
	VERIFY_L3_OTHER,
	VERIFY_TCP,
	VERIFY_UDP,
	VERIFY_ICMP,
	VERIFY_SCTP,
	VERIFY_L4_OTHER,
	VERIFY_VLAN,
	VERIFY_FRAGMENTS,
	VERIFY_MALFORMED,
	VERIFY_SIZE_60,
	VERIFY_SIZE_123,
	VERIFY_SIZE_251,
	VERIFY_SIZE_507,
	VERIFY_SIZE_1019,
	VERIFY_SIZE_1514,
	VERIFY_SIZE_MORE,
	VERIFY_SYN,
	VERIFY_SYN_ACK,
	VERIFY_FIN,
	VERIFY_RST,
	VERIFY_N_CLASSES
};

/* One row of the table of classes. */
struct verify_class_row {
	const char *group; /* the object of the JSON that it is in, "" for its root */
	const char *name;
	bool has_bytes;
};

extern const struct verify_class_row verify_class[VERIFY_N_CLASSES];

struct verify_count {
	uint64_t packets, bytes;
	bool unknown; /* nobody can say */
};

struct verify_service {
	char name[VERIFY_MAX_NAME];
	struct verify_count count;
};

struct verify_counts {
	struct verify_count class[VERIFY_N_CLASSES];
	struct verify_service service[VERIFY_MAX_SERVICES];
	size_t n_services;
};

enum verify_class verify_size_class(uint64_t len);
void verify_count_add(struct verify_count *sum, const struct verify_count *count);
void verify_counts_add(struct verify_counts *sum, const struct verify_counts *counts);
void verify_counts_subtract(struct verify_counts *counts, const struct verify_counts *earlier);
const struct verify_count *verify_find_service(const struct verify_counts *counts,
					       const char *name);
struct verify_count *verify_service_count(struct verify_counts *counts, const char *name);
bool verify_counts_fell(const struct verify_counts *earlier, const struct verify_counts *later,
			const char **ret_name);

#endif
