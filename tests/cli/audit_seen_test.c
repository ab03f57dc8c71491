/* SPDX-License-Identifier: Apache-2.0 */
/* What the scanner saw becomes facts, and what it did not see becomes none. */
#include "../probe/dialogue.h"

#include <errno.h>

#include "cli/audit/seen.h"
#include "ipc/values.h"

#define EHLO_OK "< 250-mx.example.net\n"
#define REST "> HELP\n< 214 a\n> XGATEPOST\n< 500 b\n> EHLO\n< 501 c\n> HELO " HELO "\n< 250 d\n"
/* Where the handshake failed, the rest is asked in clear. */
#define AGAIN OPENING EHLO_OK "< 250 STARTTLS\n" REST LEAVE
#define LEAVE "> QUIT\n< 221 bye\n.done"

static const struct scan_tls failed = {.tried = true, .error = "no shared cipher"},
			     old = {.tried = true,
				    .ok = true,
				    .version = "TLSv1.1",
				    .cipher = "AES128-SHA",
				    .trust = GP_TLS_NO_AUTHORITY,
				    .trust_text = "self-signed certificate",
				    .shown = {.links = {{.key = "RSA",
							 .key_bits = 1024,
							 .self_issued = true,
							 .signature = "RSA-SHA256"}},
					      .links_len = 1},
				    .certificate = {.names = {"mx.example.net", 14}}},
			     bare = {.tried = true,
				     .ok = true,
				     .version = "TLSv1.3",
				     .cipher = "TLS_AES"};

static const struct {
	const char *script;
	const struct scan_tls *tls;
	int connect_error;
	uint8_t reach;
	const char *why; /* begins so */
	uint8_t tls_state;
	const char *tls_why;
	uint8_t auth_clear;
} cases[] = {
	{.script = ".refused\n.done", .connect_error = -ECONNREFUSED, .reach = GP_POSTURE_CLOSED},
	{.script = ".refused\n.done", .connect_error = -ENETUNREACH, .why = "no connection: "},
	{.script = ".refused\n.done", .why = "no connection in time"},
	{.script = ".connect\n< 421 too many\n.done", .why = "its greeting was 421"},
	{.script = ".connect\n< 554 no\n> QUIT\n< 221 bye\n.done", .why = "its greeting was 554"},
	{.script = OPENING "< 450 later\n" LEAVE, .why = "its answer to EHLO was 450"},
	{.script = ".connect\n!eof\n.done", .why = "the server closed"},
	{.script = OPENING EHLO_OK "< 250 AUTH PLAIN\n" REST LEAVE,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_NONE,
	 .auth_clear = GP_POSTURE_YES},
	{.script = OPENING EHLO_OK "< 250 AUTH CRAM-MD5\n" REST LEAVE,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_NONE,
	 .auth_clear = GP_POSTURE_NO},
	{.script = OPENING EHLO_OK "< 250 STARTTLS\n> STARTTLS\n< 454 no\n" REST LEAVE,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_BROKEN,
	 .tls_why = "STARTTLS: 454",
	 .auth_clear = GP_POSTURE_NO},
	{.script = OPENING EHLO_OK "< 250 STARTTLS\n> STARTTLS\n< 220 go\n.notls\n" AGAIN,
	 .tls = &failed,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_BROKEN,
	 .tls_why = "no shared cipher",
	 .auth_clear = GP_POSTURE_NO},
	/* left before it could be known */
	{.script = OPENING EHLO_OK "< 250 STARTTLS\n> STARTTLS\n< 421 bye\n.done",
	 .reach = GP_POSTURE_MET,
	 .tls_why = "",
	 .auth_clear = GP_POSTURE_NO},
	{.script = OPENING EHLO_OK "< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO
				   "\n< 250 mx.example.net\n" REST LEAVE,
	 .tls = &old,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_SPOKEN,
	 .auth_clear = GP_POSTURE_NO},
	{.script = OPENING EHLO_OK "< 250 STARTTLS\n> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO
				   "\n< 250 mx.example.net\n" REST LEAVE,
	 .tls = &bare,
	 .reach = GP_POSTURE_MET,
	 .tls_state = GP_POSTURE_TLS_BROKEN,
	 .tls_why = "no certificate is shown",
	 .auth_clear = GP_POSTURE_NO},
};

static void
begins_so(size_t row, const char *is, const char *wanted)
{
	bool good = wanted ? is && strncmp(is, wanted, strlen(wanted)) == 0 : !is;
	if (!good)
		fail_msg("case %zu: '%s', not '%s'", row, is ? is : "NULL",
			 wanted ? wanted : "NULL");
}

/* A result of that dialogue, and what is seen in it. */
static void
see_surveyed(size_t row, const struct scan_surveyed *survey, struct gp_arena *arena,
	     struct gp_posture_host *ret)
{
	const struct dialogue d = {.name = "seen", .script = cases[row].script};
	const struct gp_probe_options options = {.helo = GP_SLICE(HELO)};
	struct run r = {.d = &d, .input = GP_BUF_INIT(1 << 20), .said = GP_BUF_INIT(1 << 20)};
	r.probe = gp_probe_new(&options, 0);
	assert_non_null(r.probe);
	for (struct gp_slice script = gp_slice_str(d.script); script.len > 0;)
		do_line(&r, gp_slice_cut(&script, '\n'));
	struct scan_result result = {.address = {192, 0, 2, 1},
				     .address_len = 4,
				     .port = 25,
				     .sni = GP_SLICE("mx.example.net"),
				     .probe = r.probe,
				     .survey = survey,
				     .connect_error = cases[row].connect_error};
	if (cases[row].tls)
		result.tls = *cases[row].tls;
	const struct scan_view view = {.result = &result, .port = 25};
	assert_int_equal(audit_seen_host(&view, arena, ret), 0);
	gp_probe_free(r.probe);
	gp_buf_free(&r.input);
	gp_buf_free(&r.said);
}

static void
see(size_t row, struct gp_arena *arena, struct gp_posture_host *ret)
{
	see_surveyed(row, NULL, arena, ret);
}

static void
dialogues_become_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_posture_host h;
		see(i, &arena, &h);
		if (h.reach != cases[i].reach || h.tls != cases[i].tls_state ||
		    h.auth_clear != cases[i].auth_clear)
			fail_msg("case %zu: reach %u, tls %u, auth %u", i, h.reach, h.tls,
				 h.auth_clear);
		begins_so(i, h.why, cases[i].why);
		begins_so(i, h.tls_why, cases[i].tls_why);
		if (h.reach == GP_POSTURE_MET)
			assert_slice(h.says, "mx.example.net");
		gp_arena_free(&arena);
	}
}

static size_t
row_of_session(void)
{
	size_t row = 0;
	while (cases[row].tls != &old)
		row++;
	return row;
}

static void
a_session_shows_its_best_only(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_posture_host h;
	(void)state;
	see(row_of_session(), &arena, &h);
	assert_slice(h.old, "TLSv1.1 is the best that it takes");
	assert_slice(h.weak, "AES128-SHA");
	assert_false(h.old_known || h.weak_known);
	assert_int_equal(h.compression, GP_POSTURE_ASK_NOT);
	assert_int_equal(h.renegotiation, GP_POSTURE_NO);
	assert_int_equal(h.chains_len, 1);
	assert_int_equal(h.chains[0].trust, GP_POSTURE_SELF_SIGNED);
	assert_slice(h.chains[0].weak, "RSA of 1024 bits");
	assert_slice(h.chains[0].names, "mx.example.net");
	gp_arena_free(&arena);
}

/* What a brief survey tells beside the session, versions from SSLv2 on: "+", "-", or "?". */
static void
a_brief_survey_shows_versions_and_compression(void **state)
{
	static const struct {
		const char *spoken;
		uint8_t deflate;
		const char *old;
		bool known, ssl;
		uint8_t compression;
		bool suites; /* no broken one is taken */
		bool listed; /* it asked for them */
	} rows[] = {
		{"----++", GP_SURVEY_NO, "", true, false, GP_POSTURE_NO},
		{"----++", GP_SURVEY_NO, "", true, false, GP_POSTURE_NO, true, true},
		{"----+?", GP_SURVEY_NO, "", true, false, GP_POSTURE_NO, true, true},
		{"---+++", GP_SURVEY_YES, "TLS 1.1", true, false, GP_POSTURE_YES},
		{"-+-+++", GP_SURVEY_NO, "SSLv3, TLS 1.1", true, true, GP_POSTURE_NO},
		{"?---++", GP_SURVEY_NO, "TLSv1.1 is the best that it takes", false, false,
		 GP_POSTURE_NO},
		{"-----+", GP_SURVEY_UNKNOWN, "", true, false, GP_POSTURE_NO, true},
		{"----?+", GP_SURVEY_UNKNOWN, "", true, false, GP_POSTURE_ASK_NOT},
		/* it has agreed to nothing, so nothing is known */
		{"------", GP_SURVEY_UNKNOWN, "TLSv1.1 is the best that it takes", false, false,
		 GP_POSTURE_ASK_NOT},
	};
	static const uint16_t versions[] = {GP_SSL_2,   GP_SSL_3,   GP_TLS_1_0,
					    GP_TLS_1_1, GP_TLS_1_2, GP_TLS_1_3};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_posture_host h;
		struct scan_surveyed survey = {.facts.deflate = rows[i].deflate};
		for (size_t v = 0; v < GP_SURVEY_VERSIONS; v++)
			survey.facts.versions[v] = (struct gp_survey_version){
				.version = versions[v],
				.broken_listed = rows[i].listed && rows[i].spoken[v] == '+',
				.spoken = rows[i].spoken[v] == '+'   ? GP_SURVEY_YES
					  : rows[i].spoken[v] == '-' ? GP_SURVEY_NO
								     : GP_SURVEY_UNKNOWN};
		see_surveyed(row_of_session(), &survey, &arena, &h);
		assert_slice(h.old, rows[i].old);
		assert_int_equal(h.old_known, rows[i].known);
		assert_int_equal(h.old_ssl, rows[i].ssl);
		assert_int_equal(h.compression, rows[i].compression);
		assert_int_equal(h.weak_known, rows[i].suites);
		assert_slice(h.weak, rows[i].suites ? "" : "AES128-SHA");
		assert_int_equal(h.renegotiation, GP_POSTURE_NO);
		gp_arena_free(&arena);
	}
}

/* Who was left out has an address, and no more. */
static void
who_was_left_out_is_not_met(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_posture_host h;
	struct scan_result result = {.address_len = 4, .left_out = "is private"};
	const struct gp_host_address address = {.address = {192, 0, 2, 7}, .address_len = 4};
	const struct scan_view by_address = {.result = &result};
	const struct scan_view by_name = {.host = &address, .why = "asked not to be scanned"};
	(void)state;
	assert_int_equal(audit_seen_host(&by_address, &arena, &h), 0);
	assert_int_equal(h.reach, GP_POSTURE_NOT_MET);
	assert_string_equal(h.why, "is private");
	assert_int_equal(audit_seen_host(&by_name, &arena, &h), 0);
	assert_int_equal(h.reach, GP_POSTURE_NOT_MET);
	assert_int_equal(h.address[3], 7);
	assert_string_equal(h.why, "asked not to be scanned");
	gp_arena_free(&arena);
}

/* What an address shows to another name stands beside what it is. */
static void
another_name_shows_another_certificate(void **state)
{
	const struct gp_posture_host met = {.address = {192, 0, 2, 7},
					    .address_len = 4,
					    .reach = GP_POSTURE_MET,
					    .asked = GP_SLICE("a.test"),
					    .says = GP_SLICE("a.test"),
					    .software = "Postfix",
					    .tls = GP_POSTURE_TLS_SPOKEN,
					    .old_known = true,
					    .chains = {{.names = GP_SLICE("a.test")}},
					    .chains_len = 1};
	struct gp_posture_host brief = met, closed = met, other;
	(void)state;
	brief.asked = brief.chains[0].names = GP_SLICE("b.test");
	brief.old_known = false;
	brief.software = NULL;
	assert_true(audit_seen_otherwise(&met, &brief, &other));
	assert_slice(other.asked, "b.test");
	assert_slice(other.says, "a.test");
	assert_slice(other.chains[0].names, "b.test");
	assert_true(other.old_known);
	assert_string_equal(other.software, "Postfix");
	brief.tls = GP_POSTURE_TLS_BROKEN;
	brief.tls_why = "unrecognized name";
	brief.chains_len = 0;
	assert_true(audit_seen_otherwise(&met, &brief, &other));
	assert_int_equal(other.tls, GP_POSTURE_TLS_BROKEN);
	assert_string_equal(other.tls_why, "unrecognized name");
	/* who was busy this time, or was not met before */
	brief.tls = GP_POSTURE_TLS_UNKNOWN;
	assert_false(audit_seen_otherwise(&met, &brief, &other));
	closed.reach = GP_POSTURE_NOT_MET;
	assert_false(audit_seen_otherwise(&met, &closed, &other));
	assert_false(audit_seen_otherwise(&closed, &met, &other));
}

static void
fetches_become_outcomes(void **state)
{
	static const struct {
		uint8_t result, outcome;
	} rows[] = {
		{0, GP_POSTURE_FETCH_NOT},
		{GP_FETCH_OK, GP_POSTURE_FETCHED},
		{GP_FETCH_REFUSED, GP_POSTURE_FETCH_NOT},
		{GP_FETCH_CONNECT_FAILED, GP_POSTURE_FETCH_CONNECT},
		{GP_FETCH_TLS_FAILED, GP_POSTURE_FETCH_TLS},
		{GP_FETCH_TIMEOUT, GP_POSTURE_FETCH_NOT},
		{GP_FETCH_BROKEN, GP_POSTURE_FETCH_BROKEN},
		{GP_FETCH_REDIRECT, GP_POSTURE_FETCH_REDIRECT},
		{GP_FETCH_HTTP_STATUS, GP_POSTURE_FETCH_STATUS},
		{GP_FETCH_BAD_CONTENT, GP_POSTURE_FETCH_TYPE},
		{GP_FETCH_TOO_LARGE, GP_POSTURE_FETCH_TOO_LARGE},
		{GP_FETCH_NO_ROOM, GP_POSTURE_FETCH_NOT},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		const struct scan_policy p = {.result = rows[i].result,
					      .text = GP_SLICE("text"),
					      .reason = GP_SLICE("why")};
		struct gp_posture_file policy = audit_seen_policy(&p, &arena);
		assert_int_equal(policy.outcome, rows[i].outcome);
		assert_slice(policy.why, "why");
		assert_int_equal(policy.text.len > 0, rows[i].outcome == GP_POSTURE_FETCHED);
	}
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_become_facts),
		cmocka_unit_test(a_session_shows_its_best_only),
		cmocka_unit_test(a_brief_survey_shows_versions_and_compression),
		cmocka_unit_test(who_was_left_out_is_not_met),
		cmocka_unit_test(another_name_shows_another_certificate),
		cmocka_unit_test(fetches_become_outcomes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
