/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/serve.h"

#include <errno.h>
#include <sys/stat.h>

#include "ipc/values.h"
#include "procs/asn/asn_file.h"
#include "procs/figures/figures.h"
#include "procs/figures/history.h"
#include "procs/figures/scan_file.h"
#include "reportdb/server.h"
#include "sys/log.h"
#include "sys/small_file.h"

enum { JSON_MAX = 4'194'240 }; /* as the schema has it */

static struct {
	struct gp_reportdb *db; /* NULL: it could not be opened */
	struct gp_channel *web; /* NULL: it is not there */
	struct asn_file asn;
	const struct figures_serve_owner *owner;
} self;

/* Once, so that what is there later was made by a version that knows it. */
static int
make(const char *path)
{
	struct gp_reportdb *made;
	int r = gp_reportdb_open(path, GP_REPORTDB_MAKE, &made);
	gp_reportdb_close(made);
	return r;
}

void
figures_serve_open(const char *path)
{
	struct gp_reportdb_health health;
	/* Addresses of people's mail are in it. */
	mode_t mask = umask(077);
	int r = make(path);
	if (r == 0)
		r = gp_reportdb_open(path, GP_REPORTDB_READ, &self.db);
	/* Whatever it opens when it first reads is open then. */
	if (r == 0)
		r = gp_reportdb_health(self.db, &health);
	(void)umask(mask);
	if (r == 0) {
		gp_reportdb_stay(self.db);
		return;
	}
	gp_error("received_not_opened", GP_FS("reason", gp_reportdb_why(self.db, r)));
	self.db = gp_reportdb_close(self.db);
}

bool
figures_serve_lost(void)
{
	return self.db && gp_reportdb_lost(self.db);
}

void
figures_serve_asn(int fd)
{
	struct stat st;
	asn_file_free(&self.asn);
	if (fd < 0 || (gp_file_stat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0))
		return;
	const char *why = asn_file_read(&self.asn, fd);
	if (why)
		gp_warning("asn_database_refused", GP_FS("reason", why));
	else
		gp_info("asn_database_read", GP_F("type", self.asn.db.type),
			GP_FN("built_s", self.asn.db.built_s));
}

static uint8_t
answer(const struct gp_msg_figures_wanted *q, struct gp_buf *json)
{
	if (q->kind == GP_FIGURES_AUDITS)
		return history_answer(gp_slice("", 0), json);
	if (q->kind == GP_FIGURES_AUDIT && q->domain.len > 0)
		return history_answer(q->domain, json);
	if (q->kind == GP_FIGURES_SCANS)
		return scan_file_answer(q, json);
	struct gp_arena arena = GP_ARENA_INIT(FIGURES_ARENA_MAX);
	int r = self.db ? figures_write(self.db, asn_file_db(&self.asn), q, &arena, json) : -ENOENT;
	if (r < 0 && self.db)
		gp_error("received_not_read", GP_FS("reason", gp_reportdb_why(self.db, r)));
	gp_arena_free(&arena);
	if (r < 0 || json->failed)
		return GP_FIGURES_FAILED;
	return r == 0 ? GP_FIGURES_OK : GP_FIGURES_MALFORMED;
}

static void
reply_to(struct gp_channel *c, const struct gp_message *m)
{
	struct gp_buf json = GP_BUF_INIT(JSON_MAX);
	struct gp_message reply = {.type = GP_MSG_FIGURES, .fd = -1};
	reply.figures.ticket = m->figures_wanted.ticket;
	reply.figures.result = answer(&m->figures_wanted, &json);
	if (reply.figures.result == GP_FIGURES_OK)
		reply.figures.json = gp_buf_slice(&json);
	if (!gp_channel_send(c, &reply))
		gp_error("answer_lost", GP_FS("peer", gp_role_name(GP_ROLE_WEB)));
	gp_channel_charge(json.len);
	gp_buf_free(&json);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	if (m->type == GP_MSG_FIGURES_WANTED) {
		reply_to(c, m);
	} else if (!self.owner->take(m)) {
		gp_error("result_refused", GP_FS("peer", gp_role_name(GP_ROLE_WEB)),
			 GP_FS("reason", "a result that makes no sense"));
		self.web = gp_channel_free(c);
		self.owner->gone();
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_debug("peer_gone", GP_FS("peer", gp_role_name(GP_ROLE_WEB)), GP_FS("reason", why));
	self.web = NULL;
	self.owner->gone();
}

bool
figures_serve_asked(void)
{
	return self.web != NULL;
}

void
figures_serve(struct gp_role_env *env, int fd, gp_permit permit,
	      const struct figures_serve_owner *owner)
{
	const struct gp_channel_owner channel_owner = {on_message, on_close, NULL};
	self.owner = owner;
	gp_channel_free(self.web);
	self.web = gp_channel_new(env->loop, fd, permit, &channel_owner);
}
