/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's mail on its way to its seal: by which key, what is asked of signer, what comes of
 * it. That others verify it is for the system tests. */
#include "../unit.h"

#include <string.h>

#include "procs/dkim/sealing.h"

#define RESULTS "Authentication-Results: mx.ours.test;\r\n\tspf=none smtp.mailfrom=a@b.test\r\n"
#define MAIL "From: a@b.test\r\nSubject: x\r\n\r\n"
#define CHAIN                                                                       \
	"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=x.test; s=s; t=1; b=c2lnbg==\r\n"  \
	"ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=x.test; s=" \
	"s; h=from; bh=c2lnbg==; b=c2lnbg==\r\n"                                    \
	"ARC-Authentication-Results: i=1; x.test; none\r\n"

static const struct gp_dkim_signer list[] = {
	{GP_SLICE("both.test"), GP_SLICE("e"), GP_DKIM_ED25519_SHA256},
	{GP_SLICE("both.test"), GP_SLICE("r"), GP_DKIM_RSA_SHA256},
	{GP_SLICE("broken.test"), GP_SLICE(""), 0},
	{GP_SLICE("half.test"), GP_SLICE(""), 0},
	{GP_SLICE("half.test"), GP_SLICE("e"), GP_DKIM_ED25519_SHA256},
};

static struct signers signers;
static const struct gp_dkim_digest body_hash;

static enum signing_result
begin(struct sealing *g, const char *domain, struct gp_slice text, uint8_t arrival,
      const char **ret_why)
{
	const struct sealing_mail mail = {
		.mail = {.head = GP_SLICE(RESULTS),
			 .start = text,
			 .body_hash = &body_hash,
			 .now_s = 1796000000},
		.domain = gp_slice_str(domain),
		.arrival = arrival,
	};
	return sealing_begin(g, &signers, &mail, ret_why);
}

/* Which key; and whether there is any. */
static void
keys(void **state)
{
	static const struct {
		const char *domain;
		enum signing_result result;
		const char *selector;
	} rows[] = {
		{"both.test", SIGNING_BEGUN, "r"},       {"half.test", SIGNING_BEGUN, "e"},
		{"broken.test", SIGNING_LATER, NULL},    {"other.test", SIGNING_NOT_OURS, NULL},
		{"x.both.test", SIGNING_NOT_OURS, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_msg_dkim_sign request;
		struct sealing g;
		const char *why;
		assert_int_equal(begin(&g, rows[i].domain, GP_SLICE(MAIL), GP_ARC_NONE, &why),
				 rows[i].result);
		assert_int_equal(sealing_request(&g, &request), rows[i].result == SIGNING_BEGUN);
		if (rows[i].selector)
			assert_slice(request.selector, rows[i].selector);
		sealing_free(&g);
	}
}

static bool
has(struct gp_slice text, const char *what)
{
	return memmem(text.ptr, text.len, what, strlen(what));
}

/* The whole way; *ret: the fields. */
static void
go(struct gp_slice text, uint8_t arrival, struct gp_buf *out)
{
	struct gp_msg_dkim_sign first, second, none;
	struct sealing g;
	const char *why;
	assert_int_equal(begin(&g, "both.test", text, arrival, &why), SIGNING_BEGUN);
	assert_true(sealing_request(&g, &first));
	assert_slice(first.domain, "both.test");
	assert_int_equal(first.digest.len, 32);
	assert_true(sealing_take(&g, GP_SLICE("sign")));
	assert_true(sealing_request(&g, &second));
	assert_false(gp_slice_eq(first.digest, second.digest));
	assert_true(sealing_take(&g, GP_SLICE("seal")));
	assert_false(sealing_request(&g, &none));
	sealing_write(&g, out);
	sealing_free(&g);
}

static void
two_signatures_make_a_set(void **state)
{
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	(void)state;
	go(GP_SLICE(MAIL), GP_ARC_NONE, &out);
	struct gp_slice fields = gp_buf_slice(&out);
	assert_true(gp_slice_starts(fields, GP_SLICE("ARC-Seal: i=1; a=rsa-sha256; cv=none;")));
	assert_true(has(fields, "\r\nARC-Message-Signature: i=1;"));
	assert_true(has(fields, "\r\nARC-Authentication-Results: i=1; mx.ours.test;\r\n\tspf=none "
				"smtp.mailfrom=a@b.test\r\n"));
	gp_buf_free(&out);
}

/* RFC 8617 section 5.1.2: as it was when it came, whatever is there now. */
static void
what_the_chain_was(void **state)
{
	static const struct {
		struct gp_slice text;
		uint8_t arrival;
		const char *want;
	} rows[] = {
		{GP_SLICE(CHAIN MAIL), GP_ARC_PASS, "i=2; a=rsa-sha256; cv=pass;"},
		{GP_SLICE(CHAIN MAIL), GP_ARC_FAIL, "i=2; a=rsa-sha256; cv=fail;"},
		/* Fields that are no chain are none that passed; and what nobody has seen before
		   was not good. */
		{GP_SLICE("ARC-Seal: i=1\r\n" MAIL), GP_ARC_FAIL, "i=2; a=rsa-sha256; cv=fail;"},
		{GP_SLICE("ARC-Seal: x\r\n" MAIL), GP_ARC_FAIL, "i=1; a=rsa-sha256; cv=fail;"},
		{GP_SLICE(CHAIN MAIL), GP_ARC_NONE, "i=2; a=rsa-sha256; cv=fail;"},
		{GP_SLICE(MAIL), GP_ARC_PASS, "i=1; a=rsa-sha256; cv=fail;"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_buf out = GP_BUF_INIT(1 << 16);
		go(rows[i].text, rows[i].arrival, &out);
		if (!has(gp_buf_slice(&out), rows[i].want))
			fail_msg("row %zu: %.*s", i, GP_SLICE_FMT(gp_buf_slice(&out)));
		gp_buf_free(&out);
	}
}

/* It goes on without, and is not refused for it. */
static void
what_cannot_be_sealed(void **state)
{
	struct gp_buf many = GP_BUF_INIT(1 << 20);
	struct sealing g;
	const char *why;
	(void)state;
	struct gp_slice closed = GP_SLICE("ARC-Seal: i=1; cv=fail\r\n" MAIL);
	assert_int_equal(begin(&g, "both.test", closed, GP_ARC_FAIL, &why), SIGNING_NOT_OURS);
	assert_non_null(strstr(why, "broken"));
	sealing_free(&g);
	for (int i = 0; i < 300; i++)
		gp_buf_put_str(&many, "Subject: x\r\n");
	assert_int_equal(begin(&g, "both.test", gp_buf_slice(&many), GP_ARC_NONE, &why),
			 SIGNING_NOT_OURS);
	assert_non_null(strstr(why, "too many fields"));
	sealing_free(&g);
	while (many.len <= GP_HEADER_SIZE_MAX)
		gp_buf_put_str(&many, "X: y\r\n");
	assert_int_equal(begin(&g, "both.test", gp_buf_slice(&many), GP_ARC_NONE, &why),
			 SIGNING_NOT_OURS);
	assert_non_null(strstr(why, "too big"));
	sealing_free(&g);
	gp_buf_free(&many);
}

/* A header with any octets is sealed to its end. */
static void
octets_that_end_other_texts(void **state)
{
	struct gp_msg_dkim_sign a, b;
	struct sealing g, h;
	const char *why;
	(void)state;
	assert_int_equal(begin(&g, "both.test", GP_SLICE("X: \0\r\nFrom: a@b.test\r\n\r\n"),
			       GP_ARC_NONE, &why),
			 SIGNING_BEGUN);
	assert_int_equal(begin(&h, "both.test", GP_SLICE("X: \0\r\nFrom: c@b.test\r\n\r\n"),
			       GP_ARC_NONE, &why),
			 SIGNING_BEGUN);
	assert_true(sealing_request(&g, &a) && sealing_request(&h, &b));
	assert_false(gp_slice_eq(a.digest, b.digest));
	sealing_free(&g);
	sealing_free(&h);
}

static int
set_up(void **state)
{
	const struct gp_msg_dkim_signers m = {.signers = list, .signers_len = GP_ARRAY_LEN(list)};
	(void)state;
	return signers_take(&signers, &m) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	gp_arena_free(&signers.arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(two_signatures_make_a_set),
		cmocka_unit_test(what_the_chain_was),
		cmocka_unit_test(what_cannot_be_sealed),
		cmocka_unit_test(octets_that_end_other_texts),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
