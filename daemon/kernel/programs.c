// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Which XDP programs are on an interface, what a program says, and which one is ours.
 *
 * A program is ours when it uses our pinned maps: names and tags can be alike by chance or by
 * another sampler, a map cannot. Needs CAP_SYS_ADMIN (BPF_PROG_GET_FD_BY_ID).
 */
#include "kernel/programs.h"

#include "kernel/link.h"
#include "kernel/pins.h"
#include "model/chain.h"
#include "model/layout.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <xdp/libxdp.h>

/**
 * program_open_map() - open a map that a program uses, by its name
 * @program: of programs_read()
 * @name: SAMPLER_MAP_*
 *
 * Return: descriptor that the caller closes, -ENOENT, or another negative errno.
 */
int program_open_map(const struct program *program, const char *name)
{
	for (uint32_t i = 0; i < program->n_maps; i++) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(program->map_ids[i]);

		if (fd < 0)
			return -errno;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name))
			return take_fd(&fd);
	}
	return -ENOENT;
}

static uint32_t read_generation(const struct program *program)
{
	_cleanup_close_ int fd = program_open_map(program, SAMPLER_SECTION_GENERATION);
	__u32 zero = 0, generation;

	return fd < 0 || bpf_map_lookup_elem(fd, &zero, &generation) ? 0 : generation;
}

static uint32_t read_actions(const struct xdp_program *xdp)
{
	uint32_t actions = 0;

	for (unsigned int action = 0; action < CHAIN_N_ACTIONS; action++)
		if (xdp_program__chain_call_enabled(xdp, action))
			actions |= 1u << action;
	return actions;
}

/**
 * program_read() - what the kernel says of a program
 * @id: of the program
 * @ret_program: filled on success, but for its place in a chain; the caller closes its fd
 *
 * Return: 0 or negative errno.
 */
int program_read(uint32_t id, struct program *ret_program)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct program p = { .id = id };
	struct bpf_prog_info info = {
		.map_ids = (uintptr_t)p.map_ids,
		.nr_map_ids = array_size(p.map_ids),
	};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	p.n_maps =
		info.nr_map_ids < array_size(p.map_ids) ? info.nr_map_ids : array_size(p.map_ids);
	memcpy(p.tag, info.tag, sizeof(p.tag));
	memcpy(p.name, info.name, sizeof(p.name));
	p.generation = read_generation(&p);
	p.fd = take_fd(&fd);
	*ret_program = p;
	return 0;
}

static int read_member(const struct xdp_program *xdp, struct programs *all)
{
	struct program *p = &all->program[all->n];
	int r = program_read(xdp_program__id(xdp), p);

	if (r)
		return r;
	p->chained = all->chained;
	p->mode = all->mode;
	p->run_priority = xdp_program__run_prio(xdp);
	p->actions = read_actions(xdp);
	all->n++;
	return 0;
}

static int read_all(const struct xdp_multiprog *mp, struct programs *all)
{
	struct xdp_program *xdp = NULL;
	int r = 0;

	all->mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? SAMPLER_MODE_SKB
								   : SAMPLER_MODE_NATIVE;
	all->chained = !xdp_multiprog__is_legacy(mp);
	if (!all->chained)
		return read_member(xdp_multiprog__main_prog(mp), all);
	while (!r && all->n < PROGRAMS_MAX && (xdp = xdp_multiprog__next_prog(xdp, mp)))
		r = read_member(xdp, all);
	return r;
}

/* libxdp takes what it fails to look at for nothing, or for a program without an id: the link knows better. */
static int read_from_libxdp(uint32_t ifindex, struct programs *all)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	bool elsewhere = false; /* in the NIC itself */
	int r = libxdp_get_error(mp);

	if (r && r != -ENOENT)
		return r;
	if (!r && mp) {
		elsewhere = xdp_multiprog__hw_prog(mp);
		if (xdp_multiprog__main_prog(mp) || !xdp_multiprog__is_legacy(mp))
			r = read_all(mp, all);
		xdp_multiprog__close(mp);
		if (r)
			return r == -ENOENT ? -EIO : r;
	}
	return !all->n && !elsewhere && link_xdp_prog_id(ifindex) ? -EIO : 0;
}

/**
 * programs_read() - list the XDP programs of an interface
 * @ifindex: interface
 * @ret_programs: filled on success, also when there are none; end it with programs_close()
 * @err: why not
 *
 * Return: 0 or negative errno, which is not -ENOENT.
 */
int programs_read(uint32_t ifindex, struct programs *ret_programs, struct error *err)
{
	struct programs all = {};
	char name[SAMPLER_NAME_MAX];
	int r = read_from_libxdp(ifindex, &all);

	if (!r && !all.chained && all.n && !strcmp(all.program[0].name, "xdp_dispatcher"))
		r = error_set(err, -EACCES,
			      "%s has libxdp's dispatcher, but its pins cannot be read "
			      "here (/sys/fs/bpf/xdp): another mount namespace, or a sandbox",
			      link_label(ifindex, name));
	else if (r)
		error_set(err, r, "cannot tell which XDP programs are on %s: %s",
			  link_label(ifindex, name), strerror(-r));
	if (r)
		programs_close(&all);
	else
		*ret_programs = all;
	return r;
}

/** programs_close() - release what programs_read() opened */
void programs_close(struct programs *programs)
{
	for (uint32_t i = 0; i < programs->n; i++)
		close(programs->program[i].fd);
	programs->n = 0;
}

/* Alone, our program has the place that it asked for, which it does not say itself. */
static void describe_place(const struct programs *programs, struct sampler_meta *meta)
{
	if (programs->n != 1 || programs->chained || programs->program[0].id != meta->prog_id)
		return;
	meta->chain.program[0].run_priority = meta->run_priority;
	meta->chain.program[0].actions = meta->chain_actions;
}

/**
 * programs_describe() - put down who is there, for readers who cannot look
 * @programs: of programs_read()
 * @link_prog_id: what the interface showed before that
 * @meta: says which one is ours; gets the chain
 */
void programs_describe(const struct programs *programs, uint32_t link_prog_id,
		       struct sampler_meta *meta)
{
	meta->chain = (struct sampler_chain){
		.boottime_ns = clock_boottime_ns(),
		.link_prog_id = link_prog_id,
	};
	for (uint32_t i = 0; i < programs->n && i < SAMPLER_MAX_CHAIN; i++) {
		const struct program *p = &programs->program[i];
		struct sampler_chain_program *q = &meta->chain.program[meta->chain.n++];

		q->prog_id = p->id;
		q->run_priority = p->run_priority;
		q->actions = p->actions;
		memcpy(q->tag, p->tag, sizeof(q->tag));
		memcpy(q->name, p->name, sizeof(q->name));
	}
	describe_place(programs, meta);
}

/** program_uses_map() - Return: true when @program uses map @map_id */
bool program_uses_map(const struct program *program, uint32_t map_id)
{
	for (uint32_t m = 0; map_id && m < program->n_maps; m++)
		if (program->map_ids[m] == map_id)
			return true;
	return false;
}

/** programs_find_map() - Return: the program that uses map @map_id, or NULL */
const struct program *programs_find_map(const struct programs *programs, uint32_t map_id)
{
	for (uint32_t i = 0; i < programs->n; i++)
		if (program_uses_map(&programs->program[i], map_id))
			return &programs->program[i];
	return NULL;
}

/**
 * program_read_meta() - what a program says of itself, whatever is pinned
 * @program: of programs_read()
 * @ret_meta: filled on success
 *
 * Return: 0, or negative errno where it is a stranger's, or of another ABI or layout.
 */
int program_read_meta(const struct program *program, struct sampler_meta *ret_meta)
{
	bool sampler =
		!strcmp(program->name, SAMPLER_PROG_RX) || !strcmp(program->name, SAMPLER_PROG_TX);
	_cleanup_close_ int fd = sampler ? program_open_map(program, SAMPLER_MAP_META) : -ENOENT;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.value_size != sizeof(*ret_meta))
		return -EPROTO;
	return bpf_map_lookup_elem(fd, &zero, ret_meta) ? -errno : meta_check(ret_meta, NULL);
}

/**
 * program_is_of() - does a program say that it is of a folder of pins, whatever became of those
 * @program: of programs_read(), a sampler's of any version or a stranger's
 * @bpffs_device: of the folder's file system
 * @pin_dir: folder of all pins
 *
 * Return: true where it does.
 */
bool program_is_of(const struct program *program, uint64_t bpffs_device, const char *pin_dir)
{
	_cleanup_close_ int fd = program_open_map(program, SAMPLER_MAP_META);
	_cleanup_free_ struct sampler_meta *meta = NULL;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.value_size < offsetof(struct sampler_meta, config_hash))
		return false;
	meta = calloc(1, info.value_size + sizeof(*meta));
	return meta && !bpf_map_lookup_elem(fd, &zero, meta) && meta->magic == SAMPLER_META_MAGIC &&
	       meta->bpffs_device == bpffs_device &&
	       meta->pin_dir_hash == hash64(pin_dir, strlen(pin_dir), 0);
}

/**
 * program_bind_meta() - have a program say whose it is, whatever happens to the pins
 * @prog_fd: program
 * @pins: with the meta
 *
 * Return: 0 or negative errno.
 */
int program_bind_meta(int prog_fd, const struct pins *pins)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_META, true);

	if (fd < 0)
		return fd;
	return bpf_prog_bind_map(prog_fd, fd, NULL) ? -errno : 0;
}

/** program_xdp_flags() - Return: XDP_FLAGS_* of a mode */
__u32 program_xdp_flags(enum sampler_mode mode)
{
	return mode == SAMPLER_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/** program_xdp_mode() - Return: libxdp's name of a mode */
enum xdp_attach_mode program_xdp_mode(enum sampler_mode mode)
{
	return mode == SAMPLER_MODE_SKB ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

/**
 * program_detach() - take one program off an interface, alone or out of its chain
 * @ifindex: interface
 * @program: of programs_read(); if it is not there any more, nothing is detached
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int program_detach(uint32_t ifindex, const struct program *program, struct error *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = program->fd);
	struct xdp_program *xdp;
	int r;

	if (!program->chained) {
		r = bpf_xdp_detach(ifindex, program_xdp_flags(program->mode), &opts);
	} else {
		xdp = xdp_program__from_id(program->id);
		r = libxdp_get_error(xdp);
		if (!r) {
			r = xdp_program__detach(xdp, ifindex, program_xdp_mode(program->mode), 0);
			xdp_program__close(xdp);
		}
	}
	return r ? error_set(err, r, "cannot detach program %u: %s", program->id, strerror(-r)) : 0;
}
