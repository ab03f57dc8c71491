/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the greeting to the task: RFC 5321 sections 3.1 and 3.2, RFC 3207 section 4.
 */
#include "core/probe/session.h"

void
gp_probe_say_hello(struct gp_probe *p)
{
	p->step = PROBE_AT_EHLO;
	p->ask = p->in_tls ? GP_PROBE_EHLO_TLS : GP_PROBE_EHLO;
	gp_probe_say(p, 0, "EHLO %.*s", GP_SLICE_FMT(p->o.helo));
}

static void
begin_task(struct gp_probe *p)
{
	p->step = PROBE_AT_TASK;
	gp_probe_task(p)->ready(p);
}

static void
answer_greeting(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 == 2)
		gp_probe_say_hello(p);
	else
		gp_probe_leave(p, GP_PROBE_END_REFUSED, "the greeting refuses us");
}

/* What is offered counts until the next EHLO; what was said in clear is forgotten with TLS. */
static void
keep_ehlo(struct gp_probe *p, const struct gp_probe_reply *r)
{
	gp_buf_clear(&p->ehlo_text);
	gp_buf_put(&p->ehlo_text, r->text);
	p->ehlo = *r;
	p->ehlo.text = gp_buf_slice(&p->ehlo_text);
}

static void
say_starttls(struct gp_probe *p)
{
	p->step = PROBE_AT_STARTTLS;
	p->ask = GP_PROBE_STARTTLS;
	if (p->task == PROBE_INJECTION)
		gp_probe_say_injection(p);
	else
		gp_probe_say(p, 0, "STARTTLS");
}

static void
answer_ehlo(struct gp_probe *p, const struct gp_probe_reply *r)
{
	keep_ehlo(p, r);
	if (r->code >= 500) {
		p->step = PROBE_AT_HELO;
		p->ask = GP_PROBE_HELO;
		gp_probe_say(p, 0, "HELO %.*s", GP_SLICE_FMT(p->o.helo));
		return;
	}
	if (r->code / 100 != 2) {
		gp_probe_leave(p, GP_PROBE_END_REFUSED, "EHLO is refused");
		return;
	}
	bool offered = gp_probe_offers(r, GP_SLICE("STARTTLS"), NULL);
	bool in_clear = p->o.mode == GP_PROBE_MODE_STARTTLS && !p->in_tls;
	if (p->task == PROBE_TALK && in_clear && !offered)
		p->record.starttls = GP_PROBE_STARTTLS_ABSENT;
	if (in_clear && offered && gp_probe_task(p)->wants_tls(p))
		say_starttls(p);
	else
		begin_task(p);
}

static void
answer_starttls(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code == 220) {
		gp_probe_want_tls(p);
		return;
	}
	if (p->task == PROBE_TALK)
		p->record.starttls = GP_PROBE_STARTTLS_BROKEN;
	/* Put off is not refused: that says nothing about what stood behind it. */
	if (p->task == PROBE_INJECTION && r->code / 100 == 4)
		gp_probe_leave(p, GP_PROBE_END_REFUSED, "STARTTLS is put off");
	else
		begin_task(p);
}

void
gp_probe_answer_opening(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (p->step == PROBE_AT_GREETING)
		answer_greeting(p, r);
	else if (p->step == PROBE_AT_EHLO)
		answer_ehlo(p, r);
	else if (p->step == PROBE_AT_STARTTLS)
		answer_starttls(p, r);
	else if (r->code / 100 == 2)
		begin_task(p);
	else
		gp_probe_leave(p, GP_PROBE_END_REFUSED, "EHLO and HELO are refused");
}
