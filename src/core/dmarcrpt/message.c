/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarcrpt/message.h"

#include <arpa/inet.h>
#include <errno.h>

/* --- the policy --- */

static uint8_t
policy_or(uint8_t policy, uint8_t preset)
{
	return policy != GP_DMARC_P_ABSENT ? policy : preset;
}

/* RFC 9989 section 4.7: sp stands for p where it is left out, np for sp. */
static struct gp_dmarcrpt_policy
policy_of(const struct gp_dmarc_result *d)
{
	const struct gp_dmarc_record *r = d->record;
	uint8_t p = policy_or(r->p, GP_DMARC_P_NONE), sp = policy_or(r->sp, p);
	struct gp_slice flaw = r->flaws_len > 0 ? r->flaws[0] : GP_SLICE("");
	return (struct gp_dmarcrpt_policy){
		.domain = d->policy_domain,
		.p = p,
		.sp = sp,
		.np = policy_or(r->np, sp),
		.adkim_strict = r->adkim_strict,
		.aspf_strict = r->aspf_strict,
		.testing = r->testing,
		.fo = r->fo,
		.flaw = gp_slice_take(flaw, GP_DMARCRPT_FLAW_MAX),
	};
}

/* Did t=y make the policy for this author milder? */
static bool
is_softened(const struct gp_dmarc_result *d)
{
	const struct gp_dmarcrpt_policy p = policy_of(d);
	bool inherited = !gp_slice_eq(d->policy_domain, d->from_domain);
	return p.testing && (inherited ? GP_MAX(p.sp, p.np) : p.p) > GP_DMARC_P_NONE;
}

/* --- what was done --- */

static uint8_t
disposition_of(const struct gp_dmarc_result *d, uint8_t action)
{
	bool passed = d->verdict == GP_DMARC_PASS && d->policy > GP_DMARC_P_NONE;
	if (action == GP_AUTHPOLICY_REFUSE)
		return GP_DMARCRPT_REJECT;
	if (action == GP_AUTHPOLICY_QUARANTINE)
		return GP_DMARCRPT_QUARANTINE;
	return passed ? GP_DMARCRPT_PASS : GP_DMARCRPT_NONE;
}

static uint8_t
override_of(const struct gp_dmarc_result *d, const struct gp_authpolicy_decision *decision)
{
	static const uint8_t done[] = {
		[GP_AUTHPOLICY_ACCEPT] = GP_DMARC_P_NONE,
		[GP_AUTHPOLICY_QUARANTINE] = GP_DMARC_P_QUARANTINE,
		[GP_AUTHPOLICY_REFUSE] = GP_DMARC_P_REJECT,
	};
	if (decision->sealer.len > 0)
		return GP_DMARCRPT_ARC;
	if (done[decision->action] != d->disposition)
		return GP_DMARCRPT_LOCAL_POLICY;
	if (d->verdict == GP_DMARC_TEMPERROR && d->policy != GP_DMARC_P_NONE)
		return GP_DMARCRPT_OTHER;
	if (d->verdict == GP_DMARC_FAIL && is_softened(d))
		return GP_DMARCRPT_TEST_MODE;
	return GP_DMARCRPT_AS_PUBLISHED;
}

/* --- signatures --- */

enum { RANKS = 4 };

static unsigned
rank(const struct gp_dmarc_result *d, const struct gp_dkim_verdict *v)
{
	struct gp_slice domain = v->signature->domain;
	if (v->result != GP_DKIM_PASS)
		return 3;
	if (gp_slice_eq(domain, d->from_domain))
		return 0;
	return gp_dmarc_is_within(domain, d->org_domain) ? 1 : 2;
}

static void
choose_signatures(const struct gp_verify_facts *f, struct gp_dmarcrpt_signature *to,
		  struct gp_dmarcrpt_row *ret)
{
	ret->signatures = to;
	for (unsigned at = 0; at < RANKS; at++) {
		for (size_t i = 0; i < f->dkim_len; i++) {
			const struct gp_dkim_signature *s = f->dkim[i].signature;
			if (!gp_dmarcrpt_is_name(s->domain) || !gp_dmarcrpt_is_name(s->selector) ||
			    rank(f->dmarc, &f->dkim[i]) != at)
				continue;
			if (ret->signatures_len == GP_DMARCRPT_SIGNATURES_MAX)
				return;
			to[ret->signatures_len++] = (struct gp_dmarcrpt_signature){
				s->domain, s->selector, f->dkim[i].result};
		}
	}
}

/* --- the whole --- */

/* The domain of the reverse-path; empty: none. */
static int
envelope_domain(struct gp_slice sender, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_slice text = gp_slice_drop(sender, (size_t)(gp_slice_rfind(sender, '@') + 1));
	int r = gp_dmarc_domain(text, arena, ret);
	if (r != 0)
		*ret = GP_SLICE("");
	return r < 0 ? r : 0;
}

struct gp_slice
gp_dmarcrpt_source(const struct gp_verify_query *q, struct gp_arena *arena)
{
	char text[INET6_ADDRSTRLEN] = "";
	if (q->address_len > 0)
		inet_ntop(q->address_len == 4 ? AF_INET : AF_INET6, q->address, text, sizeof(text));
	return gp_arena_dup(arena, gp_slice_str(text));
}

static bool
is_told(const struct gp_verify_facts *f, const struct gp_authpolicy_decision *decision)
{
	const struct gp_dmarc_result *d = f->dmarc;
	return d && d->record && d->record->rua.len > 0 &&
	       decision->action != GP_AUTHPOLICY_DEFER &&
	       (d->verdict == GP_DMARC_PASS || d->verdict == GP_DMARC_FAIL ||
		d->verdict == GP_DMARC_TEMPERROR);
}

int
gp_dmarcrpt_of_message(const struct gp_verify_query *query, const struct gp_verify_facts *facts,
		       const struct gp_authpolicy_decision *decision, struct gp_arena *arena,
		       struct gp_dmarcrpt_policy *ret_policy, struct gp_dmarcrpt_row *ret_row)
{
	const struct gp_dmarc_result *d = facts->dmarc;
	const struct gp_spf_result *spf = facts->mail_from;
	if (!is_told(facts, decision))
		return 1;
	struct gp_dmarcrpt_signature *signatures =
		gp_arena_array(arena, GP_DMARCRPT_SIGNATURES_MAX, sizeof(*signatures));
	*ret_policy = policy_of(d);
	*ret_row = (struct gp_dmarcrpt_row){
		.source = gp_dmarcrpt_source(query, arena),
		.disposition = disposition_of(d, decision->action),
		.override = override_of(d, decision),
		.dkim_aligned = d->dkim_aligned,
		.spf_aligned = d->spf_aligned,
		.header_from = d->from_domain,
		.spf_domain = gp_slice_take(spf ? spf->domain : GP_SLICE(""), GP_DMARCRPT_NAME_MAX),
		.spf = spf ? spf->verdict : (uint8_t)GP_SPF_NONE,
		.messages = 1,
	};
	if (!signatures || envelope_domain(query->sender, arena, &ret_row->envelope_from) < 0)
		return -ENOMEM;
	choose_signatures(facts, signatures, ret_row);
	return arena->failed ? -ENOMEM : 0;
}
