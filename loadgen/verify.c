// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * When a sampler is asked, so that its answers have all of a run in them and nothing of what was
 * before.
 *
 * A sampler tells what it had counted at its last tick, by its own clock, of which this one need
 * know nothing: a sample that was not there before was read after the question before. So after the
 * start, and again after the end of the run, it is asked until there is a new one, and then for the
 * one after that. The second is what counts. It cannot have been under way already when the run ended,
 * and gives frames an interval to arrive. And there is no question around it: all that come before
 * it, since they are sent over the same link perhaps, are in it, and none is half.
 *
 * Whether the sampler counts the questions is found out by one more between the two: what it sends is
 * a handful of TCP frames, which the next sample has more of, or has not.
 */
#include "verify.h"

#include "engine.h"
#include "monotonic.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/units.h"
#include "verify-answer.h"
#include "verify-client.h"
#include "verify-url.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MIN_PAUSE_NS   (10 * NSEC_PER_MSEC)
#define MAX_PAUSE_NS   (500 * NSEC_PER_MSEC)
#define MAX_MARGIN_NS  (250 * NSEC_PER_MSEC)
#define GRACE_NS       (2 * NSEC_PER_SEC) /* for a sampler's machine that is busy */
#define LONG_NS	       (2 * NSEC_PER_SEC) /* an interval that one has to be told of */
#define TICKS_PATIENCE 3
#define MAX_TRIES      8 /* to find a sample with silence around it */

struct verify {
	struct verify_client *client;
	struct verify_url url;
	const char *url_text;
	bool others;
	struct verify_interface before;
	struct verify_ports ports;
	struct verify_sample baseline;
	struct verify_counts asked_before; /* by the questions up to the baseline */
	bool asking_counts;		   /* the sampler sees the questions */
};

/* A sample, what had been asked before the question that has shown it, and when that was. */
struct tick {
	struct verify_sample sample;
	struct verify_counts asked;
	uint64_t after_ns; /* it was taken after that: the question before has not shown it */
};

/* ---- questions ---- */

static int ask(struct verify *v, const char *endpoint, const char *query, char **ret_body,
	       size_t *ret_n, struct error *err)
{
	char path[2100];

	snprintf(path, sizeof(path), "%s%s%s", v->url.prefix, endpoint, query);
	return verify_client_get(v->client, path, ret_body, ret_n, err);
}

static int ask_interface(struct verify *v, const char *wanted, struct verify_interface *ret,
			 struct verify_ports *ret_ports, struct error *err)
{
	_cleanup_free_ char *body = NULL;
	size_t n;
	int r = ask(v, "/api/interfaces", "", &body, &n, err);

	return r ?: verify_read_interface(body, n, wanted, ret, ret_ports, err);
}

static int ask_sample(struct verify *v, struct verify_sample *ret, struct error *err)
{
	_cleanup_free_ char *body = NULL;
	char query[sizeof(VERIFY_URL_QUERY) + 3 * sizeof(v->before.id)];
	size_t n;
	int r;

	verify_url_query(v->before.id, query, sizeof(query));
	r = ask(v, "/api/metrics/realtime", query, &body, &n, err);
	r = r ?: verify_read_sample(body, n, ret, err);
	if (!r && ret->stale)
		r = error_set(err, -ESTALE, "%s is stale: %s", v->before.name, ret->stale_reason);
	return r;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
	return value < most ? value : most;
}

static uint64_t pause_ns(const struct verify *v)
{
	uint64_t ns = at_most(v->before.interval_ns / 8, MAX_PAUSE_NS);

	return ns > MIN_PAUSE_NS ? ns : MIN_PAUSE_NS;
}

static int refuse_late(const struct verify *v, uint64_t patience_ns, struct error *err)
{
	char time[FORMAT_MAX];

	format_duration(time, sizeof(time), patience_ns);
	return error_set(err, -ESTALE,
			 "it has had no new sample of %s for %s: is samplerd at work?",
			 v->before.name, time);
}

/* Ask until there is another sample than the one that is known. */
static int await_tick(struct verify *v, const char *known, struct tick *ret, struct error *err)
{
	uint64_t patience_ns = TICKS_PATIENCE * v->before.interval_ns + GRACE_NS;
	uint64_t now = monotonic_ns(), deadline_ns = now + patience_ns;
	int r = 0;

	while (!r) {
		ret->after_ns = now;
		now = monotonic_ns();
		ret->asked = v->client->asked;
		r = ask_sample(v, &ret->sample, err);
		if (r || strcmp(ret->sample.timestamp, known) != 0)
			return r;
		if (now > deadline_ns)
			return refuse_late(v, patience_ns, err);
		r = verify_client_sleep(v->client, pause_ns(v), err);
	}
	return r;
}

/* What one more question sends, which comes after the sample that is known by now. */
static int probe(struct verify *v, struct verify_counts *ret_probe, struct error *err)
{
	struct verify_counts before = v->client->asked;
	struct verify_sample unused;
	int r = ask_sample(v, &unused, err);

	*ret_probe = v->client->asked;
	verify_counts_subtract(ret_probe, &before);
	return r;
}

/*
 * The sample after the one that is known, if there is silence around it: no question is under way when
 * it can be taken, and the first one after that shows it, and is over before the next can be taken.
 *
 * Return: 0, with ret_clean telling whether so, or negative errno.
 */
static int take_next(struct verify *v, const struct tick *first, struct tick *ret, bool *ret_clean,
		     struct error *err)
{
	uint64_t interval_ns = v->before.interval_ns, now = monotonic_ns();
	uint64_t margin_ns = at_most(interval_ns / 8, MAX_MARGIN_NS);
	int r;

	*ret_clean = now < first->after_ns + interval_ns / 2;
	r = verify_client_sleep(v->client, interval_ns + margin_ns, err);
	ret->asked = v->client->asked;
	ret->after_ns = now + interval_ns;
	r = r ?: ask_sample(v, &ret->sample, err);
	*ret_clean &= monotonic_ns() < first->after_ns + 2 * interval_ns;
	*ret_clean &= !r && strcmp(ret->sample.timestamp, first->sample.timestamp) != 0;
	return r;
}

/*
 * The first new sample from now on, and a later one, with silence around it. A machine that is held up
 * has to be looked at more than once.
 */
static int await_two(struct verify *v, struct tick *first, struct tick *second,
		     struct verify_counts *ret_probe, struct error *err)
{
	struct verify_sample now;
	bool clean = false;
	int r = ask_sample(v, &now, err);

	r = r ?: await_tick(v, now.timestamp, first, err);
	if (!r && ret_probe)
		r = probe(v, ret_probe, err);
	*second = *first;
	for (int tries = 0; !r && !clean && tries < MAX_TRIES; tries++) {
		struct tick known = *second;

		if (tries)
			r = await_tick(v, second->sample.timestamp, &known, err);
		r = r ?: take_next(v, &known, second, &clean, err);
	}
	return r;
}

static void tell_wait(const struct verify *v)
{
	char time[FORMAT_MAX];

	format_duration(time, sizeof(time), v->before.interval_ns);
	if (v->before.interval_ns >= LONG_NS)
		log_notice("waiting for two samples of %s, which has one every %s", v->before.name,
			   time);
}

/* ---- before ---- */

static int check_interface(const struct verify_interface *i, struct error *err)
{
	if (strcmp(i->state, "ok"))
		return error_set(err, -ENOTCONN, "%s is %s%s%s", i->name, i->state,
				 *i->reason ? ": " : "", i->reason);
	if (!i->interval_ns || !*i->epoch)
		return error_set(err, -EPROTO, "it does not say at what interval it samples %s",
				 i->name);
	return 0;
}

/* Other traffic can only add to what the question has sent. */
static bool has_grown_by(const struct verify_counts *from, const struct verify_counts *to,
			 const struct verify_counts *by)
{
	uint64_t n = by->class[VERIFY_TCP].packets;

	return n && to->class[VERIFY_TCP].packets >= from->class[VERIFY_TCP].packets + n;
}

static int take_baseline(struct verify *v, struct error *err)
{
	struct verify_counts probe;
	struct tick first, second;
	int r = ask_interface(v, v->url.interface, &v->before, &v->ports, err);

	r = r ?: check_interface(&v->before, err);
	if (r)
		return r;
	v->client->service = verify_ports_find(&v->ports, true, v->client->config.url.port);
	tell_wait(v);
	r = await_two(v, &first, &second, &probe, err);
	if (r)
		return r;
	v->baseline = second.sample;
	v->asked_before = second.asked;
	v->asking_counts = has_grown_by(&first.sample.received, &second.sample.received, &probe);
	return 0;
}

/* With what was done when it happened. */
static int fail(const struct verify *v, int r, const struct error *why, struct error *err)
{
	return error_set(err, r, "cannot verify at %s: %s", v->url_text, why->text);
}

/**
 * verify_open() - make ready; reads the files of token and certificates, and sends nothing
 * @config: of the run; is used as long
 * @ret_verify: to be freed by verify_free(); NULL where no sampler is to be asked
 * @err: what is wrong with a file
 *
 * Return: 0 or negative errno.
 */
int verify_open(const struct config *config, struct verify **ret_verify, struct error *err)
{
	struct error why = { "" };
	struct verify *v;
	int r;

	*ret_verify = NULL;
	if (!*config->verify_text)
		return 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return error_set(err, -ENOMEM, "out of memory");
	v->url_text = config->verify_text;
	v->others = config->verify_others;
	r = verify_url_parse(&config->verify_url, &v->url, &why);
	r = r ?: verify_client_new(config, &v->client, &why);
	if (r) {
		fail(v, r, &why, err);
		verify_free(v);
		return r;
	}
	*ret_verify = v;
	return 0;
}

/**
 * verify_begin() - ask a sampler before a run
 * @verify: from verify_open(), or NULL
 * @cancel_fd: gives up, also in verify_end(), as soon as it is readable
 * @err: why the run cannot be verified: nobody answers, no such interface, nothing is recorded
 *
 * Takes between one and two of the sampler's intervals.
 *
 * Return: 0 or negative errno; -ECANCELED: given up, with nothing wrong.
 */
int verify_begin(struct verify *verify, int cancel_fd, struct error *err)
{
	struct error why = { "" };
	int r;

	if (!verify)
		return 0;
	r = verify_client_find(verify->client, cancel_fd, &why);
	r = r ?: take_baseline(verify, &why);
	return r ? fail(verify, r, &why, err) : 0;
}

/** verify_services() - Return: the sampler's services by port, as long as @verify is */
const struct verify_ports *verify_services(const struct verify *verify)
{
	return &verify->ports;
}

/** verify_free() - forget it; NULL is none */
void verify_free(struct verify *verify)
{
	if (!verify)
		return;
	verify_client_free(verify->client);
	free(verify);
}

/* ---- after ---- */

/* Return: -ESTALE where the two readings are not of the same counters. */
static int check_same(const struct verify *v, const struct verify_interface *after,
		      const struct verify_counts *counted, struct error *err)
{
	const char *name;

	if (strcmp(after->id, v->before.id) || strcmp(after->epoch, v->before.epoch))
		return error_set(err, -ESTALE,
				 "the counters of %s began anew during the run (epoch %s, now %s)",
				 v->before.name, v->before.epoch, after->epoch);
	if (verify_counts_fell(&v->baseline.received, counted, &name))
		return error_set(err, -ESTALE, "%s of %s fell during the run", name,
				 v->before.name);
	return 0;
}

static void add_asked(const struct verify *v, const struct tick *tick, struct verify_sent *sent)
{
	if (!v->asking_counts)
		return;
	sent->asked = tick->asked;
	verify_counts_subtract(&sent->asked, &v->asked_before);
	if (sent->exact)
		return;
	sent->packets += v->client->wire.tx_again_frames;
	sent->n_data += v->client->wire.tx_again_frames;
	sent->bytes += v->client->wire.tx_again_bytes;
}

static void note_sampler(const struct verify *v, const struct verify_interface *after,
			 struct verify_result *result)
{
	if (strcmp(after->state, "ok"))
		verify_note(result, "%s is %s%s%s.", after->name, after->state,
			    *after->reason ? ": " : "", after->reason);
	if (strcmp(after->attached_at, v->before.attached_at))
		verify_note(result,
			    "The sampler was attached anew during the run: frames may have passed "
			    "it uncounted in between.");
}

static bool nothing_counted(const struct verify_result *result)
{
	for (size_t i = 0; i < result->n_rows; i++) {
		if (result->row[i].judged && result->row[i].counted.packets)
			return false;
	}
	return true;
}

static void note_missing(struct verify_result *result)
{
	if (nothing_counted(result))
		verify_note(result,
			    "Nothing of it was counted: do the frames arrive at %s, or go another "
			    "way?",
			    result->interface);
	else
		verify_note(result,
			    "Fewer frames were counted than sent: they were lost before the "
			    "sampler, or went another way.");
}

static void note_differences(const struct verify_sent *sent, struct verify_result *result)
{
	if (result->missing)
		note_missing(result);
	else if (result->excess)
		verify_note(result,
			    "More was counted than sent: other traffic arrives at %s as well "
			    "(verify_others = yes allows for it).",
			    result->interface);
	if (sent->merged)
		verify_note(result,
			    "%s is sampled in skb mode, where frames can be counted merged: fewer "
			    "frames, and a header less for each.",
			    result->interface);
}

static int compare(struct verify *v, const struct verify_sent *sent, struct verify_result *ret,
		   struct error *err)
{
	struct verify_sent all = *sent;
	struct verify_interface after;
	struct tick first, second;
	int r = await_two(v, &first, &second, NULL, err);

	r = r ?: ask_interface(v, v->before.id, &after, NULL, err);
	r = r ?: check_same(v, &after, &second.sample.received, err);
	if (r)
		return r;
	verify_counts_subtract(&second.sample.received, &v->baseline.received);
	all.others = v->others;
	all.merged = !sent->exact && !strcmp(v->before.mode, "skb");
	add_asked(v, &second, &all);
	verify_compare(&all, &second.sample.received, ret);
	ret->asked = all.asked.class[VERIFY_ALL];
	snprintf(ret->interface, sizeof(ret->interface), "%s", v->before.name);
	note_sampler(v, &after, ret);
	note_differences(&all, ret);
	return 0;
}

/**
 * verify_end() - ask the sampler after a run, and compare
 * @verify: from before it
 * @sent: what the run has sent
 * @ret: the comparison, or why there is none
 *
 * Takes between one and two of the sampler's intervals, or as long as it takes to see that nobody
 * answers any more.
 */
void verify_end(struct verify *verify, const struct verify_sent *sent, struct verify_result *ret)
{
	struct error why = { "" };

	tell_wait(verify);
	*ret = (struct verify_result){ .verdict = VERIFY_UNKNOWN };
	if (compare(verify, sent, ret, &why)) {
		*ret = (struct verify_result){ .verdict = VERIFY_UNKNOWN };
		snprintf(ret->reason, sizeof(ret->reason), "%s", why.text);
	}
	snprintf(ret->interface, sizeof(ret->interface), "%s", verify->before.name);
	snprintf(ret->mode, sizeof(ret->mode), "%s", verify->before.mode);
	ret->interval_ns = verify->before.interval_ns;
}

/**
 * verify_judge() - what follows from a verification, for the exit status
 * @result: it; NULL: none
 * @err: why there is no verdict
 *
 * A difference is logged.
 *
 * Return: 0; ENGINE_MISSED for a difference; -ENODATA where nobody can say.
 */
int verify_judge(const struct verify_result *result, struct error *err)
{
	char line[200];

	if (!result || result->verdict == VERIFY_GOOD)
		return 0;
	if (result->verdict == VERIFY_UNKNOWN)
		return error_set(err, -ENODATA, "not verified: %s", result->reason);
	verify_describe(verify_first_difference(result), line, sizeof(line));
	log_error("verified, and it differs: %s", line);
	return ENGINE_MISSED;
}
