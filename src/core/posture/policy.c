/* SPDX-License-Identifier: Apache-2.0 */
/* The MTA-STS policy as it was fetched, and the MX hosts held against it: RFC 8461 sections 3.2,
   3.3 and 4. */
#include "core/dane/server_name.h"
#include "core/mtasts/ours.h"
#include "core/mtasts/record.h"
#include "core/posture/met.h"

enum {
	DAY_S = 24 * 60 * 60,
	ENFORCE_AGE_MIN_S = 14 * DAY_S, /* weeks, says RFC 8461 section 3.2 */
	TESTING_AGE_MIN_S = DAY_S,
	AGE_S = 28 * DAY_S, /* of what is proposed */
};

static const struct gp_finding_kind
	fetch = {"sts.policy.fetch", GP_SEVERITY_HIGH, "the MTA-STS policy cannot be had",
		 "without it the record says nothing: senders go on as if it were not there (RFC "
		 "8461 section 3.3)"},
	syntax = {"sts.policy.syntax", GP_SEVERITY_HIGH, "the MTA-STS policy is malformed",
		  "a policy that cannot be read is none (RFC 8461 section 3.2)"},
	testing = {"sts.mode.testing", GP_SEVERITY_LOW, "the MTA-STS policy is in test",
		   "senders tell of failures, and deliver all the same (RFC 8461 section 5)"},
	none = {"sts.mode.none", GP_SEVERITY_LOW, "the MTA-STS policy says that there is none",
		"that is the way out of MTA-STS (RFC 8461 section 8.3), not a state to stay in"},
	age = {"sts.maxage", GP_SEVERITY_LOW, "the MTA-STS policy is kept for a short time",
	       "who keeps a sender from fetching it for so long has got rid of it (RFC 8461 "
	       "section 10.2)"},
	uncovered = {"sts.mx.uncovered", GP_SEVERITY_CRITICAL,
		     "the MTA-STS policy does not name an MX host",
		     "senders that hold to it do not deliver there (RFC 8461 section 4.1)"},
	unproven = {"sts.mx.tls", GP_SEVERITY_CRITICAL,
		    "an MX host does not prove itself as the MTA-STS policy demands",
		    "senders that hold to it do not deliver there (RFC 8461 section 4.2)"};

/* --- reading --- */

static bool
has_record(struct posture_run *run)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	struct gp_dns_question q = gp_mtasts_question(run->facts->domain, run->arena);
	return q.name.ptr && posture_ask(run, q.name, q.type, &answer) &&
	       gp_mtasts_record_read(&answer, &id) == GP_MTASTS_RECORD_OK;
}

void
posture_read_policy(struct posture_run *run, struct posture_met_list *ret)
{
	const struct gp_posture_file *p = run->query->policy;
	struct gp_mtasts_policy *policy = gp_arena_new(run->arena, struct gp_mtasts_policy);
	if (!policy || !p || p->outcome != GP_POSTURE_FETCHED || !has_record(run))
		return;
	int r = gp_mtasts_policy_parse(p->text, run->arena, policy, &ret->policy_why);
	ret->policy = r == 0 ? policy : NULL;
}

/* --- what to serve instead --- */

struct gp_slice
posture_sts_policy(struct posture_run *run, const char *advice, uint8_t mode, uint32_t max_age_s)
{
	const struct gp_posture_facts *f = run->facts;
	struct gp_slice text =
		gp_arena_printf(run->arena,
				"%s: serve as https://mta-sts.%.*s" GP_MTASTS_PATH "\n"
				"version: STSv1\nmode: %s\n",
				advice, GP_SLICE_FMT(f->domain), gp_mtasts_mode_name(mode));
	for (size_t i = 0; i < GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX); i++)
		text = gp_arena_printf(run->arena, "%.*smx: %.*s\n", GP_SLICE_FMT(text),
				       GP_SLICE_FMT(f->mx.records[i].name));
	return gp_arena_printf(run->arena, "%.*smax_age: %u", GP_SLICE_FMT(text), max_age_s);
}

static struct gp_slice
write_anew(struct posture_run *run, const char *advice)
{
	const struct gp_mtasts_policy *p = run->met->policy;
	bool short_lived = !p || p->max_age_s < ENFORCE_AGE_MIN_S;
	bool good = p && p->mode == GP_MTASTS_ENFORCE;
	return posture_sts_policy(run, advice, good ? GP_MTASTS_ENFORCE : GP_MTASTS_TESTING,
				  short_lived ? AGE_S : p->max_age_s);
}

static void
find_in_policy(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
	       struct gp_slice evidence, struct gp_slice fix)
{
	const struct posture_mend m = {.evidence = evidence, .fix = fix};
	posture_add(run, kind, severity, &m);
}

/* --- getting it --- */

static const struct cause {
	const char *what, *fix;
} causes[] = {
	[GP_POSTURE_FETCH_CONNECT] = {"no connection", "let a web server answer there"},
	[GP_POSTURE_FETCH_TLS] = {"the certificate, or its TLS",
				  "give the web server a certificate of a public authority for "
				  "that name, with the ones between, and TLS 1.2 or later"},
	[GP_POSTURE_FETCH_REDIRECT] = {"a redirect, which nobody follows",
				       "serve the policy there itself (RFC 8461 section 3.3)"},
	[GP_POSTURE_FETCH_STATUS] = {"another status than 200", "serve the policy there"},
	[GP_POSTURE_FETCH_TYPE] = {"another media type",
				   "serve it as text/plain (RFC 8461 section 3.2)"},
	[GP_POSTURE_FETCH_TOO_LARGE] = {"over 64 KB", "serve the policy alone"},
	[GP_POSTURE_FETCH_BROKEN] = {"no whole answer of HTTP", "let a web server answer there"},
};

static void
tell_failure(struct posture_run *run, const struct gp_posture_file *p)
{
	if (p->outcome == GP_POSTURE_FETCH_NOT) {
		posture_not_measured(run, &fetch, p->why);
		return;
	}
	const struct cause *cause = &causes[p->outcome];
	find_in_policy(run, &fetch, fetch.severity,
		       gp_arena_printf(run->arena, "%s: %.*s", cause->what, GP_SLICE_FMT(p->why)),
		       gp_slice_str(cause->fix));
}

/* --- its text --- */

/* Keys that are passed over, and those that may stand once and stand again: mostly slips of the
   hand, which the reader lets pass (RFC 8461 section 3.2). */
static void
look_at_keys(struct posture_run *run, struct gp_slice text, struct posture_list *ret)
{
	static const struct gp_slice keys[] = {GP_SLICE("version"), GP_SLICE("mode"),
					       GP_SLICE("max_age"), GP_SLICE("mx")};
	bool seen[GP_ARRAY_LEN(keys)] = {};
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		struct gp_slice name = gp_slice_trim(gp_slice_cut(&line, ':'));
		size_t k = 0;
		while (k < GP_ARRAY_LEN(keys) && !gp_slice_eq(name, keys[k]))
			k++;
		if (k == GP_ARRAY_LEN(keys) && name.len > 0 && name.ptr[0] != '\r')
			posture_list_add(run, ret, "nobody knows the key %.*s", GP_SLICE_FMT(name));
		else if (k < GP_ARRAY_LEN(keys) - 1 && seen[k])
			posture_list_add(run, ret, "%.*s stands more than once",
					 GP_SLICE_FMT(name));
		if (k < GP_ARRAY_LEN(keys))
			seen[k] = true;
	}
}

static void
judge_syntax(struct posture_run *run, const struct gp_posture_file *p)
{
	struct posture_list odd = {};
	look_at_keys(run, p->text, &odd);
	if (!run->met->policy)
		posture_list_add(run, &odd, "%.*s", GP_SLICE_FMT(run->met->policy_why));
	if (odd.len > 0)
		find_in_policy(run, &syntax, run->met->policy ? GP_SEVERITY_LOW : syntax.severity,
			       odd.text, write_anew(run, "correct it"));
}

static void
judge_mode(struct posture_run *run, const struct gp_mtasts_policy *policy)
{
	if (policy->mode == GP_MTASTS_TESTING)
		find_in_policy(run, &testing, testing.severity, GP_SLICE("mode: testing"),
			       posture_sts_policy(run, "once the reports are clean",
						  GP_MTASTS_ENFORCE, AGE_S));
	else if (policy->mode == GP_MTASTS_NONE)
		find_in_policy(run, &none, none.severity, GP_SLICE("mode: none"),
			       posture_sts_policy(run, "test first", GP_MTASTS_TESTING, AGE_S));
}

static void
judge_age(struct posture_run *run, const struct gp_mtasts_policy *policy)
{
	uint32_t least = policy->mode == GP_MTASTS_ENFORCE ? ENFORCE_AGE_MIN_S : TESTING_AGE_MIN_S;
	if (policy->mode != GP_MTASTS_NONE && policy->max_age_s < least)
		find_in_policy(run, &age, age.severity,
			       gp_arena_printf(run->arena, "max_age: %u", policy->max_age_s),
			       write_anew(run, "let it live for weeks"));
}

/* --- the hosts --- */

static void
judge_names(struct posture_run *run, const struct gp_mtasts_policy *policy, uint8_t severity)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_list bad = {};
	for (size_t i = 0; i < GP_MIN(f->mx.len, (size_t)GP_POSTURE_HOSTS_MAX); i++) {
		if (!gp_mtasts_policy_names(policy, f->mx.records[i].name))
			posture_list_add(run, &bad, "%.*s", GP_SLICE_FMT(f->mx.records[i].name));
	}
	if (bad.len > 0)
		find_in_policy(run, &uncovered, severity, bad.text, write_anew(run, "name it"));
}

static void
look_at_proof(struct posture_run *run, const struct posture_met *m, uint8_t severity,
	      struct posture_verdict *v)
{
	const char *unknown = posture_tls_unknown(m);
	if (unknown) {
		posture_cannot_tell(run, v, m, unknown);
		return;
	}
	if (m->host->tls != GP_POSTURE_TLS_SPOKEN) {
		posture_bad(run, v, m, severity, "no TLS");
		return;
	}
	for (size_t i = 0; i < m->host->chains_len; i++) {
		const struct gp_posture_chain *c = &m->host->chains[i];
		const char *wrong = posture_chain_wrong(c, run->query->now_s);
		if (wrong)
			posture_bad(run, v, m, severity, "%s", wrong);
		else if (gp_server_name_in(m->name, c->names))
			continue;
		else if (posture_met_otherwise(m))
			posture_cannot_tell(run, v, m, posture_other_name);
		else
			posture_bad(run, v, m, severity, "it is for %.*s", GP_SLICE_FMT(c->names));
	}
}

static void
judge_proofs(struct posture_run *run, uint8_t severity)
{
	struct posture_verdict v = {};
	if (!run->query->hosts) {
		posture_not_measured(run, &unproven, GP_SLICE("the hosts were not looked at"));
		return;
	}
	for (size_t i = 0; i < run->met->len; i++)
		look_at_proof(run, &run->met->list[i], severity, &v);
	posture_tell(run, &unproven, &v,
		     GP_SLICE("give it a certificate of a public authority for the name in the MX "
			      "record; until then let the policy be one in test"));
}

static void
judge_what_came(struct posture_run *run)
{
	const struct gp_posture_file *p = run->query->policy;
	if (!p) {
		posture_not_measured(run, &fetch, GP_SLICE("the policy was not fetched"));
		return;
	}
	if (p->outcome != GP_POSTURE_FETCHED) {
		tell_failure(run, p);
		return;
	}
	judge_syntax(run, p);
	const struct gp_mtasts_policy *policy = run->met->policy;
	if (!policy)
		return;
	judge_mode(run, policy);
	judge_age(run, policy);
	if (policy->mode == GP_MTASTS_NONE)
		return;
	/* Only who enforces it loses mail. */
	uint8_t severity =
		policy->mode == GP_MTASTS_ENFORCE ? GP_SEVERITY_CRITICAL : GP_SEVERITY_MEDIUM;
	judge_names(run, policy, severity);
	judge_proofs(run, severity);
}

void
posture_judge_policy(struct posture_run *run)
{
	struct gp_dns_answer a, aaaa;
	struct gp_slice host = posture_name(run, "mta-sts", run->facts->domain);
	bool known = host.ptr && posture_ask(run, host, GP_DNS_A, &a);
	known = known && posture_ask(run, host, GP_DNS_AAAA, &aaaa);
	if (!known || !run->met)
		return;
	if (gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status))
		posture_unknown(run, &fetch, gp_dns_status_temporary(a.status) ? &a : &aaaa);
	else if (a.records_len + aaaa.records_len == 0)
		find_in_policy(
			run, &fetch, fetch.severity,
			gp_arena_printf(run->arena, "%.*s has no address", GP_SLICE_FMT(host)),
			GP_SLICE("serve a policy there, or take the record out"));
	else
		judge_what_came(run);
}
