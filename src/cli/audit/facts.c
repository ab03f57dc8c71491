/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/facts.h"

#include "core/dmarc/record.h"
#include "core/message/date.h"

enum { KEYS_MAX = 40 }; /* of which the fingerprints are kept */

struct writing {
	struct gp_arena *arena;
	struct audit_fact *list;
	size_t len;
};

static void
put(struct writing *w, const char *name, struct gp_slice value)
{
	gp_assert(w->len < AUDIT_FACTS_MAX);
	w->list[w->len++] = (struct audit_fact){gp_slice_str(name), value};
}

static void
put_word(struct writing *w, const char *name, const char *word)
{
	put(w, name, gp_slice_str(word));
}

static void
put_number(struct writing *w, const char *name, unsigned number)
{
	put(w, name, gp_arena_printf(w->arena, "%u", number));
}

static bool
is_among(const struct audit_fact *first, const struct audit_fact *end, struct gp_slice name)
{
	while (first < end && !gp_slice_eq(first->name, name))
		first++;
	return first < end;
}

/* Fingerprints by selector, sorted; a selector may be named twice. */
static void
put_keys(struct writing *w, const struct gp_posture_facts *f)
{
	struct audit_fact *first = w->list + w->len;
	for (size_t i = 0; i < GP_MIN(f->dkim.list_len, (size_t)KEYS_MAX); i++) {
		const struct gp_posture_key *k = &f->dkim.list[i];
		struct gp_slice name =
			gp_arena_printf(w->arena, "dkim.key.%.*s", GP_SLICE_FMT(k->selector));
		if (is_among(first, w->list + w->len, name))
			continue;
		struct audit_fact *at = w->list + w->len;
		for (; at > first && gp_slice_cmp(at[-1].name, name) > 0; at--)
			*at = at[-1];
		*at = (struct audit_fact){name, k->fingerprint};
		w->len++;
	}
}

static void
put_dmarc(struct writing *w, const struct gp_posture_facts *f)
{
	if (!f->dmarc.known)
		return;
	if (!f->dmarc.present) {
		put_word(w, "dmarc", "none");
		return;
	}
	put_word(w, "dmarc", f->dmarc.testing ? "testing" : "present");
	put(w, "dmarc.at", f->dmarc.at);
	put_word(w, "dmarc.p", gp_dmarc_policy_name(f->dmarc.p));
	put(w, "dmarc.record", f->dmarc.record);
	put_word(w, "dmarc.sp", gp_dmarc_policy_name(f->dmarc.sp));
}

/* In an order that is not the answer's, which may be another each time. */
static bool
stands_before(const struct gp_dns_record *a, const struct gp_dns_record *b)
{
	return a->preference != b->preference ? a->preference < b->preference
					      : gp_slice_cmp(a->name, b->name) < 0;
}

static struct gp_slice
mx_text(struct writing *w, const struct gp_dns_record *records, size_t len)
{
	struct gp_dns_record first[GP_POSTURE_HOSTS_MAX] = {};
	struct gp_slice text = GP_SLICE("");
	size_t kept = 0;
	for (size_t i = 0; i < len; i++) {
		size_t at = GP_MIN(kept, GP_ARRAY_LEN(first) - 1);
		if (kept == GP_ARRAY_LEN(first) && !stands_before(&records[i], &first[at]))
			continue;
		for (; at > 0 && stands_before(&records[i], &first[at - 1]); at--)
			first[at] = first[at - 1];
		first[at] = records[i];
		kept = GP_MIN(kept + 1, GP_ARRAY_LEN(first));
	}
	for (size_t i = 0; i < kept; i++)
		text = gp_arena_printf(w->arena, "%.*s%s%u %.*s", GP_SLICE_FMT(text),
				       i > 0 ? ", " : "", (unsigned)first[i].preference,
				       GP_SLICE_FMT(first[i].name));
	return text;
}

static void
put_mx(struct writing *w, const struct gp_posture_facts *f)
{
	if (!f->mx.known)
		return;
	if (f->mx.null || f->mx.implicit || f->mx.len == 0)
		put_word(w, "mx", f->mx.null ? "null" : f->mx.implicit ? "implicit" : "none");
	else
		put(w, "mx", mx_text(w, f->mx.records, f->mx.len));
}

/* audit watch tells of it ahead: news.h. */
static void
put_expiry(struct writing *w, const struct gp_posture_facts *f)
{
	if (f->certificate_until_s > 0)
		put(w, "expires.certificate",
		    gp_arena_printf(w->arena, "%s",
				    gp_date_stamp((uint64_t)f->certificate_until_s).s));
}

static void
put_spf(struct writing *w, const struct gp_posture_facts *f)
{
	if (!f->spf.known)
		return;
	put_word(w, "spf",
		 !f->spf.present ? "none"
		 : !f->spf.valid ? "invalid"
		 : f->spf.nobody ? "nobody"
				 : "valid");
	if (f->spf.present && f->spf.valid)
		put_number(w, "spf.lookups", f->spf.lookups);
	if (f->spf.record.len > 0)
		put(w, "spf.record", f->spf.record);
}

size_t
audit_facts(const struct gp_posture_facts *f, struct gp_arena *arena,
	    struct audit_fact ret[AUDIT_FACTS_MAX])
{
	struct writing w = {.arena = arena, .list = ret};
	put_word(&w, "class", gp_posture_class_name(f->class));
	put_keys(&w, f);
	put_number(&w, "dkim.keys", f->dkim.keys);
	put_number(&w, "dkim.revoked", f->dkim.revoked);
	put_dmarc(&w, f);
	put_expiry(&w, f);
	put_mx(&w, f);
	if (f->org.len > 0)
		put(&w, "org", f->org);
	put_spf(&w, f);
	if (f->sts.id.len > 0)
		put(&w, "sts.id", f->sts.id);
	if (f->sts.policy.len > 0)
		put(&w, "sts.policy", f->sts.policy);
	return w.len;
}
