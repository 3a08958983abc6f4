// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Plain lines on standard error, for people and for the journal alike.
 *
 * Where systemd has connected standard error to the journal (JOURNAL_STREAM), each line starts with
 * its level as sd-daemon(3) describes, so that `journalctl -p` works; or a sink takes it, which can
 * give it fields. Level and sink are the only mutable state at file scope in the project. One line is
 * one write(2): lines of several processes on the same terminal do not mix.
 */
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int max_level = LOG_INFO;
static log_sink_fn *to_sink;
static const void *sink_user;

/**
 * log_set_level() - show messages up to this level
 * @level: LOG_ERR to LOG_DEBUG of syslog.h
 */
void log_set_level(int level)
{
	max_level = level;
}

/**
 * log_set_sink() - have lines taken by a function
 * @sink: gets each line that the level lets pass; what it does not take goes to standard error
 * @user: passed on; has to live as long as the process
 */
void log_set_sink(log_sink_fn *sink, const void *user)
{
	to_sink = sink;
	sink_user = user;
}

/**
 * log_is_journal() - is standard error the journal
 *
 * Return: true where JOURNAL_STREAM of systemd.exec(5) names the file that standard error is: it is
 * also inherited by what a service or a terminal's shell starts with its output elsewhere.
 */
bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return !strcmp(stream, ours);
}

static const char *prefix(int level)
{
	if (level <= LOG_ERR)
		return "error: ";
	if (level == LOG_WARNING)
		return "warning: ";
	return level == LOG_DEBUG ? "debug: " : "";
}

static void to_stderr(int level, const char *text)
{
	char line[2048 + 64];
	int n;

	if (log_is_journal())
		n = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		n = snprintf(line, sizeof(line), "%s: %s%s\n", program_invocation_short_name,
			     prefix(level), text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say it */
}

__attribute__((format(printf, 3, 0))) static void say(int level, const char *message_id,
						      const char *format, va_list args)
{
	char text[2000];
	int n;

	if (level > max_level)
		return;
	vsnprintf(text, sizeof(text), format, args);
	for (n = (int)strlen(text); n > 0 && text[n - 1] == '\n'; n--)
		text[n - 1] = 0;
	if (!to_sink || to_sink(level, message_id, text, sink_user) < 0)
		to_stderr(level, text);
}

/**
 * log_event() - say one line that the journal's catalog explains
 * @level: syslog level; dropped when above log_set_level()
 * @message_id: of util/message-ids.h
 * @format: printf format
 */
void log_event(int level, const char *message_id, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(level, message_id, format, args);
	va_end(args);
}

/**
 * log_write() - say one line
 * @level: syslog level; dropped when above log_set_level()
 * @format: printf format; a newline at the end is optional
 */
void log_write(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(level, NULL, format, args);
	va_end(args);
}
