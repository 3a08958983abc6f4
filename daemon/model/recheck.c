// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * When a recorder without privilege asks for a re-check, and when it stops to wait in silence.
 *
 * A request is a signal that can get lost (a re-check that is under way hears no other), so it is
 * repeated until there is a verdict: at first once a second at most, which is below the start limit
 * of the unit that answers; and slowly once nothing came of it, since then nobody listens.
 *
 * Pure: the caller owns the struct, asks for the re-check itself, and brings the time.
 */
#include "model/recheck.h"

/**
 * recheck_is_overdue() - has a suspicion lasted so long that people should hear of it
 * @recheck: the suspicion
 * @boottime_ns: now
 *
 * Return: true after RECHECK_PATIENCE_TICKS ticks, of which a fast recorder has many before the
 * answer's process has even started: RECHECK_PATIENCE_NS at least.
 */
bool recheck_is_overdue(const struct recheck *recheck, uint64_t boottime_ns)
{
	return recheck->open && recheck->ticks >= RECHECK_PATIENCE_TICKS &&
	       boottime_ns - recheck->begun_ns >= RECHECK_PATIENCE_NS;
}

/**
 * recheck_tick() - a tick at which there is a suspicion
 * @recheck: the suspicion, which begins if there was none
 * @boottime_ns: now
 *
 * Return: whether this is the tick at which to ask for a re-check.
 */
bool recheck_tick(struct recheck *recheck, uint64_t boottime_ns)
{
	uint64_t pause;

	if (recheck->open) {
		recheck->ticks++;
	} else {
		recheck->open = true;
		recheck->ticks = 0;
		recheck->begun_ns = boottime_ns;
	}
	pause = recheck_is_overdue(recheck, boottime_ns) ? RECHECK_SLOW_PAUSE_NS : RECHECK_PAUSE_NS;
	if (recheck->asked_ns && boottime_ns - recheck->asked_ns < pause)
		return false;
	recheck->asked_ns = boottime_ns;
	return true;
}

/** recheck_close() - there is a verdict, or no suspicion any more */
void recheck_close(struct recheck *recheck)
{
	recheck->open = false;
}
