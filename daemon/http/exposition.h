/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How Prometheus reads: OpenMetrics 1.0, and the text format 0.0.4 that was before it. A family is a
 * name with its type and help, and samples of it follow in one piece.
 */
#ifndef SAMPLER_HTTP_EXPOSITION_H
#define SAMPLER_HTTP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct exposition {
	FILE *out;
	bool open_metrics;
};

const char *exposition_type(const char *accept, size_t len);
bool exposition_is_open_metrics(const char *type);

void exposition_counter(const struct exposition *e, const char *name, const char *unit,
			const char *help);
void exposition_gauge(const struct exposition *e, const char *name, const char *unit,
		      const char *help);
void exposition_info(const struct exposition *e, const char *name, const char *help);
void exposition_seconds(const struct exposition *e, uint64_t ns);
void exposition_label(char *buf, size_t size, const char *text, size_t len);

#endif
