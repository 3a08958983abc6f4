/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_LISTEN_H
#define LOADGEN_SINK_LISTEN_H

#include "sink.h"
#include "util/error.h"

int sink_bind(struct sink_config *config, int ret_fd[SINK_MAX_ADDRESSES], struct error *err);
int sink_bind_more(const struct sink_config *config, int ret_fd[SINK_MAX_ADDRESSES],
		   struct error *err);
int sink_listen(const struct sink_config *config, const int fd[SINK_MAX_ADDRESSES],
		struct error *err);

#endif
