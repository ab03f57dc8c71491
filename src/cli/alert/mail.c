/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/alert/mail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/message_file.h"
#include "cli/traffic/send_dialogue.h"
#include "cli/traffic/send_secret.h"
#include "core/dsn/writer.h"
#include "core/message/date.h"
#include "core/sasl/crypto.h"
#include "sys/password.h"

enum {
	MESSAGE_MAX = 16 << 20,  /* octets */
	STEP_MAX_MS = 60 * 1000, /* the server is ours: it is near, or it is down */
	PORT_SMTP = 25,
	HOSTNAME_MAX = 255,
	ID_OCTETS = 16,
};

/* No quoted-printable text has "=_" in it (RFC 2045 section 6.7), so no part has this line. */
static const char boundary[] = "=_gatepost";

/* --- the message --- */

static bool
put_part(struct gp_buf *out, const char *media_type, struct gp_slice text)
{
	struct gp_buf lines = GP_BUF_INIT(MESSAGE_MAX);
	gp_buf_printf(out,
		      "Content-Type: %s; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		      media_type);
	gp_message_put_lines(&lines, text);
	gp_put_quoted_printable(out, gp_buf_slice(&lines));
	bool good = !lines.failed && !out->failed;
	gp_buf_free(&lines);
	return good;
}

/* RFC 2046 section 5.1.4: what is richest stands last. */
static bool
put_alternatives(struct gp_buf *out, const struct alert_mail_text *t)
{
	gp_buf_printf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n",
		      boundary, boundary);
	bool good = put_part(out, "text/plain", t->text);
	gp_buf_printf(out, "\r\n--%s\r\n", boundary);
	good = good && put_part(out, "text/html", t->html);
	gp_buf_printf(out, "\r\n--%s--\r\n", boundary);
	return good && !out->failed;
}

/* RFC 3834 section 5: so that nobody's absence answers it. */
static bool
make_message(const struct alert_mail *m, const struct alert_mail_text *t, struct gp_buf *out)
{
	struct gp_slice from = gp_slice_str(m->from);
	struct gp_slice domain = gp_slice_drop(from, (size_t)gp_slice_rfind(from, '@') + 1);
	struct gp_sha256 id;
	if (gp_sha256(t->key, &id) < 0)
		return false;
	gp_buf_printf(out, "From: <%.*s>\r\nTo: <%.*s>\r\nDate: %s\r\n", GP_SLICE_FMT(from),
		      GP_SLICE_FMT(t->to), gp_date_text(t->now_s).s);
	gp_put_field(out, "Subject", t->subject, false);
	gp_buf_put_str(out, "Message-ID: <");
	for (size_t i = 0; i < ID_OCTETS; i++)
		gp_buf_printf(out, "%02x", id.octets[i]);
	gp_buf_printf(out, "@%.*s>\r\n", GP_SLICE_FMT(domain));
	gp_buf_put_str(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
	return t->html.len > 0 ? put_alternatives(out, t) : put_part(out, "text/plain", t->text);
}

/* --- the server --- */

static void
complain(const struct alert_mail *m, const struct alert_mail_text *t, struct gp_slice why)
{
	fprintf(stderr, "%s: mail to %.*s by %s: %.*s\n", m->command, GP_SLICE_FMT(t->to),
		m->server, GP_SLICE_FMT(why));
}

static void
complain_of(const struct alert_mail *m, const struct alert_mail_text *t,
	    const struct gp_send_result *r)
{
	const struct gp_reply *reply = r->outcomes_len > 0 ? &r->outcomes[0].reply : &r->failure;
	if (r->why.len > 0 && r->outcomes_len == 0)
		complain(m, t, r->why);
	else
		complain(m, t, reply->text.len > 0 ? reply->text : GP_SLICE("it was not taken"));
}

static bool
run(const struct alert_mail *m, const struct alert_mail_text *t, struct gp_send_plan plan)
{
	struct gp_rcpt rcpt = {.address = t->to};
	struct gp_envelope envelope = {
		.sender = gp_slice_str(m->from), .rcpts = &rcpt, .rcpts_len = 1};
	struct gp_send_result result;
	plan.mail.envelope = &envelope;
	plan.mail.size = plan.message.len;
	int end = gp_send_run(&plan, &result);
	if (end != GP_SEND_DONE)
		complain_of(m, t, &result);
	gp_arena_free(&result.arena);
	return end == GP_SEND_DONE;
}

/* A password is for a server that has proved its name. */
static bool
log_in(const struct alert_mail *m, struct gp_send_plan *plan, struct gp_buf *secret, char *nonce)
{
	struct gp_client_login *login = &plan->setup.login;
	if (!m->user)
		return true;
	int r = gp_send_secret_read(m->password_file, secret);
	if (r < 0) {
		fprintf(stderr, "%s: %s: %s\n", m->command, m->password_file,
			r == -ENODATA ? "there is no password" : strerror(-r));
		return false;
	}
	gp_nonce(nonce);
	login->nonce = gp_slice_str(nonce);
	login->user = gp_slice_str(m->user);
	login->password = gp_buf_slice(secret);
	plan->verify = true;
	plan->setup.tls = GP_CLIENT_TLS_REQUIRED;
	return true;
}

static bool
is_submissions(const char *server)
{
	const char *port = strrchr(server, ':');
	return port && strcmp(port, ":465") == 0;
}

bool
alert_mail_send(const struct alert_mail *m, const struct alert_mail_text *text)
{
	char hostname[HOSTNAME_MAX + 1] = "", name[GP_SEND_NAME_MAX + 1], nonce[GP_NONCE_SIZE];
	struct gp_buf message = GP_BUF_INIT(MESSAGE_MAX);
	struct gp_buf secret = GP_BUF_INIT(GP_SEND_SECRET_MAX);
	bool implicit = is_submissions(m->server);
	if (gethostname(hostname, HOSTNAME_MAX) < 0 || hostname[0] == '\0')
		snprintf(hostname, sizeof(hostname), "localhost");
	struct gp_send_plan plan = {
		.server = m->server,
		.port = PORT_SMTP,
		.timeout_ms = STEP_MAX_MS,
		.tls_name = gp_send_server_name(m->server, name),
		.authorities = m->authorities,
		.setup = {.hostname = gp_slice_str(hostname),
			  .tls = implicit ? GP_CLIENT_TLS_REQUIRED : GP_CLIENT_TLS_IF_OFFERED,
			  .tls_implicit = implicit},
	};
	bool good = make_message(m, text, &message);
	if (!good)
		complain(m, text, GP_SLICE("no memory"));
	plan.message = gp_buf_slice(&message);
	good = good && log_in(m, &plan, &secret, nonce) && run(m, text, plan);
	if (secret.len > 0)
		gp_wipe((void *)gp_buf_slice(&secret).ptr, secret.len);
	gp_buf_free(&secret);
	gp_buf_free(&message);
	return good;
}
