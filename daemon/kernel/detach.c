// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The verbs on what is attached already: detach it, verify it, give it other services.
 */
#include "kernel/attach.h"
#include "kernel/bpf-log.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "kernel/programs.h"
#include "kernel/requirements.h"
#include "kernel/services-map.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <errno.h>

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

/* By its pins; where they are gone, by what it says of itself. */
static const struct program *find_ours(const struct programs *all, const struct pins *pins,
				       uint32_t ifindex, uint64_t bpffs_device)
{
	uint32_t control = pins_map_id(pins, SAMPLER_MAP_CONTROL);
	struct sampler_meta meta;

	if (control)
		return programs_find_map(all, control);
	for (uint32_t i = 0; i < all->n; i++)
		if (!program_read_meta(&all->program[i], &meta) && meta.ifindex == ifindex &&
		    meta.netns_inode == pins_netns_inode() && meta.bpffs_device == bpffs_device)
			return &all->program[i];
	return NULL;
}

static int detach_ours(const struct pins *pins, uint32_t ifindex, uint64_t bpffs_device,
		       bool *ret_found, struct error *err)
{
	struct programs programs;
	const struct program *ours;
	int r = programs_read(ifindex, &programs, err);

	if (r == -ENODEV)
		return 0; /* the interface is gone, and the program with it */
	if (r)
		return r;
	ours = find_ours(&programs, pins, ifindex, bpffs_device);
	*ret_found = !!ours;
	if (ours)
		r = program_detach(ifindex, ours, err);
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
	bool pinned, found = false;
	uint64_t device;
	struct pins pins;
	uint32_t ifindex;
	int r;

	bpf_log_start(NULL);
	r = find_pins(pin_dir, ifname, &pins, err);
	pinned = !r;
	if (r == -ENOENT) /* somebody may have removed them by hand */
		r = pins_for_attach(pin_dir, ifname, &pins, err);
	r = r ?: pins_check_bpffs(pin_dir, &device, err);
	if (r)
		return r;
	lock = pins_lock(pin_dir, err);
	if (lock < 0 && lock != -ENOENT)
		return lock;
	ifindex = interface_of(&pins, ifname);
	r = ifindex ? detach_ours(&pins, ifindex, device, &found, err) : 0;
	if (!r && !pinned && !found)
		return error_set(err, -ENOENT, "%s is not sampled", ifname);
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
	there = programs_find_map(&programs, pins_map_id(&pins, SAMPLER_MAP_CONTROL));
	programs_close(&programs);
	if (!there)
		return error_set(err, -ENOENT,
				 "%s: our program is not on the interface any more: frames pass "
				 "uncounted; attach again (samplerd --attach %s)",
				 ifname, ifname);
	*ret_link_prog_id = link_xdp_prog_id(ifindex);
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
	lock = pins_lock(pin_dir, err);
	if (lock < 0)
		return lock;
	return services_write(&pins, services, &meta, err) ?: pins_write_meta(&pins, &meta, err);
}
