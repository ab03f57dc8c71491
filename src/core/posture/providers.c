/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/providers.h"

#include <string.h>

/* Names of hosts and of records to include, as those who have them tell their customers. */
static const struct {
	const char *suffix, *provider;
} known[] = {
	/* mailboxes */
	{"google.com", "Google Workspace"},
	{"googlemail.com", "Google Workspace"},
	{"outlook.com", "Microsoft 365"},
	{"mx.microsoft", "Microsoft 365"},
	{"zoho.com", "Zoho"},
	{"zoho.eu", "Zoho"},
	{"zohomail.com", "Zoho"},
	{"protonmail.ch", "Proton"},
	{"messagingengine.com", "Fastmail"},
	{"icloud.com", "Apple iCloud"},
	{"yandex.net", "Yandex"},
	{"yandex.ru", "Yandex"},
	{"mailbox.org", "mailbox.org"},
	{"migadu.com", "Migadu"},
	{"tutanota.de", "Tuta"},
	{"emailsrvr.com", "Rackspace"},
	{"secureserver.net", "GoDaddy"},
	{"privateemail.com", "Namecheap"},
	{"registrar-servers.com", "Namecheap"},
	{"ovh.net", "OVH"},
	{"ovh.com", "OVH"},
	{"ionos.com", "IONOS"},
	{"ionos.de", "IONOS"},
	{"kundenserver.de", "IONOS"},
	{"rzone.de", "STRATO"},
	{"gandi.net", "Gandi"},
	{"hostinger.com", "Hostinger"},
	{"infomaniak.ch", "Infomaniak"},
	{"one.com", "one.com"},
	{"qq.com", "Tencent"},
	{"mxhichina.com", "Alibaba"},
	{"improvmx.com", "ImprovMX"},
	{"forwardemail.net", "Forward Email"},
	/* filters in front of others */
	{"pphosted.com", "Proofpoint"},
	{"ppe-hosted.com", "Proofpoint"},
	{"mimecast.com", "Mimecast"},
	{"messagelabs.com", "Symantec"},
	{"iphmx.com", "Cisco"},
	{"barracudanetworks.com", "Barracuda"},
	{"trendmicro.com", "Trend Micro"},
	{"trendmicro.eu", "Trend Micro"},
	{"sophos.com", "Sophos"},
	{"hornetsecurity.com", "Hornetsecurity"},
	{"antispameurope.com", "Hornetsecurity"},
	{"retarus.com", "Retarus"},
	/* senders */
	{"amazonses.com", "Amazon SES"},
	{"amazonaws.com", "Amazon SES"},
	{"sendgrid.net", "SendGrid"},
	{"mailgun.org", "Mailgun"},
	{"mcsv.net", "Mailchimp"},
	{"mandrillapp.com", "Mailchimp"},
	{"mtasv.net", "Postmark"},
	{"sparkpostmail.com", "SparkPost"},
	{"mailjet.com", "Mailjet"},
	{"sendinblue.com", "Brevo"},
	{"brevo.com", "Brevo"},
	{"salesforce.com", "Salesforce"},
	{"exacttarget.com", "Salesforce"},
	{"zendesk.com", "Zendesk"},
	{"hubspotemail.net", "HubSpot"},
	{"mktomail.com", "Marketo"},
	{"freshdesk.com", "Freshdesk"},
	{"helpscoutemail.com", "Help Scout"},
	{"atlassian.net", "Atlassian"},
	{"intuit.com", "Intuit"},
	{"constantcontact.com", "Constant Contact"},
	{"klaviyo.com", "Klaviyo"},
};

/* Is it that name, or below it? */
static bool
is_within(struct gp_slice name, struct gp_slice above)
{
	if (above.len == 0 || !gp_slice_ends_nocase(name, above))
		return false;
	return name.len == above.len || name.ptr[name.len - above.len - 1] == '.';
}

struct gp_slice
gp_provider_of(struct gp_slice name)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (is_within(name, gp_slice_str(known[i].suffix)))
			return gp_slice_str(known[i].provider);
	}
	return GP_SLICE("");
}

struct gp_slice
gp_provider_of_mx(const struct gp_posture_facts *facts)
{
	if (!facts->mx.known)
		return GP_SLICE("");
	if (facts->mx.null || (facts->mx.len == 0 && !facts->mx.implicit))
		return GP_SLICE("nobody");
	if (facts->mx.implicit)
		return GP_SLICE("its own hosts");
	struct gp_slice host = facts->mx.records[0].name, rest = host;
	struct gp_slice provider = gp_provider_of(host);
	if (provider.len > 0)
		return provider;
	if (is_within(host, facts->domain) || is_within(host, facts->org))
		return GP_SLICE("its own hosts");
	(void)gp_slice_cut(&rest, '.');
	/* A name of two labels is a domain itself. */
	return gp_slice_find(rest, '.') >= 0 ? rest : host;
}

/* RFC 7208 sections 5.2 and 6.1: "include:NAME" with any qualifier, "redirect=NAME". */
static struct gp_slice
target_of(struct gp_slice term)
{
	static const struct gp_slice include = GP_SLICE("include:"),
				     redirect = GP_SLICE("redirect=");
	if (term.len > 0 && strchr("+-~?", term.ptr[0]))
		term = gp_slice_drop(term, 1);
	if (gp_slice_starts_nocase(term, include))
		return gp_slice_drop(term, include.len);
	if (gp_slice_starts_nocase(term, redirect))
		return gp_slice_drop(term, redirect.len);
	return GP_SLICE("");
}

size_t
gp_providers_of_spf(struct gp_slice record, struct gp_slice ret[GP_PROVIDER_SENDERS_MAX])
{
	size_t len = 0;
	while (record.len > 0 && len < GP_PROVIDER_SENDERS_MAX) {
		struct gp_slice target = target_of(gp_slice_cut(&record, ' '));
		struct gp_slice provider = gp_provider_of(target);
		bool there = provider.len == 0;
		for (size_t i = 0; i < len && !there; i++)
			there = gp_slice_eq(ret[i], provider);
		if (!there)
			ret[len++] = provider;
	}
	return len;
}
