// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Attach, adopt, hand over, detach.
 *
 * Invariants: nothing but attach_detach() takes our program off an interface without putting its
 * successor there first. Only a program that uses our pinned maps is ours, and only ours is ever
 * removed. After each attach the interface is read back: libxdp returns 0 also when it attached
 * without a dispatcher, and the pins must tell the truth.
 *
 * Which program counts is decided by one word in the pinned control map (the generation), so that
 * two copies may stand in a chain during a hand-over and each frame is still counted once.
 */
#include "kernel/attach.h"

#include "kernel/bpf-log.h"
#include "kernel/link.h"
#include "kernel/object.h"
#include "kernel/pins.h"
#include "kernel/programs.h"
#include "kernel/requirements.h"
#include "model/layout.h"
#include "model/service.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <xdp/libxdp.h>

/* All that one call of attach_interface() knows and has decided. */
struct plan {
	const struct attach_options *options;
	struct object_image image;
	struct link_info link;
	struct pins pins;
	struct programs programs;   /* as found */
	const struct program *old;  /* ours among them, or NULL */
	const struct program *left; /* ours, taken off to change the mode; put back on failure */
	bool reuse;		    /* the pins stay: counters go on in the same epoch */
	uint32_t generation;	    /* of the program that is to be attached */
	struct sampler_meta meta;   /* as found when reuse, then as it will be */
};

static void plan_release(struct plan *plan)
{
	programs_close(&plan->programs);
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t pinned_map_id(const struct pins *pins, const char *map)
{
	_cleanup_close_ int fd = pins_open_map(pins, map, false);

	return fd < 0 ? 0 : map_id(fd);
}

/* Everything that asks for another program, or another place in the chain, when it changes. */
static uint64_t config_hash(const struct attach_options *options, struct object_image image)
{
	uint32_t config[] = { options->mode, options->run_priority, options->chain_actions };

	return hash64(image.data, image.size, hash64(config, sizeof(config), 0));
}

/* One attach or detach of an interface at a time; the lock ends with the descriptor. */
static int lock_pins(const char *pin_dir, struct error *err)
{
	int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", pin_dir, strerror(errno));
	if (flock(fd, LOCK_EX)) {
		int r = -errno;

		close(fd);
		return error_set(err, r, "cannot lock %s: %s", pin_dir, strerror(-r));
	}
	return fd;
}

/* ---- what is there ---- */

static int read_control(const struct pins *pins, struct sampler_control *ret_control)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_CONTROL, false);
	__u32 zero = 0;

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, &zero, ret_control) ? -errno : 0;
}

static int write_map(const struct pins *pins, const char *map, __u32 key, const void *value)
{
	_cleanup_close_ int fd = pins_open_map(pins, map, true);

	if (fd < 0)
		return fd;
	return bpf_map_update_elem(fd, &key, value, BPF_ANY) ? -errno : 0;
}

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
		programs_find_map(&plan->programs, pinned_map_id(&plan->pins, SAMPLER_MAP_CONTROL));
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

static int plan_make(struct plan *plan, struct error *err)
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
		r = read_control(&plan->pins, &control);
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

static bool unchanged(const struct plan *plan)
{
	return plan->reuse && plan->old &&
	       plan->meta.config_hash == config_hash(plan->options, plan->image) &&
	       !memcmp(plan->meta.prog_tag, plan->old->tag, sizeof(plan->old->tag));
}

/* ---- services ---- */

static int write_services(const struct pins *pins, const struct service_list *services,
			  struct sampler_meta *meta, struct error *err)
{
	_cleanup_free_ struct sampler_port_table *table = calloc(1, sizeof(*table));
	struct sampler_control control;
	char slots[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
	int r;

	if (!table)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(slots, meta->service, sizeof(slots));
	r = service_list_assign(services, slots, table, err);
	if (r)
		return r;
	r = read_control(pins, &control);
	if (!r) /* the table that is not in use, then the index: each frame sees one or the other */
		r = write_map(pins, SAMPLER_MAP_PORTS, !control.port_table, table);
	control.port_table = !control.port_table;
	if (!r)
		r = write_map(pins, SAMPLER_MAP_CONTROL, 0, &control);
	if (r)
		return error_set(err, r, "cannot write the port table: %s", strerror(-r));
	memcpy(meta->service, slots, sizeof(slots));
	return 0;
}

/* ---- attaching ---- */

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

static __u32 xdp_flags(enum sampler_mode mode)
{
	return mode == SAMPLER_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static enum xdp_attach_mode xdp_mode(enum sampler_mode mode)
{
	return mode == SAMPLER_MODE_SKB ? XDP_MODE_SKB : XDP_MODE_NATIVE;
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
					 xdp_flags(plan->old->mode) | XDP_FLAGS_REPLACE, &opts);
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
	r = xdp_program__attach(xdp, plan->link.ifindex, xdp_mode(mode), 0);
	xdp_program__close(xdp);
	return r;
}

/* Try one mode. On failure whatever libbpf pinned on the way is gone again. */
static int try_mode(struct plan *plan, enum sampler_mode mode, struct bpf_log *log,
		    struct error *err)
{
	bool swap = plan->old && !plan->old->chained && plan->old->mode == mode;
	struct bpf_object *object;
	int r = pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err)
			?: object_open(plan->image, &plan->pins, plan->generation, &object, err);

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

static bool worth_falling_back(const struct plan *plan, const struct bpf_log *log, int r)
{
	return plan->options->mode == ATTACH_AUTO && !log->verifier[0] && r != -EBUSY &&
	       r != -EPERM && r != -ENOMEM;
}

static enum sampler_mode first_mode(const struct plan *plan)
{
	if (plan->options->mode == ATTACH_SKB)
		return SAMPLER_MODE_SKB;
	/* auto joins what is there: one interface cannot have programs in both modes */
	if (plan->options->mode == ATTACH_AUTO && plan->programs.n)
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
		snprintf(reason, size, "asked for by the configuration");
	else if (!plan->old)
		snprintf(reason, size, "the programs that were there are in skb mode");
}

static void say_fallback(struct plan *plan, const struct bpf_log *log, int error)
{
	snprintf(plan->meta.mode_reason, sizeof(plan->meta.mode_reason), "%.127s",
		 log->kernel[0] ? log->kernel : strerror(-error));
	log_warning("%s: no native XDP (%s): attaching in skb mode, which turns off GRO on the "
		    "device and can cost a copy of each frame",
		    plan->options->ifname, plan->meta.mode_reason);
}

/* Programs of both modes cannot be on one interface: a change of mode is a gap, and said to be. */
static int leave_other_mode(struct plan *plan, enum sampler_mode mode, struct error *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);

	if (!plan->old || plan->old->chained || plan->old->mode == mode)
		return 0;
	log_warning("%s: changing the mode: frames pass uncounted until the new program is there",
		    plan->options->ifname);
	opts.old_prog_fd = plan->old->fd;
	if (bpf_xdp_detach(plan->link.ifindex, xdp_flags(plan->old->mode), &opts))
		return error_set(err, -errno, "%s: cannot detach from the other mode: %s",
				 plan->options->ifname, strerror(errno));
	plan->left = plan->old;
	plan->old = NULL;
	return 0;
}

static void put_back(const struct plan *plan)
{
	if (plan->left &&
	    bpf_xdp_attach(plan->link.ifindex, plan->left->fd, xdp_flags(plan->left->mode), NULL))
		log_error("%s: cannot put the program back either: %s", plan->options->ifname,
			  strerror(errno));
}

static int attach_in_some_mode(struct plan *plan, struct bpf_log *log, struct error *err)
{
	enum sampler_mode mode = first_mode(plan);
	int r;

	if (!plan->reuse && pins_exist(&plan->pins)) {
		r = pins_remove(&plan->pins, err); /* judge_pins() told */
		if (r)
			return r;
	}
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

/* ---- after the attach ---- */

static const struct program *newest_ours(const struct plan *plan, const struct programs *now)
{
	uint32_t id = pinned_map_id(&plan->pins, SAMPLER_MAP_CONTROL);

	for (uint32_t i = 0; id && i < now->n; i++) {
		const struct program *p = &now->program[i];

		if ((!plan->old || p->id != plan->old->id) &&
		    programs_find_map(&(struct programs){ .n = 1, .program = { *p } }, id))
			return p;
	}
	return NULL;
}

static void say_chained(const struct plan *plan, const struct bpf_log *log)
{
	if (plan->meta.flags & SAMPLER_META_CHAINED)
		return;
	log_warning("%s: attached alone, without libxdp's dispatcher (%s): other XDP programs will "
		    "find the interface busy",
		    plan->options->ifname,
		    log->no_chain[0] ? log->no_chain : "the program before was alone too");
}

static void describe(struct plan *plan, const struct program *ours, uint32_t link_prog_id)
{
	struct sampler_meta *meta = &plan->meta;

	snprintf(meta->ifname, sizeof(meta->ifname), "%s", plan->link.name);
	meta->attach_boottime_ns = clock_boottime_ns();
	meta->attach_realtime_ns = clock_realtime_ns();
	meta->config_hash = config_hash(plan->options, plan->image);
	meta->mode = ours->mode;
	meta->run_priority = plan->options->run_priority;
	meta->prog_id = ours->id;
	meta->link_prog_id = link_prog_id;
	meta->generation = plan->generation;
	memcpy(meta->prog_tag, ours->tag, sizeof(meta->prog_tag));
	meta->flags = ours->chained ? SAMPLER_META_CHAINED : 0;
	if (link_vlan_stripped(plan->link.name))
		meta->flags |= SAMPLER_META_VLAN_STRIPPED;
}

static int write_meta(const struct pins *pins, struct sampler_meta *meta, struct error *err)
{
	int r;

	meta_seal(meta);
	r = write_map(pins, SAMPLER_MAP_META, 0, meta);
	return r ? error_set(err, r, "cannot write %s/%s: %s", pins->dir, SAMPLER_MAP_META,
			     strerror(-r))
		 : 0;
}

static uint32_t current_link_prog_id(uint32_t ifindex)
{
	_cleanup_close_ int fd = link_socket();
	struct link_info link;

	return fd < 0 || link_query_index(fd, ifindex, &link) ? 0 : link.xdp_prog_id;
}

/* So that the program itself says whose it is, whatever happens to the pins. */
static void bind_meta(const struct plan *plan, const struct program *ours)
{
	_cleanup_close_ int fd = pins_open_map(&plan->pins, SAMPLER_MAP_META, true);

	if (fd < 0 || bpf_prog_bind_map(ours->fd, fd, NULL))
		log_debug("%s: cannot bind meta to the program: %s", plan->options->ifname,
			  strerror(errno));
}

static int start_counting(struct plan *plan, const struct program *ours, struct error *err)
{
	struct sampler_control control = {};
	int r;

	bind_meta(plan, ours);
	describe(plan, ours, current_link_prog_id(plan->link.ifindex));
	r = pins_set_access(&plan->pins, plan->options->group, err) ?:
	    write_services(&plan->pins, plan->options->services, &plan->meta, err) ?:
	    write_meta(&plan->pins, &plan->meta, err);
	if (r)
		return r;
	r = read_control(&plan->pins, &control);
	control.generation = plan->generation;
	r = r ?: write_map(&plan->pins, SAMPLER_MAP_CONTROL, 0, &control);
	return r ? error_set(err, r, "%s: cannot start the count: %s", plan->options->ifname,
			     strerror(-r))
		 : 0;
}

static int detach_program(uint32_t ifindex, const struct program *program, struct error *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = program->fd);
	struct xdp_program *xdp;
	int r;

	if (!program->chained) {
		r = bpf_xdp_detach(ifindex, xdp_flags(program->mode), &opts);
	} else {
		xdp = xdp_program__from_id(program->id);
		r = libxdp_get_error(xdp);
		if (!r) {
			r = xdp_program__detach(xdp, ifindex, xdp_mode(program->mode), 0);
			xdp_program__close(xdp);
		}
	}
	return r ? error_set(err, r, "cannot detach program %u: %s", program->id, strerror(-r)) : 0;
}

/* Read back, begin to count, and only then let the predecessor go. */
static int complete(struct plan *plan, const struct bpf_log *log, struct error *err)
{
	struct programs now;
	const struct program *ours;
	int r = programs_read(plan->link.ifindex, &now, err);

	if (r)
		return r;
	ours = newest_ours(plan, &now);
	if (!ours)
		r = error_set(err, -ENOENT, "%s: attached, but the interface does not show it",
			      plan->options->ifname);
	else
		r = start_counting(plan, ours, err);
	if (!r) {
		say_chained(plan, log);
		if (plan->old && plan->old->chained)
			r = detach_program(plan->link.ifindex, plan->old, err);
	} else if (ours && !plan->reuse) {
		detach_program(plan->link.ifindex, ours, NULL);
		pins_remove(&plan->pins, NULL);
	}
	programs_close(&now);
	return r;
}

/* Same program, same place: only what may change at run time is brought up to date. */
static int adopt(struct plan *plan, struct error *err)
{
	struct sampler_meta *meta = &plan->meta;

	meta->link_prog_id = plan->link.xdp_prog_id;
	meta->prog_id = plan->old->id;
	meta->flags = plan->old->chained ? SAMPLER_META_CHAINED : 0;
	if (link_vlan_stripped(plan->link.name))
		meta->flags |= SAMPLER_META_VLAN_STRIPPED;
	return pins_create_dir(plan->options->pin_dir, &plan->pins, plan->options->group, err) ?:
	       pins_set_access(&plan->pins, plan->options->group, err) ?:
	       write_services(&plan->pins, plan->options->services, meta, err) ?:
	       write_meta(&plan->pins, meta, err);
}

static int carry_out(struct plan *plan, enum attach_outcome *ret_outcome, struct error *err)
{
	struct bpf_log log = {};
	int r;

	if (unchanged(plan)) {
		*ret_outcome = ATTACH_ADOPTED;
		return adopt(plan, err);
	}
	*ret_outcome = plan->old ? ATTACH_REPLACED : ATTACH_NEW;
	r = attach_in_some_mode(plan, &log, err);
	return r ?: complete(plan, &log, err);
}

/**
 * attach_interface() - have every received frame of an interface counted
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
	_cleanup_close_ int lock = -1;
	enum attach_outcome outcome;
	uint64_t device;
	int r;

	plan.image = options->object
			     ? (struct object_image){ options->object, options->object_size }
			     : object_builtin();
	bpf_log_start(NULL);
	r = pins_check_bpffs(options->pin_dir, &device, err);
	if (r)
		return r;
	if (mkdir(options->pin_dir, 0750) && errno != EEXIST)
		return error_set(err, -errno, "cannot make %s: %s", options->pin_dir,
				 strerror(errno));
	lock = lock_pins(options->pin_dir, err);
	r = lock < 0 ? lock : plan_make(&plan, err) ?: carry_out(&plan, &outcome, err);
	if (r)
		return r;
	*ret_outcome = outcome;
	*ret_meta = plan.meta;
	return 0;
}

/* ---- the other verbs ---- */

/* The pins of a name, whoever wrote them: also of an interface that is gone or of an older ABI. */
static int find_pins(const char *pin_dir, const char *ifname, struct pins *ret_pins,
		     struct error *err)
{
	uint64_t device;
	int r = requirements_check_capabilities(err) ?: pins_check_bpffs(pin_dir, &device, err);

	return r ?: pins_find(pin_dir, ifname, ret_pins, err);
}

static uint32_t interface_of(const struct pins *pins, const char *ifname)
{
	struct sampler_meta meta;
	struct link_info link;

	if (!pins_read_meta(pins, &meta, NULL))
		return meta.ifindex;
	return requirements_find_link(ifname, &link, NULL) ? 0 : link.ifindex;
}

static int detach_ours(const struct pins *pins, uint32_t ifindex, struct error *err)
{
	struct programs programs;
	const struct program *ours;
	int r = programs_read(ifindex, &programs, err);

	if (r == -ENODEV)
		return 0; /* the interface is gone, and the program with it */
	if (r)
		return r;
	ours = programs_find_map(&programs, pinned_map_id(pins, SAMPLER_MAP_CONTROL));
	if (ours)
		r = detach_program(ifindex, ours, err);
	programs_close(&programs);
	return r;
}

/**
 * attach_detach() - stop counting an interface: detach our program, remove our pins
 * @pin_dir: folder of all pins
 * @ifname: interface, which may be gone or renamed by now
 * @err: why not
 *
 * Other programs on the interface stay as they are. Return: 0, -ENOENT where the interface is not
 * sampled, or negative errno.
 */
int attach_detach(const char *pin_dir, const char *ifname, struct error *err)
{
	_cleanup_close_ int lock = -1;
	struct pins pins;
	uint32_t ifindex;
	int r;

	bpf_log_start(NULL);
	r = find_pins(pin_dir, ifname, &pins, err);
	if (r)
		return r;
	lock = lock_pins(pin_dir, err);
	if (lock < 0)
		return lock;
	ifindex = interface_of(&pins, ifname);
	r = ifindex ? detach_ours(&pins, ifindex, err) : 0;
	return r ?: pins_remove(&pins, err);
}

/**
 * attach_verify() - is our program on the interface, behind whatever else is there
 * @pin_dir: folder of all pins
 * @ifname: interface
 * @ret_link_prog_id: what the link shows now; ours or the dispatcher
 * @err: why not
 *
 * Return: 0, -ENOENT where it is missing, or negative errno.
 */
int attach_verify(const char *pin_dir, const char *ifname, uint32_t *ret_link_prog_id,
		  struct error *err)
{
	struct programs programs;
	struct pins pins;
	uint32_t ifindex;
	bool there;
	int r;

	bpf_log_start(NULL);
	r = find_pins(pin_dir, ifname, &pins, err);
	if (r)
		return r;
	ifindex = interface_of(&pins, ifname);
	r = programs_read(ifindex, &programs, err);
	if (r)
		return r;
	there = programs_find_map(&programs, pinned_map_id(&pins, SAMPLER_MAP_CONTROL));
	programs_close(&programs);
	if (!there)
		return error_set(err, -ENOENT,
				 "%s: our program is not on the interface any more: frames pass "
				 "uncounted; attach again (samplerd --attach %s)",
				 ifname, ifname);
	*ret_link_prog_id = current_link_prog_id(ifindex);
	return 0;
}

/**
 * attach_set_services() - swap the port table of a running program
 * @pin_dir: folder of all pins
 * @ifname: interface
 * @services: the new list; a service that stays keeps its slot and its counters
 * @err: why not; the old table is then still in use
 *
 * Return: 0 or negative errno.
 */
int attach_set_services(const char *pin_dir, const char *ifname,
			const struct service_list *services, struct error *err)
{
	_cleanup_close_ int lock = -1;
	struct sampler_meta meta;
	struct pins pins;
	int r = find_pins(pin_dir, ifname, &pins, err) ?: pins_read_meta(&pins, &meta, err);

	if (r)
		return r;
	lock = lock_pins(pin_dir, err);
	if (lock < 0)
		return lock;
	return write_services(&pins, services, &meta, err) ?: write_meta(&pins, &meta, err);
}
