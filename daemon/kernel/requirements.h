/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_KERNEL_REQUIREMENTS_H
#define SAMPLER_KERNEL_REQUIREMENTS_H

struct error;
struct link_info;

int requirements_check_kernel(struct error *err);
int requirements_check_sight(struct error *err);
int requirements_check_capabilities(struct error *err);
int requirements_find_link(const char *ifname, struct link_info *ret_link, struct error *err);

#endif
