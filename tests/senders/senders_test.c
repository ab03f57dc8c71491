/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a host is, by its name. */
#include "../unit.h"

#include "core/senders/senders.h"

static void
names_are_known_by_their_ends(void **state)
{
	static const struct {
		const char *name, *provider; /* NULL: not known */
		enum gp_sender_kind kind;
	} cases[] = {
		{"mail-sor-f41.google.com", "Google", GP_SENDER_MAILBOX},
		{"mail-am6eur05on2081.outbound.protection.outlook.com", "Microsoft 365",
		 GP_SENDER_MAILBOX},
		{"a8-31.smtp-out.amazonses.com", "Amazon SES", GP_SENDER_SERVICE},
		{"A8-31.SMTP-OUT.AmazonSES.com", "Amazon SES", GP_SENDER_SERVICE},
		{"o1.ptr123.sendgrid.net", "SendGrid", GP_SENDER_SERVICE},
		{"mail42.atl11.rsgsv.net", "Mailchimp", GP_SENDER_SERVICE},
		{"sendgrid.net", "SendGrid", GP_SENDER_SERVICE},
		{"mx1.forwardemail.net", "Forward Email", GP_SENDER_FORWARDER},
		/* Anybody's, or nearly it. */
		{"notsendgrid.net", NULL, 0},
		{"sendgrid.net.evil.example", NULL, 0},
		{"ec2-192-0-2-1.compute-1.amazonaws.com", NULL, 0},
		{"1.2.0.192.bc.googleusercontent.com", NULL, 0},
		{"net", NULL, 0},
		{"", NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_sender s;
		bool known = gp_sender_of(gp_slice_str(cases[i].name), &s);
		assert_int_equal(known, cases[i].provider != NULL);
		if (!known)
			continue;
		assert_slice(s.provider, cases[i].provider);
		assert_int_equal(s.kind, cases[i].kind);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known_by_their_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
