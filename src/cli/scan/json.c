/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost scan --json: one object for each address and port. */
#include "cli/findings/findings.h"
#include "cli/scan/report.h"
#include "core/message/date.h"
#include "core/mtasts/record.h"
#include "core/probe/relay.h"

/* Empty: null. */
static json_t *
text(const struct scan_report *report, struct gp_slice s)
{
	struct gp_slice shown = scan_visible(report, s);
	return shown.len > 0 ? json_stringn(shown.ptr, shown.len) : json_null();
}

static json_t *
word(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* --- replies --- */

static json_t *
lines_array(const struct scan_report *report, struct gp_slice lines)
{
	json_t *all = json_array();
	while (lines.len > 0)
		json_array_append_new(all, text(report, gp_probe_line(&lines)));
	return all;
}

/* With their codes, as they came. */
static json_t *
raw_lines_array(const struct scan_report *report, struct gp_slice lines)
{
	json_t *all = json_array();
	while (lines.len > 0)
		json_array_append_new(all, text(report, gp_slice_cut(&lines, '\n')));
	return all;
}

/* What EHLO offers, the first line with its greeting aside. */
static json_t *
offers_array(const struct scan_report *report, const struct gp_probe_reply *ehlo)
{
	struct gp_slice lines = ehlo->code / 100 == 2 ? ehlo->text : gp_slice("", 0);
	(void)gp_probe_line(&lines);
	return lines_array(report, lines);
}

static json_t *
mechanisms_array(const struct scan_report *report, const struct gp_probe_reply *ehlo)
{
	json_t *all = json_array();
	struct gp_slice words = {};
	if (!gp_probe_offers(ehlo, GP_SLICE("AUTH"), &words))
		return all;
	while (words.len > 0) {
		struct gp_slice one = gp_slice_cut(&words, ' ');
		if (one.len > 0)
			json_array_append_new(all, text(report, one));
	}
	return all;
}

static json_t *
auth_object(const struct scan_report *report, const struct gp_probe_record *record)
{
	return json_pack("{s:o, s:o}", "before_tls",
			 mechanisms_array(report, &record->replies[GP_PROBE_EHLO]), "after_tls",
			 mechanisms_array(report, &record->replies[GP_PROBE_EHLO_TLS]));
}

/* All that was said, by what was asked. */
static json_t *
replies_object(const struct scan_report *report, const struct gp_probe_record *record)
{
	static const char *const names[GP_PROBE_ASKS] = {
		[GP_PROBE_GREETING] = "greeting",
		[GP_PROBE_EHLO] = "ehlo",
		[GP_PROBE_STARTTLS] = "starttls",
		[GP_PROBE_EHLO_TLS] = "ehlo_tls",
		[GP_PROBE_HELP] = "help",
		[GP_PROBE_UNKNOWN] = "unknown",
		[GP_PROBE_MALFORMED] = "malformed",
		[GP_PROBE_VRFY] = "vrfy",
		[GP_PROBE_VRFY_NOBODY] = "vrfy_nobody",
		[GP_PROBE_EXPN] = "expn",
		[GP_PROBE_NTLM] = "ntlm",
		[GP_PROBE_NTLM_CANCEL] = "ntlm_cancel",
		[GP_PROBE_MAIL] = "mail",
		[GP_PROBE_RCPT] = "rcpt",
		[GP_PROBE_HELO] = "helo",
		[GP_PROBE_QUIT] = "quit",
	};
	json_t *all = json_object();
	for (size_t i = 0; i < GP_PROBE_ASKS; i++) {
		const struct gp_probe_reply *r = &record->replies[i];
		if (r->code > 0)
			json_object_set_new(all, names[i],
					    json_pack("{s:o, s:i, s:i}", "lines",
						      raw_lines_array(report, r->text), "first_ms",
						      (int)r->first_ms, "last_ms",
						      (int)r->last_ms));
	}
	return all;
}

/* --- TLS --- */

static json_t *
time_text(int64_t s)
{
	return s > 0 ? json_string(gp_date_stamp((uint64_t)s).s) : json_null();
}

static json_t *
link_object(const struct scan_report *report, const struct gp_tls_link *l)
{
	return json_pack("{s:o, s:o, s:s, s:i, s:s, s:o, s:o}", "subject", text(report, l->subject),
			 "issuer", text(report, l->issuer), "key", l->key, "bits", (int)l->key_bits,
			 "signature", l->signature, "from", time_text(l->from_s), "until",
			 time_text(l->until_s));
}

json_t *
scan_chain_json(const struct scan_report *report, const struct gp_tls_shown *shown)
{
	json_t *all = json_array();
	for (size_t i = 0; i < shown->links_len; i++)
		json_array_append_new(all, link_object(report, &shown->links[i]));
	return all;
}

static const char *
staple_name(uint8_t staple)
{
	static const char *const names[] = {
		[GP_TLS_STAPLE_NONE] = "none",
		[GP_TLS_STAPLE_GOOD] = "good",
		[GP_TLS_STAPLE_REVOKED] = "revoked",
		[GP_TLS_STAPLE_OTHER] = "other",
	};
	return names[staple];
}

static const char *
trust_name(uint8_t trust)
{
	static const char *const names[] = {
		[GP_TLS_TRUSTED] = "trusted",         [GP_TLS_OTHER_NAME] = "other_name",
		[GP_TLS_OUT_OF_DATE] = "out_of_date", [GP_TLS_NO_AUTHORITY] = "no_authority",
		[GP_TLS_NO_MATCH] = "no_match",       [GP_TLS_UNTRUSTED] = "untrusted",
	};
	return names[trust];
}

static void
add_tls(const struct scan_report *report, json_t *to)
{
	const struct scan_tls *tls = &report->view->result->tls;
	const struct gp_tls_shown *shown = &tls->shown;
	json_object_set_new(to, "handshake_ms", json_integer(tls->handshake_ms));
	if (!tls->ok) {
		json_object_set_new(to, "error", text(report, gp_slice_str(tls->error)));
		return;
	}
	json_object_update_new(
		to, json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:b, s:b, s:o, s:s, s:o}", "version",
			      tls->version, "cipher", tls->cipher, "group", word(shown->group),
			      "exchange_bits", (int)shown->exchange_bits, "trust",
			      trust_name(tls->trust), "staple", staple_name(shown->staple),
			      "extended_master", shown->extended_master, "secure_renegotiation",
			      shown->secure_renegotiation, "names",
			      text(report, tls->certificate.names), "trust_text", tls->trust_text,
			      "chain", scan_chain_json(report, shown)));
}

static json_t *
starttls_object(const struct scan_report *report, const struct gp_probe_record *record)
{
	static const char *const states[] = {
		[GP_PROBE_STARTTLS_NOT_MEASURED] = "not_measured",
		[GP_PROBE_STARTTLS_OK] = "ok",
		[GP_PROBE_STARTTLS_ABSENT] = "absent",
		[GP_PROBE_STARTTLS_BROKEN] = "broken",
	};
	json_t *all = json_pack("{s:s}", "state", states[record->starttls]);
	if (report->view->result->tls.tried)
		add_tls(report, all);
	if (record->resumption != GP_PROBE_RESUMPTION_NOT_MEASURED)
		json_object_set_new(all, "resumed",
				    json_boolean(record->resumption == GP_PROBE_RESUMPTION_YES));
	if (report->view->result->survey)
		json_object_set_new(all, "survey",
				    scan_survey_json(report, report->view->result->survey));
	return all;
}

/* --- what was found --- */

static json_t *
software_array(const struct scan_report *report)
{
	json_t *all = json_array();
	for (size_t i = 0; i < report->software.len; i++) {
		const struct gp_software_candidate *c = &report->software.items[i];
		json_array_append_new(all, json_pack("{s:s, s:o, s:f, s:o}", "name", c->name,
						     "version", text(report, c->version), "weight",
						     c->weight / 1000.0, "evidence",
						     text(report, c->evidence)));
	}
	return all;
}

static json_t *
relay_test_object(const struct scan_report *report, const struct gp_probe_relay_test *t)
{
	static const char *const states[] = {
		[GP_PROBE_RELAY_NOT_TESTED] = "not_tested",
		[GP_PROBE_RELAY_REFUSED] = "refused",
		[GP_PROBE_RELAY_ACCEPTED] = "accepted_unproven",
		[GP_PROBE_RELAY_PROVEN] = "proven",
	};
	const char variant[2] = {t->letter, '\0'};
	return json_pack("{s:i, s:o, s:s, s:o, s:o, s:o, s:o}", "form", (int)t->number, "variant",
			 word(t->letter ? variant : NULL), "state", states[t->state], "reply",
			 text(report, t->reply), "from", text(report, t->from), "to",
			 text(report, t->to), "why", word(t->why));
}

static json_t *
relay_object(const struct scan_report *report, const struct gp_probe_record *record)
{
	json_t *tests = json_array();
	for (size_t i = 0; i < record->relay_len; i++)
		json_array_append_new(tests, relay_test_object(report, &record->relay[i]));
	return json_pack("{s:s, s:o}", "verdict",
			 gp_probe_verdict_name(gp_probe_relay_verdict(record)), "tests", tests);
}

static void
add_record(const struct scan_report *report, json_t *to)
{
	const struct gp_probe_record *record = gp_probe_record(report->view->result->probe);
	struct gp_slice greeting = record->replies[GP_PROBE_GREETING].text;
	json_object_update_new(
		to, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:I}", "banner",
			      text(report, gp_probe_line(&greeting)), "software",
			      software_array(report), "ehlo",
			      offers_array(report, &record->replies[GP_PROBE_EHLO]), "starttls",
			      starttls_object(report, record), "auth", auth_object(report, record),
			      "relay", relay_object(report, record), "replies",
			      replies_object(report, record), "end", scan_end_name(record->end),
			      "connections", (int)record->connections, "octets",
			      (json_int_t)record->octets));
}

/* Of who was not asked: the same members, for who reads them. */
static void
add_nothing(json_t *to)
{
	json_object_update_new(
		to,
		json_pack("{s:n, s:[], s:[], s:{s:s}, s:{s:[], s:[]}, s:{s:s, s:[]}}", "banner",
			  "software", "ehlo", "starttls", "state", "not_measured", "auth",
			  "before_tls", "after_tls", "relay", "verdict", "not_measured", "tests"));
}

static json_t *
reverse_object(const struct scan_report *report, const struct gp_reverse *reverse)
{
	static const char *const states[] = {
		[GP_REVERSE_UNKNOWN] = "not_measured",
		[GP_REVERSE_NONE] = "none",
		[GP_REVERSE_UNCONFIRMED] = "unconfirmed",
		[GP_REVERSE_CONFIRMED] = "confirmed",
	};
	return json_pack("{s:s, s:o}", "state", states[reverse->state], "name",
			 text(report, reverse->name));
}

static json_t *
listings_array(const struct scan_report *report, const struct gp_listings *listings)
{
	static const char *const states[] = {
		[GP_LISTING_UNKNOWN] = "not_measured", [GP_LISTING_NO] = "not_listed",
		[GP_LISTING_YES] = "listed",           [GP_LISTING_REFUSED] = "refused",
		[GP_LISTING_ODD] = "no_list",
	};
	json_t *all = json_array();
	for (size_t i = 0; i < listings->len; i++) {
		const struct gp_listing *l = &listings->items[i];
		struct gp_slice code = gp_arena_printf(report->arena, "%u.%u.%u.%u", l->code[0],
						       l->code[1], l->code[2], l->code[3]);
		json_array_append_new(
			all, json_pack("{s:o, s:s, s:o, s:o}", "zone", text(report, l->zone),
				       "state", states[l->state], "code",
				       l->code[0] > 0 ? text(report, code) : json_null(), "reason",
				       text(report, l->reason)));
	}
	return all;
}

static void
add_result(const struct scan_report *report, json_t *to)
{
	const struct scan_result *r = report->view->result;
	if (r->time_ms > 0)
		json_object_set_new(to, "time", json_integer((json_int_t)(r->time_ms / 1000)));
	if (r->probe) {
		add_record(report, to);
	} else {
		add_nothing(to);
		json_object_set_new(to, "left_out", word(r->left_out));
	}
	json_object_set_new(to, "reverse", reverse_object(report, &r->reverse));
	if (r->listings.len > 0)
		json_object_set_new(to, "blocklists", listings_array(report, &r->listings));
	json_object_set_new(to, "cached", json_boolean(report->view->again));
}

static json_t *
address_text(const struct scan_result *r)
{
	if (!r)
		return json_null();
	struct gp_sockaddr a = gp_sockaddr_from_octets(r->address, r->address_len, r->port);
	return json_string(gp_sockaddr_text(&a, false).s);
}

static json_t *
policy_object(const struct scan_report *report, const struct scan_policy *p)
{
	static const char *const records[] = {
		[GP_MTASTS_RECORD_OK] = "ok",
		[GP_MTASTS_RECORD_NONE] = "none",
		[GP_MTASTS_RECORD_SEVERAL] = "several",
		[GP_MTASTS_RECORD_INVALID] = "invalid",
		[GP_MTASTS_RECORD_UNKNOWN] = "not_measured",
	};
	json_t *mx = json_array();
	for (size_t i = 0; p->policy && i < p->policy->mx_len; i++)
		json_array_append_new(mx, text(report, p->policy->mx[i]));
	return json_pack("{s:s, s:o, s:o, s:o}", "record", records[p->record], "mode",
			 word(p->policy ? gp_mtasts_mode_name(p->policy->mode) : NULL), "mx", mx,
			 "reason", text(report, p->reason));
}

json_t *
scan_report_json(const struct scan_report *report)
{
	const struct scan_view *v = report->view;
	json_t *all = json_pack("{s:o, s:o, s:i, s:o}", "target", text(report, v->target),
				"address", address_text(v->result), "port", (int)v->port, "host",
				v->host ? text(report, v->host->host) : json_null());
	if (v->policy)
		json_object_set_new(all, "mta_sts", policy_object(report, v->policy));
	if (v->result) {
		add_result(report, all);
	} else {
		add_nothing(all);
		json_object_set_new(all, "unresolved", word(v->why));
	}
	json_object_set_new(all, "findings", findings_json(&report->findings, report->arena));
	return all;
}
