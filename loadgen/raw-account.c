// SPDX-License-Identifier: MIT OR Apache-2.0
#include "raw-account.h"

#include "verify-counts.h"

#include <errno.h>
#include <stdlib.h>

#define MIN_PLACES 64 /* a power of two, as all sizes of the table */

static void count(struct raw_count *count, uint64_t n, uint32_t len)
{
	count->frames += n;
	count->bytes += n * len;
}

/* The place of a pair of ports, or the free one where it belongs. */
static struct raw_ports *place(struct raw_ports *table, size_t n, bool tcp, uint16_t source,
			       uint16_t dest)
{
	uint64_t key = (uint64_t)tcp << 32 | (uint32_t)source << 16 | dest;
	size_t i = (key * 0x9e3779b97f4a7c15ULL >> 32) & (n - 1);

	while (table[i].count.frames &&
	       (table[i].tcp != tcp || table[i].source != source || table[i].dest != dest))
		i = (i + 1) & (n - 1);
	return &table[i];
}

/* At most half of the places are taken. */
static int make_room(struct raw_account *account)
{
	size_t n = account->n_ports ? 2 * account->n_ports : MIN_PLACES;
	struct raw_ports *table;

	if (2 * account->n_ports_used < account->n_ports)
		return 0;
	table = calloc(n, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < account->n_ports; i++) {
		const struct raw_ports *p = &account->ports[i];

		if (p->count.frames)
			*place(table, n, p->tcp, p->source, p->dest) = *p;
	}
	free(account->ports);
	account->ports = table;
	account->n_ports = n;
	return 0;
}

static int count_ports(struct raw_account *account, const struct raw_class *class, uint64_t n)
{
	bool tcp = class->l4 == RAW_TCP;
	struct raw_ports *ports;

	if (make_room(account))
		return -ENOMEM;
	ports = place(account->ports, account->n_ports, tcp, class->source, class->dest);
	account->n_ports_used += !ports->count.frames;
	ports->tcp = tcp;
	ports->source = class->source;
	ports->dest = class->dest;
	count(&ports->count, n, class->len);
	return 0;
}

/**
 * raw_account_add() - add frames of one class
 * @account: all 0 at first; to be freed by raw_account_free()
 * @class: how each of them is counted
 * @n: how many
 *
 * Return: 0 or -ENOMEM.
 */
int raw_account_add(struct raw_account *account, const struct raw_class *class, uint64_t n)
{
	if (!n)
		return 0;
	count(&account->total, n, class->len);
	count(&account->l3[class->l3], n, class->len);
	if (class->l4 != RAW_NO_L4)
		count(&account->l4[class->l4], n, class->len);
	for (size_t i = 0; i < RAW_N_MARKS; i++) {
		if (class->mark[i])
			count(&account->mark[i], n, class->len);
	}
	for (size_t i = 0; i < RAW_N_FLAGS; i++)
		account->tcp_flag[i] += class->flag[i] ? n : 0;
	account->size[verify_size_class(class->len) - VERIFY_SIZE_60] += n;
	return class->has_ports ? count_ports(account, class, n) : 0;
}

/** raw_account_free() - release what raw_account_add() has made */
void raw_account_free(struct raw_account *account)
{
	free(account->ports);
	*account = (struct raw_account){ 0 };
}
