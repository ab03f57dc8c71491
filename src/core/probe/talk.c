/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of every server, in the order of worth: what tells most comes before what may make
 * a server hang up.
 */
#include "core/probe/session.h"

/* The first message of NTLM (MS-NLMSSP section 2.2.1.1), without a name in it: it asks for the
   target's information, which is what leaks. */
#define NTLM_NEGOTIATE "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw=="

static const struct {
	uint8_t ask;
	uint8_t consent;
	const char *line;
} asks[] = {
	{GP_PROBE_HELP, 0, "HELP"},
	{GP_PROBE_UNKNOWN, 0, "XGATEPOST"},
	{GP_PROBE_MALFORMED, 0, "EHLO"},
	{GP_PROBE_VRFY, GP_PROBE_VRFYING, "VRFY postmaster"},
	{GP_PROBE_VRFY_NOBODY, GP_PROBE_VRFYING, "VRFY gatepost-no-such-user"},
	{GP_PROBE_EXPN, GP_PROBE_VRFYING, "EXPN postmaster"},
	{GP_PROBE_NTLM, GP_PROBE_NTLMING, "AUTH NTLM " NTLM_NEGOTIATE},
	{GP_PROBE_NTLM_CANCEL, GP_PROBE_NTLMING, "*"},
	{GP_PROBE_MAIL, GP_PROBE_ASK_MAILBOX, "MAIL FROM:<>"},
	{GP_PROBE_RCPT, GP_PROBE_ASK_MAILBOX, "RCPT TO:"},
	{GP_PROBE_HELO, 0, "HELO "},
};

static const char no_more[] = "no more was wanted";

static bool
offers_ntlm(const struct gp_probe *p)
{
	struct gp_slice words;
	if (!gp_probe_offers(&p->ehlo, GP_SLICE("AUTH"), &words))
		return false;
	while (words.len > 0) {
		if (gp_slice_eq_nocase(gp_slice_cut(&words, ' '), GP_SLICE("NTLM")))
			return true;
	}
	return false;
}

/* Why it is left out, static; NULL: it is asked. */
static const char *
left_out(const struct gp_probe *p, size_t i)
{
	const struct gp_probe_reply *reply = &p->record.replies[asks[i].ask];
	if ((p->o.consents & asks[i].consent) != asks[i].consent)
		return "nobody has consented to it";
	if (p->o.brief && asks[i].consent == 0)
		return no_more;
	if (reply->code > 0)
		return "asked before";
	if (asks[i].ask == GP_PROBE_RCPT && p->record.replies[GP_PROBE_MAIL].code / 100 != 2)
		return "MAIL was not accepted";
	if (asks[i].ask == GP_PROBE_NTLM && !offers_ntlm(p))
		return "NTLM is not offered";
	/* Only what has been begun can be cancelled. */
	if (asks[i].ask == GP_PROBE_NTLM_CANCEL && p->record.replies[GP_PROBE_NTLM].code != 334)
		return "nothing to be cancelled";
	return NULL;
}

/* Some servers know nobody without a domain. */
static bool
is_at_domain(const struct gp_probe *p)
{
	return p->o.hosted.len > 0 && (p->ask == GP_PROBE_VRFY || p->ask == GP_PROBE_VRFY_NOBODY ||
				       p->ask == GP_PROBE_EXPN);
}

static struct gp_slice
operand_rest(const struct gp_probe *p)
{
	if (is_at_domain(p))
		return p->o.hosted;
	return p->ask == GP_PROBE_HELO ? p->o.helo : gp_slice("", 0);
}

/* Asks what comes behind `last`, or takes leave. */
static void
ask_on(struct gp_probe *p, uint8_t last)
{
	size_t i = 0;
	while (last != GP_PROBE_ASKS && i < GP_ARRAY_LEN(asks) && asks[i++].ask != last)
		;
	for (; i < GP_ARRAY_LEN(asks); i++) {
		const char *why = left_out(p, i);
		if (!why)
			break;
		p->record.replies[asks[i].ask].none = why;
	}
	if (i == GP_ARRAY_LEN(asks)) {
		gp_probe_leave(p, GP_PROBE_END_QUIT, "all was asked");
		return;
	}
	p->ask = asks[i].ask;
	if (p->ask == GP_PROBE_RCPT) {
		gp_probe_say(p, asks[i].consent, "RCPT TO:<%.*s>", GP_SLICE_FMT(p->o.recipient));
		return;
	}
	gp_probe_say(p, asks[i].consent, "%s%s%.*s", asks[i].line, is_at_domain(p) ? "@" : "",
		     GP_SLICE_FMT(operand_rest(p)));
}

static bool
talk_wants(const struct gp_probe *p)
{
	return !p->talked;
}

static bool
talk_wants_tls(const struct gp_probe *p)
{
	return !p->no_tls;
}

static void
talk_ready(struct gp_probe *p)
{
	ask_on(p, GP_PROBE_ASKS);
}

static void
talk_answer(struct gp_probe *p, const struct gp_probe_reply *r)
{
	(void)r; /* it has been kept */
	ask_on(p, p->ask);
}

/* Gives a reason to what has none yet. */
static void
explain(struct gp_probe *p, enum gp_probe_ask ask, const char *why)
{
	struct gp_probe_reply *r = &p->record.replies[ask];
	if (r->code == 0 && !r->none)
		r->none = why;
}

/* Why STARTTLS was not said, although the conversation got that far; and what follows from that. */
static void
explain_tls(struct gp_probe *p)
{
	if (p->o.mode == GP_PROBE_MODE_TLS) {
		explain(p, GP_PROBE_EHLO, "the port begins with TLS");
		explain(p, GP_PROBE_STARTTLS, "the port begins with TLS");
		return;
	}
	if (p->o.mode == GP_PROBE_MODE_CLEAR)
		explain(p, GP_PROBE_STARTTLS, "TLS was not wanted");
	else if (p->record.starttls == GP_PROBE_STARTTLS_ABSENT)
		explain(p, GP_PROBE_STARTTLS, "not offered");
	else if (p->record.replies[GP_PROBE_EHLO].code >= 500)
		explain(p, GP_PROBE_STARTTLS, "the server does not know EHLO");
	if (p->record.starttls != GP_PROBE_STARTTLS_OK)
		explain(p, GP_PROBE_EHLO_TLS, "no TLS");
}

static void
talk_lost(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	bool goes_on = p->o.mode == GP_PROBE_MODE_STARTTLS && !p->no_tls && !p->o.brief;
	if (end == GP_PROBE_END_TLS && goes_on) {
		p->no_tls = true;
		explain(p, GP_PROBE_EHLO_TLS, why);
		return;
	}
	p->talked = true;
	p->record.end = (uint8_t)end;
	p->record.end_why = why;
	explain_tls(p);
	/* What was not come to has the end as its reason. */
	for (int ask = 0; ask < GP_PROBE_ASKS; ask++)
		explain(p, (uint8_t)ask, why);
}

const struct probe_task gp_probe_talk = {
	.wants = talk_wants,
	.wants_tls = talk_wants_tls,
	.ready = talk_ready,
	.answer = talk_answer,
	.lost = talk_lost,
};
