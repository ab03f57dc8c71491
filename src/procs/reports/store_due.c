/* SPDX-License-Identifier: Apache-2.0 */
/* Reports that are due, and what became of them. */
#include <errno.h>

#include "procs/reports/tables.h"

enum { PAUSES_MAX = 10 }; /* doublings of the pause between attempts */

static const char *const state_words[] = {
	[STORE_OPEN] = "open",
	[STORE_SENT] = "sent",
	[STORE_FAILED] = "failed",
	[STORE_UNASKED] = "unasked",
};

const char *
store_kind_name(uint8_t kind)
{
	static const char *const names[STORE_KINDS] = {
		[STORE_TLS] = "tls", [STORE_DMARC] = "dmarc", [STORE_FAILURE] = "failure"};
	gp_assert(kind < STORE_KINDS);
	return names[kind];
}

static int
forget_reports(struct store *s, enum store_kind kind, uint64_t kept_s)
{
	return table_run(s, FORGET_REPORTS, T(gp_slice_str(store_kind_name((uint8_t)kind))),
			 N(kept_s));
}

/* Of reports and of what they are made of. */
static int
forget(struct store *s, enum store_kind kind, uint64_t now_s)
{
	uint64_t keep_s = kind == STORE_TLS ? STORE_KEEP_S : STORE_KEEP_DMARC_S;
	uint64_t kept_s = now_s > keep_s ? now_s - keep_s : 0;
	int r = forget_reports(s, kind, kept_s);
	if (r == 0)
		r = table_run(s, kind == STORE_TLS ? FORGET_POLICIES : FORGET_DMARC, N(kept_s));
	if (r == 0 && kind == STORE_DMARC)
		r = table_run(s, FORGET_PERIODS, N(kept_s));
	if (r == 0 && kind == STORE_DMARC)
		r = forget_reports(s, STORE_FAILURE, kept_s);
	return r;
}

int
store_end_periods(struct store *s, enum store_kind kind, uint64_t now_s, uint64_t spread_s)
{
	gp_assert(kind < STORE_COUNTED);
	int r = table_begin(s);
	if (r == 0)
		r = table_run(s, kind == STORE_TLS ? END_TLS : END_DMARC, N(now_s),
			      N(GP_MAX(spread_s, 1ull)));
	return r == 0 ? forget(s, kind, now_s) : r;
}

int
store_take(struct store *s, uint64_t now_s, uint64_t (*first_pause_s)(enum store_kind),
	   struct gp_arena *arena, struct store_report *ret)
{
	int r = table_run(s, FIND_DUE, N(now_s));
	if (r != 1)
		return r < 0 ? r : 1;
	*ret = (struct store_report){
		.id = table_number_at(s, FIND_DUE, 0),
		.period = {table_number_at(s, FIND_DUE, 1), table_number_at(s, FIND_DUE, 2)},
		.domain = gp_arena_dup(arena, table_text_at(s, FIND_DUE, 3)),
		.unique = gp_arena_dup(arena, table_text_at(s, FIND_DUE, 4)),
		.first_s = table_number_at(s, FIND_DUE, 5),
		.kind = table_word(table_text_at(s, FIND_DUE, 7), store_kind_name, 0, STORE_KINDS),
	};
	uint64_t tries = table_number_at(s, FIND_DUE, 6);
	table_done(s, FIND_DUE);
	uint64_t pause_s = first_pause_s(ret->kind) << GP_MIN(tries, (uint64_t)PAUSES_MAX);
	r = arena->failed ? -ENOMEM : table_begin(s);
	return r == 0 ? table_run(s, TAKE, N(ret->id), N(now_s + pause_s), N(ret->first_s)) : r;
}

uint64_t
store_next_s(struct store *s)
{
	uint64_t next;
	return table_number(s, NEXT_DUE, NULL, 0, &next) == 1 ? next : UINT64_MAX;
}

int
store_settle(struct store *s, uint64_t report, enum store_state state)
{
	int r = table_begin(s);
	if (r == 0)
		r = table_run(s, FORGET_FAILURE_TEXTS, N(report));
	return r == 0 ? table_run(s, SETTLE, N(report), T(gp_slice_str(state_words[state]))) : r;
}

int
store_settle_place(struct store *s, uint64_t report, uint64_t part, struct gp_slice uri,
		   enum store_state state, struct gp_slice said)
{
	int r = table_begin(s);
	return r == 0 ? table_run(s, SETTLE_PLACE, N(report), N(part), T(uri),
				  T(gp_slice_str(state_words[state])), T(said))
		      : r;
}

enum store_state
store_place(struct store *s, uint64_t report, uint64_t part, struct gp_slice uri)
{
	enum store_state state = STORE_OPEN;
	if (table_run(s, FIND_PLACE, N(report), N(part), T(uri)) != 1)
		return state;
	if (gp_slice_eq(table_text_at(s, FIND_PLACE, 0), gp_slice_str(state_words[STORE_SENT])))
		state = STORE_SENT;
	else
		state = STORE_FAILED;
	table_done(s, FIND_PLACE);
	return state;
}
