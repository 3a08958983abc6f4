// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Every sample counts a packet a microsecond of its epoch, so that each known step has to show exactly
 * 1,000,000 packets/s whatever its records are, and each step's packets are its microseconds. Of those that
 * are transmitted, where they are counted, it counts three.
 */
#include "range-fixture.h"

#include "model/counters.h"

#include <string.h>

static const struct history_geometry geometry = { .interval_ns = SEC,
						  .fine_records = 600,
						  .medium_span_ns = 3600 * SEC,
						  .coarse_span_ns = 6 * 3600 * SEC };

struct story *begin_story(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->f = *state;
	s->w = open_writer(s->f, &geometry);
	s->offset_ns = DAY_2026;
	s->counters_id = 1;
	s->seed = 42;
	return s;
}

void end_story(struct story *s)
{
	history_close_writer(s->w);
	free(s);
}

void record_at(struct story *s, uint64_t boottime_ns)
{
	struct history_source from = { .counters_id = s->counters_id,
				       .boot_id = "boot",
				       .ifindex = 3,
				       .services = { { "http", "https", "dns" } } };
	struct sample sample = { .boottime_ns = boottime_ns,
				 .realtime_ns = boottime_ns + s->offset_ns,
				 .flags = s->flags,
				 .interval_us = (uint32_t)(s->interval_ns / NSEC_PER_USEC) };

	sample.direction[SAMPLER_RX].l3[0].packets = boottime_ns / NSEC_PER_USEC;
	if (s->flags & SAMPLE_TX)
		sample.direction[SAMPLER_TX].l3[1].packets =
			3 * ((boottime_ns - s->tx_since_ns) / NSEC_PER_USEC);
	assert_true(history_begin_epoch(s->w, &from, &sample) >= 0);
	assert_int_equal(history_append(s->w, &sample), 0);
}

/* Seconds of boot time from first to last, both included, as a recorder takes them. */
void record(struct story *s, uint64_t first, uint64_t last)
{
	for (uint64_t t = first; t <= last; t++)
		record_at(s, t * SEC + (s->jitter_ns ? random64(&s->seed) % s->jitter_ns : 0) /
					       NSEC_PER_USEC * NSEC_PER_USEC);
}

/*
 * Seconds of boot time, as a recorder takes them that is told the interval at the first: one sample at
 * once, then those at its multiples up to the last.
 */
void record_each(struct story *s, double first, double last, uint64_t interval_ns)
{
	uint64_t t = (uint64_t)(first * 1e9), end = (uint64_t)(last * 1e9);

	s->interval_ns = interval_ns;
	record_at(s, t);
	for (t = (t / interval_ns + 1) * interval_ns; t <= end; t += interval_ns)
		record_at(s, t + (s->jitter_ns ? random64(&s->seed) % s->jitter_ns : 0) /
					     NSEC_PER_USEC * NSEC_PER_USEC);
}

static int take(const struct range_step *step, void *user)
{
	struct story *s = user;
	struct step *to = &s->step[s->n++];

	assert_true(s->n <= s->range.n_steps);
	*to = (struct step){ .end_ns = step->end_ns, .known = step->delta };
	assert_true(step->end_ns == s->range.first_end_ns + (s->n - 1) * s->range.step_ns);
	if (!step->delta) {
		assert_null(step->services);
		return 0;
	}
	to->packets = counters_total(&step->delta->direction[SAMPLER_RX]).packets;
	to->interval_ns = step->delta->interval_ns;
	to->tx_known = step->delta->known[SAMPLER_TX];
	assert_true(counters_total(&step->delta->direction[SAMPLER_TX]).packets ==
		    (to->tx_known ? 3 * to->packets : 0));
	to->vlan_unknown = step->vlan_unknown;
	to->partial = step->partial;
	strcpy(to->service, step->services[2]);
	return 0;
}

/* Ask for wall-clock times given as seconds from the beginning of the year. */
void ask(struct story *s, double from, double to, uint64_t step_ns, size_t max_steps)
{
	struct range_query query = { .from_ns = DAY_2026 + (uint64_t)(from * 1e9),
				     .to_ns = DAY_2026 + (uint64_t)(to * 1e9),
				     .step_ns = step_ns,
				     .max_steps = max_steps,
				     .now_ns = s->now_ns };
	struct history_reader *r = open_reader(s->f);

	s->n = 0;
	assert_int_equal(range_plan(r, &query, &s->range), 0);
	assert_true(s->range.n_steps <= max_steps);
	assert_int_equal(range_for_each(r, &s->range, take, s), 0);
	assert_int_equal(s->n, s->range.n_steps);
	history_close_reader(r);
	for (size_t i = 0; i < s->n; i++) {
		if (s->step[i].known)
			assert_true(s->step[i].packets == s->step[i].interval_ns / NSEC_PER_USEC);
	}
}

const struct step *step_ending(const struct story *s, uint64_t second)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->step[i].end_ns == DAY_2026 + second * SEC)
			return &s->step[i];
	}
	fail_msg("no step ends at %ju", (uintmax_t)second);
	return NULL;
}

size_t count_known(const struct story *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->step[i].known;
	return n;
}

/* All known steps in a row; gaps are only before the first and behind the last. */
void expect_one_run(const struct story *s, size_t n)
{
	size_t changes = 0;

	for (size_t i = 1; i < s->n; i++)
		changes += s->step[i].known != s->step[i - 1].known;
	assert_true(changes <= 2);
	assert_int_equal(count_known(s), n);
}

uint64_t sum_of_packets(const struct story *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->step[i].packets;
	return sum;
}
