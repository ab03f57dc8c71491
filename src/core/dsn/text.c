/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/parts.h"
#include "core/dsn/writer.h"
#include "core/message/date.h"

/*
 * What the reader can do, by the enhanced code's subject and detail (RFC 3463, RFC 5248). The first
 * line that fits is taken; ANY fits every detail.
 */
enum { ANY = UINT16_MAX };

static const struct {
	uint16_t subject, detail;
	const char *advice;
} advices[] = {
	{1, 2, "Check the part behind the @ for typing errors: no mail server was found for it."},
	{1, 10, "This domain says that it takes no mail at all. Check the part behind the @."},
	{4, 4,
	 "Check the part behind the @ for typing errors: no way to its mail server was found."},
	{1, ANY,
	 "Check the address for typing errors. If it is right, ask the recipient by another "
	 "way for one that works now."},
	{2, 1,
	 "The recipient's mailbox takes no mail at present. Reach the recipient by another way."},
	{2, 2,
	 "The recipient's mailbox is full. Tell the recipient by another way, and send the "
	 "message again when there is room."},
	{2, 3,
	 "The message is too large for this mailbox. Send it without its attachments, or share "
	 "them by another way."},
	{3, 4,
	 "The message is too large for the recipient's server. Send it without its attachments, "
	 "or share them by another way."},
	{3, 1, "The server's disk is full. Sending the message again later may help."},
	{4, 6,
	 "The mail goes round in a circle. The administrators of the recipient's domain have to "
	 "mend this."},
	{4, ANY,
	 "The recipient's server could not be reached, or did not answer in time. Sending the "
	 "message again later may help; if not, tell the recipient by another way."},
	{6, 7,
	 "The recipient's server cannot handle addresses with letters like these. Ask the "
	 "recipient for an address in plain letters."},
	{6, ANY,
	 "The recipient's server cannot handle a message of this form. Sending it as plain "
	 "text may help."},
	{7, ANY,
	 "The recipient's side refuses the message by its rules; its words above say why. Its "
	 "administrators can help, and so can yours."},
};

static const char *
advice_for(const struct gp_reply *r)
{
	for (size_t i = 0; r->enhanced_class > 2 && i < GP_ARRAY_LEN(advices); i++) {
		if (advices[i].subject == r->enhanced_subject &&
		    (advices[i].detail == ANY || advices[i].detail == r->enhanced_detail))
			return advices[i].advice;
	}
	return "If the words above do not say what to do, your postmaster can help.";
}

static void
put_paragraph(struct gp_buf *out, const char *indent, const char *text)
{
	struct gp_wrap w = {.out = out, .indent = indent};
	gp_buf_put_str(out, indent);
	w.column = gp_slice_str(indent).len;
	gp_wrap_str(&w, text);
	gp_wrap_end(&w);
}

/* The reply, line by line, as the other server or we said it. */
static void
put_reply(struct gp_buf *out, const struct gp_outcome *o)
{
	struct gp_slice text = gp_slice_take(o->reply.text, GP_DSN_TEXT_MAX);
	struct gp_wrap w = {.out = out, .indent = "        ", .utf8 = true};
	gp_buf_put_str(out, "    ");
	if (o->remote_said && o->remote.len > 0) {
		gp_put_clean(out, gp_slice_take(o->remote, 300), true);
		gp_buf_put_str(out, " said:\r\n");
	} else {
		gp_buf_put_str(out, o->remote_said ? "The server said:\r\n" : "The reason:\r\n");
	}
	gp_buf_put_str(out, w.indent);
	w.column = gp_slice_str(w.indent).len;
	if (o->remote_said && o->reply.code > 0) {
		gp_buf_printf(out, "%u", o->reply.code);
		w.column += 3;
		w.word = true;
	}
	gp_wrap_words(&w, gp_slice_cut(&text, '\n'));
	while (text.len > 0) {
		gp_wrap_break(&w);
		gp_wrap_words(&w, gp_slice_cut(&text, '\n'));
	}
	gp_wrap_end(&w);
}

static const char *
what_happened(uint8_t event)
{
	switch (event) {
	case GP_DSN_FAILED:
		return "could not be delivered. No further attempt will be made.";
	case GP_DSN_DELAYED:
		return "has not been delivered yet. You need not send the message again: further "
		       "attempts follow.";
	case GP_DSN_DELIVERED:
		return "was delivered.";
	default:
		return "was passed on to a server that sends no such reports. You may hear nothing "
		       "more about it.";
	}
}

static void
put_recipient(struct gp_buf *out, const struct gp_dsn_rcpt *r)
{
	gp_buf_put_str(out, "\r\n<");
	gp_put_clean(out, r->rcpt->address, true);
	gp_buf_put_str(out, ">\r\n");
	put_paragraph(out, "    ", what_happened(r->event));
	if (r->event == GP_DSN_DELAYED && r->retry_until_ms > 0) {
		gp_buf_put_str(out, "    They go on until ");
		gp_buf_put_str(out, gp_date_text(r->retry_until_ms / 1000).s);
		gp_buf_put_str(out, ".\r\n");
	}
	if (r->event != GP_DSN_FAILED && r->event != GP_DSN_DELAYED)
		return;
	if (r->outcome->reply.text.len > 0)
		put_reply(out, r->outcome);
	if (r->event == GP_DSN_FAILED)
		put_paragraph(out, "    ", advice_for(&r->outcome->reply));
}

static void
put_opening(struct gp_buf *out, const struct gp_dsn *d)
{
	static const char *const openings[] = {
		[GP_DSN_FAILED] =
			"I am sorry: a message of yours could not be delivered to everybody "
			"it was meant for.",
		[GP_DSN_DELAYED] =
			"A message of yours is on its way for longer than usual. This is "
			"for your information; you need do nothing.",
		[GP_DSN_DELIVERED] = "You asked to hear when your message has been delivered.",
		[GP_DSN_RELAYED] = "You asked to hear when your message has been delivered.",
	};
	gp_buf_put_str(out, "This is the mail system at ");
	gp_put_clean(out, d->hostname, false);
	gp_buf_put_str(out, ".\r\n\r\n");
	put_paragraph(out, "", openings[gp_dsn_worst(d)]);
	gp_buf_put_str(out, "It was received on ");
	gp_buf_put_str(out, gp_date_text(d->envelope->arrival_ms / 1000).s);
	gp_buf_put_str(out, ",\r\nand is known here as ");
	gp_put_clean(out, d->queue_id, false);
	gp_buf_put_str(out, ".\r\n");
}

void
gp_dsn_text(const struct gp_dsn *d, struct gp_dsn_part *part)
{
	struct gp_buf plain = GP_BUF_INIT(part->body.max);
	put_opening(&plain, d);
	for (size_t i = 0; i < d->rcpts_len; i++)
		put_recipient(&plain, &d->rcpts[i]);
	gp_buf_put_str(&plain, "\r\nFor help, write to <postmaster@");
	gp_put_clean(&plain, d->hostname, false);
	gp_buf_put_str(&plain, "> and include this report.\r\n");
	/* Encoding keeps the report to 7 bits, whatever an address or a reply holds. */
	if (gp_content_shape(gp_buf_slice(&plain)).octets_over_127) {
		part->encoding = "quoted-printable";
		gp_put_quoted_printable(&part->body, gp_buf_slice(&plain));
	} else {
		part->encoding = "7bit";
		gp_buf_put(&part->body, gp_buf_slice(&plain));
	}
	part->type = "text/plain; charset=utf-8";
	part->body.failed |= plain.failed;
	gp_buf_free(&plain);
}
