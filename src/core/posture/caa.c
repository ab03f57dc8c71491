/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may issue certificates for the domain: RFC 8659, for mail's addresses RFC 9495, bound to an
 * account RFC 8657. MTA-STS trusts whatever certificate names the host.
 */
#include "core/posture/parts.h"

enum { CLIMB_MAX = 8, CRITICAL = 0x80 };

static const struct gp_finding_kind
	missing = {"caa.missing", GP_SEVERITY_INFO, "no CAA record",
		   "any certification authority may issue certificates for its hosts: whoever "
		   "deceives one of them passes MTA-STS (RFC 8659 section 4.2)"},
	syntax = {"caa.syntax", GP_SEVERITY_LOW, "a CAA record says nothing that can be followed",
		  "authorities issue nothing where a value is malformed, or where they do not know "
		  "what is critical (RFC 8659 sections 4.2 and 4.5)"},
	mail = {"caa.issuemail", GP_SEVERITY_INFO, "CAA without a word on S/MIME",
		"issue does not speak of certificates for mail addresses: any authority may issue "
		"them (RFC 9495 section 4)"},
	account = {"caa.accounturi", GP_SEVERITY_INFO, "CAA that binds to no account",
		   "whoever holds up the domain's traffic to the authority it names gets a "
		   "certificate from there, too (RFC 8657 section 3)"};

/* --- values --- */

static bool
is_label(struct gp_slice label)
{
	bool good = label.len > 0 && label.ptr[0] != '-' && label.ptr[label.len - 1] != '-';
	for (size_t i = 0; i < label.len; i++)
		good = good && (gp_ascii_is_alnum(label.ptr[i]) || label.ptr[i] == '-');
	return good;
}

/* tag "=" value, of printable octets without semicolon */
static bool
is_parameter(struct gp_slice text)
{
	struct gp_slice value = text, name = gp_slice_trim(gp_slice_cut(&value, '='));
	bool good = value.ptr && is_label(name);
	value = gp_slice_trim(value);
	for (size_t i = 0; i < value.len; i++)
		good = good && value.ptr[i] > ' ' && value.ptr[i] <= '~';
	return good;
}

/* RFC 8659 section 4.2: [issuer-domain-name] [";" [parameters]]. An empty issuer is nobody. */
static bool
read_issue(struct gp_slice value, struct gp_slice *ret_issuer, bool *ret_bound)
{
	struct gp_slice labels = *ret_issuer = gp_slice_trim(gp_slice_cut(&value, ';'));
	bool good = true;
	*ret_bound = false;
	while (labels.ptr && ret_issuer->len > 0)
		good &= is_label(gp_slice_cut(&labels, '.'));
	while (value.ptr) {
		struct gp_slice one = gp_slice_trim(gp_slice_cut(&value, ';'));
		good &= (one.len == 0 && !value.ptr) || is_parameter(one);
		*ret_bound |= gp_slice_starts_nocase(one, GP_SLICE("accounturi="));
	}
	return good;
}

/* --- the set --- */

struct caa {
	const struct gp_dns_answer *answer;
	struct posture_list bad, unbound;
	bool issues, mail; /* it speaks of the one, of the other */
	struct gp_finding_record *good;
	size_t good_len;
	bool writable; /* all that is good can be written as a zone file has it, without escapes */
};

static void
keep(struct posture_run *run, struct caa *c, const struct gp_dns_record *r)
{
	for (size_t i = 0; i < r->data.len; i++) {
		unsigned char byte = (unsigned char)r->data.ptr[i];
		c->writable &= byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
	}
	c->good[c->good_len++] = (struct gp_finding_record){
		c->answer->name, "CAA",
		gp_arena_printf(run->arena, "%u %.*s \"%.*s\"", r->flags, GP_SLICE_FMT(r->tag),
				GP_SLICE_FMT(r->data))};
}

static void
look_at(struct posture_run *run, struct caa *c, const struct gp_dns_record *r)
{
	static const char *const known[] = {"issue", "issuewild",    "issuemail",   "issuevmc",
					    "iodef", "contactemail", "contactphone"};
	size_t tag = 0;
	struct gp_slice issuer;
	bool bound;
	while (tag < GP_ARRAY_LEN(known) && !gp_slice_eq_nocase(r->tag, gp_slice_str(known[tag])))
		tag++;
	bool names_issuer = tag < 4, bad;
	if (names_issuer)
		bad = !read_issue(r->data, &issuer, &bound);
	else
		bad = tag == GP_ARRAY_LEN(known) && r->flags & CRITICAL;
	c->issues |= tag == 0;
	c->mail |= tag == 2;
	if (bad) {
		posture_list_add(run, &c->bad, "%.*s CAA %u %.*s \"%.*s\"",
				 GP_SLICE_FMT(c->answer->name), r->flags, GP_SLICE_FMT(r->tag),
				 GP_SLICE_FMT(r->data));
		return;
	}
	keep(run, c, r);
	if (tag == 0 && issuer.len > 0 && !bound)
		posture_list_add(run, &c->unbound, "%.*s", GP_SLICE_FMT(issuer));
}

static void
judge_set(struct posture_run *run, const struct gp_dns_answer *answer)
{
	struct caa c = {.answer = answer, .writable = true};
	struct posture_mend m = {};
	c.good = gp_arena_array(run->arena, answer->records_len + 1, sizeof(*c.good));
	if (!c.good)
		return;
	for (size_t i = 0; i < answer->records_len; i++)
		look_at(run, &c, &answer->records[i]);
	if (c.bad.len > 0) {
		m = (struct posture_mend){.evidence = c.bad.text,
					  .fix = GP_SLICE("correct it, or take it out")};
		if (c.issues && c.writable && c.good_len > 0)
			m.records = c.good, m.records_len = c.good_len;
		posture_add(run, &syntax, syntax.severity, &m);
	}
	m = (struct posture_mend){
		.evidence = c.unbound.text,
		.fix = GP_SLICE(
			"add accounturi, with the account's URI as the authority tells it")};
	if (c.unbound.len > 0)
		posture_add(run, &account, account.severity, &m);
	if (!c.issues || c.mail)
		return;
	c.good[c.good_len++] =
		(struct gp_finding_record){answer->name, "CAA", GP_SLICE("0 issuemail \";\"")};
	m = (struct posture_mend){.evidence = answer->name,
				  .fix = GP_SLICE("say that nobody issues them, or name who does"),
				  .records = c.good,
				  .records_len = c.writable && c.bad.len == 0 ? c.good_len : 0};
	posture_add(run, &mail, mail.severity, &m);
}

/* The set of the name, or else of the closest name above that has one (RFC 8659 section 3). */
void
posture_judge_caa(struct posture_run *run)
{
	struct gp_slice name = run->facts->domain;
	struct gp_dns_answer first = {}, trouble = {};
	bool known = true;
	for (size_t i = 0; i < CLIMB_MAX && name.len > 0; i++) {
		struct gp_dns_answer answer;
		bool here = posture_ask(run, name, GP_DNS_CAA, &answer);
		known &= here;
		if (here && answer.records_len > 0 && first.records_len == 0)
			first = answer;
		if (here && gp_dns_status_temporary(answer.status) && first.records_len == 0)
			trouble = answer;
		(void)gp_slice_cut(&name, '.');
	}
	const struct posture_mend m = {
		.evidence = run->facts->domain,
		.fix = GP_SLICE("name the authority that issues its certificates, as in\n"
				"0 issue \"ca.example\"\n0 issuemail \";\"")};
	if (!known)
		return;
	if (trouble.status != 0)
		posture_unknown(run, &missing, &trouble);
	else if (first.records_len > 0)
		judge_set(run, &first);
	else
		posture_add(run, &missing, missing.severity, &m);
}
