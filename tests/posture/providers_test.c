/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/posture/providers.h"

static void
test_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *name, *provider;
	} cases[] = {
		{"aspmx.l.google.com", "Google Workspace"},
		{"google.com", "Google Workspace"},
		{"example-org.mail.protection.outlook.com", "Microsoft 365"},
		{"mxa-001.gslb.pphosted.com", "Proofpoint"},
		{"notgoogle.com", ""},
		{"google.com.example.org", ""},
		{"", ""},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_slice(gp_provider_of(gp_slice_str(cases[i].name)), cases[i].provider);
}

static void
test_who_takes_mail(void **state)
{
	(void)state;
	static const struct {
		const char *host, *provider;
	} cases[] = {
		{"alt1.aspmx.l.google.com", "Google Workspace"},
		{"mx.shop.example.org", "its own hosts"},
		{"mx.example.org", "its own hosts"},
		{"mx1.hoster.test", "hoster.test"},
		{"hoster.test", "hoster.test"},
		{"mxexample.org", "mxexample.org"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const struct gp_dns_record record = {.name = gp_slice_str(cases[i].host)};
		const struct gp_posture_facts facts = {
			.domain = GP_SLICE("shop.example.org"),
			.org = GP_SLICE("example.org"),
			.mx = {.known = true, .records = &record, .len = 1},
		};
		assert_slice(gp_provider_of_mx(&facts), cases[i].provider);
	}
	struct gp_posture_facts facts = {};
	assert_slice(gp_provider_of_mx(&facts), "");
	facts.mx.known = true;
	assert_slice(gp_provider_of_mx(&facts), "nobody");
	facts.mx.implicit = true;
	assert_slice(gp_provider_of_mx(&facts), "its own hosts");
	facts.mx.implicit = false;
	facts.mx.null = true;
	assert_slice(gp_provider_of_mx(&facts), "nobody");
}

static void
test_who_sends_mail(void **state)
{
	(void)state;
	struct gp_slice names[GP_PROVIDER_SENDERS_MAX];
	static const struct gp_slice record =
		GP_SLICE("v=spf1 a  ?include:sendgrid.net include:_spf.google.com "
			 "INCLUDE:u1.wl.sendgrid.net include:unknown.test ip4:20.0.0.1 "
			 "redirect=spf.protection.outlook.com");
	assert_int_equal(gp_providers_of_spf(record, names), 3);
	assert_slice(names[0], "SendGrid");
	assert_slice(names[1], "Google Workspace");
	assert_slice(names[2], "Microsoft 365");
	assert_int_equal(gp_providers_of_spf(GP_SLICE("v=spf1 -all"), names), 0);
	assert_int_equal(gp_providers_of_spf(GP_SLICE(""), names), 0);
	static const struct gp_slice many = GP_SLICE(
		"include:google.com include:outlook.com include:zoho.com include:protonmail.ch "
		"include:icloud.com include:migadu.com include:ovh.net include:gandi.net "
		"include:qq.com include:one.com include:rzone.de include:sophos.com "
		"include:iphmx.com include:mcsv.net include:mtasv.net include:intuit.com "
		"include:klaviyo.com include:brevo.com");
	assert_int_equal(gp_providers_of_spf(many, names), GP_PROVIDER_SENDERS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_who_takes_mail),
		cmocka_unit_test(test_who_sends_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
