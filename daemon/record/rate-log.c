// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Rates for people and for the journal.
 *
 * Each line also carries what was counted in its interval, exactly: the lines of a run add up to the
 * counters. Where standard error is the journal, the line goes there with a MESSAGE_ID and one field
 * a metric, walked from the metric table; elsewhere it is a plain line.
 */
#include "record/rate-log.h"

#include "model/counters.h"
#include "model/metrics.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define FIELDS_MAX  400
#define RATES_MAX   (2 * FORMAT_MAX + sizeof("rx , "))
#define SILENT_PACE 30 /* lines of silence are so much rarer */

/* Journal fields under construction; each entry is its own allocation. */
struct fields {
	struct iovec iov[FIELDS_MAX];
	int n;
	const struct delta *delta;
	enum sampler_direction direction;
	bool vlan_unknown;
};

__attribute__((format(printf, 2, 3))) static void add(struct fields *f, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	if (f->n == FIELDS_MAX)
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n >= 0)
		f->iov[f->n++] = (struct iovec){ text, n };
}

static void release(struct fields *f)
{
	for (int i = 0; i < f->n; i++)
		free(f->iov[i].iov_base);
}

/*
 * Of received ones: "syn_ack" -> "SAMPLER_RX_SYN_ACK_", "61-123" -> "SAMPLER_RX_SIZE_61_123_". The journal
 * takes A-Z, 0-9 and _ only.
 */
static void field_name(const struct metric *metric, enum sampler_direction direction, char *buf,
		       size_t size)
{
	const char *group = metric->group == METRIC_SIZE      ? "SIZE_"
			    : metric->group == METRIC_SERVICE ? "SERVICE_"
			    : metric->group == METRIC_TOTAL   ? ""
							      : NULL;
	const char *name = metric->group == METRIC_TOTAL ? "" : metric->name;

	snprintf(buf, size, "sampler_%s_%s%s%s", direction_name(direction), group ? group : "",
		 name, *name ? "_" : "");
	for (char *c = buf; *c; c++)
		*c = isalnum((unsigned char)*c) ? toupper((unsigned char)*c) : '_';
}

static int add_metric(const struct metric *metric, uint64_t packets, const uint64_t *bytes,
		      void *user)
{
	struct fields *f = user;
	struct sampler_count count = { packets, bytes ? *bytes : 0 };
	char name[64];

	if (metric_is_vlan(metric) && f->direction == SAMPLER_RX && f->vlan_unknown)
		return 0;
	field_name(metric, f->direction, name, sizeof(name));
	add(f, "%sPACKETS=%" PRIu64, name, packets);
	add(f, "%sPPS=%.3f", name, delta_packets_per_s(f->delta, count));
	if (!bytes)
		return 0;
	add(f, "%sBYTES=%" PRIu64, name, *bytes);
	add(f, "%sBPS=%.3f", name, delta_bits_per_s(f->delta, count));
	return 0;
}

static int to_journal(const char *ifname, const char (*services)[SAMPLER_NAME_MAX],
		      const struct delta *delta, bool vlan_unknown, const char *message)
{
	_cleanup_(release) struct fields f = { .delta = delta, .vlan_unknown = vlan_unknown };

	add(&f, "MESSAGE=%s", message);
	add(&f, "MESSAGE_ID=" MESSAGE_RATES);
	add(&f, "PRIORITY=%d", LOG_INFO);
	add(&f, "SAMPLER_INTERFACE=%s", ifname);
	add(&f, "SAMPLER_INTERVAL_NS=%" PRIu64, delta->interval_ns);
	for (int d = 0; d < SAMPLER_N_DIRECTIONS; d++) {
		f.direction = d;
		if (delta->known[d])
			metrics_for_each(&delta->direction[d], services, add_metric, &f);
	}
	return sd_journal_sendv(f.iov, f.n);
}

/* "rx 9.61 Mbit/s, 1.21 kpkt/s"; "" for what is not known. */
static void direction_rates(char *buf, size_t size, const struct delta *delta,
			    enum sampler_direction direction)
{
	struct sampler_count total = counters_total(&delta->direction[direction]);
	char bits[FORMAT_MAX], packets[FORMAT_MAX];

	*buf = 0;
	if (!delta->known[direction])
		return;
	format_rate(bits, sizeof(bits), delta_bits_per_s(delta, total), "bit/s");
	format_rate(packets, sizeof(packets), delta_packets_per_s(delta, total), "pkt/s");
	snprintf(buf, size, "%s %s, %s", direction_name(direction), bits, packets);
}

/**
 * rate_log_status() - the current rates in a few words, as for systemd's STATUS=
 * @buf: gets the text
 * @size: of @buf
 * @delta: what was counted in the last interval
 */
void rate_log_status(char *buf, size_t size, const struct delta *delta)
{
	char rx[RATES_MAX], tx[RATES_MAX];

	direction_rates(rx, sizeof(rx), delta, SAMPLER_RX);
	direction_rates(tx, sizeof(tx), delta, SAMPLER_TX);
	snprintf(buf, size, "%s%s%s", rx, *tx ? "; " : "", tx);
}

static void class_rate(char *buf, size_t size, const char *name, const struct delta *delta,
		       struct sampler_count count)
{
	char bits[FORMAT_MAX];

	format_rate(bits, sizeof(bits), delta_bits_per_s(delta, count), "bit/s");
	snprintf(buf, size, "%s %s", name, bits);
}

/* "; tx 231 kbit/s, 402 pkt/s (402 packets, 28944 bytes)"; "" where it is not known. */
static void tx_part(char *buf, size_t size, const struct delta *delta)
{
	struct sampler_count total = counters_total(&delta->direction[SAMPLER_TX]);
	char rates[RATES_MAX];

	direction_rates(rates, sizeof(rates), delta, SAMPLER_TX);
	*buf = 0;
	if (*rates)
		snprintf(buf, size, "; %s (%llu packets, %llu bytes)", rates,
			 (unsigned long long)total.packets, (unsigned long long)total.bytes);
}

static void write_line(const char *ifname, const char (*services)[SAMPLER_NAME_MAX],
		       const struct delta *delta, bool vlan_unknown)
{
	const struct sampler_counters *rx = &delta->direction[SAMPLER_RX];
	struct sampler_count total = counters_total(rx);
	char rates[RATES_MAX], tcp[64], http[64], https[64], tx[RATES_MAX + 64], message[512];

	direction_rates(rates, sizeof(rates), delta, SAMPLER_RX);
	class_rate(tcp, sizeof(tcp), "tcp", delta, rx->l4[SAMPLER_TCP]);
	class_rate(http, sizeof(http), "http", delta, rx->service[SAMPLER_HTTP]);
	class_rate(https, sizeof(https), "https", delta, rx->service[SAMPLER_HTTPS]);
	tx_part(tx, sizeof(tx), delta);
	snprintf(message, sizeof(message),
		 "%s: %s; %s, %s, %s (%llu packets, %llu bytes in %.3f s)%s", ifname, rates, tcp,
		 http, https, (unsigned long long)total.packets, (unsigned long long)total.bytes,
		 (double)delta->interval_ns / NSEC_PER_SEC, tx);
	if (!log_is_journal() || to_journal(ifname, services, delta, vlan_unknown, message) < 0)
		log_info("%s", message);
}

/* Frames of either direction, as far as they are known. */
static bool is_silent(const struct delta *delta)
{
	return !counters_total(&delta->direction[SAMPLER_RX]).packets &&
	       !counters_total(&delta->direction[SAMPLER_TX]).packets;
}

static void told_up_to(struct rate_log *log, const struct sample *sample)
{
	log->told = *sample;
	log->vlan_stripped = sample->flags & SAMPLE_VLAN_STRIPPED;
	log->tx_uncounted = !sample_counts(sample, SAMPLER_TX);
}

/**
 * rate_log_tell() - log a line where one is due
 * @log: what was told so far
 * @ifname: interface
 * @services: names by slot, as in meta
 * @sample: the newest
 * @pace: how often
 * @last_words: a line is due now, since no sample will come after this one
 *
 * Silence is told at a slower pace; as nothing was counted, no line is needed to add up.
 */
void rate_log_tell(struct rate_log *log, const char *ifname,
		   const char (*services)[SAMPLER_NAME_MAX], const struct sample *sample,
		   const struct rate_log_pace *pace, bool last_words)
{
	uint64_t slack = pace->interval_ns / 2;
	struct delta delta;

	if (!log->started || rates_between(&log->told, sample, &delta)) {
		told_up_to(log, sample);
		log->started = true;
		return;
	}
	log->vlan_stripped |= !!(sample->flags & SAMPLE_VLAN_STRIPPED);
	log->tx_uncounted |= !sample_counts(sample, SAMPLER_TX);
	if (!pace->log_interval_ns ||
	    (delta.interval_ns + slack < pace->log_interval_ns && !last_words))
		return;
	if (is_silent(&delta) &&
	    (last_words || delta.interval_ns + slack < SILENT_PACE * pace->log_interval_ns))
		return;
	if (log->tx_uncounted)
		rates_forget(&delta, SAMPLER_TX);
	write_line(ifname, services, &delta, log->vlan_stripped);
	told_up_to(log, sample);
}

/**
 * rate_log_forget_silence() - a silent stretch must not thin out the rate of what comes after it
 * @log: what was told so far
 * @last: the sample before
 * @sample: the newest
 * @pace: how often lines are due
 */
void rate_log_forget_silence(struct rate_log *log, const struct sample *last,
			     const struct sample *sample, const struct rate_log_pace *pace)
{
	struct delta since_told, since_last;

	if (!log->started || rates_between(&log->told, last, &since_told) ||
	    rates_between(last, sample, &since_last))
		return;
	if (is_silent(&since_told) && !is_silent(&since_last) &&
	    since_told.interval_ns >= pace->log_interval_ns)
		told_up_to(log, last);
}
