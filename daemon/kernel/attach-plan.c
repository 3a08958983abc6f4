// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is on the interface, what is pinned, whose it is, and what follows: nothing is changed here but
 * lost pins of a program of ours, which are pinned again.
 */
#include "kernel/attach-plan.h"

#include "model/layout.h"
#include "model/service.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint64_t pin_dir_hash(const struct plan *plan)
{
	return hash64(plan->options->pin_dir, strlen(plan->options->pin_dir), 0);
}

static int pin_again(const struct plan *plan, const struct program *program, const char *map)
{
	_cleanup_close_ int fd = program_open_map(program, map);
	char path[320];
	int r;

	if (fd < 0)
		return fd;
	r = pins_map_path(&plan->pins, map, path, sizeof(path));
	if (r || program_uses_map(program, pins_map_id(&plan->pins, map)))
		return r;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static bool pins_lead_to(const struct pins *pins, const struct program *program)
{
	for (size_t i = 0; i < PINS_N_MAPS; i++)
		if (!program_uses_map(program, pins_map_id(pins, pins_maps[i])))
			return false;
	return true;
}

/*
 * Our program on this very interface, with some or all of its pins gone (somebody removed them): it
 * has counted on, so its maps are pinned again and nothing is lost.
 */
static int recover_pins(struct plan *plan, const struct program *program, struct error *err)
{
	struct sampler_meta meta;
	int r;

	if (pins_lead_to(&plan->pins, program) || program_read_meta(program, &meta) ||
	    meta.ifindex != plan->link.ifindex || meta.netns_inode != pins_netns_inode())
		return 0;
	r = pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err);
	for (size_t i = 0; !r && i < PINS_N_MAPS; i++) {
		r = pin_again(plan, program, pins_maps[i]);
		if (r)
			error_set(err, r, "%s: cannot pin %s again: %s", plan->options->ifname,
				  pins_maps[i], strerror(-r));
	}
	if (!r)
		log_notice("%s: pins were gone, the program was not: pinned its counters again",
			   plan->options->ifname);
	return r;
}

/* A sampler that no pins of ours lead to: whose is it? */
static int judge_orphan(struct plan *plan, const struct program *program, struct error *err)
{
	struct sampler_meta meta;

	if (program_is_of(program, plan->bpffs_device, plan->options->pin_dir))
		plan->old = program; /* ours, if only left over from another namespace */
	else if (!program->chained && !program_read_meta(program, &meta))
		return error_set(
			err, -EBUSY,
			"%s: another sampler (program id %u) counts here, with its pins "
			"elsewhere (another pin_dir, container or mount namespace): "
			"detach it there, or where that is gone, ip link set dev %s xdp off",
			plan->options->ifname, program->id, plan->options->ifname);
	return 0; /* else a stranger's, or in a chain, where there is room */
}

/* Of several on our maps, the one that counts; the others were left by an attach that died. */
static const struct program *counting_one(const struct plan *plan)
{
	uint32_t control_id = pins_map_id(&plan->pins, SAMPLER_MAP_CONTROL);
	struct sampler_control control = {};
	const struct program *any = NULL;

	pins_read_control(&plan->pins, &control);
	for (uint32_t i = 0; i < plan->programs.n; i++) {
		const struct program *p = &plan->programs.program[i];

		if (!program_uses_map(p, control_id))
			continue;
		if (p->generation == control.generation)
			return p;
		any = p;
	}
	return any;
}

static int find_old(struct plan *plan, struct error *err)
{
	plan->old = counting_one(plan);
	for (uint32_t i = 0; !plan->old && i < plan->programs.n; i++) {
		int r = judge_orphan(plan, &plan->programs.program[i], err);

		if (r)
			return r;
	}
	return plan->old ? recover_pins(plan, plan->old, err) : 0;
}

static int remove_strays(const struct plan *plan, struct error *err)
{
	uint32_t control_id = pins_map_id(&plan->pins, SAMPLER_MAP_CONTROL);
	int r = 0;

	for (uint32_t i = 0; !r && i < plan->programs.n; i++) {
		const struct program *p = &plan->programs.program[i];

		if (p == plan->old || !program_uses_map(p, control_id))
			continue;
		log_notice("%s: removing program %u, left by an attach that did not end",
			   plan->options->ifname, p->id);
		r = program_detach(plan->link.ifindex, p, err);
	}
	return r;
}

/* Whatever can fail without the new program in place is to fail before it is there. */
static int check_services(const struct plan *plan, struct error *err)
{
	_cleanup_free_ struct sampler_port_table *table = malloc(sizeof(*table));
	char slots[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
	struct error why;
	int r;

	if (!table)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(slots, plan->meta.service, sizeof(slots));
	r = service_list_assign(plan->options->services, slots, table, &why);
	return r ? error_set(err, r, "%s: %s", plan->options->ifname, why.text) : 0;
}

/*
 * An attach that was killed while the pins were set aside: if the program still counts into those,
 * they are the pins.
 */
static int restore_aside(struct plan *plan, struct error *err)
{
	struct pins aside;
	int r = pins_aside(&plan->pins, &aside);

	if (r || !pins_exist(&aside))
		return 0;
	if (!programs_find_map(&plan->programs, pins_map_id(&aside, SAMPLER_MAP_CONTROL)))
		return pins_remove(&aside, err);
	r = pins_remove(&plan->pins, err);
	if (!r && rename(aside.dir, plan->pins.dir))
		r = error_set(err, -errno, "cannot move %s back: %s", aside.dir, strerror(errno));
	return r;
}

/* Of the machine: says nothing of what could not be read. */
static bool is_shortage(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* Pins of this very interface and ABI go on; others begin a new epoch, and that is said. */
static int judge_pins(struct plan *plan, struct error *err)
{
	const char *ifname = plan->options->ifname;
	int r;

	if (!pins_exist(&plan->pins))
		return 0;
	r = pins_read_meta(&plan->pins, &plan->meta, err);
	if (is_shortage(r))
		return r;
	if (r)
		log_warning("%s: new counters, a new epoch: %s", ifname, err->text);
	else if (plan->meta.ifindex != plan->link.ifindex ||
		 plan->meta.netns_inode != pins_netns_inode())
		log_notice("%s: the pins are of an earlier interface of that name: new counters, a "
			   "new epoch",
			   ifname);
	else
		plan->reuse = true;
	return 0;
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
 * @plan: has options, image, link and bpffs_device; the pins are locked
 * @err: what forbids it
 *
 * Return: 0 or negative errno; plan_release() is due in any case.
 */
int plan_make(struct plan *plan, struct error *err)
{
	const struct attach_options *o = plan->options;
	struct sampler_control control = {};
	int r = pins_for_attach(o->pin_dir, o->ifname, &plan->pins, err) ?:
		programs_read(plan->link.ifindex, &plan->programs, err) ?:
		restore_aside(plan, err) ?:
		find_old(plan, err) ?:
		check_foreign(plan, err) ?:
		remove_strays(plan, err) ?:
		judge_pins(plan, err);

	if (r)
		return r;
	plan->constants.generation = 1;
	plan->constants.sees_kernel = true;
	if (plan->reuse) {
		r = pins_read_control(&plan->pins, &control);
		if (r)
			return error_set(err, r, "%s: control map: %s", o->ifname, strerror(-r));
		/* Alone, the new program takes the old one's place at once and counts from then. */
		plan->counting = control.generation;
		plan->constants.generation = control.generation + (plan->old && plan->old->chained);
	} else {
		plan->meta = (struct sampler_meta){
			.epoch = clock_realtime_ns(),
			.epoch_boottime_ns = clock_boottime_ns(),
			.netns_inode = pins_netns_inode(),
			.ifindex = plan->link.ifindex,
		};
	}
	plan->meta.bpffs_device = plan->bpffs_device;
	plan->meta.pin_dir_hash = pin_dir_hash(plan);
	return check_services(plan, err);
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
	return plan->reuse && plan->old && plan->old->generation == plan->counting &&
	       plan->meta.config_hash == plan_config_hash(plan) &&
	       !memcmp(plan->meta.prog_tag, plan->old->tag, sizeof(plan->old->tag));
}

/** plan_release() - close what plan_make() opened */
void plan_release(struct plan *plan)
{
	programs_close(&plan->programs);
	egress_close(&plan->egress);
}
