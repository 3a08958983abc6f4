// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The verbs on what is attached already: detach it, verify it, give it other services.
 */
#include "kernel/attach.h"

#include "kernel/attach-tx.h"
#include "kernel/bpf-log.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "kernel/programs.h"
#include "kernel/requirements.h"
#include "kernel/services-map.h"
#include "model/layout.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* The pins of a name, whoever wrote them: also of an interface that is gone or of an older ABI. */
static int find_pins(const char *pin_dir, const char *ifname, struct pins *ret_pins,
		     struct error *err)
{
	uint64_t device;
	int r = pins_check_bpffs(pin_dir, &device, err);

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

/* By its pins; where they are gone, by what it says of itself. */
static bool is_ours(const struct program *program, const struct pins *pins, const char *pin_dir,
		    uint64_t bpffs_device)
{
	uint32_t control = pins_map_id(pins, SAMPLER_MAP_CONTROL);

	return control ? program_uses_map(program, control)
		       : program_is_of(program, bpffs_device, pin_dir);
}

/* All of them: an attach that was killed can have left a second one. */
static int detach_ours(const struct pins *pins, const char *pin_dir, uint32_t ifindex,
		       bool *ret_found, struct error *err)
{
	struct programs programs;
	uint64_t device;
	int r = pins_check_bpffs(pin_dir, &device, err) ?: programs_read(ifindex, &programs, err);

	if (r == -ENODEV) {
		log_notice("the interface is not here any more; if it was moved, detach it where "
			   "it is");
		return 0;
	}
	if (r)
		return r;
	for (uint32_t i = 0; !r && i < programs.n; i++) {
		if (!is_ours(&programs.program[i], pins, pin_dir, device))
			continue;
		*ret_found = true;
		r = program_detach(ifindex, &programs.program[i], err);
	}
	programs_close(&programs);
	return r;
}

/**
 * attach_detach() - stop counting an interface: detach our programs, remove our pins
 * @pin_dir: folder of all pins
 * @ifname: interface, which may be gone or renamed by now
 * @err: why not
 *
 * Other programs on the interface stay as they are. Return: 0, -ENOENT where the interface is not
 * sampled, or negative errno.
 */
int attach_detach(const char *pin_dir, const char *ifname, struct error *err)
{
	_cleanup_(pins_unlock) struct pins_lock lock = PINS_UNLOCKED;
	bool pinned, found = false;
	struct pins pins, aside;
	uint32_t ifindex;
	int r;

	bpf_log_start(NULL);
	r = requirements_check_capabilities(err) ?: find_pins(pin_dir, ifname, &pins, err);
	pinned = !r;
	if (r == -ENOENT) /* somebody may have removed them by hand */
		r = pins_for_attach(pin_dir, ifname, &pins, err);
	if (!r)
		r = pins_lock(pin_dir, &lock, err);
	if (r && r != -ENOENT) /* without the folder of all pins there is nothing to lock */
		return r;
	ifindex = interface_of(&pins, ifname);
	if (ifindex)
		r = detach_ours(&pins, pin_dir, ifindex, &found, err)
			    ?: tx_detach(ifindex, &pins, pin_dir, &found, err);
	else
		r = 0;
	if (!r && !pins_aside(&pins, &aside) && pins_exist(&aside))
		r = (ifindex ? detach_ours(&aside, pin_dir, ifindex, &found, err) : 0)
			    ?: pins_remove(&aside, err);
	if (!r && !pinned && !found)
		return error_set(err, -ENOENT, "%s is not sampled", ifname);
	return r ?: pins_remove(&pins, err);
}

/* The one that counts, wherever it stands, or NULL. */
static const struct program *counting_program(const struct programs *programs,
					      const struct pins *pins,
					      const struct sampler_control *control)
{
	uint32_t control_id = pins_map_id(pins, SAMPLER_MAP_CONTROL);

	for (uint32_t i = 0; i < programs->n; i++)
		if (program_uses_map(&programs->program[i], control_id) &&
		    programs->program[i].generation == control->generation)
			return &programs->program[i];
	return NULL;
}

/* Who is there, into meta. Return: 0, -ENOENT without ours, or another negative errno. */
static int look(const struct pins *pins, struct sampler_meta *meta, struct error *err)
{
	uint32_t link_prog_id = link_xdp_prog_id(meta->ifindex); /* before the rest, as attach.c */
	struct sampler_control control;
	const struct program *ours;
	struct programs programs;
	int r = pins_read_control(pins, &control);

	if (r)
		return error_set(err, r, "%s: control map: %s", pins->dir, strerror(-r));
	r = programs_read(meta->ifindex, &programs, err);
	if (r)
		return r;
	ours = counting_program(&programs, pins, &control);
	if (ours) {
		meta->prog_id = ours->id;
		meta->link_prog_id = link_prog_id;
	}
	programs_describe(&programs, link_prog_id, meta);
	programs_close(&programs);
	tx_look(pins, control.generation, meta);
	return ours ? 0 : -ENOENT;
}

/**
 * attach_verify() - are our programs on the interface, behind whatever else is there
 * @pin_dir: folder of all pins
 * @ifname: interface
 * @err: why not
 *
 * What was found is written to the pins (sampler_meta.chain), so that recorders and readers without
 * privilege know it too.
 *
 * Return: 0, -ENOENT where one is missing, or negative errno.
 */
int attach_verify(const char *pin_dir, const char *ifname, struct error *err)
{
	_cleanup_(pins_unlock) struct pins_lock lock = PINS_UNLOCKED;
	struct sampler_meta meta;
	struct pins pins;
	int there, r;

	bpf_log_start(NULL);
	r = requirements_check_sight(err) ?:
	    find_pins(pin_dir, ifname, &pins, err) ?:
	    pins_lock(pin_dir, &lock, err) ?:
	    pins_read_meta(&pins, &meta, err);
	if (r)
		return r;
	there = look(&pins, &meta, err);
	if (there && there != -ENOENT)
		return there;
	r = pins_write_meta(&pins, &meta, err);
	if (!r && !there && meta.tx_prog_id && !(meta.flags & SAMPLER_META_TX))
		r = error_set(err, -ENOENT,
			      "%s: transmitted frames are not counted any more: %s; attach again "
			      "(samplerd --attach %s)",
			      ifname, meta.tx_reason, ifname);
	if (r || !there)
		return r;
	return error_set(err, -ENOENT,
			 "%s: our program is not on the interface any more: frames pass "
			 "uncounted; attach again (samplerd --attach %s)",
			 ifname, ifname);
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
	_cleanup_(pins_unlock) struct pins_lock lock = PINS_UNLOCKED;
	struct sampler_meta meta;
	struct pins pins;

	return requirements_check_capabilities(err) ?:
	       find_pins(pin_dir, ifname, &pins, err) ?:
	       pins_lock(pin_dir, &lock, err) ?:
	       pins_read_meta(&pins, &meta, err) ?:
	       services_write(&pins, services, &meta, err) ?:
	       pins_write_meta(&pins, &meta, err);
}
