/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STARTTLS (RFC 3207). From the command's line on nothing in clear is a command any more, and from
 * the 220 on nothing is said in clear: whatever comes before the driver has TLS ends the session.
 */
#include "core/smtp/server_internal.h"

static const struct gp_reply injected =
	GP_REPLY_INIT(554, 5, 7, 0, "Nothing may follow STARTTLS before TLS begins");

/* RFC 3207 does not speak of transactions; there is no need to carry one over. */
int
server_handle_starttls(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	if (s->in_tls)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "TLS is in use already"), line);
	if (!s->setup.tls_offered)
		return server_refuse(s, GP_REPLY(502, 5, 5, 1, "Command not implemented"), line);
	if (server_in_transaction(s))
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Not within a transaction"), line);
	return server_ask(s, GP_SMTP_STARTTLS);
}

int
server_step_starttls(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)now_ms;
	if (input->len > 0)
		return server_dismiss(s, injected, GP_SLICE("STARTTLS"));
	server_reply(s, GP_REPLY(220, 2, 0, 0, "Ready to start TLS"));
	if (s->state == STATE_STARTTLS)
		server_set_state(s, STATE_TLS_READY);
	return AGAIN;
}

int
server_step_tls_ready(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)now_ms;
	if (input->len > 0)
		return server_dismiss(s, injected, GP_SLICE("STARTTLS"));
	if (s->output.len > 0)
		return GP_SMTP_NEED_INPUT;
	server_set_state(s, STATE_HANDSHAKE);
	return GP_SMTP_HANDSHAKE;
}

int
server_step_handshake(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)now_ms;
	if (input->len > 0)
		return server_dismiss(s, injected, GP_SLICE("STARTTLS"));
	return GP_SMTP_NEED_INPUT;
}

/* RFC 3207 section 4.2: what was learnt in clear is forgotten. The counters of errors and of
 * useless commands are ours, not the client's, and stay. */
void
gp_smtp_server_tls_started(struct gp_smtp_server *s)
{
	gp_assert(s->state == STATE_HANDSHAKE && !s->tx);
	s->in_tls = true;
	s->esmtp = false;
	gp_buf_clear(&s->helo);
	server_set_state(s, STATE_COMMAND);
}

void
gp_smtp_server_tls_failed(struct gp_smtp_server *s)
{
	gp_assert(s->state == STATE_HANDSHAKE);
	server_close(s);
}

bool
gp_smtp_server_in_tls(const struct gp_smtp_server *s)
{
	return s->in_tls;
}
