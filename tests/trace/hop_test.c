/* SPDX-License-Identifier: Apache-2.0 */
/* Trace fields of the programs that are around, field by field. */
#include "../unit.h"

#include "core/message/date.h"
#include "core/trace/hop.h"

enum { ARENA_MAX = 1 << 20 };

static void
put(struct gp_arena *arena, struct gp_slice *out, const char *name, struct gp_slice value)
{
	if (value.len > 0)
		*out = gp_arena_printf(arena, "%.*s%s%s=%.*s", GP_SLICE_FMT(*out),
				       out->len > 0 ? " " : "", name, GP_SLICE_FMT(value));
}

static void
put_flag(struct gp_arena *arena, struct gp_slice *out, const char *name, bool on)
{
	if (on)
		*out = gp_arena_printf(arena, "%.*s%s%s", GP_SLICE_FMT(*out),
				       out->len > 0 ? " " : "", name);
}

/* All that was understood, on one line; the time on its own. */
static struct gp_slice
describe(struct gp_arena *arena, const struct gp_hop *hop)
{
	struct gp_slice out = gp_slice("", 0);
	put(arena, &out, "helo", hop->helo);
	put(arena, &out, "rdns", hop->rdns);
	put(arena, &out, "ip", hop->address);
	put(arena, &out, "ident", hop->ident);
	put(arena, &out, "by", hop->by);
	put(arena, &out, "with", hop->with);
	put(arena, &out, "via", hop->via);
	put(arena, &out, "id", hop->id);
	put(arena, &out, "for", hop->rcpt);
	put(arena, &out, "sender", hop->sender);
	put(arena, &out, "login", hop->login);
	put(arena, &out, "tls", hop->tls_version);
	put(arena, &out, "cipher", hop->tls_cipher);
	put_flag(arena, &out, "S", hop->tls);
	put_flag(arena, &out, "A", hop->authenticated);
	put_flag(arena, &out, "local", hop->local);
	put_flag(arena, &out, "forged", hop->rdns_forged);
	put_flag(arena, &out, "unread", !hop->understood);
	if (hop->when.known)
		put(arena, &out, "at", gp_slice_str(gp_date_stamp((uint64_t)hop->when.epoch_s).s));
	return out;
}

static void
check(const char *value, const char *want)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_hop hop;
	assert_int_equal(gp_hop_parse(gp_slice_str(value), &arena, &hop), 0);
	assert_slice(describe(&arena, &hop), want);
	gp_arena_free(&arena);
}

#define DATE "; Sun, 22 Nov 2026 02:46:47 +0000"
#define AT " at=2026-11-22T02:46:47Z"

static void
programs_of_today(void **state)
{
	static const char *const cases[][2] = {
		/* ours */
		{"from mail.a.test ([192.0.2.1]) by mx.b.test with ESMTPS\t(TLSv1.3 "
		 "TLS_AES_256_GCM_SHA384) id 0Jx6Yk3ZqAb\tfor <u@b.test>" DATE,
		 "helo=mail.a.test ip=192.0.2.1 by=mx.b.test with=ESMTPS id=0Jx6Yk3ZqAb "
		 "for=u@b.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 S" AT},
		/* Postfix */
		{"from mail.a.test (mail.a.test [192.0.2.1])\t(using TLSv1.3 with cipher "
		 "TLS_AES_256_GCM_SHA384 (256/256 bits)\t key-exchange X25519 server-signature "
		 "RSA-PSS (4096 bits))\t(No client certificate requested)\tby mx.b.test (Postfix) "
		 "with ESMTPS id 4XyZ\tfor <u@b.test>" DATE " (UTC)",
		 "helo=mail.a.test rdns=mail.a.test ip=192.0.2.1 by=mx.b.test with=ESMTPS id=4XyZ "
		 "for=u@b.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 S" AT},
		{"from [10.0.0.5] (unknown [IPv6:2001:db8::5])\t(Authenticated sender: "
		 "u@b.test)\tby "
		 "mx.b.test (Postfix) with ESMTPSA id 4XyZ" DATE,
		 "helo=10.0.0.5 ip=2001:db8::5 by=mx.b.test with=ESMTPSA id=4XyZ login=u@b.test S "
		 "A" AT},
		{"by mx.b.test (Postfix, from userid 1000)\tid 4XyZ" DATE,
		 "by=mx.b.test id=4XyZ local" AT},
		/* Exim */
		{"from mail.a.test ([192.0.2.1]:50024 helo=a)\tby mx.b.test with esmtps  (TLS1.3) "
		 "tls "
		 "TLS_AES_256_GCM_SHA384\t(Exim 4.96)\t(envelope-from <x@a.test>)\tid "
		 "1pXYZ-0001\tfor u@b.test" DATE,
		 "helo=a rdns=mail.a.test ip=192.0.2.1 by=mx.b.test with=esmtps id=1pXYZ-0001 "
		 "for=u@b.test sender=x@a.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 S" AT},
		{"from [192.0.2.1] (helo=a ident=joe) by mx.b.test with esmtpsa "
		 "(TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256) (Exim 4.86) id 1pX" DATE,
		 "helo=a ip=192.0.2.1 ident=joe by=mx.b.test with=esmtpsa id=1pX tls=TLSv1.2 "
		 "cipher=ECDHE_RSA_AES_256_GCM_SHA384 S A" AT},
		/* Sendmail */
		{"from mail.a.test (mail.a.test [192.0.2.1] (may be forged))\tby mx.b.test "
		 "(8.17.1/8.17.1) with ESMTPS id 3AM\t(version=TLSv1.3 "
		 "cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)\tfor <u@b.test>" DATE,
		 "helo=mail.a.test rdns=mail.a.test ip=192.0.2.1 by=mx.b.test with=ESMTPS id=3AM "
		 "for=u@b.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 S forged" AT},
		/* Exchange Online */
		{"from AM0PR01.eurprd01.prod.outlook.com (2603:10a6:208::19) by "
		 "AM1PR01.eurprd01.prod.outlook.com (2603:10a6:20b::5) with Microsoft SMTP Server "
		 "(version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1" DATE,
		 "helo=AM0PR01.eurprd01.prod.outlook.com rdns=AM0PR01.eurprd01.prod.outlook.com "
		 "ip=2603:10a6:208::19 by=AM1PR01.eurprd01.prod.outlook.com with=Microsoft SMTP "
		 "Server id=15.20.1 tls=TLSv1.2 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 S" AT},
		{"from A (2603:10a6::1) by B.outlook.office365.com (2603:10a6::2) with Microsoft "
		 "SMTP "
		 "Server id 15.20.1 via Frontend Transport" DATE,
		 "helo=A ip=2603:10a6::1 by=B.outlook.office365.com with=Microsoft SMTP Server "
		 "via=Frontend id=15.20.1" AT},
		/* Gmail */
		{"by 2002:a05:6a00:1 with SMTP id a1csp2" DATE,
		 "by=2002:a05:6a00:1 with=SMTP id=a1csp2 local" AT},
		{"from mail.a.test (mail.a.test. [192.0.2.1])        by mx.google.com with ESMTPS "
		 "id "
		 "a1-2       for <u@gmail.com>        (version=TLS1_3 "
		 "cipher=TLS_AES_256_GCM_SHA384 bits=256/256)" DATE " (PST)",
		 "helo=mail.a.test rdns=mail.a.test ip=192.0.2.1 by=mx.google.com with=ESMTPS "
		 "id=a1-2 for=u@gmail.com tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 S" AT},
		/* qmail and its kin */
		{"(qmail 10681 invoked by uid 404)" DATE, "local" AT},
		{"(qmail 1 invoked from network); 22 Nov 2026 02:46:47 -0000", "local" AT},
		{"(qmail 1 messnum 2 invoked from network[192.0.2.1/a.test])" DATE,
		 "helo=192.0.2.1 ip=192.0.2.1" AT},
		{"from unknown (HELO a.test) (joe@192.0.2.1) by mx.b.test with SMTP" DATE,
		 "helo=a.test ip=192.0.2.1 ident=joe by=mx.b.test with=SMTP" AT},
		/* Zimbra, Haraka, Dovecot, fetchmail, amavis */
		{"from mail.a.test (LHLO mail.a.test) (192.0.2.1) by mx.b.test with LMTP" DATE,
		 "helo=mail.a.test rdns=mail.a.test ip=192.0.2.1 by=mx.b.test with=LMTP" AT},
		{"from mail.a.test ([192.0.2.1])\tby mx.b.test (Haraka) with ESMTPS id "
		 "7A.1\tenvelope-from <x@a.test>\t(cipher=TLS_AES_256_GCM_SHA384)" DATE,
		 "helo=mail.a.test ip=192.0.2.1 by=mx.b.test with=ESMTPS id=7A.1 S" AT},
		{"from mx.b.test\tby mx.b.test with LMTP\tid ABC\t(envelope-from <x@a.test>)\tfor "
		 "<u@b.test>" DATE,
		 "helo=mx.b.test by=mx.b.test with=LMTP id=ABC for=u@b.test sender=x@a.test" AT},
		{"from localhost ([127.0.0.1]) by localhost (mx.b.test [127.0.0.1]) (amavis, port "
		 "10024) with ESMTP id XyZ" DATE,
		 "helo=localhost ip=127.0.0.1 by=localhost with=ESMTP id=XyZ" AT},
		{"from 192.0.2.1 (SquirrelMail authenticated user joe); by web.b.test with "
		 "HTTP" DATE,
		 "ip=192.0.2.1 by=web.b.test with=HTTP login=joe A" AT},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(cases[i][0], cases[i][1]);
}

static void
what_is_no_trace(void **state)
{
	static const char *const cases[][2] = {
		{"", "unread"},
		{";", "unread"},
		{"(", "unread"},
		{"((((;;;;[[[[", "unread"},
		{"hello world", "unread"},
		{"from", "unread"},
		{"from by with id for", "unread"},
		{"from a by b", "helo=a by=b"},
		{"from a (((b by c" DATE, "helo=a at=2026-11-22T02:46:47Z"},
		{"by \"b c\" id <<x>>", "by=b c id=x local"},
		{"from [999.1.2.3] by b", "helo=999.1.2.3 by=b"},
		{"from a ([300.0.0.1]) by b", "helo=a by=b"},
		{"from a (unauthenticated [192.0.2.1]) by b", "helo=a ip=192.0.2.1 by=b"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check(cases[i][0], cases[i][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_of_today),
		cmocka_unit_test(what_is_no_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
