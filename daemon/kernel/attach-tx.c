// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Transmitted frames: sampler_tx in a filter at tc egress, beside the XDP program and over the same
 * pins. The same generation word tells it to count, so both directions are handed over at once.
 *
 * Never a reason for an attach to fail: where it cannot be there, received frames are counted alone,
 * and log and pins say why. A filter is ours when its program uses our pinned maps, or says that it is
 * of this folder of pins. Other filters, and a clsact qdisc that was there, stay as they are.
 */
#include "kernel/attach-tx.h"

#include "kernel/attach-plan.h"
#include "kernel/egress.h"
#include "model/layout.h"
#include "model/sample.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

/* Whose filters are meant. */
struct owner {
	uint32_t control_ids[2]; /* of the pins, and of those that were set aside */
	uint64_t bpffs_device;
	const char *pin_dir;
};

static struct owner make_owner(const struct pins *pins, const char *pin_dir, uint64_t bpffs_device)
{
	struct owner owner = {
		.control_ids = { pins_map_id(pins, SAMPLER_MAP_CONTROL) },
		.bpffs_device = bpffs_device,
		.pin_dir = pin_dir,
	};
	struct pins aside;

	if (!pins_aside(pins, &aside))
		owner.control_ids[1] = pins_map_id(&aside, SAMPLER_MAP_CONTROL);
	return owner;
}

static bool owns(const struct owner *owner, const struct program *program)
{
	return program_uses_map(program, owner->control_ids[0]) ||
	       program_uses_map(program, owner->control_ids[1]) ||
	       program_is_of(program, owner->bpffs_device, owner->pin_dir);
}

static struct egress_filter *counting_filter(struct egress *egress, const struct pins *pins,
					     uint32_t generation)
{
	uint32_t control_id = pins_map_id(pins, SAMPLER_MAP_CONTROL);

	for (uint32_t i = 0; i < egress->n; i++) {
		struct egress_filter *f = &egress->filter[i];

		if (program_uses_map(&f->program, control_id) &&
		    f->program.generation == generation)
			return f;
	}
	return NULL;
}

/* ---- attach ---- */

/* It counts under the same number, so it can be replaced in its place, and stay if nothing else is new. */
static bool same_generation(const struct plan *plan)
{
	return plan->tx_old && plan->constants.generation == plan->counting;
}

static void describe(struct sampler_meta *meta, const struct egress_filter *filter)
{
	if (!meta->tx_since_boottime_ns)
		meta->tx_since_boottime_ns = clock_boottime_ns();
	meta->flags |= SAMPLER_META_TX;
	meta->tx_prog_id = filter->program.id;
	meta->tx_handle = filter->handle;
	meta->tx_priority = filter->priority;
	meta->tx_reason[0] = 0;
}

static void describe_none(struct sampler_meta *meta, const char *reason)
{
	if (meta->tx_since_boottime_ns)
		meta->tx_before_ns += clock_boottime_ns() - meta->tx_since_boottime_ns;
	meta->tx_since_boottime_ns = 0;
	meta->flags &= ~SAMPLER_META_TX;
	snprintf(meta->tx_reason, sizeof(meta->tx_reason), "%.111s", reason);
}

/* For one of ours that is still there: its successor answers for it. */
static bool clsact_is_ours(const struct plan *plan)
{
	struct owner owner = make_owner(&plan->pins, plan->options->pin_dir, plan->bpffs_device);

	for (uint32_t i = 0; i < plan->egress.n; i++)
		if (egress_made_clsact(&plan->egress.filter[i]) &&
		    owns(&owner, &plan->egress.filter[i].program))
			return true;
	return false;
}

/*
 * In the place of the filter that counts where the number stays; else beside it, in the place of one that
 * an attach left there that was killed, so that never two of the same number are there.
 */
static int put(struct plan *plan, int prog_fd, struct error *err)
{
	const struct egress_filter *same =
		counting_filter(&plan->egress, &plan->pins, plan->constants.generation);
	int r = program_bind_meta(prog_fd, &plan->pins);

	if (r)
		log_debug("%s: cannot bind meta to the program: %s", plan->options->ifname,
			  strerror(-r));
	if (!same)
		return egress_attach(plan->link.ifindex, &plan->egress, clsact_is_ours(plan),
				     prog_fd, &plan->tx_filter, err);
	plan->tx_filter = *same;
	return egress_replace(plan->link.ifindex, &plan->tx_filter, prog_fd, err);
}

static int explain(const struct bpf_log *log, int r, struct error *err)
{
	if (log->verifier[0])
		return error_set(err, -ENOEXEC, "the kernel's verifier refuses the program: %s",
				 log->verifier);
	if (log->kernel[0])
		return error_set(err, r, "%s: %s", strerror(-r), log->kernel);
	return err->text[0] ? r : error_set(err, r, "cannot load the program: %s", strerror(-r));
}

static int try_program(struct plan *plan, bool sees_kernel, struct error *err)
{
	struct object_constants constants = { plan->constants.generation, sees_kernel };
	struct bpf_program *program;
	struct bpf_object *object;
	struct bpf_log log = {};
	int r = object_open(plan->image, SAMPLER_PROG_TX, &plan->pins, &constants, &object, err);

	if (r)
		return r;
	bpf_log_start(&log);
	r = bpf_object__load(object);
	if (!r) {
		program = bpf_object__find_program_by_name(object, SAMPLER_PROG_TX);
		r = put(plan, bpf_program__fd(program), err);
	}
	bpf_log_stop();
	bpf_object__close(object);
	return r ? explain(&log, r, err) : 0;
}

/* A kernel that is locked down does not let programs read its memory. */
static int attach(struct plan *plan, struct error *err)
{
	struct error why = { "" };
	int r = try_program(plan, true, &why);

	if (r == -ENOEXEC) {
		log_info("%s: once more without reading kernel memory: %s", plan->options->ifname,
			 why.text);
		why.text[0] = 0;
		r = try_program(plan, false, &why);
	}
	if (r)
		*err = why;
	return r;
}

static void say(const struct plan *plan)
{
	const struct sampler_meta *meta = &plan->meta;

	if (!plan->options->tx)
		return;
	if (!(meta->flags & SAMPLER_META_TX))
		log_event(LOG_WARNING, MESSAGE_TX_UNCOUNTED,
			  "%s: transmitted frames are not counted: %s", plan->options->ifname,
			  meta->tx_reason);
	else if (meta->tx_priority > 1)
		log_warning("%s: other filters run before ours at tc egress: transmitted frames "
			    "on which they decide are not counted",
			    plan->options->ifname);
}

/* The one that was there counts on; where it should have been another one, the next attach tries again. */
static void stay(struct plan *plan, int r, const struct error *why)
{
	describe(&plan->meta, plan->tx_old);
	if (!r)
		return;
	log_warning("%s: the filter that was at tc egress stays: %s", plan->options->ifname,
		    why->text);
	plan->meta.config_hash = 0;
}

/**
 * plan_tx_attach() - have the filter that is asked for at tc egress
 * @plan: its pins are there; its meta gets what came of it
 * @unchanged: the programs there were are those that are wanted
 *
 * A new one begins to count with the flip of the generation; where that is named already (in a new epoch,
 * or for its predecessor, in the place of which it is put) at once. plan_tx_finish() or plan_tx_undo() is due.
 */
void plan_tx_attach(struct plan *plan, bool unchanged)
{
	struct sampler_meta *meta = &plan->meta;
	struct error why = { "" };
	int r = egress_read(plan->link.ifindex, &plan->egress, &why);

	meta->tx_prog_id = meta->tx_handle = meta->tx_priority = 0;
	if (!r && plan->reuse)
		plan->tx_old = counting_filter(&plan->egress, &plan->pins, plan->counting);
	if (!plan->options->tx)
		r = error_set(&why, -ECANCELED, "the configuration has tx = no");
	else if (!r && !(unchanged && same_generation(plan)))
		r = attach(plan, &why);
	plan->tx_put = !r && plan->tx_filter.handle;
	if (plan->tx_put)
		describe(meta, &plan->tx_filter);
	else if (plan->options->tx && same_generation(plan))
		stay(plan, r, &why);
	else
		describe_none(meta, why.text);
	say(plan);
}

/** plan_tx_undo() - have tc egress as it was before plan_tx_attach() */
void plan_tx_undo(struct plan *plan)
{
	if (!plan->tx_put)
		return;
	if (same_generation(plan))
		egress_replace(plan->link.ifindex, plan->tx_old, plan->tx_old->program.fd, NULL);
	else
		egress_remove(plan->link.ifindex, &plan->tx_filter, NULL);
}

/** plan_tx_finish() - remove what is ours and counts no more, once the new program counts */
void plan_tx_finish(const struct plan *plan)
{
	const struct sampler_meta *meta = &plan->meta;
	struct owner owner = make_owner(&plan->pins, plan->options->pin_dir, plan->bpffs_device);
	struct error why = { "" };

	for (uint32_t i = 0; i < plan->egress.n; i++) {
		const struct egress_filter *f = &plan->egress.filter[i];

		if ((f->handle == meta->tx_handle && f->priority == meta->tx_priority) ||
		    !owns(&owner, &f->program))
			continue;
		if (egress_remove(plan->link.ifindex, f, &why))
			log_warning("%s: %s", plan->options->ifname, why.text);
	}
}

/* ---- later ---- */

/**
 * tx_detach() - take all filters of ours off
 * @ifindex: interface
 * @pins: the interface's pins, which may be gone
 * @pin_dir: folder of all pins
 * @ret_found: set where there was one
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int tx_detach(uint32_t ifindex, const struct pins *pins, const char *pin_dir, bool *ret_found,
	      struct error *err)
{
	struct egress egress;
	struct owner owner;
	uint64_t device;
	int r = pins_check_bpffs(pin_dir, &device, err);

	if (r)
		return r;
	r = egress_read(ifindex, &egress, err);
	if (r)
		return r == -EBUSY ? 0 : r; /* without clsact there is none of ours */
	owner = make_owner(pins, pin_dir, device);
	for (uint32_t i = 0; !r && i < egress.n; i++) {
		if (!owns(&owner, &egress.filter[i].program))
			continue;
		*ret_found = true;
		r = egress_remove(ifindex, &egress.filter[i], err);
	}
	egress_close(&egress);
	return r;
}

/**
 * tx_find() - what is at tc egress where our filter was put, without privilege
 * @meta: of the pins
 *
 * Return: which; what @meta says where nobody can tell.
 */
enum tx_place tx_find(const struct sampler_meta *meta)
{
	uint32_t prog_id = 0;
	int r = -ENOENT;

	if (meta->tx_prog_id)
		r = egress_query(meta->ifindex, meta->tx_handle, meta->tx_priority, &prog_id);
	/* EINVAL: there is no clsact either, or no chain in it */
	if (r == -ENOENT || r == -EINVAL || r == -ENODEV)
		return TX_NOTHING;
	return r || prog_id == meta->tx_prog_id ? TX_OURS : TX_ANOTHER;
}

/**
 * tx_counts() - are transmitted frames counted, for who reads counters without a recorder
 * @meta: of the pins
 *
 * Return: what @meta says, and false also where our filter is gone since, as far as can be seen.
 */
bool tx_counts(const struct sampler_meta *meta)
{
	return (meta->flags & SAMPLER_META_TX) &&
	       (meta->netns_inode != pins_netns_inode() || tx_find(meta) != TX_NOTHING);
}

/**
 * tx_look() - put down whether the filter that counts is there, whoever left it in which place
 * @pins: the interface's pins
 * @generation: that counts now
 * @meta: of the pins; gets what was found
 *
 * Needs the privilege to look at programs.
 */
void tx_look(const struct pins *pins, uint32_t generation, struct sampler_meta *meta)
{
	struct egress egress = {};
	const struct egress_filter *found = NULL;
	struct error why = { "" };
	int r = egress_read(meta->ifindex, &egress, &why);

	if (r && r != -EBUSY) { /* where clsact is not, it is not either; else nobody can tell */
		log_warning("%.15s: %s", meta->ifname, why.text);
		return;
	}
	if (!r)
		found = counting_filter(&egress, pins, generation);
	if (found)
		describe(meta, found);
	else if (meta->tx_prog_id)
		describe_none(meta, SAMPLE_TX_LOST);
	egress_close(&egress);
}
