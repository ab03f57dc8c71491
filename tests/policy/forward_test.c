/* SPDX-License-Identifier: Apache-2.0 */
/* Whose mail is forwarded from an address of ours, and who may write to it. */
#include "policy_test.h"

static const char config[] = "hostname: mx.example.org\n"
			     "listen: [{address: \"192.0.2.1:25\"}]\n"
			     "relay_networks: [10.0.0.0/8]\n"
			     "srs: {domain: b\u00fccher.example, secret_file: s}\n"
			     "domains:\n"
			     "  example.org:\n"
			     "    recipients: [alice]\n"
			     "    aliases:\n"
			     "      away: [alice@far.example]\n"
			     "      both: [away, alice, \"x@[192.0.2.77]\", x@any.example]\n"
			     "    deliver: discard\n"
			     "  any.example: {recipients: any, deliver: {relay: inner.example}}\n"
			     "  b\u00fccher.example: {recipients: any, deliver: discard}\n";

static const struct gp_srs srs = {
	.keys = {{"0123456789abcdef", 16}},
	.keys_len = 1,
	.now_ms = UINT64_C(20000) * 24 * 60 * 60 * 1000,
};

#define PATH "SRS0=H7NPARLC=RA=example.com=alice"
#define BEHIND "SRS1=73PFBIVV=fwd.example==hhh=tt=example.com=alice"

/* "PATH", or "stays". */
static void
write_forward(struct gp_buf *out, const struct asked *a, const struct gp_srs *with,
	      const char *sender)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice path = GP_SLICE("stays");
	int rc = gp_policy_forward(a->policy, with, gp_slice_str(sender), &arena, &path);
	assert_in_range(rc, 0, 1);
	gp_buf_put(out, path);
	gp_arena_free(&arena);
}

static void
senders_leave_from_here(void **state)
{
	(void)state;
	static const struct {
		const char *sender, *path;
	} cases[] = {
		{"alice@example.com", PATH "@xn--bcher-kva.example"},
		{"SRS0=hhh=tt=example.com=alice@fwd.example", BEHIND "@xn--bcher-kva.example"},
		{"", "stays"},
		/* ours, in whatever spelling, and the server itself */
		{"alice@example.org", "stays"},
		{"whoever@any.example", "stays"},
		{"x@b\u00fccher.example", "stays"},
		{"x@xn--bcher-kva.example", "stays"},
		{PATH "@xn--bcher-kva.example", "stays"},
		{"root@mx.example.org", "stays"},
		{"alice@[192.0.2.1]", "stays"},
	};
	static const struct gp_srs no_key = {};
	struct asked a;
	ask_setup(&a, config);
	struct gp_buf got = GP_BUF_INIT(4096);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		gp_buf_clear(&got);
		write_forward(&got, &a, &srs, cases[i].sender);
		assert_slice(gp_buf_slice(&got), cases[i].path);
	}
	gp_buf_clear(&got);
	write_forward(&got, &a, NULL, "alice@example.com");
	write_forward(&got, &a, &no_key, "alice@example.com");
	assert_slice(gp_buf_slice(&got), "staysstays");
	gp_buf_free(&got);
	ask_teardown(&a);
}

static void
what_comes_back_has_its_sender(void **state)
{
	(void)state;
	static const struct {
		const char *path, *sender; /* NULL: it is no such path */
	} cases[] = {
		{PATH "@xn--bcher-kva.example", "alice@example.com"},
		{PATH "@b\u00fccher.example", "alice@example.com"},
		{"srs0=h7nparlc=ra=EXAMPLE.com=ALICE@xn--bcher-kva.example", "ALICE@example.com"},
		{BEHIND "@xn--bcher-kva.example", "SRS0=hhh=tt=example.com=alice@fwd.example"},
		{"", NULL},
		{"alice@example.com", NULL},
		{"alice@xn--bcher-kva.example", NULL},
		/* made by others: at another domain of ours, elsewhere, forged */
		{PATH "@example.org", NULL},
		{PATH "@far.example", NULL},
		{PATH "x@xn--bcher-kva.example", NULL},
		{"SRS0=H7NPARLC=RA=evil.example=alice@xn--bcher-kva.example", NULL},
		{PATH "@[192.0.2.1]", NULL},
	};
	struct asked a;
	struct gp_srs later = srs;
	later.now_ms += UINT64_C(22) * 24 * 60 * 60 * 1000;
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_slice path = gp_slice_str(cases[i].path), sender = {};
		int rc = gp_policy_forwarded_for(a.policy, &srs, path, &arena, &sender);
		assert_int_equal(rc, cases[i].sender ? 0 : 1);
		if (cases[i].sender)
			assert_slice(sender, cases[i].sender);
		/* without a key nobody knows */
		assert_int_equal(gp_policy_forwarded_for(a.policy, NULL, path, &arena, &sender), 1);
		gp_arena_free(&arena);
	}
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice sender;
	assert_int_equal(gp_policy_forwarded_for(a.policy, &later,
						 GP_SLICE(PATH "@xn--bcher-kva.example"), &arena,
						 &sender),
			 1);
	gp_arena_free(&arena);
	ask_teardown(&a);
}

static void
targets_say_whether_they_leave(void **state)
{
	(void)state;
	static const struct {
		const char *rcpt, *targets; /* with ">" those that leave */
	} cases[] = {
		{"alice@example.org", "alice@example.org "},
		{"away@example.org", ">alice@far.example "},
		{"both@example.org",
		 ">alice@far.example alice@example.org >x@[192.0.2.77] x@any.example "},
		{"x@any.example", "x@any.example "},
		/* nobody's alias: it is its sender's own mail */
		{"alice@far.example", "alice@far.example "},
	};
	struct asked a;
	ask_setup(&a, config);
	struct gp_buf got = GP_BUF_INIT(4096);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_address rcpt;
		struct gp_admission admission;
		const char *why;
		assert_int_equal(gp_address_parse(gp_slice_str(cases[i].rcpt), &arena, &rcpt, &why),
				 0);
		assert_int_equal(gp_policy_rcpt(a.policy, &own_host, &rcpt, &arena, &admission), 0);
		gp_buf_clear(&got);
		for (size_t t = 0; t < admission.targets_len; t++)
			gp_buf_printf(&got, "%s%.*s ", admission.targets[t].forwarded ? ">" : "",
				      GP_SLICE_FMT(admission.targets[t].address));
		assert_slice(gp_buf_slice(&got), cases[i].targets);
		gp_arena_free(&arena);
	}
	gp_buf_free(&got);
	ask_teardown(&a);
}

static void
bounces_go_back(void **state)
{
	(void)state;
	static const struct {
		const char *path, *from_nobody, *from_somebody;
	} cases[] = {
		{"<" PATH "@b\u00fccher.example>", "250 2.1.5 alice@example.com", "550 5.7.1"},
		{"<" PATH "@xn--bcher-kva.example>", "250 2.1.5 alice@example.com", "550 5.7.1"},
		{"<\"" PATH "\"@XN--bcher-kva.example>", "250 2.1.5 alice@example.com",
		 "550 5.7.1"},
		{"<" BEHIND "@b\u00fccher.example>",
		 "250 2.1.5 SRS0=hhh=tt=example.com=alice@fwd.example", "550 5.7.1"},
		/* who forges it hears the same in both cases */
		{"<" PATH "x@b\u00fccher.example>", "550 5.1.1", "550 5.1.1"},
		{"<SRS0=H7NPARLC=RA=evil.example=alice@b\u00fccher.example>", "550 5.1.1",
		 "550 5.1.1"},
		{"<SRS1=H7NPARLC=evil.example==a=b=c=d@b\u00fccher.example>", "550 5.1.1",
		 "550 5.1.1"},
		{"<SRS0=x@b\u00fccher.example>", "550 5.1.1", "550 5.1.1"},
		{"<\"SRS0=\"@b\u00fccher.example>", "550 5.1.1", "550 5.1.1"},
		/* a name like others, and another domain of ours */
		{"<SRS0@b\u00fccher.example>", "250 2.1.5 SRS0@b\u00fccher.example",
		 "250 2.1.5 SRS0@b\u00fccher.example"},
		{"<" PATH "@example.org>", "550 5.1.1", "550 5.1.1"},
		{"<" PATH "@any.example>", "250 2.1.5 " PATH "@any.example",
		 "250 2.1.5 " PATH "@any.example"},
		{"<" PATH "@far.example>", "550 5.7.1", "550 5.7.1"},
	};
	struct asked a;
	ask_setup(&a, config);
	struct gp_client nobody = stranger, somebody = stranger;
	nobody.srs = somebody.srs = &srs;
	nobody.null_sender = true;
	struct gp_buf got = GP_BUF_INIT(4096);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		gp_buf_clear(&got);
		write_admission(&got, &a, &nobody, gp_slice_str(cases[i].path));
		assert_slice(gp_buf_slice(&got), cases[i].from_nobody);
		gp_buf_clear(&got);
		write_admission(&got, &a, &somebody, gp_slice_str(cases[i].path));
		assert_slice(gp_buf_slice(&got), cases[i].from_somebody);
	}
	/* Without a key nobody knows; and who may relay may no more than others. */
	gp_buf_clear(&got);
	nobody.srs = NULL;
	write_admission(&got, &a, &nobody, GP_SLICE("<" PATH "@b\u00fccher.example>"));
	assert_slice(gp_buf_slice(&got), "451 4.3.5");
	gp_buf_clear(&got);
	somebody.relay = true;
	write_admission(&got, &a, &somebody, GP_SLICE("<" PATH "@b\u00fccher.example>"));
	assert_slice(gp_buf_slice(&got), "550 5.7.1");
	gp_buf_free(&got);
	ask_teardown(&a);
}

/* Three weeks later. */
static void
addresses_end(void **state)
{
	(void)state;
	struct asked a;
	struct gp_srs later = srs;
	later.now_ms += UINT64_C(22) * 24 * 60 * 60 * 1000;
	ask_setup(&a, config);
	struct gp_client client = stranger;
	client.null_sender = true;
	client.srs = &later;
	struct gp_buf got = GP_BUF_INIT(4096);
	write_admission(&got, &a, &client, GP_SLICE("<" PATH "@b\u00fccher.example>"));
	assert_slice(gp_buf_slice(&got), "550 5.1.1");
	gp_buf_free(&got);
	ask_teardown(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_leave_from_here),
		cmocka_unit_test(what_comes_back_has_its_sender),
		cmocka_unit_test(targets_say_whether_they_leave),
		cmocka_unit_test(bounces_go_back),
		cmocka_unit_test(addresses_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
