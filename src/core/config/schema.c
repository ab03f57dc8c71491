/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/schema_rows.h"

static const char *const service_words[] = {"inbound", "submission", NULL};
static const char *const listen_tls_words[] = {"starttls", "implicit", NULL};
static const struct gp_key listen_keys[] = {
	{.name = "address",
	 .type = GP_KEY_LISTEN,
	 .required = true,
	 .example = "\"0.0.0.0:25\"",
	 .offset = offsetof(struct gp_listen, address),
	 .doc = "An address of this machine and a port; IPv6 in brackets."},
	{.name = "service",
	 .type = GP_KEY_CHOICE,
	 .preset = "inbound",
	 .choices = service_words,
	 .min = GP_SERVICE_INBOUND,
	 .offset = offsetof(struct gp_listen, service),
	 .doc = "inbound: mail from other servers. submission: mail from our own users."},
	{.name = "tls",
	 .type = GP_KEY_CHOICE,
	 .preset = "starttls",
	 .example = "implicit",
	 .choices = listen_tls_words,
	 .offset = offsetof(struct gp_listen, tls),
	 .doc = "starttls: begun by the client's STARTTLS, where there is a certificate. implicit: "
		"from the first octet, as on port 465."},
};
static const struct gp_key_group listen_group = GROUP(listen_keys);

static const struct gp_key retry_keys[] = {
	{.name = "first",
	 .type = GP_KEY_TIME,
	 .preset = "5m",
	 .min = SECOND,
	 .max = DAY,
	 AT(retry.first),
	 .doc = "The wait after the first failure; it doubles with each further one."},
	{.name = "max",
	 .type = GP_KEY_TIME,
	 .preset = "4h",
	 .min = SECOND,
	 .max = 7 * DAY,
	 AT(retry.max),
	 .doc = "The longest wait between two attempts."},
	{.name = "for",
	 .type = GP_KEY_TIME,
	 .preset = "5d",
	 .min = SECOND,
	 .max = 30 * DAY,
	 AT(retry.lifetime),
	 .doc = "After this long a message that was not delivered goes back to its sender."},
};
static const struct gp_key_group retry_group = GROUP(retry_keys);

static const struct gp_key journal_keys[] = {
	{.name = "for",
	 .type = GP_KEY_TIME,
	 .preset = "30d",
	 .min = HOUR,
	 .max = 3650 * DAY,
	 AT(journal.lifetime),
	 .doc = "How long it remembers."},
	{.name = "size",
	 .type = GP_KEY_SIZE,
	 .preset = "256MB",
	 .min = 0,
	 .max = GB,
	 AT(journal.size),
	 .doc = "Octets of it; beyond, the oldest go first. Half is for what came and what became "
		"of it, 3/8 for answers of the DNS, 1/8 for what was refused. 0: none is kept."},
};
static const struct gp_key_group journal_group = GROUP(journal_keys);

static const struct gp_key concurrency_keys[] = {
	{.name = "start",
	 .type = GP_KEY_COUNT,
	 .preset = "5",
	 .min = 1,
	 .max = 1000,
	 AT(concurrency.start),
	 .doc = "Transactions at once to a destination of which nothing is known yet."},
	{.name = "max",
	 .type = GP_KEY_COUNT,
	 .preset = "20",
	 .min = 1,
	 .max = 1000,
	 AT(concurrency.max),
	 .doc = "Transactions at once to a destination that has taken all it was given."},
};
static const struct gp_key_group concurrency_group = GROUP(concurrency_keys);

#define DOMAIN_AT(member)                                    \
	.offset = offsetof(struct gp_domain_config, member), \
	.wide = sizeof(((struct gp_domain_config *)NULL)->member) == sizeof(uint64_t)

static const char *const own_policy_words[] = {"off", "none", "testing", "enforce", NULL};
static const struct gp_key mta_sts_keys[] = {
	{.name = "mode",
	 .type = GP_KEY_CHOICE,
	 .preset = "off",
	 .example = "testing",
	 .choices = own_policy_words,
	 DOMAIN_AT(mta_sts.mode),
	 .doc = "off: there is no policy. testing: senders report what fails, and deliver. "
		"enforce: they do not deliver to a server that does not prove itself. none: what "
		"to say for a max_age before a policy is taken away."},
	{.name = "max_age",
	 .type = GP_KEY_TIME,
	 .preset = "7d",
	 .min = MINUTE,
	 .max = 31557600 * SECOND,
	 DOMAIN_AT(mta_sts.max_age),
	 .doc = "How long senders keep the policy."},
	{.name = "mx",
	 .type = GP_KEY_PATTERNS,
	 .example = "[mx.example.org, \"*.mail.example.org\"]",
	 .doc = "The names of the domain's MX records, all of them; \"*.\" stands for one label. "
		"Without it the hostname alone."},
};
static const struct gp_key_group mta_sts_group = GROUP(mta_sts_keys);

static const char *const truth_words[] = {"false", "true", NULL};
static const struct gp_key domain_keys[] = {
	{.name = "recipients",
	 .type = GP_KEY_RECIPIENTS,
	 .required = true,
	 .example = "[alice, bob]",
	 .doc = "The local parts that exist: a list, or {file: PATH} with one a line, or any. "
		"Whoever "
		"is not among them or the aliases is refused at the door. Case does not matter."},
	{.name = "aliases",
	 .type = GP_KEY_ALIASES,
	 .example = "{sales: [alice, bob@example.net]}",
	 .doc = "Local parts that stand for others: a mapping, or {file: PATH} with lines `name: "
		"target, target`. A name among its own targets means its mailbox."},
	{.name = "subaddress",
	 .type = GP_KEY_SEPARATORS,
	 .preset = "+",
	 .example = "\"+\"",
	 .offset = offsetof(struct gp_domain_config, subaddress_separators),
	 .doc = "Each of these characters ends the part of a local part that names the mailbox "
		"(alice+lists is alice); \"\": off."},
	{.name = "deliver",
	 .type = GP_KEY_DELIVER,
	 .required = true,
	 .example = "{maildir: \"/var/mail/{domain}/{local}\"}",
	 .offset = offsetof(struct gp_domain_config, deliver),
	 .doc = "Where the mail goes: {maildir: PATH}, {lmtp: \"unix:PATH\" or \"HOST:PORT\"}, "
		"{relay: "
		"\"HOST:PORT\"}, or discard."},
	{.name = "reports",
	 .type = GP_KEY_LOCAL,
	 .example = "reports",
	 DOMAIN_AT(reports),
	 .doc = "A local part whose mail is reports of others (DMARC, TLS): they are read into the "
		"database of `gatepost reports`, and not delivered. It is a recipient; aliases may "
		"lead to it. What is about none of `domains` is kept apart, as what comes from "
		"senders that are not proven."},
	{.name = "mta_sts",
	 .type = GP_KEY_GROUP,
	 .group = &mta_sts_group,
	 .example = "{mode: testing, max_age: 7d}",
	 .doc = "The MTA-STS policy of the domain (RFC 8461): that mail to it comes by TLS. "
		"`gatepost domain show` prints what to publish for it."},
	{.name = "tls_rpt",
	 .type = GP_KEY_REPORTS,
	 .example = "\"mailto:postmaster@example.org\"",
	 DOMAIN_AT(tls_rpt),
	 .doc = "Where others send their TLS reports (RFC 8460): mailto: and https: URIs, with "
		"commas between them. For the record that `gatepost domain show` prints."},
	{.name = "tls_rpt_https",
	 .type = GP_KEY_CHOICE,
	 .preset = "false",
	 .example = "true",
	 .choices = truth_words,
	 DOMAIN_AT(tls_rpt_https),
	 .doc = "Whether TLS reports about the domain may be posted to "
		"https://HOSTNAME/tls-reports/DOMAIN, on web.policy_listen, which is then a place "
		"of the record that `gatepost domain show` prints. Nobody proves who he is there, "
		"so they are kept apart, as what comes by mail from senders that are not proven."},
};
static const struct gp_key_group domain_group = GROUP(domain_keys);

/* In the order of enum gp_tls_demand. */
static const char *const smarthost_tls_words[] = {"auto",   "may",       "none",     "encrypt",
						  "verify", "dane-only", "implicit", NULL};
/* In the order of enum gp_login_choice. */
static const char *const login_words[] = {"any", "scram", "scram-plus", "plain", NULL};
static const char *const demand_words[] = {"may", "none", "encrypt", "verify", "dane-only", NULL};
static const struct gp_key smarthost_keys[] = {
	{.name = "address",
	 .type = GP_KEY_SERVER,
	 .min = 25,
	 .example = "\"relay.example.net:25\"",
	 AT(smarthost.address),
	 .doc = "The server that all mail for others goes to, apart from routes."},
	{.name = "tls",
	 .type = GP_KEY_CHOICE,
	 .preset = "auto",
	 .choices = smarthost_tls_words,
	 AT(smarthost.tls),
	 .doc = "As `tls` of destinations, which do not count for the smarthost; or implicit: TLS "
		"from "
		"the first octet, and a certificate that proves the name. auto: implicit on port "
		"465, "
		"verify with a user, else may. A user is never told to a server without TLS, and "
		"with "
		"all but encrypt only to one that has proven who it is."},
	{.name = "user",
	 .type = GP_KEY_WORDS,
	 .example = "gateway@example.net",
	 AT(smarthost.user),
	 .doc = "The name to log in with. Mail waits when the server refuses it."},
	{.name = "login",
	 .type = GP_KEY_CHOICE,
	 .preset = "any",
	 .example = "scram",
	 .choices = login_words,
	 AT(smarthost.login),
	 .doc = "By what the password is used. any: by what the server offers, SCRAM-SHA-256 "
		"first. "
		"scram: by that alone, so that the password is never told; scram-plus: and bound "
		"to "
		"the TLS connection, so that nobody can stand in between. plain: PLAIN or LOGIN, "
		"for "
		"a server that offers SCRAM and has no keys for it."},
	{.name = "password_file",
	 .type = GP_KEY_SECRET,
	 .example = "smarthost.password",
	 AT(smarthost.password_file),
	 .doc = "A file whose first line is the user's password. Only the processes that dial out "
		"ever "
		"read it. A changed file is noticed within a minute."},
	{.name = "token_file",
	 .type = GP_KEY_SECRET,
	 .example = "smarthost.token",
	 AT(smarthost.token_file),
	 .doc = "The same with an OAuth 2 access token, which goes before a password where the "
		"server "
		"takes one (OAUTHBEARER, XOAUTH2). Whoever renews it replaces the file."},
	{.name = "token_url",
	 .type = GP_KEY_URL,
	 .example = "https://login.example.net/oauth2/token",
	 AT(smarthost.token_url),
	 .doc = "Where such a token is had, instead, by the OAuth 2 client credentials grant (RFC "
		"6749 "
		"section 4.4). It is kept until it ends. `fetch` says how HTTPS is spoken."},
	{.name = "client_id",
	 .type = GP_KEY_WORDS,
	 .example = "gateway",
	 AT(smarthost.client_id),
	 .doc = "Who we are there."},
	{.name = "client_secret_file",
	 .type = GP_KEY_SECRET,
	 .example = "smarthost.client",
	 AT(smarthost.client_secret_file),
	 .doc = "A file whose first line is our secret there, as password_file."},
	{.name = "token_scope",
	 .type = GP_KEY_WORDS,
	 .example = "https://mail.example.net/.default",
	 AT(smarthost.token_scope),
	 .doc = "What the token is to be good for, where the server wants to know."},
};
static const struct gp_key_group smarthost_group = GROUP(smarthost_keys);

static const struct gp_key destination_keys[] = {
	{.name = "tls",
	 .type = GP_KEY_CHOICE,
	 .preset = "may",
	 .example = "encrypt",
	 .choices = demand_words,
	 .min = GP_DEMAND_MAY,
	 .offset = offsetof(struct gp_destination_config, tls),
	 .doc = "may: as the domain's DANE and MTA-STS policies say; without one, TLS if it is "
		"offered, by whomever. none: only as they say. encrypt: never in clear. verify: "
		"only to "
		"a host that an authority or DANE proves. dane-only: only to one that DANE proves. "
		"Mail "
		"that cannot go so waits."},
	{.name = "fingerprints",
	 .type = GP_KEY_FINGERPRINTS,
	 .example = "[\"6f:70:...\"]",
	 .doc = "Only to a host whose certificate, or its key (SubjectPublicKeyInfo), has one of "
		"these "
		"SHA-256 digests, in hexadecimal with or without colons. Policies are not asked."},
};
static const struct gp_key_group destination_group = GROUP(destination_keys);

static const struct gp_key users_keys[] = {
	{.name = "file",
	 .type = GP_KEY_PATH,
	 .example = "users",
	 AT(users.file),
	 .doc = "The file with a line a user, which `gatepost user` writes. A change counts within "
		"seconds."},
};
static const struct gp_key_group users_group = GROUP(users_keys);

static const struct gp_key oauth_keys[] = {
	{.name = "jwks",
	 .type = GP_KEY_TEXT,
	 .example = "keys.json",
	 AT(auth.oauth.jwks),
	 .doc = "The file with the issuer's public keys (RFC 7517), for RS256 and ES256."},
	{.name = "issuer",
	 .type = GP_KEY_WORDS,
	 .example = "https://login.example.org",
	 AT(auth.oauth.issuer),
	 .doc = "What a token must have as `iss`."},
	{.name = "audience",
	 .type = GP_KEY_WORDS,
	 .example = "mail.example.org",
	 AT(auth.oauth.audience),
	 .doc = "What a token must have in `aud`."},
	{.name = "user_claim",
	 .type = GP_KEY_WORDS,
	 .preset = "email",
	 AT(auth.oauth.user_claim),
	 .doc = "The claim that names the user."},
	{.name = "introspection_url",
	 .type = GP_KEY_URL,
	 .example = "https://login.example.org/oauth2/introspect",
	 AT(auth.oauth.introspection_url),
	 .doc = "In place of jwks: the issuer is shown each token, and says whose it is (RFC "
		"7662). "
		"issuer and audience may then be left out. A good token is known for a minute. "
		"`fetch` says how HTTPS is spoken."},
	{.name = "client_id",
	 .type = GP_KEY_WORDS,
	 .example = "gateway",
	 AT(auth.oauth.client_id),
	 .doc = "Who we are there."},
	{.name = "client_secret_file",
	 .type = GP_KEY_SECRET,
	 .example = "introspection.client",
	 AT(auth.oauth.client_secret_file),
	 .doc = "A file whose first line is our secret there. Only the process that knows users "
		"reads it. A changed file is noticed within a minute."},
};
static const struct gp_key_group oauth_group = GROUP(oauth_keys);

static const struct gp_key auth_keys[] = {
	{.name = "dovecot",
	 .type = GP_KEY_SOCKET,
	 .example = "\"unix:/run/dovecot/auth-client\"",
	 AT(auth.dovecot),
	 .doc = "Dovecot's socket for clients that authenticate: it then judges all passwords, and "
		"the file of users says no more than what they may send."},
	{.name = "oauth",
	 .type = GP_KEY_GROUP,
	 .group = &oauth_group,
	 .example = "{jwks: keys.json, issuer: \"https://login.example.org\", audience: "
		    "mail.example.org}",
	 .doc = "Tokens that are taken instead of passwords."},
	{.name = "failures",
	 .type = GP_KEY_COUNT,
	 .preset = "5",
	 .min = 1,
	 .max = 1000,
	 AT(auth.failures),
	 .doc = "Failed attempts at an account until it is locked."},
	{.name = "failures_per_source",
	 .type = GP_KEY_COUNT,
	 .preset = "20",
	 .min = 1,
	 .max = 100000,
	 AT(auth.failures_per_source),
	 .doc = "Failed attempts from an address (IPv6: a /64) until it is locked out."},
	{.name = "failures_per_network",
	 .type = GP_KEY_COUNT,
	 .preset = "100",
	 .min = 1,
	 .max = 1000000,
	 AT(auth.failures_per_network),
	 .doc = "Failed attempts from a /24 (IPv6: a /48) until it is locked out."},
	{.name = "delay",
	 .type = GP_KEY_TIME,
	 .preset = "1s",
	 .max = 10 * SECOND,
	 AT(auth.delay),
	 .doc = "How long the answer to the first failure waits; twice as long for each further "
		"one, up to 16 times."},
	{.name = "lock",
	 .type = GP_KEY_TIME,
	 .preset = "10m",
	 .min = SECOND,
	 .max = DAY,
	 AT(auth.lock),
	 .doc = "How long a lock holds, and how long failures are remembered."},
};
static const struct gp_key_group auth_group = GROUP(auth_keys);

static const struct gp_key submission_keys[] = {
	{.name = "hourly",
	 .type = GP_KEY_COUNT,
	 .preset = "0",
	 .example = "200",
	 .max = 1000000000,
	 AT(submission.hourly),
	 .doc = "Recipients that a user may send to in an hour, unless the file of users says "
		"otherwise; 0: as many as it likes."},
	{.name = "daily",
	 .type = GP_KEY_COUNT,
	 .preset = "0",
	 .example = "1000",
	 .max = 1000000000,
	 AT(submission.daily),
	 .doc = "The same for 24 hours."},
};
static const struct gp_key_group submission_group = GROUP(submission_keys);

/* In the order of enum gp_dmarc_mode. */
static const char *const dmarc_words[] = {"enforce", "quarantine", "tag", "off", NULL};
static const char *const spf_words[] = {"tag", "enforce", NULL};
static const char *const from_words[] = {"refuse", "tag", NULL};
static const struct gp_key override_keys[] = {
	{.name = "dmarc",
	 .type = GP_KEY_CHOICE,
	 .required = true,
	 .example = "tag",
	 .choices = dmarc_words,
	 .offset = offsetof(struct gp_override_config, dmarc),
	 .doc = "As `authentication.dmarc`."},
};
static const struct gp_key_group override_group = GROUP(override_keys);

static const struct gp_key authentication_keys[] = {
	{.name = "dmarc",
	 .type = GP_KEY_CHOICE,
	 .preset = "enforce",
	 .example = "quarantine",
	 .choices = dmarc_words,
	 AT(authentication.dmarc),
	 .doc = "What is done with mail that fails DMARC. enforce: as the domain in From wishes, "
		"refused or taken for junk: into the folder Junk of a Maildir, with a field "
		"X-Gatepost-Quarantine. quarantine: junk in both cases. tag: only told of. "
		"off: DMARC is not looked at."},
	{.name = "spf",
	 .type = GP_KEY_CHOICE,
	 .preset = "tag",
	 .example = "enforce",
	 .choices = spf_words,
	 AT(authentication.spf),
	 .doc = "tag: SPF counts for DMARC alone. enforce: mail that fails it is refused, unless "
		"DMARC proves it by a signature; that turns away forwarded mail too."},
	{.name = "from",
	 .type = GP_KEY_CHOICE,
	 .preset = "refuse",
	 .example = "tag",
	 .choices = from_words,
	 AT(authentication.from),
	 .doc = "Mail without a From field, or with one that programs read in different ways: "
		"several, of several domains, a group, malformed, with an address in an address. "
		"refuse: at the door; where all that is wrong is how the name is written, and no "
		"other address could be read, it is junk unless DMARC passes. tag: taken, as a "
		"DMARC permerror where it has no one domain."},
	{.name = "exempt",
	 .type = GP_KEY_EXEMPT,
	 .preset = "[]",
	 .example = "[\"192.0.2.0/24\"]",
	 .doc = "Clients in these networks are believed: our own backup servers and forwarders. "
		"Nothing is checked, and nothing told of."},
	{.name = "overrides",
	 .type = GP_KEY_OVERRIDES,
	 .group = &override_group,
	 .example = "{\"partner.example\": {dmarc: tag}, \".partner.example\": {dmarc: tag}}",
	 .doc = "Another `dmarc` for mail from a domain, as From names it (a leading dot: from all "
		"below it)."},
	{.name = "trusted_sealers",
	 .type = GP_KEY_SEALERS,
	 .preset = "[]",
	 .example = "[\"lists.example\", \".forwarder.example\"]",
	 .doc = "Mailing lists and forwarders that are believed about what came to them (a leading "
		"dot: all below it), by the d= of their ARC seals. What fails DMARC is taken if an "
		"unbroken chain's newest seal is one of theirs, and says that the mail passed "
		"before. Whoever is named here can write in anybody's name."},
};
static const struct gp_key_group authentication_group = GROUP(authentication_keys);

static const char *const anchor_words[] = {"none", NULL};
static const struct gp_key dns_keys[] = {
	{.name = "server",
	 .type = GP_KEY_RESOLVER,
	 .min = 53,
	 .example = "\"127.0.0.1:53\"",
	 AT(dns.server),
	 .doc = "The DNS server to ask; without it those of /etc/resolv.conf."},
	{.name = "answers",
	 .type = GP_KEY_ANSWERS,
	 .example = "zone.json",
	 AT(dns.answers),
	 .doc = "A file with answers that are given instead of asking anybody, in the form of "
		"--dns."},
	{.name = "trust_anchor",
	 .type = GP_KEY_PATH,
	 .choices = anchor_words,
	 .example = "/usr/share/dns/root.key",
	 AT(dns.trust_anchor),
	 .doc = "The file with the root's key, by which DNSSEC validates what the DNS says; "
		"without "
		"it /usr/share/dns/root.key, if it is there. none: nothing is validated, and there "
		"is no DANE; for a server whose names are its own, or that hands no signatures "
		"on."},
};
static const struct gp_key_group dns_group = GROUP(dns_keys);

static const struct gp_key fetch_keys[] = {
	{.name = "ca_file",
	 .type = GP_KEY_TEXT,
	 .example = "authorities.pem",
	 AT(fetch.ca),
	 .doc = "A file with the certificates of the authorities that are believed, in PEM; "
		"without "
		"it those of the system, /etc/ssl/certs/ca-certificates.crt."},
	{.name = "private_addresses",
	 .type = GP_KEY_CHOICE,
	 .preset = "false",
	 .choices = truth_words,
	 AT(fetch.private_addresses),
	 .doc = "true: connect to loopback and private addresses too. Whoever owns a domain says "
		"in "
		"its DNS where its policy is fetched, so this opens what is behind a firewall."},
	{.name = "port",
	 .type = GP_KEY_COUNT,
	 .preset = "443",
	 .min = 1,
	 .max = 65535,
	 AT(fetch.port),
	 .doc = "The port of all HTTPS servers; another one is for tests."},
};
static const struct gp_key_group fetch_group = GROUP(fetch_keys);

static const struct gp_key tls_keys[] = {
	{.name = "certificate",
	 .type = GP_KEY_CERTIFICATES,
	 .example = "fullchain.pem",
	 .doc = "A file with the certificate, then its chain, in PEM; or a list of such files, RSA "
		"beside ECDSA and for as many names as need be: the client's SNI chooses, and the "
		"first is for whoever names none of them. Without any no TLS is offered."},
	{.name = "key",
	 .type = GP_KEY_KEYS,
	 .example = "key.pem",
	 .doc = "The file with the private key of the certificate, or a list, one for each. Only "
		"the process that signs ever reads it. A changed file is noticed within a minute."},
	{.name = "authorities",
	 .type = GP_KEY_PATH,
	 .example = "authorities.pem",
	 AT(tls.authorities),
	 .doc = "A file with the certificates of the authorities that are believed of other mail "
		"servers, in PEM; without it those of the system, "
		"/etc/ssl/certs/ca-certificates.crt. A new one takes a restart."},
};
static const struct gp_key_group tls_group = GROUP(tls_keys);

static const struct gp_key srs_keys[] = {
	{.name = "domain",
	 .type = GP_KEY_HOSTNAME,
	 .example = "example.org",
	 AT(srs.domain),
	 .doc = "Which of our domains these addresses are of. Its SPF record must name this "
		"server, "
		"and its MX records lead here, where bounces come back to."},
	{.name = "secret_file",
	 .type = GP_KEY_SECRET,
	 .example = "srs.secret",
	 AT(srs.secret_file),
	 .doc = "A file whose first line, of 16 octets or more, lets nobody but us make such "
		"addresses. Several servers for one domain share it. Only the processes that speak "
		"with clients ever read it. A changed file is noticed within a minute."},
	{.name = "previous_file",
	 .type = GP_KEY_SECRET,
	 .example = "srs.previous",
	 AT(srs.previous_file),
	 .doc = "The same with the secret before, when there is a new one; not needed any more "
		"after 21 days, when the addresses that it made are not valid any more."},
};
static const struct gp_key_group srs_group = GROUP(srs_keys);

/* In the order of enum gp_seal_mode. */
static const char *const seal_words[] = {"none", "forwarded", "all", NULL};
static const struct gp_key arc_keys[] = {
	{.name = "seal",
	 .type = GP_KEY_CHOICE,
	 .preset = "none",
	 .example = "forwarded",
	 .choices = seal_words,
	 AT(arc.seal),
	 .doc = "Which mail of strangers is sealed, with what we found of its sender. forwarded: "
		"what an alias leads to others' domains. all: whatever was looked at, for a "
		"gateway before other servers."},
	{.name = "domain",
	 .type = GP_KEY_HOSTNAME,
	 .example = "example.org",
	 AT(arc.domain),
	 .doc = "Which of our domains seals, by a DKIM key of it: RSA, if there is one, as few "
		"verify others."},
};
static const struct gp_key_group arc_group = GROUP(arc_keys);

static const char *const format_words[] = {"text", "json", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const struct gp_key log_keys[] = {
	{.name = "format",
	 .type = GP_KEY_CHOICE,
	 .preset = "text",
	 .choices = format_words,
	 AT(log.json),
	 .doc = "text, or json with one object a line."},
	{.name = "level",
	 .type = GP_KEY_CHOICE,
	 .preset = "info",
	 .choices = level_words,
	 AT(log.level),
	 .doc = "error, warning, info or debug, each with all before it."},
};
static const struct gp_key_group log_group = GROUP(log_keys);

/* In the order of the starter file: what everybody sets, then what most leave alone. */
static const struct gp_key root_keys[] = {
	{.name = "hostname",
	 .type = GP_KEY_HOSTNAME,
	 .required = true,
	 .example = "mx.example.org",
	 AT(hostname),
	 .doc = "The full name of this server, as in its MX record: in the greeting, EHLO and "
		"trace "
		"fields."},
	{.name = "state",
	 .type = GP_KEY_PATH,
	 .preset = "/var/lib/gatepost",
	 AT(state),
	 .doc = "The folder of all that must survive a restart, the queue above all. Relative "
		"paths, "
		"here and below, start from this file's folder."},
	{.name = "user",
	 .type = GP_KEY_USER,
	 .preset = "gatepost",
	 AT(user),
	 .doc = "Started as root, each role runs as the user gatepost-ROLE where that exists, else "
		"as "
		"this one."},
	{.name = "listen",
	 .type = GP_KEY_LISTENS,
	 .required = true,
	 .group = &listen_group,
	 .example = "[{address: \"0.0.0.0:25\", service: inbound}]",
	 .doc = "Where clients connect to."},
	{.name = "tls",
	 .type = GP_KEY_GROUP,
	 .group = &tls_group,
	 .doc = "What we show to those who ask for TLS."},
	{.name = "relay_networks",
	 .type = GP_KEY_NETWORKS,
	 .preset = "[]",
	 .example = "[\"127.0.0.0/8\", \"::1/128\"]",
	 .doc = "Clients in these networks may send to everybody, with the limits of relay_limits. "
		"What would let half the Internet do so is an error."},
	{.name = "domains",
	 .type = GP_KEY_DOMAINS,
	 .group = &domain_group,
	 .example = "{example.org: {recipients: [alice], deliver: discard}}",
	 .doc = "The domains that are ours: anybody may send to their recipients."},
	{.name = "smarthost",
	 .type = GP_KEY_GROUP,
	 .group = &smarthost_group,
	 .doc = "Without it mail for others goes to the servers of their MX records."},
	{.name = "routes",
	 .type = GP_KEY_ROUTES,
	 .min = 25,
	 .example = "{\"example.net\": \"192.0.2.7:25\", \".example.net\": \"192.0.2.8\"}",
	 .doc = "A fixed next hop for a domain, or with a leading dot for all names below it; "
		"before "
		"smarthost and MX."},
	{.name = "srs",
	 .type = GP_KEY_GROUP,
	 .group = &srs_group,
	 .doc = "The Sender Rewriting Scheme: what an alias forwards to others' domains leaves "
		"from "
		"an address of ours, so SPF passes there; bounces go back to the sender."},
	{.name = "arc",
	 .type = GP_KEY_GROUP,
	 .group = &arc_group,
	 .doc = "The Authenticated Received Chain (RFC 8617): what the next host finds no proof of "
		"any more, it may believe us."},
	{.name = "destinations",
	 .type = GP_KEY_DESTINATIONS,
	 .group = &destination_group,
	 .example = "{\"bank.example\": {tls: verify}, \".bank.example\": {tls: encrypt}}",
	 .doc = "What TLS has to be like on the way to a domain (a leading dot: to all below it), "
		"or to the host or address that a route names."},
	{.name = "users",
	 .type = GP_KEY_GROUP,
	 .group = &users_group,
	 .doc = "Who may submit mail to everybody, after AUTH."},
	{.name = "auth",
	 .type = GP_KEY_GROUP,
	 .group = &auth_group,
	 .doc = "How users prove who they are, and what is done about guessing."},
	{.name = "submission",
	 .type = GP_KEY_GROUP,
	 .group = &submission_group,
	 .doc = "How much users may send."},
	{.name = "authentication",
	 .type = GP_KEY_GROUP,
	 .group = &authentication_group,
	 .doc = "What is done about mail from strangers whose sender is not proven. What was found "
		"stands in its Authentication-Results field."},
	{.name = "limits",
	 .type = GP_KEY_GROUP,
	 .group = &gp_schema_limits,
	 .doc = "What a stranger may use."},
	{.name = "relay_limits",
	 .type = GP_KEY_GROUP,
	 .group = &gp_schema_relay_limits,
	 .doc = "What clients in relay_networks may use; what is not said here is never less than "
		"what strangers have."},
	{.name = "retry",
	 .type = GP_KEY_GROUP,
	 .group = &retry_group,
	 .doc = "When delivery is tried again."},
	{.name = "journal",
	 .type = GP_KEY_GROUP,
	 .group = &journal_group,
	 .doc = "What is remembered of mail that is done with, for `gatepost trace`, `headers` and "
		"`verify`: addresses, ids, outcomes, answers of the DNS; never content."},
	{.name = "concurrency",
	 .type = GP_KEY_GROUP,
	 .group = &concurrency_group,
	 .doc = "How hard a destination is pressed: it starts low, grows with success, and is "
		"halved "
		"on failure."},
	{.name = "greet_wait",
	 .type = GP_KEY_TIME,
	 .preset = "0",
	 .example = "6s",
	 .max = 30 * SECOND,
	 AT(greet_wait),
	 .doc = "The greeting waits this long, and a stranger who talks before it is sent away; 0: "
		"off."},
	{.name = "dns",
	 .type = GP_KEY_GROUP,
	 .group = &dns_group,
	 .doc = "Where names are looked up."},
	{.name = "fetch",
	 .type = GP_KEY_GROUP,
	 .group = &fetch_group,
	 .doc = "How other servers are asked by HTTPS: for MTA-STS policies, and to take TLS "
		"reports."},
	{.name = "reports",
	 .type = GP_KEY_GROUP,
	 .group = &gp_schema_reports,
	 .doc = "What we tell other domains: TLS reports of our mail to them, and DMARC reports of "
		"mail in their name, daily, to those that "
		"ask for them in their DNS."},
	{.name = "web",
	 .type = GP_KEY_GROUP,
	 .group = &gp_schema_web,
	 .doc = "The dashboard, and the MTA-STS policies of our domains."},
	{.name = "log",
	 .type = GP_KEY_GROUP,
	 .group = &log_group,
	 .doc = "The log goes to standard error."},
	{.name = "workers",
	 .type = GP_KEY_COUNT,
	 .preset = "0",
	 .max = 256,
	 AT(workers),
	 .doc = "Processes that speak with clients, and as many that dial out; 0: one a core."},
	LATER("greylist", "Greylisting."),
	LATER("milters", "Mail filters."),
	LATER("proxy", "PROXY protocol and XCLIENT."),
};
const struct gp_key_group gp_schema = GROUP(root_keys);

const struct gp_key *
gp_schema_key(const struct gp_key_group *group, struct gp_slice name)
{
	for (size_t i = 0; i < group->keys_len; i++) {
		if (gp_slice_eq(name, gp_slice_str(group->keys[i].name)))
			return &group->keys[i];
	}
	return NULL;
}
