/* SPDX-License-Identifier: Apache-2.0 */
#include "core/verify/results.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	PROPERTIES_MAX = 5, /* of a result of ours */
	/* Octets of b= that tell signatures of one domain apart (RFC 6008). */
	B_SHOWN = 8,
	RESULTS_MAX = 2 + GP_VERIFY_SIGNATURES_TOLD + 2,
};

/* A result on its way, with room for its properties. */
struct entry {
	struct gp_authres_property properties[PROPERTIES_MAX];
};

struct writer {
	struct gp_authres_result *results;
	struct entry *entries;
	size_t len;
	struct gp_arena *arena;
	bool utf8;
};

static struct gp_authres_result *
begin(struct writer *w, const char *method, const char *result)
{
	gp_assert(w->len < RESULTS_MAX);
	struct gp_authres_result *r = &w->results[w->len];
	*r = (struct gp_authres_result){.method = gp_slice_str(method),
					.result = gp_slice_str(result),
					.properties = w->entries[w->len].properties};
	w->len++;
	return r;
}

/* What a signature says of itself may hold any octet; a field of ours must not be what the rest of
 * the message need not be. */
static struct gp_slice
ascii(struct writer *w, struct gp_slice s)
{
	char *to = w->utf8 ? NULL : gp_arena_alloc(w->arena, s.len);
	for (size_t i = 0; to && i < s.len; i++)
		to[i] = (unsigned char)s.ptr[i] < 128 ? s.ptr[i] : '?';
	return to ? gp_slice(to, s.len) : s;
}

/* Of the result that was begun last. */
static void
add(struct writer *w, const char *type, const char *name, struct gp_slice value)
{
	struct gp_authres_result *r = &w->results[w->len - 1];
	gp_assert(r->properties_len < PROPERTIES_MAX);
	w->entries[w->len - 1].properties[r->properties_len++] = (struct gp_authres_property){
		gp_slice_str(type), gp_slice_str(name), ascii(w, value)};
}

/* Section 2.7.2; without a reverse-path HELO is what was checked. */
static void
put_spf(struct writer *w, const struct gp_verify_query *q, const struct gp_verify_facts *f)
{
	bool null = q->sender.len == 0;
	if (f->mail_from) {
		begin(w, "spf", gp_spf_verdict_name(f->mail_from->verdict));
		add(w, "smtp", null ? "helo" : "mailfrom", null ? q->helo : q->sender);
	}
	if (f->helo) {
		begin(w, "spf", gp_spf_verdict_name(f->helo->verdict));
		add(w, "smtp", "helo", q->helo);
	}
}

/* The first octets of b=, which may be folded anywhere. */
static struct gp_slice
shown_part(struct gp_slice b, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, B_SHOWN);
	size_t len = 0;
	for (size_t i = 0; to && i < b.len && len < B_SHOWN; i++) {
		if (b.ptr[i] > ' ')
			to[len++] = b.ptr[i];
	}
	return gp_slice(to, len);
}

/* Section 2.7.1. */
static void
put_signature(struct writer *w, const struct gp_dkim_verdict *d)
{
	const struct gp_dkim_signature *sig = d->signature;
	begin(w, "dkim", gp_dkim_result_name(d->result))->reason =
		gp_slice_str(d->reason ? d->reason : "");
	add(w, "header", "d", sig->domain);
	add(w, "header", "i", sig->identity);
	add(w, "header", "s", sig->selector);
	add(w, "header", "a", sig->algorithm_name);
	add(w, "header", "b", shown_part(sig->raw, w->arena));
}

static void
put_dkim(struct writer *w, const struct gp_verify_facts *f)
{
	size_t len = GP_MIN(f->dkim_len, (size_t)GP_VERIFY_SIGNATURES_TOLD);
	if (len == 0)
		begin(w, "dkim", "none");
	for (size_t i = 0; i < len; i++)
		put_signature(w, &f->dkim[i]);
}

/* RFC 9989 section 9.2. */
static void
put_dmarc(struct writer *w, const struct gp_verify_facts *f)
{
	const char *policy = f->dmarc ? gp_dmarc_policy_name(f->dmarc->policy) : NULL;
	if (!f->dmarc)
		return;
	struct gp_authres_result *r = begin(w, "dmarc", gp_dmarc_verdict_name(f->dmarc->verdict));
	if (f->author.state != GP_DMARC_AUTHOR_OK)
		r->reason = gp_slice_str(gp_dmarc_author_text(f->author.state));
	else if (f->author.broken)
		r->reason = GP_SLICE("the From field is malformed, and names one address");
	add(w, "header", "from", f->dmarc->from_domain);
	if (policy)
		add(w, "policy", "dmarc", gp_slice_str(policy));
}

/* RFC 8617 section 4.4: which host handed on what was verified, and since when the message has not
 * been changed. Most mail has no chain, which need not be told. */
static void
put_arc(struct writer *w, const struct gp_verify_query *q, const struct gp_verify_facts *f)
{
	char address[INET6_ADDRSTRLEN];
	if (!f->arc || f->arc->result == GP_ARC_NONE)
		return;
	begin(w, "arc", gp_arc_result_name(f->arc->result))->reason = f->arc->reason;
	if (q->address_len > 0 && inet_ntop(q->address_len == 4 ? AF_INET : AF_INET6, q->address,
					    address, sizeof(address)))
		add(w, "smtp", "remote-ip", gp_arena_dup(w->arena, gp_slice_str(address)));
	if (f->arc->result == GP_ARC_PASS)
		add(w, "header", "oldest-pass",
		    gp_arena_printf(w->arena, "%u", f->arc->oldest_pass));
}

int
gp_verify_results(const struct gp_verify_query *query, const struct gp_verify_facts *facts,
		  struct gp_slice id, struct gp_arena *arena, struct gp_authres *ret)
{
	struct writer w = {
		.arena = arena,
		.utf8 = query->utf8,
		.results = gp_arena_array(arena, RESULTS_MAX, sizeof(*w.results)),
		.entries = gp_arena_array(arena, RESULTS_MAX, sizeof(*w.entries)),
	};
	if (!w.results || !w.entries)
		return -ENOMEM;
	put_spf(&w, query, facts);
	put_dkim(&w, facts);
	put_dmarc(&w, facts);
	put_arc(&w, query, facts);
	*ret = (struct gp_authres){id, w.results, w.len};
	return arena->failed ? -ENOMEM : 0;
}
