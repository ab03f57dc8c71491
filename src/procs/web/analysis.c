/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/analysis.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "core/headers/headers.h"
#include "core/identity/visible.h"
#include "core/message/canonical.h"
#include "core/message/date.h"

enum { MESSAGE_MAX = 4 * 1024 * 1024 }; /* with CRLF: at most twice what was sent */

struct analysis {
	struct gp_arena arena;
	struct gp_buf message;
	int64_t now_s;
	struct gp_headers found;
};

struct writer {
	struct gp_json j;
	struct gp_arena *arena;
};

/* What strangers wrote, so that nothing hides in it; empty: null. */
static void
put(struct writer *w, const char *name, struct gp_slice text)
{
	struct gp_slice shown = gp_visible(text, w->arena);
	if (shown.len > 0)
		gp_json_text(&w->j, name, shown);
	else
		gp_json_null(&w->j, name);
}

static void
put_time(struct writer *w, const char *name, const struct gp_when *when)
{
	if (when->known)
		gp_json_number(&w->j, name, when->epoch_s);
	else
		gp_json_null(&w->j, name);
}

static void
put_hop(struct writer *w, const struct gp_path_hop *h)
{
	const struct gp_hop *hop = &h->hop;
	gp_json_open(&w->j, NULL, '{');
	put(w, "by", hop->by);
	put(w, "helo", hop->helo);
	put(w, "rdns", hop->rdns);
	put(w, "address", hop->address);
	put(w, "with", hop->with);
	put(w, "tls_version", hop->tls_version);
	put(w, "tls_cipher", hop->tls_cipher);
	gp_json_bool(&w->j, "tls", hop->tls);
	put(w, "id", hop->id);
	put_time(w, "time", &hop->when);
	if (h->has_delay)
		gp_json_number(&w->j, "delay_s", h->delay_s);
	else
		gp_json_null(&w->j, "delay_s");
	gp_json_bool(&w->j, "trusted", h->trusted);
	gp_json_bool(&w->j, "understood", hop->understood);
	put(w, "field", hop->understood ? gp_slice("", 0) : gp_slice_take(hop->value, 300));
	gp_json_close(&w->j, '}');
}

static void
put_path(struct writer *w, const struct gp_path *path)
{
	gp_json_open(&w->j, "hops", '[');
	for (size_t i = 0; i < path->len; i++)
		put_hop(w, &path->hops[i]);
	gp_json_close(&w->j, ']');
	gp_json_number(&w->j, "hops_more", (int64_t)path->more);
	if (path->boundary >= 0)
		gp_json_number(&w->j, "boundary", path->boundary);
	else
		gp_json_null(&w->j, "boundary");
	gp_json_bool(&w->j, "assumed", path->assumed);
	if (path->has_total)
		gp_json_number(&w->j, "total_s", path->total_s);
	else
		gp_json_null(&w->j, "total_s");
}

static void
put_identity(struct writer *w, const char *name, const struct gp_identity *id)
{
	if (!id->there) {
		gp_json_null(&w->j, name);
		return;
	}
	gp_json_open(&w->j, name, '{');
	put(w, "text", id->text);
	put(w, "domain", id->domain);
	put(w, "domain_shown", id->shown);
	gp_json_close(&w->j, '}');
}

static void
put_identities(struct writer *w, const struct gp_headers *h)
{
	const struct gp_identities *ids = &h->identities;
	gp_json_open(&w->j, "identities", '{');
	put_identity(w, "from", &ids->from);
	put_identity(w, "sender", &ids->sender);
	put_identity(w, "reply_to", &ids->reply_to);
	put_identity(w, "return_path", &ids->return_path);
	put(w, "message_id", ids->message_id);
	put(w, "subject", ids->subject);
	put_time(w, "date", &h->path.date);
	put(w, "looks_like", ids->looks_like);
	gp_json_close(&w->j, '}');
}

/* What was found out now, else what our gateway wrote when the message came in. */
static void
put_verified(struct writer *w, const struct gp_verified *v)
{
	static const char *const words[] = {
		[GP_VERIFIED_NOT] = NULL,
		[GP_VERIFIED_NONE] = "none",
		[GP_VERIFIED_PASS] = "pass",
		[GP_VERIFIED_FAIL] = "fail",
		[GP_VERIFIED_UNKNOWN] = "temperror",
	};
	gp_json_open(&w->j, "verified", '{');
	gp_json_str(&w->j, "spf", words[v->spf]);
	gp_json_bool(&w->j, "spf_aligned", v->spf_aligned);
	gp_json_str(&w->j, "dkim", words[v->dkim]);
	gp_json_bool(&w->j, "dkim_aligned", v->dkim_aligned);
	gp_json_str(&w->j, "dmarc", words[v->dmarc]);
	gp_json_str(&w->j, "arc", words[v->arc]);
	gp_json_close(&w->j, '}');
}

/* Each method by itself, in the words of RFC 8601. */
static void
put_results(struct writer *w, const struct gp_verified *v)
{
	gp_json_open(&w->j, "results", '[');
	for (size_t i = 0; i < v->items_len; i++) {
		const struct gp_claimed_result *item = &v->items[i];
		gp_json_open(&w->j, NULL, '{');
		put(w, "method", item->method);
		put(w, "result", item->result);
		put(w, "domain", item->domain);
		put(w, "reason", item->reason);
		gp_json_close(&w->j, '}');
	}
	gp_json_close(&w->j, ']');
}

static void
put_claims(struct writer *w, const struct gp_claims *claims)
{
	static const char *const leanings[] = {
		[GP_CLAIM_NEUTRAL] = "neutral", [GP_CLAIM_HAM] = "good", [GP_CLAIM_SPAM] = "bad"};
	gp_json_open(&w->j, "claims", '[');
	for (size_t i = 0; i < claims->len; i++) {
		const struct gp_claim *claim = &claims->items[i];
		gp_json_open(&w->j, NULL, '{');
		gp_json_str(&w->j, "product", claim->product);
		put(w, "text", claim->text);
		gp_json_str(&w->j, "leaning", leanings[claim->leaning]);
		gp_json_bool(&w->j, "trusted", claim->trusted);
		gp_json_close(&w->j, '}');
	}
	gp_json_close(&w->j, ']');
}

static void
put_findings(struct writer *w, const struct gp_findings *all)
{
	gp_json_open(&w->j, "findings", '[');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		for (size_t i = 0; i < all->len; i++) {
			const struct gp_finding *f = &all->items[i];
			if (f->severity != severity)
				continue;
			gp_json_open(&w->j, NULL, '{');
			gp_json_str(&w->j, "id", f->kind->id);
			gp_json_str(&w->j, "severity", gp_severity_name(f->severity));
			gp_json_str(&w->j, "title", f->kind->title);
			put(w, "evidence", f->evidence);
			gp_json_str(&w->j, "why", f->kind->why);
			gp_json_close(&w->j, '}');
		}
	}
	gp_json_close(&w->j, ']');
}

/* spf_left_out: why there is no SPF in what was verified now; NULL: there is, or nothing was. */
static void
put_verification(struct writer *w, const struct gp_headers *h, bool done, const char *why_not)
{
	struct gp_verify_query query = {};
	gp_json_open(&w->j, "verification", '{');
	gp_json_bool(&w->j, "done", done);
	gp_json_str(&w->j, "why_not", why_not);
	gp_json_str(&w->j, "spf_left_out", done ? gp_headers_client(h, &query) : NULL);
	gp_json_close(&w->j, '}');
}

static void
put_all(struct writer *w, const struct gp_headers *h, bool done, const char *why_not)
{
	gp_json_open(&w->j, NULL, '{');
	gp_json_str(&w->j, "verdict", gp_verdict_name(h->verdict));
	gp_json_open(&w->j, "reasons", '[');
	for (size_t i = 0; i < h->reasons_len; i++)
		put(w, NULL, h->reasons[i]);
	gp_json_close(&w->j, ']');
	put_identities(w, h);
	put_path(w, &h->path);
	put_verification(w, h, done, why_not);
	gp_json_bool(&w->j, "verified_before", h->verified_before);
	put_verified(w, &h->verified);
	put_results(w, &h->verified);
	put_claims(w, &h->claims);
	put_findings(w, &h->findings);
	gp_json_close(&w->j, '}');
}

/* --- from the message to the answer --- */

/* Our domains and hosts are those of the configuration, which a reload may free meanwhile. Returns
 * 0 or -ENOMEM. */
static int
read_message(struct analysis *a, const struct gp_config *config)
{
	struct gp_slice *own = gp_arena_array(&a->arena, config->domains_len, sizeof(*own));
	struct gp_slice *host = gp_arena_array(&a->arena, 1, sizeof(*host));
	struct gp_network *networks =
		gp_arena_array(&a->arena, config->relay_networks_len, sizeof(*networks));
	if (!own || !host || !networks)
		return -ENOMEM;
	for (size_t i = 0; i < config->domains_len; i++)
		own[i] = gp_arena_dup(&a->arena, config->domains[i].name);
	for (size_t i = 0; i < config->relay_networks_len; i++)
		networks[i] = config->relay_networks[i];
	*host = gp_arena_dup(&a->arena, config->hostname);
	const struct gp_headers_query query = {
		.own = own,
		.own_len = config->domains_len,
		.trust = {.hosts = host,
			  .hosts_len = 1,
			  .networks = networks,
			  .networks_len = config->relay_networks_len},
		.now_s = a->now_s};
	return gp_headers_read(gp_buf_slice(&a->message), &query, &a->arena, &a->found);
}

struct analysis *
analysis_new(struct gp_slice text, const struct gp_config *config, int64_t now_s,
	     const char **ret_why)
{
	struct analysis *a = malloc(sizeof(*a));
	*ret_why = NULL;
	if (!a)
		return NULL;
	*a = (struct analysis){.arena = GP_ARENA_INIT(GP_HEADERS_ARENA_MAX),
			       .message = GP_BUF_INIT(MESSAGE_MAX),
			       .now_s = now_s};
	int r = gp_message_canonical(text, &a->message, ret_why);
	if (r == 0)
		r = read_message(a, config);
	if (r < 0)
		*ret_why = NULL;
	return r == 0 && !a->arena.failed ? a : analysis_free(a);
}

struct analysis *
analysis_free(struct analysis *a)
{
	if (a) {
		gp_arena_free(&a->arena);
		gp_buf_free(&a->message);
	}
	free(a);
	return NULL;
}

struct gp_slice
analysis_message(const struct analysis *a)
{
	return gp_buf_slice(&a->message);
}

const char *
analysis_to_verify(const struct analysis *a, struct gp_verify_query *ret)
{
	*ret = (struct gp_verify_query){
		.dmarc = true,
		.arc = true,
		.receiver = a->found.path.ours,
		.now_s = (uint64_t)a->now_s,
	};
	if (a->found.header.body_at == a->message.len)
		return "This is a header alone: signatures cover the body, too, so that they can "
		       "be "
		       "verified of the whole message only.";
	(void)gp_headers_client(&a->found, ret);
	return NULL;
}

void
analysis_write(struct analysis *a, const struct gp_verify_facts *facts, const char *why_not,
	       struct gp_buf *out)
{
	struct writer w = {.j = {.out = out}, .arena = &a->arena};
	struct gp_verified verified;
	int r = facts ? gp_headers_verified(facts, &a->arena, &verified) : 0;
	if (r == 0)
		r = gp_headers_judge(&a->found, facts ? &verified : NULL, &a->arena);
	if (r == 0)
		put_all(&w, &a->found, facts, why_not);
	if (r < 0 || a->arena.failed)
		out->failed = true;
}
