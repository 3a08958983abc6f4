/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_LOG_H
#define SAMPLER_UTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

/*
 * Takes a line instead of standard error; @message_id is of util/message-ids.h, or NULL.
 * Return: 0, or negative where it could not.
 */
typedef int log_sink_fn(int level, const char *message_id, const char *text, const void *user);

void log_set_level(int level);
void log_set_sink(log_sink_fn *sink, const void *user);
bool log_is_journal(void);
void log_event(int level, const char *message_id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...)	 log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_ERR, __VA_ARGS__)

#endif
