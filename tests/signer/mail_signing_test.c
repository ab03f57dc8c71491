/* SPDX-License-Identifier: Apache-2.0 */
/* A mail on its way to its signatures: whose it is, what is asked of signer, what comes of it. */
#include "../unit.h"

#include "procs/dkim/signing.h"

#define HELLO "\r\n\r\nhello\r\n"

static const struct gp_dkim_signer list[] = {
	{GP_SLICE("broken.test"), GP_SLICE(""), 0},
	{GP_SLICE("ours.test"), GP_SLICE("r"), 1},
	{GP_SLICE("ours.test"), GP_SLICE("e"), 2},
	{GP_SLICE("xn--bcher-kva.test"), GP_SLICE("s"), 1},
};

static struct signers signers;

static void
take(size_t len)
{
	const struct gp_msg_dkim_signers m = {.signers = list, .signers_len = len};
	assert_true(signers_take(&signers, &m));
}

/* A user's mail. */
static enum signing_result
begin(struct signing *g, const char *text)
{
	static const struct gp_dkim_digest body_hash;
	const struct signing_mail mail = {
		.start = gp_slice_str(text),
		.body_hash = &body_hash,
		.now_s = 1796000000,
	};
	return signing_begin(g, &signers, &mail);
}

static void
from_decides(void **state)
{
	static const struct {
		const char *text;
		enum signing_result result;
	} rows[] = {
		{"From: a@ours.test" HELLO, SIGNING_BEGUN},
		{"from : \"x@other.test\" <a@OURS.test> (b@other.test)" HELLO, SIGNING_BEGUN},
		{"From: x\r\n <a@ours.test>" HELLO, SIGNING_BEGUN},
		{"From: a@ours.test, b@other.test" HELLO, SIGNING_BEGUN},
		{"From: Doe, John <a@ours.test>" HELLO, SIGNING_BEGUN},
		{"From: J\xe9r\xf4me <a@ours.test>" HELLO, SIGNING_BEGUN},
		{"From: b@other.test <a@ours.test>" HELLO, SIGNING_NOT_OURS},
		{"From: Doe, John <a@other.test>" HELLO, SIGNING_NOT_OURS},
		{"From: a@b\xc3\xbc"
		 "cher.test" HELLO,
		 SIGNING_BEGUN},
		{"From: a@ours.test", SIGNING_BEGUN},
		{"From: a@other.test, b@ours.test" HELLO, SIGNING_NOT_OURS},
		{"From: a@sub.ours.test" HELLO, SIGNING_NOT_OURS},
		{"From: a@ours.test\r\nFrom: a@ours.test" HELLO, SIGNING_NOT_OURS},
		{"From: a@ours.test\r\nFROM: a@other.test" HELLO, SIGNING_NOT_OURS},
		{"From: a at ours.test" HELLO, SIGNING_NOT_OURS},
		{"From: undisclosed:;" HELLO, SIGNING_NOT_OURS},
		{"From: a@[192.0.2.1]" HELLO, SIGNING_NOT_OURS},
		{"Sender: a@ours.test" HELLO, SIGNING_NOT_OURS},
		{"\r\nFrom: a@ours.test" HELLO, SIGNING_NOT_OURS},
		{"", SIGNING_NOT_OURS},
		{"From: a@broken.test" HELLO, SIGNING_LATER},
	};
	(void)state;
	take(GP_ARRAY_LEN(list));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct signing g;
		enum signing_result result = begin(&g, rows[i].text);
		if (result != rows[i].result)
			fail_msg("row %zu: %d", i, result);
		signing_free(&g);
	}
}

/* The domain that signs; empty: none. */
static void
made_here_is_signed_by_a_domain_above(void **state)
{
	static const struct {
		const char *text, *domain;
	} rows[] = {
		{"From: a@ours.test" HELLO, "ours.test"},
		{"From: a@mx.ours.test" HELLO, "ours.test"},
		{"From: a@very.far.below.ours.test" HELLO, "ours.test"},
		{"From: a@mx.sub.test" HELLO, "sub.test"},
		{"From: a@deep.mx.sub.test" HELLO, "sub.test"},
		{"From: a@sub.test" HELLO, "sub.test"},
		{"From: a@other.test" HELLO, ""},
		{"From: a@notours.test" HELLO, ""},
		{"From: a@test" HELLO, ""},
		{"Subject: x" HELLO, ""},
	};
	static const struct gp_dkim_signer some[] = {
		{GP_SLICE("ours.test"), GP_SLICE("r"), 1},
		{GP_SLICE("sub.test"), GP_SLICE("e"), 2},
	};
	const struct gp_msg_dkim_signers m = {.signers = some, .signers_len = GP_ARRAY_LEN(some)};
	struct gp_msg_dkim_sign request = {};
	struct signing g;
	(void)state;
	assert_true(signers_take(&signers, &m));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		bool signs = rows[i].domain[0] != 0;
		enum signing_result result =
			signing_begin_whole(&g, &signers, gp_slice_str(rows[i].text), 1);
		assert_int_equal(result, signs ? SIGNING_BEGUN : SIGNING_NOT_OURS);
		assert_int_equal(signing_request(&g, &request), signs);
		if (signs)
			assert_slice(request.domain, rows[i].domain);
		signing_free(&g);
	}
}

static void
all_keys_sign_one_after_the_other(void **state)
{
	static const char *const selectors[] = {"r", "e"};
	struct gp_msg_dkim_sign request;
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	struct signing g;
	(void)state;
	take(GP_ARRAY_LEN(list));
	assert_int_equal(begin(&g, "From: a@ours.test\r\nSubject: x" HELLO), SIGNING_BEGUN);
	/* The list may be another one by now. */
	take(0);
	for (size_t i = 0; i < GP_ARRAY_LEN(selectors); i++) {
		assert_true(signing_request(&g, &request));
		assert_true(gp_slice_eq(request.domain, GP_SLICE("ours.test")));
		assert_true(gp_slice_eq(request.selector, gp_slice_str(selectors[i])));
		assert_int_equal(request.digest.len, 32);
		assert_true(signing_take(&g, GP_SLICE("sign")));
	}
	assert_false(signing_request(&g, &request));
	signing_write(&g, &out);
	struct gp_slice text = gp_buf_slice(&out);
	for (size_t i = 0; i < GP_ARRAY_LEN(selectors); i++) {
		assert_true(gp_slice_starts(text, GP_SLICE("DKIM-Signature: v=1; a=")));
		/* "c2lnbg==" is the signature in base64; the field ends there. */
		while (!gp_slice_starts(text, GP_SLICE("b=c2lnbg==\r\n")))
			text = gp_slice_drop(text, 1);
		text = gp_slice_drop(text, sizeof("b=c2lnbg==\r\n") - 1);
	}
	assert_int_equal(text.len, 0);
	gp_buf_free(&out);
	signing_free(&g);
}

/* Before the list is there nobody knows; with an empty one nothing is signed. */
static void
the_list(void **state)
{
	struct gp_msg_dkim_sign request;
	struct signing g;
	size_t len;
	(void)state;
	gp_arena_free(&signers.arena);
	signers = (struct signers){};
	assert_int_equal(begin(&g, "From: a@other.test" HELLO), SIGNING_LATER);
	signing_free(&g);
	take(0);
	assert_int_equal(begin(&g, "From: a@ours.test" HELLO), SIGNING_NOT_OURS);
	assert_false(signing_request(&g, &request));
	signing_free(&g);
	take(GP_ARRAY_LEN(list));
	assert_ptr_equal(signers_of(&signers, GP_SLICE("ours.test"), &len), &signers.items[1]);
	assert_int_equal(len, 2);
	assert_non_null(signers_of(&signers, GP_SLICE("broken.test"), &len));
	assert_int_equal(len, 1);
	assert_null(signers_of(&signers, GP_SLICE(""), &len));
	assert_int_equal(len, 0);
}

/* A field that is signed as often as it is there may be there too often. */
static void
too_many_fields(void **state)
{
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct signing g;
	(void)state;
	take(GP_ARRAY_LEN(list));
	for (int i = 0; i < 300; i++)
		gp_buf_put_str(&text, "Subject: x\r\n");
	gp_buf_put_str(&text, "From: a@ours.test" HELLO);
	assert_int_equal(signing_begin_whole(&g, &signers, gp_buf_slice(&text), 1),
			 SIGNING_IMPOSSIBLE);
	signing_free(&g);
	gp_buf_free(&text);
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
		cmocka_unit_test(from_decides),
		cmocka_unit_test(made_here_is_signed_by_a_domain_above),
		cmocka_unit_test(all_keys_sign_one_after_the_other),
		cmocka_unit_test(the_list),
		cmocka_unit_test(too_many_fields),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
