// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How values of the [raw] section are read and written, as config-kinds.c does for the others.
 */
#include "config-kinds.h"

#include "raw-frame.h"
#include "util/cleanup.h"
#include "util/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_ITEM 63 /* bytes of one item of a list */
#define MAX_VLAN 4094

/* ---- lists: items between blanks ---- */

/* Copies the next item and moves on. Return: whether there was one; -EINVAL where it is too long. */
static int next_item(const char **text, char item[MAX_ITEM + 1])
{
	size_t n;

	*text += strspn(*text, " ");
	n = strcspn(*text, " ");
	if (n > MAX_ITEM)
		return -EINVAL;
	memcpy(item, *text, n);
	item[n] = '\0';
	*text += n;
	return n != 0;
}

/* Cuts ":7" off; without it a weight is 1. */
static int take_weight(char *item, uint16_t *ret_weight)
{
	char *colon = strchr(item, ':');
	uint64_t weight = 1;

	if (colon && parse_u64(colon + 1, 1, RAW_MAX_WEIGHT, &weight))
		return -EINVAL;
	if (colon)
		*colon = '\0';
	*ret_weight = (uint16_t)weight;
	return 0;
}

/* Adds to a text that may be full. */
__attribute__((format(printf, 3, 4))) static void append(char *buf, size_t size, const char *format,
							 ...)
{
	size_t n = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + n, size - n, format, args);
	va_end(args);
}

static void append_weight(char *buf, size_t size, uint32_t weight)
{
	if (weight != 1)
		append(buf, size, ":%u", weight);
}

/* "80" or "80-89" */
static int parse_span(const char *text, uint64_t min, uint64_t max, uint16_t *ret_first,
		      uint16_t *ret_last)
{
	uint64_t a, b;

	if (parse_u64_range(text, min, max, &a, &b))
		return -EINVAL;
	*ret_first = (uint16_t)a;
	*ret_last = (uint16_t)b;
	return 0;
}

static void append_span(char *buf, size_t size, uint32_t first, uint32_t last)
{
	append(buf, size, first == last ? "%u" : "%u-%u", first, last);
}

/* ---- addresses ---- */

static int parse_addresses(const struct config_row *row, const char *text, void *field,
			   struct error *err)
{
	struct raw_addresses a = { .has4 = false };
	char item[MAX_ITEM + 1];
	int r;

	(void)row, (void)err;
	while ((r = next_item(&text, item)) > 0) {
		if (!a.has4 && inet_pton(AF_INET, item, &a.in4) == 1)
			a.has4 = true;
		else if (!a.has6 && inet_pton(AF_INET6, item, &a.in6) == 1)
			a.has6 = true;
		else
			return -EINVAL;
	}
	if (!r)
		*(struct raw_addresses *)field = a;
	return r;
}

static void format_addresses(const void *field, char *buf, size_t size)
{
	const struct raw_addresses *a = field;
	char text[INET6_ADDRSTRLEN];

	*buf = '\0';
	if (a->has4)
		append(buf, size, "%s", inet_ntop(AF_INET, &a->in4, text, sizeof(text)));
	if (a->has6)
		append(buf, size, "%s%s", a->has4 ? " " : "",
		       inet_ntop(AF_INET6, &a->in6, text, sizeof(text)));
}

static int parse_mac(const struct config_row *row, const char *text, void *field, struct error *err)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	struct raw_mac mac = { .there = *text != '\0' };

	(void)row, (void)err;
	for (size_t i = 0; i < sizeof(mac.byte) && mac.there; i++, text += 3) {
		const char *high = text[0] ? strchr(digits, text[0]) : NULL;
		const char *low = high && text[1] ? strchr(digits, text[1]) : NULL;

		if (!low || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac.byte[i] = (uint8_t)((high - digits) % 16 * 16 + (low - digits) % 16);
	}
	*(struct raw_mac *)field = mac;
	return 0;
}

static void format_mac(const void *field, char *buf, size_t size)
{
	const struct raw_mac *mac = field;
	const uint8_t *b = mac->byte;

	*buf = '\0';
	if (mac->there)
		snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			 b[5]);
}

/* ---- what is in frames ---- */

static int parse_range(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	struct raw_range *range = field;

	(void)row, (void)err;
	return parse_span(text, 0, UINT16_MAX, &range->first, &range->last);
}

static void format_range(const void *field, char *buf, size_t size)
{
	const struct raw_range *range = field;

	*buf = '\0';
	append_span(buf, size, range->first, range->last);
}

/* 64, 594 and 1518 bytes with FCS, 7:4:1 */
static const struct raw_sizes imix = { 3, { { 60, 60, 7 }, { 590, 590, 4 }, { 1514, 1514, 1 } } };

static int parse_sizes(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	struct raw_sizes sizes = { .n = 0 };
	char item[MAX_ITEM + 1];
	int r;

	(void)err;
	if (!strcmp(text, "imix")) {
		*(struct raw_sizes *)field = imix;
		return 0;
	}
	while ((r = next_item(&text, item)) > 0) {
		struct raw_size *size = &sizes.item[sizes.n];

		if (sizes.n++ == RAW_MAX_SIZES || take_weight(item, &size->weight) ||
		    parse_span(item, row->min, row->max, &size->first, &size->last))
			return -EINVAL;
	}
	if (!r && sizes.n)
		*(struct raw_sizes *)field = sizes;
	return sizes.n ? r : -EINVAL;
}

static void format_sizes(const void *field, char *buf, size_t size)
{
	const struct raw_sizes *sizes = field;

	*buf = '\0';
	if (!memcmp(sizes, &imix, sizeof(imix))) {
		append(buf, size, "imix");
		return;
	}
	for (uint32_t i = 0; i < sizes->n; i++) {
		append(buf, size, "%s", i ? " " : "");
		append_span(buf, size, sizes->item[i].first, sizes->item[i].last);
		append_weight(buf, size, sizes->item[i].weight);
	}
}

/* "udp4", "udp4:7", "ethertype=0x88b5:2" */
static int parse_mix_item(char *text, struct raw_mix_item *ret, struct error *err)
{
	int kind;

	if (take_weight(text, &ret->weight))
		return -EINVAL;
	kind = raw_kind_find(text, &ret->ethertype);
	if (kind < 0)
		return error_set(err, -EINVAL,
				 "there is no kind of frame \"%s\"; sampler-loadgen(1) lists them",
				 text);
	ret->kind = (uint16_t)kind;
	return 0;
}

static int parse_mix(const struct config_row *row, const char *text, void *field, struct error *err)
{
	struct raw_mix mix = { .n = 0 };
	char item[MAX_ITEM + 1];
	int r;

	(void)row;
	while ((r = next_item(&text, item)) > 0) {
		if (mix.n == RAW_MAX_MIX)
			return -EINVAL;
		r = parse_mix_item(item, &mix.item[mix.n++], err);
		if (r)
			return r;
	}
	if (!r && mix.n)
		*(struct raw_mix *)field = mix;
	return mix.n ? r : -EINVAL;
}

static void format_mix(const void *field, char *buf, size_t size)
{
	const struct raw_mix *mix = field;
	char name[MAX_ITEM + 1];

	*buf = '\0';
	for (uint32_t i = 0; i < mix->n; i++) {
		raw_kind_name(&mix->item[i], name, sizeof(name));
		append(buf, size, "%s%s", i ? " " : "", name);
		append_weight(buf, size, mix->item[i].weight);
	}
}

static int parse_vlan(const struct config_row *row, const char *text, void *field,
		      struct error *err)
{
	struct raw_vlan vlan = { .n = 0 };
	char first[MAX_ITEM + 1];
	const char *dot = strchr(text, '.');
	size_t n = dot ? (size_t)(dot - text) : strlen(text);
	uint64_t id[2] = { 0 };

	(void)row, (void)err;
	if (n > MAX_ITEM)
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if (*text && parse_u64(first, 0, MAX_VLAN, &id[0]))
		return -EINVAL;
	if (dot && parse_u64(dot + 1, 0, MAX_VLAN, &id[1]))
		return -EINVAL;
	if (*text)
		vlan = (struct raw_vlan){ dot ? 2 : 1, { (uint16_t)id[0], (uint16_t)id[1] } };
	*(struct raw_vlan *)field = vlan;
	return 0;
}

static void format_vlan(const void *field, char *buf, size_t size)
{
	const struct raw_vlan *vlan = field;

	*buf = '\0';
	for (uint32_t i = 0; i < vlan->n; i++)
		append(buf, size, "%s%u", i ? "." : "", vlan->id[i]);
}

static const char *const flag_names[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr" };

static int flag_of(const char *name, size_t n)
{
	for (size_t i = 0; i < array_size(flag_names); i++) {
		if (strlen(flag_names[i]) == n && !strncmp(flag_names[i], name, n))
			return 1 << i;
	}
	return -EINVAL;
}

static int parse_tcp_flags(const struct config_row *row, const char *text, void *field,
			   struct error *err)
{
	uint32_t flags = 0;

	(void)row, (void)err;
	if (!strcmp(text, "none")) {
		*(uint32_t *)field = 0;
		return 0;
	}
	for (;; text++) {
		size_t n = strcspn(text, "+");
		int flag = flag_of(text, n);

		if (flag < 0)
			return flag;
		flags |= (uint32_t)flag;
		text += n;
		if (!*text)
			break;
	}
	*(uint32_t *)field = flags;
	return 0;
}

static void format_tcp_flags(const void *field, char *buf, size_t size)
{
	uint32_t flags = *(const uint32_t *)field;

	snprintf(buf, size, "%s", flags ? "" : "none");
	for (size_t i = 0; i < array_size(flag_names); i++) {
		if (flags & 1U << i)
			append(buf, size, "%s%s", *buf ? "+" : "", flag_names[i]);
	}
}

/* ---- how they are sent ---- */

static const char *const orders[] = { "round-robin", "uniform", "zipf" };
static const char *const sockets[] = { "packet", "xdp" };

/* Return: which one, or -EINVAL. */
static int find_name(const char *const *names, int n, const char *text)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(names[i], text))
			return i;
	}
	return -EINVAL;
}

static int parse_flow_order(const struct config_row *row, const char *text, void *field,
			    struct error *err)
{
	int i = find_name(orders, array_size(orders), text);

	(void)row, (void)err;
	if (i < 0)
		return i;
	*(enum raw_flow_order *)field = (enum raw_flow_order)i;
	return 0;
}

static void format_flow_order(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", orders[*(const enum raw_flow_order *)field]);
}

static int parse_socket(const struct config_row *row, const char *text, void *field,
			struct error *err)
{
	int i = find_name(sockets, array_size(sockets), text);

	(void)row, (void)err;
	if (i < 0)
		return i;
	*(enum raw_socket_type *)field = (enum raw_socket_type)i;
	return 0;
}

static void format_socket(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", sockets[*(const enum raw_socket_type *)field]);
}

static int parse_layer(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	(void)row, (void)err;
	if (strcmp(text, "1") && strcmp(text, "2"))
		return -EINVAL;
	*(bool *)field = *text == '1';
	return 0;
}

static void format_layer(const void *field, char *buf, size_t size)
{
	snprintf(buf, size, "%s", *(const bool *)field ? "1" : "2");
}

static int parse_speed(const struct config_row *row, const char *text, void *field,
		       struct error *err)
{
	(void)err;
	return parse_decimal(text, RAW_SPEED_PARTS, row->min, row->max, field);
}

static void format_speed(const void *field, char *buf, size_t size)
{
	uint64_t parts = *(const uint64_t *)field, part = parts % RAW_SPEED_PARTS;
	size_t n;

	snprintf(buf, size, "%" PRIu64, parts / RAW_SPEED_PARTS);
	if (!part)
		return;
	append(buf, size, ".%03" PRIu64, part);
	for (n = strlen(buf); buf[n - 1] == '0'; n--)
		buf[n - 1] = '\0';
}

const struct config_kind config_addresses = { parse_addresses, format_addresses };
const struct config_kind config_mac = { parse_mac, format_mac };
const struct config_kind config_range = { parse_range, format_range };
const struct config_kind config_sizes = { parse_sizes, format_sizes };
const struct config_kind config_mix = { parse_mix, format_mix };
const struct config_kind config_vlan = { parse_vlan, format_vlan };
const struct config_kind config_tcp_flags = { parse_tcp_flags, format_tcp_flags };
const struct config_kind config_flow_order = { parse_flow_order, format_flow_order };
const struct config_kind config_socket = { parse_socket, format_socket };
const struct config_kind config_layer = { parse_layer, format_layer };
const struct config_kind config_speed = { parse_speed, format_speed };
