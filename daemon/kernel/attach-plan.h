/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the attach-*.c files only. */
#ifndef SAMPLER_KERNEL_ATTACH_PLAN_H
#define SAMPLER_KERNEL_ATTACH_PLAN_H

#include "kernel/attach.h"
#include "kernel/bpf-log.h"
#include "kernel/egress.h"
#include "kernel/link.h"
#include "kernel/object.h"
#include "kernel/pins.h"
#include "kernel/programs.h"

#include <stdbool.h>

/* All that one call of attach_interface() knows and has decided. */
struct plan {
	const struct attach_options *options;
	struct object_image image;
	struct link_info link;
	uint64_t bpffs_device;
	struct pins pins;
	struct programs programs;   /* as found */
	const struct program *old;  /* ours among them, or NULL */
	const struct program *left; /* ours, taken off to change the mode; put back on failure */
	bool reuse;		    /* the pins stay: counters go on in the same epoch */
	uint32_t counting;	    /* generation that counts now */
	bool set_aside;
	struct pins aside; /* where pins that cannot be reused wait for the outcome */
	struct object_constants constants; /* of the program that is to be attached */
	struct sampler_meta meta;	   /* as found when reuse, then as it will be */
	/* Transmitted frames, from plan_tx_attach() on. */
	struct egress egress;		/* as found */
	struct egress_filter *tx_old;	/* ours among them that counts now, or NULL */
	struct egress_filter tx_filter; /* that was put there */
	bool tx_put;
};

int plan_make(struct plan *plan, struct error *err);
bool plan_unchanged(const struct plan *plan);
uint64_t plan_config_hash(const struct plan *plan);
void plan_release(struct plan *plan);

void plan_tx_attach(struct plan *plan, bool unchanged);
void plan_tx_undo(struct plan *plan);
void plan_tx_finish(const struct plan *plan);

int plan_count(const struct plan *plan, struct error *err);
int plan_attach(struct plan *plan, struct bpf_log *log, struct error *err);
void plan_end(const struct plan *plan, int r);

#endif
