/* SPDX-License-Identifier: Apache-2.0 */
/* Messages come in: appended as they arrive, answered after the sync that covers them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/spool/flow.h"
#include "procs/spool/spool.h"
#include "sys/log.h"
#include "sys/small_file.h"

enum {
	SMTPDS_MAX = 64,
	IDS_A_BLOCK = 4096,
	/* Ranges of ids that are remembered for each worker: where two workers' blocks alternate
	   and each takes 8,000 messages a second, those of the last eight minutes. */
	ID_RANGES_MAX = 1024,
	/* What smtpd puts before a message beside what it was sent. */
	HEAD_MAX = 64 * 1024,
	/* Staging files of one smtpd, each as large as a message may be. */
	STAGES_MAX = 128,
	/* Memory for the recipients of what one smtpd commits in a turn. */
	ENVELOPES_A_TURN_MAX = 32 * 1024 * 1024,
	/* New mail is refused while less than this fits. */
	SPACE_WANTED = 1024 * 1024,
};

struct id_range {
	uint64_t first, end;
};

struct smtpd_peer {
	struct gp_channel *channel; /* NULL: not there */
	uint64_t sessions; /* counts connections of this worker: tells a new one from the old */
	bool told_full;
	/* What was given to this connection, a ring: no id of another worker's, none that leads out
	   of the range that ids are counted in. */
	struct id_range ids[ID_RANGES_MAX];
	unsigned ids_at;        /* the newest */
	int stages[STAGES_MAX]; /* ours of the staging files that it has */
	size_t stages_len;
	/* In this turn: */
	bool gave_ids;
	size_t envelopes; /* octets that we keep of them */
};

/* An answer that waits for the sync. The envelope is kept for planning. */
struct waiting {
	struct gp_list link;
	unsigned worker;
	uint64_t connection;
	uint64_t ticket;
	uint64_t id;
	struct gp_arena arena;
	struct gp_envelope envelope;
};

static struct {
	struct smtpd_peer peers[SMTPDS_MAX];
	struct gp_list waiting;
	bool full;
	uint64_t staged_max; /* octets that any configuration so far let a staging file have */
} self = {.waiting = {&self.waiting, &self.waiting}};

static void
answer(struct gp_channel *c, uint64_t ticket, enum gp_commit_result result)
{
	struct gp_message m = {.type = GP_MSG_COMMITTED,
			       .fd = -1,
			       .committed = {.ticket = ticket, .result = (uint8_t)result}};
	if (!gp_channel_send(c, &m))
		gp_error("cannot_answer_smtpd", GP_FN("ticket", ticket));
}

/* --- the message's copy of the envelope --- */

static bool
copy_envelope(struct waiting *w, const struct gp_envelope *from)
{
	struct gp_rcpt *rcpts = gp_arena_array(&w->arena, from->rcpts_len, sizeof(*rcpts));
	w->envelope = (struct gp_envelope){
		.forwarder = gp_arena_dup(&w->arena, from->forwarder),
		.arrival_ms = from->arrival_ms,
		.rcpts = rcpts,
	};
	for (size_t i = 0; rcpts && i < from->rcpts_len; i++) {
		rcpts[i].address = gp_arena_dup(&w->arena, from->rcpts[i].address);
		rcpts[i].forwarded = from->rcpts[i].forwarded;
	}
	w->envelope.rcpts_len = from->rcpts_len;
	return !w->arena.failed;
}

static void
remember_ids(struct smtpd_peer *p, uint64_t first, uint64_t count)
{
	struct id_range *newest = &p->ids[p->ids_at];
	if (newest->end == first) {
		newest->end += count;
		return;
	}
	p->ids_at = (p->ids_at + 1) % ID_RANGES_MAX;
	p->ids[p->ids_at] = (struct id_range){first, first + count};
}

static bool
was_given(const struct smtpd_peer *p, uint64_t id)
{
	for (unsigned i = 0; i < ID_RANGES_MAX; i++) {
		const struct id_range *r = &p->ids[(p->ids_at - i) % ID_RANGES_MAX];
		if (id >= r->first && id < r->end)
			return true;
	}
	return false;
}

/* --- for the journal --- */

static void
journal_arrival(const struct gp_msg_commit *c)
{
	const struct gp_envelope *e = &c->envelope;
	struct gp_slice rcpts[GP_JOURNAL_RCPTS_MAX];
	struct gp_journal_entry entry = {
		.kind = GP_JOURNAL_ARRIVED,
		.id = c->id,
		.origin = c->arrival.origin,
		.client = e->client_addr,
		.helo = e->client_helo,
		.user = c->arrival.user,
		.sender = c->arrival.sender,
		.message_id = c->arrival.message_id,
		.tls = c->arrival.tls,
		.results = c->arrival.results,
		.size = c->head.len + c->body.len + c->staged_size,
		.rcpts = rcpts,
		.rcpts_len = GP_MIN(e->rcpts_len, GP_ARRAY_LEN(rcpts)),
		.rcpts_all = (uint32_t)e->rcpts_len,
	};
	for (size_t i = 0; i < entry.rcpts_len; i++)
		rcpts[i] = e->rcpts[i].address;
	journal_put(spool.journal, GP_JOURNAL_FILE_MAIL, &entry, spool_now_ms());
	struct gp_journal_entry answers = {
		.kind = GP_JOURNAL_ANSWERS, .id = c->id, .answers = c->arrival.answers};
	if (answers.answers.len > 0)
		journal_put(spool.journal, GP_JOURNAL_FILE_ANSWERS, &answers, spool_now_ms());
}

void
intake_journal_ours(uint64_t id, const struct gp_envelope *e)
{
	const struct gp_journal_entry entry = {
		.kind = GP_JOURNAL_ARRIVED,
		.id = id,
		.origin = GP_JOURNAL_OURS,
		.rcpts = &e->rcpts[0].address,
		.rcpts_len = 1,
		.rcpts_all = (uint32_t)e->rcpts_len,
	};
	journal_put(spool.journal, GP_JOURNAL_FILE_MAIL, &entry, spool_now_ms());
}

static void
take_refused(const struct smtpd_peer *p, const struct gp_msg_refused *m)
{
	struct gp_journal_entry lost = {.kind = GP_JOURNAL_LOST, .count = m->missed};
	struct gp_journal_entry entry = {
		.kind = GP_JOURNAL_REFUSED,
		.id = was_given(p, m->id) ? m->id : 0,
		.origin = m->origin,
		.client = m->client_addr,
		.helo = m->client_helo,
		.user = m->user,
		.sender = m->sender,
		.rcpt = m->rcpt,
		.reply = m->reply,
	};
	flow_refused(m->missed == UINT32_MAX ? m->missed : m->missed + 1);
	if (m->missed > 0)
		journal_put(spool.journal, GP_JOURNAL_FILE_REFUSED, &lost, spool_now_ms());
	journal_put(spool.journal, GP_JOURNAL_FILE_REFUSED, &entry, spool_now_ms());
}

/* --- commits --- */

static bool
origin_makes_sense(uint8_t origin)
{
	return origin >= GP_JOURNAL_STRANGER && origin <= GP_JOURNAL_USER;
}

static uint64_t
staged_max(void)
{
	const struct gp_config *cfg = spool.env->config;
	return GP_MAX(cfg->limits.message_size, cfg->relay_limits.message_size) + HEAD_MAX;
}

/* A descriptor from smtpd is read with pread only; what is not a plain file is not read at all, nor
 * more than a message may have: a file with holes is larger than the disk, and costs its maker
 * nothing. */
static bool
staged_is_sane(const struct gp_message *m)
{
	struct stat st;
	uint64_t end;
	if (m->fd < 0)
		return m->commit.staged_size == 0;
	return !gp_add_overflow(m->commit.staged_at, m->commit.staged_size, &end) &&
	       end <= staged_max() && gp_file_stat(m->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size >= 0 && (uint64_t)st.st_size >= end;
}

static int
append(const struct smtpd_peer *from, const struct gp_message *m, struct gp_queued **ret)
{
	const struct gp_msg_commit *c = &m->commit;
	struct gp_slice pieces[] = {c->head, c->body};
	struct gp_store_body body = {
		.slices = pieces,
		.slices_len = GP_ARRAY_LEN(pieces),
		.fd = m->fd,
		.fd_at = c->staged_at,
		.fd_len = c->staged_size,
	};
	if (!origin_makes_sense(c->arrival.origin))
		return -EPROTO;
	if (c->envelope.flags & GP_ENVELOPE_UNSIGNED || c->envelope.rcpts_len == 0 ||
	    !staged_is_sane(m) || !was_given(from, c->id) || gp_store_find(spool.store, c->id))
		return -EPROTO;
	return gp_store_append(spool.store, c->id, &c->envelope, &body, 0, ret);
}

static enum gp_commit_result
result_of(int r)
{
	if (r == GP_STORE_FULL)
		return GP_COMMIT_FULL;
	return r == GP_STORE_TOO_BIG ? GP_COMMIT_TOO_BIG : GP_COMMIT_FAILED;
}

static void
take_commit(struct gp_channel *c, unsigned worker, const struct gp_message *m)
{
	struct smtpd_peer *p = &self.peers[worker];
	struct waiting *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;
	gp_channel_charge(m->commit.staged_size);
	if (w) {
		w->arena = GP_ARENA_INIT(ENVELOPES_A_TURN_MAX - p->envelopes);
		if (copy_envelope(w, &m->commit.envelope))
			r = append(p, m, NULL);
	}
	if (r != 0) {
		if (r < 0)
			gp_error("cannot_store", GP_FID("id", m->commit.id),
				 GP_FS("reason", strerror(-r)));
		answer(c, m->commit.ticket, result_of(r));
		if (w)
			gp_arena_free(&w->arena);
		free(w);
		return;
	}
	journal_arrival(&m->commit);
	p->envelopes += w->arena.used;
	w->worker = worker;
	w->connection = p->sessions;
	w->ticket = m->commit.ticket;
	w->id = m->commit.id;
	gp_list_append(&self.waiting, &w->link);
}

void
intake_synced(bool ok)
{
	for (struct gp_list *it; (it = gp_list_pop(&self.waiting));) {
		struct waiting *w = gp_container_of(it, struct waiting, link);
		struct smtpd_peer *peer = &self.peers[w->worker];
		struct gp_queued *q = ok ? gp_store_find(spool.store, w->id) : NULL;
		/* Without memory for a plan the message waits for the next start; it is safe. */
		if (q)
			flow_accepted();
		if (q && !schedule_add(q, &w->envelope))
			gp_error("cannot_schedule", GP_FID("id", w->id));
		if (peer->channel && peer->sessions == w->connection)
			answer(peer->channel, w->ticket, q ? GP_COMMIT_DONE : GP_COMMIT_FAILED);
		gp_arena_free(&w->arena);
		free(w);
	}
	for (size_t i = 0; i < SMTPDS_MAX; i++) {
		self.peers[i].gave_ids = false;
		self.peers[i].envelopes = 0;
	}
}

/* --- ids, staging files, space --- */

static void
give_ids(struct smtpd_peer *p, struct gp_channel *c)
{
	/* A count of 0 when there are none to be had: smtpd must hear that it was answered. Nobody
	 * asks twice in a turn who waits for the answer. */
	struct gp_message m = {.type = GP_MSG_IDS, .fd = -1};
	int r = p->gave_ids ? -EBUSY
			    : gp_store_ids(spool.store, IDS_A_BLOCK, spool_now_ms(), &m.ids.first);
	p->gave_ids = true;
	if (r == 0)
		m.ids.count = IDS_A_BLOCK;
	if (r == 0)
		remember_ids(p, m.ids.first, m.ids.count);
	if (!gp_channel_send(c, &m) || r != 0)
		gp_error("cannot_give_ids", GP_FS("reason", r < 0 ? strerror(-r) : "channel"));
}

/* A staging file, which we keep a descriptor of: nobody else can say how large it becomes. Returns
 * one for smtpd, or -errno. */
static int
make_stage(struct smtpd_peer *p)
{
	if (p->stages_len == STAGES_MAX)
		return -EDQUOT;
	int ours = openat(spool.env->dirs[0].fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int theirs = ours < 0 ? -1 : fcntl(ours, F_DUPFD_CLOEXEC, 0);
	if (theirs >= 0) {
		p->stages[p->stages_len++] = ours;
		return theirs;
	}
	int error = -errno;
	if (ours >= 0)
		close(ours);
	return error;
}

static void
give_stage(struct smtpd_peer *p, struct gp_channel *c, uint64_t ticket)
{
	int fd = make_stage(p);
	if (fd < 0) {
		gp_error("cannot_stage", GP_FS("reason", strerror(-fd)));
		answer(c, ticket, GP_COMMIT_FAILED);
		return;
	}
	struct gp_message m = {.type = GP_MSG_STAGE, .fd = fd, .stage = {.ticket = ticket}};
	if (gp_channel_send(c, &m))
		return;
	close(p->stages[--p->stages_len]);
	answer(c, ticket, GP_COMMIT_FAILED);
}

/* Emptied, so that their space comes back even when the other end lives on; only then nothing that
 * it commits may count any more. */
static void
drop_stages(struct smtpd_peer *p)
{
	gp_assert(!p->channel);
	while (p->stages_len > 0) {
		int fd = p->stages[--p->stages_len];
		if (ftruncate(fd, 0) < 0)
			gp_error("cannot_stage", GP_FS("reason", strerror(errno)));
		close(fd);
	}
}

static bool
has_oversized_stage(const struct smtpd_peer *p)
{
	struct stat st;
	for (size_t i = 0; i < p->stages_len; i++) {
		if (gp_file_stat(p->stages[i], &st) < 0 || (uint64_t)st.st_size > self.staged_max)
			return true;
	}
	return false;
}

void
intake_check_stages(void)
{
	/* A session keeps the limits that it began with, so a lower one binds nobody yet. */
	self.staged_max = GP_MAX(self.staged_max, staged_max());
	for (size_t i = 0; i < SMTPDS_MAX; i++) {
		struct smtpd_peer *p = &self.peers[i];
		if (!p->channel || !has_oversized_stage(p))
			continue;
		gp_error("smtpd_refused", GP_FN("worker", i),
			 GP_FS("reason", "a staging file is larger than any message"));
		p->channel = gp_channel_free(p->channel);
		drop_stages(p);
	}
}

bool
intake_is_full(void)
{
	return self.full;
}

static void
tell_space(struct smtpd_peer *p)
{
	struct gp_message m = {.type = GP_MSG_SPACE, .fd = -1, .space = {.full = self.full}};
	if (p->channel && p->told_full != self.full && gp_channel_send(p->channel, &m))
		p->told_full = self.full;
}

void
intake_tell_space(void)
{
	bool full = gp_store_full(spool.store, SPACE_WANTED, spool_now_ms());
	if (full != self.full)
		gp_warning(full ? "disk_full" : "disk_has_space", GP_FN("wanted", SPACE_WANTED));
	self.full = full;
	for (size_t i = 0; i < SMTPDS_MAX; i++)
		tell_space(&self.peers[i]);
}

/* --- the channel --- */

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct smtpd_peer *p = ctx;
	switch (m->type) {
	case GP_MSG_COMMIT:
		take_commit(c, (unsigned)(p - self.peers), m);
		break;
	case GP_MSG_IDS_WANTED:
		give_ids(p, c);
		break;
	case GP_MSG_STAGE_WANTED:
		give_stage(p, c, m->stage_wanted.ticket);
		break;
	case GP_MSG_REFUSED:
		if (origin_makes_sense(m->refused.origin))
			take_refused(p, &m->refused);
		break;
	case GP_MSG_CONNECTIONS:
		flow_connections((unsigned)(p - self.peers), m->connections.open);
		break;
	default:
		gp_unreachable("permit table and handler differ");
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct smtpd_peer *p = ctx;
	(void)c;
	gp_log(gp_role_loss_level(), "smtpd_gone", GP_FN("worker", (uint64_t)(p - self.peers)),
	       GP_FS("reason", why));
	p->channel = NULL;
	flow_connections((unsigned)(p - self.peers), 0);
	drop_stages(p);
}

void
intake_connect(unsigned worker, int fd)
{
	if (worker >= SMTPDS_MAX) {
		close(fd);
		return;
	}
	struct smtpd_peer *p = &self.peers[worker];
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close, .ctx = p};
	p->channel = gp_channel_free(p->channel);
	drop_stages(p);
	p->channel = gp_channel_new(spool.env->loop, fd, GP_PERMIT_SMTPD_TO_SPOOL, &owner);
	p->sessions++;
	p->told_full = false;
	memset(p->ids, 0, sizeof(p->ids));
	tell_space(p);
}
