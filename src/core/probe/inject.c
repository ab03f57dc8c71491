/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command in clear behind STARTTLS, in the same packet (CVE-2011-0411 and those after it): a
 * server that reads it once TLS stands lets whoever is on the way put commands into others'
 * sessions. Its answer would be one more inside TLS than we have asked for.
 */
#include "core/probe/session.h"

static bool
injection_wants(const struct gp_probe *p)
{
	return (p->o.consents & GP_PROBE_INJECT) && !p->injection.tried &&
	       p->record.starttls == GP_PROBE_STARTTLS_OK;
}

static bool
injection_wants_tls(const struct gp_probe *p)
{
	(void)p;
	return true;
}

void
gp_probe_say_injection(struct gp_probe *p)
{
	p->injection.unasked = p->unasked;
	gp_probe_say(p, GP_PROBE_INJECT, "STARTTLS\r\nNOOP");
}

static void
decide(struct gp_probe *p, bool injected)
{
	p->injection.tried = true;
	p->record.injected = injected;
	p->record.inject_why = NULL;
}

/* The first reply inside TLS was taken for that to EHLO. If it was, QUIT is answered next. */
static void
injection_ready(struct gp_probe *p)
{
	if (p->in_tls) {
		gp_probe_say(p, 0, "QUIT");
		return;
	}
	decide(p, false); /* STARTTLS was refused for it */
	gp_probe_leave(p, GP_PROBE_END_QUIT, "STARTTLS is refused when a command follows it");
}

static void
injection_answer(struct gp_probe *p, const struct gp_probe_reply *r)
{
	decide(p, r->code != 221 || p->unasked > p->injection.unasked);
	gp_probe_end_connection(p, GP_PROBE_END_QUIT, "the injection was tried");
}

static void
injection_lost(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	if (p->injection.tried)
		return;
	p->injection.tried = true;
	p->record.inject_why = why;
	if (end == GP_PROBE_END_TLS)
		decide(p, false); /* it was let in before, so this is why it is not now */
}

const struct probe_task gp_probe_injection = {
	.wants = injection_wants,
	.wants_tls = injection_wants_tls,
	.ready = injection_ready,
	.answer = injection_answer,
	.lost = injection_lost,
};
