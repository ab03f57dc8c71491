/* SPDX-License-Identifier: Apache-2.0 */
/* The trace field, and that nothing in it can make it another field. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/message/header.h"
#include "core/message/received.h"

#define S GP_SLICE

static void
forms(void **state)
{
	static const struct {
		struct gp_received values;
		const char *field;
	} cases[] = {
		{{S("client.example"), S("192.0.2.1"), S("mx.example.org"), true, false,
		  S("2Hk3nCx0aZ1"), S("alice@example.org"), 1000000000},
		 "Received: from client.example ([192.0.2.1])\r\n"
		 "\tby mx.example.org with ESMTP id 2Hk3nCx0aZ1\r\n"
		 "\tfor <alice@example.org>;\r\n"
		 "\tSun, 9 Sep 2001 01:46:40 +0000\r\n"},
		{{S("[IPv6:2001:db8::1]"), S("2001:db8::1"), S("mx"), false, false, S("ID"), S(""),
		  0},
		 "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
		 "\tby mx with SMTP id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), true, true, S("ID"), S("j\xC3\xB8@b"), 0},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with UTF8SMTP id ID\r\n"
		 "\tfor <j\xC3\xB8@b>;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S(""), S("192.0.2.1"), S("mx"), false, false, S("ID"), S("\"a b\"@c"), 0},
		 "Received: from unknown ([192.0.2.1])\r\n"
		 "\tby mx with SMTP id ID\r\n"
		 "\tfor <\"a b\"@c>;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S(""), S(""), S("mx"), false, false, S("ID"), S(""), 0},
		 "Received: by mx id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), true, false, S("ID"), S(""), 0, S("TLSv1.3"),
		  S("TLS_AES_256_GCM_SHA384")},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with ESMTPS\r\n"
		 "\t(TLSv1.3 TLS_AES_256_GCM_SHA384) id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), true, false, S("ID"), S(""), 0, S("TLSv1.3"),
		  S("X"), true},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with ESMTPSA\r\n"
		 "\t(TLSv1.3 X) id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), true, true, S("ID"), S(""), 0, S("TLSv1.3"),
		  S("X"), true},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with UTF8SMTPSA\r\n"
		 "\t(TLSv1.3 X) id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), true, true, S("ID"), S(""), 0, S("T)"),
		  S("x\r\n")},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with UTF8SMTPS\r\n"
		 "\t(T? x?"
		 "?) id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		{{S("c"), S("192.0.2.1"), S("mx"), false, false, S("ID"), S(""), 0, S("TLSv1.2"),
		  S("X")},
		 "Received: from c ([192.0.2.1])\r\n"
		 "\tby mx with SMTP\r\n"
		 "\t(TLSv1.2 X) id ID;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
		/* what should not have got here at all */
		{{S("a\r\nX: (b)\0"), S("1)\r\n"), S("mx\n"), true, false, S("I D;"),
		  S("a\r\n\x7F\xC3\xA9@b"), 0},
		 "Received: from a??X:??b?? ([1???])\r\n"
		 "\tby mx? with ESMTP id I?D?\r\n"
		 "\tfor <a?????@b>;\r\n"
		 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(4096);
		gp_received_write(&out, &cases[i].values);
		if (!gp_slice_eq(gp_buf_slice(&out), gp_slice_str(cases[i].field)))
			fail_msg("case %zu:\n%.*s", i, GP_SLICE_FMT(gp_buf_slice(&out)));
		gp_buf_free(&out);
	}
}

/* Any octet in any value: one field named Received, and no line over 998 octets. */
static void
always_one_field(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char octets[254];
		struct gp_arena arena = GP_ARENA_INIT(65536);
		struct gp_buf out = GP_BUF_INIT(8192);
		struct gp_header h;
		memset(octets, (int)c, sizeof(octets));
		struct gp_slice s = gp_slice(octets, sizeof(octets));
		struct gp_received values = {s, s, s, true, true, s, s, 0, s, s};
		gp_received_write(&out, &values);
		assert_int_equal(gp_header_split(gp_buf_slice(&out), &arena, &h), 0);
		assert_int_equal(h.fields_len, 1);
		assert_int_equal(gp_header_count(&h, GP_SLICE("Received")), 1);
		struct gp_slice rest = gp_buf_slice(&out);
		while (rest.len > 0)
			assert_true(gp_slice_cut(&rest, '\n').len <= 998);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(always_one_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
