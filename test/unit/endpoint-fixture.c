// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Interfaces are filled in by hand where their pins would be needed; histories are real files.
 */
#include "endpoint-fixture.h"

#include "http/query.h"
#include "util/cleanup.h"
#include "util/clock.h"

#include <stdio.h>
#include <string.h>

/* Transmitted frames, which an interface counts only when it is told to. */
void count_tx(struct feed *feed, uint64_t factor)
{
	struct sampler_counters *tx = &feed->newest.direction[SAMPLER_TX];
	struct sampler_counters *now = &feed->delta.direction[SAMPLER_TX];

	feed->meta.flags |= SAMPLER_META_TX;
	feed->meta.tx_since_boottime_ns = feed->meta.epoch_boottime_ns;
	feed->newest.flags |= SAMPLE_TX;
	feed->newest.peak[SAMPLER_TX] =
		(struct sample_peak){ 33000 * factor, (BOOT_S - 20) * NSEC_PER_SEC };
	tx->l3[SAMPLER_IPV6] = (struct sampler_count){ 400 * factor, 40000 * factor };
	tx->l4[SAMPLER_TCP] = (struct sampler_count){ 300 * factor, 30000 * factor };
	tx->mark[SAMPLER_VLAN] = (struct sampler_count){ 5 * factor, 500 * factor };
	tx->service[2] = (struct sampler_count){ 3 * factor, 300 * factor };
	feed->delta.known[SAMPLER_TX] = true;
	now->l3[SAMPLER_IPV6] = (struct sampler_count){ 7 * factor, 700 * factor };
	now->service[2] = (struct sampler_count){ 1 * factor, 100 * factor };
}

static void fill_feed(struct feed *feed, const char *name, uint64_t factor)
{
	struct sampler_counters *rx = &feed->newest.direction[SAMPLER_RX];
	struct sampler_counters *now = &feed->delta.direction[SAMPLER_RX];

	*feed = (struct feed){ .attached = true,
			       .pinned = true,
			       .source = FEED_RECORDS,
			       .has_delta = true,
			       .services = { "http", "https", "dns" } };
	strcpy(feed->name, name);
	strcpy(feed->key, name);
	strcpy(feed->meta.ifname, name);
	feed->meta.mode = SAMPLER_MODE_NATIVE;
	feed->meta.epoch = BEGIN_NS;
	feed->meta.epoch_boottime_ns = (BOOT_S - 100) * NSEC_PER_SEC;
	feed->meta.attach_realtime_ns = BEGIN_NS;
	feed->newest.boottime_ns = BOOT_S * NSEC_PER_SEC;
	feed->newest.realtime_ns = BEGIN_NS + 100 * NSEC_PER_SEC + 42 * NSEC_PER_MSEC;
	feed->newest.peak[SAMPLER_RX] =
		(struct sample_peak){ 77000 * factor, (BOOT_S - 10) * NSEC_PER_SEC };
	rx->l3[SAMPLER_IPV4] = (struct sampler_count){ 1000 * factor, 100000 * factor };
	rx->l3[SAMPLER_ARP] = (struct sampler_count){ 10 * factor, 600 * factor };
	rx->l4[SAMPLER_TCP] = (struct sampler_count){ 500 * factor, 50000 * factor };
	rx->service[SAMPLER_HTTP] = (struct sampler_count){ 300 * factor, 25150 * factor };
	rx->service[2] = (struct sampler_count){ 7 * factor, 700 * factor };
	rx->size[1] = 1010 * factor;
	feed->delta.interval_ns = 2 * NSEC_PER_SEC;
	feed->delta.known[SAMPLER_RX] = true;
	now->l3[SAMPLER_IPV4] = (struct sampler_count){ 11 * factor, 1100 * factor };
	now->l4[SAMPLER_TCP] = (struct sampler_count){ 6 * factor, 601 * factor };
	now->service[2] = (struct sampler_count){ 2 * factor, 200 * factor };
	now->size[1] = 11 * factor;
}

struct api *open_api(size_t n)
{
	struct api *api = calloc(1, sizeof(*api));

	assert_non_null(api);
	fill_feed(&api->feed[0], "eth0", 1);
	fill_feed(&api->feed[1], "eth1", 10);
	strcpy(api->feed[1].services[2], "quic");
	strcpy(api->feed[2].name, "old");
	strcpy(api->feed[2].key, "old");
	strcpy(api->feed[2].stale.text, "it is not attached");
	api->feed[2].source = FEED_PAST;
	api->feed[2].newest.realtime_ns = BEGIN_NS;
	for (size_t i = 0; i < n; i++)
		api->catalog.feed[api->catalog.n++] = &api->feed[i];
	api->context = (struct endpoint_context){ .catalog = &api->catalog,
						  .boottime_ns = BOOT_S * NSEC_PER_SEC,
						  .realtime_ns = BEGIN_NS + 100 * NSEC_PER_SEC };
	return api;
}

void close_api(struct api *api)
{
	json_decref(api->body);
	peak_forget(&api->catalog.peak);
	free(api);
}

static const struct endpoint *endpoint_of(const char *path)
{
	for (size_t i = 0; i < n_endpoints; i++) {
		if (!strcmp(endpoints[i].path, path))
			return &endpoints[i];
	}
	fail_msg("no endpoint %s", path);
	return NULL;
}

/* Ask, as the server does. */
void ask(struct api *api, const char *path, const char *query)
{
	const struct endpoint *endpoint = endpoint_of(path);
	struct query_text text;
	char *dumped;

	json_decref(api->body);
	api->body = NULL;
	api->err.text[0] = 0;
	assert_int_equal(query_parse(query, strlen(query), &text, &api->err), 0);
	assert_int_equal(query_check(&text.query, endpoint->parameters, &api->err), 0);
	api->status = endpoint->answer(&api->context, &text.query, &api->body, &api->err);
	if (!api->body) {
		assert_true(api->err.text[0]);
		assert_null(strstr(api->err.text, "/"));
		return;
	}
	dumped = json_dumps(api->body, 0);
	assert_non_null(dumped);
	assert_null(strstr(dumped, "/dev/shm"));
	free(dumped);
}

void expect_refused(struct api *api, const char *path, const char *query, unsigned int status,
		    const char *reason)
{
	ask(api, path, query);
	assert_int_equal(api->status, status);
	assert_null(api->body);
	assert_string_equal(api->err.text, reason);
}

/* The member at "rx.l3.ipv4". */
json_t *at_path(const json_t *json, const char *path)
{
	char name[64];

	for (;;) {
		size_t n = strcspn(path, "/");
		json_t *member;

		assert_true(n < sizeof(name));
		memcpy(name, path, n);
		name[n] = 0;
		member = json_object_get(json, name);
		if (!member)
			fail_msg("no \"%s\"", name);
		if (!path[n])
			return member;
		json = member;
		path += n + 1;
	}
}

json_int_t integer_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", path);
	return json_integer_value(value);
}

double real_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_real(value))
		fail_msg("%s is no real", path);
	return json_real_value(value);
}

const char *string_at(const struct api *api, const char *path)
{
	json_t *value = at_path(api->body, path);

	if (!json_is_string(value))
		fail_msg("%s is no string", path);
	return json_string_value(value);
}

void expect_null(const struct api *api, const char *path)
{
	if (!json_is_null(at_path(api->body, path)))
		fail_msg("%s is not null", path);
}

/* Members in this order and no others. */
void expect_members(json_t *object, const char *const *names, size_t n)
{
	void *at = json_object_iter(object);

	for (size_t i = 0; i < n; i++) {
		assert_non_null(at);
		assert_string_equal(json_object_iter_key(at), names[i]);
		at = json_object_iter_next(object, at);
	}
	assert_null(at);
}

/*
 * Seconds 1 to n with a burst in second @burst: 1,000 bytes a second, and 9,000 more then. What is
 * transmitted is counted from second 30 on, and tags are stripped from what is received: 2,000 bytes a second, and in the burst as many as are received.
 */
void make_burst(struct fixture *f, const char *key, uint64_t n, uint64_t burst)
{
	struct history_geometry wide = HISTORY_GEOMETRY_DEFAULT;
	struct history_place place = { f->dir, key, key, (uid_t)-1, (gid_t)-1 };
	struct history_writer *w = NULL;
	struct sample s = { .boottime_ns = 0 };

	assert_int_equal(history_open_writer(&place, &wide, &w, &f->err), 0);
	for (uint64_t t = 1; t <= n; t++) {
		s.boottime_ns = t * NSEC_PER_SEC;
		s.realtime_ns = BEGIN_NS + t * NSEC_PER_SEC;
		s.direction[SAMPLER_RX].l3[0].packets += 1;
		s.direction[SAMPLER_RX].l3[0].bytes += t == burst ? 10000 : 1000;
		if (t >= TX_FROM_S) {
			s.flags = SAMPLE_TX | SAMPLE_VLAN_STRIPPED;
			s.direction[SAMPLER_TX].l3[1].packets += 2;
			s.direction[SAMPLER_TX].l3[1].bytes += t == burst ? 10000 : 2000;
		}
		assert_true(history_begin_epoch(w, &source, &s) >= 0);
		assert_int_equal(history_append(w, &s), 0);
	}
	history_close_writer(w);
}
