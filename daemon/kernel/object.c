// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The BPF object, opened and prepared but not loaded: libxdp loads it, since a chained program is
 * an extension (freplace) of the dispatcher and must be loaded as one.
 */
#include "kernel/object.h"

#include "kernel/pins.h"
#include "sampler.skel.h"
#include "util/error.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

/** object_builtin() - Return: the image that this program was built with */
struct object_image object_builtin(void)
{
	struct object_image image;

	image.data = sampler_bpf__elf_bytes(&image.size);
	return image;
}

/* Offset of a read-only variable, by the object's own BTF: an image need not be the built-in one. */
static int find_rodata(const struct bpf_object *object, const char *section_name, const char *name)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf ? btf__find_by_name_kind(btf, section_name, BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_var_secinfo *var = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name))
			return var->offset;
	}
	return -ENOENT;
}

static int set_rodata(struct bpf_object *object, const char *section, const char *name,
		      const void *value, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, section);
	int offset = find_rodata(object, section, name);
	size_t rodata_size = 0;
	/* libbpf 1.1 hands out its own buffer; later versions name the parameter the same way. */
	char *rodata = map ? (char *)(uintptr_t)bpf_map__initial_value(map, &rodata_size) : NULL;

	if (!rodata || offset < 0 || offset + size > rodata_size)
		return -ENOENT;
	memcpy(rodata + offset, value, size);
	return 0;
}

static int set_constants(struct bpf_object *object, const struct object_constants *constants)
{
	return set_rodata(object, SAMPLER_SECTION_GENERATION, "sampler_generation",
			  &constants->generation, sizeof(constants->generation))
		       ?: set_rodata(object, ".rodata", "sampler_sees_kernel",
				     &constants->sees_kernel, sizeof(constants->sees_kernel));
}

static int set_pin_paths(struct bpf_object *object, const struct pins *pins)
{
	char path[320];
	int r = 0;

	for (size_t i = 0; !r && i < PINS_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, pins_maps[i]);

		if (!map)
			return -ENOENT;
		r = pins_map_path(pins, pins_maps[i], path, sizeof(path))
			    ?: bpf_map__set_pin_path(map, path);
	}
	return r;
}

/* Each program is loaded by itself: what the kernel has against one is no harm to the other. */
static int choose_program(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;
	int r = name ? -ENOENT : 0;

	bpf_object__for_each_program(program, object)
	{
		bool chosen = name && !strcmp(bpf_program__name(program), name);

		bpf_program__set_autoload(program, chosen);
		if (chosen)
			r = 0;
	}
	return r;
}

/**
 * object_open() - open an image with its constants and pin paths set
 * @image: ELF
 * @program: SAMPLER_PROG_*, the one of its programs that is to be loaded; NULL: none, the maps alone
 * @pins: maps are taken from there where they exist, else made and pinned there when it is loaded
 * @constants: what the program is told once and for all
 * @ret_object: the caller closes it
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int object_open(struct object_image image, const char *program, const struct pins *pins,
		const struct object_constants *constants, struct bpf_object **ret_object,
		struct error *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "sampler_bpf");
	struct bpf_object *object = bpf_object__open_mem(image.data, image.size, &opts);
	int r;

	if (!object)
		return error_set(err, -errno, "cannot open the BPF object: %s", strerror(errno));
	r = choose_program(object, program) ?:
	    set_constants(object, constants) ?:
	    set_pin_paths(object, pins);
	if (r) {
		bpf_object__close(object);
		return error_set(err, r, "the BPF object is not one of sampler's, with %s: %s",
				 program ?: "its maps", strerror(-r));
	}
	*ret_object = object;
	return 0;
}

/**
 * object_pin_maps() - make and pin an image's maps before there is a program that uses them
 * @image: ELF
 * @pins: where; those that are there already stay
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int object_pin_maps(struct object_image image, const struct pins *pins, struct error *err)
{
	const struct object_constants none = { .generation = 0 };
	struct bpf_object *object;
	int r = object_open(image, NULL, pins, &none, &object, err);

	if (r)
		return r;
	r = bpf_object__load(object);
	bpf_object__close(object);
	return r ? error_set(err, r, "cannot make maps in %s: %s", pins->dir, strerror(-r)) : 0;
}
