/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a delivery: to which addresses, and how TLS has to be at each. One function after the
 * other, each of which goes on with what the one before found:
 *
 *     find_hosts    core/mx       MX records, addresses                        resolver
 *     find_policy   core/mtasts   the domain's record; the policy itself       resolver, fetch
 *     find_token    core/oauth    for the smarthost, where one is to be had    resolver, fetch
 *     find_verdicts core/tlspolicy  TLSA records; a verdict for each address   resolver
 *
 * When something is missing they ask, and all of it runs again once the answers are there: what is
 * known already costs nothing the second time.
 */
#include <errno.h>
#include <string.h>

#include "core/config/value.h"
#include "procs/relay/relay.h"
#include "sys/log.h"

enum { ADDRESSES_MAX = 32 }; /* of an HTTPS server, as many as fetch takes */

static const struct gp_reply no_dns = GP_REPLY_INIT(451, 4, 4, 3, "the DNS cannot be asked");
static const struct gp_reply no_policies =
	GP_REPLY_INIT(451, 4, 7, 5, "MTA-STS policies cannot be asked for now");

static int
fail(struct way *w, const struct gp_reply *reply)
{
	w->reply = *reply;
	return WAY_NONE;
}

static int
ask_dns(struct way *w, const struct gp_dns_question *questions, size_t len)
{
	if (++w->rounds > RELAY_ROUNDS_MAX ||
	    lookup_ask(w->delivery, w->answers, questions, len) < 0)
		return fail(w, &no_dns);
	return WAY_WAITS;
}

/* --- hosts --- */

static int
find_hosts(struct way *w)
{
	if (w->hosts_found)
		return WAY_FOUND;
	switch (gp_mx_eval(&w->query, w->answers, w->arena, &w->mx)) {
	case GP_MX_DONE:
		w->hosts_found = true;
		return WAY_FOUND;
	case GP_MX_NEED:
		return ask_dns(w, w->mx.need, w->mx.need_len);
	case GP_MX_FAILED:
		return fail(w, &w->mx.reply);
	default:
		return -ENOMEM;
	}
}

/* --- the MTA-STS policy --- */

/* An address has none, and the fixed next hop's is its own (RFC 8461 section 3.4). */
static bool
may_have_policy(const struct way *w)
{
	return w->mx.way.domain.len > 0 && w->mx.targets[0].canonical.len > 0;
}

/* What the DNS says of an HTTPS server; appended to `ret`. WAY_FOUND or WAY_WAITS. */
static int
find_addresses(struct way *w, struct gp_slice host, struct gp_fetch_address *ret, size_t *ret_len)
{
	static const uint16_t types[] = {GP_DNS_AAAA, GP_DNS_A};
	struct gp_dns_question missing[GP_ARRAY_LEN(types)];
	size_t missing_len = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		struct gp_dns_answer answer;
		if (!gp_answers_find(w->answers, host, types[i], &answer)) {
			missing[missing_len++] = (struct gp_dns_question){host, types[i]};
			continue;
		}
		for (size_t k = 0; k < answer.records_len && *ret_len < ADDRESSES_MAX; k++) {
			const struct gp_dns_record *r = &answer.records[k];
			ret[(*ret_len)++].octets =
				gp_slice((const char *)r->address,
					 types[i] == GP_DNS_A ? 4 : sizeof(r->address));
		}
	}
	return missing_len > 0 ? ask_dns(w, missing, missing_len) : WAY_FOUND;
}

/* Asks fetch, with what the record said; who waits for the answer may be nobody. */
static int
ask_policy(struct way *w, bool wait, const struct gp_fetch_address *addresses, size_t len)
{
	struct gp_msg_policy about = {
		.record = w->sts.record,
		.id = w->sts.id,
		.domain = w->mx.way.domain,
		.addresses = addresses,
		.addresses_len = len,
	};
	return policies_ask(wait ? w : NULL, &about);
}

/* Nowhere to fetch it from: a failed fetch (RFC 8461 section 3.3), which is told of like others.
   What is kept goes on to hold. */
static int
lack_policy_host(struct way *w, struct gp_slice host)
{
	if (w->sts.action == GP_MTASTS_FETCH)
		w->sts.failure = GP_MTASTS_FETCH_ERROR;
	gp_info("policy_trouble", GP_F("domain", w->mx.way.domain), GP_F("host", host),
		GP_FS("reason", "the policy host has no address"));
	return WAY_FOUND;
}

/* First without addresses, as most domains need no fetching; then with them. */
static int
find_policy(struct way *w)
{
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	struct gp_dns_answer answer;
	size_t len = 0;
	if (w->sts.done)
		return WAY_FOUND;
	if (w->sts.lost)
		return fail(w, &no_policies);
	struct gp_dns_question q = gp_mtasts_question(w->mx.way.domain, w->arena);
	if (!q.name.ptr)
		return -ENOMEM;
	if (!gp_answers_find(w->answers, q.name, q.type, &answer))
		return ask_dns(w, &q, 1);
	w->sts.record = (uint8_t)gp_mtasts_record_read(&answer, &w->sts.id);
	if (!w->sts.asked) {
		w->sts.asked = true;
		return ask_policy(w, true, NULL, 0) < 0 ? fail(w, &no_policies) : WAY_WAITS;
	}
	struct gp_slice host =
		gp_arena_printf(w->arena, "mta-sts.%.*s", GP_SLICE_FMT(w->mx.way.domain));
	int r = host.ptr ? find_addresses(w, host, addresses, &len) : -ENOMEM;
	if (r != WAY_FOUND)
		return r;
	bool wait = w->sts.action == GP_MTASTS_FETCH;
	w->sts.done = true;
	if (len == 0)
		return lack_policy_host(w, host);
	if (ask_policy(w, wait, addresses, len) < 0)
		return fail(w, &no_policies);
	return wait ? WAY_WAITS : WAY_FOUND;
}

void
way_policy_known(struct way *w, const struct gp_msg_policy_known *known)
{
	/* Sent to fetch a second time: there was no room to try. */
	bool untried = known && w->sts.done && known->action == GP_MTASTS_FETCH;
	w->sts.lost = !known || untried;
	if (known) {
		w->sts.action = known->action;
		w->sts.failure = known->failure;
		w->sts.text = gp_arena_dup(w->arena, known->text);
		/* Asked a second time, what there is has to do. */
		w->sts.done = w->sts.done || known->action == GP_MTASTS_DO_NOTHING ||
			      known->action == GP_MTASTS_APPLY;
		if (known->reason.len > 0)
			gp_info("policy_trouble", GP_F("domain", w->mx.way.domain),
				GP_F("reason", known->reason));
	}
	if (w->sts.lost)
		w->sts.done = false;
	delivery_answered(w->delivery);
}

/* --- the token --- */

static int
fail_token(struct way *w, struct gp_slice host, struct gp_slice why)
{
	struct gp_reply reply = GP_REPLY(451, 4, 7, 0, "");
	reply.text = gp_arena_printf(w->arena, "no token to log in with from %.*s: %.*s",
				     GP_SLICE_FMT(host), GP_SLICE_FMT(why));
	return reply.text.ptr ? fail(w, &reply) : -ENOMEM;
}

static int
find_token(struct way *w)
{
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	struct gp_slice host = {}, path;
	size_t len = 0;
	if (w->login.len == 0 || !tokens_are_had() || tokens_now().len > 0)
		return WAY_FOUND;
	(void)gp_https_url_parse(relay.env->config->smarthost.token_url, &host, &path);
	if (w->token.why.len > 0)
		return fail_token(w, host, w->token.why);
	int r = find_addresses(w, host, addresses, &len);
	if (r != WAY_FOUND)
		return r;
	if (len == 0)
		return fail_token(w, host, GP_SLICE("it has no address"));
	if (tokens_ask(w, addresses, len) < 0)
		return fail_token(w, host, GP_SLICE("it cannot be asked for now"));
	return WAY_WAITS;
}

void
way_token_known(struct way *w, struct gp_slice why)
{
	w->token.why = gp_arena_dup(w->arena, why);
	delivery_answered(w->delivery);
}

/* --- verdicts --- */

static int
read_policy(struct way *w, struct gp_tlspolicy_sts *ret)
{
	struct gp_mtasts_policy *policy = gp_arena_new(w->arena, struct gp_mtasts_policy);
	struct gp_slice why;
	*ret = (struct gp_tlspolicy_sts){.failure = w->sts.failure};
	if (w->sts.text.len == 0)
		return 0;
	if (!policy)
		return -ENOMEM;
	/* fetch read it by the same function; one that has fallen may say anything. */
	int r = gp_mtasts_policy_parse(w->sts.text, w->arena, policy, &why);
	if (r == 0)
		ret->policy = policy;
	return r > 0 ? -EPROTO : r;
}

/* "mx.example.net [192.0.2.1]:25", or the address alone where there was no name. */
static struct gp_slice
target_name(struct way *w, struct gp_slice host, const struct gp_sockaddr *a, uint16_t port)
{
	struct gp_sockaddr_text with = gp_sockaddr_text(a, true), bare = gp_sockaddr_text(a, false);
	bool literal = host.len == 0 || gp_slice_starts(host, GP_SLICE("[")) ||
		       gp_slice_eq(host, gp_slice_str(bare.s));
	if (literal)
		return gp_arena_dup(w->arena, gp_slice_str(with.s));
	return gp_arena_printf(w->arena, "%.*s [%s]:%u", GP_SLICE_FMT(host), bare.s, port);
}

/* A host that must not be used has had no session, and counts all the same. */
static void
count_skipped(struct way *w, const struct gp_tlspolicy_verdict *verdicts)
{
	for (size_t i = 0; i < w->mx.targets_len; i++) {
		const struct gp_mx_target *t = &w->mx.targets[i];
		struct gp_sockaddr address =
			gp_sockaddr_from_octets(t->address, t->address_len, t->port);
		struct gp_tlspolicy_judgement j;
		if (verdicts[i].skip && gp_tlspolicy_judge(&verdicts[i], NULL, w->arena, &j) == 0)
			results_tell(w, &verdicts[i], &j, &address, -1);
	}
}

/* verdicts: one for each target, or NULL where there is no TLS. */
static int
set_targets(struct way *w, const struct gp_tlspolicy_verdict *verdicts)
{
	struct target *targets = gp_arena_array(w->arena, w->mx.targets_len, sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	for (size_t i = 0; i < w->mx.targets_len; i++) {
		const struct gp_mx_target *from = &w->mx.targets[i];
		if (verdicts && verdicts[i].skip) {
			if (gp_reply_transient(&verdicts[i].reply))
				w->skipped = verdicts[i].reply;
			continue;
		}
		struct target *to = &targets[w->targets_len++];
		to->address = gp_sockaddr_from_octets(from->address, from->address_len, from->port);
		to->name = target_name(w, from->host, &to->address, from->port);
		to->verdict = verdicts ? &verdicts[i] : NULL;
		to->implicit = w->implicit;
		to->login = w->login;
	}
	w->targets = targets;
	return WAY_FOUND;
}

static int
find_verdicts(struct way *w)
{
	struct gp_tlspolicy_result result;
	struct gp_tlspolicy_query query = {
		.domain = w->mx.way.domain,
		.way = &w->mx.way,
		.targets = w->mx.targets,
		.targets_len = w->mx.targets_len,
		.want = w->want,
		.message = w->message,
		.fingerprints = w->fingerprints,
		.fingerprints_len = w->fingerprints_len,
	};
	int r = read_policy(w, &query.sts);
	if (r == -EPROTO)
		return fail(w, &no_policies);
	switch (r < 0 ? r : gp_tlspolicy_eval(&query, w->answers, w->arena, &result)) {
	case GP_TLSPOLICY_DONE:
		count_skipped(w, result.verdicts);
		return set_targets(w, result.verdicts);
	case GP_TLSPOLICY_NEED:
		return ask_dns(w, result.need, result.need_len);
	case GP_TLSPOLICY_FAILED:
		count_skipped(w, result.verdicts);
		return fail(w, &result.reply);
	default:
		return -ENOMEM;
	}
}

/* LMTP over a Unix socket: one target, no name to look up. */
static int
set_unix_target(struct way *w)
{
	struct target *t = gp_arena_new(w->arena, struct target);
	if (!t || gp_sockaddr_parse(w->query.host, 0, &t->address) < 0)
		return -ENOMEM;
	t->name = w->query.host;
	w->targets = t;
	w->targets_len = 1;
	return WAY_FOUND;
}

int
way_find(struct way *w)
{
	if (w->targets)
		return WAY_FOUND;
	if (gp_slice_starts(w->query.host, GP_SLICE("unix:")))
		return set_unix_target(w);
	if (!w->answers)
		w->answers = gp_answers_new(w->arena, GP_ANSWERS_MAX, relay.env->seed);
	if (!w->answers)
		return -ENOMEM;
	int r = find_hosts(w);
	if (r == WAY_FOUND && w->lmtp)
		return set_targets(w, NULL);
	if (r == WAY_FOUND && may_have_policy(w))
		r = find_policy(w);
	if (r == WAY_FOUND)
		r = find_token(w);
	return r == WAY_FOUND ? find_verdicts(w) : r;
}

void
way_free(struct way *w)
{
	w->answers = gp_answers_free(w->answers);
}
