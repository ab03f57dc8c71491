/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/dsn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/dsn/parts.h"
#include "core/dsn/writer.h"
#include "core/dsn/xtext.h"

enum { NOW_S = 1792722563 }; /* Fri, 23 Oct 2026 02:29:23 +0000 */

/* One case's surroundings: what a report is made from, and what came out. */
struct fixture {
	struct gp_arena arena;
	struct gp_buf out;
	struct gp_envelope original, report;
	struct gp_rcpt rcpt;
	struct gp_outcome outcome;
	struct gp_dsn_rcpt entry;
	struct gp_dsn dsn;
};

static void
fixture_init(struct fixture *f)
{
	*f = (struct fixture){
		.arena = GP_ARENA_INIT(1 << 20),
		.out = GP_BUF_INIT(1 << 20),
		.rcpt = {.address = GP_SLICE("bob@example.net")},
		.outcome = {.kind = GP_OUTCOME_FAILED,
			    .reply = GP_REPLY(550, 5, 1, 1, "No such user here"),
			    .remote = GP_SLICE("mx.example.net [192.0.2.1]:25"),
			    .remote_said = true},
		.original = {.sender = GP_SLICE("alice@example.org"),
			     .client_helo = GP_SLICE("client.example.org"),
			     .arrival_ms = (NOW_S - 60) * 1000ULL},
		.entry = {.event = GP_DSN_FAILED, .attempt_ms = (NOW_S - 5) * 1000ULL},
		.dsn = {.hostname = GP_SLICE("mx.example.org"),
			.queue_id = GP_SLICE("0Abcdefghij"),
			.unique = GP_SLICE("0Abcdefghik"),
			.now_ms = NOW_S * 1000ULL,
			.message = GP_SLICE(
				"From: alice@example.org\r\nSubject: Hello\r\n\r\nHi Bob\r\n"),
			.rcpts_len = 1},
	};
	f->original.rcpts = &f->rcpt;
	f->original.rcpts_len = 1;
	f->entry.rcpt = &f->rcpt;
	f->entry.outcome = &f->outcome;
	f->dsn.envelope = &f->original;
	f->dsn.rcpts = &f->entry;
	f->dsn.message_size = f->dsn.message.len;
}

static void
fixture_free(struct fixture *f)
{
	gp_buf_free(&f->out);
	gp_arena_free(&f->arena);
}

/* The report as a C string. */
static const char *
build(struct fixture *f)
{
	assert_int_equal(gp_dsn_build(&f->dsn, &f->arena, &f->out, &f->report), 0);
	return gp_arena_str(&f->arena, gp_buf_slice(&f->out));
}

static void
assert_has(const char *report, const char *part)
{
	if (!strstr(report, part)) {
		print_message("'%s' is not in:\n%s\n", part, report);
		fail();
	}
}

static void
assert_has_not(const char *report, const char *part)
{
	if (strstr(report, part)) {
		print_message("'%s' is in:\n%s\n", part, report);
		fail();
	}
}

static void
test_wanted(void **state)
{
	(void)state;
	enum {
		F = 1 << GP_DSN_FAILED,
		D = 1 << GP_DSN_DELAYED,
		S = 1 << GP_DSN_DELIVERED,
		R = 1 << GP_DSN_RELAYED
	};
	static const struct {
		const char *sender;
		uint8_t notify;
		int wanted;
	} cases[] = {
		{"alice@example.org", 0, F | D},
		{"alice@example.org", GP_NOTIFY_NEVER, 0},
		{"alice@example.org", GP_NOTIFY_SUCCESS, S | R},
		{"alice@example.org", GP_NOTIFY_FAILURE, F},
		{"alice@example.org", GP_NOTIFY_DELAY, D},
		{"alice@example.org", GP_NOTIFY_SUCCESS | GP_NOTIFY_FAILURE, F | S | R},
		{"alice@example.org", GP_NOTIFY_FAILURE | GP_NOTIFY_DELAY, F | D},
		{"alice@example.org", GP_NOTIFY_NEVER | GP_NOTIFY_SUCCESS, 0},
		/* The null reverse-path: nobody to tell. */
		{"", 0, 0},
		{"", GP_NOTIFY_SUCCESS | GP_NOTIFY_FAILURE | GP_NOTIFY_DELAY, 0},
		/* Programs hear of failures, and of delays only when they asked. */
		{"owner-list@example.org", 0, F},
		{"list-request@example.org", 0, F},
		{"mailer-daemon@example.org", 0, F},
		{"owner-list@example.org", GP_NOTIFY_DELAY, D},
		{"owner", 0, F | D},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_envelope e = {.sender = gp_slice_str(cases[i].sender)};
		for (int event = GP_DSN_NONE; event <= GP_DSN_RELAYED; event++) {
			bool wanted = event != GP_DSN_NONE && (cases[i].wanted & 1 << event);
			if (gp_dsn_wanted(&e, cases[i].notify, event) != wanted)
				fail_msg("case %zu, event %d: wanted %d", i, event, wanted);
		}
	}
}

static void
test_event(void **state)
{
	(void)state;
	static const struct {
		uint8_t kind;
		bool remote_dsn;
		enum gp_dsn_event event;
	} cases[] = {
		{GP_OUTCOME_DELIVERED, false, GP_DSN_DELIVERED},
		{GP_OUTCOME_DELIVERED, true, GP_DSN_NONE},
		{GP_OUTCOME_RELAYED, false, GP_DSN_RELAYED},
		{GP_OUTCOME_RELAYED, true, GP_DSN_NONE},
		{GP_OUTCOME_DEFERRED, false, GP_DSN_DELAYED},
		{GP_OUTCOME_DEFERRED, true, GP_DSN_DELAYED},
		{GP_OUTCOME_FAILED, false, GP_DSN_FAILED},
		{GP_OUTCOME_FAILED, true, GP_DSN_FAILED},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_outcome o = {.kind = cases[i].kind, .remote_dsn = cases[i].remote_dsn};
		assert_int_equal(gp_dsn_event(&o), cases[i].event);
	}
}

static void
test_whole_report(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	static const char expected[] =
		"From: \"Mail Delivery System\" <MAILER-DAEMON@mx.example.org>\r\n"
		"To: <alice@example.org>\r\n"
		"Date: Fri, 23 Oct 2026 02:29:23 +0000\r\n"
		"Message-ID: <0Abcdefghik@mx.example.org>\r\n"
		"Subject: Your message could not be delivered\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		" boundary=\"=_0Abcdefghik_0\"\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"This is a report in the form of RFC 3464.\r\n"
		"\r\n"
		"--=_0Abcdefghik_0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Description: Explanation\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"This is the mail system at mx.example.org.\r\n"
		"\r\n"
		"I am sorry: a message of yours could not be delivered to everybody it was\r\n"
		"meant for.\r\n"
		"It was received on Fri, 23 Oct 2026 02:28:23 +0000,\r\n"
		"and is known here as 0Abcdefghij.\r\n"
		"\r\n"
		"<bob@example.net>\r\n"
		"    could not be delivered. No further attempt will be made.\r\n"
		"    mx.example.net [192.0.2.1]:25 said:\r\n"
		"        550 No such user here\r\n"
		"    Check the address for typing errors. If it is right, ask the recipient\r\n"
		"    by another way for one that works now.\r\n"
		"\r\n"
		"For help, write to <postmaster@mx.example.org> and include this report.\r\n"
		"\r\n"
		"--=_0Abcdefghik_0\r\n"
		"Content-Type: message/delivery-status\r\n"
		"Content-Description: Delivery status\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"Reporting-MTA: dns; mx.example.org\r\n"
		"Received-From-MTA: dns; client.example.org\r\n"
		"Arrival-Date: Fri, 23 Oct 2026 02:28:23 +0000\r\n"
		"X-Gatepost-Queue-ID: 0Abcdefghij\r\n"
		"\r\n"
		"Final-Recipient: rfc822; bob@example.net\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; mx.example.net\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
		"Last-Attempt-Date: Fri, 23 Oct 2026 02:29:18 +0000\r\n"
		"\r\n"
		"--=_0Abcdefghik_0\r\n"
		"Content-Type: message/rfc822\r\n"
		"Content-Description: Your message\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"From: alice@example.org\r\nSubject: Hello\r\n\r\nHi Bob\r\n"
		"\r\n"
		"--=_0Abcdefghik_0--\r\n";
	assert_string_equal(build(&f), expected);
	assert_int_equal(f.report.sender.len, 0);
	assert_int_equal(f.report.rcpts_len, 1);
	assert_true(gp_slice_eq(f.report.rcpts[0].address, f.original.sender));
	assert_int_equal(f.report.rcpts[0].notify, GP_NOTIFY_NEVER);
	assert_int_equal(f.report.rcpts[0].orcpt.len, 0);
	assert_int_equal(f.report.ret, GP_RET_UNSAID);
	assert_int_equal(f.report.envid.len, 0);
	assert_int_equal(f.report.flags, 0);
	assert_int_equal(f.report.arrival_ms, f.dsn.now_ms);
	fixture_free(&f);
}

/* Which copy goes back: by event, RET, size, shape and SMTPUTF8. */
static void
test_copy(void **state)
{
	(void)state;
	enum {
		FAILED = GP_DSN_FAILED,
		DELAYED = GP_DSN_DELAYED,
		UTF8 = GP_ENVELOPE_SMTPUTF8,
		TLS = GP_ENVELOPE_REQUIRETLS
	};
	static const char plain[] = "Subject: x\r\n\r\nbody\r\n";
	static const char body8[] = "Subject: x\r\n\r\nb\xc3\xb6"
				    "dy\r\n";
	static const char header8[] = "Subject: \xc3\xb6\r\n\r\nbody\r\n";
	static const struct {
		int event;
		uint8_t ret, flags;
		const char *message;
		uint64_t size; /* 0: as it is */
		const char *type, *encoding, *content;
		uint8_t report_flags;
	} cases[] = {
		{FAILED, 0, 0, plain, 0, "message/rfc822", "7bit", plain, 0},
		{FAILED, GP_RET_FULL, 0, plain, 0, "message/rfc822", "7bit", plain, 0},
		{FAILED, GP_RET_HDRS, 0, plain, 0, "text/rfc822-headers", "7bit", "Subject: x\r\n",
		 0},
		{DELAYED, GP_RET_FULL, 0, plain, 0, "text/rfc822-headers", "7bit", "Subject: x\r\n",
		 0},
		{FAILED, GP_RET_FULL, 0, plain, GP_DSN_COPY_MAX + 1, "text/rfc822-headers", "7bit",
		 "Subject: x\r\n", 0},
		{FAILED, GP_RET_FULL, TLS, plain, 0, "text/rfc822-headers", "7bit",
		 "Subject: x\r\n", TLS},
		/* The caller holds less than the whole. */
		{FAILED, 0, 0, plain, 100, "text/rfc822-headers", "7bit", "Subject: x\r\n", 0},
		{FAILED, 0, 0, body8, 0, "message/rfc822", "8bit", body8, GP_ENVELOPE_8BITMIME},
		{FAILED, 0, UTF8, body8, 0, "message/global", "quoted-printable",
		 "Subject: x\r\n\r\nb=C3=B6dy\r\n", 0},
		{FAILED, GP_RET_HDRS, 0, header8, 0, "text/rfc822-headers", "quoted-printable",
		 "Subject: =C3=B6\r\n", 0},
		{FAILED, GP_RET_HDRS, UTF8, header8, 0, "message/global-headers",
		 "quoted-printable", "Subject: =C3=B6\r\n", 0},
		{FAILED, 0, UTF8, plain, 0, "message/rfc822", "7bit", plain, 0},
		/* No header, no body, nothing. */
		{FAILED, GP_RET_HDRS, 0, "\r\nbody\r\n", 0, "text/rfc822-headers", "7bit", "", 0},
		{FAILED, GP_RET_HDRS, 0, "Subject: x\r\n", 0, "text/rfc822-headers", "7bit",
		 "Subject: x\r\n", 0},
		{FAILED, 0, 0, "", 0, "message/rfc822", "7bit", "", 0},
		/* What cannot stand in a message/rfc822. */
		{FAILED, 0, 0, "A: x\r\n\r\nbare\ncr\r\n", 0, "text/rfc822-headers", "7bit",
		 "A: x\r\n", 0},
		{FAILED, 0, 0, "A: x\ry\r\n\r\n", 0, "text/rfc822-headers", "quoted-printable",
		 "A: x=0Dy\r\n", 0},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct fixture f;
		fixture_init(&f);
		f.entry.event = (uint8_t)cases[i].event;
		f.original.ret = cases[i].ret;
		f.original.flags = cases[i].flags;
		f.dsn.message = gp_slice_str(cases[i].message);
		f.dsn.message_size = cases[i].size ? cases[i].size : f.dsn.message.len;
		const char *report = build(&f);
		struct gp_slice part = gp_arena_printf(
			&f.arena,
			"Content-Type: %s\r\nContent-Description: Your message\r\n"
			"Content-Transfer-Encoding: %s\r\n\r\n%s\r\n--=_0Abcdefghik_0--\r\n",
			cases[i].type, cases[i].encoding, cases[i].content);
		assert_non_null(part.ptr);
		assert_has(report, part.ptr);
		assert_int_equal(f.report.flags, cases[i].report_flags);
		fixture_free(&f);
	}
}

static void
test_copy_size(void **state)
{
	(void)state;
	static char message[2 * GP_DSN_COPY_MAX];
	for (size_t i = 0; i < sizeof(message); i += 8)
		memcpy(message + i, "X: abc\r\n", 8);
	for (size_t size = GP_DSN_COPY_MAX - 8; size <= sizeof(message);
	     size += GP_DSN_COPY_MAX + 8) {
		struct fixture f;
		fixture_init(&f);
		f.dsn.message = gp_slice(message, size);
		f.dsn.message_size = size;
		bool whole = size <= GP_DSN_COPY_MAX;
		assert_has(build(&f), whole ? "message/rfc822" : "text/rfc822-headers");
		assert_true(f.out.len < GP_DSN_COPY_MAX + 4096);
		fixture_free(&f);
	}
	/* A line that no transport would take. */
	struct fixture f;
	fixture_init(&f);
	memset(message, 'x', 1200);
	memcpy(message, "Subject: x\r\n\r\n", 14);
	f.dsn.message = gp_slice(message, 1200);
	f.dsn.message_size = 1200;
	const char *report = build(&f);
	assert_has(report, "text/rfc822-headers");
	assert_has_not(report, "xxxxx");
	fixture_free(&f);
}

/* A field of the status part, by what the envelope and the outcome say. */
struct status_case {
	const char *envid, *orcpt, *address, *sender;
	struct gp_outcome outcome;
	uint8_t event;
	const char *has, *has_not;
};

static void
check_status(const struct status_case *c)
{
	struct fixture f;
	fixture_init(&f);
	f.original.envid = gp_slice_str(c->envid);
	f.rcpt.orcpt = gp_slice_str(c->orcpt);
	if (c->address)
		f.rcpt.address = gp_slice_str(c->address);
	if (c->sender)
		f.original.sender = gp_slice_str(c->sender);
	if (c->event)
		f.entry.event = c->event;
	if (c->outcome.reply.code)
		f.outcome.reply = c->outcome.reply;
	if (c->outcome.remote.len)
		f.outcome.remote = c->outcome.remote;
	f.entry.retry_until_ms = (NOW_S + 86400) * 1000ULL;
	const char *report = build(&f);
	if (c->has)
		assert_has(report, c->has);
	if (c->has_not)
		assert_has_not(report, c->has_not);
	fixture_free(&f);
}

static void
test_status_addresses(void **state)
{
	(void)state;
	const struct status_case cases[] = {
		/* RFC 3461: xtext is decoded, checked after that. */
		{.envid = "QQ314159", .has = "Original-Envelope-Id: QQ314159\r\n"},
		{.envid = "a+2Bb+3Dc", .has = "Original-Envelope-Id: a+b=c\r\n"},
		{.envid = "a+0D+0AX-Evil:+20yes", .has_not = "Original-Envelope-Id"},
		{.envid = "a+00b", .has_not = "Original-Envelope-Id"},
		{.envid = "a+2", .has_not = "Original-Envelope-Id"},
		{.envid = "a+2b", .has_not = "Original-Envelope-Id"},
		{.orcpt = "rfc822;Bob+2BHome@example.com",
		 .has = "\r\n\r\nOriginal-Recipient: rfc822; "
			"Bob+Home@example.com\r\nFinal-Recipient:"},
		{.orcpt = "rfc822;bob+0Aevil@example.com", .has_not = "Original-Recipient"},
		{.orcpt = "rfc822", .has_not = "Original-Recipient"},
		{.orcpt = "rfc822;", .has_not = "Original-Recipient"},
		{.orcpt = "x400;/g=b/", .has_not = "Original-Recipient"}, /* '=' is not xtext */
		{.orcpt = "x400;/g+3Db/", .has = "Original-Recipient: x400; /g=b/\r\n"},
		/* RFC 6533: escapes stay, raw characters get them. */
		{.orcpt = "utf-8;b\\x{F6}b@example.com",
		 .has = "Original-Recipient: utf-8; b\\x{F6}b@example.com\r\n"},
		{.orcpt = "utf-8;b\xc3\xb6"
			  "b@example.com",
		 .has = "Original-Recipient: utf-8; b\\x{F6}b@example.com\r\n"},
		{.address = "b\xc3\xb6"
			    "b@example.com",
		 .has = "Final-Recipient: utf-8; b\\x{F6}b@example.com\r\n"},
		{.address = "\xf0\x9f\x93\xae+x@example.com",
		 .has = "Final-Recipient: utf-8; \\x{1F4EE}\\x{2B}x@example.com\r\n"},
		{.address = "b+x@example.com",
		 .has = "Final-Recipient: rfc822; b+x@example.com\r\n"},
		{.address = "b\r\nAction: delivered@x",
		 .has = "Final-Recipient: rfc822; b??Action: delivered@x\r\n"},
		/* The sender's address has such letters: the report travels with SMTPUTF8. */
		{.sender = "\xc3\xa5@example.org",
		 .address = "b\xc3\xb6"
			    "b@example.com",
		 .has = "Final-Recipient: utf-8; b\xc3\xb6"
			"b@example.com\r\n"},
		{.sender = "\xc3\xa5@example.org",
		 .has = "Content-Type: message/global-delivery-status"},
		{.sender = "\xc3\xa5@example.org", .has = "To: <\xc3\xa5@example.org>\r\n"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check_status(&cases[i]);
}

static void
test_status_codes(void **state)
{
	(void)state;
	const struct status_case cases[] = {
		/* Status: the reply's code where it fits the event. */
		{.outcome.reply = GP_REPLY(554, 5, 7, 26, "no"), .has = "Status: 5.7.26\r\n"},
		{.outcome.reply = GP_REPLY(451, 4, 4, 1, "no"), .has = "Status: 4.4.1\r\n"},
		{.outcome.reply = GP_REPLY(550, 0, 0, 0, "no"), .has = "Status: 5.0.0\r\n"},
		{.outcome.reply = GP_REPLY(550, 2, 0, 0, "odd"), .has = "Status: 5.0.0\r\n"},
		{.outcome.reply = GP_REPLY(451, 4, 2, 1, "no"),
		 .event = GP_DSN_DELAYED,
		 .has = "Action: delayed\r\nStatus: 4.2.1\r\n"},
		{.outcome.reply = GP_REPLY(451, 5, 2, 1, "odd"),
		 .event = GP_DSN_DELAYED,
		 .has = "Action: delayed\r\nStatus: 4.0.0\r\n"},
		{.event = GP_DSN_DELAYED,
		 .has = "Will-Retry-Until: Sat, 24 Oct 2026 02:29:23 +0000\r\n"},
		{.event = GP_DSN_FAILED, .has_not = "Will-Retry-Until"},
		{.outcome.reply = GP_REPLY(250, 2, 1, 5, "ok"),
		 .event = GP_DSN_DELIVERED,
		 .has = "Action: delivered\r\nStatus: 2.1.5\r\n"},
		{.outcome.reply = GP_REPLY(250, 0, 0, 0, "ok"),
		 .event = GP_DSN_RELAYED,
		 .has = "Action: relayed\r\nStatus: 2.0.0\r\n"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check_status(&cases[i]);
}

static void
test_status_remote_words(void **state)
{
	(void)state;
	const struct status_case cases[] = {
		/* Remote words: several lines, controls, letters, none. */
		{.outcome.reply = GP_REPLY(550, 5, 1, 1, "one\ntwo\n\n three "),
		 .has = "Diagnostic-Code: smtp; 550 5.1.1 one two three\r\n"},
		{.outcome.reply =
			 GP_REPLY(550, 5, 1, 1, "x\r\n\r\nFinal-Recipient: rfc822; evil@x"),
		 .has = "smtp; 550 5.1.1 x Final-Recipient: rfc822; evil@x\r\n"},
		{.outcome.reply = GP_REPLY(550, 5, 1, 1, "bell\a esc\033[0m del\177"),
		 .has = "smtp; 550 5.1.1 bell? esc?[0m del?\r\n"},
		{.outcome.reply = GP_REPLY(550, 0, 0, 0, "caf\xc3\xa9"),
		 .has = "smtp; 550 caf?\r\n"},
		{.outcome.reply = GP_REPLY(550, 5, 7, 1,
					   "a long text that goes on and on until it has to be "
					   "folded onto a second line of the field"),
		 .has = "Diagnostic-Code: smtp; 550 5.7.1 a long text that goes on and on until "
			"it\r\n"
			" has to be folded onto a second line of the field\r\n"},
		/* A host that spoke is named; a socket is not a host. */
		{.outcome.remote = GP_SLICE("mx.example.net [2001:db8::1]:25"),
		 .has = "Remote-MTA: dns; mx.example.net\r\n"},
		{.outcome.remote = GP_SLICE("unix:/run/lmtp"), .has_not = "Remote-MTA"},
		{.outcome.remote = GP_SLICE("a\r\nb"), .has_not = "Remote-MTA"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		check_status(&cases[i]);
}

/* A server's word without end is broken, well before a line is longer than any may be. */
static void
test_word_without_end(void **state)
{
	static char word[3000];
	struct gp_buf out = GP_BUF_INIT(2 * sizeof(word));
	struct gp_wrap w = {.out = &out, .indent = " "};
	size_t octets = 0;
	(void)state;
	memset(word, 'x', sizeof(word));
	gp_wrap_words(&w, gp_slice(word, sizeof(word)));
	gp_wrap_end(&w);
	struct gp_slice rest = gp_buf_slice(&out);
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		assert_in_range(line.len, 1, GP_WRAP_LINE_MAX + 1); /* CR */
		for (size_t i = 0; i < line.len; i++)
			octets += line.ptr[i] == 'x';
	}
	assert_int_equal(octets, sizeof(word));
	gp_buf_free(&out);
}

static void
test_text(void **state)
{
	(void)state;
	const struct {
		struct gp_outcome outcome;
		uint8_t event;
		const char *has;
	} cases[] = {
		{{.reply = GP_REPLY(552, 5, 2, 2, "full")}, GP_DSN_FAILED, "mailbox is full"},
		{{.reply = GP_REPLY(552, 5, 3, 4, "big")},
		 GP_DSN_FAILED,
		 "too large for the recipient's"},
		{{.reply = GP_REPLY(550, 5, 1, 2, "?")},
		 GP_DSN_FAILED,
		 "Check the part behind the @"},
		{{.reply = GP_REPLY(550, 5, 1, 3, "?")}, GP_DSN_FAILED, "Check the address"},
		{{.reply = GP_REPLY(550, 5, 7, 1, "?")}, GP_DSN_FAILED, "by its rules"},
		{{.reply = GP_REPLY(451, 4, 4, 1, "?")}, GP_DSN_FAILED, "could not be reached"},
		{{.reply = GP_REPLY(550, 0, 0, 0, "?")}, GP_DSN_FAILED, "your postmaster can help"},
		{{.reply = GP_REPLY(550, 5, 0, 0, "?")},
		 GP_DSN_FAILED,
		 "    The reason:\r\n        ?\r\n"},
		{{.reply = GP_REPLY(550, 5, 0, 0, "one\r\ntwo"), .remote_said = true},
		 GP_DSN_FAILED,
		 "    The server said:\r\n        550 one\r\n        two\r\n"},
		{{.reply = GP_REPLY(451, 4, 4, 1, "?")},
		 GP_DSN_DELAYED,
		 "further\r\n    attempts follow"},
		{{.reply = GP_REPLY(250, 2, 0, 0, "?")},
		 GP_DSN_DELIVERED,
		 "    was delivered.\r\n"},
		{{.reply = GP_REPLY(250, 2, 0, 0, "?")},
		 GP_DSN_RELAYED,
		 "    was passed on to a server"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct fixture f;
		fixture_init(&f);
		f.outcome = cases[i].outcome;
		f.entry.event = cases[i].event;
		assert_has(build(&f), cases[i].has);
		fixture_free(&f);
	}
	/* Letters beyond ASCII keep the report at 7 bits. */
	struct fixture f;
	fixture_init(&f);
	f.outcome.reply.text = GP_SLICE("bo\xc3\xaete pleine \x9b");
	const char *report = build(&f);
	assert_has(report, "550 bo=C3=AEte pleine ?\r\n");
	for (size_t i = 0; report[i]; i++)
		assert_true((unsigned char)report[i] < 128);
	fixture_free(&f);
}

static void
test_subject_is_the_worst(void **state)
{
	(void)state;
	static const uint8_t events[] = {GP_DSN_DELIVERED, GP_DSN_FAILED, GP_DSN_DELAYED};
	static const char *const subjects[] = {"Subject: Your message was delivered\r\n",
					       "Subject: Your message could not be delivered\r\n",
					       "Subject: Your message could not be delivered\r\n"};
	for (size_t n = 1; n <= GP_ARRAY_LEN(events); n++) {
		struct fixture f;
		fixture_init(&f);
		struct gp_dsn_rcpt entries[GP_ARRAY_LEN(events)];
		for (size_t i = 0; i < n; i++) {
			entries[i] = f.entry;
			entries[i].event = events[i];
		}
		f.dsn.rcpts = entries;
		f.dsn.rcpts_len = n;
		assert_has(build(&f), subjects[n - 1]);
		fixture_free(&f);
	}
}

static void
test_boundary(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.dsn.message = GP_SLICE("A: b\r\n\r\n--=_0Abcdefghik_0--\r\n--=_0Abcdefghik_1\r\n");
	f.dsn.message_size = f.dsn.message.len;
	const char *report = build(&f);
	assert_has(report, "boundary=\"=_0Abcdefghik_2\"");
	assert_has(report, "\r\n--=_0Abcdefghik_2--\r\n");
	fixture_free(&f);
}

static void
test_caps(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	f.out.max = 100;
	assert_int_equal(gp_dsn_build(&f.dsn, &f.arena, &f.out, &f.report), -ENOMEM);
	assert_true(f.out.failed);
	fixture_free(&f);
	fixture_init(&f);
	f.arena.max = 0;
	assert_int_equal(gp_dsn_build(&f.dsn, &f.arena, &f.out, &f.report), -ENOMEM);
	fixture_free(&f);
}

static void
test_utf8_char(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		size_t len;
		uint32_t c;
	} cases[] = {
		{"", 0, 0},
		{"a", 1, 'a'},
		{"\x7f", 1, 0x7f},
		{"\x80", 0, 0},
		{"\xc1\xbf", 0, 0}, /* not the shortest form */
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xed\xa0\x80", 0, 0}, /* surrogate */
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\xf4\x90\x80\x80", 0, 0},
		{"\xf5\x80\x80\x80", 0, 0},
		{"\xe2\x82", 0, 0}, /* cut short */
		{"\xe2\x82"
		 "a",
		 0, 0},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint32_t c = 0;
		assert_int_equal(gp_utf8_char(gp_slice_str(cases[i].s), &c), cases[i].len);
		assert_int_equal(c, cases[i].c);
	}
}

static void
test_quoted_printable(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain\r\n", "plain\r\n"},
		{"a=b", "a=3Db"},
		{"space \r\ntab\t", "space=20\r\ntab=09"},
		{"in the middle", "in the middle"},
		{"bare\nbare\rend\r", "bare=0Abare=0Dend=0D"},
		{"\xc3\xb6", "=C3=B6"},
		{"7777777777777777777777777777777777777777777777777777777777777777777777777778",
		 "777777777777777777777777777777777777777777777777777777777777777777777777777="
		 "\r\n8"},
		{"77777777777777777777777777777777777777777777777777777777777777777777777777=",
		 "77777777777777777777777777777777777777777777777777777777777777777777777777=\r\n="
		 "3D"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(1000);
		gp_put_quoted_printable(&out, gp_slice_str(cases[i].in));
		if (!gp_slice_eq(gp_buf_slice(&out), gp_slice_str(cases[i].out)))
			fail_msg("case %zu: %.*s", i, GP_SLICE_FMT(gp_buf_slice(&out)));
		gp_buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_whole_report),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_size),
		cmocka_unit_test(test_status_addresses),
		cmocka_unit_test(test_status_codes),
		cmocka_unit_test(test_status_remote_words),
		cmocka_unit_test(test_word_without_end),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_subject_is_the_worst),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_utf8_char),
		cmocka_unit_test(test_quoted_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
