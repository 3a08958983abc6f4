// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The configuration of samplerd and sampler-web: defaults, then <dir>/sampler.conf, then
 * <dir>/<interface>.conf, then the command line.
 *
 * One table row a key (config-table.c): how it is read, how it is written, when a change takes
 * effect. Reading, --check-config and the report of a reload all walk that table, so a key cannot be
 * in one and not in another.
 */
#include "config/config.h"

#include "config/config-table.h"
#include "kernel/attach.h"
#include "kernel/pins.h"
#include "store/history.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/ini.h"
#include "util/log.h"
#include "util/units.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>

#ifndef SAMPLER_USER
#define SAMPLER_USER "sampler"
#endif

#define DAY (24 * 3600 * NSEC_PER_SEC)

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
		.tx = true,
		.fine_records = 3600,
		.medium_span_ns = DAY,
		.coarse_span_ns = 14 * DAY,
		.web_listen = CONFIG_DEFAULT_LISTEN,
		.web_streams = 256,
	};
	service_list_init(&config->services);
}

/* There is one sampler-web for all interfaces. */
static int refuse_web(void *target, const char *key, const char *value, struct error *err)
{
	(void)target, (void)key, (void)value;
	return error_set(err, -EINVAL, "[web] is not an interface's: it belongs into sampler.conf");
}

static void take_keys(struct ini_key *keys, bool of_interface)
{
	for (size_t i = 0; i < n_config_rows; i++) {
		keys[i] = config_rows[i].ini;
		if (of_interface && config_rows[i].effect == CONFIG_WEB)
			keys[i].set = refuse_web;
	}
}

static int load_file(struct config *config, const char *dir, const char *ifname, struct error *err)
{
	struct ini_key keys[CONFIG_MAX_ROWS];
	char path[512];
	int r;

	take_keys(keys, ifname);
	if (snprintf(path, sizeof(path), "%s/%s.conf", dir, ifname ?: "sampler") >=
	    (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", dir);
	service_list_make_defaults(&config->services); /* this file may say it anew */
	r = ini_read(path, keys, n_config_rows, config, err);
	return r == -ENOENT ? 0 : r;
}

/* Files may be missing, but a folder that somebody has named should be there. */
static int check_dir(const char *dir, struct error *err)
{
	struct stat st;

	if (!dir || (!stat(dir, &st) && S_ISDIR(st.st_mode)))
		return 0;
	return error_set(err, -ENOENT, "--config-dir %s: no such folder", dir);
}

static int set_key(struct config *config, const char *key, const char *value, struct error *err)
{
	for (size_t i = 0; i < n_config_rows; i++) {
		if (strcmp(config_rows[i].ini.name, key))
			continue;
		if (!config_rows[i].ini.set(config, key, value, err))
			return 0;
		return error_set(err, -EINVAL, "%s = %s: expected %s", key, value,
				 config_rows[i].ini.expected);
	}
	return error_set(err, -EINVAL, "unknown key \"%s\"", key);
}

static int load_file_as_asked(const struct config_source *source, struct config *config,
			      const char *ifname, struct error *err)
{
	int r = load_file(config, source->dir ?: CONFIG_DEFAULT_DIR, ifname, err);

	if (r && source->lenient) {
		log_warning("%s", err->text);
		r = 0;
	}
	return r;
}

/**
 * config_resolve() - defaults, files, command line, in this order
 * @source: where from; each of its files may be missing, and the default folder
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
	r = check_dir(source->dir, err) ?: load_file_as_asked(source, &config, NULL, err);
	if (!r && source->ifname)
		r = load_file_as_asked(source, &config, source->ifname, err);
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

	for (size_t i = 0; i < n_config_rows; i++) {
		if (strcmp(section, config_rows[i].ini.section))
			fprintf(out, "%s[%s]\n", i ? "\n" : "", config_rows[i].ini.section);
		section = config_rows[i].ini.section;
		if (!config_rows[i].get)
			continue;
		config_rows[i].get(config, value, sizeof(value));
		fprintf(out, "%s = %s\n", config_rows[i].ini.name, value);
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

	for (size_t i = 0; i < n_config_rows; i++) {
		if (!config_rows[i].get)
			continue;
		config_rows[i].get(before, old, sizeof(old));
		config_rows[i].get(after, new, sizeof(new));
		if (strcmp(old, new))
			fn(config_rows[i].ini.name, config_rows[i].effect, old, new, user);
	}
	compare_services(&before->services, &after->services, fn, user);
}
