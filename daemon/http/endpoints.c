// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The table of endpoints. What is not in it is not there: routes, the parameters that each takes,
 * and the list that a client gets to see of them all come from these rows. The table is constant.
 */
#include "http/endpoints.h"

#include "http/exposition.h"
#include "http/feed-json.h"
#include "util/cleanup.h"

static const char *const interface[] = { "interface", NULL };
static const char *const history[] = { "interface", "from", "to", "step", "metrics", NULL };
static const char *const none[] = { NULL };

const struct endpoint endpoints[] = {
	{
		.path = "/api/metrics/realtime",
		.help = "Rates of the last interval and totals, of one interface or all together",
		.parameters = interface,
		.answer = realtime_answer,
		.version = version_of_all,
	},
	{
		.path = "/api/stats/summary",
		.help = "Averages, peak and shares since the counters began",
		.parameters = interface,
		.answer = summary_answer,
		.version = version_of_all,
	},
	{
		.path = "/api/interfaces",
		.help = "Each interface that is sampled or was: how it is attached, and its health",
		.parameters = none,
		.answer = interfaces_answer,
	},
	{
		.path = "/api/history",
		.help = "What was recorded, in equal steps, as arrays to plot",
		.parameters = history,
		.answer = history_answer,
	},
	{
		.path = "/api/stream",
		.help = "What realtime tells of each interface, as an event at each tick",
		.parameters = interface,
		.is_stream = true,
	},
	{
		.path = "/api/openapi.json",
		.help = "This description of all that can be asked",
		.parameters = none,
		.text = openapi_text,
		.version = openapi_version,
	},
	{
		.path = "/metrics",
		.help = "Totals and states for Prometheus, as text or OpenMetrics",
		.parameters = none,
		.type = exposition_type,
		.text = metrics_text,
		.version = metrics_version,
	},
	{
		.path = "/healthz",
		.help = "Whether all frames of all attached interfaces are counted and recorded",
		.parameters = none,
		.answer = healthz_answer,
		.is_open = true,
	},
};

const size_t n_endpoints = array_size(endpoints);
