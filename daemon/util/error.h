/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_ERROR_H
#define SAMPLER_UTIL_ERROR_H

#include <stdarg.h>

/* One line for a person: what could not be done, to which object, and what to do about it. */
struct error {
	char text[512];
};

int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
