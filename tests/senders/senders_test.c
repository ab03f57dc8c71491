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
		{"mx0a-00000001.pphosted.com", "Proofpoint", GP_SENDER_MAILBOX},
		{"us-smtp-delivery-1.mimecast.com", "Mimecast", GP_SENDER_MAILBOX},
		{"outbound-ip1a.ess.barracuda.com", "Barracuda", GP_SENDER_MAILBOX},
		{"out1.pod18.euc1.zdsys.com", "Zendesk", GP_SENDER_SERVICE},
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

static void
domains_are_known(void **state)
{
	static const struct {
		const char *domain, *provider; /* NULL: not known */
	} cases[] = {
		{"amazonses.com", "Amazon SES"},
		{"eu-west-1.amazonses.com", "Amazon SES"},
		{"SendGrid.NET", "SendGrid"},
		{"mail42.atl11.mcsv.net", "Mailchimp"},
		{"mail1.mcdlv.net", "Mailchimp"},
		{"mail1.rsgsv.net", "Mailchimp"},
		{"bounces.mandrillapp.com", "Mailchimp"},
		{"pm.mtasv.net", "Postmark"},
		{"eu.sparkpostmail.com", "SparkPost"},
		{"bf01.hubspotemail.net", "HubSpot"},
		{"abc123.bnc.salesforce.com", "Salesforce"},
		{"example.zendesk.com", "Zendesk"},
		{"auth.ccsend.com", "Constant Contact"},
		{"klaviyomail.com", "Klaviyo"},
		{"cmail1.com", "Campaign Monitor"},
		{"cmail2.com", "Campaign Monitor"},
		{"example-com.20230601.gappssmtp.com", "Google"},
		{"contoso.onmicrosoft.com", "Microsoft 365"},
		{"googlegroups.com", "Google Groups"},
		/* A company's own mail, hosts that sign nothing, and what only looks like it. */
		{"salesforce.com", NULL},
		{"google.com", NULL},
		{"notsendgrid.net", NULL},
		{"sendgrid.net.evil.example", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_sender s;
		bool known = gp_sender_of_domain(gp_slice_str(cases[i].domain), &s);
		assert_int_equal(known, cases[i].provider != NULL);
		if (known)
			assert_slice(s.provider, cases[i].provider);
	}
}

static void
networks_are_known(void **state)
{
	static const struct {
		uint32_t number;
		const char *provider; /* NULL: not known */
		enum gp_sender_kind kind;
	} cases[] = {
		{11377, "SendGrid", GP_SENDER_SERVICE},
		{14782, "Mailchimp", GP_SENDER_SERVICE},
		{396479, "Mailgun", GP_SENDER_SERVICE},
		{200069, "Mailjet", GP_SENDER_SERVICE},
		{13916, "Proofpoint", GP_SENDER_MAILBOX},
		{22843, "Proofpoint", GP_SENDER_MAILBOX},
		{26211, "Proofpoint", GP_SENDER_MAILBOX},
		{52129, "Proofpoint", GP_SENDER_MAILBOX},
		{30031, "Mimecast", GP_SENDER_MAILBOX},
		{39588, "Mimecast", GP_SENDER_MAILBOX},
		{15324, "Barracuda", GP_SENDER_MAILBOX},
		/* Clouds, a VPN's, and none. */
		{8075, NULL, 0},
		{15169, NULL, 0},
		{16509, NULL, 0},
		{62371, NULL, 0},
		{0, NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_sender s;
		bool known = gp_sender_of_asn(cases[i].number, &s);
		assert_int_equal(known, cases[i].provider != NULL);
		if (!known)
			continue;
		assert_slice(s.provider, cases[i].provider);
		assert_int_equal(s.kind, cases[i].kind);
	}
}

static void
a_name_says_more_than_a_network(void **state)
{
	struct gp_sender s;
	(void)state;
	assert_true(gp_sender_find(GP_SLICE("mx1.forwardemail.net"), 11377, &s));
	assert_slice(s.provider, "Forward Email");
	assert_true(gp_sender_find(GP_SLICE("mail.customer.example"), 11377, &s));
	assert_slice(s.provider, "SendGrid");
	assert_true(gp_sender_find(GP_SLICE(""), 11377, &s));
	assert_false(gp_sender_find(GP_SLICE("mail.customer.example"), 0, &s));
	assert_slice(s.provider, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known_by_their_ends),
		cmocka_unit_test(domains_are_known),
		cmocka_unit_test(networks_are_known),
		cmocka_unit_test(a_name_says_more_than_a_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
