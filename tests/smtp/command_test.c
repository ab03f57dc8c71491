/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: verbs, and the parameters of MAIL and RCPT with their limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/smtp/command.h"
#include "core/smtp/xtext.h"

#define X20 "xxxxxxxxxxxxxxxxxxxx"
#define X100 X20 X20 X20 X20 X20

static void
verbs(void **state)
{
	static const struct {
		const char *line;
		enum gp_smtp_verb verb;
		const char *args;
	} cases[] = {
		{"HELO x", GP_VERB_HELO, "x"},
		{"ehlo x y", GP_VERB_EHLO, "x y"},
		{"Mail From:<a@b>", GP_VERB_MAIL, "From:<a@b>"},
		{"RCPT  TO:<a@b>  ", GP_VERB_RCPT, "TO:<a@b>"},
		{"DATA", GP_VERB_DATA, ""},
		{"DATA \t ", GP_VERB_DATA, ""},
		{"DATA\t", GP_VERB_UNKNOWN, ""},
		{"RSET", GP_VERB_RSET, ""},
		{"NOOP", GP_VERB_NOOP, ""},
		{"VRFY a", GP_VERB_VRFY, "a"},
		{"EXPN a", GP_VERB_EXPN, "a"},
		{"HELP me", GP_VERB_HELP, "me"},
		{"QUIT", GP_VERB_QUIT, ""},
		{"QUITE", GP_VERB_UNKNOWN, ""},
		{"QUI", GP_VERB_UNKNOWN, ""},
		{" QUIT", GP_VERB_UNKNOWN, "QUIT"},
		{"", GP_VERB_UNKNOWN, ""},
		{"StartTLS", GP_VERB_STARTTLS, ""},
		{"bdat 5 LAST", GP_VERB_BDAT, "5 LAST"},
		{"AUTH PLAIN x", GP_VERB_AUTH, "PLAIN x"},
		{"GET / HTTP/1.1", GP_VERB_HTTP, "/ HTTP/1.1"},
		{"CONNECT mx:25 HTTP/1.1", GP_VERB_HTTP, "mx:25 HTTP/1.1"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_smtp_command c = gp_smtp_command_parse(gp_slice_str(cases[i].line));
		if (c.verb != cases[i].verb || !gp_slice_eq(c.args, gp_slice_str(cases[i].args)))
			fail_msg("\"%s\": %d \"%.*s\"", cases[i].line, c.verb,
				 GP_SLICE_FMT(c.args));
	}
}

/* code 0: accepted. */
struct mail_case {
	const char *args;
	uint16_t code, detail;
	uint64_t size;
	uint8_t flags, ret;
	const char *envid;
	unsigned offers; /* beside ESMTP */
};

/* clang-format off */
static const struct mail_case mail_cases[] = {
	{"FROM:<a@b>", 0, 0, 0, 0, 0, ""},
	{"from:<>", 0, 0, 0, 0, 0, ""},
	{"FROM: <a@b>", 0, 0, 0, 0, 0, ""},
	{"FROM:<a@b> SIZE=0", 0, 0, 0, 0, 0, ""},
	{"FROM:<a@b> SIZE=12345", 0, 0, 12345, 0, 0, ""},
	{"FROM:<a@b>   size=7   BODY=7bit ", 0, 0, 7, 0, 0, ""},
	{"FROM:<a@b> SIZE=18446744073709551615", 0, 0, UINT64_MAX, 0, 0, ""},
	{"FROM:<a@b> SIZE=99999999999999999999", 0, 0, UINT64_MAX, 0, 0, ""},
	{"FROM:<a@b> BODY=8BITMIME", 0, 0, 0, GP_ENVELOPE_8BITMIME, 0, ""},
	{"FROM:<a@b> SMTPUTF8", 0, 0, 0, GP_ENVELOPE_SMTPUTF8, 0, ""},
	{"FROM:<\xC3\xA9@b> SMTPUTF8 BODY=8bitmime", 0, 0, 0,
	 GP_ENVELOPE_SMTPUTF8 | GP_ENVELOPE_8BITMIME, 0, ""},
	{"FROM:<a@b> RET=FULL", 0, 0, 0, 0, GP_RET_FULL, ""},
	{"FROM:<a@b> ret=hdrs", 0, 0, 0, 0, GP_RET_HDRS, ""},
	{"FROM:<a@b> ENVID=QQ314159", 0, 0, 0, 0, 0, "QQ314159"},
	{"FROM:<a@b> ENVID=a+20b+2Bc+3D", 0, 0, 0, 0, 0, "a+20b+2Bc+3D"},
	{"FROM:<a@b> ENVID=" X100, 0, 0, 0, 0, 0, X100},
	{"", 501, 4}, {"FROM", 501, 4}, {"FROM<a@b>", 501, 4}, {"TO:<a@b>", 501, 4},
	{"FROM:", 501, 7}, {"FROM:a@b", 501, 7}, {"FROM:<a@b", 501, 7}, {"FROM:<a>", 501, 7},
	{"FROM:<postmaster>", 501, 7}, {"FROM:<@c.d:postmaster>", 501, 7},
	{"FROM:<a@b>SIZE=1", 501, 4}, {"FROM:<a@b>\tSIZE=1", 501, 4}, {"FROM:<a@b>x", 501, 4},
	{"FROM:<a@b> SIZE", 501, 4}, {"FROM:<a@b> SIZE=", 501, 4}, {"FROM:<a@b> SIZE=-1", 501, 4},
	{"FROM:<a@b> SIZE=1k", 501, 4}, {"FROM:<a@b> SIZE=0x1", 501, 4},
	{"FROM:<a@b> SIZE=000000000000000000001", 501, 4},
	{"FROM:<a@b> SIZE=1 SIZE=1", 501, 4},
	{"FROM:<a@b> BODY", 501, 4}, {"FROM:<a@b> BODY=", 501, 4},
	{"FROM:<a@b> BODY=BINARYMIME", 501, 4},
	{"FROM:<a@b> SMTPUTF8=", 501, 4}, {"FROM:<a@b> SMTPUTF8=yes", 501, 4},
	{"FROM:<a@b> RET=BOTH", 501, 4}, {"FROM:<a@b> RET", 501, 4},
	{"FROM:<a@b> RET=FULL RET=FULL", 501, 4},
	{"FROM:<a@b> ENVID", 501, 4}, {"FROM:<a@b> ENVID=", 501, 4},
	{"FROM:<a@b> ENVID=x" X100, 501, 4},
	{"FROM:<a@b> ENVID=a=b", 501, 4}, {"FROM:<a@b> ENVID=+2", 501, 4},
	{"FROM:<a@b> ENVID=+2b", 501, 4}, {"FROM:<a@b> ENVID=+GG", 501, 4},
	{"FROM:<a@b> ENVID=+", 501, 4}, {"FROM:<a@b> ENVID=\xC3\xA9", 501, 4},
	{"FROM:<a@b> ENVID=+C3+A9", 501, 4},
	{"FROM:<a@b> AUTH=<>", 555, 4}, {"FROM:<a@b> X=1", 555, 4}, {"FROM:<a@b> =", 555, 4},
	{"FROM:<a@b> REQUIRETLS", 555, 4}, {"FROM:<a@b> NOTIFY=NEVER", 555, 4},
	{"FROM:<a@b> <c@d>", 555, 4}, {"FROM:<\xC3\xA9@b>", 550, 7},
	{"FROM:<a@b> AUTH=<>", 0, 0, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> requiretls", 0, 0, 0, GP_ENVELOPE_REQUIRETLS, 0, "", GP_OFFER_REQUIRETLS},
	{"FROM:<a@b> REQUIRETLS=", 501, 4, 0, 0, 0, "", GP_OFFER_REQUIRETLS},
	{"FROM:<a@b> REQUIRETLS=yes", 501, 4, 0, 0, 0, "", GP_OFFER_REQUIRETLS},
	{"FROM:<a@b> REQUIRETLS REQUIRETLS", 501, 4, 0, 0, 0, "", GP_OFFER_REQUIRETLS},
	{"FROM:<a@b> BODY=binarymime", 0, 0, 0, GP_ENVELOPE_BINARYMIME, 0, "",
	 GP_OFFER_BINARYMIME},
	{"FROM:<a@b> auth=e+3Dmc2@example.com SIZE=1", 0, 0, 1, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH=", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH=a=b", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH=a+0Ab", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH=" X100 X100 X100 X100 X100 "x", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
	{"FROM:<a@b> AUTH=<> AUTH=<>", 501, 4, 0, 0, 0, "", GP_OFFER_AUTH},
};
/* clang-format on */

static void
bdat(void **state)
{
	static const struct {
		const char *args;
		bool good, last;
		uint64_t size;
	} cases[] = {
		{"0", true, false, 0},
		{"17", true, false, 17},
		{"17 LAST", true, true, 17},
		{"17   last", true, true, 17},
		{"0 LAST", true, true, 0},
		{"18446744073709551615", true, false, UINT64_MAX},
		{"00000000000000000017", true, false, 17},
		{""},
		{"LAST"},
		{"-1"},
		{"+1"},
		{"0x1"},
		{"1k"},
		{"1\tLAST"},
		{"1LAST"},
		{"1 LAS"},
		{"1 LAST LAST"},
		{"1 1"},
		{"18446744073709551616"},
		{"000000000000000000017"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint64_t size = 0;
		bool last = false;
		bool good = gp_smtp_bdat_parse(gp_slice_str(cases[i].args), &size, &last);
		if (good != cases[i].good ||
		    (good && (size != cases[i].size || last != cases[i].last)))
			fail_msg("\"%s\"", cases[i].args);
	}
}

static void
mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(mail_cases); i++) {
		const struct mail_case *c = &mail_cases[i];
		struct gp_arena arena = GP_ARENA_INIT(65536);
		struct gp_smtp_mail m;
		struct gp_reply refusal;
		int r = gp_smtp_mail_parse(gp_slice_str(c->args), GP_OFFER_ESMTP | c->offers,
					   &arena, &m, &refusal);
		if (r != (c->code != 0))
			fail_msg("\"%s\": %d %d", c->args, r, refusal.code);
		if (r > 0 && (refusal.code != c->code || refusal.enhanced_class != 5 ||
			      refusal.enhanced_detail != c->detail || refusal.text.len == 0))
			fail_msg("\"%s\": %d 5.%d.%d", c->args, refusal.code,
				 refusal.enhanced_subject, refusal.enhanced_detail);
		if (r == 0 && (m.size != c->size || m.flags != c->flags || m.ret != c->ret ||
			       !gp_slice_eq(m.envid, gp_slice_str(c->envid))))
			fail_msg("\"%s\": %llu %d %d %.*s", c->args, (unsigned long long)m.size,
				 m.flags, m.ret, GP_SLICE_FMT(m.envid));
		gp_arena_free(&arena);
	}
}

struct rcpt_case {
	const char *args;
	uint16_t code;
	uint8_t notify;
	const char *orcpt;
	bool utf8;
};

/* clang-format off */
static const struct rcpt_case rcpt_cases[] = {
	{"TO:<a@b>", 0, 0, ""},
	{"TO:<postmaster>", 0, 0, ""},
	{"TO:<a@b> NOTIFY=NEVER", 0, GP_NOTIFY_NEVER, ""},
	{"TO:<a@b> NOTIFY=success", 0, GP_NOTIFY_SUCCESS, ""},
	{"TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY", 0, 14, ""},
	{"TO:<a@b> NOTIFY=DELAY,DELAY", 0, GP_NOTIFY_DELAY, ""},
	{"TO:<a@b> ORCPT=rfc822;c@d", 0, 0, "rfc822;c@d"},
	{"TO:<a@b> ORCPT=rfc822;c+2Bx@d NOTIFY=FAILURE", 0, GP_NOTIFY_FAILURE, "rfc822;c+2Bx@d"},
	{"TO:<a@b> ORCPT=RFC822;+22a+20b+22@d", 0, 0, "RFC822;+22a+20b+22@d"},
	{"TO:<a@b> ORCPT=x400;/c=us/", 501},
	{"TO:<a@b> ORCPT=x400;/c+3Dus/", 0, 0, "x400;/c+3Dus/"},
	{"TO:<a@b> ORCPT=rfc822;a;b", 0, 0, "rfc822;a;b"},
	{"TO:<a@b> ORCPT=utf-8;\\x{E9}@b", 0, 0, "utf-8;\\x{E9}@b"},
	{"TO:<a@b> ORCPT=UTF-8;\\x{1F4E7}@b", 0, 0, "UTF-8;\\x{1F4E7}@b"},
	{"TO:<a@b> ORCPT=utf-8;\xC3\xA9@b", 0, 0, "utf-8;\xC3\xA9@b", true},
	{"TO:<\xC3\xA9@b>", 0, 0, "", true},
	{"TO:<\xC3\xA9@b>", 553},
	{"", 501}, {"TO", 501}, {"TO:", 501}, {"TO:<>", 501}, {"TO:<a>", 501}, {"TO:a@b", 501},
	{"TO:<a@b>NOTIFY=NEVER", 501},
	{"TO:<a@b> NOTIFY", 501}, {"TO:<a@b> NOTIFY=", 501}, {"TO:<a@b> NOTIFY=,", 501},
	{"TO:<a@b> NOTIFY=SUCCESS,", 501}, {"TO:<a@b> NOTIFY=ALWAYS", 501},
	{"TO:<a@b> NOTIFY=NEVER,SUCCESS", 501}, {"TO:<a@b> NOTIFY=DELAY,NEVER", 501},
	{"TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", 501},
	{"TO:<a@b> ORCPT", 501}, {"TO:<a@b> ORCPT=", 501}, {"TO:<a@b> ORCPT=c@d", 501},
	{"TO:<a@b> ORCPT=;c@d", 501}, {"TO:<a@b> ORCPT=rfc822;", 501},
	{"TO:<a@b> ORCPT=rfc 822;c", 501}, {"TO:<a@b> ORCPT=rfc_822;c", 501},
	{"TO:<a@b> ORCPT=rfc822;a=b", 501}, {"TO:<a@b> ORCPT=rfc822;+2b", 501},
	{"TO:<a@b> ORCPT=rfc822;+E9", 501}, {"TO:<a@b> ORCPT=rfc822;\xC3\xA9", 501},
	{"TO:<a@b> ORCPT=rfc822;\xC3\xA9", 501, 0, "", true},
	{"TO:<a@b> ORCPT=utf-8;\xC3\xA9@b", 501},
	{"TO:<a@b> ORCPT=utf-8;\xC3@b", 501, 0, "", true},
	{"TO:<a@b> ORCPT=utf-8;\xC2\x85", 501, 0, "", true},
	{"TO:<a@b> ORCPT=utf-8;\\x{}", 501}, {"TO:<a@b> ORCPT=utf-8;\\x{9}", 501},
	{"TO:<a@b> ORCPT=utf-8;\\x{E9", 501}, {"TO:<a@b> ORCPT=utf-8;\\y", 501},
	{"TO:<a@b> ORCPT=utf-8;\\", 501}, {"TO:<a@b> ORCPT=utf-8;\\x{D800}", 501},
	{"TO:<a@b> ORCPT=utf-8;\\x{110000}", 501}, {"TO:<a@b> ORCPT=utf-8;\\x{0000041}", 501},
	{"TO:<a@b> SIZE=1", 555}, {"TO:<a@b> RRVS=x", 555},
	/* at 500 octets, and over */
	{"TO:<a@b> ORCPT=rfc822;" X100 X100 X100 X100 X20 X20 X20 X20 "xxxxxxxxxxxxx", 0, 0,
	 "rfc822;" X100 X100 X100 X100 X20 X20 X20 X20 "xxxxxxxxxxxxx"},
	{"TO:<a@b> ORCPT=rfc822;" X100 X100 X100 X100 X20 X20 X20 X20 "xxxxxxxxxxxxxx", 501},
};
/* clang-format on */

static void
rcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rcpt_cases); i++) {
		const struct rcpt_case *c = &rcpt_cases[i];
		struct gp_arena arena = GP_ARENA_INIT(65536);
		struct gp_smtp_rcpt p;
		struct gp_reply refusal = {};
		int r = gp_smtp_rcpt_parse(gp_slice_str(c->args), true, c->utf8, &arena, &p,
					   &refusal);
		if (r != (c->code != 0) || (r > 0 && refusal.code != c->code))
			fail_msg("\"%s\": %d %d", c->args, r, refusal.code);
		if (r == 0 && (p.rcpt.notify != c->notify ||
			       !gp_slice_eq(p.rcpt.orcpt, gp_slice_str(c->orcpt))))
			fail_msg("\"%s\": %d %.*s", c->args, p.rcpt.notify,
				 GP_SLICE_FMT(p.rcpt.orcpt));
		gp_arena_free(&arena);
	}
}

/* However little memory there is, the answer is "no memory", not a half of the truth. */
static void
no_memory(void **state)
{
	static const char args[] = "FROM:<some.one@example.org> ENVID=abc RET=HDRS";
	struct gp_smtp_mail m;
	struct gp_reply refusal;
	size_t max = 0;
	int r = -ENOMEM;
	(void)state;
	for (; r != 0; max++) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		r = gp_smtp_mail_parse(gp_slice_str(args), GP_OFFER_ESMTP, &arena, &m, &refusal);
		assert_true(r == 0 || r == -ENOMEM);
		gp_arena_free(&arena);
	}
	assert_true(max > 32);
}

static void
xtext(void **state)
{
	static const struct {
		struct gp_slice text, octets;
		bool utf8, good;
	} cases[] = {
		{GP_SLICE(""), GP_SLICE(""), false, true},
		{GP_SLICE("abc!~"), GP_SLICE("abc!~"), false, true},
		{GP_SLICE("+00+0A+FF"), GP_SLICE("\0\n\xFF"), false, true},
		{GP_SLICE("+2B+3D"), GP_SLICE("+="), false, true},
		{GP_SLICE("\xC3\xA9"), GP_SLICE("\xC3\xA9"), true, true},
		{GP_SLICE("\xC3\xA9"), GP_SLICE(""), false, false},
		{GP_SLICE("a b"), GP_SLICE(""), false, false},
		{GP_SLICE("a=b"), GP_SLICE(""), false, false},
		{GP_SLICE("+"), GP_SLICE(""), false, false},
		{GP_SLICE("+4"), GP_SLICE(""), false, false},
		{GP_SLICE("+4g"), GP_SLICE(""), false, false},
		{GP_SLICE("+4a"), GP_SLICE(""), false, false},
		{GP_SLICE("a\0"), GP_SLICE(""), false, false},
		{GP_SLICE("\x7F"), GP_SLICE(""), false, false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice got = {};
		int r = gp_xtext_decode(cases[i].text, cases[i].utf8, &arena, &got);
		assert_int_equal(r, cases[i].good ? 0 : 1);
		assert_true(r > 0 || gp_slice_eq(got, cases[i].octets));
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs), cmocka_unit_test(bdat),      cmocka_unit_test(mail),
		cmocka_unit_test(rcpt),  cmocka_unit_test(no_memory), cmocka_unit_test(xtext),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
