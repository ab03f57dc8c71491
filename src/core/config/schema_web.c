/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/schema_rows.h"

/* From GP_WEB_READ on. */
static const char *const role_words[] = {"read", "admin", NULL};

static const struct gp_key web_keys[] = {
	{.name = "listen",
	 .type = GP_KEY_LISTEN,
	 .min = 8025,
	 .example = "\"127.0.0.1:8025\"",
	 AT(web.listen),
	 .doc = "Where the dashboard is, for those whose line in the file of users has "
		"dashboard=read or dashboard=admin; without it there is none. On loopback it "
		"speaks HTTP, anywhere else HTTPS with the certificates of tls."},
	{.name = "name",
	 .type = GP_KEY_HOSTNAME,
	 .example = "gatepost.example.org",
	 AT(web.name),
	 .doc = "The name that browsers reach the dashboard by, as with a proxy before it. A "
		"request for any other name than this, hostname, localhost or an address is "
		"refused, so that no page from elsewhere can pass for ours."},
	{.name = "trusted_proxies",
	 .type = GP_KEY_PROXIES,
	 .preset = "[]",
	 .example = "[\"127.0.0.1/32\"]",
	 .doc = "Networks of proxies that sign users in themselves, by OpenID Connect or "
		"otherwise, and say who it is in user_header. They must take that field out of "
		"what browsers send; and whoever else can connect from there can be anybody."},
	{.name = "user_header",
	 .type = GP_KEY_WORDS,
	 .preset = "X-Forwarded-User",
	 AT(web.user_header),
	 .doc = "The field of a request in which a trusted proxy names its user."},
	{.name = "proxied_role",
	 .type = GP_KEY_CHOICE,
	 .preset = "read",
	 .example = "admin",
	 .choices = role_words,
	 .min = GP_WEB_READ,
	 AT(web.proxied_role),
	 .doc = "What users of a trusted proxy may see. read: figures. admin: single messages "
		"too, with addresses and subjects."},
	{.name = "audit_database",
	 .type = GP_KEY_PATH,
	 .example = "/var/lib/gatepost-audit/audit.db",
	 AT(web.audit_database),
	 .doc = "The history that gatepost audit --store keeps, to be shown on the dashboard. It "
		"is "
		"opened for reading alone; a newer one counts within seconds."},
	{.name = "scan_results",
	 .type = GP_KEY_PATH,
	 .example = "/var/lib/gatepost-audit/scan.json",
	 AT(web.scan_results),
	 .doc = "What gatepost scan --json -o has written, to be shown on the dashboard; of a "
		"file of 16 MiB at most. It is opened for reading alone; a newer one counts within "
		"seconds."},
	{.name = "policy_listen",
	 .type = GP_KEY_LISTEN,
	 .min = 443,
	 .example = "\"0.0.0.0:443\"",
	 AT(web.policy_listen),
	 .doc = "Where the MTA-STS policies of our domains are served by HTTPS. Each takes a "
		"certificate for mta-sts.DOMAIN among those of tls. Reports that are posted come "
		"in "
		"here too (tls_rpt_https of domains)."},
	{.name = "posts_per_minute",
	 .type = GP_KEY_COUNT,
	 .preset = "60",
	 .min = 1,
	 .max = 100000,
	 AT(web.posts_per_minute),
	 .doc = "So many reports may be posted in a minute from an address, or an IPv6 /64; from a "
		"/24 or a /48, four times as many. What is beyond hears 429."},
};
const struct gp_key_group gp_schema_web = GROUP(web_keys);
