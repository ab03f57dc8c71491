/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the protocol tells of, one event after the other: each is answered at once, or the session
 * waits for another role. Start with commands_run, at the end.
 */
#include "procs/smtpd/session.h"
#include "sys/clock.h"

static const struct gp_reply out_of_memory =
	GP_REPLY_INIT(451, 4, 3, 0, "Out of memory, try again later");

/* --- refusals --- */

/* Answers a command with a refusal that session_log_refused_path has told of already. */
static void
refuse(struct session *s, const struct gp_reply *r)
{
	struct gp_slice command;
	gp_smtp_server_answer(s->smtp, r);
	(void)gp_smtp_server_refusal(s->smtp, &command);
}

/* --- commands --- */

static void
decide_mail(struct session *s)
{
	static const struct gp_reply ok = GP_REPLY_INIT(250, 2, 1, 0, "Sender ok");
	const struct gp_address *path = gp_smtp_server_path(s->smtp);
	struct gp_reply why = GP_REPLY(550, 5, 7, 1, "Not an address that you may send as");
	targets_start(&s->targets, smtpd.env->seed);
	/* The empty path is nobody's, and reports of users' programs have it. */
	bool own = !session_is_user(s) || path->text.len == 0 ||
		   login_may_send_as(&s->login, path->text);
	if (own && store_ready(&why)) {
		gp_smtp_server_answer(s->smtp, &ok);
		return;
	}
	session_log_refused_path(s, "mail", &why);
	refuse(s, &why);
}

/* Whom the recipient stands for; a reply that is not positive where nobody may send to it. */
static struct gp_admission
admit(struct session *s)
{
	struct gp_admission a = {};
	struct gp_client client = s->client;
	client.relay = client.relay || session_is_user(s);
	client.null_sender = gp_smtp_server_envelope(s->smtp)->sender.len == 0;
	client.srs = srs_now();
	int r = gp_policy_rcpt(smtpd.policy, &client, gp_smtp_server_path(s->smtp),
			       gp_smtp_server_arena(s->smtp), &a);
	if (r < 0)
		a.reply = out_of_memory;
	return a;
}

static void
refuse_rcpt(struct session *s, const struct gp_reply *r)
{
	session_log_refused_path(s, "rcpt", r);
	refuse(s, r);
}

static void
answer_rcpt(struct session *s, struct gp_admission *a)
{
	if (gp_reply_positive(&a->reply) &&
	    !targets_add(&s->targets, a, gp_smtp_server_rcpt(s->smtp),
			 gp_smtp_server_arena(s->smtp)))
		a->reply = GP_REPLY(452, 4, 5, 3, "Too many recipients");
	if (!gp_reply_positive(&a->reply)) {
		refuse_rcpt(s, &a->reply);
		return;
	}
	if (!s->checks && checks_wanted(s))
		s->checks = checks_begin(s);
	gp_smtp_server_answer(s->smtp, &a->reply);
}

static const struct gp_reply not_counted =
	GP_REPLY_INIT(450, 4, 3, 0, "Cannot count recipients now, try again later");

/* A user's recipient is counted by auth, where the user has a limit and the recipient would be
 * taken. */
static void
decide_rcpt(struct session *s)
{
	struct gp_admission a = admit(s);
	if (!s->login.limited || !gp_reply_positive(&a.reply))
		answer_rcpt(s, &a);
	else if (auth_count(s, gp_smtp_server_identity(s->smtp)))
		s->state = SESSION_WAITS_COUNT;
	else
		refuse_rcpt(s, &not_counted);
}

/* The configuration may be another than when it was asked, so the recipient is looked at again. */
void
commands_take_count(struct session *s, enum gp_quota_result result)
{
	static const struct gp_reply hourly =
		GP_REPLY_INIT(450, 4, 7, 1, "Too many recipients in an hour, try again later");
	static const struct gp_reply daily =
		GP_REPLY_INIT(450, 4, 7, 1, "Too many recipients in a day, try again later");
	if (result == GP_QUOTA_TAKEN) {
		struct gp_admission a = admit(s);
		answer_rcpt(s, &a);
	} else {
		refuse_rcpt(s, result == GP_QUOTA_HOURLY  ? &hourly
			       : result == GP_QUOTA_DAILY ? &daily
							  : &not_counted);
	}
}

static void
decide_data(struct session *s)
{
	static const struct gp_reply go =
		GP_REPLY_INIT(354, 0, 0, 0, "End data with <CR><LF>.<CR><LF>");
	static const struct gp_reply later =
		GP_REPLY_INIT(451, 4, 3, 0, "Queue is not available, try again later");
	s->id = store_id();
	gp_smtp_server_answer(s->smtp, s->id ? &go : &later);
}

/* By 421, and not by 454, on which many would go on in clear: whoever floods us from behind an
   address that others share could so have their mail read. */
static void
decide_starttls(struct session *s)
{
	static const struct gp_reply go = GP_REPLY_INIT(220, 2, 0, 0, "Go ahead");
	static const struct gp_reply busy =
		GP_REPLY_INIT(421, 4, 7, 0, "Too many TLS handshakes, try again later");
	gp_smtp_server_answer(s->smtp, listener_handshake(&s->client) ? &busy : &go);
	session_log_refusal(s);
}

/* --- AUTH --- */

static void
wait_for_auth(struct session *s, bool asked)
{
	static const struct gp_reply later =
		GP_REPLY_INIT(454, 4, 7, 0, "Cannot authenticate now, try again later");
	if (asked)
		s->state = SESSION_WAITS_AUTH;
	else
		gp_smtp_server_answer(s->smtp, &later);
}

static void
begin_auth(struct session *s)
{
	const struct auth_attempt attempt = {
		.client = &s->client,
		.tls = s->tls,
		.mechanism = gp_smtp_server_auth_mechanism(s->smtp),
		.response = gp_smtp_server_auth_response(s->smtp),
	};
	wait_for_auth(s, auth_begin(&s->login, s, &attempt));
}

static void
step_auth(struct session *s)
{
	wait_for_auth(s, auth_step(&s->login, gp_smtp_server_auth_response(s->smtp)));
}

/* --- the message --- */

void
commands_take_stage(struct session *s, int fd)
{
	if (fd >= 0)
		body_stage(&s->body, fd);
	else
		s->body.failed = true;
}

static void
take_body(struct session *s)
{
	struct gp_slice piece = gp_smtp_server_body(s->smtp);
	if (s->checks)
		checks_feed(s->checks, piece);
	dkim_feed(s, piece);
	if (body_add(&s->body, piece) || s->body.failed)
		return;
	int spare = body_spare_stage();
	if (spare < 0 && store_stage(s))
		s->state = SESSION_WAITS_STAGE;
	else
		commands_take_stage(s, spare);
}

/* --- all of them --- */

void
commands_run(struct session *s, struct gp_slice *input)
{
	/* One stamp for all that came at once: a body may be events of three octets. */
	uint64_t now_ms = gp_clock_monotonic_ms();
	while (s->state == SESSION_TALKS) {
		switch (gp_smtp_server_next(s->smtp, input, now_ms)) {
		case GP_SMTP_NEED_INPUT:
			return;
		case GP_SMTP_MAIL:
			decide_mail(s);
			break;
		case GP_SMTP_RCPT:
			decide_rcpt(s);
			break;
		case GP_SMTP_DATA:
			decide_data(s);
			break;
		case GP_SMTP_BODY:
			take_body(s);
			break;
		case GP_SMTP_END:
			message_take_end(s);
			break;
		case GP_SMTP_ABORT:
			session_log_refusal(s);
			session_reset_transaction(s);
			break;
		case GP_SMTP_REFUSED:
			/* It may have ended an exchange; the rights of one that is over stay. */
			if (s->login.ticket != 0)
				login_forget(&s->login);
			session_log_refusal(s);
			break;
		case GP_SMTP_STARTTLS:
			decide_starttls(s);
			break;
		case GP_SMTP_HANDSHAKE:
			s->state = SESSION_SHAKES_HANDS;
			return;
		case GP_SMTP_AUTH:
			begin_auth(s);
			break;
		case GP_SMTP_AUTH_STEP:
			step_auth(s);
			break;
		case GP_SMTP_CLOSE:
			s->state = SESSION_LINGERS;
			return;
		}
	}
}
