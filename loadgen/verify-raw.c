// SPDX-License-Identifier: MIT OR Apache-2.0
/* What a run of raw frames has sent, by the classes and the services of a sampler: each frame is known. */
#include "verify-raw.h"

/* Services go by destination, then by source. Those that the sampler has are known, if only as 0. */
static void account_services(const struct raw_account *account, const struct verify_ports *ports,
			     struct verify_counts *counts)
{
	for (size_t i = 0; i < ports->n; i++)
		verify_service_count(counts, ports->name[i]);
	for (size_t i = 0; i < account->n_ports; i++) {
		const struct raw_ports *p = &account->ports[i];
		const struct verify_count count = { p->count.frames, p->count.bytes, false };
		const char *service = verify_ports_find(ports, p->tcp, p->dest)
					      ?: verify_ports_find(ports, p->tcp, p->source);

		if (count.packets && service)
			verify_count_add(verify_service_count(counts, service), &count);
	}
}

static struct verify_count count_of(const struct raw_count *count)
{
	return (struct verify_count){ count->frames, count->bytes, false };
}

/**
 * verify_account() - what there is to be counted of raw frames
 * @account: of what was sent
 * @ports: the sampler's services
 * @ret: each frame, exactly
 */
void verify_account(const struct raw_account *account, const struct verify_ports *ports,
		    struct verify_sent *ret)
{
	struct verify_count *class = ret->counts.class;

	*ret = (struct verify_sent){ .exact = true };
	class[VERIFY_ALL] = count_of(&account->total);
	for (size_t i = 0; i < RAW_N_L3; i++)
		class[VERIFY_IPV4 + i] = count_of(&account->l3[i]);
	for (size_t i = 0; i < RAW_N_L4; i++)
		class[VERIFY_TCP + i] = count_of(&account->l4[i]);
	for (size_t i = 0; i < RAW_N_MARKS; i++)
		class[VERIFY_VLAN + i] = count_of(&account->mark[i]);
	for (size_t i = 0; i < RAW_N_SIZES; i++)
		class[VERIFY_SIZE_60 + i].packets = account->size[i];
	for (size_t i = 0; i < RAW_N_FLAGS; i++)
		class[VERIFY_SYN + i].packets = account->tcp_flag[i];
	account_services(account, ports, &ret->counts);
}
