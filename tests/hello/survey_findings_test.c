/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/hello/findings.h"

/* A careful server: TLS 1.2 and 1.3, and nothing left to ask. */
static struct gp_survey_facts
careful(void)
{
	struct gp_survey_facts f = {
		.curves = {GP_GROUP_X25519},
		.curves_len = 1,
		.server_order = GP_SURVEY_YES,
		.fallback = GP_SURVEY_YES,
		.tolerant = GP_SURVEY_YES,
		.renegotiation = GP_SURVEY_YES,
		.heartbeat = GP_SURVEY_NO,
		.deflate = GP_SURVEY_NO,
		.dh_bits = 2048,
		.connections = 30,
	};
	static const uint16_t versions[] = {GP_SSL_2,   GP_SSL_3,   GP_TLS_1_0,
					    GP_TLS_1_1, GP_TLS_1_2, GP_TLS_1_3};
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
		f.versions[i] = (struct gp_survey_version){
			.version = versions[i],
			.spoken = i < 4 ? GP_SURVEY_NO : GP_SURVEY_YES,
			.listed = i >= 4,
		};
	f.versions[4].ciphers[f.versions[4].ciphers_len++] = 0xc02f;
	f.versions[5].ciphers[f.versions[5].ciphers_len++] = 0x1301;
	return f;
}

static struct gp_findings
judge(struct gp_arena *arena, const struct gp_survey_facts *facts, uint16_t port)
{
	gp_arena_reset(arena);
	struct gp_findings list = gp_findings(arena);
	assert_int_equal(gp_survey_findings(facts, port, NULL, &list), 0);
	assert_int_equal(list.dropped, 0);
	return list;
}

static void
careful_server(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_survey_facts f = careful();
	struct gp_findings list = judge(&arena, &f, 25);
	assert_true(list.len > 20);
	for (size_t i = 0; i < list.len; i++)
		if (list.items[i].state != GP_FINDING_PASS)
			fail_msg("%s", list.items[i].kind->id);
	gp_arena_free(&arena);
}

/* Each fault alone: its finding, and what it is on port 25 and on port 587. */
static void
each_fault(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		int version; /* that is spoken as well; -1: none */
		uint16_t cipher;
		uint8_t relay, submission;
	} cases[] = {
		{"tls.version.ssl2", 0, 0, GP_SEVERITY_HIGH, GP_SEVERITY_HIGH},
		{"tls.version.ssl3", 1, 0, GP_SEVERITY_MEDIUM, GP_SEVERITY_HIGH},
		{"tls.version.tls1_0", 2, 0, GP_SEVERITY_MEDIUM, GP_SEVERITY_MEDIUM},
		{"tls.version.tls1_1", 3, 0, GP_SEVERITY_MEDIUM, GP_SEVERITY_MEDIUM},
		{"tls.cipher.null", -1, 0x003b, GP_SEVERITY_MEDIUM, GP_SEVERITY_HIGH},
		{"tls.cipher.export", -1, 0x0014, GP_SEVERITY_HIGH, GP_SEVERITY_HIGH},
		{"tls.cipher.rc4", -1, 0xc011, GP_SEVERITY_MEDIUM, GP_SEVERITY_MEDIUM},
		{"tls.cipher.block64", -1, 0xc012, GP_SEVERITY_MEDIUM, GP_SEVERITY_MEDIUM},
		{"tls.cipher.md5", -1, 0x0004, GP_SEVERITY_LOW, GP_SEVERITY_LOW},
		{"tls.cipher.anon", -1, 0x00a6, GP_SEVERITY_INFO, GP_SEVERITY_HIGH},
		{"tls.cipher.no_forward_secrecy", -1, 0x009c, GP_SEVERITY_LOW, GP_SEVERITY_LOW},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases) * 2; i++) {
		size_t k = i / 2;
		struct gp_survey_facts f = careful();
		if (cases[k].version >= 0)
			f.versions[cases[k].version].spoken = GP_SURVEY_YES;
		else
			f.versions[4].ciphers[f.versions[4].ciphers_len++] = cases[k].cipher;
		struct gp_findings list = judge(&arena, &f, i % 2 ? 587 : 25);
		const struct gp_finding *found = gp_finding_of(&list, cases[k].id);
		assert_non_null(found);
		assert_int_equal(found->state, GP_FINDING_FAIL);
		assert_int_equal(found->severity, i % 2 ? cases[k].submission : cases[k].relay);
		if (cases[k].cipher)
			assert_true(found->evidence.len > 10);
	}
	gp_arena_free(&arena);
}

/* A line for the server that was recognised, or what holds for any. */
static void
fixes(void **state)
{
	(void)state;
	static const struct {
		const char *id, *software, *begins; /* NULL: nothing to be said */
	} cases[] = {
		{"tls.version.ssl3", "Postfix", "main.cf: smtpd_tls_protocols = >=TLSv1.2"},
		{"tls.version.ssl3", "Exim", "with OpenSSL, main section: openssl_options"},
		{"tls.version.tls1_0", "Dovecot submission", "dovecot.conf: ssl_min_protocol"},
		{"tls.version.tls1_1", NULL, "allow TLS 1.2"},
		{"tls.version.no_tls1_3", "Postfix", "update"},
		{"tls.cipher.anon", "Postfix", "main.cf: smtpd_tls_exclude_ciphers = aNULL"},
		{"tls.cipher.rc4", "Postfix", "main.cf: smtpd_tls_ciphers = medium"},
		{"tls.cipher.null", "qmail", "allow ECDHE"},
		{"tls.dh.small", "Sendmail", "sendmail.mc: define(`confDH_PARAMETERS'"},
		{"tls.heartbeat", "Postfix", NULL},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char *fix = gp_survey_fix(cases[i].id, cases[i].software);
		if (!cases[i].begins)
			assert_null(fix);
		else
			assert_true(
				gp_slice_starts(gp_slice_str(fix), gp_slice_str(cases[i].begins)));
	}
}

static uint8_t
state_of(struct gp_arena *arena, const struct gp_survey_facts *f, const char *id)
{
	struct gp_findings list = judge(arena, f, 25);
	const struct gp_finding *found = gp_finding_of(&list, id);
	assert_non_null(found);
	return found->state;
}

static void
the_rest(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_survey_facts f = careful();
	f.dh_bits = 1024;
	f.dh_prime = "MODP";
	f.curves[f.curves_len++] = 19;
	f.deflate = f.heartbeat = GP_SURVEY_YES;
	f.renegotiation = f.fallback = f.server_order = f.tolerant = GP_SURVEY_NO;
	static const char *const ids[] = {"tls.dh.small",      "tls.curve.weak", "tls.compression",
					  "tls.heartbeat",     "tls.fallback",   "tls.order",
					  "tls.renegotiation", "tls.intolerant"};
	for (size_t i = 0; i < GP_ARRAY_LEN(ids); i++)
		assert_int_equal(state_of(&arena, &f, ids[i]), GP_FINDING_FAIL);

	f.dh_bits = 0;
	f.curves_len = 0;
	f.deflate = f.heartbeat = f.renegotiation = f.fallback = f.server_order = f.tolerant =
		GP_SURVEY_UNKNOWN;
	for (size_t i = 0; i < GP_ARRAY_LEN(ids); i++)
		assert_int_equal(state_of(&arena, &f, ids[i]), GP_FINDING_NOT_MEASURED);

	f.versions[5].spoken = f.versions[4].spoken = GP_SURVEY_NO;
	f.versions[3].spoken = GP_SURVEY_YES;
	assert_int_equal(state_of(&arena, &f, "tls.version.no_tls1_2"), GP_FINDING_FAIL);
	assert_int_equal(state_of(&arena, &f, "tls.version.no_tls1_3"), GP_FINDING_FAIL);
	gp_arena_free(&arena);
}

/* What was not asked is not said to be absent. */
static void
not_measured(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_survey_facts f = careful();
	f.versions[4].listed = false;
	f.cut = true;
	assert_int_equal(state_of(&arena, &f, "tls.cipher.rc4"), GP_FINDING_NOT_MEASURED);
	assert_int_equal(state_of(&arena, &f, "tls.survey_cut"), GP_FINDING_NOT_MEASURED);
	f.versions[4].listed = true;
	f.versions[1].spoken = GP_SURVEY_UNKNOWN;
	assert_int_equal(state_of(&arena, &f, "tls.cipher.rc4"), GP_FINDING_NOT_MEASURED);
	assert_int_equal(state_of(&arena, &f, "tls.version.ssl3"), GP_FINDING_NOT_MEASURED);

	struct gp_survey_facts none = {.connections = 4, .lost = 4};
	struct gp_findings list = judge(&arena, &none, 25);
	assert_int_equal(list.len, 1);
	assert_string_equal(list.items[0].kind->id, "tls.survey");
	assert_slice(list.items[0].evidence, "4 connections, of which 4 failed");
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(careful_server), cmocka_unit_test(each_fault),
		cmocka_unit_test(fixes),          cmocka_unit_test(the_rest),
		cmocka_unit_test(not_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
