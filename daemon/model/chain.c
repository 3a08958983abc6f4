// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The XDP programs of an interface, as its pins have them: who is there, who came, who left.
 *
 * Programs are told apart by their ids, which the kernel does not give again before some two
 * thousand million others; names and tags can be alike.
 */
#include "model/chain.h"

/* By number, as enum xdp_action has them. */
const char *const chain_action_names[CHAIN_N_ACTIONS] = { "aborted", "drop", "pass", "tx",
							  "redirect" };

/** chain_size() - Return: number of programs, never more than there is room for */
size_t chain_size(const struct sampler_chain *chain)
{
	return chain->n < SAMPLER_MAX_CHAIN ? chain->n : SAMPLER_MAX_CHAIN;
}

/** chain_find() - Return: place of a program, from 0 on in the order in which they run, or -1 */
int chain_find(const struct sampler_chain *chain, uint32_t prog_id)
{
	for (size_t i = 0; i < chain_size(chain); i++)
		if (chain->program[i].prog_id == prog_id)
			return (int)i;
	return -1;
}

static void tell_missing(const struct sampler_chain *in, const struct sampler_chain *from,
			 bool joined, chain_change_fn *changed, void *user)
{
	for (size_t i = 0; i < chain_size(in); i++)
		if (chain_find(from, in->program[i].prog_id) < 0)
			changed(&in->program[i], i, joined, user);
}

/**
 * chain_compare() - what changed from one look to the next
 * @before: the earlier look
 * @after: the later one
 * @changed: called for each program that left, then for each that joined
 * @user: passed on
 */
void chain_compare(const struct sampler_chain *before, const struct sampler_chain *after,
		   chain_change_fn *changed, void *user)
{
	tell_missing(before, after, false, changed, user);
	tell_missing(after, before, true, changed, user);
}
