/* SPDX-License-Identifier: Apache-2.0 */
/* Who a message says that it is from, and the tricks that are found. */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "core/identity/identity.h"

enum { ARENA_MAX = 4 << 20 };

struct rig {
	struct gp_arena arena;
	struct gp_header header;
	struct gp_findings findings;
	struct gp_identities ids;
};

static const struct gp_slice our_domains[] = {GP_SLICE("gatepost.test"), GP_SLICE("other.test"),
					      GP_SLICE("gatepots.test")};

static struct rig
read_ids(struct gp_slice message)
{
	struct gp_identities_query query = {our_domains, GP_ARRAY_LEN(our_domains)};
	struct rig r = {.arena = GP_ARENA_INIT(ARENA_MAX)};
	r.findings = gp_findings(&r.arena);
	assert_int_equal(gp_header_split(message, &r.arena, &r.header), 0);
	assert_int_equal(gp_identities_read(&r.header, &query, &r.arena, &r.findings, &r.ids), 0);
	return r;
}

/* All findings' ids, with spaces between. */
static struct gp_slice
found(struct rig *r)
{
	struct gp_slice all = gp_slice("", 0);
	for (size_t i = 0; i < r->findings.len; i++)
		all = gp_arena_printf(&r->arena, "%.*s%s%s", GP_SLICE_FMT(all), i > 0 ? " " : "",
				      r->findings.items[i].kind->id);
	return all;
}

static void
tricks(void **state)
{
	static const char *const cases[][2] = {
		{"From: Alice <alice@far.test>\r\n", ""},
		{"From: =?utf-8?q?Alice?= <alice@far.test>\r\nReply-To: a@lists.far.test\r\n", ""},
		/* From itself */
		{"Subject: x\r\n", "from.missing"},
		{"From: <a@b.test>\r\nfrom: <c@d.test>\r\n", "from.several_fields"},
		{"From: a@b.test, c@b.test\r\n", "from.several_authors"},
		{"From: a@b.test <c@d.test>\r\n", "from.unreadable"},
		{"From: <a@b.test>c@d.test\r\n", "from.unreadable"},
		{"From:\r\n", "from.unreadable"},
		{"From: Doe, John <a@b.test>\r\n", "from.malformed"},
		{"From: nobody:;\r\n", "from.unreadable"},
		{"From: x@[192.0.2.1]\r\n", "from.no_domain"},
		/* display names */
		{"From: \"admin@bank.test\" <x@far.test>\r\n", "name.address"},
		{"From: =?utf-8?q?admin=40bank=2Etest?= <x@far.test>\r\n", "name.address"},
		{"From: (<admin@bank.test>) x@far.test\r\n", "name.address"},
		{"From: \"x@far.test\" <x@far.test>\r\n", ""},
		{"From: PayPal <x@far.test>\r\n", "name.brand"},
		{"From: PayPal <x@mail.paypal.example>\r\n", ""},
		{"From: Pineapple <x@far.test>\r\n", ""},
		{"From: Gatepost Support <x@far.test>\r\n", "name.own"},
		{"From: Gatepost Support <x@gatepost.test>\r\n", ""},
		/* domains */
		{"From: a@gatep0st.test\r\n", "domain.lookalike"},
		{"From: a@gatepost.test\r\nReply-To: a@gatepost.example\r\n",
		 "domain.lookalike reply_to.elsewhere"},
		{"From: a@g\xD0\xB0tepost.test\r\n", "domain.mixed_scripts domain.lookalike"},
		/* the others */
		{"From: a@far.test\r\nReply-To: b@else.test\r\n", "reply_to.elsewhere"},
		{"From: a@far.test\r\nSender: b@else.test\r\n", "sender.elsewhere"},
		{"From: a@far.test\r\nReturn-Path: <b@else.test>\r\n", "return_path.elsewhere"},
		{"From: a@far.test\r\nReturn-Path: <>\r\n", ""},
		{"From: a@far.test\r\nMessage-ID: <1@else.test>\r\n", "message_id.elsewhere"},
		/* texts */
		{"From: a@far.test\r\nSubject: \xE2\x80\xAE\r\n", "text.hidden"},
		{"From: a@far.test\r\nSubject: =?utf-8?b?4oCu?=\r\n", "text.hidden"},
		/* the header */
		{"From: a@far.test\r\nX: a\nb\r\n", "header.control"},
		{"From: a@far.test\r\nX: a\rb\r\n", "header.control"},
		{"From: a@far.test\r\nnonsense\r\n", "header.malformed"},
		{" From: a@far.test\r\nFrom: c@far.test\r\n", "header.malformed"},
		{"From: a@far.test\r\nSubject: a\r\nSubject: b\r\nDate: x\r\nDate: y\r\n",
		 "header.twice header.twice"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char message[1024];
		snprintf(message, sizeof(message), "%s\r\nbody", cases[i][0]);
		struct rig r = read_ids(gp_slice_str(message));
		struct gp_slice got = found(&r);
		if (!gp_slice_eq(got, gp_slice_str(cases[i][1])))
			fail_msg("%s: %.*s", cases[i][0], GP_SLICE_FMT(got));
		gp_arena_free(&r.arena);
	}
}

static void
what_is_read(void **state)
{
	struct rig r = read_ids(
		GP_SLICE("From: =?utf-8?q?J=C3=BCrgen?= \"X.\\\" Y\" <a@B\xC3\xBC"
			 "CHER.test>\r\n"
			 "Reply-To: <c@d.test>, e@f.test\r\nMessage-ID: <1.2@host.test>\r\n"
			 "Subject: =?utf-8?q?\xC3?=\x1B[0m\r\n\r\n"));
	(void)state;
	assert_slice(r.ids.from.name, "J\xC3\xBCrgen X.\" Y");
	assert_slice(r.ids.from.address, "a@B\xC3\xBC"
					 "CHER.test");
	assert_slice(r.ids.from.domain, "xn--bcher-kva.test");
	assert_slice(r.ids.from.shown, "b\xC3\xBC"
				       "cher.test");
	assert_int_equal(r.ids.reply_to.mailboxes, 2);
	assert_slice(r.ids.message_id_domain, "host.test");
	assert_false(r.ids.sender.there || r.ids.from_own);
	gp_arena_free(&r.arena);
	r = read_ids(GP_SLICE("From: a@sub.other.test\r\n\r\n"));
	assert_true(r.ids.from_own);
	assert_int_equal(r.ids.looks_like.len, 0);
	gp_arena_free(&r.arena);
	/* It is ours, though it looks like another of ours. */
	r = read_ids(GP_SLICE("From: a@gatepots.test\r\n\r\n"));
	assert_true(r.ids.from_own);
	assert_int_equal(r.ids.looks_like.len, 0);
	gp_arena_free(&r.arena);
	r = read_ids(GP_SLICE("From: a@gatepost.example\r\n\r\n"));
	assert_slice(r.ids.looks_like, "gatepost.test");
	gp_arena_free(&r.arena);
}

static void
a_nul_is_seen(void **state)
{
	struct rig r = read_ids(GP_SLICE("From: a@far.test\r\nX: a\0b\r\n\r\n"));
	(void)state;
	assert_slice(found(&r), "header.control");
	gp_arena_free(&r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tricks),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(a_nul_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
