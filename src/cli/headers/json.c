/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost headers --json */
#include <jansson.h>

#include "cli/findings/findings.h"
#include "cli/headers/headers.h"
#include "cli/proof/arc_json.h"
#include "cli/proof/dkim_json.h"
#include "cli/proof/dmarc.h"
#include "cli/proof/spf_json.h"
#include "core/message/date.h"

/* Empty: null. */
static json_t *
text(const struct headers_view *view, struct gp_slice s)
{
	struct gp_slice shown = headers_visible(view, s);
	return shown.len > 0 ? json_stringn(shown.ptr, shown.len) : json_null();
}

static json_t *
stamp(const struct gp_when *when)
{
	return when->known ? json_string(gp_date_stamp((uint64_t)when->epoch_s).s) : json_null();
}

/* --- the path --- */

static json_t *
hop_object(const struct headers_view *view, const struct gp_path_hop *h)
{
	const struct gp_hop *hop = &h->hop;
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, "
		"s:b, s:o}",
		"from", text(view, headers_client(view, hop)), "by", text(view, hop->by), "with",
		text(view, hop->with), "time", stamp(&hop->when), "delay_s",
		h->has_delay ? json_integer(h->delay_s) : json_null(), "tls",
		text(view, headers_tls(view, hop)), "trusted", h->trusted, "helo",
		text(view, hop->helo), "rdns", text(view, hop->rdns), "address",
		text(view, hop->address), "id", text(view, hop->id), "for", text(view, hop->rcpt),
		"envelope_from", text(view, hop->sender), "login", text(view, hop->login),
		"authenticated", hop->authenticated, "rdns_forged", hop->rdns_forged, "understood",
		hop->understood, "field", text(view, hop->value));
}

static json_t *
hops_array(const struct headers_view *view)
{
	const struct gp_path *p = &view->found->path;
	json_t *hops = json_array();
	for (size_t i = 0; i < p->len; i++)
		json_array_append_new(hops, hop_object(view, &p->hops[i]));
	return hops;
}

/* Where it came in: a hop's place in "hops". */
static json_t *
boundary_object(const struct headers_view *view)
{
	const struct gp_path *p = &view->found->path;
	if (p->boundary < 0)
		return json_null();
	const struct gp_hop *hop = &p->hops[p->boundary].hop;
	return json_pack("{s:i, s:b, s:o, s:o, s:o}", "hop", p->boundary, "assumed", p->assumed,
			 "address", text(view, hop->address), "helo", text(view, hop->helo), "rdns",
			 text(view, hop->rdns));
}

static json_t *
submission_object(const struct headers_view *view)
{
	const struct gp_path *p = &view->found->path;
	if (p->submission < 0)
		return json_null();
	const struct gp_hop *hop = &p->hops[p->submission].hop;
	return json_pack("{s:i, s:o, s:o, s:o}", "hop", p->submission, "id", text(view, hop->id),
			 "login", text(view, hop->login), "address", text(view, hop->address));
}

/* --- identities --- */

static json_t *
identity_object(const struct headers_view *view, const struct gp_identity *id)
{
	if (!id->there)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "text", text(view, id->text), "name",
			 text(view, id->name), "address", text(view, id->address), "domain",
			 text(view, id->domain), "domain_shown", text(view, id->shown), "mailboxes",
			 (json_int_t)id->mailboxes);
}

static json_t *
identities_object(const struct headers_view *view)
{
	const struct gp_identities *ids = &view->found->identities;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "from",
			 identity_object(view, &ids->from), "sender",
			 identity_object(view, &ids->sender), "reply_to",
			 identity_object(view, &ids->reply_to), "return_path",
			 identity_object(view, &ids->return_path), "message_id",
			 text(view, ids->message_id), "subject", text(view, ids->subject),
			 "from_ours", ids->from_own, "looks_like", text(view, ids->looks_like));
}

/* --- the rest --- */

/* Of what our gateway wrote. */
static json_t *
result_object(uint8_t result, const bool *aligned)
{
	const char *word = headers_result(result);
	if (!word)
		return json_null();
	json_t *o = json_pack("{s:s, s:s}", "result", word, "source", "authentication_results");
	if (aligned)
		json_object_set_new(o, "aligned", json_boolean(*aligned));
	return o;
}

/* Of what was verified now: the objects of the verifiers. */
static json_t *
verified_object(const struct gp_verify_facts *f)
{
	json_t *spf = f->mail_from ? gp_spf_json(f->mail_from, GP_SPF_MFROM, false) : json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "spf", spf, "dkim",
			 gp_dkim_json_list(f->dkim, f->dkim_len, false), "arc",
			 gp_arc_json(f->arc, false), "dmarc", gp_dmarc_json(f->dmarc, false));
}

static json_t *
verified_before_object(const struct gp_verified *v)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "spf", result_object(v->spf, &v->spf_aligned),
			 "dkim", result_object(v->dkim, &v->dkim_aligned), "arc",
			 result_object(v->arc, NULL), "dmarc", result_object(v->dmarc, NULL));
}

static bool
add_verified(const struct headers_view *view, json_t *object)
{
	json_t *verified = view->verification->done
				   ? verified_object(&view->verification->facts)
				   : verified_before_object(&view->found->verified);
	bool good = verified && json_object_update(object, verified) == 0;
	json_decref(verified);
	return good;
}

static json_t *
claims_array(const struct headers_view *view)
{
	static const char *const leanings[] = {
		[GP_CLAIM_NEUTRAL] = "neutral", [GP_CLAIM_HAM] = "good", [GP_CLAIM_SPAM] = "bad"};
	const struct gp_claims *c = &view->found->claims;
	json_t *claims = json_array();
	for (size_t i = 0; i < c->len; i++) {
		const struct gp_claim *claim = &c->items[i];
		json_array_append_new(
			claims,
			json_pack("{s:s, s:o, s:o, s:s, s:b}", "product", claim->product, "field",
				  text(view, claim->field), "text", text(view, claim->text),
				  "leaning", leanings[claim->leaning], "trusted", claim->trusted));
	}
	return claims;
}

static json_t *
reasons_array(const struct headers_view *view)
{
	const struct gp_headers *h = view->found;
	json_t *reasons = json_array();
	for (size_t i = 0; i < h->reasons_len; i++)
		json_array_append_new(reasons, text(view, h->reasons[i]));
	return reasons;
}

/* What the journal of our gateway knows of the ids that trace fields claim. */
static json_t *
records_array(const struct headers_view *view)
{
	static const char *const states[] = {[GP_RECORD_UNKNOWN] = "unknown",
					     [GP_RECORD_FOUND] = "found",
					     [GP_RECORD_NONE] = "none"};
	const struct gp_headers *h = view->found;
	json_t *records = json_array();
	for (size_t i = 0; i < h->records_len; i++) {
		const struct gp_headers_record *r = &h->records[i];
		const char *wrong = gp_headers_contradiction(h, r);
		json_array_append_new(
			records,
			json_pack("{s:i, s:o, s:s, s:s?, s:I, s:o, s:o, s:o, s:o}", "hop",
				  (int)r->hop + 1, "id", text(view, h->path.hops[r->hop].hop.id),
				  "state", states[r->state], "contradiction",
				  r->state == GP_RECORD_FOUND ? wrong : NULL, "time",
				  (json_int_t)(r->came.time_ms / 1000), "user",
				  text(view, r->came.user), "client", text(view, r->came.client),
				  "sender", text(view, r->came.sender), "results",
				  text(view, r->came.results)));
	}
	return records;
}

static json_t *
whole_object(const struct headers_view *view)
{
	const struct gp_headers *h = view->found;
	json_t *whole = json_pack(
		"{s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "file",
		text(view, gp_slice_str(view->file)), "verdict", gp_verdict_name(h->verdict),
		"reasons", reasons_array(view), "hops", hops_array(view), "hops_more",
		(json_int_t)h->path.more, "boundary", boundary_object(view), "submission",
		submission_object(view), "identities", identities_object(view), "claims",
		claims_array(view), "findings", findings_json(&view->found->findings, view->arena),
		"journal", records_array(view), "verified_by_journal",
		view->verification->by_journal);
	if (whole && add_verified(view, whole))
		return whole;
	json_decref(whole);
	return NULL;
}

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

void
headers_write_json(struct gp_buf *out, const struct headers_view *view)
{
	json_t *whole = whole_object(view);
	if (!whole || json_dump_callback(whole, put_piece, out, JSON_COMPACT) != 0)
		out->failed = true;
	gp_buf_put_char(out, '\n');
	json_decref(whole);
}
