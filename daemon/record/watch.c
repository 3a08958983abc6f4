// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Is the program still where it was put? Judges each tick, has suspicions looked into, and tells.
 *
 * The recorder has no privilege to look into a dispatcher, so a re-check is asked for: of the
 * privileged child where there is one, else by touching a file in $RUNTIME_DIRECTORY, which
 * sampler-verify@.path sees. The file says nothing but "look". In both cases the verdict comes by the
 * pins: who was seen on the interface, and when (sampler_meta.chain). That way an attach or a
 * `samplerd --verify-attached` by hand counts as one, too.
 *
 * The chain that was seen before is kept to say who joined and who left.
 */
#include "record/watch.h"

#include "kernel/attach-tx.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "model/chain.h"
#include "model/counters.h"
#include "model/sample.h"
#include "record/broker.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REATTACH_PAUSE_NS (30 * NSEC_PER_SEC)
#define TX_ANOTHER_NS	  (5 * NSEC_PER_SEC)

/**
 * watch_init() - prepare to watch
 * @watch: filled; watch_begin() is due before its first tick
 * @ifname: interface; has to outlive the watch
 * @broker: the privileged child, or NULL
 */
void watch_init(struct watch *watch, const char *ifname, struct broker *broker)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");

	*watch = (struct watch){ .ifname = ifname, .broker = broker };
	health_init(&watch->health);
	if (broker || !dir || *dir != '/' || strchr(dir, ':')) /* several: none is meant for this */
		return;
	if (snprintf(watch->request, sizeof(watch->request), "%s/recheck", dir) >=
	    (int)sizeof(watch->request))
		watch->request[0] = 0;
}

/**
 * watch_begin() - begin to watch an attachment, forgetting the one before
 * @watch: prepared
 * @meta: what the pins say now; what was seen so far is no news
 */
void watch_begin(struct watch *watch, const struct sampler_meta *meta)
{
	health_init(&watch->health);
	recheck_close(&watch->recheck);
	watch->told_ns = meta->chain.boottime_ns;
	watch->chain = meta->chain;
	watch->our_id = meta->prog_id;
	watch->former_id = 0;
	watch->tx_lost = false;
	watch->tx_another_ns = 0;
	recheck_close(&watch->tx_recheck);
}

/* ---- verdicts ---- */

struct change {
	struct watch *watch;
	const struct sampler_meta *meta;
};

/* A hand-over, at which both are there for a moment, is no news. */
static bool is_ours(const struct watch *watch, const struct sampler_meta *meta, uint32_t prog_id)
{
	return prog_id == meta->prog_id || prog_id == watch->our_id || prog_id == watch->former_id;
}

/* A chain_change_fn. */
static void tell_change(const struct sampler_chain_program *program, size_t place, bool joined,
			void *user)
{
	const struct change *change = user;
	const struct watch *watch = change->watch;
	const struct sampler_meta *meta = change->meta;
	size_t ours = (size_t)chain_find(joined ? &meta->chain : &watch->chain,
					 joined ? meta->prog_id : watch->our_id);
	const char *when = place < ours ? "before" : "after";

	if (is_ours(watch, meta, program->prog_id))
		return;
	log_event(LOG_NOTICE, MESSAGE_CHAIN_CHANGED,
		  joined ? "%s: an XDP program joined the chain: \"%.15s\" (id %u, priority %u), "
			   "which runs %s ours"
			 : "%s: an XDP program left the chain: \"%.15s\" (id %u, priority %u), "
			   "which ran %s ours",
		  watch->ifname, program->name, program->prog_id, program->run_priority, when);
}

static void describe_missing(const struct sampler_chain *chain, char *buf, size_t size)
{
	size_t n = chain_size(chain);

	if (!n)
		snprintf(buf, size, "our program is not on the interface any more");
	else
		snprintf(buf, size,
			 "our program is not on the interface any more, \"%.15s\" (id %u)%s is",
			 chain->program[0].name, chain->program[0].prog_id,
			 n > 1 ? " and others" : "");
}

/* Has the privileged side looked since? Then health and people learn what it saw. */
static void take_verdict(struct watch *watch, const struct sampler_meta *meta)
{
	struct change change = { watch, meta };
	char reason[128] = "";
	bool ours;

	if (meta->chain.boottime_ns == watch->told_ns)
		return;
	ours = chain_find(&meta->chain, meta->prog_id) >= 0;
	watch->told_ns = meta->chain.boottime_ns;
	recheck_close(&watch->recheck);
	if (!ours)
		describe_missing(&meta->chain, reason, sizeof(reason));
	health_verified(&watch->health, ours, meta->chain.link_prog_id, reason);
	if (!ours)
		return;
	chain_compare(&watch->chain, &meta->chain, tell_change, &change);
	watch->chain = meta->chain;
	if (meta->prog_id != watch->our_id)
		watch->former_id = watch->our_id;
	watch->our_id = meta->prog_id;
}

/* ---- re-checks ---- */

static int touch(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 || futimens(fd, NULL) ? -errno : 0;
}

static void ask_by_file(struct watch *watch)
{
	int r = touch(watch->request);

	if (!r)
		return;
	log_warning("%s: cannot ask for a re-check by %s: %s", watch->ifname, watch->request,
		    strerror(-r));
	watch->request[0] = 0;
}

static void ask_broker(struct watch *watch, const struct pins *pins)
{
	struct error err = { "" };
	struct sampler_meta meta;
	int r = broker_verify(watch->broker, &err);

	if (r && r != -ENOENT)
		log_warning("%s: cannot re-check: %s", watch->ifname, err.text);
	else if (!pins_read_meta(pins, &meta, NULL))
		take_verdict(watch, &meta);
}

/* The child answers at once, and only once; a request by file may get lost and is repeated. */
static void ask(struct watch *watch, struct recheck *recheck, const struct pins *pins,
		uint64_t boottime_ns)
{
	bool begins = !recheck->open, due = recheck_tick(recheck, boottime_ns);

	if (watch->broker && begins)
		ask_broker(watch, pins);
	else if (watch->request[0] && due)
		ask_by_file(watch);
}

static void look_into(struct watch *watch, const struct watch_input *input)
{
	if (watch->health.state == HEALTH_SUSPECT)
		ask(watch, &watch->recheck, input->pins, input->sample->boottime_ns);
	else
		recheck_close(&watch->recheck);
}

/* ---- telling ---- */

/* A suspicion that a re-check is about to settle is nobody's worry yet. */
static bool is_to_be_told(const struct watch *watch, uint64_t boottime_ns)
{
	if (watch->health.state != HEALTH_SUSPECT)
		return true;
	return !watch->request[0] || recheck_is_overdue(&watch->recheck, boottime_ns);
}

static void tell(struct watch *watch, uint64_t boottime_ns)
{
	enum health_state now = watch->health.state;
	const char *ifname = watch->ifname, *reason = watch->health.reason;

	if (now == watch->told || !is_to_be_told(watch, boottime_ns))
		return;
	if (now == HEALTH_DEGRADED)
		log_event(LOG_ERR, MESSAGE_DEGRADED,
			  "%s: degraded: %s; attach again: samplerd --attach %s", ifname, reason,
			  ifname);
	else if (now == HEALTH_SUSPECT)
		log_event(LOG_WARNING, MESSAGE_SUSPECT,
			  "%s: suspect: %s; root can tell: samplerd --verify-attached %s", ifname,
			  reason, ifname);
	else if (now == HEALTH_OK && watch->told)
		log_event(LOG_NOTICE, MESSAGE_RECOVERED, "%s: counting again", ifname);
	else
		return;
	watch->told = now == HEALTH_OK ? 0 : now;
}

/* ---- transmitted frames ---- */

/*
 * Another program in the place of ours is its successor, of which the pins are about to say so; for as
 * long as that takes it counts. One that they never own up to is none of ours.
 */
static bool tx_is_lost(struct watch *watch, const struct pins *pins,
		       const struct sampler_meta *meta)
{
	enum tx_place place = meta->tx_prog_id ? tx_find(meta) : TX_OURS;
	struct sampler_meta now;

	if (place != TX_OURS && !pins_read_meta(pins, &now, NULL)) /* handed over meanwhile? */
		place = now.tx_prog_id ? tx_find(&now) : TX_OURS;
	if (place != TX_ANOTHER) {
		watch->tx_another_ns = 0;
		return place == TX_NOTHING;
	}
	if (!watch->tx_another_ns)
		watch->tx_another_ns = clock_boottime_ns();
	return clock_boottime_ns() - watch->tx_another_ns >= TX_ANOTHER_NS;
}

static void tell_tx(struct watch *watch, bool lost)
{
	if (lost == watch->tx_lost)
		return;
	watch->tx_lost = lost;
	if (lost)
		log_event(LOG_WARNING, MESSAGE_TX_UNCOUNTED,
			  "%s: transmitted frames are not counted any more: " SAMPLE_TX_LOST
			  "; attach again: samplerd --attach %s",
			  watch->ifname, watch->ifname);
	else
		log_event(LOG_NOTICE, MESSAGE_RECOVERED, "%s: transmitted frames are counted again",
			  watch->ifname);
}

/* For readers, who go by them. */
static void have_pins_told(struct watch *watch, const struct pins *pins,
			   const struct sampler_meta *meta)
{
	if (watch->tx_lost && meta->flags & SAMPLER_META_TX)
		ask(watch, &watch->tx_recheck, pins, clock_boottime_ns());
	else
		recheck_close(&watch->tx_recheck);
}

/**
 * watch_tx() - are transmitted frames counted; tells when that changes
 * @watch: begun
 * @pins: the interface's pins
 * @meta: what they say
 *
 * Return: true where they are.
 */
bool watch_tx(struct watch *watch, const struct pins *pins, const struct sampler_meta *meta)
{
	bool lost = tx_is_lost(watch, pins, meta);

	tell_tx(watch, lost);
	have_pins_told(watch, pins, meta);
	return meta->tx_prog_id && !lost;
}

/* Only where the configuration asks for it, and not more often than REATTACH_PAUSE_NS. */
static void reattach(struct watch *watch, uint64_t boottime_ns)
{
	struct error err = { "" };
	enum attach_outcome outcome;
	struct sampler_meta meta;

	if (boottime_ns < watch->reattach_ns)
		return;
	watch->reattach_ns = boottime_ns + REATTACH_PAUSE_NS;
	if (broker_attach(watch->broker, &outcome, &meta, &err)) {
		log_event(LOG_ERR, MESSAGE_ATTACH_FAILED, "%s: not attached again: %s",
			  watch->ifname, err.text);
		return;
	}
	log_notice("%s: attached again, as configured", watch->ifname);
	watch_begin(watch, &meta);
}

/**
 * watch_tick() - judge a tick, have what is suspect looked into, tell what changed
 * @watch: begun
 * @input: what there is to judge by
 */
void watch_tick(struct watch *watch, const struct watch_input *input)
{
	const struct sampler_meta *meta = input->meta;
	uint64_t now_ns = input->sample->boottime_ns;
	struct health_input seen = {
		.boottime_ns = now_ns,
		.interface_rx_packets = input->link->rx_packets,
		.our_rx_packets = counters_total(&input->sample->direction[SAMPLER_RX]).packets,
		.link_prog_id = input->link->xdp_prog_id,
		.expected_prog_id = meta->link_prog_id,
	};

	take_verdict(watch, meta);
	health_tick(&watch->health, &seen);
	look_into(watch, input);
	tell(watch, now_ns);
	if ((watch->health.state == HEALTH_DEGRADED || watch->tx_lost) && input->reattach &&
	    watch->broker)
		reattach(watch, now_ns);
}
