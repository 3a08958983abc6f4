/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_UTIL_LOG_H
#define SAMPLER_UTIL_LOG_H

#include <stdarg.h>
#include <syslog.h>

void log_set_level(int level);
void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vwrite(int level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#define log_debug(...)	 log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_ERR, __VA_ARGS__)

#endif
