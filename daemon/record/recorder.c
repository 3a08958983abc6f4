// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The recorder: at each tick one read of the counters becomes one sample, and the sample goes to the
 * history file, to the rate log and to systemd.
 *
 * It holds no privilege and no state that matters: counters are in the kernel, samples in the file.
 * Everything is found anew at each tick by the pins' path, so that whatever happened to the pins or
 * the link between two ticks (detached, replaced, made anew, renamed, gone) is seen as what it is.
 * The timer keeps to multiples of the interval on CLOCK_BOOTTIME: it does not drift, and what it
 * missed is a gap, not a burst.
 */
#include "record/recorder.h"

#include "config/config.h"
#include "kernel/counters-map.h"
#include "kernel/link.h"
#include "model/counters.h"
#include "model/rates.h"
#include "record/broker.h"
#include "record/rate-log.h"
#include "record/watch.h"
#include "store/history.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

struct recorder {
	const struct recorder_setup *setup;
	struct config config; /* the part that a reload can change is used from here */
	const char *ifname;
	char pin_dir[256];
	sd_event *event;
	sd_event_source *timer;
	uint64_t next_ns; /* the tick that is due */
	int link_fd;

	struct pins pins;
	struct sampler_meta meta;
	struct counters_map map;
	bool open;	    /* map and meta are those of the pins */
	bool complained;    /* about pins that are not there */
	bool unwritten;	    /* the history cannot be written, which was said */
	struct error fatal; /* why the loop was left with an error */

	struct watch watch;
	struct rate_log log;
	bool have_last;
	struct sample last; /* of the tick before */
};

static int end(struct recorder *r, int status)
{
	return sd_event_exit(r->event, status);
}

static void tell_rates(struct recorder *r, const struct sample *sample, bool last_words)
{
	const struct rate_log_pace pace = { r->config.interval_ns, r->config.log_interval_ns };

	if (r->have_last)
		rate_log_forget_silence(&r->log, &r->last, sample, &pace);
	rate_log_tell(&r->log, r->ifname, (const char(*)[SAMPLER_NAME_MAX])r->meta.service, sample,
		      &pace, last_words);
}

/* ---- pins ---- */

static void close_pins(struct recorder *r)
{
	if (r->have_last)
		tell_rates(r, &r->last, true); /* what was recorded is also told */
	if (r->open)
		counters_map_close(&r->map);
	r->open = r->have_last = r->log.started = false;
}

/* Paths as the configuration has them, not through the descriptor that stands for them here. */
static void tell_paths(const struct recorder *r, struct error *err)
{
	const char *real = r->setup->config->pin_dir;
	char *at = strstr(err->text, r->pin_dir);
	struct error before = *err;

	if (at && strcmp(real, r->pin_dir))
		error_set(err, 0, "%.*s%s%s", (int)(at - err->text), before.text, real,
			  before.text + (at - err->text) + strlen(r->pin_dir));
}

static void complain_once(struct recorder *r, const char *text)
{
	if (!r->complained)
		log_event(LOG_ERR, MESSAGE_NOT_ATTACHED, "%s", text);
	r->complained = true;
}

/* Are the pins there, and of the counters that we have open? If not, open what is there. */
static int refresh_pins(struct recorder *r, struct error *err)
{
	struct sampler_meta meta;
	int e = pins_find(r->pin_dir, r->ifname, &r->pins, err)
			?: pins_read_meta(&r->pins, &meta, err);

	if (e) {
		close_pins(r);
		return e;
	}
	if (r->open && meta.epoch != r->meta.epoch)
		close_pins(r);
	if (!r->open) {
		e = counters_map_open(&r->map, &r->pins, err);
		if (e)
			return e;
		r->open = true;
		watch_begin(&r->watch, &meta);
	}
	r->meta = meta;
	return 0;
}

/* ---- link ---- */

/* The link by its index: 0 while it is ours, -ENODEV when it is gone or has another name. */
static int check_link(struct recorder *r, struct link_info *ret_link)
{
	int e = link_query_index(r->link_fd, r->meta.ifindex, ret_link);

	if (e == -ENODEV) {
		log_notice("%s is gone (removed, or moved to another namespace): ending",
			   r->ifname);
		return e;
	}
	if (!e && strcmp(ret_link->name, r->ifname)) {
		log_notice("%s is now called %s: ending", r->ifname, ret_link->name);
		return -ENODEV;
	}
	return e;
}

static void judge(struct recorder *r, const struct link_info *link, const struct sample *sample)
{
	const struct watch_input input = {
		.pins = &r->pins,
		.meta = &r->meta,
		.link = link,
		.sample = sample,
		.reattach = r->config.reattach,
	};

	watch_tick(&r->watch, &input);
}

/* ---- one sample ---- */

static int begin_epoch(struct recorder *r, const struct sample *sample)
{
	struct history_source source = {
		.counters_id = r->meta.epoch,
		.ifindex = r->meta.ifindex,
	};
	sd_id128_t boot;
	int e = sd_id128_get_boot(&boot);

	if (e < 0)
		return e;
	memcpy(source.boot_id, &boot, sizeof(source.boot_id));
	memcpy(source.services.name, r->meta.service, sizeof(source.services.name));
	return history_begin_epoch(r->setup->history, &source, sample);
}

static void carry_peak(struct recorder *r, struct sample *sample)
{
	const struct sample *last = history_last(r->setup->history);

	sample->epoch = history_writer_epoch(r->setup->history);
	if (last)
		rates_carry_peak(last, sample, r->config.interval_ns / 2);
}

/* Counting goes on, so there is time to make room: said once, and once when it is well again. */
static void tell_store(struct recorder *r, int e)
{
	if (e < 0 && !r->unwritten)
		log_event(LOG_ERR, MESSAGE_HISTORY_FAILED,
			  "%s: cannot write the history: %s; counting goes on", r->ifname,
			  strerror(-e));
	else if (e >= 0 && r->unwritten)
		log_notice("%s: the history is written again", r->ifname);
	r->unwritten = e < 0;
}

/* Each tick says where the counters come from: a reload may have added services. */
static void store(struct recorder *r, struct sample *sample)
{
	int e = begin_epoch(r, sample);

	if (e >= 0) {
		carry_peak(r, sample);
		e = history_append(r->setup->history, sample);
	}
	tell_store(r, e);
}

static void tell_systemd(struct recorder *r, const struct sample *sample)
{
	struct delta delta;
	char rates[128] = "waiting for the first interval";

	if (r->have_last && !rates_between(&r->last, sample, &delta))
		rate_log_status(rates, sizeof(rates), &delta);
	sd_notifyf(false, "READY=1\nSTATUS=%s%s%s", rates, *r->watch.health.reason ? "; " : "",
		   r->watch.health.reason);
}

static int take_sample(struct recorder *r, struct sample *ret_sample)
{
	char text[128];
	int e = counters_map_read(&r->map, ret_sample);

	if (e) {
		snprintf(text, sizeof(text), "%s: cannot read the counters: %s", r->ifname,
			 strerror(-e));
		complain_once(r, text);
		return e;
	}
	r->complained = false;
	if (link_vlan_stripped(r->ifname))
		ret_sample->flags |= SAMPLE_VLAN_STRIPPED;
	if (watch_tx(&r->watch, &r->pins, &r->meta))
		ret_sample->flags |= SAMPLE_TX;
	ret_sample->interval_us = (uint32_t)(r->config.interval_ns / NSEC_PER_USEC);
	return 0;
}

static int tick(struct recorder *r)
{
	struct error err = { "" };
	struct link_info link;
	struct sample sample;
	int e = refresh_pins(r, &err);

	if (e)
		tell_paths(r, &err);
	if (e == -ENOENT)
		error_set(&err, e, "%s is not attached: waiting for samplerd --attach %s (as root)",
			  r->ifname, r->ifname);
	if (e == -EPROTO) { /* attached by another version: it will not become readable */
		r->fatal = err;
		return end(r, e);
	}
	if (e) {
		complain_once(r, err.text);
		sd_notifyf(false, "READY=1\nSTATUS=not counting: %s", err.text);
		return 0;
	}
	e = check_link(r, &link);
	if (e == -ENODEV)
		return end(r, 0);
	if (take_sample(r, &sample))
		return 0;
	if (!e)
		judge(r, &link, &sample);
	if (r->watch.health.state == HEALTH_DEGRADED)
		sample.flags |= SAMPLE_DEGRADED;
	store(r, &sample);
	tell_rates(r, &sample, false);
	tell_systemd(r, &sample);
	r->last = sample;
	r->have_last = true;
	return 0;
}

/* ---- events ---- */

static uint64_t next_multiple(uint64_t now, uint64_t interval)
{
	return (now / interval + 1) * interval;
}

/* Ticks that no one was there for: this process was stopped, or the machine busy or asleep. */
static void note_missed(struct recorder *r, uint64_t now)
{
	uint64_t n = now > r->next_ns ? (now - r->next_ns) / r->config.interval_ns : 0;

	if (!n)
		return;
	history_count_missed(r->setup->history, n);
	log_debug("%s: %" PRIu64 " ticks missed", r->ifname, n);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct recorder *r = user;
	uint64_t interval = r->config.interval_ns, now = clock_boottime_ns();

	(void)usec;
	note_missed(r, now);
	tick(r);
	/* Not after the tick's end: one that a busy machine draws out makes the next late, not lost. */
	r->next_ns = next_multiple(now, interval);
	sd_event_source_set_time(source, r->next_ns / NSEC_PER_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *user)
{
	(void)source, (void)si;
	return end(user, 0);
}

static void tell_change(const char *key, enum config_effect effect, const char *before,
			const char *after, void *user)
{
	struct recorder *r = user;
	bool attaches = effect == CONFIG_LIVE_KERNEL || effect == CONFIG_ATTACH;

	if (effect == CONFIG_LIVE || (effect == CONFIG_LIVE_KERNEL && r->setup->broker))
		log_notice("%s: %s = %s (was %s)", r->ifname, key, after, before);
	else if (attaches && !r->setup->broker)
		log_notice("%s: %s = %s (was %s) is for samplerd --attach %s, which systemctl "
			   "reload runs first",
			   r->ifname, key, after, before, r->ifname);
	else if (effect == CONFIG_WEB)
		log_notice("%s: %s = %s (was %s) is sampler-web's, at its next start", r->ifname,
			   key, after, before);
	else
		log_warning("%s: %s = %s (is %s) needs a restart to take effect", r->ifname, key,
			    after, before);
}

static void apply(struct recorder *r, const struct config *config)
{
	bool interval_changed = config->interval_ns != r->config.interval_ns;

	config_compare(&r->config, config, tell_change, r);
	/* What needs a restart keeps its old value, so that each reload names it again. */
	r->config.interval_ns = config->interval_ns;
	r->config.log_interval_ns = config->log_interval_ns;
	r->config.reattach = config->reattach;
	strcpy(r->config.web_listen, config->web_listen);
	strcpy(r->config.web_hosts, config->web_hosts);
	r->config.web_streams = config->web_streams;
	r->config.services = config->services;
	if (!r->setup->broker) { /* whoever attaches has its own say about them */
		r->config.mode = config->mode;
		r->config.run_priority = config->run_priority;
		r->config.chain_actions = config->chain_actions;
		r->config.tx = config->tx;
	}
	if (interval_changed) {
		r->next_ns = clock_boottime_ns(); /* at once: by this sample readers learn of it */
		sd_event_source_set_time(r->timer, r->next_ns / NSEC_PER_USEC);
	}
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *user)
{
	struct recorder *r = user;
	struct error err = { "" };
	struct config config;
	int e;

	(void)source, (void)si;
	sd_notify(false, "RELOADING=1");
	e = config_resolve(r->setup->source, &config, &err);
	if (!e && r->setup->broker)
		e = broker_reload(r->setup->broker, &err);
	if (e)
		log_error("%s: not reloaded, all stays as it was: %s", r->ifname, err.text);
	else
		apply(r, &config);
	sd_notify(false, "READY=1");
	return 0;
}

static int add_signals(struct recorder *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return sd_event_add_signal(r->event, NULL, SIGINT, on_stop, r) ?:
	       sd_event_add_signal(r->event, NULL, SIGTERM, on_stop, r) ?:
	       sd_event_add_signal(r->event, NULL, SIGHUP, on_reload, r);
}

static int open_all(struct recorder *r)
{
	int e;

	r->link_fd = link_socket();
	if (r->link_fd < 0)
		return r->link_fd;
	e = sd_event_default(&r->event);
	if (e < 0)
		return e;
	e = add_signals(r);
	if (e < 0)
		return e;
	r->next_ns = clock_boottime_ns();
	e = sd_event_add_time(r->event, &r->timer, CLOCK_BOOTTIME, r->next_ns / NSEC_PER_USEC, 1,
			      on_timer, r);
	if (e < 0)
		return e;
	e = sd_event_set_watchdog(r->event, true);
	return e < 0 ? e : 0;
}

/* What was counted since the last tick is told and kept too. */
static void last_words(struct recorder *r)
{
	struct sample sample;

	if (!r->open || counters_map_read(&r->map, &sample))
		return;
	if (r->have_last && sample.boottime_ns > r->last.boottime_ns) {
		sample.flags = r->last.flags;
		sample.interval_us = r->last.interval_us;
		store(r, &sample);
	}
	tell_rates(r, &sample, true);
}

static void release(struct recorder *r)
{
	close_pins(r);
	if (r->link_fd >= 0)
		close(r->link_fd);
	sd_event_source_unref(r->timer);
	sd_event_unref(r->event);
}

/**
 * recorder_run() - record an interface until SIGINT, SIGTERM or the end of the interface
 * @setup: what was opened with privilege
 * @err: why it ended early
 *
 * Return: 0 after a clean end, or negative errno.
 */
int recorder_run(const struct recorder_setup *setup, struct error *err)
{
	_cleanup_(release) struct recorder r = {
		.setup = setup,
		.config = *setup->config,
		.ifname = setup->source->ifname,
		.link_fd = -1,
	};
	int e;

	if (setup->pin_dir_fd < 0)
		snprintf(r.pin_dir, sizeof(r.pin_dir), "%s", setup->config->pin_dir);
	else /* the folders above it may be closed to us: systemd keeps /sys/fs/bpf at 0700 */
		snprintf(r.pin_dir, sizeof(r.pin_dir), "/proc/self/fd/%d", setup->pin_dir_fd);
	watch_init(&r.watch, r.ifname, setup->broker);
	e = open_all(&r);
	if (e)
		return error_set(err, e, "%s: cannot start to record: %s", r.ifname, strerror(-e));
	e = sd_event_loop(r.event);
	sd_notify(false, "STOPPING=1");
	last_words(&r);
	if (e >= 0)
		return 0;
	return error_set(err, e, "%s: %s", r.ifname, *r.fatal.text ? r.fatal.text : strerror(-e));
}
