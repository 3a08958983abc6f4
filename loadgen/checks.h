/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_CHECKS_H
#define LOADGEN_CHECKS_H

#include "config.h"
#include "schedule.h"
#include "target.h"
#include "util/error.h"

#define PORT_RANGE_PATH "/proc/sys/net/ipv4/ip_local_port_range" /* also IPv6's */

int check_files(const struct config *config, struct error *err);
int check_ports(const struct config *config, const char *path, struct error *err);
void check_unused(const struct config *config);
void check_feasible(const struct config *config, const struct pace *pace,
		    const struct target *target);

#endif
