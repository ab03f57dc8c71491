/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     names_wake --> on_timer --> look (in parts) --> ask --> the DNS --+--> keep --> on_timer
 *                                                      ^               |
 *                                                      +---------------+  until nothing is missing
 */
#include "procs/reports/names.h"

#include <errno.h>

#include "procs/ask/ask.h"
#include "procs/reports/received.h"
#include "procs/reports/reports.h"
#include "reportdb/names.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	LIST_MAX = 1024,          /* sources of one look into the database */
	RANGE_DAYS = 30,          /* as far back as it looks */
	PAUSE_MS = 5'000,         /* between batches, and before the first */
	IDLE_MS = 60 * 60 * 1000, /* names grow old without news */
	/* A look goes through all sources, so many at a time, as others wait for this process; all
	   of it takes this part of the time at most. */
	LOOK_SOURCES = 1000,
	LOOK_PAUSE_MS = 50,
	LOOKS_SHARE = 1000,
	ANSWERS_MAX = NAMES_BATCH * (1 + GP_REVERSE_NAMES_MAX),
	ARENA_MAX = 8 << 20,
	DAY_S = 24 * 3600,
};

static struct {
	struct gp_role_env *env;
	struct event *timer;
	uint64_t due_ms; /* when it fires, of the monotonic clock */
	/* What the last look found, and how far we are with it. */
	struct gp_arena list_arena;
	struct gp_reportdb_unnamed *list;
	size_t list_len, at;
	uint64_t next_look_ms;
	bool looking;
	uint64_t look_ms; /* that it has taken */
	struct gp_reportdb_search search;
	/* The batch under way: list[at .. at + batch_len). */
	size_t batch_len;
	struct gp_arena arena;
	struct gp_answers *answers;
	struct gp_reverse found[NAMES_BATCH];
	struct asker asker;
	int64_t day; /* that `asked` counts sources of */
	uint32_t asked;
} self = {.list_arena = GP_ARENA_INIT(ARENA_MAX), .arena = GP_ARENA_INIT(ARENA_MAX)};

static int64_t
now_s(void)
{
	return (int64_t)reports_now_s();
}

static void
complain(struct gp_reportdb *db, int error)
{
	gp_error("names_not_kept",
		 GP_FS("reason", db ? gp_reportdb_why(db, error) : strerrordesc_np(-error)));
}

static void
wait(uint64_t pause_ms)
{
	self.due_ms = gp_clock_monotonic_ms() + pause_ms;
	gp_timer_set(self.timer, pause_ms);
}

/* --- the end of a batch --- */

static void
end_batch(void)
{
	ask_forget(&self.asker);
	self.answers = gp_answers_free(self.answers);
	gp_arena_reset(&self.arena);
	self.at += self.batch_len;
	self.batch_len = 0;
	wait(PAUSE_MS);
}

/* False: a report is open, and they have to wait. */
static bool
keep(void)
{
	struct gp_reportdb *db = received_idle();
	int r = 0;
	if (!db)
		return false;
	for (size_t i = 0; i < self.batch_len && r >= 0; i++)
		r = gp_reportdb_keep_reverse(db, self.list[self.at + i].address, &self.found[i],
					     now_s());
	if (r >= 0)
		r = gp_reportdb_sync(db);
	if (r < 0)
		complain(db, r);
	else
		gp_debug("sources_looked_up", GP_FN("sources", self.batch_len));
	return true;
}

/* --- asking --- */

/* Evaluates all again. Returns 1 when something is asked for, 0 when all is known, or -errno. */
static int
ask(void)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	for (size_t i = 0; i < self.batch_len; i++) {
		const uint8_t *a = self.list[self.at + i].address;
		bool four = memcmp(a, mapped, sizeof(mapped)) == 0;
		struct gp_reverse *found = &self.found[i];
		int r = gp_reverse_eval(four ? a + 12 : a, four ? 4 : 16, self.answers, &self.arena,
					found);
		if (r < 0)
			return r;
		for (size_t n = 0; n < found->need_len; n++) {
			/* They are few: resolver is not there. */
			if (!ask_resolver(&self.asker, &found->need[n]))
				return -EAGAIN;
		}
	}
	return ask_waits(&self.asker);
}

static void
take_step(void)
{
	int r = ask();
	if (r < 0) {
		if (r != -EAGAIN)
			complain(NULL, r);
		end_batch();
	} else if (r == 0 && keep()) {
		end_batch();
	} else if (r == 0) {
		wait(PAUSE_MS);
	}
}

static void
on_answer(struct asker *a, const struct gp_dns_answer *answer)
{
	int r = gp_answers_add(self.answers, answer);
	if (r != 0) {
		complain(NULL, r < 0 ? r : -ENOMEM);
		end_batch();
	} else if (!ask_waits(a)) {
		take_step();
	}
}

static void
begin_batch(uint32_t allowed)
{
	self.batch_len = GP_MIN(self.list_len - self.at, (size_t)GP_MIN(allowed, NAMES_BATCH));
	self.asked += (uint32_t)self.batch_len;
	self.answers = gp_answers_new(&self.arena, ANSWERS_MAX, self.env->seed);
	ask_init(&self.asker, on_answer);
	if (self.answers) {
		take_step();
	} else {
		complain(NULL, -ENOMEM);
		end_batch();
	}
}

/* --- when --- */

/* How many more of this day. What was asked before a restart is in the database. */
static uint32_t
allowance(struct gp_reportdb *db)
{
	uint32_t max = self.env->config->reports.names_per_day;
	int64_t today = now_s() / DAY_S;
	uint64_t asked;
	if (today != self.day) {
		int r = gp_reportdb_looked_since(db, today * DAY_S, &asked);
		if (r < 0)
			complain(db, r);
		self.day = today;
		self.asked = r < 0 ? 0 : (uint32_t)GP_MIN(asked, (uint64_t)UINT32_MAX);
	}
	return max - GP_MIN(self.asked, max);
}

static void
end_look(struct gp_reportdb *db, int r, uint64_t now_ms)
{
	if (r < 0)
		complain(db, r);
	self.looking = false;
	self.list = self.search.found;
	self.list_len = r < 0 ? 0 : self.search.len;
	self.next_look_ms = now_ms + GP_MAX(LOOKS_SHARE * self.look_ms, (uint64_t)PAUSE_MS);
}

/* A part of it. */
static void
look(struct gp_reportdb *db)
{
	const struct gp_reportdb_range range = {.from_day = now_s() / DAY_S - RANGE_DAYS,
						.to_day = now_s() / DAY_S};
	uint64_t begun_ms = gp_clock_monotonic_ms();
	int r = 0;
	if (!self.looking) {
		gp_arena_reset(&self.list_arena);
		self.at = self.list_len = 0;
		self.look_ms = 0;
		self.looking = true;
		r = gp_reportdb_search(db, &range, now_s(), LIST_MAX, &self.list_arena,
				       &self.search);
	}
	if (r == 0)
		r = gp_reportdb_search_on(db, &self.search, LOOK_SOURCES);
	uint64_t now_ms = gp_clock_monotonic_ms();
	self.look_ms += now_ms - begun_ms;
	if (r <= 0)
		end_look(db, r, now_ms);
}

static void
begin(void)
{
	struct gp_reportdb *db = received_idle();
	uint32_t allowed = db ? allowance(db) : 0;
	uint64_t now_ms = gp_clock_monotonic_ms();
	/* Reports of ours go first: they have a time. */
	if (!db || allowed == 0 || jobs_count() > 0) {
		wait(db && allowed == 0 ? IDLE_MS : PAUSE_MS);
		return;
	}
	if (self.looking || (self.at == self.list_len && now_ms >= self.next_look_ms))
		look(db);
	if (self.looking)
		wait(LOOK_PAUSE_MS);
	else if (self.at < self.list_len)
		begin_batch(allowed);
	else
		wait(self.list_len > 0 ? GP_MAX(self.next_look_ms, now_ms + PAUSE_MS) - now_ms
				       : IDLE_MS);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (reports.stopping)
		return;
	if (self.batch_len > 0)
		take_step();
	else
		begin();
}

void
names_wake(void)
{
	uint64_t now_ms = gp_clock_monotonic_ms();
	uint64_t due_ms = GP_MAX(self.next_look_ms, now_ms + PAUSE_MS);
	/* News that come all the time put nothing off. */
	if (self.timer && self.batch_len == 0 && due_ms < self.due_ms)
		wait(due_ms - now_ms);
}

int
names_start(struct gp_role_env *env)
{
	self.env = env;
	self.timer = evtimer_new(gp_loop_base(env->loop), on_timer, NULL);
	if (!self.timer)
		return -ENOMEM;
	wait(PAUSE_MS);
	return 0;
}
