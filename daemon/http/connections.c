// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Ending connections. h2o has no call for that, so a socket is shut down and h2o finds out by itself:
 * it closes the connection in one of the next rounds of its loop, and nothing of h2o's is freed here.
 */
#include "http/connections.h"

#include <h2o/http1.h>
#include <sys/socket.h>

#define RESPONSE_TIMEOUT_S 60 /* for an answer to be taken */

static h2o_socket_t *connection_of(const h2o_req_t *req)
{
	return req->conn->callbacks->get_socket(req->conn);
}

static void end_connection(h2o_req_t *req, int how)
{
	shutdown(h2o_socket_get_fd(connection_of(req)), how);
}

static void for_each(h2o_context_t *context, int (*fn)(h2o_req_t *, void *), void *user)
{
	context->globalconf->http1.callbacks.foreach_request(context, fn, user);
}

static int end_if_stuck(h2o_req_t *req, void *user)
{
	struct timeval *began = &req->timestamps.response_start_at;
	const struct timeval *now = user;

	if (began->tv_sec > now->tv_sec)
		*began = *now; /* the clock was set back */
	if (began->tv_sec && now->tv_sec - began->tv_sec > RESPONSE_TIMEOUT_S)
		end_connection(req, SHUT_RDWR);
	return 0;
}

/**
 * connections_end_stuck() - end those whose client does not take its answer
 * @context: h2o's
 *
 * h2o bounds the time that a request takes to arrive; this bounds that of its answer.
 */
void connections_end_stuck(h2o_context_t *context)
{
	struct timeval now = *h2o_get_timestamp(context, NULL, NULL);

	for_each(context, end_if_stuck, &now);
}

static int end_if_idle(h2o_req_t *req, void *user)
{
	const bool *untouched_too = user;

	if (!req->timestamps.request_begin_at.tv_sec &&
	    (*untouched_too || connection_of(req)->bytes_read))
		end_connection(req, SHUT_RD);
	return 0;
}

/**
 * connections_end_idle() - end those that are between two requests
 * @context: h2o's
 * @untouched_too: also those that are before the first one
 *
 * What they have sent already is still read.
 */
void connections_end_idle(h2o_context_t *context, bool untouched_too)
{
	for_each(context, end_if_idle, &untouched_too);
}

static int end_if_waited_for(h2o_req_t *req, void *user)
{
	(void)user;
	if (!req->timestamps.response_start_at.tv_sec)
		end_connection(req, SHUT_RD);
	return 0;
}

/**
 * connections_end_waited_for() - end all that we wait for, idle or amidst a request
 * @context: h2o's
 */
void connections_end_waited_for(h2o_context_t *context)
{
	for_each(context, end_if_waited_for, NULL);
}

static int end_in_any_case(h2o_req_t *req, void *user)
{
	(void)user;
	end_connection(req, SHUT_RDWR);
	return 0;
}

/** connections_end_all() - end all, whatever they are at */
void connections_end_all(h2o_context_t *context)
{
	for_each(context, end_in_any_case, NULL);
}
