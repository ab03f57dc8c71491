/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/failrpt/incident.h"

static const uint64_t seed[2] = {1, 2};

/* A message of which something is told, to be changed. */
struct sample {
	struct gp_arena arena;
	struct gp_dmarc_record record;
	struct gp_dmarc_result dmarc;
	struct gp_spf_result spf;
	struct gp_dkim_signature signatures[2];
	struct gp_dkim_verdict dkim[2];
	struct gp_header header;
	struct gp_answers *world;
	struct gp_verify_query query;
	struct gp_verify_facts facts;
	struct gp_authpolicy_decision decision;
	struct gp_failrpt_incident incident;
};

static void
set_header(struct sample *s, const char *text)
{
	assert_int_equal(gp_header_split(gp_slice_str(text), &s->arena, &s->header), 0);
}

static void
sample_open(struct sample *s)
{
	static const char zone[] =
		"{\"bounce.example.com\": {\"TXT\": [\"other\", \"v=spf1 -all\"]}}";
	struct gp_slice why;
	*s = (struct sample){
		.arena = GP_ARENA_INIT(1 << 20),
		.record = {.applies = true, .fo = GP_DMARC_FO_ALL, .ruf.len = 1},
		.dmarc = {.verdict = GP_DMARC_FAIL,
			  .from_domain = GP_SLICE("sub.example.com"),
			  .org_domain = GP_SLICE("example.com"),
			  .policy_domain = GP_SLICE("example.com")},
		.spf = {.verdict = GP_SPF_FAIL, .domain = GP_SLICE("bounce.example.com")},
		.query = {.address = {192, 0, 2, 1},
			  .address_len = 4,
			  .sender = GP_SLICE("me@bounce.example.com"),
			  .now_s = 1800000000},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(s->dkim); i++) {
		s->signatures[i] = (struct gp_dkim_signature){
			.domain = i == 0 ? GP_SLICE("list.test") : GP_SLICE("example.com"),
			.selector = GP_SLICE("s"),
			.identity = GP_SLICE("@example.com")};
		s->dkim[i] = (struct gp_dkim_verdict){.result = GP_DKIM_PASS,
						      .signature = &s->signatures[i]};
	}
	s->dmarc.record = &s->record;
	assert_int_equal(gp_answers_from_json(gp_slice_str(zone), &s->arena, seed, &s->world, &why),
			 0);
	s->facts = (struct gp_verify_facts){.header = &s->header,
					    .mail_from = &s->spf,
					    .dkim = s->dkim,
					    .dkim_len = GP_ARRAY_LEN(s->dkim),
					    .dmarc = &s->dmarc};
	set_header(s, "From: me@sub.example.com\r\nSubject: hello\r\n\r\nbody\r\n");
}

static void
sample_close(struct sample *s)
{
	gp_answers_free(s->world);
	gp_arena_free(&s->arena);
}

static int
tell(struct sample *s)
{
	const struct gp_failrpt_message m = {&s->query, &s->facts, &s->decision, s->world,
					     GP_SLICE("mx.here.test")};
	return gp_failrpt_of_message(&m, &s->arena, &s->incident);
}

enum { F0 = GP_DMARC_FO_ALL, F1 = GP_DMARC_FO_ANY, FD = GP_DMARC_FO_DKIM, FS = GP_DMARC_FO_SPF };

/* What a record asks for, and what came of the message: what is told, 0 for nothing. */
static const struct {
	unsigned fo;
	bool dkim_aligned, spf_aligned;
	uint8_t dkim, spf; /* enum gp_dkim_result of one signature, enum gp_spf_verdict */
	bool body_differs;
	uint8_t cause;
} cases[] = {
	/* nothing passes */
	{F0, false, false, GP_DKIM_FAIL, GP_SPF_FAIL, false, GP_FAILRPT_DMARC},
	{F0, false, false, GP_DKIM_PASS, GP_SPF_PASS, false, GP_FAILRPT_DMARC},
	{F1, false, false, GP_DKIM_FAIL, GP_SPF_FAIL, false, GP_FAILRPT_DMARC},
	/* one of them does */
	{F0, true, false, GP_DKIM_PASS, GP_SPF_FAIL, false, 0},
	{F0, false, true, GP_DKIM_FAIL, GP_SPF_PASS, false, 0},
	{F1, true, false, GP_DKIM_PASS, GP_SPF_FAIL, false, GP_FAILRPT_DMARC},
	{F1, false, true, GP_DKIM_FAIL, GP_SPF_PASS, false, GP_FAILRPT_DMARC},
	{F1, true, true, GP_DKIM_PASS, GP_SPF_PASS, false, 0},
	/* d: whatever is aligned */
	{FD, true, true, GP_DKIM_FAIL, GP_SPF_PASS, false, GP_FAILRPT_SIGNATURE},
	{FD, true, true, GP_DKIM_FAIL, GP_SPF_PASS, true, GP_FAILRPT_BODY_HASH},
	{FD, true, true, GP_DKIM_PERMERROR, GP_SPF_PASS, false, GP_FAILRPT_SIGNATURE},
	{FD, true, true, GP_DKIM_TEMPERROR, GP_SPF_FAIL, false, 0},
	{FD, true, true, GP_DKIM_POLICY, GP_SPF_FAIL, false, 0},
	{FD, false, false, GP_DKIM_PASS, GP_SPF_FAIL, false, 0},
	/* s: the same */
	{FS, true, true, GP_DKIM_FAIL, GP_SPF_FAIL, false, GP_FAILRPT_SPF},
	{FS, true, true, GP_DKIM_FAIL, GP_SPF_SOFTFAIL, false, GP_FAILRPT_SPF},
	{FS, true, true, GP_DKIM_FAIL, GP_SPF_NEUTRAL, false, 0},
	{FS, false, false, GP_DKIM_FAIL, GP_SPF_TEMPERROR, false, 0},
	/* several */
	{FD | FS, true, true, GP_DKIM_FAIL, GP_SPF_FAIL, false, GP_FAILRPT_SIGNATURE},
	{FD | FS, true, true, GP_DKIM_PASS, GP_SPF_FAIL, false, GP_FAILRPT_SPF},
	{F0 | FS, false, false, GP_DKIM_PASS, GP_SPF_FAIL, false, GP_FAILRPT_DMARC},
};

static void
fo_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct sample s;
		bool aligned = cases[i].dkim_aligned || cases[i].spf_aligned;
		sample_open(&s);
		s.record.fo = (uint8_t)cases[i].fo;
		s.dmarc.verdict = aligned ? GP_DMARC_PASS : GP_DMARC_FAIL;
		s.dmarc.dkim_aligned = cases[i].dkim_aligned;
		s.dmarc.spf_aligned = cases[i].spf_aligned;
		s.dkim[0].result = cases[i].dkim;
		s.dkim[0].body_differs = cases[i].body_differs;
		s.spf.verdict = cases[i].spf;
		int r = tell(&s);
		if (r != (cases[i].cause == 0) || (r == 0 && s.incident.cause != cases[i].cause))
			fail_msg("case %zu: %d, cause %d", i, r, s.incident.cause);
		sample_close(&s);
	}
}

static void
nothing_is_told_of_what_was_not_judged(void **state)
{
	static const uint8_t verdicts[] = {GP_DMARC_NONE, GP_DMARC_TEMPERROR, GP_DMARC_PERMERROR};
	struct sample s;
	(void)state;
	sample_open(&s);
	assert_int_equal(tell(&s), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(verdicts); i++) {
		s.record.fo = F0 | FS;
		s.dmarc.verdict = verdicts[i];
		assert_int_equal(tell(&s), 1);
	}
	s.dmarc.verdict = GP_DMARC_FAIL;
	s.decision.action = GP_AUTHPOLICY_DEFER;
	assert_int_equal(tell(&s), 1);
	s.decision.action = GP_AUTHPOLICY_ACCEPT;
	s.record.psd = GP_DMARC_PSD_YES;
	assert_int_equal(tell(&s), 1);
	s.record.psd = GP_DMARC_PSD_NO;
	s.record.ruf.len = 0;
	assert_int_equal(tell(&s), 1);
	s.dmarc.record = NULL;
	assert_int_equal(tell(&s), 1);
	s.facts.dmarc = NULL;
	assert_int_equal(tell(&s), 1);
	sample_close(&s);
}

static const struct {
	const char *header;
	int want;
} reports[] = {
	{"From: a@b\r\nSubject: Report\r\n\r\n", 0},
	{"Content-Type: multipart/mixed; x=multipart/report\r\n\r\n", 0},
	{"content-type:\r\n Multipart/Report; report-type=feedback-report\r\n\r\n", 1},
	{"Subject: report domain: example.com Submitter: x\r\n\r\n", 1},
	{"Auto-Submitted: no\r\n\r\n", 0},
	{"Auto-Submitted: No (by hand)\r\n\r\n", 0},
	{"Auto-Submitted: no; x=y\r\n\r\n", 0},
	{"Auto-Submitted: auto-generated\r\n\r\n", 1},
	{"From: a@b\r\nauto-submitted:\r\n auto-replied\r\n\r\n", 1},
	{"Authentication-Results: mx.else.test; none\r\n\r\n", 0},
	{"Authentication-Results: MX.here.test; none\r\n\r\n", 1},
	/* not of the header */
	{"From: a@b\r\n\r\nAuto-Submitted: auto-generated\r\n", 0},
};

/* Two hosts would never stop. */
static void
no_report_is_reported(void **state)
{
	struct sample s;
	(void)state;
	sample_open(&s);
	for (size_t i = 0; i < GP_ARRAY_LEN(reports); i++) {
		set_header(&s, reports[i].header);
		if (tell(&s) != reports[i].want)
			fail_msg("case %zu", i);
	}
	set_header(&s, "From: a@b\r\n\r\n");
	s.query.sender = GP_SLICE("");
	assert_int_equal(tell(&s), 1);
	sample_close(&s);
}

static void
what_is_told(void **state)
{
	struct sample s;
	(void)state;
	sample_open(&s);
	s.decision.action = GP_AUTHPOLICY_REFUSE;
	s.dkim[0].result = s.dkim[1].result = GP_DKIM_FAIL;
	assert_int_equal(tell(&s), 0);
	const struct gp_failrpt_incident *i = &s.incident;
	assert_int_equal(i->delivery, GP_FAILRPT_REJECTED);
	assert_int_equal(i->arrival_s, 1800000000);
	assert_slice(i->policy_domain, "example.com");
	assert_slice(i->organization, "example.com");
	assert_slice(i->header_from, "sub.example.com");
	assert_slice(i->source, "192.0.2.1");
	assert_slice(i->sender, "me@bounce.example.com");
	assert_false(i->passed);
	assert_slice(i->header, "From: me@sub.example.com\r\nSubject: hello\r\n");
	/* of the author's organisation before others */
	assert_int_equal(i->dkim, GP_DKIM_FAIL);
	assert_slice(i->dkim_domain, "example.com");
	assert_slice(i->spf_domain, "bounce.example.com");
	assert_slice(i->spf_record, "v=spf1 -all");
	s.dkim[1].result = GP_DKIM_PASS;
	s.decision.action = GP_AUTHPOLICY_QUARANTINE;
	assert_int_equal(tell(&s), 0);
	assert_slice(i->dkim_domain, "list.test");
	assert_int_equal(i->delivery, GP_FAILRPT_SPAM);
	/* a name that could be anything is none */
	s.signatures[0].domain = GP_SLICE("a\r\nb");
	s.facts.mail_from = NULL;
	s.decision.action = GP_AUTHPOLICY_ACCEPT;
	assert_int_equal(tell(&s), 0);
	assert_int_equal(i->dkim, 0);
	assert_slice(i->spf_domain, "");
	assert_int_equal(i->delivery, GP_FAILRPT_DELIVERED);
	sample_close(&s);
}

/* As many whole fields as fit, and no part of the next one. */
static void
a_large_header_is_told_in_part(void **state)
{
	static char text[200 * 1024];
	struct sample s;
	(void)state;
	sample_open(&s);
	memset(text, 'x', sizeof(text));
	memcpy(text, "From: a@b\r\nX-Long: ", 19);
	memcpy(text + GP_FAILRPT_HEADER_MAX - 2, "\r\nX: y\r\n\r\n", 11);
	set_header(&s, text);
	assert_int_equal(tell(&s), 0);
	assert_int_equal(s.incident.header.len, GP_FAILRPT_HEADER_MAX);
	memset(text + GP_FAILRPT_HEADER_MAX - 2, 'x', 11);
	memcpy(text + GP_FAILRPT_HEADER_MAX - 1, "\r\nX: y\r\n\r\n", 11);
	set_header(&s, text);
	assert_int_equal(tell(&s), 0);
	assert_slice(s.incident.header, "From: a@b\r\n");
	sample_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fo_decides),
		cmocka_unit_test(nothing_is_told_of_what_was_not_judged),
		cmocka_unit_test(no_report_is_reported),
		cmocka_unit_test(what_is_told),
		cmocka_unit_test(a_large_header_is_told_in_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
