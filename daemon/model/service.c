// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Services: names for sets of TCP and UDP ports, and the slots in which the kernel counts them.
 *
 * The list is what the configuration asks for, the slots are what the counters in the kernel mean.
 * The two are kept apart because counters outlive a configuration: a slot belongs to the name that
 * got it first, for as long as the counters live (an epoch). service_list_assign() is where they
 * meet. http and https have fixed slots, since readers name them.
 *
 * Everything is plain data in the caller's memory.
 */
#include "model/service.h"

#include "util/cleanup.h"
#include "util/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED_PORTS "ports such as \"tcp/80\", \"udp/53 tcp/53\" or \"tcp/8000-8010\""
#define BLANKS	       " \t"

static const char *const protocol_names[] = { [SERVICE_TCP] = "tcp", [SERVICE_UDP] = "udp" };

/**
 * service_list_init() - the services that are always there
 * @list: becomes http = tcp/80, https = tcp/443, both replaceable
 */
void service_list_init(struct service_list *list)
{
	memset(list, 0, sizeof(*list));
	list->n = SAMPLER_N_FIXED_SERVICES;
	list->service[SAMPLER_HTTP] =
		(struct service){ "http", true, 1, { { SERVICE_TCP, 80, 80 } } };
	list->service[SAMPLER_HTTPS] =
		(struct service){ "https", true, 1, { { SERVICE_TCP, 443, 443 } } };
}

/**
 * service_list_make_defaults() - let the next file's services replace those of the files before
 * @list: its services become replaceable, as http and https are at first
 */
void service_list_make_defaults(struct service_list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		list->service[i].replaceable = true;
}

/**
 * service_name_valid() - whether a service may be called so
 * @name: 1 to 15 of a-z 0-9 _ - are a name
 *
 * Return: true or false.
 */
bool service_name_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return length && !name[length] && length < SAMPLER_NAME_MAX;
}

static int check_name(const char *name, struct error *err)
{
	if (!service_name_valid(name))
		return error_set(err, -EINVAL,
				 "\"%s\" is no name for a service: 1 to %d of a-z 0-9 _ -", name,
				 SAMPLER_NAME_MAX - 1);
	return 0;
}

/* One word of a specification; it is cut up on the way. */
static int parse_range(char *word, struct service_range *ret_range)
{
	struct service_range range = { 0 };
	char *ports = strchr(word, '/');
	uint64_t first, last;

	if (!ports)
		return -EINVAL;
	*ports++ = '\0';
	while (strcmp(word, protocol_names[range.protocol])) {
		if (++range.protocol == array_size(protocol_names))
			return -EINVAL;
	}
	if (parse_u64_range(ports, 1, UINT16_MAX, &first, &last))
		return -EINVAL;
	range.first = (uint16_t)first;
	range.last = (uint16_t)last;
	*ret_range = range;
	return 0;
}

static int parse_spec(struct service *service, const char *spec, struct error *err)
{
	while (*(spec += strspn(spec, BLANKS))) {
		size_t length = strcspn(spec, BLANKS);
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)length, spec);
		if (service->n_ranges == SERVICE_MAX_RANGES)
			return error_set(err, -ENOSPC,
					 "service \"%s\" has more than %d ranges of ports",
					 service->name, SERVICE_MAX_RANGES);
		if (length >= sizeof(word) || parse_range(word, &service->range[service->n_ranges]))
			return error_set(err, -EINVAL,
					 "service \"%s\": expected " EXPECTED_PORTS
					 ", 1 to 65535, got \"%.*s\"",
					 service->name, (int)length, spec);
		service->n_ranges++;
		spec += length;
	}
	if (!service->n_ranges)
		return error_set(err, -EINVAL, "service \"%s\": expected " EXPECTED_PORTS,
				 service->name);
	return 0;
}

/* The first port that both have; NULL when there is none. */
static const struct service_range *shared_range(const struct service *a, const struct service *b,
						uint16_t *ret_port)
{
	for (uint32_t i = 0; i < a->n_ranges; i++) {
		const struct service_range *x = &a->range[i];

		for (uint32_t j = 0; j < b->n_ranges; j++) {
			const struct service_range *y = &b->range[j];

			if (x->protocol != y->protocol || x->first > y->last || y->first > x->last)
				continue;
			*ret_port = x->first > y->first ? x->first : y->first;
			return x;
		}
	}
	return NULL;
}

static int check_pair(const struct service *a, const struct service *b, struct error *err)
{
	uint16_t port;
	const struct service_range *range = shared_range(a, b, &port);

	if (!range)
		return 0;
	return error_set(err, -EEXIST, "%s/%u belongs to two services, \"%s\" and \"%s\"",
			 protocol_names[range->protocol], port, a->name, b->name);
}

static struct service *find(struct service_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (!strcmp(list->service[i].name, name))
			return &list->service[i];
	}
	return NULL;
}

/* Where a service of that name goes: over a default, or at the end. */
static int choose_place(struct service_list *list, const char *name, struct service **ret_place,
			struct error *err)
{
	struct service *place = find(list, name);

	if (place && !place->replaceable)
		return error_set(err, -EEXIST, "service \"%s\" is there twice", name);
	if (!place && list->n == SAMPLER_MAX_SERVICES)
		return error_set(err, -ENOSPC,
				 "service \"%s\" is one too many: there is room for %d, http and "
				 "https included",
				 name, SAMPLER_MAX_SERVICES);
	*ret_place = place ? place : &list->service[list->n];
	return 0;
}

/**
 * service_list_add() - add a service, or replace a default by it
 * @list: where to; unchanged on failure
 * @name: 1 to 15 of a-z 0-9 _ -
 * @spec: its ports, parted by blanks: "udp/53 tcp/53", "tcp/8000-8010"
 * @err: why not
 *
 * A port that a default has is no trouble here, since that default may yet be replaced: call
 * service_list_check() behind the last service.
 *
 * Return: 0, -EINVAL for a bad name or bad ports, -EEXIST when the name or a port is taken, -ENOSPC
 * when the list or the service is full.
 */
int service_list_add(struct service_list *list, const char *name, const char *spec,
		     struct error *err)
{
	struct service service = { 0 }, *place = NULL;
	int r;

	r = check_name(name, err);
	if (r)
		return r;
	strcpy(service.name, name);
	r = parse_spec(&service, spec, err);
	if (!r)
		r = choose_place(list, name, &place, err);
	for (uint32_t i = 0; !r && i < list->n; i++) {
		if (!list->service[i].replaceable)
			r = check_pair(&list->service[i], &service, err);
	}
	if (r)
		return r;
	if (place == &list->service[list->n])
		list->n++;
	*place = service;
	return 0;
}

/**
 * service_list_check() - see that no port belongs to two services, defaults included
 * @list: complete list
 * @err: the port and both services
 *
 * Return: 0 or -EEXIST.
 */
int service_list_check(const struct service_list *list, struct error *err)
{
	int r = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		for (uint32_t j = 0; !r && j < i; j++)
			r = check_pair(&list->service[j], &list->service[i], err);
	}
	return r;
}

static void fill_service(struct sampler_port_table *table, const struct service *service,
			 uint32_t slot)
{
	for (uint32_t i = 0; i < service->n_ranges; i++) {
		const struct service_range *range = &service->range[i];
		__u8 *ports = range->protocol == SERVICE_TCP ? table->tcp : table->udp;

		memset(ports + range->first, (int)slot + 1, range->last - range->first + 1u);
	}
}

/**
 * service_list_fill() - the port table of a list whose slots are its own order
 * @list: a list that passed service_list_check()
 * @table: overwritten
 */
void service_list_fill(const struct service_list *list, struct sampler_port_table *table)
{
	memset(table, 0, sizeof(*table));
	for (uint32_t i = 0; i < list->n; i++)
		fill_service(table, &list->service[i], i);
}

/* The slot of that name; of "", the first that is free. */
static uint32_t find_slot(char (*slots)[SAMPLER_NAME_MAX], const char *name)
{
	uint32_t slot = 0;

	while (slot < SAMPLER_MAX_SERVICES && strncmp(slots[slot], name, SAMPLER_NAME_MAX))
		slot++;
	return slot;
}

static int choose_slot(char (*slots)[SAMPLER_NAME_MAX], const char *name, uint32_t *ret_slot,
		       struct error *err)
{
	uint32_t slot = find_slot(slots, name);

	if (slot == SAMPLER_MAX_SERVICES)
		slot = find_slot(slots, "");
	if (slot == SAMPLER_MAX_SERVICES)
		return error_set(err, -ENOSPC,
				 "No slot is free for service \"%s\": removed services keep theirs "
				 "as long as the counters live; detach and attach to start anew",
				 name);
	memcpy(slots[slot], name, SAMPLER_NAME_MAX);
	*ret_slot = slot;
	return 0;
}

/* Readers take slots 0 and 1 for http and https without a look at the names. */
static int check_fixed(const uint32_t *slot_of, struct error *err)
{
	for (uint32_t i = 0; i < SAMPLER_N_FIXED_SERVICES; i++) {
		if (slot_of[i] != i)
			return error_set(err, -EINVAL,
					 "The pinned service names do not start with http and "
					 "https; detach and attach to start anew");
	}
	return 0;
}

/**
 * service_list_assign() - give each service its slot and make the port table
 * @wanted: what the configuration asks for
 * @slots: SAMPLER_MAX_SERVICES names as in meta.service, all "" in a new epoch; new services are
 * entered, names of removed ones stay; unchanged on failure
 * @ret_table: the table to hand to the kernel
 * @err: why not
 *
 * A service keeps the slot that has its name, a new one gets a free slot, and no slot ever changes
 * its name, so that a counter never means two things.
 *
 * Return: 0, -ENOSPC when no slot is free, -EEXIST when a port belongs to two services, -EINVAL when
 * @slots are not ours.
 */
int service_list_assign(const struct service_list *wanted, char (*slots)[SAMPLER_NAME_MAX],
			struct sampler_port_table *ret_table, struct error *err)
{
	char next[SAMPLER_MAX_SERVICES][SAMPLER_NAME_MAX];
	uint32_t slot_of[SAMPLER_MAX_SERVICES];
	int r;

	memcpy(next, slots, sizeof(next));
	r = service_list_check(wanted, err);
	for (uint32_t i = 0; !r && i < wanted->n; i++)
		r = choose_slot(next, wanted->service[i].name, &slot_of[i], err);
	if (!r)
		r = check_fixed(slot_of, err);
	if (r)
		return r;
	memcpy(slots, next, sizeof(next));
	memset(ret_table, 0, sizeof(*ret_table));
	for (uint32_t i = 0; i < wanted->n; i++)
		fill_service(ret_table, &wanted->service[i], slot_of[i]);
	return 0;
}
