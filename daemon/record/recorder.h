/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_RECORDER_H
#define SAMPLER_RECORD_RECORDER_H

#include "kernel/pins.h"

struct broker;
struct config;
struct config_source;
struct error;
struct history_writer;

/* What a recorder needs before it gives up its privilege. */
struct recorder_setup {
	const struct config_source *source;
	const struct config *config;
	struct history_writer *history; /* stays the caller's */
	struct broker *broker;		/* NULL where other units do what needs privilege */
	int pin_dir_fd; /* -1: pin_dir of the configuration can be reached by path */
};

int recorder_run(const struct recorder_setup *setup, struct error *err);

#endif
