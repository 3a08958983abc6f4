/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_SECRET_FILE_H
#define SAMPLER_HTTP_SECRET_FILE_H

#include "util/cleanup.h"
#include "util/error.h"

#include <stddef.h>
#include <sys/types.h>

#define SECRET_FILE_MAX (64 << 10)

/* A small file in memory, which is overwritten before it is given back. */
struct secret_file {
	char *text; /* with a NUL behind it */
	size_t len;
	mode_t mode;
};

int secret_file_read(const char *name, const char *path, struct secret_file *ret_file,
		     struct error *err);
void secret_file_warn(const char *name, const char *path, const struct secret_file *file);
void secret_file_forget(struct secret_file *file);

#define _cleanup_secret_ _cleanup_(secret_file_forget)

#endif
