/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each thing that is looked for, in the order of the conversation. */
#include "core/probe/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/identity/visible.h"
#include "core/probe/ntlm.h"
#include "core/probe/relay.h"
#include "core/probe/smuggle.h"
#include "core/smtp/address.h"

enum {
	QUOTE_MAX = 160, /* octets of a reply in an evidence */
	SLOW_GREETING_MS =
		10'000,  /* clients wait longer (RFC 5321 section 4.5.3.2.1), people do not */
	LISTED_MAX = 12, /* items of a list in an evidence */
};

/* What was left out says how it is asked for: the option follows. */
#define NO_CONSENT "nobody has consented to it: gatepost scan --authorised TEXT "

/* --- what is looked for --- */

static const struct gp_finding_kind
	no_answer = {"smtp.no_answer", GP_SEVERITY_INFO, "the server would not talk",
		     "without a whole conversation the rest is not known"},
	slow = {"smtp.slow_greeting", GP_SEVERITY_INFO, "a slow greeting",
		"clients that wait less than RFC 5321 section 4.5.3.2.1 wants give up"},
	name = {"smtp.name", GP_SEVERITY_LOW, "its names do not agree",
		"greeting, EHLO and DNS should have one name (RFC 5321 sections 4.1.1.1 and "
		"4.3.1); "
		"who compares them trusts such a host less"},
	rewritten = {"smtp.rewritten", GP_SEVERITY_MEDIUM, "something on the way rewrites SMTP",
		     "a firewall that strikes out extensions takes TLS away with them"},
	unasked = {"smtp.unasked", GP_SEVERITY_MEDIUM, "it answers what nobody said",
		   "a server and its clients who have lost step take one answer for another"},
	no_esmtp = {"smtp.no_esmtp", GP_SEVERITY_LOW, "it does not know EHLO",
		    "without EHLO there is no extension, and no TLS (RFC 5321 section 3.2)"},
	no_size = {"smtp.size_absent", GP_SEVERITY_INFO, "SIZE is not offered",
		   "clients learn that a message is too large after sending it (RFC 1870)"},
	xclient = {"smtp.xclient", GP_SEVERITY_HIGH, "strangers may choose their address",
		   "XCLIENT and XFORWARD are for proxies: whoever may say them passes for anybody, "
		   "also for who may relay"},
	private = {"smtp.sees_private", GP_SEVERITY_LOW, "it sees a private address for ours",
		   "something before it hides who comes; checks and limits by address are blind, "
		   "and a network that may relay may be all of the Internet"},
	no_tls = {"tls.absent", GP_SEVERITY_MEDIUM, "no TLS",
		  "all mail goes in clear, for everybody on the way to read (RFC 3207, RFC 8314 "
		  "section 3)"},
	broken_tls = {"tls.broken", GP_SEVERITY_HIGH, "TLS is offered and fails",
		      "careful senders cannot deliver, others go on in clear"},
	clear_text = {"starttls.clear_text", GP_SEVERITY_MEDIUM,
		      "clear text behind the answer to STARTTLS",
		      "a client that reads on takes it for what was said inside TLS (RFC 3207 "
		      "section 6)"},
	differs = {"starttls.differs", GP_SEVERITY_INFO, "TLS changes what is offered",
		   "a different set inside TLS is usual for AUTH; else two servers may be at work"},
	again = {"starttls.again", GP_SEVERITY_LOW, "STARTTLS is offered inside TLS",
		 "RFC 3207 section 4.2 forbids it"},
	injection = {"starttls.injection", GP_SEVERITY_HIGH,
		     "commands in clear are obeyed inside TLS",
		     "whoever is on the way can put commands before those of a client, and read "
		     "its mail or password thereby (CVE-2011-0411; RFC 3207 section 6)"},
	no_resumption = {"tls.resumption", GP_SEVERITY_INFO,
			 "sessions of TLS are not taken up again",
			 "a client that comes back pays for a whole handshake, and so does the "
			 "server (RFC 5077, RFC 8446 section 2.2)"},
	in_clear =
		{"auth.in_clear", GP_SEVERITY_HIGH, "passwords may be sent in clear",
		 "AUTH is offered before TLS, and clients that take it tell everybody on the way "
		 "(RFC 4954 section 4, RFC 8314 section 3)"},
	on_25 = {"auth.on_relay_port", GP_SEVERITY_LOW, "AUTH is offered on port 25",
		 "users send by 587 and 465 (RFC 8314 section 3.3); here it serves who guesses "
		 "passwords"},
	no_auth = {"auth.absent", GP_SEVERITY_MEDIUM, "a submission port without AUTH",
		   "RFC 6409 section 4.3: who submits is to be known"},
	ntlm = {"auth.ntlm_leak", GP_SEVERITY_LOW, "NTLM tells about the network inside",
		"names of machines and domains, and the build of the system, for anybody who asks"},
	vrfy = {"smtp.vrfy", GP_SEVERITY_LOW, "it tells who exists",
		"VRFY and EXPN answer differently for who is there and who is not, so that "
		"addresses can be collected (RFC 5321 section 7.3)"},
	smuggling = {"smtp.smuggling", GP_SEVERITY_HIGH, "messages can be smuggled",
		     "it takes something else than CRLF.CRLF for the end of a message (RFC 5321 "
		     "section 4.1.1.4): strangers can write in others' names through servers that "
		     "let it pass"},
	relay = {"smtp.open_relay", GP_SEVERITY_CRITICAL, "an open relay",
		 "it passes strangers' mail on to strangers, will be found, and then blocked"},
	fcrdns = {"dns.fcrdns", GP_SEVERITY_MEDIUM, "address and name do not lead to each other",
		  "large receivers refuse mail from such hosts; who only receives can do without"},
	no_mx = {"smtp.no_mx", GP_SEVERITY_INFO, "no MX points here",
		 "port 25 is open, but the domain of the host's name does not have its mail here: "
		 "forgotten, for sending alone, or for other domains"};

struct judging {
	const struct gp_probe_record *record;
	const struct gp_probe_facts *facts;
	struct gp_findings *findings;
	struct gp_arena *arena;
};

/* --- telling --- */

GP_PRINTF(5, 0)
static void
tell(const struct judging *j, const struct gp_finding_kind *kind, enum gp_finding_state state,
     enum gp_severity severity, const char *fmt, va_list args)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	int len = vsnprintf(text, sizeof(text), fmt, args);
	gp_assert(len >= 0);
	const char *fix =
		state == GP_FINDING_FAIL ? gp_probe_fix(kind->id, j->facts->software) : NULL;
	const struct gp_finding f = {
		.kind = kind,
		.state = (uint8_t)state,
		.severity = (uint8_t)severity,
		.evidence = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1)),
		.fix = gp_slice_str(fix),
	};
	gp_finding_put(j->findings, &f);
}

GP_PRINTF(4, 5)
static void
fail(const struct judging *j, const struct gp_finding_kind *kind, enum gp_severity severity,
     const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell(j, kind, GP_FINDING_FAIL, severity, fmt, args);
	va_end(args);
}

GP_PRINTF(3, 4)
static void
pass(const struct judging *j, const struct gp_finding_kind *kind, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell(j, kind, GP_FINDING_PASS, kind->severity, fmt, args);
	va_end(args);
}

GP_PRINTF(3, 4)
static void
unmeasured(const struct judging *j, const struct gp_finding_kind *kind, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell(j, kind, GP_FINDING_NOT_MEASURED, kind->severity, fmt, args);
	va_end(args);
}

/* The first line of a server's text, to be shown. */
static struct gp_slice
quote(const struct judging *j, struct gp_slice text)
{
	return gp_visible(gp_slice_take(gp_slice_cut(&text, '\n'), QUOTE_MAX), j->arena);
}

static const struct gp_probe_reply *
reply_to(const struct judging *j, enum gp_probe_ask ask)
{
	return &j->record->replies[ask];
}

static bool
is_submission(const struct judging *j)
{
	return j->facts->port == 587 || j->facts->port == 465;
}

/* The first word behind the code: the server's name in a greeting and a reply to EHLO. */
static struct gp_slice
name_in(const struct gp_probe_reply *r)
{
	struct gp_slice text = r->text, line = gp_probe_line(&text);
	return gp_slice_cut(&line, ' ');
}

/* --- greeting and EHLO --- */

static void
judge_end(const struct judging *j)
{
	const struct gp_probe_reply *g = reply_to(j, GP_PROBE_GREETING);
	switch ((enum gp_probe_end)j->record->end) {
	case GP_PROBE_END_QUIT:
		pass(j, &no_answer, "it was asked all, and answered");
		return;
	case GP_PROBE_END_NONE:
	case GP_PROBE_END_MEMORY:
	case GP_PROBE_END_NO_CONNECTION:
	case GP_PROBE_END_TIME:
	case GP_PROBE_END_CLOSED:
	case GP_PROBE_END_421:
	case GP_PROBE_END_REFUSED:
	case GP_PROBE_END_NOT_SMTP:
	case GP_PROBE_END_GARBAGE:
	case GP_PROBE_END_ENDLESS:
	case GP_PROBE_END_TLS:
		fail(j, &no_answer, no_answer.severity, "%s%s%.*s",
		     j->record->end_why ? j->record->end_why : "it is not over",
		     g->text.len > 0 ? "; its greeting: " : "", GP_SLICE_FMT(quote(j, g->text)));
	}
}

static void
judge_greeting(const struct judging *j)
{
	const struct gp_probe_reply *g = reply_to(j, GP_PROBE_GREETING);
	if (g->code > 0 && g->last_ms >= SLOW_GREETING_MS)
		fail(j, &slow, slow.severity, "it took %u.%u s", g->last_ms / 1000,
		     g->last_ms % 1000 / 100);
	struct gp_slice text = g->text, line = gp_probe_line(&text);
	if (gp_slice_starts(line, GP_SLICE("*****")))
		fail(j, &rewritten, rewritten.severity, "the greeting is struck out: %.*s",
		     GP_SLICE_FMT(quote(j, g->text)));
}

static bool
is_full_name(struct gp_slice s)
{
	return gp_domain_valid(s) && gp_slice_find(s, '.') > 0 &&
	       !gp_slice_starts_nocase(s, GP_SLICE("localhost."));
}

static void
judge_name(const struct judging *j)
{
	const struct gp_probe_reply *ehlo = gp_probe_last_ehlo(j->record);
	struct gp_slice greeted = name_in(reply_to(j, GP_PROBE_GREETING));
	struct gp_slice said = name_in(ehlo), dns = j->facts->rdns_name;
	if (ehlo->code / 100 != 2) {
		unmeasured(j, &name, "no reply to EHLO");
	} else if (!is_full_name(said)) {
		fail(j, &name, name.severity, "to EHLO it says \"%.*s\", which is no full name",
		     GP_SLICE_FMT(quote(j, said)));
	} else if (is_full_name(greeted) && !gp_slice_eq_nocase(greeted, said)) {
		fail(j, &name, name.severity, "it greets as %.*s and answers EHLO as %.*s",
		     GP_SLICE_FMT(quote(j, greeted)), GP_SLICE_FMT(quote(j, said)));
	} else if (j->facts->rdns == GP_PROBE_RDNS_CONFIRMED && !gp_slice_eq_nocase(dns, said)) {
		fail(j, &name, GP_SEVERITY_INFO, "it says %.*s, and its address has the name %.*s",
		     GP_SLICE_FMT(quote(j, said)), GP_SLICE_FMT(quote(j, dns)));
	} else {
		pass(j, &name, "%.*s", GP_SLICE_FMT(quote(j, said)));
	}
}

/* Cisco's inspection overwrites what it does not know with X, letter by letter. */
static bool
is_struck_out(struct gp_slice word)
{
	size_t n = 0;
	while (n < word.len && word.ptr[n] == 'X')
		n++;
	return n >= 4 && word.len - n <= 1;
}

static void
judge_keywords(const struct judging *j)
{
	const struct gp_probe_reply *ehlo = gp_probe_last_ehlo(j->record);
	struct gp_slice text = ehlo->text;
	const struct gp_probe_reply *clear = reply_to(j, GP_PROBE_EHLO);
	if (clear->code >= 500) {
		fail(j, &no_esmtp, no_esmtp.severity, "%.*s", GP_SLICE_FMT(quote(j, clear->text)));
		return;
	}
	if (ehlo->code / 100 != 2)
		return;
	if (!gp_probe_offers(ehlo, GP_SLICE("SIZE"), NULL))
		fail(j, &no_size, no_size.severity, "EHLO's reply has no SIZE");
	if (gp_probe_offers(ehlo, GP_SLICE("XCLIENT"), NULL) ||
	    gp_probe_offers(ehlo, GP_SLICE("XFORWARD"), NULL))
		fail(j, &xclient, xclient.severity, "offered to us, who are a stranger");
	while (text.len > 0) {
		struct gp_slice line = gp_probe_line(&text);
		if (is_struck_out(gp_slice_cut(&line, ' '))) {
			fail(j, &rewritten, rewritten.severity, "a keyword is struck out");
			return;
		}
	}
}

static bool
is_private(struct gp_slice address)
{
	static const struct gp_slice beginnings[] = {
		GP_SLICE("10."),   GP_SLICE("192.168."), GP_SLICE("169.254."), GP_SLICE("fd"),
		GP_SLICE("fe80:"), GP_SLICE("127."),     GP_SLICE("::1"),
	};
	struct gp_slice second = address;
	uint64_t n = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(beginnings); i++) {
		if (gp_slice_starts_nocase(address, beginnings[i]))
			return true;
	}
	struct gp_slice first = gp_slice_cut(&second, '.');
	if (!gp_slice_u64(gp_slice_cut(&second, '.'), 255, &n))
		return false;
	return (gp_slice_eq(first, GP_SLICE("172")) && n >= 16 && n < 32) ||
	       (gp_slice_eq(first, GP_SLICE("100")) && n >= 64 && n < 128);
}

/* Many servers say whom they see: "mx Hello scan.example.org [192.0.2.7]". */
static void
judge_seen_address(const struct judging *j)
{
	struct gp_slice text = gp_probe_last_ehlo(j->record)->text;
	struct gp_slice line = gp_probe_line(&text);
	(void)gp_slice_cut(&line, '[');
	struct gp_slice address = gp_slice_cut(&line, ']');
	if (address.len > 0 && !j->facts->private_target && is_private(address))
		fail(j, &private, private.severity, "it calls us %.*s",
		     GP_SLICE_FMT(quote(j, address)));
}

static void
judge_unasked(const struct judging *j)
{
	if (j->record->unasked > 0)
		fail(j, &unasked, unasked.severity, "%u times; the first: %.*s", j->record->unasked,
		     GP_SLICE_FMT(quote(j, j->record->unasked_text)));
}

/* --- TLS --- */

static void
judge_tls(const struct judging *j)
{
	const struct gp_probe_record *r = j->record;
	enum gp_severity severity = is_submission(j) ? GP_SEVERITY_HIGH : no_tls.severity;
	const char *why = reply_to(j, GP_PROBE_STARTTLS)->none;
	if (r->tls_tried && r->tls.ok) {
		pass(j, &no_tls, "%.*s %.*s", GP_SLICE_FMT(quote(j, r->tls.version)),
		     GP_SLICE_FMT(quote(j, r->tls.cipher)));
		pass(j, &broken_tls, "the handshake came to its end");
	} else if (r->tls_tried) {
		fail(j, &broken_tls, broken_tls.severity, "%.*s",
		     GP_SLICE_FMT(quote(j, r->tls.error)));
	} else if (r->starttls == GP_PROBE_STARTTLS_BROKEN) {
		fail(j, &broken_tls, broken_tls.severity, "STARTTLS is answered by %.*s",
		     GP_SLICE_FMT(quote(j, reply_to(j, GP_PROBE_STARTTLS)->text)));
	} else if (r->starttls == GP_PROBE_STARTTLS_ABSENT) {
		fail(j, &no_tls, severity, "EHLO's reply has no STARTTLS");
	} else {
		unmeasured(j, &no_tls, "%s", why ? why : "not asked");
	}
	if (r->clear_behind_220)
		fail(j, &clear_text, clear_text.severity, "before the handshake");
}

/* Keywords of `of` that `other` does not have. */
static void
put_missing(struct gp_buf *out, const struct gp_probe_reply *of, const struct gp_probe_reply *other)
{
	struct gp_slice text = of->text;
	(void)gp_probe_line(&text);
	for (int n = 0; text.len > 0 && n < LISTED_MAX;) {
		struct gp_slice line = gp_probe_line(&text), word = gp_slice_cut(&line, ' ');
		bool usual = gp_slice_eq_nocase(word, GP_SLICE("STARTTLS")) ||
			     gp_slice_starts_nocase(word, GP_SLICE("AUTH")) ||
			     gp_slice_eq_nocase(word, GP_SLICE("REQUIRETLS"));
		if (usual || gp_probe_offers(other, word, NULL))
			continue;
		gp_buf_printf(out, " %.*s", GP_SLICE_FMT(gp_slice_take(word, 40)));
		n++;
	}
}

/* AUTH and REQUIRETLS may well be inside only, and STARTTLS must be outside only. */
static void
judge_difference(const struct judging *j)
{
	const struct gp_probe_reply *clear = reply_to(j, GP_PROBE_EHLO);
	const struct gp_probe_reply *inside = reply_to(j, GP_PROBE_EHLO_TLS);
	struct gp_buf gone = GP_BUF_INIT(2048), come = GP_BUF_INIT(2048);
	if (inside->code / 100 == 2 && gp_probe_offers(inside, GP_SLICE("STARTTLS"), NULL))
		fail(j, &again, again.severity, "in the reply to EHLO inside TLS");
	if (inside->code / 100 != 2 || clear->code / 100 != 2)
		return;
	put_missing(&gone, clear, inside);
	put_missing(&come, inside, clear);
	if (gone.len + come.len > 0)
		fail(j, &differs, differs.severity, "in clear only:%.*s; inside TLS only:%.*s",
		     GP_SLICE_FMT(gp_visible(gp_buf_slice(&gone), j->arena)),
		     GP_SLICE_FMT(gp_visible(gp_buf_slice(&come), j->arena)));
	else
		pass(j, &differs, "the same in clear and inside TLS");
	gp_buf_free(&gone);
	gp_buf_free(&come);
}

/* Silent where nobody asked for it. */
static void
judge_resumption(const struct judging *j)
{
	const struct gp_probe_record *r = j->record;
	if (r->resumption == GP_PROBE_RESUMPTION_YES)
		pass(j, &no_resumption, "a second connection took up the first one's session");
	else if (r->resumption == GP_PROBE_RESUMPTION_NO)
		fail(j, &no_resumption, no_resumption.severity,
		     "a second handshake was a whole one");
	else if (r->resume_why)
		unmeasured(j, &no_resumption, "%s", r->resume_why);
}

static void
judge_injection(const struct judging *j)
{
	const struct gp_probe_record *r = j->record;
	if (!(r->consents & GP_PROBE_INJECT))
		unmeasured(j, &injection, NO_CONSENT "--inject");
	else if (r->inject_why)
		unmeasured(j, &injection, "%s", r->inject_why);
	else if (r->injected)
		fail(j, &injection, injection.severity,
		     "a NOOP behind STARTTLS, in clear, was answered inside TLS");
	else
		pass(j, &injection, "a NOOP behind STARTTLS was not obeyed");
}

/* --- AUTH --- */

/* Does one of them send what a listener can use as it is? */
static bool
tells_password(struct gp_slice mechanisms)
{
	static const struct gp_slice telling[] = {GP_SLICE("PLAIN"), GP_SLICE("LOGIN"),
						  GP_SLICE("XOAUTH2"), GP_SLICE("OAUTHBEARER")};
	while (mechanisms.len > 0) {
		struct gp_slice word = gp_slice_cut(&mechanisms, ' ');
		for (size_t i = 0; i < GP_ARRAY_LEN(telling); i++) {
			if (gp_slice_eq_nocase(word, telling[i]))
				return true;
		}
	}
	return false;
}

/* Where TLS is offered, most clients take it before they log in; on a port for users none should
   have the choice. */
static enum gp_severity
severity_in_clear(const struct judging *j, struct gp_slice mechanisms)
{
	if (!tells_password(mechanisms))
		return GP_SEVERITY_LOW;
	if (is_submission(j) || j->record->starttls != GP_PROBE_STARTTLS_OK)
		return GP_SEVERITY_HIGH;
	return GP_SEVERITY_MEDIUM;
}

/* AUTH without a mechanism (RFC 4954 section 3) is no offer. */
static bool
offers_auth(const struct gp_probe_reply *ehlo, struct gp_slice *ret)
{
	return gp_probe_offers(ehlo, GP_SLICE("AUTH"), ret) && gp_slice_trim(*ret).len > 0;
}

static void
judge_auth(const struct judging *j)
{
	const struct gp_probe_reply *clear = reply_to(j, GP_PROBE_EHLO);
	const struct gp_probe_reply *last = gp_probe_last_ehlo(j->record);
	struct gp_slice mechanisms = {}, inside = {};
	bool in_clear_too = offers_auth(clear, &mechanisms), offered = offers_auth(last, &inside);
	if (in_clear_too)
		fail(j, &in_clear, severity_in_clear(j, mechanisms), "in clear: AUTH %.*s%s",
		     GP_SLICE_FMT(quote(j, mechanisms)),
		     j->record->starttls == GP_PROBE_STARTTLS_OK ? "" : "; and there is no TLS");
	else if (clear->code / 100 == 2 || j->record->mode == GP_PROBE_MODE_TLS)
		pass(j, &in_clear, "AUTH is not offered in clear");
	else
		unmeasured(j, &in_clear, "%s", clear->none ? clear->none : "EHLO is refused");
	if (last->code / 100 != 2)
		return;
	if (j->facts->port == 25 && (offered || in_clear_too))
		fail(j, &on_25, on_25.severity, "in the reply to EHLO");
	if (is_submission(j) && !offered && last->tls)
		fail(j, &no_auth, no_auth.severity, "EHLO's reply inside TLS has no AUTH");
}

/* Why this answer says nothing about what was asked, static; NULL: it does. */
static const char *
why_nothing(const struct gp_probe_reply *r)
{
	if (r->code == 0)
		return r->none ? r->none : "not asked";
	if (r->code / 100 == 4)
		return "it was put off";
	return r->code == 530 ? "the server wants TLS or a login first" : NULL;
}

static void
judge_ntlm(const struct judging *j)
{
	const struct gp_probe_reply *r = reply_to(j, GP_PROBE_NTLM);
	struct gp_ntlm_challenge c;
	struct gp_slice text = r->text;
	if (!(j->record->consents & GP_PROBE_NTLMING)) {
		unmeasured(j, &ntlm, NO_CONSENT "--ntlm");
	} else if (why_nothing(r)) {
		unmeasured(j, &ntlm, "%s", why_nothing(r));
	} else if (r->code != 334 || gp_ntlm_challenge_read(gp_probe_line(&text), j->arena, &c)) {
		pass(j, &ntlm, "no challenge: %.*s", GP_SLICE_FMT(quote(j, r->text)));
	} else {
		fail(j, &ntlm, ntlm.severity,
		     "computer %.*s (%.*s), domain %.*s (%.*s), build %u.%u.%u",
		     GP_SLICE_FMT(quote(j, c.netbios_computer)),
		     GP_SLICE_FMT(quote(j, c.dns_computer)),
		     GP_SLICE_FMT(quote(j, c.netbios_domain)), GP_SLICE_FMT(quote(j, c.dns_domain)),
		     c.major, c.minor, c.build);
	}
}

/* --- what wants consent --- */

static void
judge_vrfy(const struct judging *j)
{
	const struct gp_probe_reply *known = reply_to(j, GP_PROBE_VRFY);
	const struct gp_probe_reply *nobody = reply_to(j, GP_PROBE_VRFY_NOBODY);
	const struct gp_probe_reply *expn = reply_to(j, GP_PROBE_EXPN);
	const char *why = why_nothing(known);
	why = why ? why : why_nothing(nobody);
	why = why ? why : why_nothing(expn);
	if (!(j->record->consents & GP_PROBE_VRFYING))
		unmeasured(j, &vrfy, NO_CONSENT "--vrfy");
	else if (expn->code == 250)
		fail(j, &vrfy, GP_SEVERITY_MEDIUM, "EXPN postmaster: %.*s",
		     GP_SLICE_FMT(quote(j, expn->text)));
	else if (known->code / 100 == 2 && nobody->code >= 550 && nobody->code < 554)
		fail(j, &vrfy, vrfy.severity, "VRFY postmaster: %.*s; of nobody: %.*s",
		     GP_SLICE_FMT(quote(j, known->text)), GP_SLICE_FMT(quote(j, nobody->text)));
	else if (why)
		unmeasured(j, &vrfy, "%s", why);
	else
		pass(j, &vrfy, "VRFY postmaster: %.*s", GP_SLICE_FMT(quote(j, known->text)));
}

static void
judge_smuggling(const struct judging *j)
{
	const struct gp_probe_record *r = j->record;
	size_t len, tested = 0;
	const struct gp_probe_variant *v = gp_probe_variants(&len);
	enum gp_probe_smuggle_state verdict = gp_probe_smuggle_verdict(r);
	struct gp_buf split = GP_BUF_INIT(1024);
	for (size_t i = 0; i < r->smuggle_len; i++) {
		tested += r->smuggle[i].state != GP_PROBE_SMUGGLE_NOT_TESTED && !v[i].control;
		if (r->smuggle[i].state == GP_PROBE_SMUGGLE_SPLIT && !v[i].control)
			gp_buf_printf(&split, "%s%s", split.len > 0 ? ", " : "", v[i].name);
	}
	if (!(r->consents & GP_PROBE_SMUGGLE))
		unmeasured(j, &smuggling, NO_CONSENT "--smuggle");
	else if (verdict == GP_PROBE_SMUGGLE_NOT_TESTED)
		unmeasured(j, &smuggling, "%s",
			   r->smuggle_len > 0 ? r->smuggle[0].why : "no memory");
	else if (verdict == GP_PROBE_SMUGGLE_SPLIT)
		fail(j, &smuggling, smuggling.severity, "split by %.*s",
		     GP_SLICE_FMT(gp_buf_slice(&split)));
	else
		pass(j, &smuggling, "%zu false ends of data, none of them was taken for one",
		     tested);
	gp_buf_free(&split);
}

/* "2 (relays for anybody), 23b (...)" */
static void
put_forms(struct gp_buf *out, const struct gp_probe_record *r, enum gp_probe_relay_state state)
{
	size_t len, n = 0;
	const struct gp_probe_form *forms = gp_probe_forms(&len);
	for (size_t i = 0; i < r->relay_len && n < LISTED_MAX; i++) {
		if (r->relay[i].state != state)
			continue;
		gp_buf_printf(out, "%s%u", n++ > 0 ? ", " : "", forms[i].number);
		if (forms[i].letter)
			gp_buf_put_char(out, forms[i].letter);
		gp_buf_printf(out, " (%s)", forms[i].finds);
	}
}

static size_t
count_forms(const struct gp_probe_record *r, enum gp_probe_relay_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < r->relay_len; i++)
		n += r->relay[i].state == state;
	return n;
}

/* Some forms hide another domain in a local part: who takes all local parts takes them as well. */
static bool
is_for_elsewhere(const struct gp_probe_form *form)
{
	struct gp_slice to = gp_slice_str(form->to);
	return gp_slice_ends_nocase(to, GP_SLICE("@$E")) ||
	       gp_slice_ends_nocase(to, GP_SLICE("@$E.")) ||
	       gp_slice_ends_nocase(to, GP_SLICE("@[$L]"));
}

static bool
accepts_elsewhere(const struct gp_probe_record *r)
{
	size_t len;
	const struct gp_probe_form *forms = gp_probe_forms(&len);
	for (size_t i = 0; i < r->relay_len; i++) {
		if (r->relay[i].state == GP_PROBE_RELAY_ACCEPTED && is_for_elsewhere(&forms[i]))
			return true;
	}
	return false;
}

static void
judge_acceptance(const struct judging *j, struct gp_slice forms)
{
	if (accepts_elsewhere(j->record))
		fail(j, &relay, GP_SEVERITY_MEDIUM,
		     "not proven: no message arrived, but it takes recipients of other domains; "
		     "forms %.*s",
		     GP_SLICE_FMT(forms));
	else
		fail(j, &relay, GP_SEVERITY_LOW,
		     "not proven, and not likely: it takes nothing but local parts that hold "
		     "another address, as who takes all of them does; forms %.*s",
		     GP_SLICE_FMT(forms));
}

/* The reason that the plain form was not tested speaks for all of them. */
static const char *
why_not_relayed(const struct gp_probe_record *r)
{
	for (size_t i = 0; i < r->relay_len; i++) {
		if (r->relay[i].number == 2)
			return r->relay[i].why ? r->relay[i].why : "it did not come to it";
	}
	return "no memory";
}

static void
judge_relay(const struct judging *j)
{
	const struct gp_probe_record *r = j->record;
	struct gp_buf forms = GP_BUF_INIT(2048);
	size_t refused = count_forms(r, GP_PROBE_RELAY_REFUSED);
	if (!(r->consents & GP_PROBE_RELAY)) {
		unmeasured(j, &relay, NO_CONSENT "--relay-test");
		return;
	}
	switch (gp_probe_relay_verdict(r)) {
	case GP_PROBE_VERDICT_PROVEN:
		put_forms(&forms, r, GP_PROBE_RELAY_PROVEN);
		fail(j, &relay, relay.severity, "proven by messages that arrived; forms %.*s",
		     GP_SLICE_FMT(gp_buf_slice(&forms)));
		break;
	case GP_PROBE_VERDICT_ACCEPTED:
		put_forms(&forms, r, GP_PROBE_RELAY_ACCEPTED);
		judge_acceptance(j, gp_buf_slice(&forms));
		break;
	case GP_PROBE_VERDICT_REFUSED:
		pass(j, &relay, "%zu of %zu forms are refused, the others could not be tested",
		     refused, r->relay_len);
		break;
	case GP_PROBE_VERDICT_NOT_MEASURED:
		unmeasured(j, &relay, "%s", why_not_relayed(r));
	}
	gp_buf_free(&forms);
}

/* --- what the engine knows --- */

static void
judge_dns(const struct judging *j)
{
	const struct gp_probe_facts *f = j->facts;
	struct gp_slice ptr = quote(j, f->rdns_name);
	enum gp_severity severity = is_submission(j) ? GP_SEVERITY_INFO : fcrdns.severity;
	if (f->rdns == GP_PROBE_RDNS_CONFIRMED)
		pass(j, &fcrdns, "%.*s", GP_SLICE_FMT(ptr));
	else if (f->rdns == GP_PROBE_RDNS_NONE)
		fail(j, &fcrdns, severity, "the address has no name");
	else if (f->rdns == GP_PROBE_RDNS_ASTRAY)
		fail(j, &fcrdns, severity, "its name, %.*s, does not have this address",
		     GP_SLICE_FMT(ptr));
	else
		unmeasured(j, &fcrdns, "the DNS was not asked, or did not answer");
	if (f->port == 25 && f->domain.len > 0 && !f->is_mx)
		fail(j, &no_mx, no_mx.severity, "%.*s has its mail elsewhere, or nowhere",
		     GP_SLICE_FMT(quote(j, f->domain)));
}

int
gp_probe_findings(const struct gp_probe_record *record, const struct gp_probe_facts *facts,
		  struct gp_findings *findings)
{
	static void (*const all[])(const struct judging *) = {
		judge_end,        judge_greeting,     judge_name,      judge_keywords,
		judge_tls,        judge_seen_address, judge_unasked,   judge_difference,
		judge_resumption, judge_auth,         judge_injection, judge_ntlm,
		judge_vrfy,       judge_relay,        judge_smuggling, judge_dns,
	};
	const struct judging j = {record, facts, findings, findings->arena};
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++)
		all[i](&j);
	return findings->arena->failed ? -ENOMEM : 0;
}
