/* SPDX-License-Identifier: Apache-2.0 */
#include "core/authpolicy/authpolicy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/authpolicy/vouch.h"
#include "core/config/value.h"
#include "core/policy/suffix.h"

struct gp_authpolicy {
	const struct gp_authentication_config *cfg;
	struct gp_map overrides; /* domain to struct gp_override_config */
	struct gp_map sealers;   /* trusted; to anything */
};

struct gp_authpolicy *
gp_authpolicy_new(const struct gp_authentication_config *cfg, const uint64_t seed[2])
{
	struct gp_authpolicy *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->cfg = cfg;
	p->overrides = gp_map(cfg->overrides_len, seed);
	for (size_t i = 0; i < cfg->overrides_len; i++) {
		const struct gp_override_config *o = &cfg->overrides[i];
		if (!gp_map_set(&p->overrides, o->domain, (void *)o))
			return gp_authpolicy_free(p);
	}
	p->sealers = gp_map(cfg->trusted_sealers_len, seed);
	for (size_t i = 0; i < cfg->trusted_sealers_len; i++) {
		if (!gp_map_set(&p->sealers, cfg->trusted_sealers[i], p))
			return gp_authpolicy_free(p);
	}
	return p;
}

struct gp_authpolicy *
gp_authpolicy_free(struct gp_authpolicy *p)
{
	if (p) {
		gp_map_free(&p->overrides);
		gp_map_free(&p->sealers);
	}
	free(p);
	return NULL;
}

bool
gp_authpolicy_exempts(const struct gp_authpolicy *p, const uint8_t *address, size_t address_len)
{
	for (size_t i = 0; i < p->cfg->exempt_len; i++) {
		if (gp_network_contains(&p->cfg->exempt[i], address, address_len))
			return true;
	}
	return false;
}

bool
gp_authpolicy_wants_dmarc(const struct gp_authpolicy *p)
{
	return p->cfg->dmarc != GP_DMARC_MODE_OFF || p->cfg->overrides_len > 0;
}

static uint8_t
dmarc_mode(const struct gp_authpolicy *p, struct gp_slice from_domain)
{
	const struct gp_override_config *o = gp_suffix_find(&p->overrides, from_domain);
	return o ? o->dmarc : p->cfg->dmarc;
}

/* --- each rule, in its order; they leave ACCEPT where they have nothing against it --- */

/* A field that is missing or broken is a fault of form; the others look like attempts. */
static void
judge_from(const struct gp_authpolicy *p, const struct gp_verify_facts *f, struct gp_arena *arena,
	   struct gp_authpolicy_decision *ret)
{
	uint8_t state = f->author.state;
	bool form = state == GP_DMARC_AUTHOR_MISSING || state == GP_DMARC_AUTHOR_MALFORMED ||
		    state == GP_DMARC_AUTHOR_NO_DOMAIN;
	if (p->cfg->from != GP_FROM_MODE_REFUSE || !f->from_trick)
		return;
	struct gp_slice text = gp_arena_printf(arena, "Refused: %s", f->from_trick);
	ret->action = GP_AUTHPOLICY_REFUSE;
	ret->by = "from";
	ret->reply = (struct gp_reply){550, 5, form ? 6 : 7, form ? 0 : 1, text};
}

static void
judge_dmarc(const struct gp_authpolicy *p, const struct gp_verify_facts *f, struct gp_arena *arena,
	    struct gp_authpolicy_decision *ret)
{
	const struct gp_dmarc_result *d = f->dmarc;
	uint8_t mode = d ? dmarc_mode(p, d->from_domain) : (uint8_t)GP_DMARC_MODE_OFF;
	if (mode != GP_DMARC_MODE_ENFORCE && mode != GP_DMARC_MODE_QUARANTINE)
		return;
	if (d->verdict == GP_DMARC_TEMPERROR && d->policy != GP_DMARC_P_NONE) {
		ret->action = GP_AUTHPOLICY_DEFER;
		ret->reply = GP_REPLY(451, 4, 4, 3,
				      "DMARC cannot be evaluated now, as the DNS does not answer; "
				      "try again later");
	} else if (d->disposition == GP_DMARC_P_REJECT && mode == GP_DMARC_MODE_ENFORCE) {
		struct gp_slice text = gp_arena_printf(
			arena, "Refused by the DMARC policy of %.*s: no aligned SPF or DKIM pass",
			GP_SLICE_FMT(d->from_domain));
		ret->action = GP_AUTHPOLICY_REFUSE;
		ret->reply = (struct gp_reply){550, 5, 7, 1, text};
	} else if (d->disposition >= GP_DMARC_P_QUARANTINE) {
		ret->action = GP_AUTHPOLICY_QUARANTINE;
	} else {
		return;
	}
	ret->by = "dmarc";
}

/* A field that is malformed, and names one address all the same. Who wrote it is believed when
 * DMARC has proven it, as no reader finds another; else the fault is all that is known of him. */
static void
judge_broken_from(const struct gp_authpolicy *p, const struct gp_verify_facts *f,
		  struct gp_authpolicy_decision *ret)
{
	bool proven = f->dmarc && f->dmarc->verdict == GP_DMARC_PASS;
	if (p->cfg->from != GP_FROM_MODE_REFUSE || !f->author.broken || proven)
		return;
	ret->action = GP_AUTHPOLICY_QUARANTINE;
	ret->by = "from";
}

/* What is not proven may be vouched for. */
static int
judge_seals(const struct gp_authpolicy *p, const struct gp_verify_facts *f, struct gp_arena *arena,
	    struct gp_authpolicy_decision *ret)
{
	struct gp_slice sealer;
	int r = gp_vouch(&p->sealers, f, arena, &sealer);
	if (r == GP_VOUCHED)
		*ret = (struct gp_authpolicy_decision){.by = "arc", .sealer = sealer};
	else if (r == GP_VOUCHED_PERHAPS)
		*ret = (struct gp_authpolicy_decision){
			.action = GP_AUTHPOLICY_DEFER,
			.by = ret->by,
			.reply = GP_REPLY(451, 4, 4, 3,
					  "The ARC chain cannot be verified now, as the DNS does "
					  "not answer; try again later")};
	return GP_MIN(r, 0);
}

/* Of MAIL FROM: what HELO says is told of, and no more. */
static void
judge_spf(const struct gp_authpolicy *p, const struct gp_verify_facts *f, struct gp_arena *arena,
	  struct gp_authpolicy_decision *ret)
{
	const struct gp_spf_result *spf = f->mail_from;
	bool proven = (f->dmarc && f->dmarc->verdict == GP_DMARC_PASS) || ret->sealer.len > 0;
	if (p->cfg->spf != GP_SPF_MODE_ENFORCE || !spf || proven)
		return;
	if (spf->verdict == GP_SPF_FAIL) {
		struct gp_slice text =
			gp_arena_printf(arena, "SPF: %.*s does not send mail from your address",
					GP_SLICE_FMT(spf->domain));
		ret->action = GP_AUTHPOLICY_REFUSE;
		ret->reply = (struct gp_reply){550, 5, 7, 23, text};
	} else if (spf->verdict == GP_SPF_TEMPERROR) {
		ret->action = GP_AUTHPOLICY_DEFER;
		ret->reply = GP_REPLY(
			451, 4, 7, 24,
			"SPF cannot be evaluated now, as the DNS does not answer; try again later");
	} else {
		return;
	}
	ret->by = "spf";
}

/* Is it the want of a proof that is in the way, and not a trick, or what the DNS does not tell? */
static bool
wants_proof(const struct gp_authpolicy_decision *d)
{
	return d->action == GP_AUTHPOLICY_QUARANTINE ||
	       (d->action == GP_AUTHPOLICY_REFUSE && strcmp(d->by, "dmarc") == 0);
}

int
gp_authpolicy_decide(const struct gp_authpolicy *p, const struct gp_verify_facts *facts,
		     struct gp_arena *arena, struct gp_authpolicy_decision *ret)
{
	*ret = (struct gp_authpolicy_decision){.by = ""};
	judge_from(p, facts, arena, ret);
	if (ret->action == GP_AUTHPOLICY_ACCEPT)
		judge_dmarc(p, facts, arena, ret);
	if (ret->action == GP_AUTHPOLICY_ACCEPT)
		judge_broken_from(p, facts, ret);
	if (wants_proof(ret) && judge_seals(p, facts, arena, ret) < 0)
		return -ENOMEM;
	/* What is only marked may still be refused. */
	if (ret->action <= GP_AUTHPOLICY_QUARANTINE)
		judge_spf(p, facts, arena, ret);
	return arena->failed ? -ENOMEM : 0;
}

const char *
gp_authpolicy_action_name(uint8_t action)
{
	static const char *const names[] = {"accept", "quarantine", "defer", "refuse"};
	gp_assert(action < GP_ARRAY_LEN(names));
	return names[action];
}
