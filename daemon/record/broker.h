/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_BROKER_H
#define SAMPLER_RECORD_BROKER_H

#include "kernel/attach.h"
#include "sampler_abi.h"

#include <stdint.h>
#include <sys/types.h>

struct config_source;
struct error;

/* The recorder's end of the line to its privileged child. */
struct broker {
	int fd;
	pid_t pid;
	uint64_t sequence; /* of the last request */
};

int broker_start(struct broker *ret_broker, const struct config_source *source, struct error *err);
int broker_attach(struct broker *broker, enum attach_outcome *ret_outcome,
		  struct sampler_meta *ret_meta, struct error *err);
int broker_detach(struct broker *broker, struct error *err);
int broker_verify(struct broker *broker, struct error *err);
int broker_reload(struct broker *broker, struct error *err);
void broker_end(struct broker *broker);

int broker_attach_now(const struct config_source *source, enum attach_outcome *ret_outcome,
		      struct sampler_meta *ret_meta, struct error *err);

#endif
