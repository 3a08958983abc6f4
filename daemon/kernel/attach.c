// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Attach, adopt, hand over, detach.
 *
 * Invariants: nothing but attach_detach() takes our program off an interface without putting its
 * successor there first. Only a program that uses our pinned maps is ours, and only ours is ever
 * removed. After each attach the interface is read back: libxdp returns 0 also when it attached
 * without a dispatcher, and the pins must tell the truth. Received frames are counted or the attach
 * fails; transmitted ones (attach-tx.c) are counted too, or the pins say why not.
 *
 * Which programs count is decided by one word in the pinned control map (the generation), so that two
 * copies may stand in a chain, or at tc egress, during a hand-over and each frame is still counted once.
 */
#include "kernel/attach.h"

#include "kernel/attach-plan.h"
#include "kernel/requirements.h"
#include "kernel/services-map.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/stat.h>

/* The program that was just attached: in a chain its predecessor, on the same maps, is there too. */
static const struct program *newest_ours(const struct plan *plan, const struct programs *now)
{
	uint32_t id = pins_map_id(&plan->pins, SAMPLER_MAP_CONTROL);

	for (uint32_t i = 0; i < now->n; i++) {
		const struct program *p = &now->program[i];

		if (program_uses_map(p, id) && p->generation == plan->constants.generation &&
		    (!plan->old || p->id != plan->old->id))
			return p;
	}
	return NULL;
}

static void say_chained(const struct plan *plan)
{
	if (!(plan->meta.flags & SAMPLER_META_CHAINED))
		log_event(LOG_WARNING, MESSAGE_ATTACHED_ALONE,
			  "%s: attached alone, without libxdp's dispatcher (%s): other XDP "
			  "programs will find the interface busy",
			  plan->options->ifname, plan->meta.alone_reason);
}

/* A program that takes the place of one that was alone is so for the same reason. */
static void describe_alone(struct sampler_meta *meta, const struct bpf_log *log)
{
	if (meta->flags & SAMPLER_META_CHAINED)
		meta->alone_reason[0] = 0;
	else if (log->no_chain[0])
		snprintf(meta->alone_reason, sizeof(meta->alone_reason), "%.127s", log->no_chain);
	else if (!meta->alone_reason[0])
		snprintf(meta->alone_reason, sizeof(meta->alone_reason),
			 "the program before was alone too");
}

/* The id first: where the chain changes meanwhile, recorders then see another one and ask again. */
static int look(struct plan *plan, struct error *err)
{
	uint32_t link_prog_id = link_xdp_prog_id(plan->link.ifindex);
	struct programs now;
	int r = programs_read(plan->link.ifindex, &now, err);

	if (r)
		return r;
	programs_describe(&now, link_prog_id, &plan->meta);
	plan->meta.link_prog_id = link_prog_id;
	programs_close(&now);
	return 0;
}

static void describe(struct plan *plan, const struct program *ours, uint32_t link_prog_id,
		     const struct bpf_log *log)
{
	struct sampler_meta *meta = &plan->meta;

	snprintf(meta->ifname, sizeof(meta->ifname), "%s", plan->link.name);
	meta->attach_boottime_ns = clock_boottime_ns();
	meta->attach_realtime_ns = clock_realtime_ns();
	meta->config_hash = plan_config_hash(plan);
	meta->mode = ours->mode;
	meta->run_priority = plan->options->run_priority;
	meta->chain_actions = plan->options->chain_actions;
	meta->prog_id = ours->id;
	meta->link_prog_id = link_prog_id;
	meta->generation = plan->constants.generation;
	memcpy(meta->prog_tag, ours->tag, sizeof(meta->prog_tag));
	meta->flags = ours->chained ? SAMPLER_META_CHAINED : 0;
	if (link_vlan_stripped(plan->link.name))
		meta->flags |= SAMPLER_META_VLAN_STRIPPED;
	describe_alone(meta, log);
}

/** plan_count() - have those programs count that are attached as planned; Return: 0 or negative errno */
int plan_count(const struct plan *plan, struct error *err)
{
	struct sampler_control control;
	int r = pins_read_control(&plan->pins, &control);

	if (!r) {
		control.generation = plan->constants.generation;
		r = pins_write_map(&plan->pins, SAMPLER_MAP_CONTROL, 0, &control);
	}
	return r ? error_set(err, r, "%s: cannot start the count: %s", plan->options->ifname,
			     strerror(-r))
		 : 0;
}

static int start_counting(struct plan *plan, const struct program *ours, struct error *err)
{
	int r = program_bind_meta(ours->fd, &plan->pins);

	if (r)
		log_debug("%s: cannot bind meta to the program: %s", plan->options->ifname,
			  strerror(-r));
	return pins_set_access(&plan->pins, plan->options->group, err) ?:
	       services_write(&plan->pins, plan->options->services, &plan->meta, err) ?:
	       pins_write_meta(&plan->pins, &plan->meta, err) ?:
	       plan_count(plan, err);
}

/* The interface as it was: the new program gone, its predecessor, which still counts, in place. */
static void undo(const struct plan *plan, const struct program *ours)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = ours->fd);

	if (plan->old && !plan->old->chained)
		bpf_xdp_attach(plan->link.ifindex, plan->old->fd,
			       program_xdp_flags(plan->old->mode) | XDP_FLAGS_REPLACE, &opts);
	else
		program_detach(plan->link.ifindex, ours, NULL);
	if (!plan->reuse)
		pins_remove(&plan->pins, NULL);
}

/* In a chain, where the new program counts beside it by now. */
static int leave_predecessor(struct plan *plan, struct error *err)
{
	if (!plan->old || !plan->old->chained)
		return 0;
	return program_detach(plan->link.ifindex, plan->old, err) ?:
	       look(plan, err) ?: /* there is another dispatcher now */
	       pins_write_meta(&plan->pins, &plan->meta, err);
}

/* Once more where it fails: what cannot be looked at cannot be undone either. */
static int read_back(const struct plan *plan, struct programs *ret_programs,
		     const struct program **ret_ours, struct error *err)
{
	int r = -ENOENT;

	for (int tries = 0; r && tries < 2; tries++) {
		r = programs_read(plan->link.ifindex, ret_programs, err);
		if (r)
			continue;
		*ret_ours = newest_ours(plan, ret_programs);
		if (*ret_ours)
			return 0;
		programs_close(ret_programs);
		r = error_set(err, -ENOENT, "%s: attached, but the interface does not show it",
			      plan->options->ifname);
	}
	return r;
}

/* Read back, begin to count, and only then let the predecessor go. */
static int complete(struct plan *plan, const struct bpf_log *log, struct error *err)
{
	uint32_t link_prog_id = link_xdp_prog_id(plan->link.ifindex);
	const struct program *ours;
	struct programs now;
	int r = read_back(plan, &now, &ours, err);

	if (r)
		return r;
	describe(plan, ours, link_prog_id, log);
	programs_describe(&now, link_prog_id, &plan->meta);
	plan_tx_attach(plan, false);
	r = start_counting(plan, ours, err);
	if (!r) {
		say_chained(plan);
		plan_tx_finish(plan);
		r = leave_predecessor(plan, err);
	} else {
		plan_tx_undo(plan);
		undo(plan, ours);
	}
	programs_close(&now);
	return r;
}

/* Same program, same place: only what may change at run time is brought up to date. */
static int adopt(struct plan *plan, struct error *err)
{
	struct sampler_meta *meta = &plan->meta;
	int r;

	plan->constants.generation = plan->counting;
	snprintf(meta->ifname, sizeof(meta->ifname), "%s", plan->link.name);
	meta->prog_id = plan->old->id;
	meta->flags = plan->old->chained ? SAMPLER_META_CHAINED : 0;
	if (link_vlan_stripped(plan->link.name))
		meta->flags |= SAMPLER_META_VLAN_STRIPPED;
	plan_tx_attach(plan, true);
	r = look(plan, err) ?:
	    pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err) ?:
	    pins_set_access(&plan->pins, plan->options->group, err) ?:
	    services_write(&plan->pins, plan->options->services, meta, err) ?:
	    pins_write_meta(&plan->pins, meta, err);
	if (r)
		plan_tx_undo(plan);
	else
		plan_tx_finish(plan);
	return r;
}

static int carry_out(struct plan *plan, enum attach_outcome *ret_outcome, struct error *err)
{
	struct bpf_log log = {};
	int r;

	if (plan_unchanged(plan)) {
		*ret_outcome = ATTACH_ADOPTED;
		return adopt(plan, err);
	}
	*ret_outcome = plan->old ? ATTACH_REPLACED : ATTACH_NEW;
	r = plan_attach(plan, &log, err) ?: complete(plan, &log, err);
	plan_end(plan, r);
	return r;
}

/* All that can be told before anything is made, down to the folder that the lock needs. */
static int check_requirements(struct plan *plan, struct error *err)
{
	const struct attach_options *o = plan->options;
	int r = requirements_check_kernel(err) ?:
		requirements_check_capabilities(err) ?:
		requirements_find_link(o->ifname, &plan->link, err) ?:
		pins_check_bpffs(o->pin_dir, &plan->bpffs_device, err);

	if (!r && mkdir(o->pin_dir, 0750) && errno != EEXIST)
		r = error_set(err, -errno, "cannot make %s: %s", o->pin_dir, strerror(errno));
	return r;
}

/**
 * attach_interface() - have every frame of an interface counted
 * @options: what, how, for whom
 * @ret_outcome: newly attached, found as wanted, or replaced without a gap
 * @ret_meta: what the pins now say
 * @err: why not, in one line; the interface is then as it was
 *
 * Idempotent. Needs root. Return: 0 or negative errno.
 */
int attach_interface(const struct attach_options *options, enum attach_outcome *ret_outcome,
		     struct sampler_meta *ret_meta, struct error *err)
{
	_cleanup_(plan_release) struct plan plan = { .options = options };
	_cleanup_(pins_unlock) struct pins_lock lock = PINS_UNLOCKED;
	enum attach_outcome outcome;
	int r;

	plan.image = options->object
			     ? (struct object_image){ options->object, options->object_size }
			     : object_builtin();
	bpf_log_start(NULL);
	r = check_requirements(&plan, err) ?:
	    pins_lock(options->pin_dir, &lock, err) ?:
	    plan_make(&plan, err) ?:
	    carry_out(&plan, &outcome, err);
	if (r)
		return r;
	*ret_outcome = outcome;
	*ret_meta = plan.meta;
	return 0;
}
