/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_OBJECT_H
#define SAMPLER_KERNEL_OBJECT_H

#include <stddef.h>
#include <stdint.h>

struct bpf_object;
struct error;
struct pins;

/* The ELF image of a BPF object. */
struct object_image {
	const void *data;
	size_t size;
};

struct object_image object_builtin(void);
int object_open(struct object_image image, const struct pins *pins, uint32_t generation,
		struct bpf_object **ret_object, struct error *err);

#endif
