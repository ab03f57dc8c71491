/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/cause.h"

#include <errno.h>

#include "core/senders/senders.h"

/* --- whose a domain is --- */

static bool
is_within(struct gp_slice name, struct gp_slice above)
{
	if (above.len == 0 || !gp_slice_ends_nocase(name, above))
		return false;
	return name.len == above.len || name.ptr[name.len - above.len - 1] == '.';
}

/* Organizational domains are not asked for here: above a policy's domain is its own organization,
   but for public suffixes, which sign no mail. */
static bool
is_ours(struct gp_slice domain, struct gp_slice policy)
{
	return is_within(domain, policy) || is_within(policy, domain);
}

/* --- a row --- */

static uint8_t
judge_signature(const struct gp_ingest_auth *a, const struct gp_ingest_head *head)
{
	bool ours = is_ours(a->domain, head->domain);
	switch (a->result) {
	case GP_INGEST_RESULT_PASS:
		return !ours                ? GP_CAUSE_OTHER_SIGNER
		       : head->adkim_strict ? GP_CAUSE_STRICT_SIGNER
					    : GP_CAUSE_SIGNER_NOT_TAKEN;
	case GP_INGEST_RESULT_NONE:
		return GP_CAUSE_NO_SIGNATURE;
	case GP_INGEST_RESULT_TEMPERROR:
	case GP_INGEST_RESULT_PERMERROR:
	case GP_INGEST_RESULT_POLICY:
	case GP_INGEST_RESULT_NEUTRAL:
		return ours ? GP_CAUSE_NO_KEY : GP_CAUSE_OTHER_BROKEN;
	default:
		return ours ? GP_CAUSE_BROKEN : GP_CAUSE_OTHER_BROKEN;
	}
}

static unsigned
signature_says(uint8_t dkim)
{
	static const uint8_t says[GP_CAUSE_DKIMS] = {
		[GP_CAUSE_OTHER_BROKEN] = 1,     [GP_CAUSE_OTHER_SIGNER] = 2,
		[GP_CAUSE_NO_KEY] = 3,           [GP_CAUSE_BROKEN] = 4,
		[GP_CAUSE_SIGNER_NOT_TAKEN] = 5, [GP_CAUSE_STRICT_SIGNER] = 6};
	return says[dkim];
}

static void
judge_dkim(const struct gp_ingest_row *row, const struct gp_ingest_head *head, struct gp_cause *ret)
{
	for (size_t i = 0; i < row->dkim_results_len; i++) {
		const struct gp_ingest_auth *a = &row->dkim_results[i];
		uint8_t dkim = judge_signature(a, head);
		if (a->domain.len == 0 || signature_says(dkim) <= signature_says(ret->dkim))
			continue;
		ret->dkim = dkim;
		ret->signer = a->domain;
		ret->selector = a->selector;
	}
}

static uint8_t
judge_envelope(const struct gp_ingest_auth *a, const struct gp_ingest_head *head)
{
	bool ours = is_ours(a->domain, head->domain);
	switch (a->result) {
	case GP_INGEST_RESULT_PASS:
		return !ours               ? GP_CAUSE_OTHER_ENVELOPE
		       : head->aspf_strict ? GP_CAUSE_STRICT_ENVELOPE
					   : GP_CAUSE_ENVELOPE_NOT_TAKEN;
	case GP_INGEST_RESULT_FAIL:
	case GP_INGEST_RESULT_SOFTFAIL:
	case GP_INGEST_RESULT_NEUTRAL:
		return ours ? GP_CAUSE_NOT_LISTED : GP_CAUSE_OTHER_REFUSED;
	case GP_INGEST_RESULT_UNKNOWN:
		return GP_CAUSE_SPF_UNTOLD;
	default:
		return ours ? GP_CAUSE_NO_RECORD : GP_CAUSE_OTHER_REFUSED;
	}
}

/* MAIL FROM's stands for DMARC; one of HELO counts where there is no other. */
static void
judge_spf(const struct gp_ingest_row *row, const struct gp_ingest_head *head, struct gp_cause *ret)
{
	const struct gp_ingest_auth *found = NULL;
	for (size_t i = 0; i < row->spf_results_len; i++) {
		const struct gp_ingest_auth *a = &row->spf_results[i];
		bool helo = gp_slice_eq_nocase(a->scope, GP_SLICE("helo"));
		if (a->domain.len > 0 && (!found || !helo))
			found = a;
	}
	if (!found)
		return;
	ret->spf = judge_envelope(found, head);
	ret->envelope = found->domain;
}

bool
gp_cause_of(const struct gp_ingest_head *head, const struct gp_ingest_row *row,
	    struct gp_cause *ret)
{
	if (row->dkim == GP_INGEST_RESULT_PASS || row->spf == GP_INGEST_RESULT_PASS)
		return false;
	*ret = (struct gp_cause){
		.from = row->header_from.len > 0 ? row->header_from : head->domain,
		.messages = row->count,
	};
	judge_dkim(row, head, ret);
	judge_spf(row, head, ret);
	return true;
}

/* --- rows --- */

static bool
is_same(const struct gp_cause *a, const struct gp_cause *b)
{
	return a->dkim == b->dkim && a->spf == b->spf && gp_slice_eq(a->signer, b->signer) &&
	       gp_slice_eq(a->selector, b->selector) && gp_slice_eq(a->envelope, b->envelope) &&
	       gp_slice_eq(a->from, b->from);
}

void
gp_causes_add(struct gp_causes *c, const struct gp_ingest_head *head,
	      const struct gp_ingest_row *row)
{
	struct gp_cause cause;
	if (!gp_cause_of(head, row, &cause))
		return;
	c->rows++;
	c->unaligned += cause.messages;
	for (size_t i = 0; i < c->len; i++) {
		if (is_same(&c->list[i], &cause)) {
			c->list[i].messages += cause.messages;
			return;
		}
	}
	if (c->len == GP_CAUSES_MAX)
		return;
	cause.signer = gp_arena_dup(c->arena, cause.signer);
	cause.selector = gp_arena_dup(c->arena, cause.selector);
	cause.envelope = gp_arena_dup(c->arena, cause.envelope);
	cause.from = gp_arena_dup(c->arena, cause.from);
	c->list[c->len++] = cause;
}

const struct gp_cause *
gp_causes_first(const struct gp_causes *c)
{
	const struct gp_cause *first = NULL;
	for (size_t i = 0; i < c->len; i++) {
		if (!first || c->list[i].messages > first->messages)
			first = &c->list[i];
	}
	return first;
}

/* --- in words --- */

/* Before a domain, behind it, and whether the one that was to align ends it. */
struct phrase {
	const char *before, *behind;
	bool from;
};

static void
put_phrase(const struct phrase *p, struct gp_slice domain, struct gp_slice from, struct gp_buf *out)
{
	struct gp_sender sender;
	gp_buf_printf(out, "%s%.*s", p->before, GP_SLICE_FMT(domain));
	if (gp_sender_of_domain(domain, &sender))
		gp_buf_printf(out, " (%.*s)", GP_SLICE_FMT(sender.provider));
	gp_buf_put_str(out, p->behind);
	if (p->from)
		gp_buf_put(out, from);
}

static void
put_dkim(const struct gp_cause *c, struct gp_buf *out)
{
	static const struct phrase phrases[GP_CAUSE_DKIMS] = {
		[GP_CAUSE_NO_SIGNATURE] = {"no signature", "", false},
		[GP_CAUSE_OTHER_SIGNER] = {"DKIM is signed by ", ", not by ", true},
		[GP_CAUSE_OTHER_BROKEN] = {"the signature is of ", ", and does not pass", false},
		[GP_CAUSE_BROKEN] = {"the signature of ", " does not verify", false},
		[GP_CAUSE_NO_KEY] = {"the key of ", " cannot be had or used", false},
		[GP_CAUSE_STRICT_SIGNER] = {"DKIM passes for ",
					    ", which adkim=s does not take for ", true},
		[GP_CAUSE_SIGNER_NOT_TAKEN] = {"DKIM passes for ",
					       ", and the reporter does not take it for ", true},
	};
	put_phrase(&phrases[c->dkim], c->signer, c->from, out);
	if ((c->dkim == GP_CAUSE_BROKEN || c->dkim == GP_CAUSE_NO_KEY) && c->selector.len > 0)
		gp_buf_printf(out, " (selector %.*s)", GP_SLICE_FMT(c->selector));
}

static void
put_spf(const struct gp_cause *c, struct gp_buf *out)
{
	static const struct phrase phrases[GP_CAUSE_SPFS] = {
		[GP_CAUSE_SPF_UNTOLD] = {"of SPF nothing is told", "", false},
		[GP_CAUSE_OTHER_ENVELOPE] = {"SPF passes for ", ", not for ", true},
		[GP_CAUSE_OTHER_REFUSED] = {"SPF is of ", ", and does not pass", false},
		[GP_CAUSE_NOT_LISTED] = {"the SPF record of ", " does not have the address", false},
		[GP_CAUSE_NO_RECORD] = {"the SPF record of ", " is missing or in error", false},
		[GP_CAUSE_STRICT_ENVELOPE] = {"SPF passes for ",
					      ", which aspf=s does not take for ", true},
		[GP_CAUSE_ENVELOPE_NOT_TAKEN] = {"SPF passes for ",
						 ", and the reporter does not take it for ", true},
	};
	put_phrase(&phrases[c->spf], c->envelope, c->from, out);
}

/* What somebody whose sender this is can do; a forger's mail has no remedy here. */
static const char *
remedy_of(const struct gp_cause *c)
{
	static const char *const by_dkim[GP_CAUSE_DKIMS] = {
		[GP_CAUSE_OTHER_SIGNER] = "if it sends for you, have it sign with your domain",
		[GP_CAUSE_BROKEN] = "a forwarder or a list changed it, or it is forged",
		[GP_CAUSE_NO_KEY] = "look at the key's record",
		[GP_CAUSE_STRICT_SIGNER] = "sign with the very domain, or publish adkim=r",
		[GP_CAUSE_SIGNER_NOT_TAKEN] = "the signature may be of a test, or of an old way",
	};
	static const char *const by_spf[GP_CAUSE_SPFS] = {
		[GP_CAUSE_SPF_UNTOLD] = "forged, or a sender of yours that is not set up",
		[GP_CAUSE_OTHER_ENVELOPE] = "forged, or a sender of yours that does not sign",
		[GP_CAUSE_OTHER_REFUSED] = "forged, or a sender of yours that is not set up",
		[GP_CAUSE_NOT_LISTED] = "forged, forwarded, or a server of yours that is not in it",
		[GP_CAUSE_NO_RECORD] = "look at the SPF record",
		[GP_CAUSE_STRICT_ENVELOPE] = "sign, or publish aspf=r",
		[GP_CAUSE_ENVELOPE_NOT_TAKEN] = "only HELO passes, or the reporter is in error",
	};
	return by_dkim[c->dkim] ? by_dkim[c->dkim] : by_spf[c->spf];
}

void
gp_cause_put(const struct gp_cause *cause, struct gp_buf *out)
{
	put_dkim(cause, out);
	gp_buf_put_str(out, "; ");
	put_spf(cause, out);
	gp_buf_printf(out, ": %s", remedy_of(cause));
}

const char *
gp_cause_dkim_name(uint8_t dkim)
{
	static const char *const names[GP_CAUSE_DKIMS] = {
		[GP_CAUSE_NO_SIGNATURE] = "no_signature",
		[GP_CAUSE_OTHER_SIGNER] = "other_signer",
		[GP_CAUSE_OTHER_BROKEN] = "other_broken",
		[GP_CAUSE_BROKEN] = "broken",
		[GP_CAUSE_NO_KEY] = "no_key",
		[GP_CAUSE_STRICT_SIGNER] = "strict",
		[GP_CAUSE_SIGNER_NOT_TAKEN] = "not_taken",
	};
	gp_assert(dkim < GP_CAUSE_DKIMS);
	return names[dkim];
}

const char *
gp_cause_spf_name(uint8_t spf)
{
	static const char *const names[GP_CAUSE_SPFS] = {
		[GP_CAUSE_SPF_UNTOLD] = "untold",
		[GP_CAUSE_OTHER_ENVELOPE] = "other_envelope",
		[GP_CAUSE_OTHER_REFUSED] = "other_refused",
		[GP_CAUSE_NOT_LISTED] = "not_listed",
		[GP_CAUSE_NO_RECORD] = "no_record",
		[GP_CAUSE_STRICT_ENVELOPE] = "strict",
		[GP_CAUSE_ENVELOPE_NOT_TAKEN] = "not_taken",
	};
	gp_assert(spf < GP_CAUSE_SPFS);
	return names[spf];
}

/* --- of a source --- */

struct listening {
	struct gp_causes causes;
	struct gp_ingest_head head; /* its domain is `domain` */
	struct gp_slice domain;
};

static int
on_head(void *context, const struct gp_ingest_head *head)
{
	struct listening *l = context;
	l->head = (struct gp_ingest_head){.domain = l->domain,
					  .adkim_strict = head->adkim_strict,
					  .aspf_strict = head->aspf_strict};
	return 0;
}

static int
on_row(void *context, const struct gp_ingest_row *row)
{
	struct listening *l = context;
	gp_causes_add(&l->causes, &l->head, row);
	return l->causes.rows >= GP_CAUSE_ROWS_MAX;
}

int
gp_reportdb_cause(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		  const struct gp_reportdb_source *s, struct gp_arena *arena, struct gp_cause *ret)
{
	struct gp_reportdb_range last = *range;
	last.to_day = GP_MIN(range->to_day, s->last_day);
	last.from_day = GP_MAX(range->from_day, last.to_day - (GP_CAUSE_DAYS - 1));
	struct listening *l = gp_arena_new(arena, struct listening);
	if (!l)
		return -ENOMEM;
	*l = (struct listening){.causes.arena = arena, .domain = range->domain};
	const struct gp_ingest_listener listener = {.context = l, .head = on_head, .row = on_row};
	int r = gp_reportdb_tell_source(db, &last, s->address, &listener);
	const struct gp_cause *first = gp_causes_first(&l->causes);
	if (r < 0 || arena->failed)
		return r < 0 ? r : -ENOMEM;
	if (first)
		*ret = *first;
	return first ? 0 : 1;
}
