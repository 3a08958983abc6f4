/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_HOSTS_H
#define SAMPLER_HTTP_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

bool host_allowed(const char *host, size_t len, const char *const *names, size_t n_names);

#endif
