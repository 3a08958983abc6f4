// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * store/history-*.c: each epoch keeps what its services are called, also while names join it, over
 * restarts, crashes, copies and damage; and nobody ever gets torn or dangerous names.
 */
#include "history-fixture.h"

#include "util/cleanup.h"
#include "util/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the names of an epoch lie in the file. */
static uint64_t names_at(uint32_t ordinal, unsigned int set)
{
	return offsetof(struct history_disk_header, epoch) +
	       ordinal % HISTORY_N_EPOCHS * sizeof(struct history_disk_epoch) +
	       offsetof(struct history_disk_epoch, names) + set * sizeof(struct history_disk_names);
}

static struct history_source with_name(const struct history_source *from, int slot,
				       const char *name)
{
	struct history_source s = *from;

	snprintf(s.services.name[slot], sizeof(s.services.name[slot]), "%s", name);
	return s;
}

static void begin_as(struct history_writer *w, const struct history_source *from, uint64_t t,
		     int expected)
{
	struct sample s = at(t);

	assert_int_equal(history_begin_epoch(w, from, &s), expected);
}

static void assert_names(struct history_reader *r, uint32_t ordinal,
			 const struct history_services *expected)
{
	struct history_epoch e;

	assert_int_equal(history_reader_epoch(r, ordinal, &e), 0);
	assert_memory_equal(&e.source.services, expected, sizeof(*expected));
}

static void each_epoch_has_its_own_names(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_source other = with_name(&source, 15, "fifteen_letters");

	begin(w, 1, 1);
	append(w, 1);
	other.counters_id++;
	begin_as(w, &other, 2, 1);
	append(w, 2);
	assert_names(r, 1, &source.services);
	assert_names(r, 2, &other.services);
}

static void names_join_while_an_epoch_lasts(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_source now = source;

	begin(w, 1, 1);
	for (int slot = 2; slot < SAMPLER_MAX_SERVICES; slot++) {
		char name[16];

		snprintf(name, sizeof(name), "service-%hhu", (unsigned char)slot);
		now = with_name(&now, slot, name);
		begin_as(w, &now, slot, 0);
		assert_names(r, 1, &now.services);
		append(w, slot);
		assert_record(r, HISTORY_FINE, slot - 2, slot, 1);
	}
}

static void unchanged_names_are_not_written_again(void **state)
{
	static struct history_disk_header before, after;
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	struct history_source untidy = source;

	begin(w, 1, 1);
	peek(f, 0, &before, sizeof(before));
	strcpy(untidy.services.name[0] + 8, "behind");
	begin(w, 2, 0);
	begin_as(w, &untidy, 3, 0);
	peek(f, 0, &after, sizeof(after));
	assert_memory_equal(&before, &after, sizeof(before));
}

/* It never happens by a reload; if it does happen, no record may come under another's name. */
static void another_name_in_a_slot_is_another_epoch(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_source renamed = with_name(&source, 1, "httpx");
	struct history_source removed = with_name(&renamed, 0, "");

	begin(w, 1, 1);
	begin_as(w, &renamed, 2, 1);
	begin_as(w, &removed, 3, 1);
	begin_as(w, &renamed, 4, 0); /* the slot was free */
	assert_names(r, 1, &source.services);
	assert_names(r, 2, &renamed.services);
	assert_names(r, 3, &renamed.services);
}

static void an_unannounced_epoch_inherits_the_names(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	_cleanup_history_reader_ struct history_reader *r = open_reader(f);
	struct history_source more = with_name(&source, 2, "dns");

	begin(w, 5, 1);
	begin_as(w, &more, 5, 0);
	append(w, 5);
	append(w, 4); /* counters fell */
	assert_names(r, 2, &more.services);
	begin_as(w, &more, 6, 0);
	more = with_name(&more, 3, "ntp");
	begin_as(w, &more, 6, 0);
	assert_names(r, 2, &more.services);
}

static void names_go_on_over_a_restart(void **state)
{
	struct fixture *f = *state;
	struct history_source more = source;
	struct history_reader *r;

	make_history(f, 1);
	r = open_reader(f);
	for (int slot = 2; slot < 6; slot++) {
		struct history_writer *w = open_writer(f, &small);

		assert_names(r, 1, &more.services);
		begin_as(w, &more, slot, 0);
		more = with_name(&more, slot, "new");
		begin_as(w, &more, slot, 0);
		append(w, slot);
		history_close_writer(w);
		assert_names(r, 1, &more.services);
	}
	history_close_reader(r);
}

static void names_come_along_into_another_geometry(void **state)
{
	struct fixture *f = *state;
	struct history_geometry larger = small;
	struct history_source more = with_name(&source, 2, "dns"), other;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 1);
	w = open_writer(f, &small);
	begin_as(w, &more, 2, 0);
	append(w, 2);
	other = with_name(&more, 3, "ntp");
	other.counters_id++;
	begin_as(w, &other, 3, 1);
	history_close_writer(w);
	larger.fine_records *= 2;
	w = open_writer(f, &larger);
	assert_non_null(strstr(history_writer_note(w), "new size"));
	r = open_reader(f);
	assert_names(r, 1, &more.services);
	assert_names(r, 2, &other.services);
	begin_as(w, &other, 4, 0);
	history_close_reader(r);
	history_close_writer(w);
}

/* Killed half way through an update: there are the names of before, and the update is made anew. */
static void an_update_cut_short_leaves_the_names_before(void **state)
{
	struct fixture *f = *state;
	const uint64_t odd = history_sequence_begun(1);
	struct history_source more = with_name(&source, 2, "dns");
	struct history_disk_names names;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 1);
	poke(f, names_at(1, 1), &odd, sizeof(odd));
	poke(f, names_at(1, 1) + 16, "half", 4);
	r = open_reader(f);
	assert_names(r, 1, &source.services);
	w = open_writer(f, &small);
	begin_as(w, &more, 2, 0);
	assert_names(r, 1, &more.services);
	peek(f, names_at(1, 1), &names, sizeof(names));
	assert_int_equal(names.sequence, history_sequence_done(2)); /* number 1 is spent */
	history_close_reader(r);
	history_close_writer(w);
}

/* After a power loss both sets may be torn: the epoch goes on, and has its names again. */
static void lost_names_are_written_again(void **state)
{
	static const struct history_services none;
	struct fixture *f = *state;
	const uint64_t bad = ~0ULL;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 1);
	poke(f, names_at(1, 0) + 20, &bad, sizeof(bad));
	poke(f, names_at(1, 1), &bad, sizeof(bad));
	r = open_reader(f);
	assert_names(r, 1, &none);
	w = open_writer(f, &small);
	begin(w, 2, 0);
	assert_names(r, 1, &source.services);
	history_close_reader(r);
	history_close_writer(w);
}

/* Flip each bit of the newest names in turn: there are those before them, and no others. */
static void no_flipped_bit_is_taken_for_a_name(void **state)
{
	struct fixture *f = *state;
	struct history_source more = with_name(&source, 2, "dns");
	struct history_disk_names names;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 1);
	w = open_writer(f, &small);
	begin_as(w, &more, 2, 0);
	history_close_writer(w);
	r = open_reader(f);
	peek(f, names_at(1, 1), &names, sizeof(names));
	for (size_t bit = 0; bit < 8 * sizeof(names); bit++) {
		((uint8_t *)&names)[bit / 8] ^= 1u << bit % 8;
		poke(f, names_at(1, 1), &names, sizeof(names));
		assert_names(r, 1, &source.services);
		((uint8_t *)&names)[bit / 8] ^= 1u << bit % 8;
	}
	poke(f, names_at(1, 1), &names, sizeof(names));
	assert_names(r, 1, &more.services);
	history_close_reader(r);
}

/* The names of another epoch, or of another update, under this one's sequence. */
static void names_of_another_time_are_refused(void **state)
{
	struct fixture *f = *state;
	const uint64_t later = history_sequence_done(1);
	struct history_disk_names names = { .sequence = later };
	struct history_source more = with_name(&source, 2, "dns");
	struct history_reader *r;

	make_history(f, 1);
	r = open_reader(f);
	history_disk_names_fill(&names, &more.services, 1 + HISTORY_N_EPOCHS, 1);
	poke(f, names_at(1, 1), &names, sizeof(names));
	assert_names(r, 1, &source.services);
	history_disk_names_fill(&names, &more.services, 1, 0);
	poke(f, names_at(1, 1), &names, sizeof(names));
	assert_names(r, 1, &source.services);
	history_disk_names_fill(&names, &more.services, 1, 1);
	poke(f, names_at(1, 1), &names, sizeof(names));
	assert_names(r, 1, &more.services);
	history_close_reader(r);
}

static const struct history_services hostile = {
	{ "http", "https", "sixteen_letters_", "a\nb\033[m", "\xc3\xa4", "x\0behind", " ", "\"<" }
};
static const struct history_services harmless = { { "http", "https", "", "a?b?[m", "??", "x", "?",
						    "\"<" } };

static void hostile_names_in_a_file_are_cleaned(void **state)
{
	struct fixture *f = *state;
	struct history_disk_names names = { .sequence = history_sequence_done(1) };
	struct history_source clean = source, more;
	struct history_writer *w;
	struct history_reader *r;

	make_history(f, 1);
	history_disk_names_fill(&names, &hostile, 1, 1);
	poke(f, names_at(1, 1), &names, sizeof(names));
	r = open_reader(f);
	assert_names(r, 1, &harmless);
	clean.services = harmless;
	more = with_name(&clean, 9, "nine");
	w = open_writer(f, &small);
	begin_as(w, &clean, 2, 0);
	begin_as(w, &more, 2, 0);
	assert_names(r, 1, &more.services);
	history_close_reader(r);
	history_close_writer(w);
}

static void hostile_names_do_not_reach_a_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_history_writer_ struct history_writer *w = open_writer(f, &small);
	struct history_source bad = source;
	struct history_disk_names names;

	bad.services = hostile;
	begin_as(w, &bad, 1, 1);
	peek(f, names_at(1, 0), &names, sizeof(names));
	assert_memory_equal(&names.services, &harmless, sizeof(harmless));
	begin_as(w, &bad, 2, 0);
}

/* The names of counters n when their first k services have one: all follow from both numbers. */
static struct history_source grown(uint64_t n, int k)
{
	struct history_source s = { .counters_id = n };

	for (int slot = 0; slot < k; slot++)
		snprintf(s.services.name[slot], sizeof(s.services.name[slot]), "%x-%04jx.%x", slot,
			 (uintmax_t)n & 0xffff, slot);
	return s;
}

/* Begin epochs and let them grow, without rest; after a kill go on in the epoch that was left. */
static int grow_until_killed(struct fixture *f)
{
	struct history_writer *w = open_writer(f, &small);
	const struct sample *last = history_last(w);
	uint64_t t = last ? last->boottime_ns / NSEC_PER_SEC : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; t++) {
		struct history_source now =
			grown(t / SAMPLER_MAX_SERVICES + 1, t % SAMPLER_MAX_SERVICES + 1);
		struct sample s = at(t + 1);

		if (history_begin_epoch(w, &now, &s) < 0 || history_append(w, &s) < 0)
			return 1;
	}
}

/* Return: how many names there are, at least one. */
static int count_names(const struct history_epoch *e)
{
	struct history_source expected;
	int k = 0;

	while (k < SAMPLER_MAX_SERVICES && e->source.services.name[k][0])
		k++;
	expected = grown(e->source.counters_id, k);
	assert_true(k > 0);
	assert_memory_equal(&e->source.services, &expected.services, sizeof(expected.services));
	return k;
}

static unsigned int read_while_it_grows(struct history_reader *r, uint64_t duration_ns)
{
	const uint64_t start = clock_boottime_ns();
	uint32_t ordinal = 0, before = 0;
	unsigned int growths = 0;
	int k_before = 0;

	while (clock_boottime_ns() - start < duration_ns) {
		struct history_epoch e;
		int k;

		assert_int_equal(history_reader_newest_epoch(r, &ordinal), 0);
		if (ordinal == 0)
			continue; /* the first writer is still starting */
		k = history_reader_epoch(r, ordinal, &e);
		if (k < 0) { /* 128 epochs went by since the line before */
			assert_int_equal(k, -ESTALE);
			continue;
		}
		k = count_names(&e);
		assert_true(ordinal != before || k >= k_before);
		growths += ordinal == before && k > k_before;
		before = ordinal;
		k_before = k;
	}
	return growths;
}

static void no_torn_name_is_ever_shown(void **state)
{
	struct fixture *f = *state;
	unsigned int growths = 0;
	struct history_reader *r;

	make_history(f, 0);
	r = open_reader(f);
	for (int kills = 0; kills < 40 || (growths < 100 && kills < 400); kills++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(grow_until_killed(f));
		growths += read_while_it_grows(r, 20 * NSEC_PER_MSEC + kills * 77777);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	history_close_reader(r);
	printf("# names were seen to grow %u times\n", growths);
	fflush(stdout);
	assert_true(growths >= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_epoch_has_its_own_names),
		TEST(names_join_while_an_epoch_lasts),
		TEST(unchanged_names_are_not_written_again),
		TEST(another_name_in_a_slot_is_another_epoch),
		TEST(an_unannounced_epoch_inherits_the_names),
		TEST(names_go_on_over_a_restart),
		TEST(names_come_along_into_another_geometry),
		TEST(an_update_cut_short_leaves_the_names_before),
		TEST(lost_names_are_written_again),
		TEST(no_flipped_bit_is_taken_for_a_name),
		TEST(names_of_another_time_are_refused),
		TEST(hostile_names_in_a_file_are_cleaned),
		TEST(hostile_names_do_not_reach_a_file),
		TEST(no_torn_name_is_ever_shown),
	};

	return cmocka_run_group_tests_name("history-services", tests, NULL, NULL);
}
