/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: part of a message, given to relay, maildir or ingest, until they say what came of it or
 * are gone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "procs/spool/flow.h"
#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	RELAYS_MAX = 64,
	LEASES_MAX = 1 << 20,
	/* With maildir at once, over all mailboxes: a few batches of its, so that the next ones lie
	   ready while it waits for the disk. */
	MAILDIR_LEASES_MAX = 512,
	/* With ingest at once: it reads one after the other. */
	INGEST_LEASES_MAX = 16,
	/* With one relay at a time: each is a connection and a body there. Fewer where it has not
	   the descriptors for them, beside those for connections that it keeps, bodies in files
	   and itself; a few in any case. */
	RELAY_LEASES_MAX = 10000,
	RELAY_LEASES_MIN = 50,
	RELAY_FDS_BESIDE = 640,
	PEER_OCTETS_MAX = 256 * 1024 * 1024,
	/* How much of both destinations may hold that have not answered yet, or not when they were
	   last tried, and how much of it the latter, in percent: nobody answering at thousands of
	   domains leaves room for those who do, and for those who are new. Over UNKNOWN_MORE each
	   unknown one has one lease, so that they are many rather than much. */
	UNKNOWN_PERCENT = 80,
	UNKNOWN_MORE_PERCENT = 40,
	SILENT_PERCENT = 20,
	/* A body over this goes along as a file of its own. */
	BODY_INLINE_MAX = 1024 * 1024,
	MESSAGE_ARENA_MAX = 64 * 1024 * 1024,
	/* After a role died: soon, but later each time that it does. One message may be why, and
	   all others that it held would go down with it again. */
	ORPHANED_MS = 1000,
	ORPHANED_TIMES_MAX = 20, /* doubled so often at most; `retry.max` comes first */
	ORPHANED_TOLD = 3,       /* from then on the log has each */
	/* RFC 3461 section 6.2.4: one report of delay is enough, after hours. */
	DELAY_REPORT_MS = 4 * 3600 * 1000,
	DELAY_REPORTED = GP_QUEUED_USER,
	/* A report, when very many wait for their signatures. */
	SIGN_AGAIN_MS = 1000,
	/* What may wait for a peer to read it; more stays in its destination's line. */
	BACKLOG_MAX = 64 * 1024 * 1024,
	BACKLOG_FDS_MAX = 128,
};

struct load {
	size_t leases;
	uint64_t octets; /* of their bodies, in its memory or in files of their own */
};

struct peer {
	struct gp_channel *channel; /* NULL: not there */
	struct load held[STANDINGS];
};

struct lease {
	struct task *task; /* NULL: the message has left the queue */
	struct destination *dest;
	struct peer *peer; /* NULL: the place is free */
	uint64_t id;
	uint64_t octets;  /* of the body */
	uint8_t standing; /* its destination's at the start: where peer->held counts it */
	uint32_t uses;
	uint32_t *rcpts; /* places in the envelope */
	size_t rcpts_len;
};

static struct {
	struct peer relays[RELAYS_MAX];
	size_t relays_len;
	size_t relay_leases_max;
	struct peer maildir, ingest;
	struct lease *leases;
	uint32_t leases_cap;
	uint32_t *free; /* a stack of free places */
	uint32_t free_len;
	size_t in_use;
	uint64_t random;
} self;

/* --- the table of leases --- */

static bool
grow_leases(void)
{
	uint32_t cap = self.leases_cap > 0 ? self.leases_cap * 2 : 256;
	if (cap > LEASES_MAX)
		return false;
	struct lease *leases = reallocarray(self.leases, cap, sizeof(*leases));
	if (leases)
		self.leases = leases;
	uint32_t *free_places = reallocarray(self.free, cap, sizeof(*free_places));
	if (free_places)
		self.free = free_places;
	if (!leases || !free_places)
		return false;
	for (uint32_t i = self.leases_cap; i < cap; i++) {
		self.leases[i] = (struct lease){};
		self.free[self.free_len++] = i;
	}
	self.leases_cap = cap;
	return true;
}

static struct lease *
take_lease(struct task *t, struct peer *peer, const uint32_t *rcpts, size_t rcpts_len)
{
	if (self.free_len == 0 && !grow_leases())
		return NULL;
	uint32_t *copy = reallocarray(NULL, rcpts_len, sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, rcpts, rcpts_len * sizeof(*copy));
	struct lease *l = &self.leases[self.free[--self.free_len]];
	*l = (struct lease){
		.task = t,
		.dest = t->dest,
		.peer = peer,
		.id = t->q->id,
		.octets = t->q->size,
		.standing = t->dest->standing,
		.uses = l->uses + 1,
		.rcpts = copy,
		.rcpts_len = rcpts_len,
	};
	t->lease = (uint32_t)(l - self.leases);
	peer->held[l->standing].leases++;
	peer->held[l->standing].octets += l->octets;
	self.in_use++;
	return l;
}

static void
free_lease(struct lease *l)
{
	if (l->task)
		l->task->lease = TASK_NO_LEASE;
	l->peer->held[l->standing].leases--;
	l->peer->held[l->standing].octets -= l->octets;
	free(l->rcpts);
	*l = (struct lease){.uses = l->uses};
	self.free[self.free_len++] = (uint32_t)(l - self.leases);
	self.in_use--;
}

static uint64_t
lease_number(const struct lease *l)
{
	return (uint64_t)l->uses << 32 | (uint64_t)(l - self.leases);
}

static struct lease *
find_lease(uint64_t number, const struct peer *peer)
{
	uint32_t at = (uint32_t)number;
	if (at >= self.leases_cap || self.leases[at].uses != number >> 32 ||
	    self.leases[at].peer != peer)
		return NULL;
	return &self.leases[at];
}

size_t
delivery_leases(void)
{
	return self.in_use;
}

void
delivery_forget(struct task *t)
{
	if (t->lease != TASK_NO_LEASE)
		self.leases[t->lease].task = NULL;
	else
		signatures_forget(t);
}

/* --- what came of it --- */

static uint64_t
random_below(uint64_t n)
{
	self.random ^= self.random << 13;
	self.random ^= self.random >> 7;
	self.random ^= self.random << 17;
	return n > 0 ? self.random % n : 0;
}

/* The pause before the next attempt: doubled each time, up to the most, a fifth up or down. */
static uint64_t
backoff_ms(uint32_t attempts)
{
	const struct gp_config *cfg = spool.env->config;
	uint64_t pause = cfg->retry.first;
	for (uint32_t i = 1; i < attempts && pause < cfg->retry.max; i++)
		pause *= 2;
	pause = GP_MAX(GP_MIN(pause, cfg->retry.max), 1u);
	return pause - pause / 5 + random_below(pause / 5 * 2 + 1);
}

static bool
is_final(const struct gp_outcome *o)
{
	return o->kind != GP_OUTCOME_DEFERRED;
}

static void
log_outcome(const struct gp_queued *q, const struct gp_rcpt *rcpt, const struct gp_outcome *o,
	    uint32_t attempts, uint64_t next_ms)
{
	static const char *const events[] = {
		[GP_OUTCOME_DELIVERED] = "delivered",
		[GP_OUTCOME_RELAYED] = "relayed",
		[GP_OUTCOME_DEFERRED] = "deferred",
		[GP_OUTCOME_FAILED] = "failed",
	};
	char status[32];
	snprintf(status, sizeof(status), "%u.%u.%u", o->reply.enhanced_class,
		 o->reply.enhanced_subject, o->reply.enhanced_detail);
	gp_info(events[o->kind], GP_FID("id", q->id), GP_F("to", rcpt->address),
		GP_F("remote", o->remote), GP_FN("code", o->reply.code), GP_FS("status", status),
		GP_F("reason", o->reply.text), GP_FN("attempts", attempts),
		GP_FN("next_in_s",
		      next_ms > spool_now_ms() ? (next_ms - spool_now_ms()) / 1000 : 0));
}

static void
journal_outcome(const struct gp_queued *q, const struct gp_rcpt *rcpt,
		const struct gp_rcpt_state *s)
{
	const struct gp_journal_entry entry = {
		.kind = GP_JOURNAL_OUTCOME,
		.id = q->id,
		.rcpt = rcpt->address,
		.reply = s->last.reply,
		.outcome = s->last.kind,
		.remote = s->last.remote,
		.attempts = s->attempts,
		.next_ms = is_final(&s->last) ? 0 : s->next_ms,
	};
	journal_put(spool.journal, GP_JOURNAL_FILE_MAIL, &entry, spool_now_ms());
}

/* Deferred for too long is failed: with the last reason, and the status of RFC 3463 section 3.5 for
 * it. */
static void
expire(struct gp_outcome *o, struct gp_arena *arena)
{
	struct gp_slice text = gp_arena_printf(arena, "Delivery time expired; last: %.*s",
					       GP_SLICE_FMT(o->reply.text));
	o->kind = GP_OUTCOME_FAILED;
	o->reply.enhanced_class = 5;
	o->reply.enhanced_subject = 4;
	o->reply.enhanced_detail = 7;
	if (text.ptr)
		o->reply.text = text;
}

/* The new state of one recipient; deferred ones get their time, or expire. */
static struct gp_rcpt_state
next_state(const struct gp_stored *m, uint32_t rcpt, const struct gp_outcome *outcome)
{
	uint64_t now = spool_now_ms();
	struct gp_rcpt_state s = {
		.last = *outcome,
		.attempts = m->states[rcpt].attempts + 1,
		.last_ms = now,
	};
	if (is_final(outcome))
		return s;
	s.next_ms = now + backoff_ms(s.attempts);
	if (s.next_ms > m->envelope.arrival_ms + spool.env->config->retry.lifetime)
		expire(&s.last, &spool.scratch);
	return s;
}

/* The reports could not be stored: what is final becomes pending again, so that nobody is left
 * without an answer. */
static void
postpone_failures(struct gp_rcpt_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gp_rcpt_state *s = &changes[i].state;
		if (s->last.kind != GP_OUTCOME_FAILED)
			continue;
		s->last.kind = GP_OUTCOME_DEFERRED;
		s->next_ms = spool_now_ms() + backoff_ms(1);
	}
}

static int
write_reports(struct gp_queued *q, const struct gp_stored *m, const uint32_t *rcpts,
	      const struct gp_rcpt_change *changes, size_t n)
{
	struct gp_outcome *last = gp_arena_array(&spool.scratch, n, sizeof(*last));
	bool delayed = spool_now_ms() > m->envelope.arrival_ms + DELAY_REPORT_MS &&
		       !(q->flags & DELAY_REPORTED);
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		last[i] = changes[i].state.last;
	struct report report = {
		.message = m,
		.q = q,
		.rcpts = rcpts,
		.outcomes = last,
		.len = n,
		.delayed = delayed,
	};
	int r = bounce_write(&report);
	if (r == 0 && delayed)
		r = gp_store_set_flags(spool.store, q, q->flags | DELAY_REPORTED);
	return r;
}

int
delivery_settle(struct gp_queued *q, const struct gp_stored *m, const uint32_t *rcpts,
		size_t rcpts_len, const struct gp_outcome *outcomes, struct settled *ret)
{
	struct gp_rcpt_change *changes =
		gp_arena_array(&spool.scratch, rcpts_len, sizeof(*changes));
	size_t finals = 0;
	*ret = (struct settled){.next_ms = UINT64_MAX};
	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < rcpts_len; i++)
		changes[i] =
			(struct gp_rcpt_change){rcpts[i], next_state(m, rcpts[i], &outcomes[i])};
	if (write_reports(q, m, rcpts, changes, rcpts_len) < 0)
		postpone_failures(changes, rcpts_len);
	for (size_t i = 0; i < rcpts_len; i++) {
		const struct gp_rcpt_state *s = &changes[i].state;
		finals += is_final(&s->last);
		ret->next_ms = is_final(&s->last) ? ret->next_ms : GP_MIN(ret->next_ms, s->next_ms);
		log_outcome(q, &m->envelope.rcpts[rcpts[i]], &s->last, s->attempts, s->next_ms);
		journal_outcome(q, &m->envelope.rcpts[rcpts[i]], s);
		flow_outcome(q->id, m->envelope.rcpts[rcpts[i]].address, &s->last, s->attempts);
	}
	ret->finished = finals == q->pending_len;
	if (ret->finished)
		schedule_remove(q);
	int r = gp_store_outcome(spool.store, q, changes, rcpts_len);
	gp_assert(r < 0 || ret->finished == (r == GP_STORE_FINISHED));
	if (r < 0 && ret->finished) {
		ret->finished = false;
		ret->replanned = true;
		(void)schedule_recovered(q);
	}
	return r < 0 ? r : 0;
}

/* Whether a deferral speaks of the destination, not of this message or of one mailbox (X.2.X of RFC
 * 3463): nobody answered, or 421. */
static bool
destination_failed(const struct gp_outcome *o)
{
	enum { MAILBOX_STATUS = 2 };
	if (o->kind != GP_OUTCOME_DEFERRED)
		return false;
	return o->remote_said ? o->reply.code == 421 : o->reply.enhanced_subject != MAILBOX_STATUS;
}

/* How long a destination rests that did not answer: as a new message would wait, however old this
   one is, so that a host that is back is noticed soon. */
static uint64_t
pause_until_ms(const struct settled *settled)
{
	return GP_MIN(settled->next_ms, spool_now_ms() + backoff_ms(1));
}

static void
settle_lease(struct lease *l, const struct gp_outcome *outcomes)
{
	struct gp_queued *q = l->task ? l->task->q : NULL;
	struct gp_stored m;
	struct settled settled = {.next_ms = UINT64_MAX};
	bool failed = true, silent = !schedule_is_local(l->dest->transport);
	for (size_t i = 0; i < l->rcpts_len; i++) {
		failed = failed && destination_failed(&outcomes[i]);
		silent = silent && failed && !outcomes[i].remote_said;
	}
	gp_arena_reset(&spool.scratch);
	int r = q ? gp_store_read_envelope(spool.store, q, &spool.scratch, &m) : 0;
	if (q && r == 0)
		r = delivery_settle(q, &m, l->rcpts, l->rcpts_len, outcomes, &settled);
	if (q && r != 0) {
		/* Not written down: it will be delivered again. */
		gp_error("cannot_record_outcome", GP_FID("id", l->id),
			 GP_FS("reason", r < 0 ? strerror(-r) : "damaged"));
		settled.next_ms = spool_now_ms() + backoff_ms(1);
	}
	struct task *t = l->task;
	struct destination *d = l->dest;
	free_lease(l);
	if (t) {
		t->orphaned = 0;
		schedule_done(t, settled.next_ms);
	}
	d->standing = silent ? STANDING_SILENT : STANDING_ANSWERS;
	schedule_feedback(d, !failed, settled.next_ms == UINT64_MAX ? 0 : pause_until_ms(&settled));
	schedule_release(d);
}

/* --- handing out --- */

static struct load
sum(struct load a, struct load b)
{
	return (struct load){a.leases + b.leases, a.octets + b.octets};
}

static bool
is_below(struct load l, size_t leases_max, unsigned percent)
{
	return l.leases < leases_max * percent / 100 &&
	       l.octets < (uint64_t)PEER_OCTETS_MAX * percent / 100;
}

/* Whether the destination may have one more lease there; d->in_flight counts that one already. */
static bool
may_hold(const struct peer *p, const struct destination *d)
{
	size_t most = d->transport == GP_TRANSPORT_MAILDIR   ? MAILDIR_LEASES_MAX
		      : d->transport == GP_TRANSPORT_REPORTS ? INGEST_LEASES_MAX
							     : self.relay_leases_max;
	struct load silent = p->held[STANDING_SILENT];
	struct load unknown = sum(silent, p->held[STANDING_NEW]);
	if (!is_below(sum(unknown, p->held[STANDING_ANSWERS]), most, 100))
		return false;
	if (schedule_is_local(d->transport) || d->standing == STANDING_ANSWERS)
		return true;
	if (d->standing == STANDING_SILENT && !is_below(silent, most, SILENT_PERCENT))
		return false;
	return is_below(unknown, most, d->in_flight > 1 ? UNKNOWN_MORE_PERCENT : UNKNOWN_PERCENT);
}

/* NULL: it is not there, or has its hands full. */
static struct peer *
peer_for(const struct destination *d)
{
	struct peer *p = d->transport == GP_TRANSPORT_REPORTS ? &self.ingest : &self.maildir;
	if (!schedule_is_local(d->transport)) {
		if (self.relays_len == 0)
			return NULL;
		/* Always the same one, so that its connections are found again. */
		p = &self.relays[gp_siphash13(spool.env->seed, d->key) % self.relays_len];
	}
	return p->channel && may_hold(p, d) ? p : NULL;
}

/* Which of the message's recipients another lease has: after a reload two ways may have become one.
   NULL: no memory. */
static const bool *
leased_elsewhere(const struct task *t, size_t rcpts_len)
{
	bool *leased = gp_arena_array(&spool.scratch, rcpts_len, sizeof(*leased));
	for (const struct task *other = t->q->user; leased && other; other = other->next) {
		if (other == t || other->lease == TASK_NO_LEASE)
			continue;
		const struct lease *l = &self.leases[other->lease];
		for (size_t i = 0; i < l->rcpts_len; i++)
			leased[l->rcpts[i]] = true;
	}
	return leased;
}

/* The channel's next write wakes the loop, and with it those who wait for room. */
static bool
has_room(const struct peer *p)
{
	return p && gp_channel_backlog(p->channel) < BACKLOG_MAX &&
	       gp_channel_backlog_fds(p->channel) < BACKLOG_FDS_MAX;
}

/* All pending recipients that go to this task's destination under its reverse-path, and the way
   there: those that are not due yet go along with one that is. Returns how many, or -ENOMEM. */
static ssize_t
select_rcpts(const struct task *t, const struct gp_stored *m, uint32_t *rcpts,
	     struct gp_route *ret_route, struct gp_reply *ret_why)
{
	const bool *leased = leased_elsewhere(t, m->envelope.rcpts_len);
	size_t n = 0;
	if (!leased)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->envelope.rcpts_len; i++) {
		struct gp_route route = {};
		if (gp_queued_due_ms(t->q, i) == UINT64_MAX || leased[i] ||
		    gp_envelope_forwards(&m->envelope, &m->envelope.rcpts[i]) != t->forwards)
			continue;
		int r = gp_policy_route(spool.policy, m->envelope.rcpts[i].address, &spool.scratch,
					&route, ret_why);
		if (r < 0)
			return r;
		if (r > 0)
			route = (struct gp_route){};
		if (!gp_slice_eq(route.destination, t->dest->key))
			continue;
		*ret_route = route;
		rcpts[n++] = i;
	}
	return (ssize_t)n;
}

/* 0 or an error, as gp_store_copy_body() */
static int
fill_body_file(int fd, struct gp_slice head, const struct gp_queued *q)
{
	ssize_t n = pwrite(fd, head.ptr, head.len, 0);
	if (n < 0)
		return -errno;
	return (size_t)n < head.len ? -ENOSPC : gp_store_copy_body(spool.store, q, fd, head.len);
}

/* A copy of the message in a file of its own; in memory when the disk is full, which must not stop
   the queue. Returns it or -errno. */
static int
body_file(struct gp_slice head, const struct gp_queued *q)
{
	int fd = openat(spool.env->dirs[0].fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fill_body_file(fd, head, q);
	if (r == -ENOSPC || r == -EDQUOT) {
		if (fd >= 0)
			close(fd);
		fd = memfd_create("body", MFD_CLOEXEC);
		r = fd < 0 ? -errno : fill_body_file(fd, head, q);
	}
	if (r == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return r < 0 ? r : -EIO;
}

/* NULL ptr: no memory. */
static struct gp_slice
with_head(struct gp_slice head, struct gp_slice body)
{
	if (head.len == 0)
		return body;
	char *text = gp_arena_alloc(&spool.scratch, head.len + body.len);
	if (!text)
		return gp_slice(NULL, 0);
	memcpy(text, head.ptr, head.len);
	if (body.len > 0)
		memcpy(text + head.len, body.ptr, body.len);
	return gp_slice(text, head.len + body.len);
}

/* head: fields that go before the message as it is stored. */
static bool
send_lease(struct lease *l, const struct gp_stored *m, const struct gp_route *route,
	   struct gp_slice head)
{
	struct gp_queued *q = l->task->q;
	struct gp_rcpt *rcpts = gp_arena_array(&spool.scratch, l->rcpts_len, sizeof(*rcpts));
	if (!rcpts)
		return false;
	for (size_t i = 0; i < l->rcpts_len; i++)
		rcpts[i] = m->envelope.rcpts[l->rcpts[i]];
	struct gp_message msg = {
		.type = GP_MSG_DELIVER,
		.fd = -1,
		.deliver = {.lease = lease_number(l),
			    .id = q->id,
			    .envelope = m->envelope,
			    .route = *route,
			    .body_size = head.len + q->size,
			    .body = q->size > BODY_INLINE_MAX ? gp_slice("", 0)
							      : with_head(head, m->body)},
	};
	/* A domain that was not ours when the message came may be now: then it does not leave. */
	if (l->task->forwards && route->transport == GP_TRANSPORT_SMTP)
		msg.deliver.envelope.sender = m->envelope.forwarder;
	msg.deliver.envelope.forwarder = gp_slice(NULL, 0);
	msg.deliver.envelope.flags &= (uint8_t)~GP_ENVELOPE_UNSIGNED;
	msg.deliver.envelope.rcpts = rcpts;
	msg.deliver.envelope.rcpts_len = l->rcpts_len;
	if (q->size > BODY_INLINE_MAX) {
		msg.fd = body_file(head, q);
		if (msg.fd < 0)
			return false;
	}
	return gp_channel_send(l->peer->channel, &msg);
}

/* What needs nobody's work: discard, and addresses that have no way. */
static void
settle_at_once(struct task *t, const struct gp_stored *m, const uint32_t *rcpts, size_t n,
	       const struct gp_reply *why)
{
	struct destination *d = t->dest;
	struct gp_outcome discarded = {.kind = GP_OUTCOME_DELIVERED,
				       .reply = GP_REPLY(250, 2, 0, 0, "Discarded")};
	struct gp_outcome unroutable = {.kind = GP_OUTCOME_FAILED, .reply = *why};
	struct gp_outcome *outcomes = gp_arena_array(&spool.scratch, n, sizeof(*outcomes));
	struct settled settled = {};
	for (size_t i = 0; outcomes && i < n; i++)
		outcomes[i] = d->transport == GP_TRANSPORT_DISCARD ? discarded : unroutable;
	int r = outcomes ? delivery_settle(t->q, m, rcpts, n, outcomes, &settled) : -ENOMEM;
	if (r < 0)
		settled.next_ms = spool_now_ms() + backoff_ms(1);
	if (!settled.finished && !settled.replanned)
		schedule_done(t, settled.next_ms);
	schedule_release(d);
}

static bool
read_message(struct task *t, struct gp_stored *m)
{
	int r = t->q->size > BODY_INLINE_MAX || t->dest->transport == GP_TRANSPORT_DISCARD
			? gp_store_read_envelope(spool.store, t->q, &spool.scratch, m)
			: gp_store_read(spool.store, t->q, &spool.scratch, m);
	if (r == 0)
		return true;
	struct destination *d = t->dest;
	struct gp_queued *q = t->q;
	gp_error("cannot_read_message", GP_FID("id", q->id),
		 GP_FS("reason", r < 0 ? strerror(-r) : "damaged"));
	if (r == GP_STORE_DAMAGED) {
		schedule_remove(q);
		if (gp_store_quarantine(spool.store, q) < 0)
			gp_error("cannot_quarantine", GP_FID("id", q->id));
	} else {
		schedule_done(t, spool_now_ms() + backoff_ms(1));
	}
	schedule_release(d);
	return false;
}

static void
put_off(struct task *t, uint64_t ms)
{
	struct destination *d = t->dest;
	schedule_done(t, spool_now_ms() + ms);
	schedule_release(d);
}

/* True: it waits for its signatures, and is looked at again. */
static bool
waits_for_signatures(struct task *t, const struct gp_stored *m)
{
	enum signatures s = signatures_begin(t, m);
	if (s == SIGNATURES_BUSY)
		put_off(t, SIGN_AGAIN_MS);
	return s != SIGNATURES_NONE;
}

/* head: what goes before the message as it is stored; NULL: that is not known yet. */
static bool
hand_out(struct task *t, const struct gp_slice *head)
{
	bool needs_peer = t->dest->transport != GP_TRANSPORT_DISCARD && t->dest->key.len > 0;
	struct peer *peer = needs_peer ? peer_for(t->dest) : NULL;
	struct destination *d = t->dest;
	struct gp_queued *q = t->q;
	struct gp_stored m;
	struct gp_route route = {};
	struct gp_reply why = GP_REPLY(550, 5, 4, 4, "No way to this address");
	if (spool.stopping || (needs_peer && !has_room(peer)))
		return false;
	gp_arena_reset(&spool.scratch);
	if (!read_message(t, &m))
		return true;
	uint32_t *rcpts = gp_arena_array(&spool.scratch, m.envelope.rcpts_len, sizeof(*rcpts));
	ssize_t n = rcpts ? select_rcpts(t, &m, rcpts, &route, &why) : -ENOMEM;
	if (n == 0) {
		/* The configuration leads elsewhere now. */
		bool planned = schedule_plan(q, &m);
		schedule_done(t, planned ? UINT64_MAX : spool_now_ms() + backoff_ms(1));
		schedule_release(d);
		return true;
	}
	if (n > 0 && !needs_peer) {
		settle_at_once(t, &m, rcpts, (size_t)n, &why);
		return true;
	}
	if (n > 0 && !head && waits_for_signatures(t, &m))
		return true;
	struct lease *l = n > 0 ? take_lease(t, peer, rcpts, (size_t)n) : NULL;
	if (l && send_lease(l, &m, &route, head ? *head : GP_SLICE("")))
		return true;
	gp_error("cannot_hand_out", GP_FID("id", q->id), GP_F("destination", d->key));
	if (l)
		free_lease(l);
	put_off(t, backoff_ms(1));
	return true;
}

bool
delivery_start(struct task *t)
{
	return hand_out(t, NULL);
}

void
delivery_go_on(struct task *t, const struct gp_slice *head)
{
	bool held = t->q->flags & GP_QUEUED_HELD; /* since it waits */
	if (held || !hand_out(t, head))
		put_off(t, 0);
}

/* --- the channels --- */

static bool
outcomes_make_sense(const struct lease *l, const struct gp_msg_outcomes *o)
{
	if (!l || l->rcpts_len != o->outcomes_len)
		return false;
	for (size_t i = 0; i < o->outcomes_len; i++) {
		const struct gp_outcome *one = &o->outcomes[i];
		if (one->kind < GP_OUTCOME_DELIVERED || one->kind > GP_OUTCOME_FAILED ||
		    one->reply.enhanced_class > 5)
			return false;
	}
	return true;
}

/* When a task goes out again whose role died. Up to a half more by chance: those that went down
 * together part ways. */
static uint64_t
orphaned_until_ms(struct task *t)
{
	t->orphaned = (uint8_t)GP_MIN(t->orphaned + 1, ORPHANED_TIMES_MAX);
	uint64_t pause =
		GP_MIN((uint64_t)ORPHANED_MS << (t->orphaned - 1), spool.env->config->retry.max);
	pause += random_below(pause / 2 + 1);
	if (t->orphaned >= ORPHANED_TOLD)
		gp_warning("deliverer_died_over", GP_FID("id", t->q->id),
			   GP_FN("times", t->orphaned), GP_FN("next_in_s", pause / 1000));
	return spool_now_ms() + pause;
}

static void
peer_lost(struct peer *p)
{
	p->channel = NULL;
	for (uint32_t i = 0; i < self.leases_cap; i++) {
		struct lease *l = &self.leases[i];
		if (l->peer != p)
			continue;
		struct destination *d = l->dest;
		struct task *t = l->task;
		free_lease(l);
		if (t)
			schedule_done(t, orphaned_until_ms(t));
		schedule_release(d);
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)c;
	gp_log(gp_role_loss_level(), "deliverer_gone", GP_FS("reason", why));
	peer_lost(ctx);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct peer *p = ctx;
	gp_assert(m->type == GP_MSG_OUTCOMES);
	struct lease *l = find_lease(m->outcomes.lease, p);
	if (outcomes_make_sense(l, &m->outcomes)) {
		settle_lease(l, m->outcomes.outcomes);
		return;
	}
	gp_error("outcome_refused", GP_FN("lease", m->outcomes.lease));
	gp_channel_free(c);
	peer_lost(p);
}

void
delivery_prepare(void)
{
	struct rlimit files = {.rlim_cur = RLIM_INFINITY};
	(void)getrlimit(RLIMIT_NOFILE, &files); /* a relay has the same */
	uint64_t for_leases = files.rlim_cur - GP_MIN(files.rlim_cur, (rlim_t)RELAY_FDS_BESIDE);
	for_leases = GP_MAX(for_leases, (uint64_t)RELAY_LEASES_MIN);
	self.relay_leases_max = GP_MIN(for_leases, (uint64_t)RELAY_LEASES_MAX);
}

void
delivery_connect(enum gp_role_id role, unsigned worker, int fd)
{
	if (role == GP_ROLE_RELAY && worker >= RELAYS_MAX) {
		close(fd);
		return;
	}
	struct peer *p = &self.relays[worker];
	gp_permit permit = GP_PERMIT_RELAY_TO_SPOOL;
	if (role == GP_ROLE_MAILDIR) {
		p = &self.maildir;
		permit = GP_PERMIT_MAILDIR_TO_SPOOL;
	} else if (role == GP_ROLE_INGEST) {
		p = &self.ingest;
		permit = GP_PERMIT_INGEST_TO_SPOOL;
	}
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close, .ctx = p};
	if (self.random == 0)
		self.random = spool.env->seed[0] | 1;
	if (p->channel) {
		gp_channel_free(p->channel);
		peer_lost(p);
	}
	if (role == GP_ROLE_RELAY)
		self.relays_len = GP_MAX(self.relays_len, (size_t)worker + 1);
	p->channel = gp_channel_new(spool.env->loop, fd, permit, &owner);
}
