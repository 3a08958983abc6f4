// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The keys of the configuration: one row each, with how it is read, how it is written, and when a
 * change takes effect. config.c walks the rows; nothing else knows a key by its name.
 */
#include "config/config-table.h"

#include "kernel/attach.h"
#include "model/chain.h"
#include "util/address.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/units.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#define MSEC		 NSEC_PER_MSEC
#define DAY		 (24 * 3600 * NSEC_PER_SEC)
#define INTERVAL_MIN	 (100 * MSEC)
#define INTERVAL_MAX	 (60 * NSEC_PER_SEC)
#define FINE_MIN	 60
#define FINE_MAX	 1000000
#define STREAMS_MAX	 400 /* of 512 connections: others are answered as well */
#define MEDIUM_MIN	 (600 * NSEC_PER_SEC)
#define COARSE_MIN	 (3600 * NSEC_PER_SEC)
#define SPAN_MAX	 (366 * DAY)
#define RUN_PRIORITY_MAX 65535

static const char *const mode_names[] = { "auto", "native", "skb" };

/* ---- what a value may be ---- */

static int set_text(char *dest, size_t size, const char *value)
{
	if (!*value || strlen(value) >= size)
		return -EINVAL;
	strcpy(dest, value);
	return 0;
}

static int set_path(char *dest, size_t size, const char *value)
{
	return *value == '/' ? set_text(dest, size, value) : -EINVAL;
}

/* Room for "/<key>/<map>" within the paths that the kernel side builds. */
static int set_short_path(char *dest, size_t size, const char *value)
{
	return strlen(value) > 128 ? -EINVAL : set_path(dest, size, value);
}

/* A file, or none. */
static int set_file(char *dest, size_t size, const char *value)
{
	if (!*value)
		return *dest = '\0';
	return set_path(dest, size, value);
}

/* A word of a list separated by blanks. Return: where it ends; *word is "" at the end of the list. */
static const char *take_word(const char *list, char *word, size_t size)
{
	size_t len;

	list += strspn(list, " \t");
	len = strcspn(list, " \t");
	snprintf(word, size, "%.*s", (int)len, list);
	return list + len;
}

static bool is_address(const char *word)
{
	struct address address;

	return !address_parse(word, &address);
}

/* As in DNS, and as a Host is compared; the dot at the end that a Host may have is not one of these. */
static bool is_host_name(const char *word)
{
	size_t len = strlen(word);

	return len <= 253 &&
	       len == strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_."
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
	       *word != '.' && word[len - 1] != '.';
}

static int set_list(char *dest, size_t size, const char *value, bool (*is_item)(const char *))
{
	char word[CONFIG_VALUE_MAX];

	if (strlen(value) >= size)
		return -EINVAL;
	for (const char *at = take_word(value, word, sizeof(word)); *word;
	     at = take_word(at, word, sizeof(word)))
		if (!is_item(word))
			return -EINVAL;
	strcpy(dest, value);
	return 0;
}

static int set_addresses(char *dest, size_t size, const char *value)
{
	return value[strspn(value, " \t")] ? set_list(dest, size, value, is_address) : -EINVAL;
}

static int set_host_names(char *dest, size_t size, const char *value)
{
	return set_list(dest, size, value, is_host_name);
}

static int find_name(const char *const *names, size_t n, const char *value, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], value, len))
			return i;
	return -EINVAL;
}

static int set_number(uint32_t *dest, const char *value, uint64_t min, uint64_t max)
{
	uint64_t number;
	int r = parse_u64(value, min, max, &number);

	if (!r)
		*dest = (uint32_t)number;
	return r;
}

static int set_choice(bool *dest, const char *value)
{
	static const char *const names[] = { "no", "yes" };
	int choice = find_name(names, array_size(names), value, strlen(value));

	if (choice < 0)
		return choice;
	*dest = choice;
	return 0;
}

/* ---- one reader and one writer for each key ---- */

#define KEY(name, reads, writes)                                                                   \
	static int set_##name(void *target, const char *key, const char *value, struct error *err) \
	{                                                                                          \
		struct config *c = target;                                                         \
		(void)key, (void)err;                                                              \
		return reads;                                                                      \
	}                                                                                          \
	static void get_##name(const struct config *c, char *buf, size_t size)                     \
	{                                                                                          \
		writes;                                                                            \
	}

#define TEXT_KEY(name, member, set) \
	KEY(name, set(c->member, sizeof(c->member), value), snprintf(buf, size, "%s", c->member))
#define DURATION_KEY(name, member, min, max)                      \
	KEY(name, parse_duration_ns(value, min, max, &c->member), \
	    format_duration(buf, size, c->member))
#define NUMBER_KEY(name, member, min, max) \
	KEY(name, set_number(&c->member, value, min, max), snprintf(buf, size, "%u", c->member))
#define CHOICE_KEY(name, member)                 \
	KEY(name, set_choice(&c->member, value), \
	    snprintf(buf, size, "%s", c->member ? "yes" : "no"))

DURATION_KEY(interval, interval_ns, INTERVAL_MIN, INTERVAL_MAX)
TEXT_KEY(state_dir, state_dir, set_path)
TEXT_KEY(pin_dir, pin_dir, set_short_path)
TEXT_KEY(user, user, set_text)
NUMBER_KEY(priority, run_priority, 1, RUN_PRIORITY_MAX)
CHOICE_KEY(tx, tx)
CHOICE_KEY(reattach, reattach)
NUMBER_KEY(fine_records, fine_records, FINE_MIN, FINE_MAX)
DURATION_KEY(medium, medium_span_ns, MEDIUM_MIN, SPAN_MAX)
DURATION_KEY(coarse, coarse_span_ns, COARSE_MIN, SPAN_MAX)
TEXT_KEY(listen, web_listen, set_addresses)
TEXT_KEY(allow_hosts, web_hosts, set_host_names)
NUMBER_KEY(streams, web_streams, 1, STREAMS_MAX)
TEXT_KEY(tls_cert, web_tls_cert, set_file)
TEXT_KEY(tls_key, web_tls_key, set_file)
TEXT_KEY(token_file, web_token_file, set_file)
CHOICE_KEY(no_token, web_no_token)

static int set_log_interval(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	if (!strcmp(value, "0"))
		return c->log_interval_ns = 0;
	return parse_duration_ns(value, INTERVAL_MIN, DAY, &c->log_interval_ns);
}

static void get_log_interval(const struct config *c, char *buf, size_t size)
{
	if (c->log_interval_ns)
		format_duration(buf, size, c->log_interval_ns);
	else
		snprintf(buf, size, "0"); /* as it is read: no rate log */
}

static int set_mode(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;
	int mode = find_name(mode_names, array_size(mode_names), value, strlen(value));

	(void)key, (void)err;
	if (mode < 0)
		return mode;
	c->mode = mode;
	return 0;
}

static void get_mode(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s", mode_names[c->mode]);
}

/* Without "pass" our verdict, which is always PASS, would keep all later programs from running. */
static int set_chain_actions(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;
	uint32_t actions = 0;

	(void)key, (void)err;
	while (*value) {
		size_t len = strcspn(value, " ,");
		int action = find_name(chain_action_names, CHAIN_N_ACTIONS, value, len);

		if (action < 0)
			return action;
		actions |= 1u << action;
		value += len;
		value += strspn(value, " ,");
	}
	if (!(actions & 1u << XDP_PASS))
		return -EINVAL;
	c->chain_actions = actions;
	return 0;
}

static void get_chain_actions(const struct config *c, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned int i = 0; i < CHAIN_N_ACTIONS; i++)
		if (c->chain_actions & 1u << i)
			n += snprintf(buf + n, size - n, "%s%s", n ? " " : "",
				      chain_action_names[i]);
}

static int set_service(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	return service_list_add(&c->services, key, value, err);
}

/* ---- the table ---- */

const struct config_row config_rows[] = {
	{ { "sampler", "interval", set_interval,
	    "a duration such as 1s or 500ms, from 100ms to 60s" },
	  CONFIG_LIVE,
	  get_interval },
	{ { "sampler", "log_interval", set_log_interval,
	    "a duration such as 10s, from 100ms to 1d, or 0 for no rate log" },
	  CONFIG_LIVE,
	  get_log_interval },
	{ { "sampler", "state_dir", set_state_dir, "an absolute path" },
	  CONFIG_RESTART,
	  get_state_dir },
	{ { "sampler", "pin_dir", set_pin_dir,
	    "an absolute path on a bpffs, of at most 128 characters" },
	  CONFIG_RESTART,
	  get_pin_dir },
	{ { "sampler", "user", set_user, "the name of a user" }, CONFIG_RESTART, get_user },
	{ { "attach", "mode", set_mode, "auto, native or skb" }, CONFIG_ATTACH, get_mode },
	{ { "attach", "priority", set_priority, "a run priority from 1 (first) to 65535" },
	  CONFIG_ATTACH,
	  get_priority },
	{ { "attach", "chain_actions", set_chain_actions,
	    "XDP actions after which the next program runs, pass among them: "
	    "aborted drop pass tx redirect" },
	  CONFIG_ATTACH,
	  get_chain_actions },
	{ { "attach", "tx", set_tx, "yes or no" }, CONFIG_ATTACH, get_tx },
	{ { "attach", "reattach", set_reattach, "yes or no" }, CONFIG_LIVE, get_reattach },
	{ { "history", "fine_records", set_fine_records,
	    "a number of records, one an interval, from 60 to 1000000" },
	  CONFIG_RESTART,
	  get_fine_records },
	{ { "history", "medium", set_medium, "a duration such as 24h, from 10min to 366d" },
	  CONFIG_RESTART,
	  get_medium },
	{ { "history", "coarse", set_coarse, "a duration such as 14d, from 1h to 366d" },
	  CONFIG_RESTART,
	  get_coarse },
	{ { "web", "listen", set_listen, "one or more of " ADDRESS_EXPECTED },
	  CONFIG_WEB,
	  get_listen },
	{ { "web", "allow_hosts", set_allow_hosts, "names of hosts, separated by blanks" },
	  CONFIG_WEB,
	  get_allow_hosts },
	{ { "web", "streams", set_streams, "a number of clients from 1 to 400" },
	  CONFIG_WEB,
	  get_streams },
	{ { "web", "tls_cert", set_tls_cert, "an absolute path, or nothing" },
	  CONFIG_WEB,
	  get_tls_cert },
	{ { "web", "tls_key", set_tls_key, "an absolute path, or nothing" },
	  CONFIG_WEB,
	  get_tls_key },
	{ { "web", "token_file", set_token_file, "an absolute path, or nothing" },
	  CONFIG_WEB,
	  get_token_file },
	{ { "web", "insecure_no_token", set_no_token, "yes or no" }, CONFIG_WEB, get_no_token },
	{ { "services", "*", set_service,
	    "ports such as tcp/443 or udp/53 tcp/53 or tcp/8000-8010" },
	  CONFIG_LIVE_KERNEL,
	  NULL },
};

const size_t n_config_rows = array_size(config_rows);
