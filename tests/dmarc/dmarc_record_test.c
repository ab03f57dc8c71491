/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "base/buf.h"
#include "core/dmarc/record.h"

enum { ARENA_MAX = 1 << 20 };

#define ADDRESS "mailto:a@r.test"

/*
 * want: "no record", or what differs from the defaults: the policies, "sa" and "ss" for strict DKIM
 * and SPF alignment, psd, t, fo, the URIs; "-" in front: it does not apply; "~": it counts as
 * p=none. Flaws behind "|".
 */
static const struct {
	const char *text, *want;
} cases[] = {
	/* section 4.8: the version */
	{"v=DMARC1; p=reject", "p=reject"},
	{"v=DMARC1;p=reject;", "p=reject"},
	{"v = DMARC1 ;\tp = reject ; ", "p=reject"},
	{"V=DMARC1; P=Reject; ADKIM=S", "p=reject sa"},
	{"v=DMARC1", "-"},
	{"v=DMARC1 ", "-"},
	{"", "no record"},
	{" v=DMARC1; p=reject", "no record"},
	{"v=dmarc1; p=reject", "no record"},
	{"v=DMARC12; p=reject", "no record"},
	{"v=DMARC1x", "no record"},
	{"v=DMARC1 p=reject", "no record"},
	{"v=DMARC1, p=reject", "no record"},
	{"v:DMARC1; p=reject", "no record"},
	{"p=reject; v=DMARC1", "no record"},
	{"\"v=DMARC1; p=reject\"", "no record"},
	{"v=spf1 -all", "no record"},

	/* section 4.7: each tag */
	{"v=DMARC1; p=none; sp=quarantine; np=reject", "p=none sp=quarantine np=reject"},
	{"v=DMARC1; adkim=s; aspf=s; p=none", "p=none sa ss"},
	{"v=DMARC1; adkim=r; aspf=r; p=none", "p=none"},
	{"v=DMARC1; p=none; psd=y; t=y", "p=none psd=y t"},
	{"v=DMARC1; p=none; psd=n; t=n", "p=none psd=n"},
	{"v=DMARC1; p=none; psd=u", "p=none"},
	{"v=DMARC1; p=none; fo=1", "p=none fo=2"},
	{"v=DMARC1; p=none; fo=0:d:s", "p=none fo=13"},
	{"v=DMARC1; p=none; fo=s : d", "p=none fo=12"},
	{"v=DMARC1; p=none; rua=" ADDRESS, "p=none rua=a@r.test"},
	{"v=DMARC1; p=none; ruf=" ADDRESS ", mailto:b@R.TEST", "p=none ruf=a@r.test,b@r.test"},

	/* unknown and historic tags */
	{"v=DMARC1; p=reject; pct=0; rf=afrf; ri=86400; x=y", "p=reject"},
	{"v=DMARC1; p=reject; pct=abc; x_1=", "p=reject"},
	{"v=DMARC1;; p=reject;;", "p=reject"},

	/* what is malformed is passed over */
	{"v=DMARC1; p=none; adkim=strict", "p=none | adkim=strict"},
	{"v=DMARC1; p=none; aspf=x; t=maybe; psd=1", "p=none | aspf=x | t=maybe | psd=1"},
	{"v=DMARC1; p=none; fo=0:1", "p=none | fo=0:1"},
	{"v=DMARC1; p=none; fo=d:d", "p=none | fo=d:d"},
	{"v=DMARC1; p=none; fo=", "p=none | fo="},
	{"v=DMARC1; p=none; fo:0; sp-none", "p=none | fo:0 | sp-none"},
	{"v=DMARC1; p=none; =x; a b=c", "p=none | =x | a b=c"},
	{"v=DMARC1; p=none; p=reject", "p=none | p=reject"},
	{"v=DMARC1; p=none; t=x; t=y", "p=none | t=x | t=y"},
	{"v=DMARC1; p=none; 1;2;3;4;5", "p=none | 1 | 2 | 3 | 4"},

	/* section 4.6: URIs */
	{"v=DMARC1; p=none; rua=bogus," ADDRESS, "p=none rua=a@r.test | bogus"},
	{"v=DMARC1; p=none; rua=" ADDRESS ",", "p=none rua=a@r.test"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!10m", "p=none rua=a@r.test"},
	{"v=DMARC1; p=none; rua=" ADDRESS " ! 10 K", "p=none rua=a@r.test"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!999999999999999999999", "p=none rua=a@r.test"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!1g," ADDRESS "!1T," ADDRESS "!1k",
	 "p=none rua=a@r.test,a@r.test,a@r.test"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!1km", "p=none | " ADDRESS "!1km"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!10p", "p=none | " ADDRESS "!10p"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!", "p=none | " ADDRESS "!"},
	{"v=DMARC1; p=none; rua=" ADDRESS "!1!2", "p=none | " ADDRESS "!1!2"},
	{"v=DMARC1; p=none; rua=mailto:a%2Cb%21c@r.test", "p=none | mailto:a%2Cb%21c@r.test"},
	{"v=DMARC1; p=none; rua=mailto:%22a%2Cb%22@r.test?subject=x", "p=none rua=\"a,b\"@r.test"},
	{"v=DMARC1; p=none; rua=mailto:a@[192.0.2.1]", "p=none | mailto:a@[192.0.2.1]"},
	{"v=DMARC1; p=none; rua=mailto:", "p=none | mailto:"},
	{"v=DMARC1; p=none; rua=mailto:%@r.test", "p=none | mailto:%@r.test"},
	{"v=DMARC1; p=none; rua=MAILTO:a@r.test,https://r.test/x",
	 "p=none rua=a@r.test,(https://r.test/x)"},

	/* section 4.10.1: without a policy that can be read */
	{"v=DMARC1; adkim=s", "- sa"},
	{"v=DMARC1; psd=y", "- psd=y"},
	{"v=DMARC1; rua=" ADDRESS, "~ p=none rua=a@r.test"},
	{"v=DMARC1; rua=bogus", "- | bogus"},
	{"v=DMARC1; rua=ftp://r.test/", "~ p=none rua=(ftp://r.test/)"},
	{"v=DMARC1; ruf=" ADDRESS, "- ruf=a@r.test"},
	{"v=DMARC1; p=bogus", "- | p=bogus"},
	{"v=DMARC1; p=", "- | p="},
	{"v=DMARC1; p=reject; sp=bogus", "- p=reject | sp=bogus"},
	{"v=DMARC1; p=reject; np=bogus; rua=" ADDRESS, "~ p=none rua=a@r.test | np=bogus"},
	{"v=DMARC1; sp=reject; rua=" ADDRESS, "~ p=none rua=a@r.test"},
};

static void
put_uris(struct gp_buf *out, const char *tag, const struct gp_dmarc_uris *uris)
{
	for (size_t i = 0; i < uris->len; i++) {
		const struct gp_dmarc_uri *u = &uris->list[i];
		gp_buf_printf(out, "%s%s", i == 0 ? tag : ",", i == 0 ? "=" : "");
		if (u->address.len > 0)
			gp_buf_put(out, u->address);
		else
			gp_buf_printf(out, "(%.*s)", GP_SLICE_FMT(u->uri));
		assert_true(u->address.len == 0 || gp_slice_ends_nocase(u->address, u->host));
	}
}

static void
put_policy(struct gp_buf *out, const char *tag, uint8_t policy)
{
	if (policy != GP_DMARC_P_ABSENT)
		gp_buf_printf(out, " %s=%s", tag, gp_dmarc_policy_name(policy));
}

static void
show(struct gp_buf *out, const struct gp_dmarc_record *r)
{
	static const char *const psd[] = {"", " psd=y", " psd=n"};
	assert_true(r->applies || !r->monitors);
	gp_buf_put_str(out, !r->applies ? "-" : r->monitors ? "~" : "");
	put_policy(out, "p", r->p);
	put_policy(out, "sp", r->sp);
	put_policy(out, "np", r->np);
	gp_buf_put_str(out, r->adkim_strict ? " sa" : "");
	gp_buf_put_str(out, r->aspf_strict ? " ss" : "");
	gp_buf_put_str(out, psd[r->psd]);
	gp_buf_put_str(out, r->testing ? " t" : "");
	if (r->fo != GP_DMARC_FO_ALL)
		gp_buf_printf(out, " fo=%u", r->fo);
	put_uris(out, " rua", &r->rua);
	put_uris(out, " ruf", &r->ruf);
	for (size_t i = 0; i < r->flaws_len; i++)
		gp_buf_printf(out, " | %.*s", GP_SLICE_FMT(r->flaws[i]));
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf out = GP_BUF_INIT(4096);
		struct gp_dmarc_record r;
		struct gp_slice text = gp_slice_str(cases[i].text);
		int rc = gp_dmarc_record_parse(text, &arena, &r);
		assert_int_equal(rc == 0, gp_dmarc_is_record(text));
		if (rc == 0)
			show(&out, &r);
		else
			gp_buf_put_str(&out, "no record");
		struct gp_slice got = gp_slice_trim(gp_buf_slice(&out));
		if (!gp_slice_eq(got, gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s, not %s", cases[i].text, GP_SLICE_FMT(got),
				 cases[i].want);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
more_uris_than_are_kept(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct gp_dmarc_record r;
	gp_buf_put_str(&text, "v=DMARC1; rua=x");
	for (int i = 0; i < 1000; i++)
		gp_buf_printf(&text, ",mailto:a%d@r.test", i);
	assert_int_equal(gp_dmarc_record_parse(gp_buf_slice(&text), &arena, &r), 0);
	assert_true(r.monitors);
	assert_int_equal(r.rua.len, GP_DMARC_URIS_MAX);
	assert_slice(r.rua.list[GP_DMARC_URIS_MAX - 1].address, "a9@r.test");
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_slice text = GP_SLICE("v=DMARC1; p=none; rua=mailto:%22a%22@r.test");
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 0; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dmarc_record r;
		rc = gp_dmarc_record_parse(text, &arena, &r);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(more_uris_than_are_kept),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
