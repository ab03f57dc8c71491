/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/schema_rows.h"

static const char *const truth_words[] = {"false", "true", NULL};
static const char *const switch_words[] = {"off", "on", NULL};
static const struct gp_key reports_keys[] = {
	{.name = "from",
	 .type = GP_KEY_ADDRESS,
	 .example = "tlsrpt@example.org",
	 AT(reports.from),
	 .doc = "Who reports are from, and whom their readers may write to; without it tlsrpt or "
		"dmarcrpt at our hostname. They are signed when that domain, or one above it, has "
		"DKIM keys."},
	{.name = "organization",
	 .type = GP_KEY_WORDS,
	 .example = "\"Example Ltd.\"",
	 AT(reports.organization),
	 .doc = "Our name in reports; without it the hostname."},
	{.name = "tls_interval",
	 .type = GP_KEY_TIME,
	 .preset = "1d",
	 .min = SECOND,
	 .max = DAY,
	 AT(reports.tls_interval),
	 .doc = "What a TLS report covers, from midnight UTC on; less than a day is for tests."},
	{.name = "dmarc",
	 .type = GP_KEY_CHOICE,
	 .preset = "on",
	 .example = "off",
	 .choices = switch_words,
	 AT(reports.dmarc),
	 .doc = "Whether DMARC reports (RFC 9990) are made: what mail in its name came to is told "
		"to each domain that asks for it, with the addresses of those who sent it and "
		"without anything of their mail's content. They need a domain in `from` whose mail "
		"passes DMARC."},
	{.name = "dmarc_interval",
	 .type = GP_KEY_TIME,
	 .preset = "1d",
	 .min = SECOND,
	 .max = DAY,
	 AT(reports.dmarc_interval),
	 .doc = "What a DMARC report covers, as `tls_interval`."},
	{.name = "dmarc_size",
	 .type = GP_KEY_SIZE,
	 .preset = "1MB",
	 .min = KB,
	 .max = MB,
	 AT(reports.dmarc_size),
	 .doc = "How large a DMARC report may be, compressed; its mail is a third larger. What "
		"does not fit goes as several."},
	{.name = "failure",
	 .type = GP_KEY_CHOICE,
	 .preset = "off",
	 .example = "on",
	 .choices = switch_words,
	 AT(reports.failure),
	 .doc = "Whether DMARC failure reports (RFC 9991) are made: a domain that asks for them "
		"is told soon of single messages in its name that fail, with their header and "
		"without their body. Law or contracts may not let you tell so much of mail to your "
		"users."},
	{.name = "failure_redact",
	 .type = GP_KEY_CHOICE,
	 .preset = "true",
	 .example = "false",
	 .choices = truth_words,
	 AT(reports.failure_redact),
	 .doc = "Whether that header is told without what is private in it (RFC 6590): subject, "
		"names and local parts of recipients are tokens, the same for the same text in "
		"reports to one domain about mail from one address."},
	{.name = "keep_received",
	 .type = GP_KEY_TIME,
	 .preset = "400d",
	 .min = DAY,
	 .max = 3650 * DAY,
	 AT(reports.keep_received),
	 .doc = "How long reports of others are kept, and what they add up to."},
	{.name = "refused_size",
	 .type = GP_KEY_SIZE,
	 .preset = "250MB",
	 .min = 10 * MB,
	 .max = 100 * GB,
	 AT(reports.refused_size),
	 .doc = "How much is kept of mails with reports that were refused, so that `gatepost "
		"reports refused` can give them back; the oldest go first. Those of senders that "
		"passed DMARC have half of it, and others the other half; what is larger than that "
		"is not kept."},
	{.name = "received_database",
	 .type = GP_KEY_WORDS,
	 .example = "\"postgresql:///gatepost?host=/run/postgresql\"",
	 AT(reports.received_database),
	 .doc = "Where reports of others are kept: a database of PostgreSQL's, which several nodes "
		"may share, as libpq writes it; without it a file in `state`. No password stands "
		"there: it is in the file that passfile= names, or the server knows who asks."},
	{.name = "failure_window",
	 .type = GP_KEY_TIME,
	 .preset = "15m",
	 .min = SECOND,
	 .max = HOUR,
	 AT(reports.failure_window),
	 .doc = "How long a failure report waits for messages that fail alike, from the same "
		"address: it is about the first of them, and says how many they are."},
	{.name = "failure_per_hour",
	 .type = GP_KEY_COUNT,
	 .preset = "10",
	 .min = 1,
	 .max = 1000,
	 AT(reports.failure_per_hour),
	 .doc = "So many failure reports are begun for a domain in an hour. Messages beyond are "
		"only counted."},
	{.name = "failure_per_day",
	 .type = GP_KEY_COUNT,
	 .preset = "200",
	 .min = 1,
	 .max = 2000,
	 AT(reports.failure_per_day),
	 .doc = "The same in a day, for all domains together."},
	{.name = "names_per_day",
	 .type = GP_KEY_COUNT,
	 .preset = "2000",
	 .min = 0,
	 .max = 50'000,
	 AT(reports.names_per_day),
	 .doc = "Of so many sources that others' reports tell of the DNS is asked for their host "
		"names in a day, those with most messages first; 0: of none."},
	{.name = "asn_database",
	 .type = GP_KEY_PATH,
	 .example = "/var/lib/GeoIP/GeoLite2-ASN.mmdb",
	 AT(reports.asn_database),
	 .doc = "A database of autonomous systems in MaxMind's format, such as GeoLite2-ASN or "
		"DB-IP's ASN Lite: it tells whose network a source is in. A new file counts "
		"within seconds."},
	{.name = "received_per_day",
	 .type = GP_KEY_COUNT,
	 .preset = "5000",
	 .min = 1,
	 .max = 10000000,
	 AT(reports.received_per_day),
	 .doc = "So many mails with reports, or posts, are taken from a reporter in a day: from "
		"the organizational domain that passed DMARC, else from a network (a /24, or an "
		"IPv6 /48). What is beyond is told to come again later."},
	{.name = "received_size_per_day",
	 .type = GP_KEY_SIZE,
	 .preset = "250MB",
	 .min = MB,
	 .max = 100 * GB,
	 AT(reports.received_size_per_day),
	 .doc = "The same in octets, as they come."},
};
const struct gp_key_group gp_schema_reports = GROUP(reports_keys);
