// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is settled before a run of raw frames: the interface, what it may be used for, sockets, addresses
 * and all frames.
 *
 * The order is that of privileges. A capture file is read, and sockets are opened, as whoever started
 * the program; then all privileges go; only then is anything looked into that came from outside.
 */
#include "raw-plan.h"

#include "raw-ethernet.h"
#include "raw-guard.h"
#include "util/privileges.h"

#include <errno.h>
#include <inttypes.h>

#define USER "nobody"

static int open_sockets(struct raw_plan *plan, const struct config *config, struct error *err)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < config->threads; i++)
		r = raw_socket_open(&plan->socket[plan->n_sockets++], &config->raw, &plan->link, i,
				    err);
	return r;
}

/* A tag comes on top of what the MTU allows, but only one (the kernel's rule). */
static uint32_t most_bytes(const struct raw_plan *plan, const uint8_t *frame)
{
	return plan->link.mtu + ETHERNET + (be16(frame + TYPE_AT) == TYPE_VLAN ? TAG : 0);
}

static int check_lengths(const struct raw_plan *plan, const struct raw_config *raw,
			 struct error *err)
{
	const struct raw_sequence *s = &plan->sequence;

	for (uint32_t i = 0; i < s->period; i++) {
		const uint8_t *frame = s->template ? s->template[s->entry[i].template].head
						   : s->capture.frame[i].bytes;
		uint32_t len = raw_sequence_len(s, i), most = most_bytes(plan, frame);

		if (len > most)
			return error_set(err, -EMSGSIZE,
					 "frame %u has %u bytes, but %s takes frames of %u at most "
					 "(its MTU is %u; ip link set dev %s mtu N)",
					 i + 1, len, plan->link.name, most, plan->link.mtu,
					 plan->link.name);
		if (raw->socket == RAW_XDP && len > RAW_MOST_XDP)
			return error_set(err, -EMSGSIZE,
					 "frame %u has %u bytes, but socket = xdp takes frames of "
					 "%u at most; use socket = packet",
					 i + 1, len, RAW_MOST_XDP);
	}
	return 0;
}

static int make_sequence(struct raw_plan *plan, const struct config *config, struct error *err)
{
	int r = 0;

	if (!*config->raw.pcap)
		r = raw_link_ends(&config->raw, &plan->link, &plan->ends, err)
			    ?: raw_guard_ends(&config->raw, &plan->ends, err);
	r = r ?: raw_sequence_make(config, &plan->ends, &plan->file, &plan->sequence, err);
	if (!r && *config->raw.pcap)
		r = raw_guard_capture(&config->raw, &plan->link, &plan->sequence.capture, err);
	r = r ?: check_lengths(plan, &config->raw, err);
	if (r)
		return r;
	plan->n_frames = raw_sequence_n_frames(&plan->sequence);
	if (!plan->n_frames)
		return error_set(err, -EINVAL,
				 "total_size = %" PRIu64 ": not even the first frame fits, which "
				 "has %u bytes",
				 config->total_size, raw_sequence_len(&plan->sequence, 0));
	return 0;
}

/**
 * raw_plan_make() - settle what a configuration asks for
 * @config: of the run; is used as long as the plan
 * @sockets: open them, and give up all privileges; else nothing is sent, and they stay
 * @ret: filled; to be freed by raw_plan_free(), also after a failure
 * @err: why it cannot be done, and what would help
 *
 * Return: 0 or negative errno.
 */
int raw_plan_make(const struct config *config, bool sockets, struct raw_plan *ret,
		  struct error *err)
{
	int r;

	*ret = (struct raw_plan){ .n_frames = 0 };
	r = raw_link_find(config->raw.interface, &ret->link, err);
	r = r ?: raw_guard_link(&config->raw, &ret->link, err);
	if (!r && *config->raw.pcap)
		r = raw_file_read(config->raw.pcap, &ret->file, err);
	if (!r && sockets)
		r = open_sockets(ret, config, err);
	if (!r && sockets)
		r = privileges_shed(USER, err);
	return r ?: make_sequence(ret, config, err);
}

/** raw_plan_free() - release what raw_plan_make() has made */
void raw_plan_free(struct raw_plan *plan)
{
	for (uint32_t i = 0; i < plan->n_sockets; i++)
		raw_socket_close(&plan->socket[i]);
	raw_sequence_free(&plan->sequence);
	raw_file_free(&plan->file);
}
