/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_OBJECT_H
#define SAMPLER_KERNEL_OBJECT_H

#include <stdbool.h>
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

/* Read-only variables of the program. */
struct object_constants {
	uint32_t generation; /* the number under which it counts */
	bool sees_kernel;    /* see sampler.bpf.c */
};

struct object_image object_builtin(void);
int object_open(struct object_image image, const char *program, const struct pins *pins,
		const struct object_constants *constants, struct bpf_object **ret_object,
		struct error *err);
int object_pin_maps(struct object_image image, const struct pins *pins, struct error *err);

#endif
