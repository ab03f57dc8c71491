/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of targets and texts of progress, of any content: all turns that a list has are addresses
   or names of it, and what is read of a progress is written the same. */
#include "core/targets/optout.h"
#include "core/targets/progress.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS_TRIED = 100 };

static const uint64_t seed[2] = {1, 2};
static const uint16_t ports[] = {25, 587, 465};

static void
check_turn(const struct gp_target_turn *t, const struct gp_optout *o)
{
	gp_assert(t->port > 0);
	gp_assert((t->name.len > 0) == (t->address_len == 0));
	/* Who is asked to leave out all of the targets has none left. */
	if (t->name.len > 0)
		gp_assert(gp_optout_has_name(o, t->name));
	else
		gp_assert(gp_optout_has_address(o, t->address, t->address_len));
}

static void
check_lists(struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_targets list;
	struct gp_optout o;
	struct gp_targets_line wrong;
	int r = gp_targets_init(&list, &arena, ports, GP_ARRAY_LEN(ports));
	gp_optout_init(&o, &arena, seed);
	while (r == 0 && text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		r = gp_targets_add_line(&list, line, &wrong);
		if (r == 0)
			r = gp_optout_add_line(&o, line, &wrong);
	}
	gp_optout_sort(&o);
	if (r == 0 && list.turns > 0) {
		struct gp_targets_walk walk = gp_targets_walk(&list, 7, 0, 1);
		for (uint64_t at = 0; at < GP_MIN(walk.turns, (uint64_t)TURNS_TRIED); at++) {
			struct gp_target_turn turn;
			gp_targets_at(&walk, at, &turn);
			check_turn(&turn, &o);
		}
	}
	gp_optout_free(&o);
	gp_arena_free(&arena);
}

static void
check_progress(struct gp_slice text)
{
	static struct gp_progress p, again;
	struct gp_progress_start start, start_again;
	if (!gp_progress_read(text, &p, &start))
		return;
	struct gp_targets list = {.digest = start.digest};
	struct gp_targets_walk walk = {.list = &list,
				       .order = {.seed = start.seed},
				       .shard = start.shard,
				       .shards = start.shards};
	struct gp_buf out = GP_BUF_INIT(GP_PROGRESS_TEXT_MAX);
	gp_progress_write(&p, &walk, &out);
	gp_assert(gp_progress_read(gp_buf_slice(&out), &again, &start_again));
	gp_assert(again.done == p.done && start_again.seed == start.seed);
	gp_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	check_lists(text);
	check_progress(text);
	return 0;
}
