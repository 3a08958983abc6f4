// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Getting the program onto the interface: alone or beside others, native or skb.
 *
 * A mode that fails leaves the interface and the pins as they were.
 */
#include "kernel/attach-plan.h"

#include "kernel/services-map.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

static int explain(const struct plan *plan, const struct bpf_log *log, int r, struct error *err)
{
	const char *ifname = plan->options->ifname;
	long page = sysconf(_SC_PAGESIZE);

	if (log->verifier[0])
		return error_set(err, -ENOEXEC, "%s: the kernel's verifier refuses the program: %s",
				 ifname, log->verifier);
	if (r == -ERANGE || strcasestr(log->kernel, "mtu"))
		return error_set(err, r,
				 "%s: MTU %u is too large for native XDP on this driver (%s); "
				 "frames of one buffer take at most about %ld bytes of MTU: lower "
				 "it, or use mode = skb",
				 ifname, plan->link.mtu,
				 log->kernel[0] ? log->kernel : strerror(-r),
				 page - 256 - 320 - 22); /* headroom, skb_shared_info, L2 header */
	return error_set(err, r, "%s: cannot attach: %s%s%s", ifname, strerror(-r),
			 log->kernel[0] ? ": " : "", log->kernel);
}

/* Alone on the interface: the kernel swaps the programs in one step, if ours is still there. */
static int replace_alone(const struct plan *plan, struct bpf_object *object)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = plan->old->fd);
	struct bpf_program *program;
	int r;

	program = bpf_object__find_program_by_name(object, SAMPLER_PROG_RX);
	if (!program)
		return -ENOENT;
	r = bpf_object__load(object);
	return r
		       ?: bpf_xdp_attach(plan->link.ifindex, bpf_program__fd(program),
					 program_xdp_flags(plan->old->mode) | XDP_FLAGS_REPLACE,
					 &opts);
}

static void configure_chain(const struct plan *plan, struct xdp_program *xdp)
{
	xdp_program__set_run_prio(xdp, plan->options->run_priority);
	for (unsigned int action = 0; action <= XDP_REDIRECT; action++)
		xdp_program__set_chain_call_enabled(xdp, action,
						    plan->options->chain_actions >> action & 1);
	/* libxdp 1.3.1 does not take this from the section's name of an opened object */
	xdp_program__set_xdp_frags_support(xdp, true);
}

static int attach_beside(const struct plan *plan, struct bpf_object *object, enum sampler_mode mode)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = object, .prog_name = SAMPLER_PROG_RX);
	struct xdp_program *xdp = xdp_program__create(&opts);
	int r = libxdp_get_error(xdp);

	if (r)
		return r;
	configure_chain(plan, xdp);
	r = xdp_program__attach(xdp, plan->link.ifindex, program_xdp_mode(mode), 0);
	xdp_program__close(xdp);
	return r;
}

/*
 * New counters have the first frame that the program sees, since alone it is there in one step with the
 * end of its predecessor, which counted into others.
 */
static int begin_epoch(struct plan *plan, struct error *err)
{
	return object_pin_maps(plan->image, &plan->pins, err) ?:
	       services_write(&plan->pins, plan->options->services, &plan->meta, err) ?:
	       plan_count(plan, err);
}

static int try_program(struct plan *plan, enum sampler_mode mode, struct bpf_log *log,
		       struct error *err)
{
	bool swap = plan->old && !plan->old->chained && plan->old->mode == mode;
	struct bpf_object *object;
	int r = pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err)
			?: (plan->reuse ? 0 : begin_epoch(plan, err))
			?: object_open(plan->image, SAMPLER_PROG_RX, &plan->pins, &plan->constants,
				       &object, err);

	if (!r) {
		bpf_log_start(log);
		r = swap ? replace_alone(plan, object) : attach_beside(plan, object, mode);
		bpf_log_stop();
		bpf_object__close(object);
		if (r)
			r = explain(plan, log, r, err);
	}
	if (r && !plan->reuse)
		pins_remove(&plan->pins, NULL);
	return r;
}

/*
 * Try one mode. On failure whatever libbpf pinned on the way is gone again. A kernel that has the
 * cast but refuses it in this place gets the program that does without.
 */
static int try_mode(struct plan *plan, enum sampler_mode mode, struct bpf_log *log,
		    struct error *err)
{
	int r = try_program(plan, mode, log, err);

	if (r != -ENOEXEC || !plan->constants.sees_kernel)
		return r;
	log_info("%s: once more without bpf_cast_to_kern_ctx(): %s", plan->options->ifname,
		 log->verifier);
	plan->constants.sees_kernel = false;
	return try_program(plan, mode, log, err);
}

/* What a driver says that has no native XDP, or not with this MTU or setting. */
static bool worth_falling_back(const struct plan *plan, const struct bpf_log *log, int r)
{
	return plan->options->mode == ATTACH_AUTO && !log->verifier[0] &&
	       (log->kernel[0] || r == -EOPNOTSUPP || r == -ERANGE || r == -EINVAL);
}

static const char reason_asked_for[] = "asked for by the configuration";

static enum sampler_mode first_mode(const struct plan *plan)
{
	if (plan->options->mode == ATTACH_SKB)
		return SAMPLER_MODE_SKB;
	/* auto joins what is there: one interface cannot have programs in both modes */
	if (plan->options->mode == ATTACH_AUTO && plan->programs.n &&
	    strcmp(plan->meta.mode_reason, reason_asked_for))
		return plan->programs.mode;
	return SAMPLER_MODE_NATIVE;
}

/* Why not native, as far as it is known before anything was tried. */
static void first_reason(struct plan *plan, enum sampler_mode mode)
{
	char *reason = plan->meta.mode_reason;
	size_t size = sizeof(plan->meta.mode_reason);

	if (mode == SAMPLER_MODE_NATIVE)
		*reason = 0;
	else if (plan->options->mode == ATTACH_SKB)
		snprintf(reason, size, "%s", reason_asked_for);
	else if (!plan->old)
		snprintf(reason, size, "the programs that were there are in skb mode");
}

static void say_fallback(struct plan *plan, const struct bpf_log *log, int error)
{
	snprintf(plan->meta.mode_reason, sizeof(plan->meta.mode_reason), "%.111s",
		 log->kernel[0] ? log->kernel : strerror(-error));
	log_event(LOG_WARNING, MESSAGE_ATTACHED_SKB,
		  "%s: no native XDP (%s): attaching in skb mode, which turns off GRO on the "
		  "device and can cost a copy of each frame",
		  plan->options->ifname, plan->meta.mode_reason);
}

/* Programs of both modes cannot be on one interface: a change of mode is a gap, and said to be. */
static int leave_other_mode(struct plan *plan, enum sampler_mode mode, struct error *err)
{
	const char *ifname = plan->options->ifname;
	int r;

	if (!plan->programs.n || plan->programs.mode == mode || plan->left)
		return 0;
	if (!plan->old || plan->programs.n > 1)
		return error_set(
			err, -EBUSY,
			"%s: the other XDP programs there are in %s mode, and one interface "
			"cannot have both: use that mode, or detach them",
			ifname, mode == SAMPLER_MODE_SKB ? "native" : "skb");
	log_warning("%s: changing the mode: frames pass uncounted until the new program is there",
		    ifname);
	r = program_detach(plan->link.ifindex, plan->old, err);
	if (r)
		return r;
	plan->left = plan->old;
	plan->old = NULL;
	if (plan->reuse)
		plan->constants.generation = plan->counting;
	return 0;
}

/* Not the very same program, but one that counts in its place. */
static void put_back(struct plan *plan)
{
	struct bpf_log log = {};
	struct error why = { "" };

	if (plan->left && try_mode(plan, plan->left->mode, &log, &why))
		log_error("%s: cannot attach in the mode before either: %s", plan->options->ifname,
			  why.text);
}

/* Pins that cannot be reused make room, but are there again should the attach fail. */
static int set_pins_aside(struct plan *plan, struct error *err)
{
	int r;

	if (plan->reuse || !pins_exist(&plan->pins))
		return 0;
	r = pins_aside(&plan->pins, &plan->aside);
	if (r)
		return error_set(err, r, "%s: path too long", plan->pins.dir);
	r = pins_remove(&plan->aside, err); /* of an attach that was killed */
	if (!r && rename(plan->pins.dir, plan->aside.dir))
		r = error_set(err, -errno, "cannot move %s aside: %s", plan->pins.dir,
			      strerror(errno));
	plan->set_aside = !r;
	return r;
}

/**
 * plan_attach() - attach as planned, in the first mode that works
 * @plan: of plan_make()
 * @log: what the libraries said
 * @err: why not
 *
 * Return: 0 or negative errno; plan_end() is due in any case.
 */
int plan_attach(struct plan *plan, struct bpf_log *log, struct error *err)
{
	enum sampler_mode mode = first_mode(plan);
	int r;

	r = set_pins_aside(plan, err);
	if (r)
		return r;
	first_reason(plan, mode);
	if (mode == SAMPLER_MODE_NATIVE && !plan->old)
		log_info("%s: attaching in native mode (some drivers reset the link for a moment)",
			 plan->options->ifname);
	r = leave_other_mode(plan, mode, err) ?: try_mode(plan, mode, log, err);
	if (r && mode == SAMPLER_MODE_NATIVE && worth_falling_back(plan, log, r)) {
		say_fallback(plan, log, r);
		mode = SAMPLER_MODE_SKB;
		r = leave_other_mode(plan, mode, err) ?: try_mode(plan, mode, log, err);
	}
	if (r)
		put_back(plan);
	return r;
}

/** plan_end() - let pins that were set aside go, or have them back where @r is an error */
void plan_end(const struct plan *plan, int r)
{
	if (!plan->set_aside)
		return;
	if (!r)
		pins_remove(&plan->aside, NULL);
	else if (rename(plan->aside.dir, plan->pins.dir))
		log_error("cannot move %s back: %s", plan->aside.dir, strerror(errno));
}
