/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/received.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "core/ingest/wire.h"
#include "ipc/values.h"
#include "procs/reports/names.h"
#include "procs/reports/refused_mail.h"
#include "reportdb/server.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	DONE_MAX = 256, /* reports of one turn */
	BUSY_MS = 100,  /* until what is under way is looked at again */
	DAY_S = 24 * 3600,
	OVER_SYNC_MS = 1000, /* how often what was over a limit is synced by itself */
	OVER_ARENA_MAX = 1024 * 1024,
	/* Until what could not be forgotten is tried again: first, and at most. */
	AGAIN_MS = 5 * 60 * 1000,
	AGAIN_MAX_MS = 60 * 60 * 1000,
	/* A report that is open keeps all others from the database. Turns of a timer, and not one
	   time: a process that stood still has not heard what it was told meanwhile. */
	OPEN_TURN_MS = 5000,
	OPEN_TURNS_MAX = 6,
};

/* A report that has ended, and is not on disk yet. */
struct done {
	uint64_t ticket;
	struct gp_reportdb_result result;
	int error; /* -errno: the database has it not */
};

static struct {
	struct gp_role_env *env;
	struct gp_reportdb *db;                       /* NULL: it could not be opened */
	bool server;                                  /* it is one's, not a file */
	struct gp_channel *channel;                   /* NULL: ingest is not there */
	struct gp_ingest_listener database, listener; /* the latter is told, and tells the former */
	bool apart; /* the report: it is about no domain of ours */
	bool skips; /* the policy of a TLS report, and its failures */
	bool open;  /* a report has begun */
	uint64_t ticket;
	int state; /* of it: 0; 1: its outcome is known; -errno */
	struct gp_told_hearer hearer;
	bool in_db; /* the database has begun it too, and is told its end whatever its state is */
	struct done done[DONE_MAX];
	size_t done_len;
	struct event *open_timer;
	unsigned open_turns;
	struct gp_loop_hook hook;
	bool hooked;
} self;

static struct {
	int64_t day, mails_day;      /* on which all was forgotten, and of it the mails */
	bool goes_on;                /* an attempt, by its next slice */
	uint64_t again_ms, pause_ms; /* the next attempt after one that failed; 0: it did not */
} forgotten;

/* Reporters of the day that were over their limit. */
static struct {
	int64_t day;
	uint64_t hashes[RECEIVED_OVER_MAX]; /* of their names */
	size_t len;
	uint64_t synced_ms; /* 0: not yet */
} over;

/* --- the database --- */

static int64_t
now_s(void)
{
	return (int64_t)(gp_clock_wall_us() / 1'000'000);
}

/* Whether it is one of those over their limit that have a name today. */
static bool
is_named(uint64_t hash)
{
	for (size_t i = 0; i < over.len; i++) {
		if (over.hashes[i] == hash)
			return true;
	}
	if (over.len == RECEIVED_OVER_MAX)
		return false;
	over.hashes[over.len++] = hash;
	return true;
}

/* Those that an earlier process has given one: a new process gives no more. */
static int
read_named(const uint64_t seed[2])
{
	struct gp_arena arena = GP_ARENA_INIT(OVER_ARENA_MAX);
	struct gp_reportdb_over_limit *list;
	size_t len = 0;
	over.day = now_s() / DAY_S;
	const struct gp_reportdb_range today = {.from_day = over.day, .to_day = over.day};
	int r = gp_reportdb_over_limit(self.db, &today, RECEIVED_OVER_MAX + 1, &arena, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (list[i].reporter.len > 0)
			(void)is_named(gp_siphash13(seed, list[i].reporter));
	}
	gp_arena_free(&arena);
	return r;
}

void
received_open(const char *path, const uint64_t seed[2])
{
	int r = gp_reportdb_open(path, GP_REPORTDB_MAKE, &self.db);
	self.server = gp_reportdb_is_server(path);
	if (r == 0)
		r = read_named(seed);
	if (r == 0) {
		gp_reportdb_stay(self.db);
		return;
	}
	gp_error("received_not_opened", GP_FS("reason", gp_reportdb_why(self.db, r)));
	self.db = gp_reportdb_close(self.db);
}

bool
received_away(void)
{
	return !self.db && self.server;
}

bool
received_lost(void)
{
	return self.db && gp_reportdb_lost(self.db);
}

/* Takes with it all that was told since the last sync. */
static void
fail(int error)
{
	gp_error("received_not_kept", GP_FN("reports", self.done_len + self.open),
		 GP_FS("reason", self.db ? gp_reportdb_why(self.db, error) : strerror(-error)));
	for (size_t i = 0; i < self.done_len; i++)
		self.done[i].error = error;
}

/* Mails, which are in a file of their own also where a server that has the rest is away; and the
 * first or next slice of reports. 1: there are more; 0: nothing is left of either; -errno, which
 * the log has. */
static int
forget(const struct gp_config *cfg, int64_t today)
{
	int64_t keep_days = (int64_t)(cfg->reports.keep_received / (1000ull * DAY_S));
	bool begins = !forgotten.goes_on;
	if (begins && today != forgotten.mails_day && refused_mail_forget(cfg, now_s()) == 0)
		forgotten.mails_day = today;
	int r = self.db ? gp_reportdb_forget_some(self.db, today - keep_days) : 0;
	if (r < 0)
		gp_error("received_not_forgotten", GP_FS("reason", gp_reportdb_why(self.db, r)));
	forgotten.goes_on = r == 1;
	return r == 0 && today != forgotten.mails_day ? -EAGAIN : r;
}

static uint64_t
try_again(uint64_t now_ms)
{
	uint64_t longer_ms = GP_MIN(2 * forgotten.pause_ms, (uint64_t)AGAIN_MAX_MS);
	forgotten.pause_ms = GP_MAX(longer_ms, (uint64_t)AGAIN_MS);
	forgotten.again_ms = now_ms + forgotten.pause_ms;
	return forgotten.pause_ms;
}

uint64_t
received_forget(const struct gp_config *cfg)
{
	int64_t today = now_s() / DAY_S;
	uint64_t begin_ms = gp_clock_monotonic_ms();
	if (today == forgotten.day)
		return 0;
	if (begin_ms < forgotten.again_ms)
		return forgotten.again_ms - begin_ms;
	if (self.open || self.done_len > 0)
		return BUSY_MS;
	int r = forget(cfg, today);
	uint64_t end_ms = gp_clock_monotonic_ms();
	if (r < 0)
		return try_again(end_ms);
	if (r == 1)
		return GP_MAX(end_ms - begin_ms, 1ull);
	forgotten.day = today;
	forgotten.pause_ms = forgotten.again_ms = 0;
	return 0;
}

struct gp_reportdb *
received_idle(void)
{
	return self.open || self.done_len > 0 ? NULL : self.db;
}

/* --- who is over his limit --- */

int
received_over_limit(const struct gp_msg_report_over_limit *m, const uint64_t seed[2])
{
	int64_t today = now_s() / DAY_S;
	if (today != over.day)
		over.len = 0;
	over.day = today;
	struct gp_slice name =
		is_named(gp_siphash13(seed, m->reporter)) ? m->reporter : gp_slice("", 0);
	int r = self.db ? gp_reportdb_add_over_limit(self.db, today, name, m->octets) : 0;
	uint64_t now_ms = gp_clock_monotonic_ms();
	if (r == 0 && now_ms - over.synced_ms >= OVER_SYNC_MS && received_sync())
		over.synced_ms = now_ms;
	return r;
}

bool
received_sync(void)
{
	struct gp_reportdb *db = received_idle();
	int r = db ? gp_reportdb_sync(db) : 0;
	if (r < 0)
		fail(r);
	return db || !self.db;
}

/* --- answering --- */

static uint8_t
outcome_of(const struct done *d)
{
	if (d->error < 0)
		return GP_INGESTED_FAILED;
	switch (d->result.outcome) {
	case GP_REPORTDB_KEPT:
		return GP_INGESTED_KEPT;
	case GP_REPORTDB_REFUSED:
		return GP_INGESTED_REFUSED;
	case GP_REPORTDB_DUPLICATE:
	case GP_REPORTDB_OLD:
		break;
	}
	return GP_INGESTED_KNOWN;
}

static void
say_kept(uint64_t ticket, uint8_t outcome, const char *reason)
{
	struct gp_message m = {.type = GP_MSG_REPORT_KEPT, .fd = -1};
	m.report_kept.ticket = ticket;
	m.report_kept.outcome = outcome;
	m.report_kept.reason = gp_slice_str(reason);
	if (!gp_channel_send(self.channel, &m)) {
		gp_error("answer_lost", GP_FS("peer", gp_role_name(GP_ROLE_INGEST)));
		self.channel = gp_channel_free(self.channel);
	}
}

static void
answer(const struct done *d)
{
	uint8_t outcome = outcome_of(d);
	say_kept(d->ticket, outcome, outcome == GP_INGESTED_REFUSED ? d->result.reason : NULL);
}

/* Those that have ended wait for one that is still open: the database syncs between documents. */
static void
settle(void)
{
	if (self.done_len == 0 || self.open)
		return;
	int r = self.db ? gp_reportdb_sync(self.db) : 0;
	if (r < 0)
		fail(r);
	for (size_t i = 0; self.channel && i < self.done_len; i++)
		answer(&self.done[i]);
	self.done_len = 0;
	names_wake();
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	(void)hook;
	settle();
}

/* --- domains --- */

static bool
is_below(struct gp_slice name, struct gp_slice top)
{
	size_t before = name.len - GP_MIN(name.len, top.len);
	return gp_slice_eq(gp_slice_drop(name, before), top) &&
	       (before == 0 || name.ptr[before - 1] == '.');
}

/* Of a domain of ours, of one below, or of the one above that has its DMARC record. */
static bool
is_ours(struct gp_slice name)
{
	const struct gp_config *cfg = self.env->config;
	if (gp_slice_find(name, '.') < 0)
		return false;
	for (size_t i = 0; i < cfg->domains_len; i++) {
		struct gp_slice domain = cfg->domains[i].name;
		if (is_below(name, domain) || is_below(domain, name))
			return true;
	}
	return false;
}

/* It takes our mail. A policy of DANE is the host's, not the domain's whose mail that was (RFC 8460
 * section 1.1, Policy Domain). */
static bool
is_our_host(struct gp_slice name)
{
	const struct gp_config *cfg = self.env->config;
	bool found = gp_slice_eq_nocase(name, cfg->hostname);
	for (size_t i = 0; i < cfg->domains_len; i++) {
		const struct gp_own_mta_sts *policy = &cfg->domains[i].mta_sts;
		for (size_t k = 0; k < policy->mx_len; k++)
			found |= gp_slice_eq(name, policy->mx[k]);
	}
	return found;
}

/* Whoever passes DMARC could fill the figures of all domains with what is about none of ours. */
static int
take_head(void *context, const struct gp_ingest_head *head)
{
	self.apart = !is_ours(head->domain) &&
		     !(head->kind == GP_INGEST_TLS && is_our_host(head->domain));
	if (self.apart)
		gp_reportdb_distrust(self.db);
	int r = self.database.head(context, head);
	return r == 0 && self.apart
		       ? self.database.flaw(
				 context, 0, false,
				 "it is about a domain that is not ours: it is kept apart")
		       : r;
}

/* RFC 8460 section 4.4: each policy has a domain of its own. */
static int
take_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	self.skips = !self.apart && policy->domain.len > 0 && !is_ours(policy->domain) &&
		     !is_our_host(policy->domain);
	return self.skips ? self.database.flaw(context, policy->number, true,
					       "it is about a domain that is not ours")
			  : self.database.tls_policy(context, policy);
}

static int
take_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	return self.skips ? 0 : self.database.tls_failure(context, failure);
}

static void
listen_to_document(void)
{
	self.apart = self.skips = false;
	gp_told_hearer_free(&self.hearer);
	self.database = self.listener = gp_reportdb_listener(self.db);
	self.listener.head = take_head;
	self.listener.tls_policy = take_tls_policy;
	self.listener.tls_failure = take_tls_failure;
}

/* --- what ingest says --- */

static int
begin(const struct gp_message *m)
{
	const struct gp_reportdb_origin origin = {.file = m->report_begin.file,
						  .authenticated = m->report_begin.authenticated,
						  .received_s = now_s()};
	if (self.open || !gp_told_is_text(origin.file, origin.file.len, false))
		return -EPROTO;
	if (self.done_len == DONE_MAX)
		settle();
	self.open = true;
	self.open_turns = 0;
	gp_timer_set(self.open_timer, OPEN_TURN_MS);
	self.ticket = m->report_begin.ticket;
	self.state = self.db ? gp_reportdb_begin(self.db, &origin) : -ENOENT;
	self.in_db = self.state == 0;
	if (self.in_db)
		listen_to_document();
	else
		fail(self.state);
	return 0;
}

static int
told(const struct gp_message *m)
{
	struct gp_slice rest = m->report_told.frames, fields;
	uint8_t kind;
	if (!self.open)
		return -EPROTO;
	while (rest.len > 0) {
		int r = gp_told_take(&rest, &kind, &fields);
		if (r != 0 || kind >= GP_TOLD_OWN)
			return -EPROTO;
		/* The rest of one that is known is passed over. */
		if (self.state != 0)
			continue;
		r = gp_told_tell(&self.hearer, kind, fields, &self.listener);
		if (r == -EPROTO)
			return r;
		self.state = r;
	}
	return 0;
}

/* What could not be heard whole, for want of memory, is not kept: it is told again. */
static int
end_in_database(const char *refused, struct gp_reportdb_result *ret)
{
	if (self.state >= 0 || self.state == -EINVAL)
		return gp_reportdb_end(self.db, refused, ret);
	int r = gp_reportdb_drop(self.db);
	return r < 0 ? r : self.state;
}

static int
end(const struct gp_message *m)
{
	char refused[256];
	struct gp_slice why = m->report_end.refused;
	if (!self.open || why.len >= sizeof(refused) || !gp_told_is_text(why, why.len, false))
		return -EPROTO;
	memcpy(refused, why.ptr, why.len);
	refused[why.len] = '\0';
	struct done *d = &self.done[self.done_len];
	*d = (struct done){.ticket = self.ticket, .error = self.state};
	if (self.in_db)
		d->error = end_in_database(why.len > 0 ? refused : NULL, &d->result);
	self.done_len++;
	self.open = self.in_db = false;
	if (d->error < 0)
		fail(d->error);
	return 0;
}

/* A mail, which comes between reports. */
static int
keep_mail(const struct gp_message *m)
{
	if (self.open || !refused_mail_sane(m))
		return -EPROTO;
	bool kept = refused_mail_keep(self.env->config, m, now_s());
	gp_channel_charge(m->report_mail.size);
	say_kept(m->report_mail.ticket, kept ? GP_INGESTED_KEPT : GP_INGESTED_FAILED, NULL);
	return 0;
}

/* What was not told to its end is not kept: it is told again. */
static void
drop_open(void)
{
	int r = self.in_db ? gp_reportdb_drop(self.db) : 0;
	if (r < 0)
		fail(r);
	self.open = self.in_db = false;
}

static void
give_up(void)
{
	drop_open();
	self.channel = NULL;
	settle();
	self.done_len = 0;
}

static void
refuse(const char *why)
{
	gp_error("report_refused", GP_FS("peer", gp_role_name(GP_ROLE_INGEST)),
		 GP_FS("reason", why));
	gp_channel_free(self.channel);
	give_up();
}

static void
on_open_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (self.open && ++self.open_turns == OPEN_TURNS_MAX)
		refuse("what it tells has no end");
	else if (self.open)
		gp_timer_set(self.open_timer, OPEN_TURN_MS);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	int r = m->type == GP_MSG_REPORT_BEGIN  ? begin(m)
		: m->type == GP_MSG_REPORT_TOLD ? told(m)
		: m->type == GP_MSG_REPORT_MAIL ? keep_mail(m)
						: end(m);
	if (r != 0)
		refuse("what it tells makes no sense");
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_debug("peer_gone", GP_FS("peer", gp_role_name(GP_ROLE_INGEST)), GP_FS("reason", why));
	give_up();
}

void
received_connect(struct gp_role_env *env, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, NULL};
	gp_channel_free(self.channel);
	give_up();
	if (!self.hooked) {
		self.hook.run = on_turn_end;
		gp_loop_at_end(env->loop, GP_LOOP_WORK, &self.hook);
		self.hooked = true;
	}
	if (!self.open_timer)
		self.open_timer = evtimer_new(gp_loop_base(env->loop), on_open_turn, NULL);
	if (!self.open_timer) {
		close(fd);
		return;
	}
	self.env = env;
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_INGEST_TO_REPORTS, &owner);
}

void
received_end(void)
{
	drop_open();
	(void)received_sync();
}
