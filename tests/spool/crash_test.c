/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every short workload, cut at every operation on the disk, with every legal outcome of what was
 * pending: the store that opens on what is left must agree with what its client was told. Then the
 * same with one kind of sync left out at a time, where it must not agree.
 *
 *     crash_test          every workload of up to 3 operations, outcomes sampled where there are
 * many crash_test long     of up to 4, outcomes of up to 12 pending operations all crash_test WORD
 * one workload, for debugging
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static const struct gp_store_settings settings = {
	.segment_size = 16 << 10,
	.batch_size = 16 << 10,
	.free_min = 4096,
	.slack_size = 1,
	.seed = {5, 6},
};

/*
 * a append       d defer the oldest    s sync      o close and open again
 * l a large one  f finish it           r reclaim   k die and open again
 * b a bounce for the oldest            x turn over a bit of the oldest
 */
static const char alphabet[] = "aldfbsrok";

static bool long_form;
static uint64_t states;

struct search {
	enum sim_sync ignore; /* SIM_SYNC_NONE: a whole disk */
	char word[32];
	char wrong[200]; /* the first mistake found; empty: none */
};

static void
reopen(struct client *c, bool clean, uint64_t at)
{
	int rc;
	if (clean)
		(void)gp_store_close(c->store);
	else
		gp_store_free(c->store);
	c->store = NULL;
	struct sim *old = c->disk;
	if (sim_is_cut(old))
		return;
	c->disk = sim_after_kill(old);
	sim_free(old);
	sim_cut_at(c->disk, at);
	if (!client_open(c, &rc) && !sim_is_cut(c->disk) && !c->wrong)
		c->wrong = "it does not open again";
}

static void
step(struct client *c, char op, uint64_t at)
{
	size_t oldest = client_oldest(c);
	bool some = oldest != SIZE_MAX;
	if (!c->store || c->wrong)
		return;
	if (op == 'a' || op == 'l')
		(void)client_append(c, op == 'a' ? 100 : 9000, false);
	else if (op == 'd' && some)
		(void)client_defer(c, oldest);
	else if (op == 'f' && some)
		(void)client_finish(c, oldest);
	else if (op == 'b' && some)
		(void)client_bounce(c, oldest);
	else if (op == 's')
		(void)client_sync(c);
	else if (op == 'r')
		(void)client_reclaim(c);
	else if (op == 'x' && some)
		(void)client_flip(c, oldest);
	else if (op == 'o' || op == 'k')
		reopen(c, op == 'o', at);
}

/* Runs the word on a new disk that is cut at operation `at`. *ret_last: operations before the last
 * step. */
static void
run(struct client *c, const struct search *s, uint64_t at, uint64_t *ret_last)
{
	struct sim *disk = sim_new();
	int rc;
	sim_ignore(disk, s->ignore);
	sim_cut_at(disk, at);
	client_begin(c, disk, &settings);
	*ret_last = 0;
	if (!client_open(c, &rc))
		return;
	size_t n = strlen(s->word);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n)
			*ret_last = sim_count(c->disk);
		step(c, s->word[i], at);
	}
}

struct subset {
	uint64_t bits;
	size_t all_but; /* SIZE_MAX: the bits decide */
};

static bool
pick(void *arg, size_t i)
{
	const struct subset *s = arg;
	if (s->all_but != SIZE_MAX)
		return i != s->all_but;
	return s->bits >> (i % 64) & 1;
}

static void
complain(struct search *s, const char *wrong, uint64_t at)
{
	if (s->wrong[0] == 0)
		snprintf(s->wrong, sizeof(s->wrong), "%s: \"%s\" cut at %lu", wrong, s->word,
			 (unsigned long)at);
}

static struct client after; /* too large for the stack */

/* One outcome of a cut. */
static void
look(struct search *s, const struct client *c, struct subset subset, uint64_t at)
{
	int rc;
	states++;
	client_fork(&after, c, sim_after_cut(c->disk, pick, &subset));
	if (!client_open(&after, &rc))
		complain(s, "it does not open", at);
	else if (client_append(&after, 50, false) != 0 || client_sync(&after) != 0)
		complain(s, "it does not work any more", at);
	if (after.wrong)
		complain(s, after.wrong, at);
	client_end(&after);
}

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44d;
	return x ^ x >> 33;
}

static void
look_at_all(struct search *s, const struct client *c, uint64_t at)
{
	size_t pending = sim_pending(c->disk), full = long_form ? 8 : 4;
	if (pending <= full) {
		for (uint64_t bits = 0; bits < (uint64_t)1 << pending; bits++)
			look(s, c, (struct subset){bits, SIZE_MAX}, at);
		return;
	}
	look(s, c, (struct subset){0, SIZE_MAX}, at);
	look(s, c, (struct subset){UINT64_MAX, SIZE_MAX}, at);
	for (size_t i = 0; i < pending && i < (long_form ? 32u : 8u); i++)
		look(s, c, (struct subset){0, i}, at);
	for (uint64_t i = 0; i < (long_form ? 32 : 4); i++)
		look(s, c, (struct subset){mix(at * 1000 + i), SIZE_MAX}, at);
}

static struct client first, second;

/* The word, cut everywhere in its last step, and at its end. */
static void
search_word(struct search *s)
{
	uint64_t last, total;
	run(&first, s, UINT64_MAX, &last);
	total = sim_count(first.disk);
	if (first.wrong)
		complain(s, first.wrong, UINT64_MAX);
	look_at_all(s, &first, total);
	client_end(&first);
	for (uint64_t at = last; at < total && s->wrong[0] == 0; at++) {
		run(&first, s, at, &last);
		if (first.wrong)
			complain(s, first.wrong, at);
		look_at_all(s, &first, at);

		/* The process dies there, starts again, and then comes the cut. */
		int rc;
		client_fork(&second, &first, sim_after_kill(first.disk));
		if (!client_open(&second, &rc))
			complain(s, "it does not open after a kill", at);
		if (second.wrong)
			complain(s, second.wrong, at);
		look_at_all(s, &second, at);
		client_end(&second);
		client_end(&first);
	}
}

/* Long enough for what short words cannot reach: segments that fill, are moved, are unlinked. */
static const char *const scripts[] = {
	"lslslsfffsr", "lslfslfsr",    "asllffsrak",   "ldsldslffsr",
	"alsblsfsr",   "asdsdsdslfsr", "lslslsfsrfsr",
};

/* With damage: where it is found by the next start, and where by the move. */
static const char *const damaged[] = {"alslslsxfffsr", "alslslsxkfffsrs"};

static bool
search_scripts(struct search *s, const char *const *list, size_t len)
{
	for (size_t i = 0; i < len && s->wrong[0] == 0; i++) {
		for (size_t n = 1; n <= strlen(list[i]) && s->wrong[0] == 0; n++) {
			snprintf(s->word, sizeof(s->word), "%.*s", (int)n, list[i]);
			search_word(s);
		}
	}
	return s->wrong[0] == 0;
}

static bool
search_words(struct search *s, size_t len, size_t max)
{
	for (const char *op = alphabet; *op && len < max && s->wrong[0] == 0; op++) {
		s->word[len] = *op;
		s->word[len + 1] = 0;
		search_word(s);
		if (s->wrong[0] == 0)
			search_words(s, len + 1, max);
		s->word[len] = 0;
	}
	return s->wrong[0] == 0;
}

static void
every_short_workload_survives_every_cut(void **state)
{
	(void)state;
	struct search s = {};
	if (!search_words(&s, 0, long_form ? 4 : 3))
		fail_msg("%s", s.wrong);
	print_message("%lu states\n", (unsigned long)states);
}

static void
longer_workloads_survive_every_cut(void **state)
{
	(void)state;
	struct search s = {};
	if (!search_scripts(&s, scripts, GP_ARRAY_LEN(scripts)) ||
	    !search_scripts(&s, damaged, GP_ARRAY_LEN(damaged)))
		fail_msg("%s", s.wrong);
	print_message("%lu states\n", (unsigned long)states);
}

static void
every_missing_sync_is_noticed(void **state)
{
	(void)state;
	static const char *const names[SIM_SYNCS] = {
		[SIM_SYNC_TAIL] = "segment data",
		[SIM_SYNC_RECOVERED] = "data of an earlier life",
		[SIM_SYNC_CREATED] = "directory after a new segment",
		[SIM_SYNC_UNLINKED] = "directory after an unlinked segment",
		[SIM_SYNC_QUARANTINE_DATA] = "data in quarantine",
		[SIM_SYNC_QUARANTINE_NAME] = "name in quarantine",
		[SIM_SYNC_QUARANTINE_DIR] = "name of quarantine",
	};
	for (enum sim_sync kind = SIM_SYNC_TAIL; kind < SIM_SYNCS; kind++) {
		struct search s = {.ignore = kind};
		bool survived = search_words(&s, 0, 2) &&
				search_scripts(&s, scripts, GP_ARRAY_LEN(scripts)) &&
				search_scripts(&s, damaged, GP_ARRAY_LEN(damaged));
		print_message("without the sync of %s: %s\n", names[kind], s.wrong);
		assert_false(survived);
	}
}

int
main(int argc, char **argv)
{
	struct gp_slice arg = argc > 1 ? gp_slice_str(argv[1]) : gp_slice("", 0);
	long_form = gp_slice_eq(arg, GP_SLICE("long"));
	if (arg.len > 0 && !long_form) {
		struct search s = {.ignore = argc > 2 ? (enum sim_sync)argv[2][0] - '0' : 0};
		snprintf(s.word, sizeof(s.word), "%s", argv[1]);
		search_word(&s);
		puts(s.wrong[0] ? s.wrong : "good");
		return s.wrong[0] != 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_workload_survives_every_cut),
		cmocka_unit_test(longer_workloads_survive_every_cut),
		cmocka_unit_test(every_missing_sync_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
