/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-maildir: writes what spool hands it into mailboxes. All that arrived in one turn of the
 * loop is one batch of writer.h, committed at the turn's end; then each lease is answered. Start
 * with writer.h; folders.c and files.c are what it stands on.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/policy/policy.h"
#include "ipc/channel.h"
#include "ipc/role.h"
#include "procs/maildir/writer.h"
#include "procs/sandboxes.h"
#include "sys/clock.h"
#include "sys/log.h"

enum { ARENA_MAX = 64 * 1024 * 1024 }; /* outcomes of the leases of one turn */

/* A lease that is to be answered at the end of the turn. */
struct job {
	struct gp_list link;
	uint64_t lease, id;
	uint64_t spool_run; /* the spool that gave it: to the next one it is another number */
	struct gp_outcome *outcomes;
	size_t outcomes_len;
};

/* Which job and recipient a delivery of the batch belongs to. */
struct slot {
	struct job *job;
	size_t rcpt;
};

static struct {
	struct gp_role_env *env;
	struct gp_channel *channel; /* to spool; NULL: there is none */
	uint64_t spool_run;         /* counts spools */
	struct gp_maildir *writer;
	struct gp_arena arena; /* of the turn */
	struct gp_list jobs;
	struct slot slots[GP_MAILDIR_BATCH_MAX];
	struct gp_loop_hook hook;
} self;

static void
log_trouble(const struct slot *s, int error)
{
	if (error > 0)
		gp_warning("mailbox_trouble", GP_FID("id", s->job->id),
			   GP_FS("reason", strerror(error)));
}

static void
commit(void)
{
	gp_maildir_commit(self.writer);
	for (size_t i = 0; i < gp_maildir_begun(self.writer); i++) {
		const struct slot *s = &self.slots[i];
		s->job->outcomes[s->rcpt] = gp_maildir_outcome(self.writer, i);
		log_trouble(s, gp_maildir_errno(self.writer, i));
	}
	gp_maildir_reset(self.writer);
}

static void
answer(const struct job *job)
{
	struct gp_message m = {
		.type = GP_MSG_OUTCOMES,
		.fd = -1,
		.outcomes = {.lease = job->lease,
			     .outcomes = job->outcomes,
			     .outcomes_len = job->outcomes_len},
	};
	/* What cannot be answered is tried again by spool when it misses us. */
	bool ours = self.channel && job->spool_run == self.spool_run;
	if (ours && !gp_channel_send(self.channel, &m))
		self.channel = gp_channel_free(self.channel);
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	(void)hook;
	if (gp_list_empty(&self.jobs))
		return;
	commit();
	struct gp_list *link;
	while ((link = gp_list_pop(&self.jobs)))
		answer(gp_container_of(link, struct job, link));
	gp_arena_reset(&self.arena);
}

/* The mail root that holds an absolute path, the longest where several do; what is below it goes to
 * *ret_below. */
static const struct gp_role_dir *
find_root(struct gp_slice path, struct gp_slice *ret_below)
{
	const struct gp_role_dir *best = NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < self.env->dirs_len; i++) {
		struct gp_slice root = gp_slice_str(self.env->dirs[i].path);
		bool holds = gp_slice_starts(path, root) && path.len > root.len &&
			     path.ptr[root.len] == '/';
		if (holds && (!best || root.len > best_len)) {
			best = &self.env->dirs[i];
			best_len = root.len;
			*ret_below = gp_slice_drop(path, root.len + 1);
		}
	}
	return best;
}

static void
begin(struct job *job, size_t rcpt, const struct gp_maildir_delivery *d)
{
	int number = gp_maildir_begin(self.writer, d, gp_clock_wall_us());
	if (number == -ENOBUFS) {
		commit();
		number = gp_maildir_begin(self.writer, d, gp_clock_wall_us());
	}
	gp_assert(number >= 0);
	self.slots[number] = (struct slot){job, rcpt};
}

static void
start_job(struct job *job, const struct gp_message *m)
{
	struct gp_slice below = {};
	const struct gp_role_dir *root = find_root(m->deliver.route.mailbox, &below);
	for (size_t i = 0; i < job->outcomes_len; i++) {
		struct gp_maildir_delivery d = {
			.mailbox = below,
			.junk = m->deliver.envelope.flags & GP_ENVELOPE_JUNK,
			.sender = m->deliver.envelope.sender,
			.recipient = m->deliver.envelope.rcpts[i].address,
			.body = m->deliver.body,
			.body_fd = m->fd,
			.body_size = m->deliver.body_size,
			.binary = m->deliver.envelope.flags & GP_ENVELOPE_BINARYMIME,
		};
		if (!root) {
			/* It could not be opened, as the supervisor has said; or a reload is under
			 * way, and the process that has it is about to follow this one. */
			job->outcomes[i] = (struct gp_outcome){
				.kind = GP_OUTCOME_DEFERRED,
				.reply =
					GP_REPLY(451, 4, 3, 5, "The mailbox is below no mail root"),
			};
			continue;
		}
		d.root_fd = root->fd;
		d.root = gp_slice_str(root->path);
		begin(job, i, &d);
	}
}

static struct job *
new_job(const struct gp_message *m)
{
	struct job *job = gp_arena_new(&self.arena, struct job);
	size_t n = m->deliver.envelope.rcpts_len;
	struct gp_outcome *outcomes = gp_arena_array(&self.arena, n, sizeof(*outcomes));
	if (!job || !outcomes)
		return NULL;
	*job = (struct job){.lease = m->deliver.lease,
			    .id = m->deliver.id,
			    .spool_run = self.spool_run,
			    .outcomes = outcomes,
			    .outcomes_len = n};
	gp_list_append(&self.jobs, &job->link);
	return job;
}

/* What the decoder cannot see: that the parts of the message agree. */
static bool
makes_sense(const struct gp_message *m)
{
	return m->type == GP_MSG_DELIVER && m->deliver.route.transport == GP_TRANSPORT_MAILDIR &&
	       m->deliver.envelope.rcpts_len > 0 &&
	       (m->fd >= 0 || m->deliver.body.len == m->deliver.body_size);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	struct job *job = makes_sense(m) ? new_job(m) : NULL;
	if (job) {
		start_job(job, m);
		return;
	}
	gp_error("bad_delivery", GP_FID("id", m->deliver.id));
	self.channel = gp_channel_free(c);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "spool_gone", GP_FS("reason", why));
	self.channel = NULL;
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
	self.spool_run++;
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_MAILDIR, &owner);
	if (!self.channel)
		gp_error("no_channel", GP_FS("peer", gp_role_name(role)));
}

static int
start(struct gp_role_env *env)
{
	self.env = env;
	self.arena = GP_ARENA_INIT(ARENA_MAX);
	gp_list_init(&self.jobs);
	self.writer = gp_maildir_new(&gp_maildir_files, env->config->hostname, (uint32_t)getpid(),
				     env->seed);
	self.hook.run = on_turn_end;
	gp_loop_at_end(env->loop, GP_LOOP_WORK, &self.hook);
	return self.writer ? 0 : -ENOMEM;
}

static const struct gp_role role = {
	.id = GP_ROLE_MAILDIR,
	.sandbox = &maildir_sandbox,
	.start = start,
	.on_peer = on_peer,
};

int
main(void)
{
	return gp_role_main(&role);
}
