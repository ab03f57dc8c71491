/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports names`: what the DNS calls those who send in our names. */
#include "cli/reports/names.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/asks.h"
#include "cli/command.h"
#include "reportdb/names.h"

enum {
	BATCH = 64, /* sources; they are kept together */
	NEED_MAX = BATCH * GP_REVERSE_NEED_MAX,
	ANSWERS_LEN_MAX = BATCH * (1 + GP_REVERSE_NAMES_MAX),
	ARENA_MAX = 64 << 20,
};

struct batch {
	const struct gp_reportdb_unnamed *sources;
	size_t len;
	struct gp_ask ask;
	struct gp_arena set, arena; /* answers; what is made of them */
	struct gp_reverse found[BATCH];
	struct gp_dns_question *need;
	size_t need_len;
	bool done;
	int error;
};

/* --- asking --- */

/* Several sources may have one name. */
static void
want(struct batch *b, const struct gp_dns_question *q)
{
	for (size_t i = 0; i < b->need_len; i++) {
		if (b->need[i].type == q->type && gp_slice_eq_nocase(b->need[i].name, q->name))
			return;
	}
	b->need[b->need_len++] = *q;
}

/* Returns 0 or -ENOMEM. */
static int
take_step(struct batch *b)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	gp_arena_reset(&b->arena);
	b->need_len = 0;
	b->need = gp_arena_array(&b->arena, NEED_MAX, sizeof(*b->need));
	for (size_t i = 0; b->need && i < b->len; i++) {
		const uint8_t *a = b->sources[i].address;
		bool four = memcmp(a, mapped, sizeof(mapped)) == 0;
		struct gp_reverse *found = &b->found[i];
		if (gp_reverse_eval(four ? a + 12 : a, four ? 4 : 16, b->ask.answers, &b->arena,
				    found) < 0)
			return -ENOMEM;
		for (size_t n = 0; n < found->need_len; n++)
			want(b, &found->need[n]);
	}
	if (b->arena.failed || b->set.failed)
		return -ENOMEM;
	b->done = b->need_len == 0;
	return b->done ? 0 : gp_ask_for(&b->ask, b->need, b->need_len);
}

static void
on_ready(struct gp_ask *ask)
{
	struct batch *b = gp_container_of(ask, struct batch, ask);
	b->error = take_step(b);
	if (b->done || b->error < 0)
		(void)event_base_loopbreak(ask->dns->base);
}

/* --- keeping --- */

static int
keep(struct batch *b, struct gp_reportdb *db, int64_t now_s, struct names_counts *counts)
{
	int r = 0;
	for (size_t i = 0; i < b->len && r == 0; i++) {
		int looked =
			gp_reportdb_keep_reverse(db, b->sources[i].address, &b->found[i], now_s);
		counts->named += looked == GP_REPORTDB_NAMED;
		counts->nameless += looked == GP_REPORTDB_NAMELESS;
		counts->silent += looked == GP_REPORTDB_NO_ANSWER;
		r = GP_MIN(looked, 0);
	}
	return r == 0 ? gp_reportdb_sync(db) : r;
}

/* --- all of them --- */

static int
run_batch(struct batch *b, struct gp_asks *dns)
{
	int r = gp_ask_init(&b->ask, dns, &b->set, on_ready);
	if (r == 0)
		r = take_step(b);
	if (r == 0 && !b->done && event_base_dispatch(dns->base) < 0)
		r = -EIO;
	gp_ask_end(&b->ask);
	return r < 0 ? r : b->error;
}

static int
run_all(struct gp_asks *dns, struct gp_reportdb *db, const struct gp_reportdb_unnamed *list,
	size_t len, int64_t now_s, struct names_counts *counts)
{
	int r = 0;
	for (size_t at = 0; at < len && r == 0; at += BATCH) {
		struct batch b = {.sources = list + at,
				  .len = GP_MIN(len - at, (size_t)BATCH),
				  .set = GP_ARENA_INIT(ARENA_MAX),
				  .arena = GP_ARENA_INIT(ARENA_MAX)};
		r = run_batch(&b, dns);
		if (r == 0)
			r = keep(&b, db, now_s, counts);
		gp_arena_free(&b.set);
		gp_arena_free(&b.arena);
	}
	return r;
}

static int
ask_all(const struct reports_options *o, const struct gp_config *config, struct gp_reportdb *db,
	const struct gp_reportdb_unnamed *list, size_t len, int64_t now_s,
	struct names_counts *counts)
{
	const struct gp_asks_options options = {.command = "gatepost reports",
						.dns = o->dns,
						.resolver = o->resolver,
						.config = config,
						.answers_max = ANSWERS_LEN_MAX,
						.under_way_max = BATCH,
						.per_s = (double)o->rate};
	struct gp_asks dns = {};
	struct event_base *base = event_base_new();
	if (!base)
		return reports_fail(db, -ENOMEM);
	int code = gp_asks_open(&dns, base, &options);
	int r = code == GP_EXIT_OK ? run_all(&dns, db, list, len, now_s, counts) : 0;
	gp_asks_close(&dns);
	event_base_free(base);
	return r < 0 ? reports_fail(db, r) : code;
}

int
names_look_up(const struct reports_options *o, struct gp_reportdb *db, int64_t now_s,
	      struct names_counts *ret)
{
	const struct gp_reportdb_range range = {.from_day = o->from_day, .to_day = o->to_day};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	const struct gp_config *config;
	struct gp_reportdb_unnamed *list;
	/* An import's --max is of mails. */
	size_t len, max = o->verb == REPORTS_NAMES ? o->max : REPORTS_NAMES_MAX;
	*ret = (struct names_counts){};
	int code = reports_config(o, &arena, &config);
	if (code == GP_EXIT_OK) {
		int r = gp_reportdb_unnamed(db, &range, now_s, max, &arena, &list, &len);
		code = r < 0 ? reports_fail(db, r) : ask_all(o, config, db, list, len, now_s, ret);
	}
	gp_arena_free(&arena);
	return code;
}

json_t *
names_json(const struct names_counts *counts)
{
	return json_pack("{s:I, s:I, s:I}", "named", (json_int_t)counts->named, "nameless",
			 (json_int_t)counts->nameless, "silent", (json_int_t)counts->silent);
}

static int
print_json(const struct names_counts *counts)
{
	json_t *all = names_json(counts);
	int r = all ? json_dumpf(all, stdout, JSON_COMPACT) : -1;
	json_decref(all);
	putchar('\n');
	return r == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

void
names_print(const struct names_counts *counts)
{
	printf("%" PRIu64 " sources have names, %" PRIu64 " have none; of %" PRIu64
	       " nobody answered\n",
	       counts->named, counts->nameless, counts->silent);
}

int
reports_names(const struct reports_options *o, int64_t now_s)
{
	struct names_counts counts;
	struct gp_reportdb *db;
	int code = reports_open(o, GP_REPORTDB_WRITE, &db);
	if (code == GP_EXIT_OK)
		code = names_look_up(o, db, now_s, &counts);
	if (code == GP_EXIT_OK && o->json)
		code = print_json(&counts);
	else if (code == GP_EXIT_OK && !o->quiet)
		names_print(&counts);
	gp_reportdb_close(db);
	return fflush(stdout) == 0 ? code : GP_EXIT_ERROR;
}
