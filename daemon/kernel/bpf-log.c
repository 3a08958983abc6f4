// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What libbpf and libxdp print: shown at debug level, and searched for the three things that they
 * tell in no other way (the kernel's words, the verifier's, and that no dispatcher was used).
 *
 * Their print callbacks take no user pointer, hence the one pointer at file scope; it is set only
 * between bpf_log_start() and bpf_log_stop() of a single-threaded process.
 */
#include "kernel/bpf-log.h"

#include "sampler_abi.h"
#include "util/cleanup.h"
#include "util/log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

static struct bpf_log *current;

static void keep(char *dest, size_t size, const char *text)
{
	size_t n = strcspn(text, "\n");

	snprintf(dest, size, "%.*s", (int)n, text);
}

static void keep_kernel_words(const char *text)
{
	static const char mark[] = "Kernel error message: ";
	const char *found = strstr(text, mark);

	if (found)
		keep(current->kernel, sizeof(current->kernel), found + sizeof(mark) - 1);
}

static bool is_statistics(const char *line)
{
	return !strncmp(line, "processed ", 10) || !strncmp(line, "verification time", 17) ||
	       !strncmp(line, "stack depth", 11) || !strncmp(line, "-- END", 6);
}

/* The verifier ends its log with what it objected to, then statistics. */
static void keep_verifier_words(char *text)
{
	static const char mark[] = "-- BEGIN PROG LOAD LOG --\n";
	char *log = strstr(text, mark), *rest;

	if (!log ||
	    (!strstr(text, "'" SAMPLER_PROG_RX "'") && !strstr(text, "'" SAMPLER_PROG_TX "'")))
		return;
	for (char *line = strtok_r(log + sizeof(mark) - 1, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (*line && !is_statistics(line))
			keep(current->verifier, sizeof(current->verifier), line);
}

static int on_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	int n = vasprintf(&text, format, args);

	(void)level;
	if (n < 0)
		return n;
	log_debug("%s", text);
	if (current) {
		keep_kernel_words(text);
		keep_verifier_words(text);
	}
	return n;
}

static bool is_trouble(const char *text)
{
	return strstr(text, "ailed") || strstr(text, "an't") || strstr(text, "No bpffs");
}

/* "Falling back ..." comes some time after the line with its reason. */
static void keep_fallback_reason(const char *text)
{
	static const char prefix[] = "libxdp: ";

	if (strstr(text, "Falling back"))
		keep(current->no_chain, sizeof(current->no_chain),
		     current->trouble[0] ? current->trouble : "libxdp does not say why");
	if (!strncmp(text, prefix, sizeof(prefix) - 1))
		text += sizeof(prefix) - 1;
	if (is_trouble(text))
		keep(current->trouble, sizeof(current->trouble), text);
}

static int on_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	int n = vasprintf(&text, format, args);

	(void)level;
	if (n < 0)
		return n;
	log_debug("%s", text);
	if (current)
		keep_fallback_reason(text);
	return n;
}

/**
 * bpf_log_start() - route the libraries' prints to the debug log and to @log
 * @log: zero at first, filled until bpf_log_stop(); NULL only routes
 */
void bpf_log_start(struct bpf_log *log)
{
	if (log) { /* libxdp finds out once that it cannot chain, and then knows */
		log->kernel[0] = log->verifier[0] = 0;
	}
	current = log;
	libbpf_set_print(on_libbpf);
	libxdp_set_print(on_libxdp);
}

/** bpf_log_stop() - @log of bpf_log_start() is no longer written to; routing stays */
void bpf_log_stop(void)
{
	current = NULL;
}
