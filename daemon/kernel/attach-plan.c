// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is on the interface, what is pinned, whose it is, and what follows: nothing is changed here but
 * lost pins of a program of ours, which are pinned again.
 */
#include "kernel/attach-plan.h"

#include "kernel/requirements.h"
#include "model/layout.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

static int program_meta(const struct program *program, struct sampler_meta *ret_meta)
{
	_cleanup_close_ int fd = program_open_map(program, SAMPLER_MAP_META);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.value_size != sizeof(*ret_meta))
		return -EPROTO;
	return bpf_map_lookup_elem(fd, &zero, ret_meta) ? -errno : meta_check(ret_meta, NULL);
}

static int pin_again(const struct plan *plan, const struct program *program, const char *map)
{
	_cleanup_close_ int fd = program_open_map(program, map);
	char path[320];

	if (fd < 0)
		return fd;
	return pins_map_path(&plan->pins, map, path, sizeof(path))
		       ?: bpf_obj_pin(fd, path) ? -errno
						: 0;
}

/*
 * Our program without its pins (somebody removed them, or mounted another bpffs over them): it has
 * counted on, so its maps are pinned again and nothing is lost.
 */
static int recover_pins(struct plan *plan, const struct program *program, struct error *err)
{
	static const char *const maps[] = {
		SAMPLER_MAP_COUNTERS,
		SAMPLER_MAP_CONTROL,
		SAMPLER_MAP_PORTS,
		SAMPLER_MAP_META,
	};
	int r = pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err);

	for (size_t i = 0; !r && i < array_size(maps); i++) {
		r = pin_again(plan, program, maps[i]);
		if (r)
			error_set(err, r, "%s: cannot pin %s again: %s", plan->options->ifname,
				  maps[i], strerror(-r));
	}
	if (r)
		pins_remove(&plan->pins, NULL);
	else
		log_notice("%s: the pins were gone, the program was not: pinned its counters again",
			   plan->options->ifname);
	return r;
}

/* A sampler that no pins of ours lead to: whose is it? */
static int judge_orphan(struct plan *plan, const struct program *program, uint64_t bpffs_device,
			struct error *err)
{
	struct sampler_meta meta;

	if (strcmp(program->name, SAMPLER_PROG_RX) || program_meta(program, &meta))
		return 0; /* a stranger's, or of another ABI */
	if (meta.bpffs_device != bpffs_device)
		return program->chained
			       ? 0
			       : error_set(err, -EBUSY,
					   "%s: another sampler (program id %u) counts here, with "
					   "its "
					   "pins in another bpffs (another container or mount "
					   "namespace): detach it there",
					   plan->options->ifname, program->id);
	if (meta.ifindex == plan->link.ifindex && meta.netns_inode == pins_netns_inode() &&
	    !pins_exist(&plan->pins)) {
		int r = recover_pins(plan, program, err);

		if (r)
			return r;
	}
	plan->old = program; /* ours, if only left over from another namespace */
	return 0;
}

static int find_old(struct plan *plan, uint64_t bpffs_device, struct error *err)
{
	plan->old =
		programs_find_map(&plan->programs, pins_map_id(&plan->pins, SAMPLER_MAP_CONTROL));
	for (uint32_t i = 0; !plan->old && i < plan->programs.n; i++) {
		int r = judge_orphan(plan, &plan->programs.program[i], bpffs_device, err);

		if (r)
			return r;
	}
	return 0;
}

/* Pins of this very interface and ABI go on; others begin a new epoch, and that is said. */
static void judge_pins(struct plan *plan)
{
	const char *ifname = plan->options->ifname;
	struct error why = { "" };

	if (!pins_exist(&plan->pins))
		return;
	if (pins_read_meta(&plan->pins, &plan->meta, &why))
		log_warning("%s: new counters, a new epoch: %s", ifname, why.text);
	else if (plan->meta.ifindex != plan->link.ifindex ||
		 plan->meta.netns_inode != pins_netns_inode())
		log_notice("%s: the pins are of an earlier interface of that name: new counters, a "
			   "new epoch",
			   ifname);
	else
		plan->reuse = true;
}

static int check_foreign(const struct plan *plan, struct error *err)
{
	const struct program *p = &plan->programs.program[0];

	if (plan->old || !plan->programs.n || plan->programs.chained)
		return 0;
	return error_set(err, -EBUSY,
			 "%s: another XDP program without libxdp's dispatcher is attached, \"%s\" "
			 "(id %u): nothing can share the interface with it; load it through "
			 "xdp-loader, or detach it (ip link set dev %s xdp%s off)",
			 plan->options->ifname, p->name, p->id, plan->options->ifname,
			 p->mode == SAMPLER_MODE_SKB ? "generic" : "");
}

/**
 * plan_make() - find out what is there and decide what to do
 * @plan: has options and image
 * @err: what forbids it
 *
 * Return: 0 or negative errno; plan_release() is due in any case.
 */
int plan_make(struct plan *plan, struct error *err)
{
	const struct attach_options *o = plan->options;
	struct sampler_control control = {};
	uint64_t device;
	int r = requirements_check_kernel(err) ?:
		requirements_check_capabilities(err) ?:
		requirements_find_link(o->ifname, &plan->link, err) ?:
		pins_check_bpffs(o->pin_dir, &device, err) ?:
		pins_for_attach(o->pin_dir, o->ifname, &plan->pins, err) ?:
		programs_read(plan->link.ifindex, &plan->programs, err) ?:
		find_old(plan, device, err) ?:
		check_foreign(plan, err);

	if (r)
		return r;
	judge_pins(plan);
	plan->generation = 1;
	if (plan->reuse) {
		r = pins_read_control(&plan->pins, &control);
		if (r)
			return error_set(err, r, "%s: control map: %s", o->ifname, strerror(-r));
		/* Alone, the new program takes the old one's place at once and counts from then. */
		plan->generation = control.generation + (plan->old && plan->old->chained);
	} else {
		plan->meta = (struct sampler_meta){
			.epoch = clock_realtime_ns(),
			.netns_inode = pins_netns_inode(),
			.ifindex = plan->link.ifindex,
		};
	}
	plan->meta.bpffs_device = device;
	return 0;
}

/** plan_config_hash() - Return: hash of everything that asks for another program when it changes */
uint64_t plan_config_hash(const struct plan *plan)
{
	const struct attach_options *o = plan->options;
	uint32_t config[] = { o->mode, o->run_priority, o->chain_actions };

	return hash64(plan->image.data, plan->image.size, hash64(config, sizeof(config), 0));
}

/** plan_unchanged() - Return: true when the program on the interface is the one that is wanted */
bool plan_unchanged(const struct plan *plan)
{
	return plan->reuse && plan->old && plan->meta.config_hash == plan_config_hash(plan) &&
	       !memcmp(plan->meta.prog_tag, plan->old->tag, sizeof(plan->old->tag));
}

/** plan_release() - close what plan_make() opened */
void plan_release(struct plan *plan)
{
	programs_close(&plan->programs);
}
