// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /metrics: for Prometheus and whatever reads its formats.
 *
 * Counters are totals since counting began, so that nothing is lost between two scrapes; rates are
 * the reader's to make. Families of counters, their labels and helps come from the metric table
 * (model/metrics.c): a row there is a series here. No label has an address in it, and none a value
 * that a client chose.
 *
 * A family's samples have to be in one piece, over all interfaces: so rows are collected first, and
 * written by family.
 */
#include "model/metrics.h"
#include "http/endpoints.h"
#include "http/exposition.h"
#include "http/feed-json.h"
#include "http/process-info.h"
#include "model/key.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define KEPT_NS (100 * NSEC_PER_MSEC) /* by which states and ages may be old */

/* An interface, and what is asked of the kernel once for all its families. */
struct subject {
	const struct feed *feed;
	struct feed_health health;
	char labels[2 * SAMPLER_NAME_MAX + 64]; /* interface="eth0" */
};

/* One metric of one interface and direction. */
struct row {
	const struct subject *subject;
	enum metric_group group;
	enum sampler_direction direction;
	char name[2 * SAMPLER_NAME_MAX + 1]; /* escaped */
	const char *help;		     /* of the metric alone, where its group has none */
	uint64_t value[2];		     /* packets, bytes */
	bool has_bytes;
};

struct telling {
	struct exposition e;
	size_t n_subjects;
	struct subject *subject;
	size_t n_rows, room;
	struct row *row;
	/* while rows are collected */
	const struct subject *now;
	enum sampler_direction direction;
};

/* ---- counters ---- */

static struct row *add_row(struct telling *t)
{
	if (t->n_rows == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct row *row = reallocarray(t->row, room, sizeof(*row));

		if (!row)
			return NULL;
		t->row = row;
		t->room = room;
	}
	return &t->row[t->n_rows++];
}

/* A metric_fn: 0, or -ENOMEM. */
static int collect(const struct metric *metric, uint64_t packets, const uint64_t *bytes, void *user)
{
	struct telling *t = user;
	struct row *row;

	if (metric_is_vlan(metric) && feed_vlan_unknown(t->now->feed, t->direction))
		return 0;
	row = add_row(t);
	if (!row)
		return -ENOMEM;
	*row = (struct row){
		.subject = t->now,
		.group = metric->group,
		.direction = t->direction,
		.help = metric_group_help(metric->group) ? NULL : metric->help,
		.value = { packets, bytes ? *bytes : 0 },
		.has_bytes = bytes,
	};
	exposition_label(row->name, sizeof(row->name), metric->name, SAMPLER_NAME_MAX);
	return 0;
}

static int collect_feed(struct telling *t, const struct feed *feed)
{
	int r = 0;

	for (int d = 0; !r && d < SAMPLER_N_DIRECTIONS; d++) {
		t->direction = d;
		if (sample_counts(&feed->newest, d))
			r = metrics_for_each(&feed->newest.direction[d], feed->services, collect,
					     t);
	}
	return r;
}

static int collect_all(struct telling *t)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->n_subjects; i++) {
		t->now = &t->subject[i];
		if (feed_is_counted(t->now->feed))
			r = collect_feed(t, t->now->feed);
	}
	return r;
}

/* How a group's families are called, and what tells its metrics apart; without it each has its own. */
static const struct {
	const char *family;
	const char *label;
} groups[METRIC_N_GROUPS] = {
	[METRIC_TOTAL] = { "sampler", NULL },
	[METRIC_L3] = { "sampler_l3", "protocol" },
	[METRIC_L4] = { "sampler_l4", "protocol" },
	[METRIC_SIZE] = { "sampler_size", "size" },
	[METRIC_TCP_FLAG] = { "sampler_tcp_flag", "flag" },
	[METRIC_SERVICE] = { "sampler_service", "service" },
};

static bool is_same_family(const struct row *a, const struct row *b)
{
	return a->group == b->group && (groups[a->group].family || !strcmp(a->name, b->name));
}

static void print_row(const struct telling *t, const char *family, const struct row *row,
		      bool bytes)
{
	const char *label = groups[row->group].label;

	fprintf(t->e.out, "%s_total{%s,direction=\"%s\"", family, row->subject->labels,
		direction_name(row->direction));
	if (label)
		fprintf(t->e.out, ",%s=\"%s\"", label, row->name);
	fprintf(t->e.out, "} %" PRIu64 "\n", row->value[bytes]);
}

static void print_family(const struct telling *t, const struct row *first, bool bytes)
{
	const char *unit = bytes ? "bytes" : "packets";
	const char *group = groups[first->group].family;
	char name[80];

	snprintf(name, sizeof(name), "%s%s_%s", group ?: "sampler_", group ? "" : first->name,
		 unit);
	exposition_counter(&t->e, name, unit, first->help ?: metric_group_help(first->group));
	for (const struct row *row = first; row < t->row + t->n_rows; row++) {
		if (is_same_family(first, row))
			print_row(t, name, row, bytes);
	}
}

static bool was_printed(const struct telling *t, const struct row *row)
{
	for (const struct row *before = t->row; before < row; before++) {
		if (is_same_family(before, row))
			return true;
	}
	return false;
}

static void print_counters(const struct telling *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct row *row = &t->row[i];

		if (was_printed(t, row))
			continue;
		print_family(t, row, false);
		if (row->has_bytes)
			print_family(t, row, true);
	}
}

/* ---- interfaces ---- */

static void print_states(const struct telling *t)
{
	exposition_gauge(
		&t->e, "sampler_interface_state", NULL,
		"1 for the state that an interface is in; in all but ok, frames may pass by "
		"uncounted or unrecorded");
	for (size_t i = 0; i < t->n_subjects; i++) {
		for (const char *const *state = feed_states; state[1]; state++)
			fprintf(t->e.out, "sampler_interface_state{%s,state=\"%s\"} %d\n",
				t->subject[i].labels, *state,
				!strcmp(*state, t->subject[i].health.state));
	}
}

static void print_attachments(const struct telling *t)
{
	exposition_info(&t->e, "sampler_attach", "How the program is attached");
	for (size_t i = 0; i < t->n_subjects; i++) {
		const struct sampler_meta *meta = &t->subject[i].feed->meta;

		if (!t->subject[i].feed->pinned)
			continue;
		fprintf(t->e.out,
			"sampler_attach_info{%s,mode=\"%s\",chained=\"%s\",run_priority=\"%u\"} "
			"1\n",
			t->subject[i].labels, meta->mode == SAMPLER_MODE_NATIVE ? "native" : "skb",
			meta->flags & SAMPLER_META_CHAINED ? "true" : "false", meta->run_priority);
	}
}

static void print_tx(const struct telling *t)
{
	exposition_gauge(&t->e, "sampler_tx_counted", NULL,
			 "1 where transmitted frames are counted, else 0, and no series have them");
	for (size_t i = 0; i < t->n_subjects; i++) {
		const struct feed *feed = t->subject[i].feed;

		if (feed_is_counted(feed))
			fprintf(t->e.out, "sampler_tx_counted{%s} %d\n", t->subject[i].labels,
				sample_counts(&feed->newest, SAMPLER_TX));
	}
}

/* A gauge in seconds, of each interface that has it. */
static void print_seconds_of(const struct telling *t, const char *name, const char *help,
			     uint64_t boottime_ns,
			     bool (*get)(const struct feed *feed, uint64_t boottime_ns,
					 uint64_t *ret_ns))
{
	exposition_gauge(&t->e, name, "seconds", help);
	for (size_t i = 0; i < t->n_subjects; i++) {
		uint64_t ns;

		if (!get(t->subject[i].feed, boottime_ns, &ns))
			continue;
		fprintf(t->e.out, "%s{%s} ", name, t->subject[i].labels);
		exposition_seconds(&t->e, ns);
	}
}

static bool get_since(const struct feed *feed, uint64_t boottime_ns, uint64_t *ret_ns)
{
	(void)boottime_ns;
	*ret_ns = feed->meta.epoch;
	return feed->pinned;
}

static bool get_age(const struct feed *feed, uint64_t boottime_ns, uint64_t *ret_ns)
{
	uint64_t at = feed->newest.boottime_ns;

	*ret_ns = boottime_ns > at ? boottime_ns - at : 0;
	return feed_is_counted(feed);
}

static bool get_interval(const struct feed *feed, uint64_t boottime_ns, uint64_t *ret_ns)
{
	(void)boottime_ns;
	*ret_ns = sample_interval_ns(&feed->newest);
	return feed->source == FEED_RECORDS;
}

static void print_missed(const struct telling *t)
{
	exposition_counter(&t->e, "sampler_ticks_missed", NULL,
			   "Ticks at which a recorder that ran did not come to read the counters, "
			   "which went on");
	for (size_t i = 0; i < t->n_subjects; i++) {
		const struct history_reader *history = t->subject[i].feed->history;
		uint64_t missed;

		if (history && !history_reader_missed(history, &missed))
			fprintf(t->e.out, "sampler_ticks_missed_total{%s} %" PRIu64 "\n",
				t->subject[i].labels, missed);
	}
}

static void print_interfaces(const struct telling *t, uint64_t boottime_ns)
{
	print_states(t);
	print_attachments(t);
	print_tx(t);
	print_seconds_of(t, "sampler_counting_since_timestamp_seconds",
			 "When the counters began at 0", boottime_ns, get_since);
	print_seconds_of(t, "sampler_sample_age_seconds", "Time since the counters were read",
			 boottime_ns, get_age);
	print_seconds_of(t, "sampler_interval_seconds",
			 "Interval at which the recorder reads the counters", boottime_ns,
			 get_interval);
	print_missed(t);
}

/* ---- ourselves ---- */

static void print_bytes(const struct telling *t, const char *name, const char *unit,
			const char *help, uint64_t value)
{
	exposition_gauge(&t->e, name, unit, help);
	fprintf(t->e.out, "%s %" PRIu64 "\n", name, value);
}

static void print_process(const struct telling *t, const struct endpoint_context *context)
{
	struct process_info process;

	exposition_info(&t->e, "sampler_build", "Version of sampler-web");
	fprintf(t->e.out, "sampler_build_info{version=\"%s\"} 1\n", SAMPLER_VERSION);
	if (context->certificate_expires_s) {
		exposition_gauge(&t->e, "sampler_web_certificate_expires_timestamp_seconds",
				 "seconds",
				 "When the certificate that sampler-web has expires, since 1970");
		fprintf(t->e.out, "sampler_web_certificate_expires_timestamp_seconds %" PRId64 "\n",
			context->certificate_expires_s);
	}
	if (process_info_read(&process))
		return;
	exposition_counter(&t->e, "process_cpu_seconds", "seconds",
			   "User and system CPU time of sampler-web");
	fputs("process_cpu_seconds_total ", t->e.out);
	exposition_seconds(&t->e, process.cpu_ns);
	exposition_gauge(&t->e, "process_start_time_seconds", "seconds",
			 "When sampler-web was started, since 1970");
	fputs("process_start_time_seconds ", t->e.out);
	exposition_seconds(&t->e,
			   context->realtime_ns - context->boottime_ns + process.start_boottime_ns);
	print_bytes(t, "process_resident_memory_bytes", "bytes", "Memory of sampler-web in RAM",
		    process.resident_bytes);
	print_bytes(t, "process_virtual_memory_bytes", "bytes", "Address space of sampler-web",
		    process.virtual_bytes);
	print_bytes(t, "process_open_fds", NULL, "Open descriptors of sampler-web",
		    process.open_fds);
	print_bytes(t, "process_max_fds", NULL, "Limit of open descriptors of sampler-web",
		    process.max_fds);
}

/* ---- all of it ---- */

static void take_subject(struct telling *t, const struct feed *feed, int link_fd)
{
	struct subject *subject = &t->subject[t->n_subjects++];
	char name[2 * SAMPLER_NAME_MAX + 1], ignored[SAMPLER_NAME_MAX];
	uint64_t netns_inode = 0;
	int n;

	subject->feed = feed;
	judge_feed(feed, link_fd, &subject->health);
	exposition_label(name, sizeof(name), feed->name, sizeof(feed->name));
	n = snprintf(subject->labels, sizeof(subject->labels), "interface=\"%s\"", name);
	if (!key_parse(feed->key, ignored, &netns_inode) && netns_inode)
		snprintf(subject->labels + n, sizeof(subject->labels) - (size_t)n,
			 ",netns=\"%" PRIu64 "\"", netns_inode);
}

/* Those that are attached: what is only history has ended, as a series should. */
static int take_subjects(struct telling *t, const struct catalog *catalog)
{
	_cleanup_close_ int link_fd = link_socket();

	t->subject = calloc(catalog->n ?: 1, sizeof(*t->subject));
	if (!t->subject)
		return -ENOMEM;
	for (size_t i = 0; i < catalog->n; i++) {
		if (catalog->feed[i]->attached)
			take_subject(t, catalog->feed[i], link_fd);
	}
	return collect_all(t);
}

static void print(const struct telling *t, const struct endpoint_context *context)
{
	print_counters(t);
	print_interfaces(t, context->boottime_ns);
	print_process(t, context);
	if (t->e.open_metrics)
		fputs("# EOF\n", t->e.out);
}

/**
 * metrics_text() - all that is known of all attached interfaces, as text for Prometheus
 * @context: of the request
 * @type: of exposition_type()
 * @ret_text: the text
 *
 * Return: 0, or -ENOMEM.
 */
int metrics_text(const struct endpoint_context *context, const char *type,
		 struct endpoint_text *ret_text)
{
	struct telling t = { .e.open_metrics = exposition_is_open_metrics(type) };
	struct endpoint_text text = { NULL, 0 };
	int r = take_subjects(&t, context->catalog);

	if (!r) {
		t.e.out = open_memstream(&text.body, &text.len);
		r = t.e.out ? 0 : -ENOMEM;
	}
	if (!r) {
		print(&t, context);
		r = ferror(t.e.out) ? -ENOMEM : 0;
		if (fclose(t.e.out))
			r = -ENOMEM;
	}
	free(t.subject);
	free(t.row);
	if (r)
		free(text.body);
	else
		*ret_text = text;
	return r;
}

/** metrics_version() - Return: another one with each change, and ten times a second besides */
uint64_t metrics_version(const struct endpoint_context *context, const struct query *query)
{
	(void)query;
	return context->catalog->version ^ (context->boottime_ns / KEPT_NS << 32);
}
