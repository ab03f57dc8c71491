/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the MX hosts are there, by what name they go (RFC 5321 section 4.1.1.1), and whether
 * those behind the first are as good as it (RFC 5321 section 5.1: anybody may choose them).
 */
#include "core/dane/server_name.h"
#include "core/posture/met.h"
#include "core/probe/findings.h"
#include "core/smtp/address.h"

static const struct gp_finding_kind
	unreachable = {"mx.unreachable", GP_SEVERITY_HIGH, "an MX host takes no connection",
		       "mail waits, or goes to the next host"},
	greeting = {"mx.helo", GP_SEVERITY_MEDIUM, "an MX host goes by a name that leads nowhere",
		    "if it sends mail too, receivers that look at the name refuse it (RFC 5321 "
		    "section 4.1.1.1 wants one with an address)"},
	weaker = {"mx.backup.weaker", GP_SEVERITY_MEDIUM,
		  "an MX host has weaker TLS than those "
		  "before it",
		  "who holds up the first ones gets the mail by this one"};

/* --- is it there? --- */

/* A host with another address that answers still gets its mail, later. */
static bool
has_another(const struct posture_run *run, const struct posture_met *m)
{
	for (size_t i = 0; i < run->met->len; i++) {
		const struct posture_met *o = &run->met->list[i];
		if (o->host->reach == GP_POSTURE_MET && gp_slice_eq_nocase(o->name, m->name))
			return true;
	}
	return false;
}

static void
look_reach(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	if (m->host->reach == GP_POSTURE_CLOSED)
		posture_bad(run, v, m,
			    has_another(run, m) ? GP_SEVERITY_MEDIUM : unreachable.severity,
			    "the connection is refused");
	else if (m->host->reach == GP_POSTURE_NOT_MET)
		posture_cannot_tell(run, v, m, m->host->why);
}

/* --- its name --- */

static void
look_name(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	struct gp_slice says = m->host->says;
	struct gp_dns_answer a, aaaa;
	if (m->host->reach != GP_POSTURE_MET) {
		posture_cannot_tell(run, v, m,
				    m->host->reach == GP_POSTURE_CLOSED ? "nobody listens there"
									: m->host->why);
		return;
	}
	if (!gp_domain_valid(says) || gp_slice_find(says, '.') < 0) {
		posture_bad(run, v, m, greeting.severity, "it calls itself \"%.*s\"",
			    GP_SLICE_FMT(says));
		return;
	}
	bool known = posture_ask(run, says, GP_DNS_A, &a);
	known &= posture_ask(run, says, GP_DNS_AAAA, &aaaa);
	if (!known)
		return;
	if (a.records_len + aaaa.records_len > 0)
		return;
	if (gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status))
		posture_cannot_tell(run, v, m, "the DNS did not say whether its name is there");
	else
		posture_bad(run, v, m, greeting.severity,
			    "it calls itself %.*s, which has no address", GP_SLICE_FMT(says));
}

/* --- hosts behind the first --- */

enum rank { RANK_UNKNOWN, RANK_CLEAR, RANK_TLS, RANK_PROVEN };

static enum rank
rank_of(const struct posture_run *run, const struct posture_met *m)
{
	const struct gp_posture_host *h = m->host;
	if (posture_tls_unknown(m))
		return RANK_UNKNOWN;
	if (h->tls != GP_POSTURE_TLS_SPOKEN)
		return RANK_CLEAR;
	for (size_t i = 0; i < h->chains_len; i++) {
		const struct gp_posture_chain *c = &h->chains[i];
		bool named = gp_server_name_in(m->name, c->names);
		if (!named && posture_met_otherwise(m))
			return RANK_UNKNOWN;
		if (!named || posture_chain_wrong(c, run->query->now_s))
			return RANK_TLS;
	}
	return RANK_PROVEN;
}

/* The worst of those that are asked before this one. */
static enum rank
rank_before(const struct posture_run *run, const struct posture_met *m)
{
	enum rank worst = RANK_UNKNOWN;
	for (size_t i = 0; i < run->met->len; i++) {
		const struct posture_met *o = &run->met->list[i];
		enum rank rank = o->preference < m->preference ? rank_of(run, o) : RANK_UNKNOWN;
		if (rank != RANK_UNKNOWN && (worst == RANK_UNKNOWN || rank < worst))
			worst = rank;
	}
	return worst;
}

static void
look_backup(struct posture_run *run, const struct posture_met *m, struct posture_verdict *v)
{
	static const char *const words[] = {
		[RANK_CLEAR] = "no TLS",
		[RANK_TLS] = "TLS without proof",
		[RANK_PROVEN] = "TLS with a good certificate",
	};
	enum rank before = rank_before(run, m), own = rank_of(run, m);
	const char *why = posture_tls_unknown(m);
	if (own == RANK_UNKNOWN)
		posture_cannot_tell(run, v, m, why ? why : posture_other_name);
	else if (own < before)
		posture_bad(run, v, m, weaker.severity, "%s, where others have %s", words[own],
			    words[before]);
}

void
posture_judge_reach(struct posture_run *run)
{
	static const struct {
		const struct gp_finding_kind *kind;
		void (*look)(struct posture_run *run, const struct posture_met *m,
			     struct posture_verdict *v);
		const char *fix; /* NULL: that of the name */
	} rows[] = {
		{&unreachable, look_reach, "let it listen on port 25, or take its record out"},
		{&greeting, look_name, NULL},
		{&weaker, look_backup, "give it the same TLS, or take its record out"},
	};
	if (!run->query->hosts || !run->met || !posture_takes_mail(run))
		return;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct posture_verdict v = {};
		for (size_t k = 0; k < run->met->len; k++)
			rows[i].look(run, &run->met->list[k], &v);
		const char *fix = rows[i].fix ? rows[i].fix : gp_probe_fix("smtp.name", v.software);
		posture_tell(run, rows[i].kind, &v, gp_slice_str(fix));
	}
}
