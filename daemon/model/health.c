// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Whether frames pass by uncounted, judged from what an unprivileged process can see.
 *
 * The recorder asks at each tick. It sees the id of the link's XDP program, the interface's own
 * packet counter and ours; it does not see what a dispatcher holds. So:
 *
 *   no program on the link                       degraded, at once
 *   another program than the expected one        suspect: someone joined the chain, or took our place
 *   the interface received HEALTH_STALL_PACKETS  suspect
 *     while ours stood still for HEALTH_STALL_TICKS or more
 *   ours moved                                   well
 *   anything else                                too little traffic to judge
 *
 * Only a privileged re-check turns a suspicion into an alarm, or ends it; the recorder starts one
 * when the state becomes SUSPECT and hands its outcome to health_verified(). It may re-check again at
 * any time, e.g. slowly while degraded. The two packet counters are never compared with each other:
 * drivers differ in what they count, and frames that an earlier program of the chain drops are none
 * of ours.
 *
 * A pure state machine: the caller owns the struct, time comes with the input.
 */
#include "model/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/**
 * health_init() - start to judge
 * @health: becomes UNJUDGED, never judged
 */
void health_init(struct health *health)
{
	memset(health, 0, sizeof(*health));
}

/**
 * health_state_name() - a state for people and programs
 * @state: any
 *
 * Return: "unjudged", "ok", "suspect" or "degraded".
 */
const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {
		[HEALTH_UNJUDGED] = "unjudged",
		[HEALTH_OK] = "ok",
		[HEALTH_SUSPECT] = "suspect",
		[HEALTH_DEGRADED] = "degraded",
	};

	return names[state];
}

__attribute__((format(printf, 3, 4))) static void set_state(struct health *health,
							    enum health_state state,
							    const char *format, ...)
{
	va_list args;

	health->state = state;
	va_start(args, format);
	vsnprintf(health->reason, sizeof(health->reason), format, args);
	va_end(args);
}

static void judged(struct health *health, enum health_state state)
{
	set_state(health, state, "%s", "");
	health->judged_boottime_ns = health->last.boottime_ns;
}

static void stall_restart(struct health *health)
{
	health->still_ticks = 0;
	health->still_rx_packets = 0;
	health->stall_cleared = false;
}

/*
 * Follows both packet counters. Return: whether ours moved forward. A counter that fell belongs to
 * another interface or epoch: the watch starts anew.
 */
static bool watch_counters(struct health *health, const struct health_input *input)
{
	const struct health_input *last = &health->last;
	bool moved = health->started && input->our_rx_packets > last->our_rx_packets;
	bool fell = input->our_rx_packets < last->our_rx_packets ||
		    input->interface_rx_packets < last->interface_rx_packets;

	if (!health->started || moved || fell) {
		stall_restart(health);
	} else {
		health->still_ticks++;
		health->still_rx_packets +=
			input->interface_rx_packets - last->interface_rx_packets;
	}
	return moved;
}

static bool stalled(const struct health *health)
{
	return !health->stall_cleared && health->still_ticks >= HEALTH_STALL_TICKS &&
	       health->still_rx_packets >= HEALTH_STALL_PACKETS;
}

/* A failed re-check holds for the program it was made with, and until our counters move again. */
static bool failure_holds(const struct health *health, bool expected, bool moved)
{
	return health->check_failed && health->failed_id == health->last.link_prog_id &&
	       !(expected && moved);
}

static void judge(struct health *health, bool moved)
{
	uint32_t id = health->last.link_prog_id;
	bool expected = id == health->last.expected_prog_id || id == health->verified_id;

	if (!id) {
		judged(health, HEALTH_DEGRADED);
		set_state(health, HEALTH_DEGRADED, "no XDP program is attached to the interface");
		health->check_failed = false;
		return;
	}
	if (failure_holds(health, expected, moved))
		return;
	health->check_failed = false;
	if (!expected)
		set_state(health, HEALTH_SUSPECT,
			  "the interface shows XDP program %u, expected was %u", id,
			  health->last.expected_prog_id);
	else if (moved)
		judged(health, HEALTH_OK);
	else if (stalled(health))
		set_state(health, HEALTH_SUSPECT,
			  "the interface received %llu packets while our counters stood still",
			  (unsigned long long)health->still_rx_packets);
	else
		set_state(health, HEALTH_UNJUDGED, "%s", "");
}

/**
 * health_tick() - judge a tick
 * @health: the machine; its reason and judged_boottime_ns follow the state
 * @input: what can be seen now
 *
 * Return: the state.
 */
enum health_state health_tick(struct health *health, const struct health_input *input)
{
	bool moved = watch_counters(health, input);

	health->last = *input;
	health->started = true;
	judge(health, moved);
	return health->state;
}

/**
 * health_verified() - take the outcome of a privileged re-check
 * @health: the machine
 * @ok: our program was found attached
 * @link_prog_id: what the link showed at the re-check; where @ok, it is expected from now on; 0 when
 * the re-check could not tell
 * @reason: where not @ok, one line for people
 *
 * A stand-still that a re-check explains (a program before ours drops everything, say) raises no
 * further suspicion until our counters have moved again.
 */
void health_verified(struct health *health, bool ok, uint32_t link_prog_id, const char *reason)
{
	health->check_failed = !ok;
	if (!link_prog_id)
		link_prog_id = health->last.link_prog_id;
	if (ok) {
		health->verified_id = link_prog_id;
		health->stall_cleared |= stalled(health);
		judged(health, HEALTH_OK);
		return;
	}
	health->failed_id = link_prog_id;
	judged(health, HEALTH_DEGRADED);
	set_state(health, HEALTH_DEGRADED, "%s", reason);
}
