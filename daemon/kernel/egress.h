/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_EGRESS_H
#define SAMPLER_KERNEL_EGRESS_H

#include "kernel/programs.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

/* A filter at tc egress with a program called SAMPLER_PROG_TX, ours or another sampler's. */
struct egress_filter {
	struct program program;
	uint32_t handle;
	uint32_t priority;
};

#define EGRESS_MAX 16 /* as many as have handles */

/* What is at tc egress of an interface. */
struct egress {
	bool clsact;
	uint32_t priority; /* the first one where a filter of ours can stand */
	uint32_t taken;	   /* bit per number of a handle of ours that is in use there */
	uint32_t n;
	struct egress_filter filter[EGRESS_MAX];
	int r; /* why one of them could not be read */
};

int egress_read(uint32_t ifindex, struct egress *ret_egress, struct error *err);
bool egress_made_clsact(const struct egress_filter *filter);
void egress_close(struct egress *egress);
int egress_attach(uint32_t ifindex, const struct egress *egress, bool clsact_is_ours, int prog_fd,
		  struct egress_filter *ret_filter, struct error *err);
int egress_replace(uint32_t ifindex, struct egress_filter *filter, int prog_fd, struct error *err);
int egress_remove(uint32_t ifindex, const struct egress_filter *filter, struct error *err);
int egress_query(uint32_t ifindex, uint32_t handle, uint32_t priority, uint32_t *ret_prog_id);

#endif
