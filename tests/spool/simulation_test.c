/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long random lives of a store on a disk that is cut, fails, fills up and rots, all from one seed.
 *
 *     simulation_test              the seeds of the unit tests
 *     simulation_test FIRST N      N seeds from FIRST on; a failing one is printed
 *     simulation_test SEED         one seed, told step by step
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

enum {
	STEPS = 250,
	SPACE = 400 << 10,
};

static const struct gp_store_settings settings = {
	.segment_size = 16 << 10,
	.batch_size = 16 << 10,
	.free_min = 4096,
	.slack_size = 20 << 10,
	.seed = {7, 8},
};

struct life {
	uint64_t rng;
	bool told, rotten;
	uint64_t faults, lives, refused;
	struct client client;
};

static struct life life; /* too large for the stack */

static uint64_t
random_below(struct life *l, uint64_t n)
{
	l->rng += 0x9e3779b97f4a7c15;
	uint64_t x = l->rng;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % n;
}

static void
no_faults(struct life *l)
{
	for (enum sim_op op = 0; op < SIM_OPS; op++)
		sim_fail(l->client.disk, op, 0, 0, false);
}

static bool
pick(void *arg, size_t i)
{
	struct life *l = arg;
	(void)i;
	return random_below(l, 2) == 1;
}

/* Another process on what this one left; where the disk is too full even for that, there is room
 * again, as an operator would make. */
static void
live_again(struct life *l, bool power_cut)
{
	struct client *c = &l->client;
	struct sim *old = c->disk;
	int rc;
	l->lives++;
	c->store = gp_store_free(c->store);
	c->disk = power_cut ? sim_after_cut(old, pick, l) : sim_after_kill(old);
	sim_free(old);
	if (client_open(c, &rc))
		return;
	if (rc == -ENOSPC) {
		sim_space(c->disk, (uint64_t)SPACE * 2);
		if (client_open(c, &rc))
			return;
	}
	if (!c->wrong)
		c->wrong = "it does not open again";
}

static size_t
any_live(struct life *l)
{
	const struct client *c = &l->client;
	size_t from = c->sent_len > 0 ? random_below(l, c->sent_len) : 0;
	for (size_t k = 0; k < c->sent_len; k++) {
		size_t i = (from + k) % c->sent_len;
		const struct sent *m = &c->sent[i];
		if (m->finished == NOT_YET && !m->flipped && gp_store_find(c->store, m->id))
			return i;
	}
	return SIZE_MAX;
}

static void
arm_fault(struct life *l)
{
	static const struct {
		enum sim_op op;
		int err;
	} faults[] = {
		{SIM_DATASYNC, EIO}, {SIM_DATASYNC, EIO},    {SIM_DIRSYNC, EIO}, {SIM_WRITE, EIO},
		{SIM_WRITE, ENOSPC}, {SIM_ALLOCATE, ENOSPC}, {SIM_OPEN, EMFILE}, {SIM_READ, EIO},
		{SIM_UNLINK, EIO},   {SIM_TRUNCATE, EIO},
	};
	size_t i = random_below(l, GP_ARRAY_LEN(faults));
	bool stick = random_below(l, 8) == 0;
	l->faults++;
	sim_fail(l->client.disk, faults[i].op, 1 + random_below(l, 3), faults[i].err, stick);
}

static int
append(struct life *l)
{
	static const uint64_t sizes[] = {16, 100, 700, 3000, 9000, 20000};
	return client_append(&l->client, sizes[random_below(l, GP_ARRAY_LEN(sizes))], false);
}

static int
touch(struct life *l, int (*what)(struct client *c, size_t i))
{
	size_t i = any_live(l);
	return i == SIZE_MAX ? 0 : what(&l->client, i);
}

static void
step(struct life *l)
{
	struct client *c = &l->client;
	uint64_t what = random_below(l, 100);
	int rc = 0;
	if (what < 25)
		rc = append(l);
	else if (what < 35)
		rc = touch(l, client_defer);
	else if (what < 55)
		rc = touch(l, client_finish);
	else if (what < 60)
		rc = touch(l, client_bounce);
	else if (what < 80)
		rc = client_sync(c);
	else if (what < 88)
		rc = client_reclaim(c);
	else if (what < 91)
		arm_fault(l);
	else if (what < 93)
		sim_space(c->disk, SPACE / 4 + random_below(l, SPACE));
	else if (what < 94 && l->rotten)
		(void)(any_live(l) != SIZE_MAX && client_flip(c, any_live(l)));
	else if (what < 96)
		sim_cut_at(c->disk, sim_count(c->disk) + random_below(l, 8));
	else if (what < 98)
		live_again(l, false);
	else
		live_again(l, true);
	l->refused += rc != 0;
	if (l->told)
		print_message("%3lu -> %d, %lu queued%s\n", (unsigned long)what, rc,
			      (unsigned long)gp_store_stats(c->store).messages,
			      c->wrong ? ", WRONG" : "");
}

static void
look(struct life *l)
{
	struct client *c = &l->client;
	no_faults(l);
	if (sim_is_cut(c->disk))
		live_again(l, true);
	else if (gp_store_fatal(c->store))
		live_again(l, false);
	else
		client_check(c);
}

static const char *
live(uint64_t seed, bool told)
{
	int rc;
	memset(&life, 0, offsetof(struct life, client));
	life.rng = seed;
	life.told = told;
	life.rotten = seed % 8 == 0;
	struct client *c = &life.client;
	client_begin(c, sim_new(), &settings);
	sim_seed(c->disk, seed);
	sim_space(c->disk, SPACE);
	if (!client_open(c, &rc))
		return "it does not open";
	for (int i = 0; i < STEPS && !c->wrong; i++) {
		step(&life);
		bool over = sim_is_cut(c->disk) || gp_store_fatal(c->store);
		if (!c->wrong && (over || random_below(&life, 8) == 0))
			look(&life);
	}
	if (!c->wrong) {
		look(&life);
		live_again(&life, true);
	}
	const char *wrong = c->wrong;
	client_end(c);
	return wrong;
}

static bool
live_many(uint64_t first, uint64_t n)
{
	bool good = true;
	uint64_t lives = 0, faults = 0, refused = 0;
	for (uint64_t seed = first; seed < first + n; seed++) {
		const char *wrong = live(seed, false);
		if (wrong)
			print_message("seed %lu: %s\n", (unsigned long)seed, wrong);
		good &= !wrong;
		lives += life.lives;
		faults += life.faults;
		refused += life.refused;
	}
	print_message("%lu seeds, %lu lives, %lu faults, %lu refusals\n", (unsigned long)n,
		      (unsigned long)lives, (unsigned long)faults, (unsigned long)refused);
	return good;
}

static void
random_lives_agree_with_the_client(void **state)
{
	(void)state;
	assert_true(live_many(1, 300));
}

int
main(int argc, char **argv)
{
	uint64_t first = 0, n = 0;
	if (argc == 3 && gp_slice_u64(gp_slice_str(argv[1]), UINT64_MAX, &first) &&
	    gp_slice_u64(gp_slice_str(argv[2]), UINT64_MAX, &n))
		return live_many(first, n) ? 0 : 1;
	if (argc == 2 && gp_slice_u64(gp_slice_str(argv[1]), UINT64_MAX, &first)) {
		const char *wrong = live(first, true);
		puts(wrong ? wrong : "good");
		return wrong != NULL;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lives_agree_with_the_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
