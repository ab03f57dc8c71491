/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form parses back to the value that it was printed from. */
#include "config_test.h"

#include "../prng.h"
#include "core/config/schema.h"

/* What print gives; the text is the caller's to free. */
static struct gp_buf
printed(const struct gp_config *cfg)
{
	struct gp_buf out = GP_BUF_INIT(GP_CONFIG_IMAGE_MAX);
	gp_config_print(&out, cfg);
	assert_false(out.failed);
	return out;
}

static void
assert_same_slices(const struct gp_slice *a, size_t a_len, const struct gp_slice *b, size_t b_len)
{
	assert_int_equal(a_len, b_len);
	for (size_t i = 0; i < a_len; i++)
		assert_true(gp_slice_eq(a[i], b[i]));
}

static void
assert_same_domain(const struct gp_domain_config *a, const struct gp_domain_config *b)
{
	assert_true(gp_slice_eq(a->name, b->name));
	assert_int_equal(a->recipients_any, b->recipients_any);
	assert_same_slices(a->recipients, a->recipients_len, b->recipients, b->recipients_len);
	assert_int_equal(a->aliases_len, b->aliases_len);
	for (size_t i = 0; i < a->aliases_len; i++) {
		assert_true(gp_slice_eq(a->aliases[i].name, b->aliases[i].name));
		assert_same_slices(a->aliases[i].targets, a->aliases[i].targets_len,
				   b->aliases[i].targets, b->aliases[i].targets_len);
	}
	assert_true(gp_slice_eq(a->subaddress_separators, b->subaddress_separators));
	assert_int_equal(a->deliver.kind, b->deliver.kind);
	assert_true(gp_slice_eq(a->deliver.target, b->deliver.target));
	assert_int_equal(a->mta_sts.mode, b->mta_sts.mode);
	assert_int_equal(a->mta_sts.max_age, b->mta_sts.max_age);
	assert_same_slices(a->mta_sts.mx, a->mta_sts.mx_len, b->mta_sts.mx, b->mta_sts.mx_len);
	assert_true(gp_slice_eq(a->tls_rpt, b->tls_rpt));
	assert_int_equal(a->tls_rpt_https, b->tls_rpt_https);
	assert_true(gp_slice_eq(a->reports, b->reports));
}

static void
assert_same_authentication(const struct gp_authentication_config *u,
			   const struct gp_authentication_config *v)
{
	assert_int_equal(u->dmarc, v->dmarc);
	assert_int_equal(u->spf, v->spf);
	assert_int_equal(u->from, v->from);
	assert_int_equal(u->exempt_len, v->exempt_len);
	for (size_t i = 0; i < u->exempt_len; i++)
		assert_memory_equal(&u->exempt[i], &v->exempt[i], sizeof(u->exempt[i]));
	assert_int_equal(u->overrides_len, v->overrides_len);
	for (size_t i = 0; i < u->overrides_len; i++) {
		assert_true(gp_slice_eq(u->overrides[i].domain, v->overrides[i].domain));
		assert_int_equal(u->overrides[i].dmarc, v->overrides[i].dmarc);
	}
	assert_int_equal(u->trusted_sealers_len, v->trusted_sealers_len);
	for (size_t i = 0; i < u->trusted_sealers_len; i++)
		assert_true(gp_slice_eq(u->trusted_sealers[i], v->trusted_sealers[i]));
}

static void
assert_same_web(const struct gp_config *a, const struct gp_config *b)
{
	assert_true(gp_slice_eq(a->web.policy_listen, b->web.policy_listen));
	assert_true(gp_slice_eq(a->web.listen, b->web.listen));
	assert_true(gp_slice_eq(a->web.name, b->web.name));
	assert_true(gp_slice_eq(a->web.user_header, b->web.user_header));
	assert_int_equal(a->web.proxied_role, b->web.proxied_role);
	assert_int_equal(a->web.posts_per_minute, b->web.posts_per_minute);
	assert_int_equal(a->web.proxies_len, b->web.proxies_len);
	for (size_t i = 0; i < a->web.proxies_len; i++)
		assert_memory_equal(&a->web.proxies[i], &b->web.proxies[i],
				    sizeof(a->web.proxies[i]));
}

static void
assert_same_reports(const struct gp_config_reports *a, const struct gp_config_reports *b)
{
	assert_true(gp_slice_eq(a->from, b->from));
	assert_true(gp_slice_eq(a->organization, b->organization));
	assert_int_equal(a->tls_interval, b->tls_interval);
	assert_int_equal(a->dmarc, b->dmarc);
	assert_int_equal(a->dmarc_interval, b->dmarc_interval);
	assert_int_equal(a->dmarc_size, b->dmarc_size);
	assert_int_equal(a->failure, b->failure);
	assert_int_equal(a->failure_redact, b->failure_redact);
	assert_int_equal(a->failure_window, b->failure_window);
	assert_int_equal(a->keep_received, b->keep_received);
	assert_true(gp_slice_eq(a->received_database, b->received_database));
	assert_int_equal(a->refused_size, b->refused_size);
	assert_int_equal(a->failure_per_hour, b->failure_per_hour);
	assert_int_equal(a->failure_per_day, b->failure_per_day);
	assert_int_equal(a->names_per_day, b->names_per_day);
	assert_true(gp_slice_eq(a->asn_database, b->asn_database));
	assert_int_equal(a->received_per_day, b->received_per_day);
	assert_int_equal(a->received_size_per_day, b->received_size_per_day);
}

static void
assert_same(const struct gp_config *a, const struct gp_config *b)
{
	assert_true(gp_slice_eq(a->hostname, b->hostname));
	assert_true(gp_slice_eq(a->state, b->state));
	assert_true(gp_slice_eq(a->user, b->user));
	assert_int_equal(a->listens_len, b->listens_len);
	for (size_t i = 0; i < a->listens_len; i++) {
		assert_true(gp_slice_eq(a->listens[i].address, b->listens[i].address));
		assert_int_equal(a->listens[i].service, b->listens[i].service);
		assert_int_equal(a->listens[i].tls, b->listens[i].tls);
	}
	assert_int_equal(a->relay_networks_len, b->relay_networks_len);
	assert_memory_equal(a->relay_networks, b->relay_networks,
			    a->relay_networks_len * sizeof(*a->relay_networks));
	assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
	assert_memory_equal(&a->relay_limits, &b->relay_limits, sizeof(a->relay_limits));
	assert_memory_equal(&a->retry, &b->retry, sizeof(a->retry));
	assert_memory_equal(&a->concurrency, &b->concurrency, sizeof(a->concurrency));
	assert_int_equal(a->greet_wait, b->greet_wait);
	assert_same_authentication(&a->authentication, &b->authentication);
	assert_int_equal(a->arc.seal, b->arc.seal);
	assert_true(gp_slice_eq(a->arc.domain, b->arc.domain));
	assert_int_equal(a->domains_len, b->domains_len);
	for (size_t i = 0; i < a->domains_len; i++)
		assert_same_domain(&a->domains[i], &b->domains[i]);
	assert_true(gp_slice_eq(a->smarthost.address, b->smarthost.address));
	assert_int_equal(a->smarthost.tls, b->smarthost.tls);
	assert_true(gp_slice_eq(a->smarthost.user, b->smarthost.user));
	assert_int_equal(a->smarthost.login, b->smarthost.login);
	assert_true(gp_slice_eq(a->smarthost.password_file, b->smarthost.password_file));
	assert_true(gp_slice_eq(a->smarthost.token_file, b->smarthost.token_file));
	assert_true(gp_slice_eq(a->smarthost.token_url, b->smarthost.token_url));
	assert_true(gp_slice_eq(a->smarthost.client_id, b->smarthost.client_id));
	assert_true(gp_slice_eq(a->smarthost.client_secret_file, b->smarthost.client_secret_file));
	assert_true(gp_slice_eq(a->smarthost.token_scope, b->smarthost.token_scope));
	assert_true(gp_slice_eq(a->srs.domain, b->srs.domain));
	assert_true(gp_slice_eq(a->srs.secret_file, b->srs.secret_file));
	assert_true(gp_slice_eq(a->srs.previous_file, b->srs.previous_file));
	assert_int_equal(a->destinations_len, b->destinations_len);
	for (size_t i = 0; i < a->destinations_len; i++) {
		const struct gp_destination_config *x = &a->destinations[i],
						   *y = &b->destinations[i];
		assert_true(gp_slice_eq(x->name, y->name));
		assert_int_equal(x->tls, y->tls);
		assert_same_slices(x->fingerprints, x->fingerprints_len, y->fingerprints,
				   y->fingerprints_len);
	}
	assert_int_equal(a->routes_len, b->routes_len);
	for (size_t i = 0; i < a->routes_len; i++) {
		assert_true(gp_slice_eq(a->routes[i].domain, b->routes[i].domain));
		assert_true(gp_slice_eq(a->routes[i].target, b->routes[i].target));
	}
	assert_true(gp_slice_eq(a->users.file, b->users.file));
	assert_true(gp_slice_eq(a->auth.dovecot, b->auth.dovecot));
	assert_int_equal(a->submission.hourly, b->submission.hourly);
	assert_int_equal(a->submission.daily, b->submission.daily);
	assert_int_equal(a->auth.failures, b->auth.failures);
	assert_int_equal(a->auth.failures_per_source, b->auth.failures_per_source);
	assert_int_equal(a->auth.failures_per_network, b->auth.failures_per_network);
	assert_int_equal(a->auth.delay, b->auth.delay);
	assert_int_equal(a->auth.lock, b->auth.lock);
	assert_true(gp_slice_eq(a->auth.oauth.jwks, b->auth.oauth.jwks));
	assert_true(gp_slice_eq(a->auth.oauth.issuer, b->auth.oauth.issuer));
	assert_true(gp_slice_eq(a->auth.oauth.audience, b->auth.oauth.audience));
	assert_true(gp_slice_eq(a->auth.oauth.user_claim, b->auth.oauth.user_claim));
	assert_true(gp_slice_eq(a->auth.oauth.introspection_url, b->auth.oauth.introspection_url));
	assert_true(gp_slice_eq(a->auth.oauth.client_id, b->auth.oauth.client_id));
	assert_true(
		gp_slice_eq(a->auth.oauth.client_secret_file, b->auth.oauth.client_secret_file));
	assert_true(gp_slice_eq(a->dns.server, b->dns.server));
	assert_true(gp_slice_eq(a->dns.answers, b->dns.answers));
	assert_true(gp_slice_eq(a->dns.trust_anchor, b->dns.trust_anchor));
	assert_true(gp_slice_eq(a->fetch.ca, b->fetch.ca));
	assert_int_equal(a->fetch.private_addresses, b->fetch.private_addresses);
	assert_int_equal(a->fetch.port, b->fetch.port);
	assert_same_reports(&a->reports, &b->reports);
	assert_int_equal(a->tls.certificates_len, b->tls.certificates_len);
	for (size_t i = 0; i < a->tls.certificates_len; i++)
		assert_true(gp_slice_eq(a->tls.certificates[i].pem, b->tls.certificates[i].pem));
	assert_same_slices(a->tls.keys, a->tls.keys_len, b->tls.keys, b->tls.keys_len);
	assert_true(gp_slice_eq(a->tls.authorities, b->tls.authorities));
	assert_same_web(a, b);
	assert_int_equal(a->log.json, b->log.json);
	assert_int_equal(a->log.level, b->log.level);
	assert_int_equal(a->workers, b->workers);
}

/* Parses, prints, parses without any file, compares, prints again, compares the texts. */
static void
assert_round_trip(struct gp_slice yaml, const struct test_file *files)
{
	struct parsed first, second;
	struct gp_buf complaints = GP_BUF_INIT(1 << 16);
	parse_slice(&first, yaml, files);
	write_complaints(&first, &complaints);
	if (first.rc != 0)
		fail_msg("%.*s\n%.*s", GP_SLICE_FMT(yaml), GP_SLICE_FMT(gp_buf_slice(&complaints)));
	struct gp_buf text = printed(&first.cfg);
	parse_slice(&second, gp_buf_slice(&text), NULL);
	write_complaints(&second, &complaints);
	if (second.rc != 0)
		fail_msg("%.*s\n%.*s", GP_SLICE_FMT(gp_buf_slice(&text)),
			 GP_SLICE_FMT(gp_buf_slice(&complaints)));
	assert_same(&first.cfg, &second.cfg);
	struct gp_buf again = printed(&second.cfg);
	assert_true(gp_slice_eq(gp_buf_slice(&text), gp_buf_slice(&again)));
	gp_buf_free(&again);
	gp_buf_free(&text);
	gp_buf_free(&complaints);
	parsed_free(&first);
	parsed_free(&second);
}

static const struct test_file files[] = {
	{"/etc/g/aliases", "# ours\n\nSales: alice,\r\n\t\"a, b\"@example.net\n"
			   "\"x: y\"@example.org : alice  \n"},
	{"/srv/recipients", "Alice\n  bob\n\n#carol\n\"d e\"\n"},
	{"/etc/g/zone.json",
	 "{\"a\": {\"TXT\": [\"\\u2028\xe2\x80\xa8 \xc2\x85 \x01 \\\\ \"]}}\n\ttail"},
	{"/etc/g/rsa.pem", "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"},
	{"/etc/g/rsa.key", ""},
	{"/etc/g/ec.key", ""},
	{"/srv/ec.pem", "Subject: x\n-----BEGIN CERTIFICATE-----\n"},
	{"/etc/g/secret", "xyzzy"},
	{"/srv/token", "plugh"},
	{},
};

/* Octets of a digest. */
#define A4 "Ab:cD:01:23"
#define A16 A4 ":" A4 ":" A4 ":" A4
#define B32 "0123456789ABCDEF0123456789abcdef"

static const char everything[] =
	"hostname: MX.Example.org\nstate: queue\nuser: _g-1.x\nlisten:\n"
	"  - {address: \"0.0.0.0:25\"}\n  - {address: \"[::]:587\", service: submission, tls: "
	"implicit}\n"
	"tls: {certificate: [rsa.pem, /srv/ec.pem], key: [rsa.key, ec.key]}\n"
	"relay_networks: [10.0.0.0/8, 192.0.2.1, \"::1\", \"::ffff:172.16.0.0/108\"]\n"
	"limits: {message_size: 50MiB, hops: 100}\nrelay_limits: {errors: 7}\n"
	"retry: {first: 1s, max: 1500ms, for: 36h}\ngreet_wait: 6s\nconcurrency: {start: 1, max: "
	"1}\n"
	"domains:\n"
	"  Example.ORG:\n    recipients: {file: /srv/recipients}\n    aliases: {file: aliases}\n"
	"    subaddress: \"-+\"\n    deliver: {maildir: \"box/{domain}/x-{local}/y\"}\n"
	"    mta_sts: {mode: enforce, max_age: 30d, mx: [MX.example.org, "
	"\"*.B\u00fccher.example\"]}\n"
	"    tls_rpt: \"mailto:tls@example.org,https://r.example/x\"\n    reports: DMARC\n"
	"    tls_rpt_https: true\n"
	"  b\u00fccher.example:\n    recipients: any\n    aliases: {x: [y@example.net], z: \"x, "
	"q\"}\n"
	"    subaddress: \"\"\n    deliver: {lmtp: \"unix:run/lmtp\"}\n"
	"  c.example: {recipients: [], deliver: {lmtp: \"[::1]:24\"}}\n"
	"  d.example: {recipients: [a], deliver: {relay: inner.example}}\n"
	"  e.example: {recipients: [\"\u00fcber\", \"\\\"a\\\\\\\\b\\\"\"], deliver: discard}\n"
	"smarthost: {address: Relay.example, tls: encrypt, user: \"gate way@\u00fc\", "
	"login: scram-plus, password_file: "
	"secret, token_file: /srv/token,\n  token_url: \"HTTPS://Login.test/a?b\", client_id: me, "
	"client_secret_file: secret, token_scope: all}\n"
	"srs: {domain: B\u00fccher.example, secret_file: secret, previous_file: /srv/token}\n"
	"destinations:\n  Bank.example: {tls: dane-only}\n  .b\u00fccher.test: {tls: none}\n"
	"  2001:DB8::1: {fingerprints: [\"" A16 ":" A16 "\", " B32 B32 "]}\n  192.0.2.1:\n"
	"routes: {net: \"[2001:db8::1]\", .net: 192.0.2.1, .b\u00fccher.example: \"h:26\"}\n"
	"dns: {server: 127.0.0.1, answers: zone.json, trust_anchor: /usr/share/dns/root.key}\n"
	"fetch: {ca_file: zone.json, private_addresses: true, port: 8443}\n"
	"reports: {from: TLS@Reports.Example, organization: \"Ex\u00e4mple: Ltd.\", tls_interval: "
	"90s, dmarc: off, dmarc_interval: 2h, dmarc_size: 2KB,\n"
	" failure: on, failure_redact: false, failure_window: 90s, failure_per_hour: 3,\n"
	" failure_per_day: 30, names_per_day: 0, received_per_day: 7, received_size_per_day: 3MB,\n"
	" asn_database: asn.mmdb, refused_size: 11MB}\n"
	"users: {file: people}\n"
	"authentication: {dmarc: quarantine, spf: enforce, from: tag, exempt: [0.0.0.0/0, "
	"\"::ffff:192.0.2.0/120\"],\n"
	"  overrides: {B\u00fccher.test: {dmarc: off}, .b\u00fccher.test: {dmarc: enforce}},\n"
	"  trusted_sealers: [Lists.test, .B\u00fccher.test]}\narc: {seal: all, domain: "
	"B\u00fccher.example}\n"
	"auth: {dovecot: \"unix:run/auth\", failures: 3, failures_per_source: 4, delay: 100ms, "
	"lock: 1h,\n"
	"  oauth: {jwks: zone.json, issuer: \"https://i\", audience: a b, user_claim: sub}}\n"
	"web: {posts_per_minute: 5, policy_listen: \"[::1]:8443\", listen: \"[::1]\", name: "
	"Dash.B\u00fccher.test,\n"
	"  trusted_proxies: [192.0.2.0/25], user_header: X-Who, proxied_role: admin}\n"
	"log: {format: json, level: debug}\nworkers: 3\n";

static void
everything_comes_back(void **state)
{
	struct parsed p;
	(void)state;
	assert_round_trip(GP_SLICE(BASE), NULL);
	assert_round_trip(gp_slice_str(everything), files);
	assert_round_trip(GP_SLICE(BASE "auth: {oauth: {introspection_url: https://Login.test/x, "
					"client_id: me, client_secret_file: secret}}\n"),
			  files);
	parse_good(&p, everything, files);
	assert_slice(p.cfg.hostname, "mx.example.org");
	assert_slice(p.cfg.state, "/etc/g/queue");
	assert_slice(p.cfg.domains[0].deliver.target, "/etc/g/box/{domain}/x-{local}/y");
	assert_slice(p.cfg.domains[0].recipients[0], "alice");
	assert_slice(p.cfg.domains[0].recipients[2], "\"d e\"");
	assert_slice(p.cfg.domains[0].aliases[0].name, "sales");
	assert_slice(p.cfg.domains[0].aliases[0].targets[0], "alice@example.org");
	assert_slice(p.cfg.domains[0].aliases[0].targets[1], "\"a, b\"@example.net");
	assert_slice(p.cfg.domains[0].aliases[1].name, "\"x: y\"");
	assert_int_equal(p.cfg.domains[0].mta_sts.mode, GP_OWN_POLICY_ENFORCE);
	assert_int_equal(p.cfg.domains[0].mta_sts.max_age, UINT64_C(30) * 24 * 3600 * 1000);
	assert_slice(p.cfg.domains[0].mta_sts.mx[0], "mx.example.org");
	assert_slice(p.cfg.domains[0].mta_sts.mx[1], "*.xn--bcher-kva.example");
	assert_slice(p.cfg.domains[0].tls_rpt, "mailto:tls@example.org,https://r.example/x");
	assert_slice(p.cfg.domains[0].reports, "dmarc");
	assert_int_equal(p.cfg.domains[1].mta_sts.mode, GP_OWN_POLICY_OFF);
	assert_slice(p.cfg.web.policy_listen, "[::1]:8443");
	assert_slice(p.cfg.web.listen, "[::1]:8025");
	assert_slice(p.cfg.web.name, "dash.xn--bcher-kva.test");
	assert_slice(p.cfg.web.user_header, "X-Who");
	assert_int_equal(p.cfg.web.proxies[0].prefix_len, 25);
	assert_int_equal(p.cfg.web.proxied_role, GP_WEB_ADMIN);
	assert_slice(p.cfg.domains[1].name, "xn--bcher-kva.example");
	assert_slice(p.cfg.domains[1].deliver.target, "unix:/etc/g/run/lmtp");
	assert_slice(p.cfg.domains[3].deliver.target, "inner.example:25");
	assert_slice(p.cfg.routes[2].domain, ".xn--bcher-kva.example");
	assert_slice(p.cfg.users.file, "/etc/g/people");
	assert_int_equal(p.cfg.authentication.dmarc, GP_DMARC_MODE_QUARANTINE);
	assert_int_equal(p.cfg.authentication.spf, GP_SPF_MODE_ENFORCE);
	assert_int_equal(p.cfg.authentication.from, GP_FROM_MODE_TAG);
	assert_int_equal(p.cfg.authentication.exempt[1].address_len, 4);
	assert_int_equal(p.cfg.authentication.trusted_sealers_len, 2);
	assert_slice(p.cfg.authentication.trusted_sealers[0], "lists.test");
	assert_slice(p.cfg.authentication.trusted_sealers[1], ".xn--bcher-kva.test");
	assert_int_equal(p.cfg.arc.seal, GP_SEAL_ALL);
	assert_slice(p.cfg.arc.domain, "xn--bcher-kva.example");
	assert_slice(p.cfg.authentication.overrides[0].domain, "xn--bcher-kva.test");
	assert_int_equal(p.cfg.authentication.overrides[0].dmarc, GP_DMARC_MODE_OFF);
	assert_slice(p.cfg.authentication.overrides[1].domain, ".xn--bcher-kva.test");
	assert_int_equal(p.cfg.authentication.overrides[1].dmarc, GP_DMARC_MODE_ENFORCE);
	assert_slice(p.cfg.auth.dovecot, "unix:/etc/g/run/auth");
	assert_slice(p.cfg.auth.oauth.jwks, files[2].content);
	assert_slice(p.cfg.auth.oauth.audience, "a b");
	assert_slice(p.cfg.dns.server, "127.0.0.1:53");
	assert_int_equal(p.cfg.retry.lifetime, 36 * 3600 * 1000);
	assert_slice(p.cfg.dns.answers, files[2].content);
	assert_slice(p.cfg.fetch.ca, files[2].content);
	assert_true(p.cfg.fetch.private_addresses);
	assert_int_equal(p.cfg.fetch.port, 8443);
	assert_slice(p.cfg.reports.from, "TLS@reports.example");
	assert_slice(p.cfg.reports.organization, "Ex\u00e4mple: Ltd.");
	assert_int_equal(p.cfg.reports.tls_interval, 90000);
	assert_int_equal(p.cfg.reports.dmarc, 0);
	assert_int_equal(p.cfg.reports.dmarc_interval, 7200000);
	assert_int_equal(p.cfg.reports.dmarc_size, 2000);
	assert_int_equal(p.cfg.reports.failure, 1);
	assert_false(p.cfg.reports.failure_redact);
	assert_int_equal(p.cfg.reports.failure_window, 90000);
	assert_int_equal(p.cfg.reports.failure_per_hour, 3);
	assert_int_equal(p.cfg.reports.failure_per_day, 30);
	assert_int_equal(p.cfg.reports.names_per_day, 0);
	assert_slice(p.cfg.reports.asn_database, "/etc/g/asn.mmdb");
	assert_int_equal(p.cfg.reports.received_per_day, 7);
	assert_int_equal(p.cfg.reports.refused_size, 11000000);
	assert_int_equal(p.cfg.reports.received_size_per_day, 3000000);
	assert_int_equal(p.cfg.web.posts_per_minute, 5);
	assert_true(p.cfg.domains[0].tls_rpt_https);
	assert_int_equal(p.cfg.listens[1].tls, GP_LISTEN_IMPLICIT);
	assert_slice(p.cfg.tls.certificates[0].path, "/etc/g/rsa.pem");
	assert_slice(p.cfg.tls.certificates[1].pem, files[6].content);
	assert_slice(p.cfg.tls.keys[1], "/etc/g/ec.key");
	assert_slice(p.cfg.smarthost.user, "gate way@\u00fc");
	assert_slice(p.cfg.smarthost.password_file, "/etc/g/secret");
	assert_int_equal(p.cfg.smarthost.login, GP_LOGIN_SCRAM_PLUS);
	assert_slice(p.cfg.smarthost.token_url, "https://login.test/a?b");
	assert_slice(p.cfg.smarthost.client_secret_file, "/etc/g/secret");
	assert_slice(p.cfg.destinations[0].name, "bank.example");
	assert_int_equal(p.cfg.destinations[0].tls, GP_DEMAND_DANE_ONLY);
	assert_slice(p.cfg.destinations[1].name, ".xn--bcher-kva.test");
	assert_int_equal(p.cfg.destinations[1].tls, GP_DEMAND_NONE);
	assert_slice(p.cfg.destinations[2].name, "2001:db8::1");
	assert_slice(p.cfg.destinations[2].fingerprints[0],
		     "abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123abcd0123");
	assert_int_equal(p.cfg.destinations[2].fingerprints_len, 2);
	assert_int_equal(p.cfg.destinations[3].tls, GP_DEMAND_MAY);
	parsed_free(&p);
}

/* A word that stands for itself is no file's name, and a name that only begins like it is one. */
static void
paths_and_words_differ(void **state)
{
	static const char *const cases[][2] = {
		{"none", "none"}, {"./none", "/etc/g/./none"}, {"none.key", "/etc/g/none.key"}};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct parsed p;
		char yaml[512];
		snprintf(yaml, sizeof(yaml), "%sdns: {trust_anchor: %s}\n", BASE, cases[i][0]);
		assert_round_trip(gp_slice_str(yaml), NULL);
		parse_good(&p, yaml, NULL);
		assert_slice(p.cfg.dns.trust_anchor, cases[i][1]);
		parsed_free(&p);
	}
}

static void
defaults_are_those_of_the_table(void **state)
{
	struct parsed p;
	(void)state;
	parse_good(&p, BASE, NULL);
	assert_slice(p.cfg.state, "/var/lib/gatepost");
	assert_slice(p.cfg.user, "gatepost");
	assert_int_equal(p.cfg.listens[0].service, GP_SERVICE_INBOUND);
	assert_int_equal(p.cfg.limits.message_size, 25000000);
	assert_int_equal(p.cfg.limits.header_size, 256 * 1024);
	assert_int_equal(p.cfg.limits.recipients, 1000);
	assert_int_equal(p.cfg.limits.errors, 20);
	assert_int_equal(p.cfg.limits.hops, 50);
	assert_int_equal(p.cfg.limits.command_length, 2048);
	assert_int_equal(p.cfg.limits.command_time, 300000);
	assert_int_equal(p.cfg.limits.body_rate, 500);
	assert_int_equal(p.cfg.relay_limits.errors, 100);
	assert_int_equal(p.cfg.relay_limits.messages, 10000);
	assert_int_equal(p.cfg.relay_limits.recipients, 5000);
	assert_int_equal(p.cfg.relay_limits.connections_per_source, 500);
	assert_int_equal(p.cfg.retry.first, 300000);
	assert_int_equal(p.cfg.retry.max, 4 * 3600 * 1000);
	assert_int_equal(p.cfg.retry.lifetime, 5 * 86400 * 1000);
	assert_int_equal(p.cfg.concurrency.start, 5);
	assert_int_equal(p.cfg.concurrency.max, 20);
	assert_int_equal(p.cfg.greet_wait, 0);
	assert_int_equal(p.cfg.log.level, 2);
	assert_false(p.cfg.log.json);
	assert_int_equal(p.cfg.workers, 0);
	parsed_free(&p);
}

/* Raising strangers' limits never leaves our own hosts with less. */
static void
own_hosts_have_no_less_than_strangers(void **state)
{
	struct parsed p;
	(void)state;
	parse_good(&p,
		   BASE "limits: {message_size: 1GB, errors: 500, body_rate: 100B}\n"
			"relay_limits: {errors: 3}\n",
		   NULL);
	assert_int_equal(p.cfg.relay_limits.message_size, 1000000000);
	assert_int_equal(p.cfg.relay_limits.body_rate, 100);
	assert_int_equal(p.cfg.relay_limits.errors, 3);
	assert_int_equal(p.cfg.relay_limits.messages, 10000);
	parsed_free(&p);
}

/* A value that the key's bounds allow, and its print. */
static void
put_random_number(struct gp_buf *out, const struct gp_key *key, struct prng *r)
{
	uint64_t value = key->min + prng_next(r) % (key->max - key->min + 1);
	const char *unit = key->type == GP_KEY_TIME ? "ms" : "";
	gp_buf_printf(out, "  %s: %llu%s\n", key->name, (unsigned long long)value, unit);
}

/* Configurations with random numbers and random octets in what may hold them. */
static void
put_random_config(struct gp_buf *out, struct prng *r)
{
	static const char *const groups[] = {"limits", "relay_limits"};
	gp_buf_put_str(out, BASE);
	for (size_t g = 0; g < GP_ARRAY_LEN(groups); g++) {
		const struct gp_key *group = gp_schema_key(&gp_schema, gp_slice_str(groups[g]));
		gp_buf_printf(out, "%s:\n", groups[g]);
		for (size_t i = 0; i < group->group->keys_len; i++) {
			if (prng_below(r, 2))
				put_random_number(out, &group->group->keys[i], r);
		}
	}
	gp_buf_put_str(out, "dns:\n  answers: {text: \"");
	for (size_t n = prng_below(r, 40); n > 0; n--) {
		uint32_t c = (uint32_t)prng_below(r, prng_below(r, 2) ? 0x300 : 0x110000);
		if (c < 0xd800 || c > 0xdfff)
			gp_buf_printf(out, "\\U%08x", c);
	}
	gp_buf_put_str(out, "\"}\n");
}

static void
random_ones_come_back(void **state)
{
	struct prng r = {1};
	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		struct gp_buf yaml = GP_BUF_INIT(1 << 16);
		put_random_config(&yaml, &r);
		assert_round_trip(gp_buf_slice(&yaml), NULL);
		gp_buf_free(&yaml);
	}
}

/* Takes the "#" away from all keys that are commented out: those have no space behind it, or more
   than one. */
static void
uncomment(struct gp_slice text, struct gp_buf *out)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		bool prose = gp_slice_starts(line, GP_SLICE("# ")) &&
			     !gp_slice_starts(line, GP_SLICE("#  "));
		if (gp_slice_starts(line, GP_SLICE("#")) && !prose)
			line = gp_slice_drop(line, 1);
		gp_buf_put(out, line);
		gp_buf_put_char(out, '\n');
	}
}

/* The starter file loads, and so does each default and example in it. */
static void
starter_files_load(void **state)
{
	static const struct gp_slice listens[] = {{"0.0.0.0:25", 10}, {"[::]:25", 7}};
	static const struct gp_slice domains[] = {{"example.org", 11}, {"b\u00fccher.example", 15}};
	static const struct test_file named[] = {
		{"/etc/g/zone.json", "{}"},
		{"/etc/g/authorities.pem", "x"},
		{"/etc/g/fullchain.pem", "-----BEGIN CERTIFICATE-----"},
		{"/etc/g/key.pem", ""},
		{"/etc/g/smarthost.password", ""},
		{"/etc/g/smarthost.token", ""},
		{"/etc/g/smarthost.client", ""},
		{"/etc/g/srs.secret", ""},
		{"/etc/g/srs.previous", ""},
		{"/etc/g/keys.json", "{}"},
		{}};
	(void)state;
	for (size_t n = 0; n <= GP_ARRAY_LEN(domains); n++) {
		struct gp_config_start start = {.hostname = GP_SLICE("mx.example.org"),
						.state = GP_SLICE("/var/lib/g"),
						.mail_root = GP_SLICE("/var/mail"),
						.listens = listens,
						.listens_len = GP_ARRAY_LEN(listens),
						.domains = domains,
						.domains_len = n};
		struct gp_buf text = GP_BUF_INIT(1 << 20), all = GP_BUF_INIT(1 << 20);
		gp_config_write_starter(&text, &start);
		assert_round_trip(gp_buf_slice(&text), NULL);
		uncomment(gp_buf_slice(&text), &all);
		assert_round_trip(gp_buf_slice(&all), named);
		gp_buf_free(&all);
		gp_buf_free(&text);
	}
}

/* With what `init` made: it is what we show, and nobody else is believed for it. */
static void
the_starter_has_its_certificate(void **state)
{
	static const struct gp_slice listen = {"127.0.0.1:25", 12};
	static const struct test_file named[] = {
		{"/etc/g/own.pem", "-----BEGIN CERTIFICATE-----"}, {"/etc/g/own.key", ""}, {}};
	const struct gp_config_start start = {.hostname = GP_SLICE("mx.example.org"),
					      .state = GP_SLICE("/var/lib/g"),
					      .mail_root = GP_SLICE("/var/mail"),
					      .certificate = GP_SLICE("/etc/g/own.pem"),
					      .key = GP_SLICE("/etc/g/own.key"),
					      .listens = &listen,
					      .listens_len = 1};
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	struct parsed p;
	(void)state;
	gp_config_write_starter(&text, &start);
	assert_round_trip(gp_buf_slice(&text), named);
	parse_slice(&p, gp_buf_slice(&text), named);
	assert_int_equal(p.cfg.tls.certificates_len, 1);
	assert_int_equal(p.cfg.tls.authorities.len, 0);
	parsed_free(&p);
	gp_buf_free(&text);
}

static void
assert_told(struct gp_slice text, const struct gp_key_group *group)
{
	for (size_t i = 0; i < group->keys_len; i++) {
		char entry[128];
		snprintf(entry, sizeof(entry), "\n- `%s`", group->keys[i].name);
		bool told = memmem(text.ptr, text.len, entry, strlen(entry)) != NULL;
		if (!told && group->keys[i].type != GP_KEY_LATER)
			fail_msg("%s", group->keys[i].name);
	}
}

/* One entry for each key, of groups too, and text only. */
static void
the_reference_tells_of_each_key(void **state)
{
	struct gp_buf out = GP_BUF_INIT(1 << 20), small = GP_BUF_INIT(1000);
	(void)state;
	gp_config_write_reference(&out);
	struct gp_slice text = gp_buf_slice(&out);
	assert_false(out.failed);
	assert_int_equal(gp_slice_find(text, '\0'), -1);
	assert_told(text, &gp_schema);
	for (size_t i = 0; i < gp_schema.keys_len; i++) {
		if (gp_schema.keys[i].group)
			assert_told(text, gp_schema.keys[i].group);
	}
	gp_config_write_reference(&small);
	assert_true(small.failed);
	gp_buf_free(&small);
	gp_buf_free(&out);
}

/* All files inlined, a hundred thousand recipients: in the caps, and in a time that a start can
 * take. */
static void
large_ones_come_back(void **state)
{
	struct gp_buf list = GP_BUF_INIT(GP_CONFIG_TEXT_MAX);
	(void)state;
	for (size_t i = 0; i < 100000; i++)
		gp_buf_printf(&list, "user%zu\n", i);
	gp_buf_put_char(&list, '\0');
	struct test_file large[] = {{"/etc/g/r", gp_buf_slice(&list).ptr}, {}};
	assert_round_trip(GP_SLICE(BASE "domains:\n  example.org:\n    recipients: {file: r}\n"
					"    deliver: discard\n"),
			  large);
	gp_buf_free(&list);
}

/* With every cap of the arena: the whole of it or -ENOMEM. */
static void
memory_may_run_out(void **state)
{
	struct gp_config_reader reader = {.read = read_test_file, .context = (void *)files};
	int rc = -ENOMEM;
	(void)state;
	for (size_t max = 0; rc == -ENOMEM; max += 64) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_config cfg;
		struct gp_complaints complaints;
		rc = gp_config_parse(gp_slice_str(everything), GP_SLICE("/etc/g/g.yaml"), &reader,
				     &arena, &cfg, &complaints);
		gp_arena_free(&arena);
	}
	assert_int_equal(rc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(paths_and_words_differ),
		cmocka_unit_test(defaults_are_those_of_the_table),
		cmocka_unit_test(own_hosts_have_no_less_than_strangers),
		cmocka_unit_test(random_ones_come_back),
		cmocka_unit_test(starter_files_load),
		cmocka_unit_test(the_starter_has_its_certificate),
		cmocka_unit_test(the_reference_tells_of_each_key),
		cmocka_unit_test(large_ones_come_back),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
