// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Plain lines on standard error, for people and for the journal alike.
 *
 * Where systemd has connected standard error to the journal (JOURNAL_STREAM), each line starts with
 * its level as sd-daemon(3) describes, so that `journalctl -p` works. The level is the only mutable
 * state at file scope in the project. One line is one write(2): lines of several processes on the
 * same terminal do not mix.
 */
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int max_level = LOG_INFO;

/**
 * log_set_level() - show messages up to this level
 * @level: LOG_ERR to LOG_DEBUG of syslog.h
 */
void log_set_level(int level)
{
	max_level = level;
}

static const char *prefix(int level)
{
	if (level <= LOG_ERR)
		return "error: ";
	if (level == LOG_WARNING)
		return "warning: ";
	return level == LOG_DEBUG ? "debug: " : "";
}

/** log_vwrite() - log_write() with a va_list */
void log_vwrite(int level, const char *format, va_list args)
{
	char line[2048];
	int n = 0;

	if (level > max_level)
		return;
	if (getenv("JOURNAL_STREAM"))
		n = snprintf(line, sizeof(line), "<%d>", level);
	else
		n = snprintf(line, sizeof(line), "%s: %s", program_invocation_short_name,
			     prefix(level));
	n += vsnprintf(line + n, sizeof(line) - n, format, args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	while (n > 0 && line[n - 1] == '\n')
		n--;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say it */
}

/**
 * log_write() - write one line to standard error
 * @level: syslog level; dropped when above log_set_level()
 * @format: printf format; a newline at the end is optional
 */
void log_write(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, format, args);
	va_end(args);
}
