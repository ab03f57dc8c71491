/* SPDX-License-Identifier: Apache-2.0 */
/* Why mail does not align, by what a row says. */
#include "../unit.h"

#include <stdio.h>

#include "base/buf.h"
#include "reportdb/cause.h"

#define AUTH(result_, domain_)                                                     \
	{                                                                          \
		.domain = GP_SLICE(domain_), .result = GP_INGEST_RESULT_##result_, \
		.selector = GP_SLICE("s1")                                         \
	}

struct row {
	const char *what;
	bool strict;
	struct gp_ingest_auth dkim[2], spf[2];
	const char *words;
};

static const struct row rows[] = {
	{"a provider signs, and bounces to itself",
	 false,
	 {AUTH(PASS, "sendgrid.example")},
	 {AUTH(PASS, "bounce.sendgrid.example")},
	 "DKIM is signed by sendgrid.example, not by shop.ours.example; SPF passes for "
	 "bounce.sendgrid.example, not for shop.ours.example: if it sends for you, have it sign "
	 "with your domain"},
	{"a provider that is known",
	 false,
	 {AUTH(PASS, "sendgrid.net")},
	 {AUTH(PASS, "em1.sendgrid.net")},
	 "DKIM is signed by sendgrid.net (SendGrid), not by shop.ours.example; SPF passes for "
	 "em1.sendgrid.net (SendGrid), not for shop.ours.example: if it sends for you, have it "
	 "sign with your domain"},
	{"a list changed it",
	 false,
	 {AUTH(FAIL, "ours.example")},
	 {AUTH(PASS, "lists.example")},
	 "the signature of ours.example does not verify (selector s1); SPF passes for "
	 "lists.example, not for shop.ours.example: a forwarder or a list changed it, or it is "
	 "forged"},
	{"ours is of more interest than the list's own",
	 false,
	 {AUTH(PASS, "lists.example"), AUTH(FAIL, "ours.example")},
	 {AUTH(PASS, "lists.example")},
	 "the signature of ours.example does not verify (selector s1); SPF passes for "
	 "lists.example, not for shop.ours.example: a forwarder or a list changed it, or it is "
	 "forged"},
	{"a key that is gone",
	 false,
	 {AUTH(PERMERROR, "ours.example")},
	 {AUTH(FAIL, "ours.example")},
	 "the key of ours.example cannot be had or used (selector s1); the SPF record of "
	 "ours.example does not have the address: look at the key's record"},
	{"a server of ours, not set up",
	 false,
	 {},
	 {AUTH(SOFTFAIL, "ours.example")},
	 "no signature; the SPF record of ours.example does not have the address: forged, "
	 "forwarded, or a server of yours that is not in it"},
	{"a signature that is none",
	 false,
	 {AUTH(NONE, "ours.example")},
	 {AUTH(PERMERROR, "ours.example")},
	 "no signature; the SPF record of ours.example is missing or in error: look at the SPF "
	 "record"},
	{"a forger",
	 false,
	 {},
	 {AUTH(PASS, "spam.example")},
	 "no signature; SPF passes for spam.example, not for shop.ours.example: forged, or a "
	 "sender of yours that does not sign"},
	{"a forger with nothing",
	 false,
	 {AUTH(FAIL, "spam.example")},
	 {AUTH(NONE, "spam.example")},
	 "the signature is of spam.example, and does not pass; SPF is of spam.example, and does "
	 "not pass: forged, or a sender of yours that is not set up"},
	{"nothing is told",
	 false,
	 {},
	 {},
	 "no signature; of SPF nothing is told: forged, or a sender of yours that is not set up"},
	{"strict alignment",
	 true,
	 {AUTH(PASS, "ours.example")},
	 {AUTH(PASS, "bounce.ours.example")},
	 "DKIM passes for ours.example, which adkim=s does not take for shop.ours.example; SPF "
	 "passes for bounce.ours.example, which aspf=s does not take for shop.ours.example: sign "
	 "with the very domain, or publish adkim=r"},
	{"strict alignment of SPF alone",
	 true,
	 {},
	 {AUTH(PASS, "ours.example")},
	 "no signature; SPF passes for ours.example, which aspf=s does not take for "
	 "shop.ours.example: sign, or publish aspf=r"},
	{"a reporter of his own mind",
	 false,
	 {AUTH(PASS, "OURS.example")},
	 {AUTH(PASS, "mail.ours.example")},
	 "DKIM passes for OURS.example, and the reporter does not take it for shop.ours.example; "
	 "SPF passes for mail.ours.example, and the reporter does not take it for "
	 "shop.ours.example: the signature may be of a test, or of an old way"},
	{"a name that ends alike is another's",
	 false,
	 {AUTH(PASS, "notours.example")},
	 {AUTH(FAIL, "notours.example")},
	 "DKIM is signed by notours.example, not by shop.ours.example; SPF is of notours.example, "
	 "and does not pass: if it sends for you, have it sign with your domain"},
};

static struct gp_ingest_row
make(const struct row *from, uint64_t count)
{
	struct gp_ingest_row row = {.count = count,
				    .dkim = GP_INGEST_RESULT_FAIL,
				    .spf = GP_INGEST_RESULT_FAIL,
				    .header_from = GP_SLICE("shop.ours.example")};
	for (size_t i = 0; i < 2 && from->dkim[i].domain.len > 0; i++)
		row.dkim_results[row.dkim_results_len++] = from->dkim[i];
	for (size_t i = 0; i < 2 && from->spf[i].domain.len > 0; i++)
		row.spf_results[row.spf_results_len++] = from->spf[i];
	return row;
}

static struct gp_ingest_head
head_of(const struct row *from)
{
	return (struct gp_ingest_head){.domain = GP_SLICE("ours.example"),
				       .adkim_strict = from->strict,
				       .aspf_strict = from->strict};
}

static void
rows_have_causes(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
		struct gp_ingest_head head = head_of(&rows[i]);
		struct gp_ingest_row row = make(&rows[i], 3);
		struct gp_cause cause;
		assert_true(gp_cause_of(&head, &row, &cause));
		assert_int_equal(cause.messages, 3);
		gp_cause_put(&cause, &words);
		if (!gp_slice_eq(gp_buf_slice(&words), gp_slice_str(rows[i].words)))
			fail_msg("%s: %.*s", rows[i].what, GP_SLICE_FMT(gp_buf_slice(&words)));
		gp_buf_free(&words);
	}
}

static void
what_aligns_has_none(void **state)
{
	(void)state;
	struct gp_ingest_head head = head_of(&rows[0]);
	struct gp_ingest_row row = make(&rows[0], 1);
	struct gp_cause cause;
	row.spf = GP_INGEST_RESULT_PASS;
	assert_false(gp_cause_of(&head, &row, &cause));
	row.spf = GP_INGEST_RESULT_FAIL;
	row.dkim = GP_INGEST_RESULT_PASS;
	assert_false(gp_cause_of(&head, &row, &cause));
}

static void
helo_counts_where_there_is_no_other(void **state)
{
	(void)state;
	struct gp_ingest_head head = head_of(&rows[0]);
	struct gp_ingest_row row = {
		.count = 1,
		.spf_results = {{.domain = GP_SLICE("a.example"),
				 .scope = GP_SLICE("mfrom"),
				 .result = GP_INGEST_RESULT_PASS},
				{.domain = GP_SLICE("mx.ours.example"),
				 .scope = GP_SLICE("helo"),
				 .result = GP_INGEST_RESULT_PASS}},
		.spf_results_len = 2,
	};
	struct gp_cause cause;
	assert_true(gp_cause_of(&head, &row, &cause));
	assert_int_equal(cause.spf, GP_CAUSE_OTHER_ENVELOPE);
	assert_true(gp_slice_eq(cause.from, GP_SLICE("ours.example"))); /* no From is told */
	row.spf_results[0] = row.spf_results[1];
	row.spf_results_len = 1;
	assert_true(gp_cause_of(&head, &row, &cause));
	assert_int_equal(cause.spf, GP_CAUSE_ENVELOPE_NOT_TAKEN);
}

/* What most messages have counts, not what most rows have. */
static void
of_many_the_one_of_most_messages(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_causes causes = {.arena = &arena};
	struct gp_ingest_head head = head_of(&rows[0]);
	assert_null(gp_causes_first(&causes));
	for (size_t i = 0; i < 9; i++) {
		struct gp_ingest_row row = make(&rows[i % 3 == 0 ? 4 : 0], i % 3 == 0 ? 5 : 2);
		gp_causes_add(&causes, &head, &row);
	}
	assert_int_equal(causes.len, 2);
	assert_int_equal(causes.unaligned, 27);
	assert_int_equal(gp_causes_first(&causes)->messages, 15);
	assert_int_equal(gp_causes_first(&causes)->spf, GP_CAUSE_NOT_LISTED);
	gp_arena_free(&arena);
}

/* A forger who varies what he writes. */
static void
so_many_are_kept(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_causes causes = {.arena = &arena};
	struct gp_ingest_head head = head_of(&rows[0]);
	for (size_t i = 0; i < 10 * GP_CAUSES_MAX; i++) {
		struct gp_ingest_row row = make(&rows[0], 1);
		char name[32];
		snprintf(name, sizeof(name), "d%zu.example", i);
		row.dkim_results[0].domain = gp_slice_str(name);
		gp_causes_add(&causes, &head, &row);
	}
	assert_int_equal(causes.len, GP_CAUSES_MAX);
	assert_int_equal(causes.unaligned, 10 * GP_CAUSES_MAX);
	assert_false(arena.failed);
	gp_arena_free(&arena);
}

static void
names_are_there(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < GP_CAUSE_DKIMS; i++)
		assert_non_null(gp_cause_dkim_name(i));
	for (uint8_t i = 0; i < GP_CAUSE_SPFS; i++)
		assert_non_null(gp_cause_spf_name(i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_causes),
		cmocka_unit_test(what_aligns_has_none),
		cmocka_unit_test(helo_counts_where_there_is_no_other),
		cmocka_unit_test(of_many_the_one_of_most_messages),
		cmocka_unit_test(so_many_are_kept),
		cmocka_unit_test(names_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
