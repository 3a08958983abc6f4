// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * samplerd's configuration: defaults, then <dir>/sampler.conf, then <dir>/<interface>.conf, then the
 * command line.
 *
 * One table row a key: how it is read, how it is written, when a change takes effect. Reading,
 * --check-config and the report of a reload all walk that table, so a key cannot be in one and not
 * in another.
 */
#include "config/config.h"

#include "kernel/attach.h"
#include "kernel/pins.h"
#include "store/history.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/ini.h"
#include "util/units.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#ifndef SAMPLER_USER
#define SAMPLER_USER "sampler"
#endif

#define MSEC		 NSEC_PER_MSEC
#define DAY		 (24 * 3600 * NSEC_PER_SEC)
#define INTERVAL_MIN	 (100 * MSEC)
#define INTERVAL_MAX	 (60 * NSEC_PER_SEC)
#define N_XDP_ACTIONS	 5
#define FINE_MIN	 60
#define FINE_MAX	 1000000
#define MEDIUM_MIN	 (600 * NSEC_PER_SEC)
#define COARSE_MIN	 (3600 * NSEC_PER_SEC)
#define SPAN_MAX	 (366 * DAY)
#define RUN_PRIORITY_MAX 65535

static const char *const mode_names[] = { "auto", "native", "skb" };
static const char *const action_names[N_XDP_ACTIONS] = { "aborted", "drop", "pass", "tx",
							 "redirect" };

/* ---- one reader and one writer for each kind of value ---- */

static int set_interval(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	return parse_duration_ns(value, INTERVAL_MIN, INTERVAL_MAX, &c->interval_ns);
}

static void get_interval(const struct config *c, char *buf, size_t size)
{
	format_duration(buf, size, c->interval_ns);
}

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

static int set_text(char *dest, size_t size, const char *value, bool is_path)
{
	if (!*value || strlen(value) >= size || (is_path && *value != '/'))
		return -EINVAL;
	strcpy(dest, value);
	return 0;
}

static int set_state_dir(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	return set_text(c->state_dir, sizeof(c->state_dir), value, true);
}

static void get_state_dir(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s", c->state_dir);
}

static int set_pin_dir(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	/* room for "/<key>/<map>" within the paths that the kernel side builds */
	return strlen(value) > 128 ? -EINVAL
				   : set_text(c->pin_dir, sizeof(c->pin_dir), value, true);
}

static void get_pin_dir(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s", c->pin_dir);
}

static int set_user(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	return set_text(c->user, sizeof(c->user), value, false);
}

static void get_user(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s", c->user);
}

static int find_name(const char *const *names, size_t n, const char *value, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], value, len))
			return i;
	return -EINVAL;
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

static int set_priority(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;
	uint64_t priority;
	int r = parse_u64(value, 1, RUN_PRIORITY_MAX, &priority);

	(void)key, (void)err;
	if (!r)
		c->run_priority = priority;
	return r;
}

static void get_priority(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%u", c->run_priority);
}

/* Without "pass" our verdict, which is always PASS, would keep all later programs from running. */
static int set_chain_actions(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;
	uint32_t actions = 0;

	(void)key, (void)err;
	while (*value) {
		size_t len = strcspn(value, " ,");
		int action = find_name(action_names, N_XDP_ACTIONS, value, len);

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

	for (unsigned int i = 0; i < N_XDP_ACTIONS; i++)
		if (c->chain_actions & 1u << i)
			n += snprintf(buf + n, size - n, "%s%s", n ? " " : "", action_names[i]);
}

static int set_reattach(void *target, const char *key, const char *value, struct error *err)
{
	static const char *const names[] = { "no", "yes" };
	struct config *c = target;
	int choice = find_name(names, array_size(names), value, strlen(value));

	(void)key, (void)err;
	if (choice < 0)
		return choice;
	c->reattach = choice;
	return 0;
}

static void get_reattach(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s", c->reattach ? "yes" : "no");
}

static int set_fine_records(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;
	uint64_t records;
	int r = parse_u64(value, FINE_MIN, FINE_MAX, &records);

	(void)key, (void)err;
	if (!r)
		c->fine_records = records;
	return r;
}

static void get_fine_records(const struct config *c, char *buf, size_t size)
{
	snprintf(buf, size, "%u", c->fine_records);
}

static int set_medium(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	return parse_duration_ns(value, MEDIUM_MIN, SPAN_MAX, &c->medium_span_ns);
}

static void get_medium(const struct config *c, char *buf, size_t size)
{
	format_duration(buf, size, c->medium_span_ns);
}

static int set_coarse(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	(void)key, (void)err;
	return parse_duration_ns(value, COARSE_MIN, SPAN_MAX, &c->coarse_span_ns);
}

static void get_coarse(const struct config *c, char *buf, size_t size)
{
	format_duration(buf, size, c->coarse_span_ns);
}

static int set_service(void *target, const char *key, const char *value, struct error *err)
{
	struct config *c = target;

	return service_list_add(&c->services, key, value, err);
}

static size_t print_range(char *buf, size_t size, const struct service_range *range, bool first)
{
	const char *protocol = range->protocol == SERVICE_TCP ? "tcp" : "udp";
	int n = snprintf(buf, size, "%s%s/%u", first ? "" : " ", protocol, range->first);

	if (range->last != range->first)
		n += snprintf(buf + n, size - n, "-%u", range->last);
	return n;
}

static void print_service(const struct service *service, char *buf, size_t size)
{
	size_t n = 0;

	*buf = 0;
	for (uint32_t i = 0; i < service->n_ranges && n + 20 < size; i++)
		n += print_range(buf + n, size - n, &service->range[i], !i);
}

/* ---- the table ---- */

struct row {
	struct ini_key ini;
	enum config_effect effect;
	void (*get)(const struct config *config, char *buf, size_t size);
};

static const struct row rows[] = {
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
	{ { "attach", "mode", set_mode, "auto, native or skb" }, CONFIG_RESTART, get_mode },
	{ { "attach", "priority", set_priority, "a run priority from 1 (first) to 65535" },
	  CONFIG_RESTART,
	  get_priority },
	{ { "attach", "chain_actions", set_chain_actions,
	    "XDP actions after which the next program runs, pass among them: "
	    "aborted drop pass tx redirect" },
	  CONFIG_RESTART,
	  get_chain_actions },
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
	{ { "services", "*", set_service,
	    "ports such as tcp/443 or udp/53 tcp/53 or tcp/8000-8010" },
	  CONFIG_LIVE_KERNEL,
	  NULL },
};

static void set_defaults(struct config *config)
{
	*config = (struct config){
		.interval_ns = NSEC_PER_SEC,
		.log_interval_ns = 10 * NSEC_PER_SEC,
		.state_dir = "/var/lib/sampler",
		.pin_dir = PINS_DEFAULT_DIR,
		.user = SAMPLER_USER,
		.mode = ATTACH_AUTO,
		.run_priority = ATTACH_DEFAULT_PRIORITY,
		.chain_actions = 1u << ATTACH_DEFAULT_CHAIN_ACTION,
		.fine_records = 3600,
		.medium_span_ns = DAY,
		.coarse_span_ns = 14 * DAY,
	};
	service_list_init(&config->services);
}

static int load_file(struct config *config, const char *dir, const char *name, struct error *err)
{
	struct ini_key keys[array_size(rows)];
	char path[512];
	int r;

	for (size_t i = 0; i < array_size(rows); i++)
		keys[i] = rows[i].ini;
	if (snprintf(path, sizeof(path), "%s/%s.conf", dir, name) >= (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", dir);
	service_list_make_defaults(&config->services); /* this file may say it anew */
	r = ini_read(path, keys, array_size(keys), config, err);
	return r == -ENOENT ? 0 : r;
}

static int set_key(struct config *config, const char *key, const char *value, struct error *err)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		if (strcmp(rows[i].ini.name, key))
			continue;
		if (!rows[i].ini.set(config, key, value, err))
			return 0;
		return error_set(err, -EINVAL, "%s = %s: expected %s", key, value,
				 rows[i].ini.expected);
	}
	return error_set(err, -EINVAL, "unknown key \"%s\"", key);
}

/**
 * config_resolve() - defaults, files, command line, in this order
 * @source: where from; each of its files may be missing
 * @ret_config: filled on success
 * @err: file, line, what was expected
 *
 * Return: 0 or negative errno.
 */
int config_resolve(const struct config_source *source, struct config *ret_config, struct error *err)
{
	struct config config;
	int r;

	set_defaults(&config);
	r = load_file(&config, source->dir, "sampler", err);
	if (!r && source->ifname)
		r = load_file(&config, source->dir, source->ifname, err);
	for (size_t i = 0; !r && i < source->n_overrides; i++)
		r = set_key(&config, source->override[i].key, source->override[i].value, err);
	r = r ?: service_list_check(&config.services, err);
	if (!r)
		*ret_config = config;
	return r;
}

/** config_print() - write the resolved configuration in the form of a file, with its memory */
void config_print(const struct config *config, FILE *out)
{
	struct history_geometry geometry = {
		.interval_ns = config->interval_ns,
		.fine_records = config->fine_records,
		.medium_span_ns = config->medium_span_ns,
		.coarse_span_ns = config->coarse_span_ns,
	};
	const char *section = "";
	char value[CONFIG_VALUE_MAX];

	for (size_t i = 0; i < array_size(rows); i++) {
		if (strcmp(section, rows[i].ini.section))
			fprintf(out, "%s[%s]\n", i ? "\n" : "", rows[i].ini.section);
		section = rows[i].ini.section;
		if (!rows[i].get)
			continue;
		rows[i].get(config, value, sizeof(value));
		fprintf(out, "%s = %s\n", rows[i].ini.name, value);
	}
	for (uint32_t i = 0; i < config->services.n; i++) {
		print_service(&config->services.service[i], value, sizeof(value));
		fprintf(out, "%s = %s\n", config->services.service[i].name, value);
	}
	format_bytes(value, sizeof(value), history_size(&geometry));
	fprintf(out, "\n# history file of each interface: %s\n", value);
}

static const struct service *find_service(const struct service_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!strcmp(list->service[i].name, name))
			return &list->service[i];
	return NULL;
}

static void compare_service(const struct service *before, const struct service *after,
			    config_change_fn fn, void *user)
{
	char old[CONFIG_VALUE_MAX] = "", new[CONFIG_VALUE_MAX] = "";

	if (before)
		print_service(before, old, sizeof(old));
	if (after)
		print_service(after, new, sizeof(new));
	if (strcmp(old, new))
		fn(before ? before->name : after->name, CONFIG_LIVE_KERNEL, old, new, user);
}

static void compare_services(const struct service_list *before, const struct service_list *after,
			     config_change_fn fn, void *user)
{
	for (uint32_t i = 0; i < before->n; i++)
		compare_service(&before->service[i], find_service(after, before->service[i].name),
				fn, user);
	for (uint32_t i = 0; i < after->n; i++)
		if (!find_service(before, after->service[i].name))
			compare_service(NULL, &after->service[i], fn, user);
}

/**
 * config_compare() - which keys differ
 * @before: one configuration
 * @after: the other
 * @fn: called for each key that differs, with both values as a file has them
 * @user: passed to @fn
 */
void config_compare(const struct config *before, const struct config *after, config_change_fn fn,
		    void *user)
{
	char old[CONFIG_VALUE_MAX], new[CONFIG_VALUE_MAX];

	for (size_t i = 0; i < array_size(rows); i++) {
		if (!rows[i].get)
			continue;
		rows[i].get(before, old, sizeof(old));
		rows[i].get(after, new, sizeof(new));
		if (strcmp(old, new))
			fn(rows[i].ini.name, rows[i].effect, old, new, user);
	}
	compare_services(&before->services, &after->services, fn, user);
}
