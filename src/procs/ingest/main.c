/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-ingest: reads mail that carries reports of others, and reports that were posted to web,
 * and tells the role reports what they say. It has no file, no network and no database. A mail is
 * read as it comes; spool hears that it is delivered when each report of it is on disk, and so does
 * web of a post. Start here; mail.c reads one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/policy/policy.h"
#include "ipc/role.h"
#include "ipc/values.h"
#include "procs/ingest/ingest.h"
#include "procs/sandboxes.h"
#include "sys/log.h"

enum {
	/* All that this process may have: a mail of the largest size takes six times as much. */
	MEMORY_MAX = 512 << 20,
	/* The end of a mail over which a reading hangs: mail.c gives it up before. */
	CPU_S_MAX = 10,
};

/* A lease, or a post, whose reports are not all on disk yet. */
struct job {
	struct gp_list link;
	bool posted;
	uint64_t lease, id; /* a post has its ticket, and no id */
	size_t rcpts;
	struct ingest_told told;
	size_t answered; /* of its documents */
	/* The mail, until it is known whether it is to be kept. */
	size_t size;
	char *octets;     /* NULL: they are in the descriptor, or a post's */
	int fd;           /* -1: none */
	uint64_t keeping; /* the ticket of its keeping; 0: it is not being kept */
	unsigned kept, known, refused;
	bool failed;
	struct gp_reply reply; /* why, when it is */
	char reason[256];      /* the last one's that was refused */
};

static struct {
	struct gp_role_env *env;
	struct gp_channel *spool, *reports, *web; /* NULL: not there */
	struct teller *teller;
	struct gp_list jobs;
} self;

/* --- answering --- */

static struct gp_outcome
outcome_of(const struct job *job)
{
	if (job->failed)
		return (struct gp_outcome){.kind = GP_OUTCOME_DEFERRED, .reply = job->reply};
	return (struct gp_outcome){.kind = GP_OUTCOME_DELIVERED,
				   .reply = GP_REPLY(250, 2, 0, 0, "The reports were read")};
}

static void
answer(const struct job *job)
{
	struct gp_outcome *outcomes = calloc(job->rcpts, sizeof(*outcomes));
	struct gp_message m = {.type = GP_MSG_OUTCOMES, .fd = -1};
	for (size_t i = 0; outcomes && i < job->rcpts; i++)
		outcomes[i] = outcome_of(job);
	m.outcomes.lease = job->lease;
	m.outcomes.outcomes = outcomes;
	m.outcomes.outcomes_len = job->rcpts;
	/* What cannot be answered is tried again by spool when it misses us. */
	if (!outcomes || !gp_channel_send(self.spool, &m))
		self.spool = gp_channel_free(self.spool);
	free(outcomes);
}

static void
answer_post(const struct job *job)
{
	struct gp_message m = {.type = GP_MSG_POSTED_KEPT, .fd = -1};
	m.posted_kept.ticket = job->lease;
	m.posted_kept.outcome = job->failed        ? GP_INGESTED_FAILED
				: job->refused > 0 ? GP_INGESTED_REFUSED
				: job->kept > 0    ? GP_INGESTED_KEPT
						   : GP_INGESTED_KNOWN;
	m.posted_kept.reason = gp_slice_str(job->reason);
	if (gp_channel_send(self.web, &m))
		gp_channel_permit(self.web, GP_PERMIT_WEB_TO_INGEST);
	else
		self.web = gp_channel_free(self.web);
}

static void
free_job(struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	free(job->octets);
	free(job);
}

static struct job *
new_job(uint64_t lease)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job) {
		job->lease = lease;
		job->fd = -1;
		gp_list_append(&self.jobs, &job->link);
	}
	return job;
}

static void
end_job(struct job *job)
{
	gp_list_remove(&job->link);
	if (!job->failed && !job->posted)
		gp_info("report_mail_read", GP_FID("id", job->id), GP_FN("kept", job->kept),
			GP_FN("known", job->known), GP_FN("refused", job->refused));
	if (job->posted && self.web)
		answer_post(job);
	if (!job->posted && self.spool)
		answer(job);
	free_job(job);
}

static void
fail_job(struct job *job, struct gp_reply reply)
{
	job->failed = true;
	job->reply = reply;
	end_job(job);
}

/* Those that came from a process which is not there any more. */
static void
drop_jobs(bool posted)
{
	struct gp_list *link, *last = self.jobs.prev;
	bool more = !gp_list_empty(&self.jobs);
	while (more && (link = gp_list_pop(&self.jobs))) {
		struct job *job = gp_container_of(link, struct job, link);
		more = link != last;
		if (job->posted == posted)
			free_job(job);
		else
			gp_list_append(&self.jobs, link);
	}
}

/* --- reports --- */

static const struct gp_reply not_kept =
	GP_REPLY_INIT(451, 4, 3, 0, "The reports could not be kept");

static void
keep_mail(struct job *job)
{
	struct gp_message m = {.type = GP_MSG_REPORT_MAIL, .fd = job->fd};
	m.report_mail.file = gp_slice_str(job->told.place);
	m.report_mail.authenticated = job->told.authenticated;
	m.report_mail.reason = gp_slice_str(job->reason);
	m.report_mail.size = job->size;
	m.report_mail.body = gp_slice(job->octets, job->octets ? job->size : 0);
	job->fd = -1;
	if (teller_keep_mail(self.teller, &m, &job->keeping) < 0)
		fail_job(job, not_kept);
}

static struct job *
find_job(uint64_t ticket)
{
	gp_list_each (it, &self.jobs) {
		struct job *job = gp_container_of(it, struct job, link);
		if (ticket - job->told.first < job->told.len || ticket == job->keeping)
			return job;
	}
	return NULL;
}

static void
count(struct job *job, const struct gp_message *m)
{
	job->answered++;
	switch ((enum gp_ingested)m->report_kept.outcome) {
	case GP_INGESTED_KEPT:
		job->kept++;
		break;
	case GP_INGESTED_KNOWN:
		job->known++;
		break;
	case GP_INGESTED_REFUSED:
		job->refused++;
		snprintf(job->reason, sizeof(job->reason), "%.*s",
			 GP_SLICE_FMT(m->report_kept.reason));
		gp_warning("report_refused",
			   job->posted ? GP_FS("from", "a post") : GP_FID("id", job->id),
			   GP_FS("reason", job->reason));
		break;
	case GP_INGESTED_FAILED:
		job->failed = true;
		job->reply = not_kept;
		break;
	}
}

static void
on_kept(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	struct job *job = find_job(m->report_kept.ticket);
	if (!job)
		return;
	if (job->keeping != 0) {
		if (m->report_kept.outcome != GP_INGESTED_KEPT)
			fail_job(job, not_kept);
		else
			end_job(job);
		return;
	}
	count(job, m);
	if (job->answered < job->told.len)
		return;
	/* Somebody may want to know what it was, or a later version may read it. */
	if (job->refused > 0 && !job->failed && !job->posted)
		keep_mail(job);
	else
		end_job(job);
}

static void
fail_all(void)
{
	struct gp_list *link;
	while ((link = gp_list_pop(&self.jobs)))
		fail_job(gp_container_of(link, struct job, link),
			 GP_REPLY(451, 4, 3, 0, "The reports' database is away"));
}

static void
on_reports_gone(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "reports_gone", GP_FS("reason", why));
	self.reports = NULL;
	teller_connect(self.teller, NULL);
	fail_all();
	gp_role_peer_lost(GP_ROLE_REPORTS);
}

/* A reading failed in its middle: what was begun has no end, so another channel must follow this
 * one. */
static void
give_up_reports(int error)
{
	self.reports = gp_channel_free(self.reports);
	teller_connect(self.teller, NULL);
	gp_error("reports_not_read", GP_FS("reason", strerror(-error)));
	fail_all();
	gp_role_peer_lost(GP_ROLE_REPORTS);
}

/* --- spool --- */

/* What the decoder cannot see: that the parts of the message agree. */
static bool
makes_sense(const struct gp_message *m)
{
	return m->type == GP_MSG_DELIVER && m->deliver.route.transport == GP_TRANSPORT_REPORTS &&
	       m->deliver.envelope.rcpts_len > 0 &&
	       (m->fd >= 0 || m->deliver.body.len == m->deliver.body_size);
}

/* NULL: errno. To be freed. */
static char *
read_body(int fd, size_t size)
{
	char *copy = malloc(GP_MAX(size, (size_t)1));
	for (size_t at = 0; copy && at < size;) {
		ssize_t n = pread(fd, copy + at, size - at, (off_t)at);
		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		errno = n < 0 ? errno : EIO;
		free(copy);
		return NULL;
	}
	return copy;
}

/* The processor's time from now on, after which SIGPROF ends the process; 0: without end. */
static void
limit_time(unsigned seconds)
{
	const struct itimerval timer = {.it_value.tv_sec = seconds};
	(void)setitimer(ITIMER_PROF, &timer, NULL);
}

/* The descriptor, or a copy of what came in the message. */
static int
hold(struct gp_message *m, struct job *job)
{
	job->size = m->deliver.body_size;
	job->fd = m->fd;
	m->fd = -1;
	if (job->fd >= 0)
		return 0;
	job->octets = malloc(GP_MAX(job->size, (size_t)1));
	if (job->octets && job->size > 0)
		memcpy(job->octets, m->deliver.body.ptr, job->size);
	return job->octets ? 0 : -ENOMEM;
}

static int
read_mail(const struct gp_message *m, struct job *job)
{
	char *copy = NULL;
	struct ingest_mail mail = {.id = m->deliver.id,
				   .hostname = self.env->config->hostname,
				   .seed = self.env->seed[0],
				   .octets = m->deliver.body};
	if (job->fd >= 0) {
		copy = read_body(job->fd, job->size);
		mail.octets = gp_slice(copy, job->size);
		if (!copy)
			return -errno;
	}
	limit_time(CPU_S_MAX);
	int r = ingest_read(self.teller, &mail, &job->told);
	limit_time(0);
	free(copy);
	return r;
}

static void
on_deliver(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	struct job *job = makes_sense(m) ? new_job(m->deliver.lease) : NULL;
	if (!job) {
		gp_error("bad_delivery", GP_FID("id", m->deliver.id));
		self.spool = gp_channel_free(c);
		return;
	}
	job->id = m->deliver.id;
	job->rcpts = m->deliver.envelope.rcpts_len;
	int r = hold(m, job);
	if (r == 0)
		r = read_mail(m, job);
	if (r < 0)
		give_up_reports(r);
}

static void
on_spool_gone(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "spool_gone", GP_FS("reason", why));
	self.spool = NULL;
	drop_jobs(false);
	gp_role_peer_lost(GP_ROLE_SPOOL);
}

/* --- web --- */

/* One at a time: mail is read in between, whatever becomes of web. */
static void
on_posted(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	gp_channel_permit(c, GP_PERMIT_NOTHING);
	struct job *job = new_job(m->posted.ticket);
	if (!job) {
		self.web = gp_channel_free(c);
		return;
	}
	const struct ingest_post post = {.domain = m->posted.domain,
					 .client = m->posted.client,
					 .seed = self.env->seed[0],
					 .octets = m->posted.body};
	job->posted = true;
	limit_time(CPU_S_MAX);
	int r = ingest_read_post(self.teller, &post, &job->told);
	limit_time(0);
	if (r < 0)
		give_up_reports(r);
}

/* One that does not serve strangers closes it at once. */
static void
on_web_gone(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_debug("peer_gone", GP_FS("peer", gp_role_name(GP_ROLE_WEB)), GP_FS("reason", why));
	self.web = NULL;
	drop_jobs(true);
}

/* --- the role --- */

static void
connect_spool(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_deliver,
						      .on_close = on_spool_gone};
	gp_channel_free(self.spool);
	/* Their leases were the other spool's. */
	drop_jobs(false);
	self.spool = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_INGEST, &owner);
}

static void
connect_reports(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_kept,
						      .on_close = on_reports_gone};
	gp_channel_free(self.reports);
	self.reports = gp_channel_new(env->loop, fd, GP_PERMIT_REPORTS_TO_INGEST, &owner);
	teller_connect(self.teller, self.reports);
	fail_all();
}

static void
connect_web(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_posted,
						      .on_close = on_web_gone};
	gp_channel_free(self.web);
	drop_jobs(true);
	self.web = gp_channel_new(env->loop, fd, GP_PERMIT_WEB_TO_INGEST, &owner);
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)index;
	if (role == GP_ROLE_SPOOL)
		connect_spool(env, fd);
	else if (role == GP_ROLE_WEB)
		connect_web(env, fd);
	else
		connect_reports(env, fd);
	if (role == GP_ROLE_SPOOL ? !self.spool : role == GP_ROLE_WEB ? !self.web : !self.reports)
		gp_error("no_channel", GP_FS("peer", gp_role_name(role)));
}

static int
prepare(struct gp_role_env *env)
{
	(void)env;
	return gp_sandbox_limit_memory(MEMORY_MAX);
}

static int
start(struct gp_role_env *env)
{
	self.env = env;
	gp_list_init(&self.jobs);
	self.teller = teller_new();
	return self.teller ? 0 : -ENOMEM;
}

static const struct gp_role role = {
	.id = GP_ROLE_INGEST,
	.sandbox = &ingest_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
};

int
main(void)
{
	return gp_role_main(&role);
}
