/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost domain check: what is published, held against what domain show would print. A line for
 * each record: `ok`, `missing`, `different`, `unknown` when the DNS did not say, or `note` for what
 * is no mistake.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/domain/records.h"
#include "cli/policy_fetch.h"
#include "core/dns/txt.h"
#include "core/mtasts/policy.h"
#include "core/tlsrpt/record.h"

enum state { OK, NOTE, UNKNOWN, MISSING, DIFFERENT };

static const char *const state_names[] = {"ok", "note", "unknown", "missing", "different"};

enum { FINDINGS_MAX = 256 };

struct finding {
	uint8_t state;
	const char *type; /* "MX", ..., "policy" */
	struct gp_slice name;
	struct gp_slice publish; /* the record to publish, in full; empty: none */
	struct gp_slice found;   /* in words, printable */
};

struct checking {
	struct domain_run *run;
	struct gp_lookup lookup;
	struct domain_records wanted;
	struct finding findings[FINDINGS_MAX];
	size_t len;
	struct gp_fetched_policy policy;
};

/* Later ones than FINDINGS_MAX, which only strangers' records could make, go. */
static void
add(struct checking *c, struct finding f)
{
	if (c->len < FINDINGS_MAX)
		c->findings[c->len++] = f;
}

/* found: printable. What is wrong is told with the record that would mend it. */
static void
find(struct checking *c, enum state state, const struct domain_record *r, struct gp_slice found)
{
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct finding f = {.state = (uint8_t)state,
			    .type = domain_record_type(r->what),
			    .name = r->name,
			    .found = found};
	if (state >= MISSING) {
		domain_write_record(&text, r);
		f.publish = gp_arena_dup(&c->run->arena, gp_buf_slice(&text));
	}
	gp_buf_free(&text);
	add(c, f);
}

/* False, and a finding, when the DNS does not say. */
static bool
ask(struct checking *c, const struct domain_record *r, uint16_t type, struct gp_dns_answer *ret)
{
	if (gp_lookup_get(&c->lookup, r->name, type, ret) && !gp_dns_status_temporary(ret->status))
		return true;
	find(c, UNKNOWN, r, GP_SLICE("the DNS did not answer"));
	return false;
}

/* --- MX --- */

static bool
policy_names(const struct gp_mtasts_policy *policy, struct gp_slice host)
{
	return !policy || policy->mode == GP_MTASTS_NONE || gp_mtasts_policy_names(policy, host);
}

/* Senders that hold to the policy leave out hosts that it does not name (RFC 8461 section 4.1). */
static void
check_mx_host(struct checking *c, const struct domain_record *r, const struct gp_dns_record *mx,
	      const struct gp_mtasts_policy *own)
{
	struct gp_arena *a = &c->run->arena;
	if (!policy_names(own, mx->name))
		add(c, (struct finding){
			       .state = DIFFERENT,
			       .type = "MX",
			       .name = r->name,
			       .found = gp_arena_printf(a,
							"%.*s is not in the MTA-STS policy: add it "
							"to mta_sts.mx",
							GP_SLICE_FMT(mx->name))});
	else if (!gp_slice_eq(mx->name, r->text))
		find(c, NOTE, r,
		     gp_arena_printf(a, "another host: %u %.*s", mx->preference,
				     GP_SLICE_FMT(mx->name)));
}

static void
check_mx(struct checking *c, const struct domain_record *r, const struct gp_mtasts_policy *own)
{
	struct gp_dns_answer answer;
	bool found = false;
	if (!ask(c, r, GP_DNS_MX, &answer))
		return;
	for (size_t i = 0; i < answer.records_len; i++)
		found = found || gp_slice_eq(answer.records[i].name, r->text);
	if (found)
		find(c, OK, r, GP_SLICE(""));
	else if (answer.records_len == 0)
		find(c, MISSING, r, GP_SLICE(""));
	else
		find(c, DIFFERENT, r, GP_SLICE("none of the hosts is this one"));
	for (size_t i = 0; i < answer.records_len; i++)
		check_mx_host(c, r, &answer.records[i], own);
}

/* --- MTA-STS --- */

static void
check_mta_sts(struct checking *c, const struct domain_record *r)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	if (!ask(c, r, GP_DNS_TXT, &answer))
		return;
	switch (gp_mtasts_record_read(&answer, &id)) {
	case GP_MTASTS_RECORD_OK:
		if (gp_slice_eq(id, gp_slice_str(c->wanted.id)))
			find(c, OK, r, GP_SLICE(""));
		else
			find(c, DIFFERENT, r,
			     gp_arena_printf(&c->run->arena, "the id of another policy: %.*s",
					     GP_SLICE_FMT(id)));
		break;
	case GP_MTASTS_RECORD_SEVERAL:
		find(c, DIFFERENT, r, GP_SLICE("more than one, which counts as none"));
		break;
	case GP_MTASTS_RECORD_INVALID:
		find(c, DIFFERENT, r, GP_SLICE("malformed, which counts as none"));
		break;
	default:
		find(c, MISSING, r, GP_SLICE(""));
	}
}

/* The same to every sender; how its lines end does not matter. */
static bool
same_policy(const struct gp_mtasts_policy *a, const struct gp_mtasts_policy *b)
{
	bool same = a->mode == b->mode && a->max_age_s == b->max_age_s && a->mx_len == b->mx_len;
	for (size_t i = 0; same && i < a->mx_len; i++)
		same = gp_slice_eq(a->mx[i], b->mx[i]);
	return same;
}

/* What is served, whether or not there is a record yet: that one is published last. */
static void
check_policy(struct checking *c, const struct gp_mtasts_policy *own)
{
	const struct gp_fetched_policy *p = &c->policy;
	struct domain_run *run = c->run;
	if (!own)
		return;
	struct finding f = {
		.type = "policy",
		.name = gp_arena_printf(&run->arena, "mta-sts.%.*s", GP_SLICE_FMT(run->name))};
	if (!p->policy) {
		f.state = p->text.len > 0 ? DIFFERENT : MISSING;
		f.found = domain_clean(run, p->reason);
	} else if (same_policy(p->policy, own)) {
		f.state = OK;
		f.found = run->policy ? GP_SLICE("from the file, not fetched") : GP_SLICE("");
	} else {
		f.state = DIFFERENT;
		f.found = gp_arena_printf(&run->arena, "mode %s, max_age %u, %zu mx",
					  gp_mtasts_mode_name(p->policy->mode),
					  p->policy->max_age_s, p->policy->mx_len);
	}
	add(c, f);
}

/* A record without a policy of ours: senders would go by what somebody else serves. */
static int
check_no_mta_sts(struct checking *c)
{
	struct gp_dns_answer answer;
	struct gp_slice id;
	struct gp_arena *a = &c->run->arena;
	struct gp_dns_question q = gp_mtasts_question(c->run->name, a);
	if (!q.name.ptr)
		return -ENOMEM;
	if (!gp_lookup_get(&c->lookup, q.name, q.type, &answer) ||
	    gp_mtasts_record_read(&answer, &id) != GP_MTASTS_RECORD_OK)
		return 0;
	add(c, (struct finding){.state = NOTE,
				.type = "TXT",
				.name = q.name,
				.found = gp_arena_printf(a, "id %.*s, and mta_sts.mode is off here",
							 GP_SLICE_FMT(id))});
	return 0;
}

/* --- TLS-RPT --- */

static bool
same_places(const struct gp_tlsrpt_places *a, const struct gp_tlsrpt_places *b)
{
	bool same = a->len == b->len;
	for (size_t i = 0; same && i < a->len; i++)
		same = gp_slice_eq(a->rua[i].uri, b->rua[i].uri);
	return same;
}

static int
check_tls_rpt(struct checking *c, const struct domain_record *r)
{
	struct gp_arena *a = &c->run->arena;
	struct gp_tlsrpt_places *want = gp_arena_new(a, struct gp_tlsrpt_places);
	struct gp_tlsrpt_places *got = gp_arena_new(a, struct gp_tlsrpt_places);
	const struct gp_dns_record txt = {.type = GP_DNS_TXT, .data = r->text};
	const struct gp_dns_answer own = {.status = GP_DNS_OK, .records = &txt, .records_len = 1};
	struct gp_dns_answer answer;
	if (!want || !got)
		return -ENOMEM;
	if (!ask(c, r, GP_DNS_TXT, &answer))
		return 0;
	int wanted = gp_tlsrpt_record_read(&own, a, want);
	int found = gp_tlsrpt_record_read(&answer, a, got);
	if (wanted < 0 || found < 0)
		return -ENOMEM;
	if (found == GP_TLSRPT_RECORD_OK && same_places(want, got))
		find(c, OK, r, GP_SLICE(""));
	else if (found == GP_TLSRPT_RECORD_NONE)
		find(c, MISSING, r, GP_SLICE(""));
	else
		find(c, DIFFERENT, r,
		     found == GP_TLSRPT_RECORD_OK        ? GP_SLICE("other places")
		     : found == GP_TLSRPT_RECORD_SEVERAL ? GP_SLICE("more than one record")
							 : GP_SLICE("malformed"));
	return 0;
}

/* --- DKIM --- */

/* Revoked ones may be gone already. A pending one that is there is nothing wrong, nor is it used.
 */
static void
check_dkim(struct checking *c, const struct domain_record *r)
{
	struct gp_dns_answer answer;
	bool pending = r->key->state == GP_KEYRING_PENDING,
	     revoked = r->key->state == GP_KEYRING_REVOKED;
	if (!ask(c, r, GP_DNS_TXT, &answer))
		return;
	if (answer.records_len == 0)
		find(c, revoked ? NOTE : MISSING, r,
		     revoked ? GP_SLICE("revoked, and gone") : GP_SLICE(""));
	else if (answer.records_len > 1)
		find(c, DIFFERENT, r, GP_SLICE("more than one record, which counts as none"));
	else if (!gp_keyring_record_is(r->key, answer.records[0].data))
		find(c, DIFFERENT, r,
		     revoked ? GP_SLICE("not revoked") : GP_SLICE("another key, or other tags"));
	else
		find(c, OK, r,
		     pending ? GP_SLICE("not used yet: run `gatepost domain rotate`")
			     : GP_SLICE(""));
}

/* --- TLSA --- */

static bool
is_tlsa_of(const struct gp_dns_record *r, const uint8_t digest[DOMAIN_DIGEST])
{
	return r->usage == 3 && r->selector == 1 && r->matching == 1 &&
	       r->data.len == DOMAIN_DIGEST && memcmp(r->data.ptr, digest, DOMAIN_DIGEST) == 0;
}

/* Without DNSSEC nobody looks at it (RFC 7672 section 2.2), so it need not be there. */
static void
check_tlsa(struct checking *c, const struct domain_record *r)
{
	struct gp_dns_answer answer;
	bool found = false;
	if (!ask(c, r, GP_DNS_TLSA, &answer))
		return;
	for (size_t i = 0; i < answer.records_len; i++)
		found = found || is_tlsa_of(&answer.records[i], r->digest);
	if (!answer.secure)
		find(c, NOTE, r,
		     found ? GP_SLICE("there, but not validated by DNSSEC: nobody goes by it")
			   : GP_SLICE("not there, and the zone is not validated by DNSSEC"));
	else if (found)
		find(c, OK, r, GP_SLICE(""));
	else
		/* With others there, senders that do DANE deliver no mail. */
		find(c, answer.records_len > 0 ? DIFFERENT : MISSING, r,
		     answer.records_len > 0 ? GP_SLICE("none of the records is for this key")
					    : GP_SLICE(""));
}

/* Of what is published, what is for no key of ours: of an old one, or of one to come. */
static void
note_other_tlsa(struct checking *c, const struct domain_record *first)
{
	struct gp_dns_answer answer;
	size_t others = 0;
	if (!gp_lookup_get(&c->lookup, first->name, GP_DNS_TLSA, &answer))
		return;
	for (size_t i = 0; i < answer.records_len; i++) {
		bool ours = false;
		for (size_t k = 0; !ours && k < c->wanted.len; k++)
			ours = c->wanted.items[k].what >= DOMAIN_TLSA &&
			       is_tlsa_of(&answer.records[i], c->wanted.items[k].digest);
		others += !ours;
	}
	if (others > 0)
		find(c, NOTE, first,
		     gp_arena_printf(&c->run->arena, "%zu more, for no key of ours", others));
}

/* --- all of it --- */

/* The policy that the configuration makes, as senders read it; *ret stays NULL without one. */
static int
read_own_policy(struct checking *c, const struct gp_mtasts_policy **ret)
{
	struct gp_slice why;
	*ret = NULL;
	if (c->wanted.policy.len == 0)
		return 0;
	struct gp_mtasts_policy *own = gp_arena_new(&c->run->arena, struct gp_mtasts_policy);
	int r = own ? gp_mtasts_policy_parse(c->wanted.policy, &c->run->arena, own, &why) : -ENOMEM;
	gp_assert(r <= 0);
	*ret = own;
	return r;
}

static int
check_record(struct checking *c, const struct domain_record *r, const struct gp_mtasts_policy *own)
{
	switch ((enum domain_what)r->what) {
	case DOMAIN_MX:
		check_mx(c, r, own);
		return 0;
	case DOMAIN_MTA_STS:
		check_mta_sts(c, r);
		check_policy(c, own);
		return 0;
	case DOMAIN_TLS_RPT:
		return check_tls_rpt(c, r);
	case DOMAIN_DKIM:
		check_dkim(c, r);
		return 0;
	default:
		check_tlsa(c, r);
		return 0;
	}
}

static int
check_all(struct checking *c)
{
	const struct gp_mtasts_policy *own;
	const struct domain_record *tlsa = NULL;
	int r = read_own_policy(c, &own);
	if (r == 0 && own)
		r = gp_policy_fetch_alone(&c->lookup, c->run->config, c->run->name, c->run->policy,
					  &c->policy);
	else if (r == 0)
		r = check_no_mta_sts(c);
	for (size_t i = 0; r == 0 && i < c->wanted.len; i++) {
		const struct domain_record *one = &c->wanted.items[i];
		r = check_record(c, one, own);
		tlsa = !tlsa && one->what >= DOMAIN_TLSA ? one : tlsa;
	}
	if (r == 0 && tlsa)
		note_other_tlsa(c, tlsa);
	return r < 0 || !c->run->arena.failed ? r : -ENOMEM;
}

static void
print_text(const struct checking *c)
{
	for (size_t i = 0; i < c->len; i++) {
		const struct finding *f = &c->findings[i];
		printf("%-9s  %-6s %.*s", state_names[f->state], f->type, GP_SLICE_FMT(f->name));
		if (f->found.len > 0)
			printf(": %.*s", GP_SLICE_FMT(f->found));
		putchar('\n');
		if (f->publish.len > 0)
			printf("           publish: %.*s\n", GP_SLICE_FMT(f->publish));
	}
}

static int
print_object(const struct checking *c, int code)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->len; i++) {
		const struct finding *f = &c->findings[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o}", "state", state_names[f->state],
					"type", f->type, "name", domain_json_text(c->run, f->name),
					"found", domain_json_text(c->run, f->found), "publish",
					domain_json_text(c->run, f->publish)));
	}
	return domain_print_json(json_pack("{s:o, s:b, s:o}", "domain",
					   domain_json_text(c->run, c->run->name), "ok",
					   code == GP_EXIT_OK, "findings", list));
}

static int
judge(const struct checking *c)
{
	int code = GP_EXIT_OK;
	for (size_t i = 0; i < c->len; i++) {
		if (c->findings[i].state >= MISSING)
			return GP_EXIT_BAD;
		if (c->findings[i].state == UNKNOWN)
			code = GP_EXIT_UNKNOWN;
	}
	return code;
}

static int
report(const struct checking *c)
{
	int code = judge(c), printed = GP_EXIT_OK;
	if (c->run->json)
		printed = print_object(c, code);
	else
		print_text(c);
	if (!c->run->json && fflush(stdout) != 0)
		printed = domain_fail(-EIO);
	return printed == GP_EXIT_OK ? code : printed;
}

int
domain_check(struct domain_run *run)
{
	struct checking c = {.run = run};
	int code = domain_read_keys(run);
	if (code == GP_EXIT_OK)
		code = domain_make_records(run, &c.wanted);
	if (code != GP_EXIT_OK)
		return code;
	code = domain_lookup(run, &c.lookup);
	if (code == GP_EXIT_OK) {
		int r = check_all(&c);
		code = r < 0 ? domain_fail(r) : report(&c);
	}
	gp_lookup_close(&c.lookup);
	return code;
}
