/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second connection, to see whether the server takes up the session of the first (RFC 5077, RFC
 * 8446 section 2.2): the driver offers it in the handshake. Behind that there is nothing to say.
 */
#include "core/probe/session.h"

static bool
resumption_wants(const struct gp_probe *p)
{
	return p->o.resume && p->record.resumption == GP_PROBE_RESUMPTION_NOT_MEASURED &&
	       !p->record.resume_why;
}

static void
resumption_begin(struct gp_probe *p)
{
	if (p->o.resume && (!p->record.tls_tried || !p->record.tls.ok))
		p->record.resume_why = "no TLS";
}

static bool
resumption_wants_tls(const struct gp_probe *p)
{
	(void)p;
	return true;
}

void
gp_probe_note_resumption(struct gp_probe *p, bool resumed)
{
	p->record.resumption = resumed ? GP_PROBE_RESUMPTION_YES : GP_PROBE_RESUMPTION_NO;
}

static void
resumption_ready(struct gp_probe *p)
{
	if (!p->in_tls)
		p->record.resume_why = "STARTTLS was refused the second time";
	gp_probe_leave(p, GP_PROBE_END_QUIT, "the session was offered");
}

static void
resumption_lost(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	(void)end;
	if (p->record.resumption == GP_PROBE_RESUMPTION_NOT_MEASURED && !p->record.resume_why)
		p->record.resume_why = why;
}

const struct probe_task gp_probe_resumption = {
	.begin = resumption_begin,
	.wants = resumption_wants,
	.wants_tls = resumption_wants_tls,
	.ready = resumption_ready,
	.lost = resumption_lost,
};
