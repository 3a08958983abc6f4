/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_ATTACH_H
#define SAMPLER_KERNEL_ATTACH_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct service_list;

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_SKB };

#define ATTACH_DEFAULT_PRIORITY	    10
#define ATTACH_DEFAULT_CHAIN_ACTION XDP_PASS

struct attach_options {
	const char *pin_dir;
	const char *ifname;
	enum attach_mode mode;
	uint32_t run_priority;
	uint32_t chain_actions; /* bit per XDP action after which the next program runs */
	bool tx;		/* count transmitted frames, too */
	const struct service_list *services;
	gid_t group;	    /* may read the pins */
	const void *object; /* ELF of the BPF object; NULL: the built-in one */
	size_t object_size;
};

enum attach_outcome { ATTACH_NEW, ATTACH_ADOPTED, ATTACH_REPLACED };

int attach_interface(const struct attach_options *options, enum attach_outcome *ret_outcome,
		     struct sampler_meta *ret_meta, struct error *err);
int attach_detach(const char *pin_dir, const char *ifname, struct error *err);
int attach_verify(const char *pin_dir, const char *ifname, struct error *err);
int attach_set_services(const char *pin_dir, const char *ifname,
			const struct service_list *services, struct error *err);

#endif
