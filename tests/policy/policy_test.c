/* SPDX-License-Identifier: Apache-2.0 */
/* Who is admitted, what aliases lead to, and which way mail goes. */
#include "policy_test.h"

static const char config[] =
	"hostname: mx.example.org\n"
	"listen: [{address: \"192.0.2.1:25\"}, {address: \"[2001:db8::25]:25\"}]\n"
	"relay_networks: [10.0.0.0/8, \"2001:db8:1::/48\"]\n"
	"domains:\n"
	"  example.org:\n"
	"    recipients: [alice, bob, \"o'neil\", \"\\\"a b\\\"\", x+y]\n"
	"    aliases:\n"
	"      sales: [alice, bob, carol@example.net]\n"
	"      everybody: [sales, alice+team, SALES, \"any@any.example\"]\n"
	"      bob: [bob, archive@any.example]\n"
	"      far: [\"x@[192.0.2.77]\", \"x@b\u00fccher.example\"]\n"
	"    deliver: {maildir: \"/var/mail/{domain}/{local}\"}\n"
	"    reports: dmarc\n"
	"  any.example:\n"
	"    recipients: any\n"
	"    subaddress: \"-\"\n"
	"    reports: REPORTS@any.example\n"
	"    aliases: {tls: dmarc@example.org, postmaster: alice@example.org, loud: [loud, "
	"alice@example.org]}\n"
	"    deliver: {lmtp: \"unix:/run/lmtp\"}\n"
	"  b\u00fccher.example: {recipients: [Leser, x], deliver: {lmtp: \"[::1]:24\"}}\n"
	"  inner.example: {recipients: any, deliver: {relay: \"[2001:db8::7]\"}}\n"
	"  void.example: {recipients: any, subaddress: \"\", deliver: discard}\n"
	"routes: {example.net: \"192.0.2.7:26\", .example.net: \"h.example\", .b.example.net: "
	"h2.example}\n";

static void
recipients_are_admitted(void **state)
{
	static const struct {
		const char *path, *answer;
	} cases[] = {
		/* ours: names without regard to case, subaddresses, the spelling kept */
		{"<alice@example.org>", "250 2.1.5 alice@example.org"},
		{"<ALICE@Example.ORG>", "250 2.1.5 ALICE@example.org"},
		{"<\"alice\"@example.org>", "250 2.1.5 alice@example.org"},
		{"<alice+lists@example.org>", "250 2.1.5 alice+lists@example.org"},
		{"<alice+@example.org>", "250 2.1.5 alice+@example.org"},
		{"<+alice@example.org>", "550 5.1.1"},
		{"<alice-lists@example.org>", "550 5.1.1"},
		{"<x+y@example.org>", "250 2.1.5 x+y@example.org"},
		{"<x+z@example.org>", "550 5.1.1"},
		{"<o'neil@example.org>", "250 2.1.5 o'neil@example.org"},
		{"<\"A b\"@example.org>", "250 2.1.5 \"A b\"@example.org"},
		{"<\"a b+c\"@example.org>", "550 5.1.1"},
		{"<nobody@example.org>", "550 5.1.1"},
		{"<alice@sub.example.org>", "550 5.7.1"},
		/* A-labels and U-labels are one name */
		{"<leser@b\u00fccher.example>", "250 2.1.5 leser@b\u00fccher.example"},
		{"<leser@B\u00dcCHER.example>", "250 2.1.5 leser@b\u00dc"
						"cher.example"},
		{"<leser@xn--bcher-kva.example>", "250 2.1.5 leser@xn--bcher-kva.example"},
		{"<leser@XN--BCHER-KVA.example>", "250 2.1.5 leser@xn--bcher-kva.example"},
		/* postmaster always; without a domain, and of the server, in the first domain */
		{"<postmaster>", "250 2.1.5 postmaster@example.org"},
		{"<PostMaster>", "250 2.1.5 postmaster@example.org"},
		{"<postmaster@mx.example.org>", "250 2.1.5 postmaster@example.org"},
		{"<alice@mx.example.org>", "550 5.7.1"},
		{"<Postmaster@example.org>", "250 2.1.5 Postmaster@example.org"},
		{"<postmaster@xn--bcher-kva.example>",
		 "250 2.1.5 postmaster@xn--bcher-kva.example"},
		{"<postmaster@any.example>", "250 2.1.5 alice@example.org"},
		{"<postmaster@example.com>", "550 5.7.1"},
		{"<alice>", "no path"},
		/* aliases */
		{"<sales@example.org>", "250 2.1.5 alice@example.org, bob@example.org, "
					"archive@any.example, carol@example.net"},
		{"<bob@example.org>", "250 2.1.5 bob@example.org, archive@any.example"},
		{"<bob+x@example.org>", "250 2.1.5 bob@example.org, archive@any.example"},
		{"<everybody@example.org>",
		 "250 2.1.5 alice@example.org, bob@example.org, archive@any.example, "
		 "carol@example.net, alice+team@example.org, any@any.example"},
		{"<far@example.org>", "250 2.1.5 x@[192.0.2.77], x@b\u00fccher.example"},
		{"<loud@any.example>", "250 2.1.5 loud@any.example, alice@example.org"},
		/* any */
		{"<whoever-x@any.example>", "250 2.1.5 whoever-x@any.example"},
		{"<a+b@void.example>", "250 2.1.5 a+b@void.example"},
	};
	struct asked a;
	(void)state;
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16);
		write_admission(&got, &a, &stranger, gp_slice_str(cases[i].path));
		if (!gp_slice_eq(gp_buf_slice(&got), gp_slice_str(cases[i].answer)))
			fail_msg("%s: %.*s, wanted %s", cases[i].path,
				 GP_SLICE_FMT(gp_buf_slice(&got)), cases[i].answer);
		gp_buf_free(&got);
	}
	ask_teardown(&a);
}

static void
own_hosts_may_send_out(void **state)
{
	static const struct {
		const char *path, *answer;
	} cases[] = {
		{"<x@example.com>", "250 2.1.5 x@example.com"},
		{"<x%y@example.com>", "250 2.1.5 x%y@example.com"},
		{"<nobody@example.org>", "550 5.1.1"},
		{"<x@[192.0.2.77]>", "250 2.1.5 x@[192.0.2.77]"},
		{"<x@[IPv6:2001:DB8::77]>", "250 2.1.5 x@[IPv6:2001:db8::77]"},
		/* literals of ours, and of nobody */
		{"<x@[192.0.2.1]>", "550 5.1.2"},
		{"<x@[IPv6:::ffff:192.0.2.1]>", "550 5.1.2"},
		{"<x@[IPv6:2001:db8::25]>", "550 5.1.2"},
		{"<x@[127.0.0.1]>", "550 5.1.2"},
		{"<x@[127.255.0.1]>", "550 5.1.2"},
		{"<x@[0.0.0.0]>", "550 5.1.2"},
		{"<x@[224.0.0.1]>", "550 5.1.2"},
		{"<x@[255.255.255.255]>", "550 5.1.2"},
		{"<x@[IPv6:::1]>", "550 5.1.2"},
		{"<x@[IPv6:::]>", "550 5.1.2"},
		{"<x@[IPv6:ff02::1]>", "550 5.1.2"},
		{"<x@[IPv6:fe80::1]>", "550 5.1.2"},
		{"<x@[tag:content]>", "550 5.1.2"},
	};
	struct asked a;
	(void)state;
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16);
		write_admission(&got, &a, &own_host, gp_slice_str(cases[i].path));
		if (!gp_slice_eq(gp_buf_slice(&got), gp_slice_str(cases[i].answer)))
			fail_msg("%s: %.*s, wanted %s", cases[i].path,
				 GP_SLICE_FMT(gp_buf_slice(&got)), cases[i].answer);
		gp_buf_free(&got);
	}
	ask_teardown(&a);
}

static void
own_hosts_are_known(void **state)
{
	static const struct {
		struct gp_client client;
		bool relays;
	} cases[] = {
		{{{10, 255, 0, 1}, 4, false}, true},
		{{{11, 0, 0, 1}, 4, false}, false},
		{{{0x20, 0x01, 0x0d, 0xb8, 0, 1}, 16, false}, true},
		{{{0x20, 0x01, 0x0d, 0xb8, 0, 2}, 16, false}, false},
		{{{10}, 16, false}, false},
	};
	struct asked a;
	(void)state;
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_int_equal(gp_policy_client_relays(a.policy, &cases[i].client),
				 cases[i].relays);
	ask_teardown(&a);
}

struct route_case {
	const char *address, *route;
};

static void
check_routes(const char *yaml, const struct route_case *cases, size_t len)
{
	struct asked a;
	ask_setup(&a, yaml);
	for (size_t i = 0; i < len; i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16);
		write_route(&got, &a, gp_slice_str(cases[i].address));
		if (!gp_slice_eq(gp_buf_slice(&got), gp_slice_str(cases[i].route)))
			fail_msg("%s: %.*s, wanted %s", cases[i].address,
				 GP_SLICE_FMT(gp_buf_slice(&got)), cases[i].route);
		gp_buf_free(&got);
	}
	ask_teardown(&a);
}

static void
mail_finds_its_way(void **state)
{
	static const struct route_case cases[] = {
		{"alice@example.org",
		 "maildir:/var/mail/example.org/alice|:0|/var/mail/example.org/alice"},
		{"Alice+Lists@EXAMPLE.org",
		 "maildir:/var/mail/example.org/alice|:0|/var/mail/example.org/alice"},
		{"x+y@example.org",
		 "maildir:/var/mail/example.org/x+y|:0|/var/mail/example.org/x+y"},
		{"\"a b\"@example.org",
		 "maildir:/var/mail/example.org/a=20b|:0|/var/mail/example.org/a=20b"},
		{"o'neil@example.org",
		 "maildir:/var/mail/example.org/o=27neil|:0|/var/mail/example.org/o=27neil"},
		{"postmaster@example.org",
		 "maildir:/var/mail/example.org/postmaster|:0|/var/mail/example.org/postmaster"},
		{"bob@example.org",
		 "maildir:/var/mail/example.org/bob|:0|/var/mail/example.org/bob"},
		{"dmarc@example.org", "reports|:0|"},
		{"Dmarc+TLS@example.org", "reports|:0|"},
		{"reports@any.example", "reports|:0|"},
		{"dmarc@any.example", "lmtp:unix:/run/lmtp|unix:/run/lmtp:0|"},
		{"x@any.example", "lmtp:unix:/run/lmtp|unix:/run/lmtp:0|"},
		{"leser@b\u00fccher.example", "lmtp:[::1]:24|::1:24|"},
		{"x@inner.example", "smtp:[2001:db8::7]:25|2001:db8::7:25|"},
		{"x@void.example", "discard|:0|"},
		{"x@example.net", "smtp:192.0.2.7:26|192.0.2.7:26|"},
		{"x@a.example.net", "smtp:h.example:25|h.example:25|"},
		{"x@b.example.net", "smtp:h.example:25|h.example:25|"},
		{"x@a.b.Example.NET", "smtp:h2.example:25|h2.example:25|"},
		{"x@z.a.b.example.net", "smtp:h2.example:25|h2.example:25|"},
		{"x@xexample.net", "mx:xexample.net|:0|"},
		{"x@Example.COM", "mx:example.com|:0|"},
		{"x@b\u00fccher.test", "mx:xn--bcher-kva.test|:0|"},
		{"x@[192.0.2.77]", "smtp:192.0.2.77:25|192.0.2.77:25|"},
		{"x@[IPv6:2001:db8::77]", "smtp:[2001:db8::77]:25|2001:db8::77:25|"},
		{"x@[192.0.2.1]", "550 5.1.3"},
		{"x@[tag:content]", "550 5.1.3"},
		{"postmaster", "550 5.1.3"},
		{"", "550 5.1.3"},
		{"a@b@c", "550 5.1.3"},
	};
	(void)state;
	check_routes(config, cases, GP_ARRAY_LEN(cases));
}

static void
the_smarthost_takes_what_has_no_route(void **state)
{
	static const char yaml[] =
		BASE "smarthost: {address: \"Relay.example:587\"}\n"
		     "routes: {example.net: \"192.0.2.7\"}\n"
		     "domains: {example.org: {recipients: any, deliver: discard}}\n";
	static const struct route_case cases[] = {
		{"x@example.com", "smarthost|relay.example:587|"},
		{"x@[192.0.2.77]", "smarthost|relay.example:587|"},
		{"x@example.net", "smtp:192.0.2.7:25|192.0.2.7:25|"},
		{"x@example.org", "discard|:0|"},
	};
	(void)state;
	check_routes(yaml, cases, GP_ARRAY_LEN(cases));
}

/* A thousand targets are the most, however they come together; equal ones count once. */
static void
alias_targets_have_a_limit(void **state)
{
	struct asked a;
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_buf yaml = GP_BUF_INIT(1 << 20);
	struct gp_address rcpt;
	struct gp_admission admission;
	const char *why;
	(void)state;
	gp_buf_put_str(&yaml, BASE "domains: {example.org: {recipients: [], deliver: discard,\n"
				   "  aliases: {all: [a, a, a], a: [");
	for (size_t i = 0; i < 300; i++)
		gp_buf_printf(&yaml, "x%zu@example.net, ", i);
	gp_buf_put_str(&yaml, "]}}}\n");
	gp_buf_put_char(&yaml, '\0');
	ask_setup(&a, yaml.ptr);
	assert_int_equal(gp_address_parse(GP_SLICE("all@example.org"), &arena, &rcpt, &why), 0);
	assert_int_equal(gp_policy_rcpt(a.policy, &stranger, &rcpt, &arena, &admission), 0);
	assert_int_equal(admission.reply.code, 250);
	assert_int_equal(admission.targets_len, 300);
	ask_teardown(&a);
	gp_buf_free(&yaml);
	gp_arena_free(&arena);
}

/* What config check would have refused answers 451, and does not run on. */
static void
broken_aliases_wait(void **state)
{
	static const struct gp_slice to_b = {"b@example.org", 13}, to_a = {"a@example.org", 13};
	static const struct gp_slice to_nobody = {"c@example.org", 13};
	static const struct gp_alias aliases[] = {
		{.name = {"a", 1}, .targets = &to_b, .targets_len = 1},
		{.name = {"b", 1}, .targets = &to_a, .targets_len = 1},
		{.name = {"n", 1}, .targets = &to_nobody, .targets_len = 1},
	};
	static const struct gp_domain_config domain = {
		.name = {"example.org", 11},
		.aliases = aliases,
		.aliases_len = GP_ARRAY_LEN(aliases),
		.deliver.kind = GP_DELIVER_DISCARD,
	};
	static const uint64_t seed[2];
	struct gp_config cfg = {.hostname = GP_SLICE("mx"), .domains = &domain, .domains_len = 1};
	struct asked a = {.policy = gp_policy_new(&cfg, seed)};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(aliases); i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16), path = GP_BUF_INIT(64);
		gp_buf_printf(&path, "<%.*s@example.org>", GP_SLICE_FMT(aliases[i].name));
		write_admission(&got, &a, &stranger, gp_buf_slice(&path));
		assert_slice(gp_buf_slice(&got), "451 4.3.5");
		gp_buf_free(&got);
		gp_buf_free(&path);
	}
	gp_policy_free(a.policy);
}

/* Ten aliases are followed and not an eleventh; config check would have refused the chain. */
static void
alias_chains_have_a_limit(void **state)
{
	enum { LEN = 11 };
	static const uint64_t seed[2];
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_slice targets[LEN];
	struct gp_alias aliases[LEN];
	for (size_t i = 0; i < LEN; i++) {
		targets[i] = i + 1 < LEN ? gp_arena_printf(&arena, "a%zu@example.org", i + 1)
					 : GP_SLICE("x@example.net");
		aliases[i] = (struct gp_alias){.name = gp_arena_printf(&arena, "a%zu", i),
					       .targets = &targets[i],
					       .targets_len = 1};
	}
	struct gp_domain_config domain = {.name = GP_SLICE("example.org"),
					  .aliases = aliases,
					  .aliases_len = LEN,
					  .deliver.kind = GP_DELIVER_DISCARD};
	struct gp_config cfg = {.hostname = GP_SLICE("mx"), .domains = &domain, .domains_len = 1};
	struct asked a = {.policy = gp_policy_new(&cfg, seed)};
	struct gp_buf got = GP_BUF_INIT(1 << 16);
	(void)state;
	write_admission(&got, &a, &stranger, GP_SLICE("<a1@example.org>"));
	gp_buf_put_str(&got, "; ");
	write_admission(&got, &a, &stranger, GP_SLICE("<a0@example.org>"));
	assert_slice(gp_buf_slice(&got), "250 2.1.5 x@example.net; 451 4.3.5");
	gp_buf_free(&got);
	gp_policy_free(a.policy);
	gp_arena_free(&arena);
}

/* With every cap of the arena: an answer or -ENOMEM, never half of one. */
static void
memory_may_run_out(void **state)
{
	struct asked a;
	bool done = false;
	(void)state;
	ask_setup(&a, config);
	for (size_t max = 0; !done; max += 16) {
		struct gp_arena parts = GP_ARENA_INIT(1 << 16), arena = GP_ARENA_INIT(max);
		struct gp_address rcpt;
		struct gp_admission admission;
		struct gp_route route;
		struct gp_reply reply;
		const char *why;
		assert_int_equal(
			gp_address_parse(GP_SLICE("everybody@example.org"), &parts, &rcpt, &why),
			0);
		int rc = gp_policy_rcpt(a.policy, &stranger, &rcpt, &arena, &admission);
		assert_true(rc == 0 || rc == -ENOMEM);
		arena.max += 1 << 16;
		done = rc == 0;
		if (done)
			assert_int_equal(admission.targets_len, 6);
		gp_arena_free(&arena);
		arena = GP_ARENA_INIT(max);
		rc = gp_policy_route(a.policy, rcpt.text, &arena, &route, &reply);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
		gp_arena_free(&parts);
	}
	ask_teardown(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_are_admitted),
		cmocka_unit_test(own_hosts_may_send_out),
		cmocka_unit_test(own_hosts_are_known),
		cmocka_unit_test(mail_finds_its_way),
		cmocka_unit_test(the_smarthost_takes_what_has_no_route),
		cmocka_unit_test(alias_targets_have_a_limit),
		cmocka_unit_test(broken_aliases_wait),
		cmocka_unit_test(alias_chains_have_a_limit),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
