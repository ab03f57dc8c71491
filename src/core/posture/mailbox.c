/* SPDX-License-Identifier: Apache-2.0 */
/* Places of DMARC's reports, by what their hosts said when they were asked: RFC 9990 section 3. */
#include "core/posture/parts.h"

const struct gp_finding_kind posture_rua_dead = {"dmarc.rua.dead", GP_SEVERITY_HIGH,
						 "reports go where no mail arrives",
						 "the host of the mailbox takes no mail, or is not "
						 "there: nobody reads them, and if its name "
						 "can be registered, whoever does reads them"};

/* Without an enhanced code those that speak of the mailbox (RFC 5321 section 4.2.2). */
static bool
is_about_mailbox(unsigned code, struct gp_slice reply)
{
	struct gp_slice status = gp_slice_drop(reply, sizeof("550 ") - 1);
	struct gp_slice word = gp_slice_cut(&status, ' ');
	if (gp_slice_starts(word, GP_SLICE("5.")))
		return gp_slice_starts(word, GP_SLICE("5.1.")) ||
		       gp_slice_eq(word, GP_SLICE("5.2.1"));
	return code == 550 || code == 551 || code == 553;
}

uint8_t
gp_posture_taken_by(unsigned code, struct gp_slice reply)
{
	if (code / 100 == 2)
		return GP_POSTURE_TAKEN;
	return code / 100 == 5 && is_about_mailbox(code, reply) ? GP_POSTURE_TAKEN_NOT
								: GP_POSTURE_TAKEN_UNKNOWN;
}

static const struct gp_posture_mailbox *
find(const struct posture_run *run, struct gp_slice address)
{
	for (size_t i = 0; i < run->query->mailboxes_len; i++) {
		if (gp_slice_eq(run->query->mailboxes[i].address, address))
			return &run->query->mailboxes[i];
	}
	return NULL;
}

void
posture_judge_mailboxes(struct posture_run *run)
{
	const struct gp_dmarc_uris *rua = run->facts->dmarc.rua;
	struct posture_list bad = {}, unknown = {};
	for (size_t i = 0; rua && i < rua->len; i++) {
		const struct gp_posture_mailbox *m = find(run, rua->list[i].address);
		if (!m || m->taken == GP_POSTURE_TAKEN)
			continue;
		posture_list_add(run, m->taken == GP_POSTURE_TAKEN_NOT ? &bad : &unknown,
				 "%.*s: %.*s", GP_SLICE_FMT(m->address), GP_SLICE_FMT(m->why));
	}
	const struct posture_mend mend = {
		.evidence = bad.text,
		.fix = GP_SLICE("let the mailbox be there, or name one that is read")};
	if (bad.len > 0)
		posture_add(run, &posture_rua_dead, posture_rua_dead.severity, &mend);
	else if (unknown.len > 0)
		posture_not_measured(run, &posture_rua_dead, unknown.text);
}
