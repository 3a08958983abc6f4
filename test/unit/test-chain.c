// SPDX-License-Identifier: MIT OR Apache-2.0
/* model/chain.c: who is there, who came, who left. */
#include "unit.h"

#include "model/chain.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

static struct sampler_chain chain_of(const uint32_t *ids)
{
	struct sampler_chain chain = {};

	for (; *ids; ids++)
		chain.program[chain.n++].prog_id = *ids;
	return chain;
}

#define CHAIN(...) chain_of((const uint32_t[]){ __VA_ARGS__ })

/* Changes as text: "+7@1" is program 7, which joined at place 1. */
struct told {
	char text[128];
};

static void tell(const struct sampler_chain_program *program, size_t place, bool joined, void *user)
{
	struct told *told = user;
	size_t n = strlen(told->text);

	snprintf(told->text + n, sizeof(told->text) - n, "%c%u@%zu ", joined ? '+' : '-',
		 program->prog_id, place);
}

static void expect_changes(struct sampler_chain before, struct sampler_chain after,
			   const char *expected)
{
	struct told told = { "" };

	chain_compare(&before, &after, tell, &told);
	assert_string_equal(told.text, expected);
}

static void a_program_has_its_place(void **state)
{
	struct sampler_chain chain = CHAIN(5, 7, 9, 0);

	(void)state;
	assert_int_equal(chain_find(&chain, 5), 0);
	assert_int_equal(chain_find(&chain, 9), 2);
	assert_int_equal(chain_find(&chain, 6), -1);
	assert_int_equal(chain_find(&chain, 0), -1); /* what is beyond the end */
}

static void a_number_from_elsewhere_is_not_believed(void **state)
{
	struct sampler_chain chain = { .n = 4000000000 };

	(void)state;
	chain.program[SAMPLER_MAX_CHAIN - 1].prog_id = 3;
	assert_int_equal(chain_size(&chain), SAMPLER_MAX_CHAIN);
	assert_int_equal(chain_find(&chain, 3), SAMPLER_MAX_CHAIN - 1);
	assert_int_equal(chain_find(&chain, 4), -1);
}

static void changes_are_told_once_each(void **state)
{
	(void)state;
	expect_changes(CHAIN(5, 7, 0), CHAIN(5, 7, 0), "");
	expect_changes(CHAIN(0), CHAIN(0), "");
	expect_changes(CHAIN(5, 0), CHAIN(5, 7, 0), "+7@1 ");
	expect_changes(CHAIN(5, 7, 0), CHAIN(7, 0), "-5@0 ");
	expect_changes(CHAIN(5, 7, 8, 0), CHAIN(9, 7, 4, 0), "-5@0 -8@2 +9@0 +4@2 ");
	expect_changes(CHAIN(5, 7, 0), CHAIN(0), "-5@0 -7@1 ");
}

static void another_order_is_no_change(void **state)
{
	(void)state;
	expect_changes(CHAIN(5, 7, 0), CHAIN(7, 5, 0), "");
}

static void actions_are_named_by_their_numbers(void **state)
{
	(void)state;
	assert_string_equal(chain_action_names[XDP_ABORTED], "aborted");
	assert_string_equal(chain_action_names[XDP_DROP], "drop");
	assert_string_equal(chain_action_names[XDP_PASS], "pass");
	assert_string_equal(chain_action_names[XDP_TX], "tx");
	assert_string_equal(chain_action_names[XDP_REDIRECT], "redirect");
	assert_int_equal(XDP_REDIRECT, CHAIN_N_ACTIONS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_has_its_place),
		cmocka_unit_test(a_number_from_elsewhere_is_not_believed),
		cmocka_unit_test(changes_are_told_once_each),
		cmocka_unit_test(another_order_is_no_change),
		cmocka_unit_test(actions_are_named_by_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
