/* SPDX-License-Identifier: Apache-2.0 */
#include "core/senders/senders.h"

struct row {
	const char *suffix, *provider;
	enum gp_sender_kind kind;
};

/* Names of hosts that mail comes from: README.md says who tells so. Where customers rent machines
   below a provider's domain, it is not here: they are anybody's. */
static const struct row hosts[] = {
	/* services */
	{"amazonses.com", "Amazon SES", GP_SENDER_SERVICE},
	{"sendgrid.net", "SendGrid", GP_SENDER_SERVICE},
	{"mailgun.net", "Mailgun", GP_SENDER_SERVICE},
	{"mcsv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"mcdlv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"rsgsv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"mandrillapp.com", "Mailchimp", GP_SENDER_SERVICE},
	{"mtasv.net", "Postmark", GP_SENDER_SERVICE},
	{"sparkpostmail.com", "SparkPost", GP_SENDER_SERVICE},
	{"mailjet.com", "Mailjet", GP_SENDER_SERVICE},
	{"sender-sib.com", "Brevo", GP_SENDER_SERVICE},
	{"mailin.fr", "Brevo", GP_SENDER_SERVICE},
	{"salesforce.com", "Salesforce", GP_SENDER_SERVICE},
	{"exacttarget.com", "Salesforce", GP_SENDER_SERVICE},
	{"zdsys.com", "Zendesk", GP_SENDER_SERVICE},
	{"hubspotemail.net", "HubSpot", GP_SENDER_SERVICE},
	{"mktomail.com", "Marketo", GP_SENDER_SERVICE},
	{"helpscout.net", "Help Scout", GP_SENDER_SERVICE},
	{"constantcontact.com", "Constant Contact", GP_SENDER_SERVICE},
	{"emsmtp.com", "Emarsys", GP_SENDER_SERVICE},
	{"smtp2go.com", "SMTP2GO", GP_SENDER_SERVICE},
	{"smtp.com", "SMTP.com", GP_SENDER_SERVICE},
	/* mailboxes, and filters in front of them */
	{"google.com", "Google", GP_SENDER_MAILBOX},
	{"outlook.com", "Microsoft 365", GP_SENDER_MAILBOX},
	{"yahoo.com", "Yahoo", GP_SENDER_MAILBOX},
	{"me.com", "Apple iCloud", GP_SENDER_MAILBOX},
	{"zoho.com", "Zoho", GP_SENDER_MAILBOX},
	{"zoho.eu", "Zoho", GP_SENDER_MAILBOX},
	{"protonmail.ch", "Proton", GP_SENDER_MAILBOX},
	{"messagingengine.com", "Fastmail", GP_SENDER_MAILBOX},
	{"yandex.net", "Yandex", GP_SENDER_MAILBOX},
	{"mail.ru", "VK", GP_SENDER_MAILBOX},
	{"gmx.net", "GMX", GP_SENDER_MAILBOX},
	{"web.de", "WEB.DE", GP_SENDER_MAILBOX},
	{"kundenserver.de", "IONOS", GP_SENDER_MAILBOX},
	{"rzone.de", "STRATO", GP_SENDER_MAILBOX},
	{"mailbox.org", "mailbox.org", GP_SENDER_MAILBOX},
	{"posteo.de", "Posteo", GP_SENDER_MAILBOX},
	{"migadu.com", "Migadu", GP_SENDER_MAILBOX},
	{"emailsrvr.com", "Rackspace", GP_SENDER_MAILBOX},
	{"prod.phx3.secureserver.net", "GoDaddy", GP_SENDER_MAILBOX},
	{"mail.ovh.net", "OVH", GP_SENDER_MAILBOX},
	{"mail.gandi.net", "Gandi", GP_SENDER_MAILBOX},
	{"infomaniak.ch", "Infomaniak", GP_SENDER_MAILBOX},
	{"qq.com", "Tencent", GP_SENDER_MAILBOX},
	{"pphosted.com", "Proofpoint", GP_SENDER_MAILBOX},
	{"ppe-hosted.com", "Proofpoint", GP_SENDER_MAILBOX},
	{"mimecast.com", "Mimecast", GP_SENDER_MAILBOX},
	{"messagelabs.com", "Symantec", GP_SENDER_MAILBOX},
	{"iphmx.com", "Cisco", GP_SENDER_MAILBOX},
	{"barracuda.com", "Barracuda", GP_SENDER_MAILBOX},
	{"antispameurope.com", "Hornetsecurity", GP_SENDER_MAILBOX},
	{"hornetsecurity.com", "Hornetsecurity", GP_SENDER_MAILBOX},
	/* forwarders, and mailing lists */
	{"forwardemail.net", "Forward Email", GP_SENDER_FORWARDER},
	{"improvmx.com", "ImprovMX", GP_SENDER_FORWARDER},
	{"cloudflare-email.net", "Cloudflare", GP_SENDER_FORWARDER},
	{"pobox.com", "Pobox", GP_SENDER_FORWARDER},
	{"simplelogin.co", "SimpleLogin", GP_SENDER_FORWARDER},
	{"duck.com", "DuckDuckGo", GP_SENDER_FORWARDER},
	{"groups.io", "Groups.io", GP_SENDER_FORWARDER},
	{"lists.sourceforge.net", "SourceForge", GP_SENDER_FORWARDER},
	{"bendel.debian.org", "Debian's lists", GP_SENDER_FORWARDER},
};

/* What a provider signs with, or has bounces sent to, for customers who have not set up their own:
   README.md says who tells so. */
static const struct row domains[] = {
	{"amazonses.com", "Amazon SES", GP_SENDER_SERVICE},
	{"sendgrid.net", "SendGrid", GP_SENDER_SERVICE},
	{"mcsv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"mcdlv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"rsgsv.net", "Mailchimp", GP_SENDER_SERVICE},
	{"mandrillapp.com", "Mailchimp", GP_SENDER_SERVICE},
	{"mtasv.net", "Postmark", GP_SENDER_SERVICE},
	{"sparkpostmail.com", "SparkPost", GP_SENDER_SERVICE},
	{"hubspotemail.net", "HubSpot", GP_SENDER_SERVICE},
	{"bnc.salesforce.com", "Salesforce", GP_SENDER_SERVICE},
	{"zendesk.com", "Zendesk", GP_SENDER_SERVICE},
	{"ccsend.com", "Constant Contact", GP_SENDER_SERVICE},
	{"klaviyomail.com", "Klaviyo", GP_SENDER_SERVICE},
	{"cmail1.com", "Campaign Monitor", GP_SENDER_SERVICE},
	{"cmail2.com", "Campaign Monitor", GP_SENDER_SERVICE},
	{"gappssmtp.com", "Google", GP_SENDER_MAILBOX},
	{"onmicrosoft.com", "Microsoft 365", GP_SENDER_MAILBOX},
	{"googlegroups.com", "Google Groups", GP_SENDER_FORWARDER},
};

/* Networks that are one sender's: no cloud's, whose customers' machines are anybody's. They settle
   what has no name. */
static const struct {
	uint32_t number;
	const char *provider;
	enum gp_sender_kind kind;
} networks[] = {
	{11377, "SendGrid", GP_SENDER_SERVICE},   {14782, "Mailchimp", GP_SENDER_SERVICE},
	{396479, "Mailgun", GP_SENDER_SERVICE},   {200069, "Mailjet", GP_SENDER_SERVICE},
	{13916, "Proofpoint", GP_SENDER_MAILBOX}, {22843, "Proofpoint", GP_SENDER_MAILBOX},
	{26211, "Proofpoint", GP_SENDER_MAILBOX}, {52129, "Proofpoint", GP_SENDER_MAILBOX},
	{30031, "Mimecast", GP_SENDER_MAILBOX},   {39588, "Mimecast", GP_SENDER_MAILBOX},
	{15324, "Barracuda", GP_SENDER_MAILBOX},
};

/* Is it that name, or below it? */
static bool
is_within(struct gp_slice name, struct gp_slice above)
{
	if (!gp_slice_ends_nocase(name, above))
		return false;
	return name.len == above.len || name.ptr[name.len - above.len - 1] == '.';
}

static bool
find(const struct row *rows, size_t len, struct gp_slice name, struct gp_sender *ret)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_within(name, gp_slice_str(rows[i].suffix)))
			continue;
		*ret = (struct gp_sender){gp_slice_str(rows[i].provider), rows[i].kind};
		return true;
	}
	return false;
}

bool
gp_sender_of(struct gp_slice name, struct gp_sender *ret)
{
	return find(hosts, GP_ARRAY_LEN(hosts), name, ret);
}

bool
gp_sender_of_domain(struct gp_slice domain, struct gp_sender *ret)
{
	return find(domains, GP_ARRAY_LEN(domains), domain, ret);
}

bool
gp_sender_of_asn(uint32_t number, struct gp_sender *ret)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(networks); i++) {
		if (networks[i].number != number)
			continue;
		*ret = (struct gp_sender){gp_slice_str(networks[i].provider), networks[i].kind};
		return true;
	}
	return false;
}

bool
gp_sender_find(struct gp_slice name, uint32_t asn, struct gp_sender *ret)
{
	*ret = (struct gp_sender){};
	return gp_sender_of(name, ret) || gp_sender_of_asn(asn, ret);
}
