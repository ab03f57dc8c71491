/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/client_command.h"

/* May s stand in a command: no control characters that could end the line, not absurdly long? */
static bool
wire_safe(struct gp_slice s)
{
	enum { WIRE_MAX = 1024 }; /* twice the longest of them, ORCPT (RFC 3461 section 4.2) */
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
			return false;
	}
	return s.len <= WIRE_MAX;
}

/* RFC 6531 section 3.4: SMTPUTF8 is said only where an address or the header needs it. */
static bool
needs_utf8(const struct gp_smtp_client_mail *mail)
{
	const struct gp_envelope *e = mail->envelope;
	bool needs = gp_slice_has_8bit(e->sender) ||
		     (mail->header_utf8 && (e->flags & GP_ENVELOPE_SMTPUTF8));
	for (size_t i = 0; i < e->rcpts_len && !needs; i++)
		needs = gp_slice_has_8bit(e->rcpts[i].address);
	return needs;
}

/* RFC 8689 section 4.2.1, steps 2 and 4 */
static struct gp_reply
lacks_requiretls(const struct gp_smtp_client_setup *setup, const struct gp_ehlo *ehlo, bool in_tls,
		 const struct gp_envelope *e)
{
	if (!(e->flags & GP_ENVELOPE_REQUIRETLS) || e->sender.len == 0 || setup->lmtp)
		return (struct gp_reply){};
	if (!in_tls)
		return GP_REPLY(550, 5, 7, 10,
				"the sender requires TLS, which this session does not have");
	if (!(ehlo->flags & GP_EHLO_REQUIRETLS))
		return GP_REPLY(
			550, 5, 7, 30,
			"the sender requires TLS, and the server does not offer REQUIRETLS");
	return (struct gp_reply){};
}

struct gp_reply
gp_client_lacks(const struct gp_smtp_client_setup *setup, const struct gp_ehlo *ehlo, bool in_tls,
		const struct gp_smtp_client_mail *mail)
{
	const struct gp_envelope *e = mail->envelope;
	if (!wire_safe(e->sender) || !wire_safe(e->envid))
		return GP_REPLY(553, 5, 1, 7, "the sender's address cannot be sent");
	struct gp_reply r = lacks_requiretls(setup, ehlo, in_tls, e);
	if (r.code != 0)
		return r;
	if (ehlo->size_max > 0 && mail->size > ehlo->size_max)
		return GP_REPLY(552, 5, 3, 4, "the message is larger than the server takes");
	if (!(ehlo->flags & GP_EHLO_SMTPUTF8)) {
		if (gp_slice_has_8bit(e->sender))
			return GP_REPLY(553, 5, 6, 7,
					"the sender's address needs SMTPUTF8, which the server "
					"does not offer");
		if (mail->header_utf8 && (e->flags & GP_ENVELOPE_SMTPUTF8))
			return GP_REPLY(554, 5, 6, 9,
					"the header needs SMTPUTF8, which the server does not "
					"offer");
	}
	if (mail->body_binary && (~ehlo->flags & (GP_EHLO_CHUNKING | GP_EHLO_BINARYMIME)))
		return GP_REPLY(554, 5, 6, 1,
				"the message needs BINARYMIME, which the server does not offer");
	if (setup->strict_8bit && mail->body_8bit && !mail->body_binary &&
	    !(ehlo->flags & GP_EHLO_8BITMIME))
		return GP_REPLY(554, 5, 6, 3,
				"the message needs 8BITMIME, which the server does not offer");
	return (struct gp_reply){};
}

struct gp_reply
gp_client_lacks_for(const struct gp_ehlo *ehlo, const struct gp_rcpt *rcpt)
{
	if (!wire_safe(rcpt->address) || !wire_safe(rcpt->orcpt))
		return GP_REPLY(553, 5, 1, 3, "the address cannot be sent");
	if (gp_slice_has_8bit(rcpt->address) && !(ehlo->flags & GP_EHLO_SMTPUTF8))
		return GP_REPLY(553, 5, 6, 7,
				"the address needs SMTPUTF8, which the server does not offer");
	return (struct gp_reply){};
}

static void
put(struct gp_buf *out, const char *before, struct gp_slice value)
{
	gp_buf_put_str(out, before);
	gp_buf_put(out, value);
}

void
gp_client_put_mail(struct gp_buf *out, const struct gp_ehlo *ehlo,
		   const struct gp_smtp_client_mail *mail)
{
	const struct gp_envelope *e = mail->envelope;
	put(out, "MAIL FROM:<", e->sender);
	gp_buf_put_char(out, '>');
	if ((ehlo->flags & GP_EHLO_SIZE) && mail->size > 0) {
		gp_buf_put_str(out, " SIZE=");
		gp_buf_put_u64(out, mail->size);
	}
	if (mail->body_binary)
		gp_buf_put_str(out, " BODY=BINARYMIME");
	else if ((ehlo->flags & GP_EHLO_8BITMIME) &&
		 (mail->body_8bit || (e->flags & GP_ENVELOPE_8BITMIME)))
		gp_buf_put_str(out, " BODY=8BITMIME");
	if ((ehlo->flags & GP_EHLO_SMTPUTF8) && needs_utf8(mail))
		gp_buf_put_str(out, " SMTPUTF8");
	if ((ehlo->flags & GP_EHLO_REQUIRETLS) && (e->flags & GP_ENVELOPE_REQUIRETLS))
		gp_buf_put_str(out, " REQUIRETLS");
	if (ehlo->flags & GP_EHLO_DSN) {
		if (e->ret != GP_RET_UNSAID)
			gp_buf_put_str(out, e->ret == GP_RET_FULL ? " RET=FULL" : " RET=HDRS");
		if (e->envid.len > 0)
			put(out, " ENVID=", e->envid);
	}
	gp_buf_put_str(out, "\r\n");
}

/* RFC 3461 section 4.1 */
static void
put_notify(struct gp_buf *out, uint8_t notify)
{
	static const struct {
		uint8_t flag;
		const char *word;
	} words[] = {
		{GP_NOTIFY_SUCCESS, "SUCCESS"},
		{GP_NOTIFY_FAILURE, "FAILURE"},
		{GP_NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";
	if (notify & GP_NOTIFY_NEVER) {
		gp_buf_put_str(out, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (!(notify & words[i].flag))
			continue;
		put(out, before, gp_slice_str(words[i].word));
		before = ",";
	}
}

void
gp_client_put_rcpt(struct gp_buf *out, const struct gp_ehlo *ehlo, const struct gp_rcpt *rcpt)
{
	put(out, "RCPT TO:<", rcpt->address);
	gp_buf_put_char(out, '>');
	if (ehlo->flags & GP_EHLO_DSN) {
		put_notify(out, rcpt->notify);
		if (rcpt->orcpt.len > 0)
			put(out, " ORCPT=", rcpt->orcpt);
	}
	gp_buf_put_str(out, "\r\n");
}
