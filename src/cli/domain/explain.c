/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost domain explain: the same evaluators as a delivery, one after the other, on what the DNS
 * says now; and what they came to, in words. Nobody's port 25 is dialled.
 */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/domain/domain.h"
#include "cli/policy_fetch.h"
#include "core/config/value.h"
#include "core/policy/demands.h"
#include "core/policy/policy.h"
#include "core/tlspolicy/tlspolicy.h"
#include "sys/address.h"

enum { TLSA_SHOWN_MAX = 8 };

struct explanation {
	struct domain_run *run;
	struct gp_lookup lookup;
	struct gp_route route;   /* SMTP with a host: a fixed next hop; else MX */
	struct gp_demand demand; /* what the configuration says of that way's TLS */
	int hosts_outcome;       /* enum gp_mx_outcome */
	struct gp_mx_result hosts;
	struct gp_fetched_policy policy;
	int verdicts_outcome; /* enum gp_tlspolicy_outcome; counts with hosts */
	struct gp_tlspolicy_result verdicts;
};

/* --- finding it out --- */

/* Where our own configuration sends it. What it delivers itself, others send by MX. */
static int
find_route(struct explanation *x)
{
	static const uint64_t no_seed[2];
	struct domain_run *run = x->run;
	struct gp_reply reply;
	int r = 0;
	x->route = (struct gp_route){.transport = GP_TRANSPORT_SMTP, .domain = run->name};
	struct gp_slice address =
		gp_arena_printf(&run->arena, "postmaster@%.*s", GP_SLICE_FMT(run->name));
	if (run->ours)
		return 0;
	struct gp_policy *policy = gp_policy_new(run->config, no_seed);
	if (!policy || !address.ptr)
		r = -ENOMEM;
	else
		r = gp_policy_route(policy, address, &run->arena, &x->route, &reply);
	gp_policy_free(policy);
	if (r == 1) /* MX will say what is wrong with the name */
		x->route = (struct gp_route){.transport = GP_TRANSPORT_SMTP, .domain = run->name};
	return GP_MIN(r, 0);
}

/* Others who send to us do not know what our configuration demands. */
static int
find_demand(struct explanation *x)
{
	static const uint64_t no_seed[2];
	const struct gp_config *cfg = x->run->config;
	const struct gp_route *r = &x->route;
	x->demand = (struct gp_demand){.tls = GP_DEMAND_MAY};
	if (x->run->ours)
		return 0;
	struct gp_demands *demands = gp_demands_new(cfg, no_seed);
	if (!demands)
		return -ENOMEM;
	if (gp_slice_eq(r->destination, GP_SLICE("smarthost")))
		x->demand = gp_demand_of_smarthost(cfg);
	else
		x->demand = gp_demands_of_hop(demands, r->host.len > 0 ? r->host : r->domain);
	gp_demands_free(demands);
	return 0;
}

static uint8_t
want_of(const struct gp_demand *demand)
{
	static const uint8_t wants[] = {
		[GP_DEMAND_MAY] = GP_TLSPOLICY_WANT_MAY,
		[GP_DEMAND_NONE] = GP_TLSPOLICY_WANT_NONE,
		[GP_DEMAND_ENCRYPT] = GP_TLSPOLICY_WANT_ENCRYPT,
		[GP_DEMAND_VERIFY] = GP_TLSPOLICY_WANT_VERIFY,
		[GP_DEMAND_DANE_ONLY] = GP_TLSPOLICY_WANT_DANE_ONLY,
	};
	gp_assert(demand->tls < GP_ARRAY_LEN(wants));
	return demand->fingerprints_len > 0 ? GP_TLSPOLICY_WANT_FINGERPRINT : wants[demand->tls];
}

static const char *
want_name(const struct gp_demand *demand)
{
	static const char *const names[] = {
		[GP_TLSPOLICY_WANT_MAY] = "may",
		[GP_TLSPOLICY_WANT_NONE] = "none",
		[GP_TLSPOLICY_WANT_ENCRYPT] = "encrypt",
		[GP_TLSPOLICY_WANT_VERIFY] = "verify",
		[GP_TLSPOLICY_WANT_DANE_ONLY] = "dane-only",
		[GP_TLSPOLICY_WANT_FINGERPRINT] = "fingerprint",
	};
	return names[want_of(demand)];
}

static int
find_hosts(struct explanation *x)
{
	struct gp_mx_query query = {
		.domain = x->run->name, .host = x->route.host, .port = x->route.port};
	do {
		x->hosts_outcome =
			gp_mx_eval(&query, x->lookup.answers, &x->lookup.arena, &x->hosts);
	} while (x->hosts_outcome == GP_MX_NEED &&
		 gp_lookup_ask(&x->lookup, x->hosts.need, x->hosts.need_len));
	return x->hosts_outcome == GP_MX_NEED ? -ENOMEM : GP_MIN(x->hosts_outcome, 0);
}

/* An address has none, and the fixed next hop's is its own (RFC 8461 section 3.4). */
static bool
may_have_policy(const struct explanation *x)
{
	return x->hosts.way.domain.len > 0 && x->hosts.targets[0].canonical.len > 0;
}

static int
find_verdicts(struct explanation *x)
{
	struct gp_tlspolicy_query query = {
		.domain = x->hosts.way.domain,
		.way = &x->hosts.way,
		.targets = x->hosts.targets,
		.targets_len = x->hosts.targets_len,
		.sts = {x->policy.policy, x->policy.failure},
		.want = want_of(&x->demand),
		.fingerprints = x->demand.fingerprints,
		.fingerprints_len = x->demand.fingerprints_len,
	};
	do {
		x->verdicts_outcome = gp_tlspolicy_eval(&query, x->lookup.answers, &x->lookup.arena,
							&x->verdicts);
	} while (x->verdicts_outcome == GP_TLSPOLICY_NEED &&
		 gp_lookup_ask(&x->lookup, x->verdicts.need, x->verdicts.need_len));
	return x->verdicts_outcome == GP_TLSPOLICY_NEED ? -ENOMEM : GP_MIN(x->verdicts_outcome, 0);
}

static int
find_all(struct explanation *x)
{
	int r = find_route(x);
	if (r == 0)
		r = find_demand(x);
	if (r == 0)
		r = find_hosts(x);
	if (r < 0 || x->hosts_outcome != GP_MX_DONE)
		return r;
	if (may_have_policy(x))
		r = gp_policy_fetch(&x->lookup, x->run->config, x->hosts.way.domain, x->run->policy,
				    &x->policy);
	return r == 0 ? find_verdicts(x) : r;
}

/* --- in words --- */

static const char *
record_words(uint8_t record)
{
	static const char *const words[] = {
		[GP_MTASTS_RECORD_OK] = "there",
		[GP_MTASTS_RECORD_NONE] = "none",
		[GP_MTASTS_RECORD_SEVERAL] = "more than one, which counts as none",
		[GP_MTASTS_RECORD_INVALID] = "malformed, which counts as none",
		[GP_MTASTS_RECORD_UNKNOWN] = "not known: the DNS did not answer",
	};
	return words[record];
}

static const char *
failure_words(uint8_t failure)
{
	static const char *const words[] = {
		[GP_MTASTS_FETCHED] = "fetched",
		[GP_MTASTS_FETCH_ERROR] = "could not be fetched",
		[GP_MTASTS_POLICY_INVALID] = "is no policy",
		[GP_MTASTS_WEBPKI_INVALID] = "its server does not prove itself",
	};
	return words[failure];
}

static const char *
verdict_words(const struct gp_tlspolicy_verdict *v)
{
	if (v->skip)
		return "not used";
	switch ((enum gp_tlspolicy_level)v->level) {
	case GP_TLSPOLICY_NONE:
		return "in clear";
	case GP_TLSPOLICY_OPPORTUNISTIC:
		return "TLS if it is offered, whoever answers; else in clear";
	case GP_TLSPOLICY_ENCRYPT:
		return "TLS, whoever answers; never in clear";
	default:
		return v->binding   ? "TLS and the proof, or no delivery"
		       : v->encrypt ? "TLS always; a missing proof is only reported"
				    : "TLS and the proof are tried; what fails is only reported";
	}
}

static struct gp_sockaddr_text
target_text(const struct gp_mx_target *t, bool with_port)
{
	struct gp_sockaddr a = gp_sockaddr_from_octets(t->address, t->address_len, t->port);
	return gp_sockaddr_text(&a, with_port);
}

static void
print_list(const struct gp_slice *items, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%s%.*s", i > 0 ? ", " : "", GP_SLICE_FMT(items[i]));
	putchar('\n');
}

static void
print_route(const struct explanation *x)
{
	const struct gp_mx_way *way = &x->hosts.way;
	printf("%.*s\n", GP_SLICE_FMT(x->run->name));
	if (x->run->ours)
		puts("  way      ours: we deliver it ourselves; here is what others find");
	else if (x->route.host.len > 0)
		printf("  way      the configuration's next hop, %.*s\n",
		       GP_SLICE_FMT(x->route.host));
	if (want_of(&x->demand) != GP_TLSPOLICY_WANT_MAY)
		printf("  demand   %s, by the configuration%s\n", want_name(&x->demand),
		       x->demand.implicit ? ", and TLS from the first octet" : "");
	if (x->hosts_outcome != GP_MX_DONE)
		return;
	if (x->route.host.len == 0)
		printf("  MX       %s, %s\n",
		       way->mx ? "there" : "none: the domain is its own host",
		       way->secure ? "validated by DNSSEC" : "not validated by DNSSEC");
}

static void
print_policy(const struct explanation *x)
{
	const struct gp_fetched_policy *p = &x->policy;
	printf("  MTA-STS  record: %s", record_words(p->record));
	if (p->record == GP_MTASTS_RECORD_OK)
		printf(", id %.*s", GP_SLICE_FMT(p->id));
	putchar('\n');
	if (p->policy) {
		printf("           policy%s: mode %s, max_age %u s, mx ",
		       x->run->policy ? " from the file, not fetched" : "",
		       gp_mtasts_mode_name(p->policy->mode), p->policy->max_age_s);
		print_list(p->policy->mx, p->policy->mx_len);
	} else if (p->record == GP_MTASTS_RECORD_OK) {
		printf("           policy: %s: %.*s\n", failure_words(p->failure),
		       GP_SLICE_FMT(domain_clean(x->run, p->reason)));
	}
}

static void
print_tlsa(const struct gp_dns_record *r)
{
	printf("    TLSA     %u %u %u ", r->usage, r->selector, r->matching);
	for (size_t i = 0; i < GP_MIN(r->data.len, (size_t)32); i++)
		printf("%02x", (unsigned char)r->data.ptr[i]);
	puts(r->data.len > 32 ? "..." : "");
}

static void
print_verdict(const struct gp_mx_target *t, const struct gp_tlspolicy_verdict *v)
{
	printf("\n  %.*s [%s]:%u, preference %u, address %s\n", GP_SLICE_FMT(t->host),
	       target_text(t, false).s, t->port, t->preference,
	       t->secure ? "validated" : "not validated");
	printf("    verdict  %s%s%s\n", v->skip ? "" : gp_tlspolicy_level_name(v->level),
	       v->skip ? "" : ": ", verdict_words(v));
	for (size_t i = 0; i < GP_MIN(v->records_len, (size_t)TLSA_SHOWN_MAX); i++)
		print_tlsa(&v->records[i]);
	if (v->names_len > 0) {
		printf("    names    ");
		print_list(v->names, v->names_len);
	}
	for (size_t i = 0; i < v->trail_len; i++)
		printf("    %s %.*s\n", i == 0 ? "because " : "        ",
		       GP_SLICE_FMT(v->trail[i]));
}

static void
print_reply(const char *what, const struct gp_reply *r)
{
	printf("\n  %s: %u %u.%u.%u %.*s\n", what, r->code, r->enhanced_class, r->enhanced_subject,
	       r->enhanced_detail, GP_SLICE_FMT(r->text));
}

static int
print_text(const struct explanation *x)
{
	print_route(x);
	if (x->hosts_outcome == GP_MX_FAILED) {
		print_reply("nowhere to go", &x->hosts.reply);
		return fflush(stdout) == 0 ? GP_EXIT_OK : domain_fail(-EIO);
	}
	if (may_have_policy(x))
		print_policy(x);
	for (size_t i = 0; i < x->verdicts.verdicts_len; i++)
		print_verdict(&x->hosts.targets[i], &x->verdicts.verdicts[i]);
	if (x->verdicts_outcome == GP_TLSPOLICY_FAILED)
		print_reply("no host may be used", &x->verdicts.reply);
	return fflush(stdout) == 0 ? GP_EXIT_OK : domain_fail(-EIO);
}

/* --- as JSON --- */

static json_t *
json_list(struct domain_run *run, const struct gp_slice *items, size_t len)
{
	json_t *list = json_array();
	for (size_t i = 0; i < len; i++)
		json_array_append_new(list, domain_json_text(run, items[i]));
	return list;
}

static json_t *
json_reply(struct domain_run *run, const struct gp_reply *r)
{
	char enhanced[32];
	snprintf(enhanced, sizeof(enhanced), "%u.%u.%u", r->enhanced_class, r->enhanced_subject,
		 r->enhanced_detail);
	return json_pack("{s:i, s:s, s:o}", "code", r->code, "enhanced", enhanced, "text",
			 domain_json_text(run, r->text));
}

static json_t *
json_policy(const struct explanation *x)
{
	static const char *const records[] = {"ok", "none", "several", "invalid", "unknown"};
	static const char *const failures[] = {NULL, "fetch", "invalid", "certificate"};
	const struct gp_fetched_policy *p = &x->policy;
	struct domain_run *run = x->run;
	json_t *policy = p->policy ? json_pack("{s:s, s:I, s:o}", "mode",
					       gp_mtasts_mode_name(p->policy->mode), "max_age",
					       (json_int_t)p->policy->max_age_s, "mx",
					       json_list(run, p->policy->mx, p->policy->mx_len))
				   : json_null();
	return json_pack("{s:s, s:o, s:b, s:o, s:s?, s:o}", "record", records[p->record], "id",
			 domain_json_text(run, p->id), "fetched", p->text.len > 0 && !run->policy,
			 "policy", policy, "failure", failures[p->failure], "reason",
			 domain_json_text(run, p->reason));
}

static json_t *
json_tlsa(const struct gp_dns_record *r)
{
	struct gp_buf hex = GP_BUF_INIT(1 << 18);
	for (size_t i = 0; i < r->data.len; i++)
		gp_buf_printf(&hex, "%02x", (unsigned char)r->data.ptr[i]);
	struct gp_slice text = gp_buf_slice(&hex);
	json_t *tlsa =
		json_pack("[i, i, i, s%]", r->usage, r->selector, r->matching, text.ptr, text.len);
	gp_buf_free(&hex);
	return tlsa;
}

static json_t *
json_verdict(struct domain_run *run, const struct gp_mx_target *t,
	     const struct gp_tlspolicy_verdict *v)
{
	json_t *tlsa = json_array();
	for (size_t i = 0; i < v->records_len; i++)
		json_array_append_new(tlsa, json_tlsa(&v->records[i]));
	json_t *host = json_pack("{s:o, s:s, s:i, s:i, s:b, s:s, s:b, s:b, s:b}", "host",
				 domain_json_text(run, t->host), "address", target_text(t, false).s,
				 "port", t->port, "preference", t->preference, "secure", t->secure,
				 "level", gp_tlspolicy_level_name(v->level), "skip", v->skip,
				 "encrypt", v->encrypt, "binding", v->binding);
	json_object_set_new(host, "tlsa", tlsa);
	json_object_set_new(host, "names", json_list(run, v->names, v->names_len));
	json_object_set_new(host, "trail", json_list(run, v->trail, v->trail_len));
	if (v->skip)
		json_object_set_new(host, "reply", json_reply(run, &v->reply));
	return host;
}

static int
print_object(const struct explanation *x)
{
	struct domain_run *run = x->run;
	const struct gp_mx_way *way = &x->hosts.way;
	bool found = x->hosts_outcome == GP_MX_DONE;
	json_t *hosts = json_array(), *reply = NULL;
	for (size_t i = 0; i < x->verdicts.verdicts_len; i++)
		json_array_append_new(
			hosts, json_verdict(run, &x->hosts.targets[i], &x->verdicts.verdicts[i]));
	if (!found)
		reply = json_reply(run, &x->hosts.reply);
	else if (x->verdicts_outcome == GP_TLSPOLICY_FAILED)
		reply = json_reply(run, &x->verdicts.reply);
	json_t *root =
		json_pack("{s:o, s:b, s:o, s:s, s:b, s:b, s:o, s:o, s:o*}", "domain",
			  domain_json_text(run, run->name), "ours", run->ours != NULL, "next_hop",
			  domain_json_text(run, x->route.host), "demand", want_name(&x->demand),
			  "mx", found && way->mx, "secure", found && way->secure, "mta_sts",
			  found && may_have_policy(x) ? json_policy(x) : json_null(), "hosts",
			  hosts, "reply", reply);
	return domain_print_json(root);
}

/* --- the verb --- */

/* Could not tell, when it is the DNS that did not; bad, when no host will do. */
static int
judge(const struct explanation *x)
{
	const struct gp_reply *r = x->hosts_outcome == GP_MX_FAILED             ? &x->hosts.reply
				   : x->verdicts_outcome == GP_TLSPOLICY_FAILED ? &x->verdicts.reply
										: NULL;
	if (!r)
		return GP_EXIT_OK;
	bool dns = r->code == 451 && r->enhanced_subject == 4 && r->enhanced_detail == 3;
	return dns ? GP_EXIT_UNKNOWN : GP_EXIT_BAD;
}

int
domain_explain(struct domain_run *run)
{
	struct explanation x = {.run = run};
	int code = domain_lookup(run, &x.lookup);
	if (code == GP_EXIT_OK) {
		int r = find_all(&x);
		if (r < 0)
			code = domain_fail(r);
		else
			code = run->json ? print_object(&x) : print_text(&x);
		code = code == GP_EXIT_OK ? judge(&x) : code;
	}
	gp_lookup_close(&x.lookup);
	return code;
}
