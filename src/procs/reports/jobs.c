/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report on its way. It asks one thing at a time, and ends when it has gone to each place or each
 * has said no for this time:
 *
 *     begin --> WHERE.. --> compose --+--> next place --+--> SIGN, for each key --> MAIL +
 *                 |            ^      |        |        +--> AAAA --> A --> POST -------+
 *        none: unasked         |      |        |                                        |
 *                              |      +------- | -- what became of it is written down <-+
 *                              |               |
 *                              +-- next part --+-- no further place or part: end
 *
 * The database has the time of the next attempt before this one begins, and each place that was
 * reached right after: whatever ends this process, the rest is tried again, and nothing is sent
 * twice but what was on its way at that moment, under the same report-id and Message-ID. The word
 * to stop lets what is on its way come to its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "ipc/values.h"
#include "procs/ask/ask.h"
#include "procs/reports/compose.h"
#include "procs/reports/reports.h"
#include "procs/reports/where.h"
#include "sys/log.h"

enum {
	ARENA_MAX = 32 << 20,     /* of one job */
	MAIL_MAX = 2 << 20,       /* as a `letter` may be: base64 of COMPOSE_GZIP_MAX fits */
	ADDRESSES_MAX = 32,       /* as a `fetch` may carry */
	POST_TIME_MS = 60 * 1000, /* for one attempt */
	HTTPS_PORT = 443,         /* fetch connects to no other */
	PAUSES_A_PERIOD = 96,     /* the first pause: 15 minutes of a day */
};

enum step {
	STEP_WHERE = 1,
	STEP_AAAA,
	STEP_A,
	STEP_POST,
	STEP_SIGN,
	STEP_MAIL,
};

struct job {
	struct gp_list link;
	struct gp_arena arena;
	struct store_report row;
	struct gp_answers *answers; /* what is known of where it goes */
	struct where where;
	size_t needed; /* how many of its questions are answered */
	struct compose_part part;
	struct gp_buf mail; /* to this place, while it is signed */
	struct signing signing;
	size_t at;          /* the place that is tried */
	bool again;         /* one of them is to be tried again */
	bool sent;          /* one of them has it */
	uint8_t step;       /* enum step: what is waited for */
	uint64_t ticket;    /* of that question */
	struct asker asker; /* of the DNS */
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	size_t addresses_len;
};

static struct {
	struct gp_list jobs;
	size_t jobs_len;
	uint64_t tickets;
} self = {.jobs = {&self.jobs, &self.jobs}};

static void
next_place(struct job *j);
static void
find_places(struct job *j);

/* --- the end --- */

static void
forget_mail(struct job *j)
{
	gp_buf_free(&j->mail);
	signing_free(&j->signing);
}

static void
free_job(struct job *j)
{
	gp_list_remove(&j->link);
	self.jobs_len--;
	gp_buf_free(&j->part.gzip);
	gp_answers_free(j->answers);
	ask_forget(&j->asker);
	forget_mail(j);
	gp_arena_free(&j->arena);
	free(j);
}

/* There is room for another one. */
static void
end_job(struct job *j)
{
	free_job(j);
	reports_wake();
	reports_check_stop();
}

static const char *
kind_of(const struct job *j)
{
	return store_kind_name(j->row.kind);
}

size_t
jobs_count(void)
{
	return self.jobs_len;
}

static void
keep(int r)
{
	if (r == 0)
		r = store_sync(reports.store);
	if (r < 0)
		gp_error("reports_not_kept", GP_FS("reason", strerror(-r)));
}

static void
settle(struct job *j, enum store_state state)
{
	keep(store_settle(reports.store, j->row.id, state));
	end_job(j);
}

/* For this time. RFC 8460 section 5.5: attempts go on for a day after the first; RFC 9990 and 9991
 * leave it to us. */
static void
end_attempt(struct job *j, const char *why)
{
	if (reports_now_s() - j->row.first_s < reports_interval_s(j->row.kind)) {
		gp_info("report_waits", GP_FS("kind", kind_of(j)), GP_F("domain", j->row.domain),
			GP_FS("reason", why));
		end_job(j);
		return;
	}
	gp_warning("report_given_up", GP_FS("kind", kind_of(j)), GP_F("domain", j->row.domain),
		   GP_FS("reason", why));
	settle(j, j->sent ? STORE_SENT : STORE_FAILED);
}

static const struct place *
place(const struct job *j)
{
	return &j->where.list[j->at];
}

/* What came of this place; then the next one. */
static void
place_done(struct job *j, enum store_state state, struct gp_slice said)
{
	struct gp_slice uri = place(j)->uri;
	if (state == STORE_SENT)
		gp_info("report_sent", GP_FS("kind", kind_of(j)), GP_F("domain", j->row.domain),
			GP_F("to", uri));
	else
		gp_warning("report_refused", GP_FS("kind", kind_of(j)),
			   GP_F("domain", j->row.domain), GP_F("to", uri), GP_F("reason", said));
	keep(store_settle_place(reports.store, j->row.id, j->part.first, uri, state, said));
	j->sent = j->sent || state == STORE_SENT;
	j->at++;
	next_place(j);
}

static void
place_again(struct job *j, struct gp_slice why)
{
	gp_info("report_not_taken", GP_FS("kind", kind_of(j)), GP_F("domain", j->row.domain),
		GP_F("to", place(j)->uri), GP_F("reason", why));
	j->again = true;
	j->at++;
	next_place(j);
}

/* --- asking --- */

/* False: nobody is there. */
static bool
ask(struct job *j, enum step step, enum gp_role_id role, struct gp_message *m, uint64_t *ticket)
{
	j->ticket = *ticket = ++self.tickets;
	j->step = (uint8_t)step;
	m->fd = -1;
	return peers_say(role, m);
}

static bool
ask_dns(struct job *j, enum step step, struct gp_dns_question question)
{
	j->step = (uint8_t)step;
	return ask_resolver(&j->asker, &question);
}

static void
ask_address(struct job *j, enum step step)
{
	struct gp_dns_question q = {
		.name = place(j)->host,
		.type = step == STEP_AAAA ? GP_DNS_AAAA : GP_DNS_A,
	};
	if (!ask_dns(j, step, q))
		place_again(j, GP_SLICE("the DNS cannot be asked"));
}

static void
post(struct job *j)
{
	struct gp_message m = {
		.type = GP_MSG_FETCH,
		.fetch = {.kind = GP_FETCH_POST,
			  .time_max_ms = POST_TIME_MS,
			  .host = place(j)->host,
			  .path = place(j)->path,
			  .addresses = j->addresses,
			  .addresses_len = j->addresses_len,
			  .media_type = GP_SLICE("application/tlsrpt+gzip"),
			  .body = gp_buf_slice(&j->part.gzip)},
	};
	if (j->addresses_len == 0)
		place_again(j, GP_SLICE("the host has no address"));
	else if (!ask(j, STEP_POST, GP_ROLE_FETCH, &m, &m.fetch.ticket))
		place_again(j, GP_SLICE("nobody can post it"));
}

static void
queue_mail(struct job *j)
{
	struct gp_buf text = GP_BUF_INIT(MAIL_MAX);
	signing_write(&j->signing, &text);
	gp_buf_put(&text, gp_buf_slice(&j->mail));
	struct gp_message m = {
		.type = GP_MSG_LETTER,
		.letter = {.to = place(j)->address, .body = gp_buf_slice(&text)},
	};
	bool ok = !text.failed && ask(j, STEP_MAIL, GP_ROLE_SPOOL, &m, &m.letter.ticket);
	gp_buf_free(&text);
	if (!ok)
		place_again(j, GP_SLICE("nobody can queue it"));
}

/* By the next key; when there are no more, the mail goes out. */
static void
sign_mail(struct job *j)
{
	struct gp_message m = {.type = GP_MSG_DKIM_SIGN};
	if (!signing_request(&j->signing, &m.dkim_sign))
		queue_mail(j);
	else if (!ask(j, STEP_SIGN, GP_ROLE_SIGNER, &m, &m.dkim_sign.ticket))
		place_again(j, GP_SLICE("nobody can sign it"));
}

/* RFC 8460 section 3, RFC 9990: signed by the domain that it is from, where that one has keys. */
static void
send_mail(struct job *j)
{
	uint64_t now_s = reports_now_s();
	forget_mail(j);
	j->mail = GP_BUF_INIT(MAIL_MAX);
	enum signing_result result = compose_mail(&j->part, place(j)->address, now_s, &j->mail)
					     ? signing_begin_whole(&j->signing, &reports.signers,
								   gp_buf_slice(&j->mail), now_s)
					     : SIGNING_LATER;
	if (result == SIGNING_BEGUN || result == SIGNING_NOT_OURS)
		sign_mail(j);
	else
		place_again(j, GP_SLICE("it cannot be signed now"));
}

/* --- parts and places --- */

/* The part that begins with this row, to each place. */
static void
begin_part(struct job *j, uint64_t first)
{
	int r = compose_part(reports.env->config, reports.store, &j->row, first, &j->arena,
			     &j->part);
	j->at = 0;
	if (r == -E2BIG) {
		gp_warning("report_given_up", GP_FS("kind", kind_of(j)),
			   GP_F("domain", j->row.domain), GP_FS("reason", "too large"));
		settle(j, STORE_FAILED);
	} else if (r < 0) {
		end_attempt(j, strerror(-r));
	} else {
		next_place(j);
	}
}

/* No further place for this part. */
static void
end_part(struct job *j)
{
	if (j->part.next > 0 && reports.stopping)
		end_job(j);
	else if (j->part.next > 0)
		begin_part(j, j->part.next);
	else if (j->again)
		end_attempt(j, "not every place has taken it");
	else
		settle(j, j->sent ? STORE_SENT : STORE_FAILED);
}

static void
next_place(struct job *j)
{
	for (; j->at < j->where.len; j->at++) {
		enum store_state before =
			store_place(reports.store, j->row.id, j->part.first, place(j)->uri);
		j->sent = j->sent || before == STORE_SENT;
		if (before == STORE_OPEN)
			break;
	}
	j->addresses_len = 0;
	if (j->at == j->where.len)
		end_part(j);
	else if (reports.stopping)
		end_job(j);
	else if (place(j)->address.len > 0)
		send_mail(j);
	else if (place(j)->port != HTTPS_PORT)
		place_done(j, STORE_FAILED, GP_SLICE("another port than 443"));
	else
		ask_address(j, STEP_AAAA);
}

/* --- answers --- */

/* It is known where it goes, or that nobody wants it. */
static void
take_places(struct job *j)
{
	if (j->where.refused > 0)
		gp_info("report_places_refused", GP_FS("kind", kind_of(j)),
			GP_F("domain", j->row.domain), GP_FN("places", j->where.refused));
	if (j->where.wish == WHERE_UNKNOWN) {
		end_attempt(j, "the DNS did not say where it goes");
	} else if (j->where.wish == WHERE_UNWISHED) {
		if (j->where.why)
			gp_info("report_unwanted", GP_FS("kind", kind_of(j)),
				GP_F("domain", j->row.domain), GP_FS("reason", j->where.why));
		settle(j, STORE_UNASKED);
	} else {
		j->again = j->where.unknown > 0;
		begin_part(j, 0);
	}
}

/* The next question of this round. */
static void
ask_where(struct job *j)
{
	if (!ask_dns(j, STEP_WHERE, j->where.need[j->needed]))
		end_attempt(j, "the DNS cannot be asked");
}

static void
find_places(struct job *j)
{
	int r = where_find(&j->row, j->answers, &j->arena, &j->where);
	j->needed = 0;
	if (r < 0)
		end_attempt(j, "out of memory");
	else if (r == WHERE_NEED)
		ask_where(j);
	else
		take_places(j);
}

static void
take_record(struct job *j, const struct gp_dns_answer *answer)
{
	if (gp_answers_add(j->answers, answer) != 0)
		end_attempt(j, "out of memory");
	else if (++j->needed < j->where.need_len)
		ask_where(j);
	else
		find_places(j);
}

static void
take_address(struct job *j, const struct gp_dns_answer *answer)
{
	for (size_t i = 0; i < answer->records_len && j->addresses_len < ADDRESSES_MAX; i++) {
		const struct gp_dns_record *r = &answer->records[i];
		struct gp_slice octets = gp_slice((const char *)r->address,
						  j->step == STEP_A ? 4 : sizeof(r->address));
		j->addresses[j->addresses_len++].octets = gp_arena_dup(&j->arena, octets);
	}
	if (j->arena.failed)
		end_attempt(j, "out of memory");
	else if (j->step == STEP_AAAA)
		ask_address(j, STEP_A);
	else
		post(j);
}

static void
on_dns(struct asker *a, const struct gp_dns_answer *answer)
{
	struct job *j = gp_container_of(a, struct job, asker);
	if (j->step == STEP_WHERE)
		take_record(j, answer);
	else
		take_address(j, answer);
}

static void
take_fetched(struct job *j, const struct gp_msg_fetched *m)
{
	if (m->result == GP_FETCH_OK)
		place_done(j, STORE_SENT, GP_SLICE(""));
	else
		place_again(j, m->reason);
}

static void
take_kept(struct job *j, uint8_t result)
{
	if (result == GP_COMMIT_DONE)
		place_done(j, STORE_SENT, GP_SLICE(""));
	else if (result == GP_LETTER_REFUSED)
		place_done(j, STORE_FAILED, GP_SLICE("nobody is at this address"));
	else if (result == GP_COMMIT_TOO_BIG)
		place_done(j, STORE_FAILED, GP_SLICE("larger than a message may be"));
	else
		place_again(j, GP_SLICE("the queue did not take it"));
}

static void
take_signature(struct job *j, const struct gp_msg_dkim_signature *m)
{
	if (m->result == GP_SIGN_DONE && signing_take(&j->signing, m->signature))
		sign_mail(j);
	else
		place_again(j, GP_SLICE("signer did not sign it"));
}

/* Who waits for it. NULL: nobody, or for something else. */
static struct job *
find(uint64_t ticket, enum step step)
{
	gp_list_each (it, &self.jobs) {
		struct job *j = gp_container_of(it, struct job, link);
		if (j->ticket == ticket && j->step == step)
			return j;
	}
	return NULL;
}

void
jobs_answer(const struct gp_message *m)
{
	struct job *j;
	switch (m->type) {
	case GP_MSG_FETCHED:
		if ((j = find(m->fetched.ticket, STEP_POST)))
			take_fetched(j, &m->fetched);
		break;
	case GP_MSG_DKIM_SIGNATURE:
		if ((j = find(m->dkim_signature.ticket, STEP_SIGN)))
			take_signature(j, &m->dkim_signature);
		break;
	case GP_MSG_LETTER_KEPT:
		if ((j = find(m->letter_kept.ticket, STEP_MAIL)))
			take_kept(j, m->letter_kept.result);
		break;
	default:
		gp_unreachable("permit table and handler differ");
	}
}

void
jobs_peer_lost(enum gp_role_id role)
{
	gp_list_each (it, &self.jobs) {
		struct job *j = gp_container_of(it, struct job, link);
		bool waits = role == GP_ROLE_FETCH   ? j->step == STEP_POST
			     : role == GP_ROLE_SPOOL ? j->step == STEP_MAIL
						     : j->step == STEP_SIGN;
		if (waits)
			end_attempt(j, "who was asked is gone");
	}
}

/* --- the beginning --- */

static struct job *
new_job(void)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	ask_init(&j->asker, on_dns);
	j->arena = GP_ARENA_INIT(ARENA_MAX);
	j->answers = gp_answers_new(&j->arena, WHERE_ANSWERS_MAX, reports.env->seed);
	if (!j->answers) {
		gp_arena_free(&j->arena);
		free(j);
		return NULL;
	}
	gp_list_append(&self.jobs, &j->link);
	self.jobs_len++;
	return j;
}

static bool
is_under_way(const struct job *one)
{
	gp_list_each (it, &self.jobs) {
		const struct job *j = gp_container_of(it, struct job, link);
		if (j != one && j->row.id == one->row.id)
			return true;
	}
	return false;
}

static uint64_t
first_pause_s(enum store_kind kind)
{
	return GP_MAX(reports_interval_s(kind) / PAUSES_A_PERIOD, 1ull);
}

/* False: nothing is due, or the disk is in the way. */
static bool
begin(void)
{
	struct job *j = new_job();
	int r = j ? store_take(reports.store, reports_now_s(), first_pause_s, &j->arena, &j->row)
		  : -ENOMEM;
	if (r == 0)
		r = store_sync(reports.store);
	if (r < 0)
		gp_error("reports_not_kept", GP_FS("reason", strerror(-r)));
	if (r != 0) {
		if (j)
			free_job(j);
		return false;
	}
	if (is_under_way(j))
		free_job(j);
	else if (j->row.kind == STORE_FAILURE && !reports.env->config->reports.failure)
		/* It was switched off while this one waited. */
		settle(j, STORE_UNASKED);
	else
		find_places(j);
	return true;
}

void
jobs_run(void)
{
	/* At the start signer comes when it has read its keys; an attempt before would be lost, and
	 * the next one is a pause away. */
	if (!reports.signers.known)
		return;
	while (!reports.stopping && self.jobs_len < REPORTS_JOBS_MAX && begin())
		;
}
