/* SPDX-License-Identifier: Apache-2.0 */
/* A message that is complete: what goes on top of it, what is asked of users' messages, who signs
 * them, and what becomes of it at spool's. */
#include "core/journal/journal.h"
#include "core/message/header.h"
#include "core/message/received.h"
#include "ipc/values.h"
#include "procs/smtpd/forged.h"
#include "procs/smtpd/reporters.h"
#include "procs/smtpd/session.h"
#include "procs/smtpd/submission.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	HEAD_MAX = 32 * 1024,
	LOOK_ARENA_MAX = 2 * 1024 * 1024, /* a header, its fields, and what is made of them */
	SIGNATURES_MAX = 40 * 1024,       /* the fields of two keys, or a set of ARC's */
	SIGNATURE_MS = 5 * 1000,          /* how long signer may take for one */
	MESSAGE_ID_MAX = 512,             /* as much of it as the journal has */
};

static const struct gp_reply store_failed =
	GP_REPLY_INIT(451, 4, 3, 0, "Could not store the message, try again later");

static const struct gp_reply not_signed =
	GP_REPLY_INIT(451, 4, 3, 0, "Could not sign the message, try again later");

static void
log_accepted(struct session *s)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	struct gp_tls_facts tls = session_tls(s);
	const struct gp_log_field fields[] = {
		GP_FID("id", s->id),
		GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)),
		GP_F("from", e->sender),
		GP_F("to", s->targets.items[0].address),
		GP_FN("rcpts", s->targets.len),
		GP_FN("size", body_size(&s->body)),
		GP_F("user", gp_smtp_server_identity(s->smtp)),
		GP_FS("tls_version", tls.version),
		GP_FS("tls_cipher", tls.cipher),
	};
	gp_log_event(GP_LOG_INFO, "accepted", fields, GP_ARRAY_LEN(fields) - (s->tls ? 0 : 2));
}

/* The trace field that goes on top (RFC 5321 section 4.4). */
static bool
write_received(struct session *s, struct gp_buf *head)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	struct gp_id_text id = gp_id_text(s->id);
	struct gp_tls_facts tls = session_tls(s);
	struct gp_received r = {
		.helo = gp_smtp_server_helo(s->smtp),
		.client_addr = gp_slice_str(s->client_text.s),
		.by = smtpd.setup.hostname,
		.esmtp = gp_smtp_server_esmtp(s->smtp),
		.tls_version = gp_slice_str(tls.version),
		.tls_cipher = gp_slice_str(tls.cipher),
		.authenticated = session_is_user(s),
		.utf8 = e->flags & GP_ENVELOPE_SMTPUTF8,
		.id = gp_slice_str(id.s),
		.rcpt = e->rcpts_len == 1 ? e->rcpts[0].address : gp_slice(NULL, 0),
		.time_s = gp_clock_wall_ms() / 1000,
	};
	gp_received_write(head, &r);
	return !head->failed;
}

/* What RFC 6409 asks of a message that came by a submission listener; code 0: nothing. Those of
 * relay_networks may be who they like. */
static struct gp_reply
take_submission(struct session *s, struct gp_slice start, struct gp_arena *arena,
		struct gp_buf *head)
{
	static const struct gp_slice anybody[] = {GP_SLICE("*")};
	struct gp_id_text id = gp_id_text(s->id);
	bool user = session_is_user(s);
	const struct submission submission = {
		.from = user ? s->login.from : anybody,
		.from_len = user ? s->login.from_len : GP_ARRAY_LEN(anybody),
		.hostname = smtpd.setup.hostname,
		.id = gp_slice_str(id.s),
		.now_ms = gp_clock_wall_ms(),
	};
	return submission_take(&submission, start, arena, head);
}

/* For the journal. Without memory for it, it has none. */
static void
keep_message_id(struct session *s, const struct gp_header *h, struct gp_arena *arena)
{
	size_t at = gp_header_find(h, GP_SLICE("Message-ID"), 0);
	if (at == h->fields_len || s->message_id.len > 0)
		return;
	struct gp_slice id = gp_header_unfold(gp_header_value(h, at), arena);
	s->message_id =
		gp_arena_dup(gp_smtp_server_arena(s->smtp), gp_slice_take(id, MESSAGE_ID_MAX));
}

/* The one that was added to a user's message. */
static void
keep_added_message_id(struct session *s, struct gp_arena *arena)
{
	struct gp_header h;
	if (gp_header_split(gp_buf_slice(&s->head), arena, &h) == 0)
		keep_message_id(s, &h, arena);
}

/* Takes out what others wrote in our name; *ret: the fields that stay. A refusal, or code 0. */
static struct gp_reply
clean_header(struct session *s, struct gp_slice start, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_header h;
	struct gp_slice clean;
	int r = gp_header_split(start, arena, &h);
	if (r > 0)
		return GP_REPLY(552, 5, 3, 4, "Header is too big");
	if (r == 0)
		keep_message_id(s, &h, arena);
	if (r == 0)
		r = forged_take_out(&h, smtpd.setup.hostname, arena, &clean);
	if (r < 0)
		return store_failed;
	*ret = r > 0 ? clean : gp_slice_take(start, h.len);
	if (r > 0)
		body_replace_start(&s->body, h.len, clean);
	return (struct gp_reply){};
}

/* Whom it is from, as far as that is to be found out. A refusal, or code 0. */
static struct gp_reply
take_checks(struct session *s, struct gp_arena *arena, struct gp_buf *head)
{
	if (s->checks)
		return checks_conclude(s->checks, arena, head, &s->junk);
	return checks_wanted(s) ? store_failed : (struct gp_reply){};
}

/* All that goes on top but signatures, into s->head: the results first, above our own trace field
 * (RFC 8601 section 4.1). *ret: the message's own fields, as they go on. A refusal, or code 0. */
static struct gp_reply
write_head(struct session *s, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_slice start;
	struct gp_reply r = take_checks(s, arena, &s->head);
	if (r.code == 0)
		r = reporters_take(s);
	if (r.code != 0)
		return r;
	if (s->body.failed || !write_received(s, &s->head) ||
	    !body_start(&s->body, SUBMISSION_START_MAX, arena, &start))
		return store_failed;
	if (s->listen->service == GP_SERVICE_SUBMISSION)
		r = take_submission(s, start, arena, &s->head);
	if (r.code == 0)
		r = clean_header(s, start, arena, ret);
	if (r.code == 0 && s->message_id.len == 0 && s->listen->service == GP_SERVICE_SUBMISSION)
		keep_added_message_id(s, arena);
	return r;
}

/* Under which reverse-path those are sent on who are forwarded; what has come back under such a one
 * stays under it, for all, and has its sender again. False: no memory. */
static bool
find_forwarder(struct session *s, struct gp_envelope *e)
{
	struct gp_arena *arena = gp_smtp_server_arena(s->smtp);
	struct gp_slice path = e->sender;
	int r = gp_policy_forwarded_for(smtpd.policy, srs_now(), path, arena, &e->sender);
	if (r == 0) {
		e->forwarder = path;
		targets_forward_all(&s->targets);
	} else if (r > 0 && s->targets.forwards) {
		r = gp_policy_forward(smtpd.policy, srs_now(), path, arena, &e->forwarder);
	}
	return r >= 0;
}

/* What the journal is told of it; the answers are in the buffer. */
static struct gp_arrival
describe_arrival(struct session *s, struct gp_buf *answers)
{
	struct gp_tls_facts tls = session_tls(s);
	return (struct gp_arrival){
		.origin = session_origin(s),
		.user = gp_smtp_server_identity(s->smtp),
		.sender = gp_smtp_server_envelope(s->smtp)->sender,
		.message_id = s->message_id,
		.tls = gp_slice_str(tls.version),
		.results = s->results,
		.answers = s->checks ? checks_answers(s->checks, answers) : GP_SLICE(""),
	};
}

static bool
commit(struct session *s)
{
	struct gp_buf head = GP_BUF_INIT(HEAD_MAX + SIGNATURES_MAX);
	struct gp_buf answers = GP_BUF_INIT(GP_JOURNAL_ANSWERS_MAX);
	struct gp_arrival arrival = describe_arrival(s, &answers);
	struct gp_envelope e = *gp_smtp_server_envelope(s->smtp);
	e.arrival_ms = gp_clock_wall_ms();
	if (s->junk)
		e.flags |= GP_ENVELOPE_JUNK;
	e.client_addr = gp_slice_str(s->client_text.s);
	e.client_helo = gp_smtp_server_helo(s->smtp);
	e.rcpts = s->targets.items;
	e.rcpts_len = s->targets.len;
	dkim_write(&s->signing_mail, &head);
	gp_buf_put(&head, gp_buf_slice(&s->head));
	bool done = find_forwarder(s, &e) && !head.failed &&
		    store_commit(s, &e, &arrival, gp_buf_slice(&head));
	gp_buf_free(&head);
	gp_buf_free(&answers);
	return done;
}

/* Hands the message over, or answers with the refusal. True: it was answered. */
static bool
finish(struct session *s, struct gp_reply reply)
{
	if (reply.code == 0 && !commit(s))
		reply = store_failed;
	if (reply.code == 0) {
		s->state = SESSION_WAITS_COMMIT;
		return false;
	}
	gp_smtp_server_answer(s->smtp, &reply);
	session_log_refused_message(s);
	session_reset_transaction(s);
	return true;
}

/* Asks for the next signature; when there are all, the message goes on. True: it was answered. */
static bool
sign(struct session *s)
{
	bool done;
	if (!dkim_ask(s, &done))
		return finish(s, not_signed);
	if (done)
		return finish(s, (struct gp_reply){});
	s->state = SESSION_WAITS_SIGNATURE;
	s->signature_end_ms = gp_clock_monotonic_ms() + SIGNATURE_MS;
	return false;
}

void
message_take_end(struct session *s)
{
	body_end(&s->body);
	if (!s->checks || checks_end(s->checks)) {
		message_finish(s);
		return;
	}
	s->state = SESSION_WAITS_CHECKS;
	s->checks_end_ms = gp_clock_monotonic_ms() + CHECKS_MS;
}

void
message_finish(struct session *s)
{
	static const struct gp_reply impossible =
		GP_REPLY_INIT(554, 5, 6, 0, "The header has too many fields to be signed");
	struct gp_arena arena = GP_ARENA_INIT(LOOK_ARENA_MAX);
	struct gp_slice fields = GP_SLICE("");
	s->head = GP_BUF_INIT(HEAD_MAX);
	struct gp_reply reply = write_head(s, &arena, &fields);
	enum signing_result result = reply.code == 0 ? dkim_begin(s, fields) : SIGNING_NOT_OURS;
	reply.text = gp_arena_dup(gp_smtp_server_arena(s->smtp), reply.text);
	gp_arena_free(&arena);
	if (result == SIGNING_BEGUN)
		sign(s);
	else
		finish(s, result == SIGNING_LATER        ? not_signed
			  : result == SIGNING_IMPOSSIBLE ? impossible
							 : reply);
}

bool
message_take_signature(struct session *s, struct gp_slice signature)
{
	if (signature.len == 0 || !dkim_take(&s->signing_mail, signature))
		return finish(s, not_signed);
	return sign(s);
}

void
message_answer(struct session *s, enum gp_commit_result result)
{
	struct gp_reply reply = store_failed;
	if (result == GP_COMMIT_DONE) {
		struct gp_slice text = gp_arena_printf(gp_smtp_server_arena(s->smtp),
						       "Queued as %s", gp_id_text(s->id).s);
		reply = GP_REPLY(250, 2, 0, 0, "Queued");
		if (text.len > 0)
			reply.text = text;
		log_accepted(s);
	} else if (result == GP_COMMIT_FULL) {
		reply = GP_REPLY(452, 4, 3, 1, "Insufficient system storage, try again later");
	} else if (result == GP_COMMIT_TOO_BIG) {
		reply = GP_REPLY(552, 5, 3, 4, "Message too big for the queue");
	}
	gp_smtp_server_answer(s->smtp, &reply);
	if (result != GP_COMMIT_DONE)
		session_log_refused_message(s);
	session_reset_transaction(s);
}
