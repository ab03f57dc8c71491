/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-ingest: reads mail that carries reports of others, and keeps what they say. A mail is
 * read as it comes; what the mails of one turn of the loop said becomes durable at its end, and
 * only then spool hears that they are delivered. Start here; mail.h reads one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/policy/policy.h"
#include "ipc/channel.h"
#include "ipc/role.h"
#include "procs/ingest/mail.h"
#include "procs/sandboxes.h"
#include "sys/clock.h"
#include "sys/log.h"

enum { JOBS_MAX = 64 }; /* spool hands out fewer at once */

/* A lease that is to be answered at the end of the turn. */
struct job {
	uint64_t lease, id;
	size_t rcpts;
	int error; /* -errno: the mail was not kept */
};

static struct {
	struct gp_role_env *env;
	struct gp_channel *channel; /* to spool; NULL: there is none */
	struct gp_reportdb *db;
	struct job jobs[JOBS_MAX];
	size_t jobs_len;
	struct gp_loop_hook hook;
} self;

/* --- the database --- */

static int
open_database(struct gp_role_env *env)
{
	char path[sizeof(env->dirs[0].path) + 32];
	if (env->dirs_len != 1)
		return -EPROTO;
	snprintf(path, sizeof(path), "%s/%s", env->dirs[0].path, GP_REPORTDB_FILE);
	int r = gp_reportdb_open(path, GP_REPORTDB_MAKE, &self.db);
	/* Once something was written, all its files are open, and stay so. */
	if (r == 0)
		r = gp_reportdb_forget(self.db, INT64_MIN);
	if (r < 0)
		gp_error("received_reports_not_opened", GP_FS("path", path),
			 GP_FS("reason", gp_reportdb_why(self.db, r)));
	return r;
}

/* --- answering --- */

static struct gp_outcome
outcome_of(int error)
{
	if (error == 0)
		return (struct gp_outcome){.kind = GP_OUTCOME_DELIVERED,
					   .reply = GP_REPLY(250, 2, 0, 0, "The report was read")};
	struct gp_outcome o = {.kind = GP_OUTCOME_DEFERRED,
			       .reply = GP_REPLY(451, 4, 3, 0, "The report could not be kept")};
	if (error == -ENOSPC)
		o.reply = GP_REPLY(452, 4, 3, 1, "No space for the report");
	return o;
}

static bool
answer(const struct job *job)
{
	struct gp_outcome *outcomes = calloc(job->rcpts, sizeof(*outcomes));
	if (!outcomes)
		return false;
	for (size_t i = 0; i < job->rcpts; i++)
		outcomes[i] = outcome_of(job->error);
	const struct gp_message m = {
		.type = GP_MSG_OUTCOMES,
		.fd = -1,
		.outcomes = {.lease = job->lease, .outcomes = outcomes, .outcomes_len = job->rcpts},
	};
	bool sent = gp_channel_send(self.channel, &m);
	free(outcomes);
	return sent;
}

/* A failure of the database takes with it what was told since its last sync. */
static void
fail_jobs(int error)
{
	for (size_t i = 0; i < self.jobs_len; i++)
		self.jobs[i].error = error;
	gp_error("received_reports_not_kept", GP_FN("mails", self.jobs_len),
		 GP_FS("reason", gp_reportdb_why(self.db, error)));
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	(void)hook;
	if (self.jobs_len == 0)
		return;
	int r = gp_reportdb_sync(self.db);
	if (r < 0)
		fail_jobs(r);
	/* What cannot be answered is read again, and is a duplicate then. */
	for (size_t i = 0; self.channel && i < self.jobs_len; i++) {
		if (!answer(&self.jobs[i]))
			self.channel = gp_channel_free(self.channel);
	}
	self.jobs_len = 0;
}

/* --- spool's messages --- */

/* What the decoder cannot see: that the parts of the message agree. */
static bool
makes_sense(const struct gp_message *m)
{
	return m->type == GP_MSG_DELIVER && m->deliver.route.transport == GP_TRANSPORT_REPORTS &&
	       m->deliver.envelope.rcpts_len > 0 &&
	       (m->fd >= 0 || m->deliver.body.len == m->deliver.body_size);
}

static int
read_body(const struct gp_message *m, char **ret_copy, struct gp_slice *ret)
{
	*ret_copy = NULL;
	*ret = m->deliver.body;
	if (m->fd < 0)
		return 0;
	size_t size = m->deliver.body_size, at = 0;
	char *copy = malloc(GP_MAX(size, (size_t)1));
	if (!copy)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(m->fd, copy + at, size - at, (off_t)at);
		if (n <= 0) {
			free(copy);
			return n < 0 ? -errno : -EIO;
		}
		at += (size_t)n;
	}
	*ret_copy = copy;
	*ret = gp_slice(copy, size);
	return 0;
}

static void
log_read(uint64_t id, const struct ingest_result *result)
{
	gp_info("report_mail_read", GP_FID("id", id), GP_FN("kept", result->kept),
		GP_FN("duplicates", result->duplicates), GP_FN("refused", result->refused),
		GP_FS("reason", result->reason));
}

static int
take_mail(const struct gp_message *m)
{
	char *copy;
	struct gp_slice body;
	struct ingest_result result;
	int r = read_body(m, &copy, &body);
	const struct ingest_from from = {.id = m->deliver.id,
					 .hostname = self.env->config->hostname,
					 .seed = self.env->seed[0]};
	if (r == 0)
		r = ingest_mail(self.db, &from, body, &result);
	if (r == 0)
		log_read(m->deliver.id, &result);
	free(copy);
	return r;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	if (!makes_sense(m)) {
		gp_error("bad_delivery", GP_FID("id", m->deliver.id));
		self.channel = gp_channel_free(c);
		return;
	}
	if (self.jobs_len == JOBS_MAX)
		on_turn_end(&self.hook);
	if (!self.channel)
		return;
	struct job *job = &self.jobs[self.jobs_len++];
	*job = (struct job){.lease = m->deliver.lease,
			    .id = m->deliver.id,
			    .rcpts = m->deliver.envelope.rcpts_len};
	int r = take_mail(m);
	if (r < 0)
		fail_jobs(r);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_warning("spool_gone", GP_FS("reason", why));
	self.channel = NULL;
	self.jobs_len = 0;
	gp_role_peer_lost(GP_ROLE_SPOOL);
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_message,
						      .on_close = on_close};
	(void)index;
	gp_assert(role == GP_ROLE_SPOOL);
	gp_channel_free(self.channel);
	self.jobs_len = 0;
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_INGEST, &owner);
	if (!self.channel)
		gp_error("no_channel", GP_FS("peer", gp_role_name(role)));
}

static int
start(struct gp_role_env *env)
{
	self.env = env;
	self.hook.run = on_turn_end;
	gp_loop_at_end(env->loop, GP_LOOP_WORK, &self.hook);
	return 0;
}

static const struct gp_role role = {
	.id = GP_ROLE_INGEST,
	.sandbox = &ingest_sandbox,
	.prepare = open_database,
	.start = start,
	.on_peer = on_peer,
};

int
main(void)
{
	return gp_role_main(&role);
}
