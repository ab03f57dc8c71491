/* SPDX-License-Identifier: Apache-2.0 */
/* Each value at both ends of what an honest role says, and one beyond. */
#include "../unit.h"

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/spf/spf.h"
#include "core/tlsrpt/words.h"
#include "procs/reports/sane.h"

static const struct gp_slice octets = {"0123456789abcdef0", 17};

/* --- sessions --- */

static const struct {
	size_t domain_len, counts_len, sending_len, receiving_len;
	int type, result;
	bool sane;
} sessions[] = {
	{1, 1, 0, 0, 1, GP_TLSRPT_SUCCESS, true},
	{1, 1, 4, 16, GP_TLSRPT_POLICIES - 1, GP_TLSRPT_RESULTS - 1, true},
	{0, 1, 0, 0, 1, GP_TLSRPT_SUCCESS, false},
	{1, 0, 0, 0, 1, GP_TLSRPT_SUCCESS, false},
	{1, 1, 5, 0, 1, GP_TLSRPT_SUCCESS, false},
	{1, 1, 0, 15, 1, GP_TLSRPT_SUCCESS, false},
	{1, 1, 17, 0, 1, GP_TLSRPT_SUCCESS, false},
	{1, 1, 0, 0, 0, GP_TLSRPT_SUCCESS, false},
	{1, 1, 0, 0, GP_TLSRPT_POLICIES, GP_TLSRPT_SUCCESS, false},
	{1, 1, 0, 0, 1, GP_TLSRPT_SUCCESS - 1, false},
	{1, 1, 0, 0, 1, GP_TLSRPT_RESULTS, false},
};

static void
each_session(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(sessions); i++) {
		/* The second count is the one: all are looked at. */
		const struct gp_tls_count counts[] = {
			{.type = 1, .result = GP_TLSRPT_SUCCESS},
			{.type = (uint8_t)sessions[i].type, .result = (uint8_t)sessions[i].result},
		};
		const struct gp_msg_tls_result m = {
			.domain = gp_slice_take(octets, sessions[i].domain_len),
			.sending = gp_slice_take(octets, sessions[i].sending_len),
			.receiving = gp_slice_take(octets, sessions[i].receiving_len),
			.counts = counts,
			.counts_len = 2 * sessions[i].counts_len,
		};
		if (sane_tls(&m) != sessions[i].sane)
			fail_msg("session %zu", i);
	}
}

/* --- messages --- */

static const struct gp_dmarcrpt_signature signature = {{"d.test", 6}, {"s", 1}, GP_DKIM_PASS};

static struct gp_msg_dmarc_result
honest(const struct gp_dmarcrpt_signature *signatures, size_t len)
{
	return (struct gp_msg_dmarc_result){
		.policy = {.domain = GP_SLICE("d.test"),
			   .p = GP_DMARC_P_NONE,
			   .sp = GP_DMARC_P_REJECT,
			   .np = GP_DMARC_P_REJECT},
		.row = {.source = GP_SLICE("2001:db8::192.0.2.1"),
			.header_from = GP_SLICE("a.d.test"),
			.disposition = GP_DMARCRPT_DISPOSITIONS - 1,
			.override = GP_DMARCRPT_OVERRIDES - 1,
			.spf = GP_SPF_PERMERROR,
			.signatures = signatures,
			.signatures_len = len},
	};
}

#define INSANE(member, value)                                              \
	do {                                                               \
		struct gp_msg_dmarc_result broken = honest(&signature, 1); \
		broken.member = (value);                                   \
		if (sane_dmarc(&broken))                                   \
			fail_msg("%s = %s", #member, #value);              \
	} while (0)

static void
each_member_of_a_message(void **state)
{
	struct gp_msg_dmarc_result m = honest(&signature, 1);
	(void)state;
	assert_true(sane_dmarc(&m));
	m = honest(NULL, 0);
	assert_true(sane_dmarc(&m));
	INSANE(policy.domain, GP_SLICE(""));
	INSANE(policy.domain, GP_SLICE("a b"));
	INSANE(policy.p, GP_DMARC_P_NONE - 1);
	INSANE(policy.sp, GP_DMARC_P_REJECT + 1);
	INSANE(policy.np, GP_DMARC_P_REJECT + 1);
	INSANE(row.source, GP_SLICE(""));
	INSANE(row.source, GP_SLICE("192.0.2.1<"));
	INSANE(row.source, GP_SLICE("2001:DB8::1"));
	INSANE(row.header_from, GP_SLICE(""));
	INSANE(row.header_from, GP_SLICE("<a>"));
	INSANE(row.disposition, 0);
	INSANE(row.disposition, GP_DMARCRPT_DISPOSITIONS);
	INSANE(row.override, GP_DMARCRPT_OVERRIDES);
	INSANE(row.spf, GP_SPF_PERMERROR + 1);
}

static void
each_signature(void **state)
{
	static const struct gp_dmarcrpt_signature broken[] = {
		{{"", 0}, {"s", 1}, GP_DKIM_PASS},
		{{"d\n", 2}, {"s", 1}, GP_DKIM_PASS},
		{{"d.test", 6}, {"", 0}, GP_DKIM_PASS},
		{{"d.test", 6}, {"s\n", 2}, GP_DKIM_PASS},
		{{"d.test", 6}, {"s", 1}, GP_DKIM_PASS - 1},
		{{"d.test", 6}, {"s", 1}, GP_DKIM_PERMERROR + 1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(broken); i++) {
		const struct gp_dmarcrpt_signature both[] = {signature, broken[i]};
		struct gp_msg_dmarc_result m = honest(both, 2);
		if (sane_dmarc(&m))
			fail_msg("signature %zu", i);
	}
}

static void
each_reporter_over_his_limit(void **state)
{
	static const char *const insane[] = {"", "a\nb", "\x1b[2J", "\xff"};
	struct gp_msg_report_over_limit m = {GP_SLICE("a.test"), 1};
	(void)state;
	assert_true(sane_over_limit(&m));
	for (size_t i = 0; i < GP_ARRAY_LEN(insane); i++) {
		m.reporter = gp_slice_str(insane[i]);
		if (sane_over_limit(&m))
			fail_msg("reporter %zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_session),
		cmocka_unit_test(each_member_of_a_message),
		cmocka_unit_test(each_signature),
		cmocka_unit_test(each_reporter_over_his_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
