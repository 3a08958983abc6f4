// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * GET /healthz: for load balancers, probes and alerts. 200 only while each attached interface is
 * counted and recorded; what is only history is no trouble. Probes seldom have a token, so it is open.
 */
#include "http/endpoints.h"
#include "http/feed-json.h"
#include "model/snapshot-json.h"

#include <string.h>
#include <unistd.h>

static json_t *check_json(const struct feed *feed, int link_fd, bool *ret_ok)
{
	struct feed_health health;

	judge_feed(feed, link_fd, &health);
	*ret_ok = !strcmp(health.state, "ok");
	return json_pack("{s:o, s:s, s:o}", "interface", text_json(feed->name, sizeof(feed->name)),
			 "state", health.state, "reason", reason_json(&health.reason));
}

/* Return: number of interfaces that are not well, or -1 without memory. */
static int append_checks(json_t *checks, const struct catalog *catalog, int link_fd)
{
	int ill = 0;

	for (size_t i = 0; i < catalog->n; i++) {
		bool ok;

		if (!catalog->feed[i]->attached)
			continue;
		if (json_array_append_new(checks, check_json(catalog->feed[i], link_fd, &ok)))
			return -1;
		ill += !ok;
	}
	return ill;
}

static const char *status_of(const struct catalog *catalog, size_t n, int ill)
{
	if (ill || catalog->trouble.text[0])
		return "failing";
	return n ? "ok" : "no interface";
}

/* Strangers learn whether all is well, and not of what. */
static json_t *healthz_json(const struct endpoint_context *context, int link_fd,
			    unsigned int *ret_status)
{
	const struct catalog *catalog = context->catalog;
	json_t *checks = json_array(), *json = NULL;
	int ill = checks ? append_checks(checks, catalog, link_fd) : -1;
	const char *status;

	if (ill >= 0) {
		status = status_of(catalog, json_array_size(checks), ill);
		*ret_status = !strcmp(status, "ok") ? 200 : 503;
		json = context->is_stranger
			       ? json_pack("{s:s}", "status", status)
			       : json_pack("{s:s, s:O, s:o}", "status", status, "checks", checks,
					   "reason", reason_json(&catalog->trouble));
	}
	json_decref(checks);
	return json;
}

/**
 * healthz_answer() - whether all is well
 * @context: of the request
 * @query: nothing
 * @ret_body: a new object, also with 503
 * @err: why there is none
 *
 * Return: 200; 503 where any attached interface is not well, or none is attached; 500 without memory.
 */
unsigned int healthz_answer(const struct endpoint_context *context, const struct query *query,
			    json_t **ret_body, struct error *err)
{
	int link_fd = link_socket();
	unsigned int status = 503;
	json_t *json = healthz_json(context, link_fd, &status);

	(void)query;
	if (link_fd >= 0)
		close(link_fd);
	if (!json) {
		error_set(err, 0, "out of memory");
		return 500;
	}
	*ret_body = json;
	return status;
}
