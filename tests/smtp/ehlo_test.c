/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords of the reply to EHLO. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/smtp/ehlo.h"

static const struct {
	const char *text;
	uint32_t flags; /* beside GP_EHLO_ESMTP */
	uint64_t size_max;
	uint32_t mail_max, rcpt_max;
	uint32_t mechanisms;
} cases[] = {
	{"mx.example.net", 0},
	{"", 0},
	/* the first line greets, whatever it says */
	{"PIPELINING\nDSN", GP_EHLO_DSN},
	{"mx\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nSTARTTLS",
	 GP_EHLO_PIPELINING | GP_EHLO_8BITMIME | GP_EHLO_SMTPUTF8 | GP_EHLO_DSN | GP_EHLO_ENHANCED |
		 GP_EHLO_STARTTLS},
	{"mx\nAUTH plain LOGIN SCRAM-SHA-1 XOAUTH2  OAUTHBEARER",
	 .mechanisms = GP_EHLO_PLAIN | GP_EHLO_LOGIN | GP_EHLO_XOAUTH2 | GP_EHLO_OAUTHBEARER},
	{"mx\nAUTH SCRAM-SHA-256-PLUS", .mechanisms = GP_EHLO_SCRAM_SHA_256_PLUS},
	{"mx\nAUTH scram-sha-256", .mechanisms = GP_EHLO_SCRAM_SHA_256},
	{"mx\nAUTH PLAIN", .mechanisms = GP_EHLO_PLAIN},
	{"mx\nAUTH\nAUTH=PLAIN\nAUTHX PLAIN\nPLAIN"},
	{"mx\nCHUNKING\nbinarymime", GP_EHLO_CHUNKING | GP_EHLO_BINARYMIME},
	{"mx\nREQUIRETLS\nREQUIRETLS2", GP_EHLO_REQUIRETLS},
	{"mx\npipelining\n8BitMime", GP_EHLO_PIPELINING | GP_EHLO_8BITMIME},
	{"mx\nPIPELININGS\nXDSN\n8BIT\n\nDSN2", 0},
	/* RFC 1870 section 4 */
	{"mx\nSIZE 10240000", GP_EHLO_SIZE, 10'240'000},
	{"mx\nSIZE 0", GP_EHLO_SIZE, 0},
	{"mx\nSIZE", GP_EHLO_SIZE, 0},
	{"mx\nSIZE many", 0},
	{"mx\nSIZE 12 34", 0},
	{"mx\nSIZE -1", 0},
	{"mx\nSIZE 18446744073709551615", GP_EHLO_SIZE, UINT64_MAX},
	{"mx\nSIZE 18446744073709551616", 0},
	/* RFC 9422 */
	{"mx\nLIMITS MAILMAX=20 RCPTMAX=300", GP_EHLO_LIMITS, 0, 20, 300},
	{"mx\nLIMITS rcptmax=5 X-NEW_1=a=b FLAG", GP_EHLO_LIMITS, 0, 0, 5},
	{"mx\nLIMITS MAILMAX=0 RCPTMAX=05", GP_EHLO_LIMITS, 0, 0, 0},
	{"mx\nLIMITS MAILMAX=1000000 RCPTMAX=999999", GP_EHLO_LIMITS, 0, 0, 999'999},
	{"mx\nLIMITS MAILMAX=x RCPTMAX", GP_EHLO_LIMITS, 0, 0, 0},
	{"mx\nLIMITS MAILMAX=20 =3", 0},
	{"mx\nLIMITS MAILMAX=20;RCPTMAX=3", 0},
	{"mx\nLIMITS MAIL.MAX=20 RCPTMAX=3", 0},
	{"mx\nLIMITS", GP_EHLO_LIMITS},
};

static void
test_keywords(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_ehlo e = gp_ehlo_parse(gp_slice_str(cases[i].text));
		if (e.flags != (cases[i].flags | GP_EHLO_ESMTP) ||
		    e.size_max != cases[i].size_max || e.mail_max != cases[i].mail_max ||
		    e.rcpt_max != cases[i].rcpt_max || e.mechanisms != cases[i].mechanisms)
			fail_msg("%s: flags %x", cases[i].text, e.flags);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
