/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_PROGRAMS_H
#define SAMPLER_KERNEL_PROGRAMS_H

#include "sampler_abi.h"

#include <stdbool.h>
#include <stdint.h>
#include <xdp/libxdp.h>

struct error;
struct pins;

/* A program: alone on an interface, a member of libxdp's chain, or of a filter at tc egress. */
struct program {
	int fd;
	uint32_t id;
	char name[SAMPLER_NAME_MAX];
	uint8_t tag[8];
	uint32_t generation; /* 0: not one of sampler's */
	bool chained;	     /* this and what follows: of an XDP program */
	enum sampler_mode mode;
	uint32_t run_priority, actions; /* as struct sampler_chain_program has them */
	uint32_t map_ids[64];
	uint32_t n_maps;
};

#define PROGRAMS_MAX 16 /* libxdp's dispatcher holds 10 */

/* All XDP programs on an interface, in the order in which they run. */
struct programs {
	uint32_t n;
	bool chained;
	enum sampler_mode mode; /* meaningless where n is 0 */
	struct program program[PROGRAMS_MAX];
};

int program_read(uint32_t id, struct program *ret_program);
int programs_read(uint32_t ifindex, struct programs *ret_programs, struct error *err);
void programs_close(struct programs *programs);
void programs_describe(const struct programs *programs, uint32_t link_prog_id,
		       struct sampler_meta *meta);
bool program_uses_map(const struct program *program, uint32_t map_id);
const struct program *programs_find_map(const struct programs *programs, uint32_t map_id);
__u32 program_xdp_flags(enum sampler_mode mode);
enum xdp_attach_mode program_xdp_mode(enum sampler_mode mode);
int program_detach(uint32_t ifindex, const struct program *program, struct error *err);
bool program_is_of(const struct program *program, uint64_t bpffs_device, const char *pin_dir);
int program_bind_meta(int prog_fd, const struct pins *pins);
int program_read_meta(const struct program *program, struct sampler_meta *ret_meta);
int program_open_map(const struct program *program, const char *name);

#endif
