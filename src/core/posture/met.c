/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/met.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/dane/server_name.h"

/* --- whom the domain's mail goes to --- */

int
gp_posture_host_cmp(const struct gp_posture_host *a, const struct gp_posture_host *b)
{
	if (a->address_len != b->address_len)
		return a->address_len < b->address_len ? -1 : 1;
	return memcmp(a->address, b->address, a->address_len);
}

/* As it was asked in that name, or else as it was met; NULL: nobody looked. */
static const struct gp_posture_host *
find(const struct gp_posture_hosts *hosts, struct gp_slice name,
     const struct gp_dns_record *address)
{
	struct gp_posture_host key = {.address_len = address->type == GP_DNS_A ? 4 : 16};
	size_t low = 0;
	memcpy(key.address, address->address, key.address_len);
	for (size_t high = hosts->len; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (gp_posture_host_cmp(&hosts->list[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct gp_posture_host *first = NULL;
	for (size_t i = low; i < hosts->len && gp_posture_host_cmp(&hosts->list[i], &key) == 0;
	     i++) {
		if (gp_slice_eq_nocase(hosts->list[i].asked, name))
			return &hosts->list[i];
		first = first ? first : &hosts->list[i];
	}
	return first;
}

static void
meet(struct posture_run *run, struct posture_met_list *met, const struct gp_dns_record *mx,
     const struct gp_dns_answer *answer)
{
	static const struct gp_posture_host nobody = {.why = "it was not looked at"};
	for (size_t i = 0; i < answer->records_len && met->len < MET_MAX; i++) {
		const struct gp_posture_host *host =
			find(run->query->hosts, mx->name, &answer->records[i]);
		met->list[met->len++] = (struct posture_met){.name = mx->name,
							     .preference = mx->preference,
							     .secure = answer->secure,
							     .address = &answer->records[i],
							     .host = host ? host : &nobody};
	}
}

static void
note_end(struct posture_run *run, const struct gp_posture_host *h)
{
	int64_t *first = &run->facts->certificate_until_s;
	for (size_t i = 0; i < h->chains_len; i++) {
		int64_t until_s = h->chains[i].until_s;
		if (until_s > 0 && (*first == 0 || until_s < *first))
			*first = until_s;
	}
}

void
posture_read_met(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_met_list *met = gp_arena_new(run->arena, struct posture_met_list);
	if (!met)
		return;
	*met = (struct posture_met_list){};
	run->met = met;
	posture_read_policy(run, met);
	for (size_t i = 0; run->query->hosts && i < GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX);
	     i++) {
		struct gp_dns_answer a, aaaa;
		bool known = posture_ask(run, f->mx.records[i].name, GP_DNS_A, &a);
		known &= posture_ask(run, f->mx.records[i].name, GP_DNS_AAAA, &aaaa);
		if (!known)
			continue;
		meet(run, met, &f->mx.records[i], &a);
		meet(run, met, &f->mx.records[i], &aaaa);
	}
	for (size_t i = 0; i < met->len; i++)
		note_end(run, met->list[i].host);
}

/* --- telling --- */

struct gp_slice
posture_met_show(struct posture_run *run, const struct posture_met *m)
{
	return gp_arena_printf(run->arena, "%.*s %.*s", GP_SLICE_FMT(m->name),
			       GP_SLICE_FMT(posture_show_address(run, m->address)));
}

void
posture_bad(struct posture_run *run, struct posture_verdict *v, const struct posture_met *m,
	    uint8_t severity, const char *fmt, ...)
{
	char text[GP_FINDING_EVIDENCE_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	if (v->bad.len == 0)
		v->software = m->host->software;
	v->severity = v->bad.len == 0 ? severity : GP_MAX(v->severity, severity);
	posture_list_add(run, &v->bad, "%.*s: %s", GP_SLICE_FMT(posture_met_show(run, m)), text);
}

void
posture_cannot_tell(struct posture_run *run, struct posture_verdict *v, const struct posture_met *m,
		    const char *why)
{
	posture_list_add(run, &v->unknown, "%.*s: %s", GP_SLICE_FMT(posture_met_show(run, m)), why);
}

void
posture_tell(struct posture_run *run, const struct gp_finding_kind *kind,
	     const struct posture_verdict *v, struct gp_slice fix)
{
	const struct posture_mend m = {.evidence = v->bad.text, .fix = fix};
	if (v->bad.len > 0)
		posture_add(run, kind, v->severity, &m);
	else if (v->unknown.len > 0)
		posture_not_measured(run, kind, v->unknown.text);
	else if (run->met->len == 0)
		posture_not_measured(run, kind, GP_SLICE("no MX host has an address"));
}

/* --- what was seen --- */

const char posture_other_name[] =
	"the address was asked in another name, and may have another certificate for this one";

const char *
posture_tls_unknown(const struct posture_met *m)
{
	const struct gp_posture_host *h = m->host;
	if (h->reach == GP_POSTURE_NOT_MET)
		return h->why;
	if (h->reach == GP_POSTURE_CLOSED)
		return "nobody listens there";
	return h->tls == GP_POSTURE_TLS_UNKNOWN ? h->tls_why : NULL;
}

bool
posture_met_otherwise(const struct posture_met *m)
{
	return !gp_slice_eq_nocase(m->name, m->host->asked);
}

static bool
is_out_of_date(const struct gp_posture_chain *c, uint64_t now_s)
{
	int64_t now = (int64_t)now_s;
	return c->until_s != 0 && (c->until_s < now || c->from_s > now);
}

const char *
posture_chain_wrong(const struct gp_posture_chain *c, uint64_t now_s)
{
	if (c->trust == GP_POSTURE_SELF_SIGNED)
		return "the certificate vouches for itself";
	if (c->trust == GP_POSTURE_UNTRUSTED)
		return c->trust_why;
	return is_out_of_date(c, now_s) ? "the certificate is out of date" : NULL;
}

/* --- its keys as records --- */

static void
put_record(struct posture_run *run, struct gp_slice owner, uint8_t usage,
	   const struct gp_dane_link *link, struct gp_finding_record *ret, size_t *len)
{
	const struct gp_dns_record r = {
		.type = GP_DNS_TLSA,
		.usage = usage,
		.selector = GP_DANE_SPKI,
		.matching = GP_DANE_SHA256,
		.data = gp_slice((const char *)link->spki.sha256, sizeof(link->spki.sha256)),
	};
	struct gp_slice value = gp_dane_record_text(&r, run->arena);
	for (size_t i = 0; i < *len; i++) {
		if (gp_slice_eq(ret[i].value, value))
			return;
	}
	if (*len < MET_RECORDS_MAX)
		ret[(*len)++] = (struct gp_finding_record){owner, "TLSA", value};
}

size_t
posture_live_tlsa(struct posture_run *run, struct gp_slice host,
		  struct gp_finding_record ret[MET_RECORDS_MAX])
{
	struct gp_slice owner = posture_name(run, "_25._tcp", host);
	size_t len = 0;
	for (size_t i = 0; i < run->met->len; i++) {
		const struct posture_met *m = &run->met->list[i];
		if (!gp_slice_eq_nocase(m->name, host))
			continue;
		/* One address of which nothing is known may have another key. */
		if (m->host->tls != GP_POSTURE_TLS_SPOKEN || posture_met_otherwise(m))
			return 0;
		for (size_t k = 0; k < m->host->chains_len; k++) {
			const struct gp_posture_chain *c = &m->host->chains[k];
			put_record(run, owner, GP_DANE_EE, &c->links[0], ret, &len);
			if (c->links_len > 1 && c->links[0].signed_by_next &&
			    gp_server_name_in(host, c->names) &&
			    !is_out_of_date(c, run->query->now_s))
				put_record(run, owner, GP_DANE_TA, &c->links[1], ret, &len);
		}
	}
	return len;
}
