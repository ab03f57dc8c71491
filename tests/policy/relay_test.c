/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tricks with addresses that have made relays of servers: whatever a stranger says, mail stays
 * here. Each is asked of domains that know their recipients and of one that takes any and passes on
 * to an inner host, which might trust us.
 */
#include "core/smtp/server.h"
#include "policy_test.h"

static const char config[] =
	"hostname: mx.ours.example\n"
	"listen: [{address: \"192.0.2.1:25\"}]\n"
	"relay_networks: [10.0.0.0/8]\n"
	"smarthost: {address: \"smart.example\"}\n"
	"routes: {evil.example: \"192.0.2.66\", .evil.example: \"192.0.2.66\"}\n"
	"domains:\n"
	"  ours.example: {recipients: [alice], deliver: {maildir: \"/var/mail/{local}\"}}\n"
	"  any.example: {recipients: any, deliver: {relay: \"192.0.2.9\"}}\n"
	"  b\u00fccher.example: {recipients: any, deliver: {lmtp: \"unix:/run/l\"}}\n";

static const char *const tricks[] = {
	/* plain */
	"<v@evil.example>",
	"<v@sub.evil.example>",
	"<v@mx.ours.example>",
	"<v@ours.example.evil.example>",
	"<v@xours.example>",
	"<v@example>",
	/* percent hack */
	"<v%evil.example@ours.example>",
	"<v%evil.example@any.example>",
	"<v%evil.example@xn--bcher-kva.example>",
	"<v%evil.example@[192.0.2.1]>",
	"<v%evil.example@mx.ours.example>",
	"<v%evil.example%any.example@any.example>",
	"<\"v%evil.example\"@any.example>",
	"<alice+v%evil.example@any.example>",
	"<alice+v%evil.example@ours.example>",
	"<postmaster+v%evil.example@ours.example>",
	"<v%[192.0.2.66]@any.example>",
	/* bang path */
	"<evil.example!v@ours.example>",
	"<evil.example!v@any.example>",
	"<any.example!evil.example!v@any.example>",
	"<\"evil.example!v\"@any.example>",
	"<evil.example!v@[192.0.2.1]>",
	/* quotes */
	"<\"v@evil.example\"@ours.example>",
	"<\"v@evil.example\"@any.example>",
	"<\"v\\@evil.example\"@any.example>",
	"<\"<v@evil.example>\"@any.example>",
	"<\"v@evil.example,\"@any.example>",
	"<\"@evil.example:v\"@any.example>",
	"<\"v@any.example\"@evil.example>",
	"<v\\@evil.example@any.example>",
	"<\"v@evil.example\">",
	/* source routes: ignored, so only the end counts (RFC 5321 appendix C) */
	"<@ours.example:v@evil.example>",
	"<@any.example:v@evil.example>",
	"<@any.example,@ours.example:v@evil.example>",
	"<@ours.example,@any.example:v@evil.example>",
	"<@evil.example:v%evil.example@any.example>",
	"<@ours.example:v@[192.0.2.66]>",
	/* two at-signs, brackets, spaces */
	"<v@evil.example@any.example>",
	"<v@any.example@evil.example>",
	"<v@any.example><v@evil.example>",
	"<v@evil.example,alice@ours.example>",
	"<v@evil.example alice@ours.example>",
	/* dots and ports */
	"<v@evil.example.>",
	"<v@any.example.evil.example>",
	"<v@evil.example:25>",
	/* literals: of ours, of others, odd */
	"<v@[192.0.2.66]>",
	"<v@[192.0.2.1]>",
	"<v@[127.0.0.1]>",
	"<v@[IPv6:::1]>",
	"<v@[IPv6:::ffff:192.0.2.66]>",
	"<v@[x:evil.example]>",
	"<v@192.0.2.66>",
	"<v@[evil.example]>",
	"<postmaster@[192.0.2.66]>",
	/* UTF-8: look-alikes of our names, of the at-sign, of the dot, of the percent sign */
	"<v@\u043eurs.example>",
	"<v@ours\u2024example>",
	"<v\uff05"
	"evil.example@ours.example>",
	"<v\uff20"
	"evil.example@ours.example>",
	"<v@evil.example\u3002>",
	"<v@xn--ours-.example>",
	/* mixed case, escapes, trailing dots */
	"<V%EVIL.Example@ANY.example>",
	"<Evil.EXAMPLE!V@Any.Example>",
	"<V@EVIL.EXAMPLE>",
	"<\"v\\%evil.example\"@any.example>",
	"<\"v\\!evil.example\"@any.example>",
	"<\"v@evil.example\\\"\"@any.example>",
	"<v@evil.example..any.example>",
	"<v@.evil.example>",
	"<v@any.example.>",
	/* controls and nothing */
	"<v@evil.example\t@any.example>",
	"<v@any.example\r\nRCPT TO:<v@evil.example>>",
	"<>",
	"<@>",
	"<postmaster@evil.example>",
};

static void
tricks_are_refused(void **state)
{
	struct asked a;
	(void)state;
	assert_true(GP_ARRAY_LEN(tricks) >= 40);
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(tricks); i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16);
		write_admission(&got, &a, &stranger, gp_slice_str(tricks[i]));
		struct gp_slice answer = gp_buf_slice(&got);
		if (!gp_slice_starts(answer, GP_SLICE("5")) &&
		    !gp_slice_eq(answer, GP_SLICE("no path")))
			fail_msg("%s: %.*s", tricks[i], GP_SLICE_FMT(answer));
		gp_buf_free(&got);
	}
	ask_teardown(&a);
}

/* A stranger's session whose driver is the policy. */
struct door {
	struct asked asked;
	struct gp_limits limits;
	struct gp_smtp_server *session;
	size_t accepted; /* recipients */
	size_t bodies;
};

static void
decide(struct door *d, enum gp_smtp_event event)
{
	struct gp_reply reply = GP_REPLY(250, 2, 0, 0, "Ok");
	struct gp_admission admission;
	if (event == GP_SMTP_RCPT) {
		assert_int_equal(gp_policy_rcpt(d->asked.policy, &stranger,
						gp_smtp_server_path(d->session),
						gp_smtp_server_arena(d->session), &admission),
				 0);
		reply = admission.reply;
		d->accepted += gp_reply_positive(&reply);
	}
	gp_smtp_server_answer(d->session, &reply);
}

static void
say(struct door *d, const char *line)
{
	struct gp_slice input = gp_slice_str(line);
	for (;;) {
		enum gp_smtp_event event = gp_smtp_server_next(d->session, &input, 0);
		if (event == GP_SMTP_NEED_INPUT || event == GP_SMTP_CLOSE)
			return;
		d->bodies += event == GP_SMTP_END;
		if (event == GP_SMTP_MAIL || event == GP_SMTP_RCPT || event == GP_SMTP_DATA ||
		    event == GP_SMTP_END)
			decide(d, event);
	}
}

static void
say_trick(struct door *d, const char *sender, const char *trick)
{
	char line[200];
	const struct gp_smtp_server_setup setup = {.hostname = GP_SLICE("mx.ours.example"),
						   .limits = &d->limits};
	d->session = gp_smtp_server_new(&setup, 0);
	assert_non_null(d->session);
	snprintf(line, sizeof(line), "EHLO c\r\nMAIL FROM:%s SMTPUTF8\r\nRCPT TO:%s\r\n", sender,
		 trick);
	say(d, line);
	say(d, "DATA\r\nrelay me\r\n.\r\nQUIT\r\n");
	d->session = gp_smtp_server_free(d->session);
}

/* The same tricks as a client spells them, from somebody, from nobody, and from one of ours. */
static void
tricks_are_refused_by_the_server(void **state)
{
	static const char *const senders[] = {"<me@evil.example>", "<>", "<alice@ours.example>"};
	struct door d = {.limits = {.message_size = 1000,
				    .header_size = 1000,
				    .header_fields = 10,
				    .recipients = 10,
				    .messages = 10,
				    .errors = 100,
				    .useless_commands = 100,
				    .hops = 50,
				    .command_length = 512,
				    .command_time = 1000}};
	(void)state;
	ask_setup(&d.asked, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(tricks) * GP_ARRAY_LEN(senders); i++) {
		const char *trick = tricks[i / GP_ARRAY_LEN(senders)];
		say_trick(&d, senders[i % GP_ARRAY_LEN(senders)], trick);
		if (d.accepted > 0 || d.bodies > 0)
			fail_msg("%s: relayed", trick);
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(senders); i++)
		say_trick(&d, senders[i], "<alice@ours.example>");
	assert_int_equal(d.accepted, GP_ARRAY_LEN(senders));
	assert_int_equal(d.bodies, GP_ARRAY_LEN(senders));
	ask_teardown(&d.asked);
}

/* What is left of tricks once the address says a recipient of ours: it comes to that one. */
static void
tricks_that_lead_home(void **state)
{
	static const struct {
		const char *path, *answer;
	} cases[] = {
		{"<@evil.example:alice@ours.example>", "250 2.1.5 alice@ours.example"},
		{"<alice+evil.example@ours.example>", "250 2.1.5 alice+evil.example@ours.example"},
		{"<evil.example@any.example>", "250 2.1.5 evil.example@any.example"},
		{"<v=evil.example@any.example>", "250 2.1.5 v=evil.example@any.example"},
	};
	struct asked a;
	(void)state;
	ask_setup(&a, config);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf got = GP_BUF_INIT(1 << 16);
		write_admission(&got, &a, &stranger, gp_slice_str(cases[i].path));
		assert_slice(gp_buf_slice(&got), cases[i].answer);
		gp_buf_free(&got);
	}
	ask_teardown(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tricks_are_refused),
		cmocka_unit_test(tricks_are_refused_by_the_server),
		cmocka_unit_test(tricks_that_lead_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
