/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlspolicy/parts.h"

enum { STS_LINES = 3 }; /* of a policy, beside its mx */

static struct gp_tlspolicy_report *
add(struct gp_tlspolicy_weigh *w, uint8_t policy, uint8_t failure, const char *reason)
{
	struct gp_tlspolicy_verdict *v = w->verdict;
	gp_assert(v->reports_len < GP_TLSPOLICY_REPORTS_MAX);
	struct gp_tlspolicy_report *r = &v->reports[v->reports_len++];
	*r = (struct gp_tlspolicy_report){
		.policy = policy, .failure = failure, .reason = reason, .domain = w->query->domain};
	return r;
}

/* "3 1 1 0123..." (RFC 8460 section 4.2: the TLSA record's presentation) */
static struct gp_slice
write_record(struct gp_arena *arena, const struct gp_dns_record *record)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = gp_arena_alloc(arena, 2 * record->data.len);
	if (!hex)
		return GP_SLICE("");
	for (size_t i = 0; i < record->data.len; i++) {
		hex[2 * i] = digits[(uint8_t)record->data.ptr[i] >> 4];
		hex[2 * i + 1] = digits[(uint8_t)record->data.ptr[i] & 15];
	}
	return gp_arena_printf(arena, "%u %u %u %.*s", record->usage, record->selector,
			       record->matching, GP_SLICE_FMT(gp_slice(hex, 2 * record->data.len)));
}

void
gp_tlspolicy_report_tlsa(struct gp_tlspolicy_weigh *w, uint8_t failure, const char *reason)
{
	struct gp_tlspolicy_report *r = add(w, GP_TLSRPT_TLSA, failure, reason);
	const struct gp_dane_result *d = &w->dane;
	size_t len = GP_MIN(d->rrset_len, (size_t)GP_DANE_RECORDS_MAX);
	struct gp_slice *strings = gp_arena_array(w->arena, len, sizeof(*strings));
	r->domain = d->base.len > 0 ? d->base : w->target->host;
	r->strings = strings;
	for (size_t i = 0; strings && i < len; i++)
		strings[r->strings_len++] = write_record(w->arena, &d->rrset[i]);
}

void
gp_tlspolicy_report_sts(struct gp_tlspolicy_weigh *w, uint8_t failure, const char *reason)
{
	struct gp_tlspolicy_report *r = add(w, GP_TLSRPT_STS, failure, reason);
	const struct gp_mtasts_policy *p = w->query->sts.policy;
	if (!p)
		return;
	struct gp_slice *s = gp_arena_array(w->arena, p->mx_len + STS_LINES, sizeof(*s));
	if (!s)
		return;
	r->strings = s;
	r->mx = p->mx;
	r->mx_len = p->mx_len;
	s[r->strings_len++] = GP_SLICE("version: STSv1");
	s[r->strings_len++] = gp_arena_printf(w->arena, "mode: %s", gp_mtasts_mode_name(p->mode));
	for (size_t i = 0; i < p->mx_len; i++)
		s[r->strings_len++] = gp_arena_printf(w->arena, "mx: %.*s", GP_SLICE_FMT(p->mx[i]));
	s[r->strings_len++] = gp_arena_printf(w->arena, "max_age: %u", p->max_age_s);
}

void
gp_tlspolicy_report_no_policy(struct gp_tlspolicy_weigh *w)
{
	add(w, GP_TLSRPT_NO_POLICY, 0, NULL);
}
