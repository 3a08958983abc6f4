/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_CONFIG_CONFIG_TABLE_H
#define SAMPLER_CONFIG_CONFIG_TABLE_H

#include "config/config.h"
#include "util/ini.h"

#include <stddef.h>

#define CONFIG_MAX_ROWS 32

struct config_row {
	struct ini_key ini; /* its target is a struct config */
	enum config_effect effect;
	/* Writes the value as a file has it. NULL: not one value, but a list that config.c writes. */
	void (*get)(const struct config *config, char *buf, size_t size);
};

extern const struct config_row config_rows[];
extern const size_t n_config_rows; /* at most CONFIG_MAX_ROWS */

#endif
