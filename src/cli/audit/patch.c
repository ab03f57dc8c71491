/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/patch.h"

#include <errno.h>
#include <string.h>

#include "core/dane/match.h"
#include "core/dkim/signature.h"
#include "core/identity/visible.h"

/* --- taking --- */

static bool
is_at(const struct gp_finding_record *a, const struct gp_finding_record *b)
{
	return gp_slice_eq_nocase(a->name, b->name) && strcmp(a->type, b->type) == 0;
}

/* A domain may have the same fault at several places, as of its DKIM keys: each is taken. */
static bool
is_taken(const struct audit_patch *p, const struct gp_finding *f)
{
	for (size_t i = 0; i < p->taken_len; i++) {
		if (p->taken[i].kind == f->kind && is_at(&p->taken[i].first, &f->records[0]))
			return true;
	}
	return false;
}

static const struct gp_finding *
find_gravest(const struct audit_patch *p, const struct gp_findings *findings)
{
	const struct gp_finding *best = NULL;
	for (size_t i = 0; i < findings->len; i++) {
		const struct gp_finding *f = &findings->items[i];
		bool fit = f->state == GP_FINDING_FAIL && f->records_len > 0 && !is_taken(p, f);
		if (fit && (!best || f->severity > best->severity))
			best = f;
	}
	return best;
}

uint16_t
audit_patch_type(const struct gp_finding_record *r)
{
	if (strcmp(r->type, "TXT") == 0)
		return GP_DNS_TXT;
	if (strcmp(r->type, "TLSA") == 0)
		return GP_DNS_TLSA;
	if (strcmp(r->type, "CAA") == 0)
		return GP_DNS_CAA;
	gp_assert(strcmp(r->type, "MX") == 0);
	return GP_DNS_MX;
}

/* FLAGS TAG "VALUE", as evaluators write it: without escapes. */
static bool
read_caa(struct gp_slice text, struct gp_dns_record *ret)
{
	uint64_t flags;
	if (!gp_slice_u64(gp_slice_cut(&text, ' '), UINT8_MAX, &flags))
		return false;
	struct gp_slice tag = gp_slice_cut(&text, ' ');
	gp_assert(text.len >= 2);
	*ret = (struct gp_dns_record){.type = GP_DNS_CAA,
				      .flags = (uint8_t)flags,
				      .tag = tag,
				      .data = gp_slice(text.ptr + 1, text.len - 2)};
	return true;
}

static bool
read_record(const struct gp_finding_record *r, struct gp_arena *arena, struct gp_dns_record *ret)
{
	struct gp_slice host = r->value;
	uint64_t preference = 0;
	*ret = (struct gp_dns_record){.type = GP_DNS_TXT, .data = r->value};
	if (audit_patch_type(r) == GP_DNS_TXT)
		return true;
	if (audit_patch_type(r) == GP_DNS_TLSA)
		return gp_dane_record_read(r->value, arena, ret);
	if (audit_patch_type(r) == GP_DNS_CAA)
		return read_caa(r->value, ret);
	if (!gp_slice_u64(gp_slice_cut(&host, ' '), UINT16_MAX, &preference))
		return false;
	*ret = (struct gp_dns_record){
		.type = GP_DNS_MX, .preference = (uint16_t)preference, .name = host};
	return true;
}

static bool
is_among(const struct gp_finding_record *list, size_t len, const struct gp_finding_record *one)
{
	for (size_t i = 0; i < len; i++) {
		if (is_at(&list[i], one) && gp_slice_eq(list[i].value, one->value))
			return true;
	}
	return false;
}

/* What is not printable as \DDD, as master files have it (RFC 1035 section 5.1). */
static void
put_octet(struct gp_buf *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		gp_buf_printf(out, "\\%c", c);
	else if (c < ' ' || c > '~')
		gp_buf_printf(out, "\\%03u", c);
	else
		gp_buf_put_char(out, (char)c);
}

/* Whoever owns the domain wrote the value, so a line that it has is no line of the patch. */
static struct gp_slice
show_caa(struct audit_patch *p, const struct gp_dns_record *r)
{
	enum { VALUE_MAX = 4 * UINT16_MAX }; /* each octet as \DDD */
	struct gp_buf value = GP_BUF_INIT(VALUE_MAX);
	for (size_t i = 0; i < r->data.len; i++)
		put_octet(&value, (unsigned char)r->data.ptr[i]);
	struct gp_slice text =
		gp_arena_printf(p->arena, "%u %.*s \"%.*s\"", r->flags, GP_SLICE_FMT(r->tag),
				GP_SLICE_FMT(gp_buf_slice(&value)));
	p->arena->failed |= value.failed;
	gp_buf_free(&value);
	return text;
}

/* Of what an earlier finding has published, nothing is there now. */
static void
note_replaced(struct audit_patch *p, const struct gp_finding_record *at,
	      const struct gp_dns_record *there)
{
	struct gp_finding_record r = {gp_arena_dup(p->arena, at->name), at->type,
				      gp_arena_dup(p->arena, there->data)};
	if (there->type == GP_DNS_MX)
		r.value = gp_arena_printf(p->arena, "%u %.*s", there->preference,
					  GP_SLICE_FMT(there->name));
	if (there->type == GP_DNS_CAA)
		r.value = show_caa(p, there);
	if (there->type == GP_DNS_TLSA)
		r.value = gp_dane_record_text(there, p->arena);
	if (p->replaced_len < PATCH_RECORDS_MAX && !is_among(p->records, p->records_len, &r))
		p->replaced[p->replaced_len++] = r;
}

/* All records of the finding that stand at the place of this one, and what stays there. */
static int
publish(struct audit_patch *p, struct gp_answers *set, const struct gp_finding *f,
	const struct gp_finding_record *at)
{
	struct gp_dns_answer was, is;
	uint16_t type = audit_patch_type(at);
	if (!gp_answers_find(set, at->name, type, &was))
		was = (struct gp_dns_answer){};
	struct gp_dns_record *list =
		gp_arena_array(p->arena, was.records_len + f->records_len, sizeof(*list));
	size_t len = 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < was.records_len; i++) {
		if (gp_posture_is_replaced(at->name, &was.records[i]))
			note_replaced(p, at, &was.records[i]);
		else
			list[len++] = was.records[i];
	}
	for (size_t i = 0; i < f->records_len; i++) {
		if (is_at(&f->records[i], at) && read_record(&f->records[i], p->arena, &list[len]))
			len++;
	}
	/* TLSA records are proposed in signed zones alone. */
	bool secure = was.secure || type == GP_DNS_TLSA;
	is = (struct gp_dns_answer){at->name, at->name, type, GP_DNS_OK, secure, list, len};
	return gp_answers_add(set, &is) == 0 ? 0 : -ENOMEM;
}

/* What an earlier finding wanted at the same place gives way. */
static void
drop(struct audit_patch *p, const struct gp_finding_record *at)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->records_len; i++) {
		if (!is_at(&p->records[i], at))
			p->records[kept++] = p->records[i];
	}
	p->records_len = kept;
}

static int
note(struct audit_patch *p, const struct gp_finding *f)
{
	for (size_t i = 0; i < f->records_len; i++)
		drop(p, &f->records[i]);
	for (size_t i = 0; i < f->records_len && p->records_len < PATCH_RECORDS_MAX; i++) {
		const struct gp_finding_record *r = &f->records[i];
		p->records[p->records_len++] = (struct gp_finding_record){
			gp_arena_dup(p->arena, r->name), r->type, gp_arena_dup(p->arena, r->value)};
	}
	p->taken[p->taken_len].kind = f->kind;
	p->taken[p->taken_len].first = (struct gp_finding_record){
		.name = gp_arena_dup(p->arena, f->records[0].name), .type = f->records[0].type};
	p->taken[p->taken_len++].fix = gp_arena_dup(p->arena, f->fix);
	return p->arena->failed ? -ENOMEM : 0;
}

int
audit_patch_next(struct audit_patch *p, struct gp_answers *set, const struct gp_findings *findings)
{
	const struct gp_finding *f =
		p->taken_len < PATCH_FINDINGS_MAX ? find_gravest(p, findings) : NULL;
	if (!f)
		return 1;
	for (size_t i = 0; i < f->records_len; i++) {
		bool first = true;
		for (size_t k = 0; k < i; k++)
			first &= !is_at(&f->records[k], &f->records[i]);
		int r = first ? publish(p, set, f, &f->records[i]) : 0;
		if (r < 0)
			return r;
	}
	return note(p, f);
}

/* --- writing --- */

static void
put_comment(struct gp_buf *out, const char *id, struct gp_slice text, struct gp_arena *arena)
{
	gp_buf_printf(out, "; %s", id);
	for (const char *before = text.len > 0 ? ": " : ""; text.len > 0; before = "\n;   ") {
		struct gp_slice line = gp_visible(gp_slice_cut(&text, '\n'), arena);
		gp_buf_printf(out, "%s%.*s", before, GP_SLICE_FMT(line));
	}
	gp_buf_put_char(out, '\n');
}

/* Names of answers may have any octet, and these mean something to who reads the lines. */
static void
put_name(struct gp_buf *out, struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (gp_slice_find(GP_SLICE("\"();@$"), c) >= 0)
			gp_buf_put_char(out, '\\');
		gp_buf_put_char(out, c);
		if (c == '\\' && i + 1 < name.len) /* with what it escapes */
			gp_buf_put_char(out, name.ptr[++i]);
	}
}

/* Strings of 255 octets at most. */
static void
put_strings(struct gp_buf *out, struct gp_slice text)
{
	enum { STRING_MAX = 255 };
	for (size_t i = 0; i < text.len || i == 0; i++) {
		unsigned char c = text.len > 0 ? (unsigned char)text.ptr[i] : 0;
		if (i % STRING_MAX == 0)
			gp_buf_put_str(out, i == 0 ? "\"" : "\" \"");
		if (text.len == 0)
			break;
		put_octet(out, c);
	}
	gp_buf_put_char(out, '"');
}

static void
put_value(struct gp_buf *out, const struct gp_finding_record *r)
{
	uint16_t type = audit_patch_type(r);
	if (type == GP_DNS_TXT) {
		put_strings(out, r->value);
	} else if (type == GP_DNS_TLSA || type == GP_DNS_CAA) {
		gp_buf_put(out, r->value);
	} else {
		put_name(out, r->value); /* behind the preference, which has nothing to escape */
		if (!gp_slice_ends_nocase(r->value, GP_SLICE(" .")))
			gp_buf_put_char(out, '.');
	}
	gp_buf_put_char(out, '\n');
}

/* A record of a domain above, which speaks for others, too: the patch of that domain has it, and
   two DMARC records that differ would be as none (RFC 9989 section 4.10). */
static bool
is_above(const struct gp_finding_record *r, struct gp_slice domain)
{
	static const struct gp_slice label = GP_SLICE("_dmarc.");
	bool dmarc = gp_slice_starts_nocase(r->name, label);
	struct gp_slice owner = gp_slice_drop(r->name, dmarc ? label.len : 0);
	return !gp_dkim_is_below(r->name, domain) && gp_dkim_is_below(domain, owner);
}

static void
put_zone(const struct audit_patch *p, struct gp_slice domain, struct gp_buf *out)
{
	for (size_t i = 0; i < p->replaced_len; i++) {
		const struct gp_finding_record *r = &p->replaced[i];
		if (is_above(r, domain) || is_among(p->records, p->records_len, r))
			continue;
		gp_buf_put_str(out, "; in place of ");
		put_name(out, r->name);
		gp_buf_printf(out, ".\t%s\t", r->type);
		put_value(out, r);
	}
	for (size_t i = 0; i < p->records_len; i++) {
		const struct gp_finding_record *r = &p->records[i];
		if (is_above(r, domain))
			gp_buf_put_str(out, "; of a domain above: ");
		put_name(out, r->name);
		gp_buf_printf(out, ".\t%d\tIN\t%s\t", PATCH_TTL_S, r->type);
		put_value(out, r);
	}
}

/* --- commands of nsupdate --- */

/* How a TXT record is cut into strings is not known, and two that are cut otherwise are two (RFC
   2136 section 1.1.1): so all of the place go, and those that stay are added again. */
static bool
is_emptied(const struct audit_patch *p, const struct gp_finding_record *at)
{
	for (size_t i = 0; i < p->replaced_len; i++) {
		if (audit_patch_type(at) == GP_DNS_TXT && is_at(&p->replaced[i], at))
			return true;
	}
	return false;
}

/* The first of its place in the list? */
static bool
is_first(const struct gp_finding_record *list, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (is_at(&list[k], &list[i]))
			return false;
	}
	return true;
}

static void
put_deletion(const struct audit_patch *p, size_t i, struct gp_buf *out)
{
	const struct gp_finding_record *r = &p->replaced[i];
	bool all = is_emptied(p, r);
	if (all ? !is_first(p->replaced, i) : is_among(p->records, p->records_len, r))
		return;
	gp_buf_put_str(out, "update delete ");
	put_name(out, r->name);
	gp_buf_printf(out, ". IN %s%s", r->type, all ? "\n" : " ");
	if (!all)
		put_value(out, r);
}

static void
put_addition(const struct gp_finding_record *r, struct gp_buf *out)
{
	gp_buf_put_str(out, "update add ");
	put_name(out, r->name);
	gp_buf_printf(out, ". %d IN %s ", PATCH_TTL_S, r->type);
	put_value(out, r);
}

/* What stays beside others is added once more, which changes nothing (section 3.4.2.2). */
static void
put_additions(const struct audit_patch *p, const struct gp_answers *set, size_t i,
	      struct gp_buf *out)
{
	const struct gp_finding_record *r = &p->records[i];
	struct gp_dns_answer all = {};
	if (!is_emptied(p, r)) {
		put_addition(r, out);
		return;
	}
	if (is_first(p->records, i))
		(void)gp_answers_find(set, r->name, GP_DNS_TXT, &all);
	for (size_t k = 0; k < all.records_len; k++)
		put_addition(&(struct gp_finding_record){r->name, r->type, all.records[k].data},
			     out);
}

/* One outside the zone would have all of the transaction refused (section 3.4.1.3). */
static void
put_others(const struct audit_patch *p, struct gp_slice domain, struct gp_buf *out)
{
	for (size_t i = 0; i < p->records_len; i++) {
		if (gp_dkim_is_below(p->records[i].name, domain))
			continue;
		gp_buf_put_str(out, "; in another zone: ");
		put_addition(&p->records[i], out);
	}
}

static void
put_nsupdate(const struct audit_patch *p, const struct gp_answers *set, struct gp_slice domain,
	     struct gp_buf *out)
{
	bool any = false;
	for (size_t i = 0; i < p->replaced_len; i++) {
		if (gp_dkim_is_below(p->replaced[i].name, domain))
			put_deletion(p, i, out);
	}
	for (size_t i = 0; i < p->records_len; i++) {
		if (!gp_dkim_is_below(p->records[i].name, domain))
			continue;
		put_additions(p, set, i, out);
		any = true;
	}
	if (any)
		gp_buf_put_str(out, "send\n");
	put_others(p, domain, out);
}

/* --- all of it --- */

void
audit_patch_write(const struct audit_patch *p, uint8_t form, const struct gp_answers *set,
		  const struct gp_posture_result *left, struct gp_arena *arena, struct gp_buf *out)
{
	gp_buf_printf(out, "; %.*s (%s)\n", GP_SLICE_FMT(left->facts.domain),
		      gp_posture_class_name(left->facts.class));
	for (size_t i = 0; i < p->taken_len; i++)
		put_comment(out, p->taken[i].kind->id, p->taken[i].fix, arena);
	if (form == AUDIT_PATCH_NSUPDATE)
		put_nsupdate(p, set, left->facts.domain, out);
	else
		put_zone(p, left->facts.domain, out);
	for (size_t i = 0; i < left->findings.len; i++) {
		const struct gp_finding *f = &left->findings.items[i];
		if (f->state == GP_FINDING_FAIL)
			put_comment(out, f->kind->id,
				    gp_arena_printf(arena, "not mended by records: %.*s",
						    GP_SLICE_FMT(f->evidence)),
				    arena);
	}
}
