// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Errors as values: a negative errno for the program, one line of text for the person.
 *
 * A function that can fail for a reason worth telling takes a `struct error *` last and returns
 * error_set(...). It does not log; the caller that decides what the failure means does.
 */
#include "util/error.h"

#include <stdio.h>
#include <string.h>

/**
 * error_set() - describe a failure
 * @err: where the text goes, or NULL when the caller does not want it
 * @code: negative errno
 * @format: printf format of one line without a newline
 *
 * Line breaks that come in with arguments (a verifier's log, say) become blanks, so that the text
 * stays one line.
 *
 * Return: @code, so that `return error_set(err, -ENODEV, ...)` reads well.
 */
int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	for (char *c = err->text; (c = strpbrk(c, "\r\n"));)
		*c = ' ';
	return code;
}
