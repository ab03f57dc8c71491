/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/received.h"

#include <errno.h>
#include <string.h>

#include "core/ingest/wire.h"
#include "ipc/values.h"
#include "reportdb/reportdb.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	DONE_MAX = 256, /* reports of one turn */
	DAY_S = 24 * 3600,
};

/* A report that has ended, and is not on disk yet. */
struct done {
	uint64_t ticket;
	struct gp_reportdb_result result;
	int error; /* -errno: the database has it not */
};

static struct {
	struct gp_role_env *env;
	struct gp_reportdb *db;     /* NULL: it could not be opened */
	struct gp_channel *channel; /* NULL: ingest is not there */
	struct gp_ingest_listener listener;
	bool open; /* a report has begun */
	uint64_t ticket;
	int state; /* of it: 0; 1: its outcome is known; -errno */
	struct done done[DONE_MAX];
	size_t done_len;
	int64_t forgot_on; /* the day */
	struct gp_loop_hook hook;
	bool hooked;
} self;

/* --- the database --- */

static int64_t
now_s(void)
{
	return (int64_t)(gp_clock_wall_us() / 1'000'000);
}

void
received_open(const char *path)
{
	int r = gp_reportdb_open(path, GP_REPORTDB_MAKE, &self.db);
	if (r == 0)
		return;
	gp_error("received_not_opened",
		 GP_FS("reason", self.db ? gp_reportdb_why(self.db, r) : strerrordesc_np(-r)));
	self.db = gp_reportdb_close(self.db);
}

/* Takes with it all that was told since the last sync. */
static void
fail(int error)
{
	gp_error("received_not_kept", GP_FN("reports", self.done_len + self.open),
		 GP_FS("reason", self.db ? gp_reportdb_why(self.db, error) : strerror(-error)));
	self.state = error;
	for (size_t i = 0; i < self.done_len; i++)
		self.done[i].error = error;
}

void
received_forget(const struct gp_config *cfg)
{
	int64_t today = now_s() / DAY_S;
	if (!self.db || self.open || self.done_len > 0 || today == self.forgot_on)
		return;
	self.forgot_on = today;
	int r = gp_reportdb_forget(
		self.db, today - (int64_t)(cfg->reports.keep_received / (1000ull * DAY_S)));
	if (r < 0)
		gp_error("received_not_forgotten", GP_FS("reason", gp_reportdb_why(self.db, r)));
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
answer(const struct done *d)
{
	struct gp_message m = {.type = GP_MSG_REPORT_KEPT, .fd = -1};
	m.report_kept.ticket = d->ticket;
	m.report_kept.outcome = outcome_of(d);
	if (m.report_kept.outcome == GP_INGESTED_REFUSED)
		m.report_kept.reason = gp_slice_str(d->result.reason);
	if (!gp_channel_send(self.channel, &m)) {
		gp_error("answer_lost", GP_FS("peer", gp_role_name(GP_ROLE_INGEST)));
		self.channel = gp_channel_free(self.channel);
	}
}

/* Nothing of a report that is still open becomes durable: its document has not ended. */
static void
settle(void)
{
	if (self.done_len == 0)
		return;
	int r = self.db && !self.open ? gp_reportdb_sync(self.db) : 0;
	if (self.open)
		return;
	if (r < 0)
		fail(r);
	for (size_t i = 0; self.channel && i < self.done_len; i++)
		answer(&self.done[i]);
	self.done_len = 0;
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	(void)hook;
	settle();
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
	self.ticket = m->report_begin.ticket;
	self.state = self.db ? gp_reportdb_begin(self.db, &origin) : -ENOENT;
	if (self.state < 0)
		fail(self.state);
	else
		self.listener = gp_reportdb_listener(self.db);
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
		r = gp_told_tell(kind, fields, &self.listener);
		if (r == -EPROTO)
			return r;
		self.state = r;
		if (r < 0)
			fail(r);
	}
	return 0;
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
	*d = (struct done){.ticket = self.ticket, .error = GP_MIN(self.state, 0)};
	if (d->error == 0)
		d->error = gp_reportdb_end(self.db, why.len > 0 ? refused : NULL, &d->result);
	self.done_len++;
	self.open = false;
	if (d->error < 0)
		fail(d->error);
	return 0;
}

/* What was not told to its end is not kept: it is told again. */
static void
give_up(void)
{
	int r = self.open && self.state >= 0 ? gp_reportdb_drop(self.db) : 0;
	if (r < 0)
		fail(r);
	self.open = false;
	self.channel = NULL;
	settle();
	self.done_len = 0;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	int r = m->type == GP_MSG_REPORT_BEGIN  ? begin(m)
		: m->type == GP_MSG_REPORT_TOLD ? told(m)
						: end(m);
	if (r == 0)
		return;
	gp_error("report_refused", GP_FS("peer", gp_role_name(GP_ROLE_INGEST)),
		 GP_FS("reason", "what it tells makes no sense"));
	gp_channel_free(c);
	give_up();
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
	self.env = env;
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_INGEST_TO_REPORTS, &owner);
}
