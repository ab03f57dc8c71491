/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that other servers fell to, each as a test that fails when its guard is taken out. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "smtp/spellings.h"
#include "smtp/talk.h"

#define ENVELOPE "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"

static void
say(struct talk *t, const char *line)
{
	talk_feed(t, gp_slice_str(line));
	talk_feed(t, GP_SLICE("\r\n"));
}

/* What was said since the last look. */
static bool
hears(struct talk *t, const char *what)
{
	bool heard = talk_heard(t, what);
	gp_buf_clear(&t->log);
	return heard;
}

/*
 * SMTP smuggling: whatever stands for an end of data in the eyes of another server is no end here.
 * With a bare CR, bare LF or NUL in it the message is refused and the session ends; a second
 * message is never seen. Each spelling in one piece, in single octets, and cut at every place.
 */
static void
smuggling_of_a_second_message(void **state)
{
	static const char inner[] = "MAIL FROM:<evil@x>\r\nRCPT TO:<victim@d>\r\nDATA\r\n"
				    "smuggled\r\n.\r\nQUIT\r\n";
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(spellings); i++) {
		struct gp_buf all = GP_BUF_INIT(4096);
		gp_buf_put_str(&all, ENVELOPE "text");
		gp_buf_put(&all, spellings[i]);
		gp_buf_put_str(&all, inner);
		bool real = gp_slice_starts(spellings[i], GP_SLICE("\r\n.\r\n")) ||
			    gp_slice_eq(spellings[i], GP_SLICE("\r\n\r\n.\r\n"));
		for (size_t cut = 0; cut < all.len; cut++) {
			struct talk t;
			struct gp_slice s = gp_buf_slice(&all);
			talk_begin(&t);
			if (cut == 0) {
				talk_feed_pieces(&t, s, 1);
			} else {
				talk_feed(&t, gp_slice_take(s, cut));
				talk_feed(&t, gp_slice_drop(s, cut));
			}
			if (!real && (t.bodies > 1 || talk_heard(&t, "mail <evil@x>")))
				fail_msg("spelling %zu, cut at %zu: smuggled", i, cut);
			if (real && t.bodies == 0)
				fail_msg("spelling %zu, cut at %zu: not ended", i, cut);
			assert_true(t.closed);
			talk_end(&t);
		}
		gp_buf_free(&all);
	}
}

/* Nothing of a transaction lives on over RSET, EHLO, HELO, its end or a failure. */
static void
state_kept_over_a_reset(void **state)
{
	static const char *const endings[] = {
		"RSET", "EHLO again", "HELO again", "DATA\r\n.", "DATA\r\nrefuse me\r\n.",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(endings); i++) {
		struct talk t;
		talk_begin(&t);
		say(&t, "EHLO c");
		say(&t, "MAIL FROM:<a@b> SMTPUTF8 RET=HDRS ENVID=old BODY=8BITMIME");
		say(&t, "RCPT TO:<c@d> NOTIFY=NEVER ORCPT=rfc822;old");
		say(&t, endings[i]);
		gp_buf_clear(&t.log);
		say(&t, "RCPT TO:<c@d>");
		assert_true(hears(&t, "503"));
		say(&t, "DATA");
		assert_true(hears(&t, "503"));
		say(&t, "EHLO c");
		say(&t, "MAIL FROM:<new@b>");
		const struct gp_envelope *e = gp_smtp_server_envelope(t.session);
		assert_int_equal(e->rcpts_len, 0);
		assert_int_equal(e->flags, 0);
		assert_int_equal(e->ret, 0);
		assert_int_equal(e->envid.len, 0);
		say(&t, "DATA");
		assert_true(hears(&t, "554 5.5.1"));
		say(&t, "RCPT TO:<new@d>");
		assert_int_equal(e->rcpts_len, 1);
		assert_int_equal(e->rcpts[0].notify, 0);
		assert_int_equal(e->rcpts[0].orcpt.len, 0);
		talk_end(&t);
	}
}

/* The paths on which others forgot to reset: no DATA without an accepted MAIL and RCPT. */
static void
data_without_a_transaction(void **state)
{
	static const char *const paths[] = {
		"",
		"VRFY c",
		"NOOP",
		"MAIL FROM:<banned@x>",
		"MAIL FROM:<a@b> SIZE=999999",
		"MAIL FROM:<a@b> BAD=1",
		"MAIL FROM:<a@b>\r\nRSET",
		"MAIL FROM:<a@b>\r\nRCPT TO:<unknown@x>\r\nVRFY x\r\nRSET",
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nrefuse me\r\n.",
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nrefuse me\r\n.\r\nVRFY c",
		"MAIL FROM:<full@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.",
		"BDAT 3 LAST\r\nx",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(paths); i++) {
		struct talk t;
		talk_begin(&t);
		say(&t, "EHLO c");
		say(&t, paths[i]);
		gp_buf_clear(&t.log);
		size_t bodies = t.bodies;
		say(&t, "DATA");
		assert_true(hears(&t, "S: 503"));
		say(&t, "x\r\n.");
		assert_int_equal(t.bodies, bodies);
		talk_end(&t);
	}
}

/* Reading stops at four times the limit: here a gigabyte was on its way. */
static void
endless_command_line(void **state)
{
	static char block[64 * 1024];
	struct talk t;
	size_t read = 0;
	(void)state;
	memset(block, 'a', sizeof(block));
	talk_begin(&t);
	while (!t.closed && read < (size_t)1 << 30) {
		struct gp_slice input = gp_slice(block, 1000);
		enum gp_smtp_event event = gp_smtp_server_next(t.session, &input, t.now_ms);
		read += 1000 - input.len;
		t.closed = event == GP_SMTP_CLOSE;
	}
	assert_int_equal(read, 4 * t.limits.command_length);
	talk_take_output(&t);
	assert_true(hears(&t, "S: 500 5.5.2"));
	talk_end(&t);
}

/* The same for a body that goes on and on behind its refusal, and for one without any end. */
static void
endless_body(void **state)
{
	static char block[64 * 1024];
	struct talk t;
	size_t read = 0;
	(void)state;
	memset(block, 'a', sizeof(block));
	talk_begin(&t);
	/* With no header, so that its limit does not come first. */
	talk_feed(&t, GP_SLICE(ENVELOPE "\r\n"));
	while (!t.closed && read < (size_t)1 << 30) {
		talk_feed(&t, gp_slice(block, sizeof(block)));
		read += sizeof(block);
	}
	assert_true(read <= 4 * t.limits.message_size + (2 << 20));
	assert_true(t.body.len <= t.limits.message_size + sizeof(block));
	assert_true(hears(&t, "S: 552 5.3.4"));
	talk_end(&t);
}

/* Guessing recipients, or commands, comes to an end. */
static void
endless_errors(void **state)
{
	static const char *const wrong[] = {"what", "RCPT TO:<unknown@x>", "MAIL FROM:<a@b",
					    "DATA 1"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(wrong); i++) {
		struct talk t;
		uint32_t n = 0;
		talk_begin(&t);
		say(&t, "EHLO c");
		say(&t, "MAIL FROM:<a@b>");
		for (; !t.closed && n < 1000; n++)
			say(&t, wrong[i]);
		assert_int_equal(n, t.limits.errors);
		assert_true(hears(&t, "S: 421 4.7.0"));
		talk_end(&t);
	}
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static bool
is_harmless(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < 32 || s.ptr[i] == 127)
			return false;
	}
	return true;
}

static void
begin_chunking(struct talk *t, struct gp_limits limits)
{
	talk_begin_setup(t, limits, (struct gp_smtp_server_setup){.chunking = true});
	talk_feed(t, GP_SLICE("EHLO c\r\n"));
	gp_buf_clear(&t->log);
}

/* Says BDAT with one octet, which is an "x", until the session closes. Returns how often. */
static size_t
say_tiny_chunks(struct talk *t, size_t max)
{
	size_t n = 0;
	while (!t->closed && n < max) {
		talk_feed(t, GP_SLICE("BDAT 1\r\nx"));
		gp_buf_clear(&t->log);
		n++;
	}
	return n;
}

/* A million chunks of one octet: they are no memory, and not for ever. Neither are those that are
 * refused, which are neither errors nor heard of in the log. */
static void
tiny_chunks(void **state)
{
	struct talk t;
	struct gp_limits limits = talk_limits();
	(void)state;
	limits.message_size = limits.header_size = 2 * 1000 * 1000;
	begin_chunking(&t, limits);
	say(&t, "MAIL FROM:<a@b>");
	say(&t, "RCPT TO:<c@d>");
	assert_int_equal(say_tiny_chunks(&t, 1000), 1000);
	assert_int_equal(t.ended, 0);
	say_tiny_chunks(&t, 1);
	assert_int_equal(t.ended, 1);
	size_t refused = say_tiny_chunks(&t, 1000 * 1000);
	assert_true(t.closed);
	assert_true(refused < 20000);
	talk_end(&t);
}

/* Chunks of a usual size are as many as the message needs. */
static void
many_chunks(void **state)
{
	static char chunk[1024];
	struct talk t;
	struct gp_limits limits = talk_limits();
	(void)state;
	limits.message_size = 100 * 1000 * 1000;
	limits.header_size = limits.message_size;
	memset(chunk, 'a', sizeof(chunk));
	begin_chunking(&t, limits);
	say(&t, "MAIL FROM:<a@b>");
	say(&t, "RCPT TO:<c@d>");
	for (size_t i = 0; i < 5000; i++) {
		talk_feed(&t, GP_SLICE("BDAT 1024\r\n"));
		talk_feed(&t, gp_slice(chunk, sizeof(chunk)));
		gp_buf_clear(&t.log);
	}
	say(&t, "BDAT 0 LAST");
	assert_int_equal(t.bodies, 1);
	assert_int_equal(t.body.len, 5000 * 1024 + 2);
	talk_end(&t);
}

/* Of a chunk that is too much by what it announces, no octet is handed on; of one whose header is
 * too big, none behind the place where that was seen. */
static void
chunks_that_are_too_much(void **state)
{
	struct talk t;
	struct gp_limits limits = talk_limits();
	(void)state;
	limits.message_size = limits.header_size = 10;
	begin_chunking(&t, limits);
	say(&t, "MAIL FROM:<a@b>");
	say(&t, "RCPT TO:<c@d>");
	talk_feed(&t, GP_SLICE("BDAT 8\r\nabcdef\r\nBDAT 3\r\nx\r\n"));
	assert_true(hears(&t, "S: 552 5.3.4 Message is too big"));
	assert_int_equal(t.body.len, 8);
	limits.message_size = 100;
	talk_end(&t);
	begin_chunking(&t, limits);
	say(&t, "MAIL FROM:<a@b>");
	say(&t, "RCPT TO:<c@d>");
	talk_feed_pieces(&t, GP_SLICE("BDAT 30\r\nsubject: abcdefghijklmnopqrst\r\n"), 1);
	assert_true(hears(&t, "S: 552 5.3.4 Header is too big"));
	assert_int_equal(t.body.len, 10);
	talk_end(&t);
}

/* A gigabyte that is announced and refused is not read. */
static void
endless_refused_chunks(void **state)
{
	static char block[64 * 1024];
	struct talk t;
	struct gp_limits limits = talk_limits();
	uint64_t read = 0;
	(void)state;
	limits.errors = UINT32_MAX;
	begin_chunking(&t, limits);
	while (!t.closed && read < 1 << 30) {
		talk_feed(&t, GP_SLICE("BDAT 65536 LAST\r\n"));
		talk_feed(&t, gp_slice(block, sizeof(block)));
		read += sizeof(block);
	}
	assert_true(read <= 4 * limits.message_size + (2 << 20));
	talk_end(&t);
}

/*
 * A message within a message by BDAT: whatever the octets spell, whether the chunk is taken or
 * refused and wherever it is cut, they are no commands; and what stands behind them is one.
 */
static void
smuggling_in_chunks(void **state)
{
	static const char inner[] = "\r\n.\r\nRSET\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@d>\r\n"
				    "BDAT 5 LAST\r\nevil\n";
	static const char *const before[] = {
		"",
		"MAIL FROM:<a@b>\r\n",
		"MAIL FROM:<a@b>\r\nRCPT TO:<unknown@d>\r\n",
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
		"MAIL FROM:<nodata@b>\r\nRCPT TO:<c@d>\r\n",
		"BDAT 1\r\nx",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(before); i++) {
		struct gp_buf all = GP_BUF_INIT(4096);
		gp_buf_printf(&all, "%sBDAT %zu LAST\r\n%sMAIL FROM:<next@b>\r\n", before[i],
			      sizeof(inner) - 1, inner);
		for (size_t cut = 0; cut < all.len; cut++) {
			struct talk t;
			begin_chunking(&t, talk_limits());
			talk_feed(&t, gp_slice_take(gp_buf_slice(&all), cut));
			talk_feed(&t, gp_slice_drop(gp_buf_slice(&all), cut));
			if (talk_heard(&t, "evil@x") || !talk_heard(&t, "E: mail <next@b>"))
				fail_msg("case %zu, cut at %zu: smuggled", i, cut);
			talk_end(&t);
		}
		gp_buf_free(&all);
	}
}

static void
begin_auth(struct talk *t)
{
	struct gp_smtp_server_setup setup = {.tls = true, .auth_mechanisms = GP_SLICE("PLAIN")};
	talk_begin_setup(t, talk_limits(), setup);
	talk_feed(t, GP_SLICE("EHLO c\r\n"));
	gp_buf_clear(&t->log);
}

/* Feeds the line in pieces of `piece` octets, and looks at what the log is told at a refusal. */
static void
check_refused_without(struct talk *t, const char *line, size_t piece, const char *secret)
{
	struct gp_slice rest = gp_slice_str(line), command = {};
	enum gp_smtp_event event = GP_SMTP_NEED_INPUT;
	while (event != GP_SMTP_REFUSED) {
		struct gp_slice part = gp_slice_take(rest, piece);
		rest = gp_slice_drop(rest, piece);
		event = gp_smtp_server_next(t->session, &part, t->now_ms);
		assert_true(rest.len > 0 || event == GP_SMTP_REFUSED);
	}
	assert_true(gp_smtp_server_refusal(t->session, &command).code >= 500);
	assert_true(gp_slice_eq_nocase(command, GP_SLICE("AUTH")));
	assert_null(memmem(command.ptr, command.len, secret, strlen(secret)));
}

/* Whatever is wrong with a line that holds a password, the log does not get it. */
static void
passwords_in_the_log(void **state)
{
	static const char *const lines[] = {
		"AUTH PLAIN U2VjcmV0*\r\n",   "auth NONE U2VjcmV0\r\n", "AUTH PLAIN U2VjcmV0\n",
		"AUTH PLAIN U2VjcmV0\r \r\n", "AUTH\tPLAIN U2VjcmV0\n",
	};
	static const size_t pieces[] = {SIZE_MAX, 5};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(lines) * GP_ARRAY_LEN(pieces); i++) {
		struct talk t;
		begin_auth(&t);
		check_refused_without(&t, lines[i / 2], pieces[i % 2], "U2Vj");
		talk_end(&t);
		begin_auth(&t);
		talk_feed(&t, GP_SLICE("AUTH PLAIN\r\n"));
		check_refused_without(&t, "U2VjcmV0*\r\n", pieces[i % 2], "U2Vj");
		talk_end(&t);
	}
}

/* An AUTH line may have 4,096 octets, a response 12,288; more of a response is not even read. */
static void
endless_responses(void **state)
{
	static char line[16 * 1024];
	struct talk t;
	(void)state;
	for (size_t len = 4095; len <= 4099; len += 4) {
		memset(line, 'A', sizeof(line));
		memcpy(line, "AUTH PLAIN   ", 13);
		memcpy(line + len - 2, "\r\n", 2);
		begin_auth(&t);
		talk_feed_pieces(&t, gp_slice(line, len), 100);
		assert_true(
			hears(&t, len == 4095 ? "S: 535" : "S: 500 5.5.2 Line is much too long"));
		talk_end(&t);
	}
	memset(line, 'A', sizeof(line));
	memcpy(line + 12284, "\r\n", 2);
	begin_auth(&t);
	talk_feed(&t, GP_SLICE("AUTH PLAIN\r\n"));
	talk_feed_pieces(&t, gp_slice(line, 12286), 100);
	assert_true(hears(&t, "S: 535"));
	talk_feed(&t, GP_SLICE("AUTH PLAIN\r\n"));
	memset(line, 'A', sizeof(line));
	talk_feed(&t, gp_slice(line, 12288));
	assert_true(hears(&t, "S: 500 5.5.6 Response is too long\nE: close\n"));
	talk_end(&t);
}

static void
begin_starttls(struct talk *t)
{
	talk_begin_setup(t, talk_limits(), (struct gp_smtp_server_setup){.tls_offered = true});
	talk_feed(t, GP_SLICE("EHLO c\r\n"));
	gp_buf_clear(&t->log);
}

/*
 * Injection at STARTTLS: what an attacker on the way appends to the command in clear must not be
 * taken for the client's words within TLS (CVE-2011-0411). Octets that are there with the command,
 * that come while the 220 is on its way, or that come before the handshake is done end the session.
 */
static void
commands_behind_starttls(void **state)
{
	static const char *const injected[] = {"\r\n", "x", "EHLO evil\r\nMAIL FROM:<evil@x>\r\n"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(injected); i++) {
		struct gp_buf all = GP_BUF_INIT(4096);
		struct gp_slice none = {}, rest = gp_slice_str(injected[i]);
		struct talk t;
		gp_buf_printf(&all, "STARTTLS\r\n%s", injected[i]);
		begin_starttls(&t);
		talk_feed(&t, gp_buf_slice(&all));
		assert_true(hears(&t, "S: 554 5.7.0 Nothing may follow STARTTLS before TLS begins\n"
				      "E: close\n"));
		talk_end(&t);

		begin_starttls(&t);
		struct gp_slice command = GP_SLICE("STARTTLS\r\n");
		assert_int_equal(gp_smtp_server_next(t.session, &command, t.now_ms),
				 GP_SMTP_STARTTLS);
		gp_smtp_server_answer(t.session, &GP_REPLY(220, 2, 0, 0, ""));
		assert_int_equal(gp_smtp_server_next(t.session, &command, t.now_ms),
				 GP_SMTP_NEED_INPUT);
		assert_int_equal(gp_smtp_server_next(t.session, &rest, t.now_ms), GP_SMTP_REFUSED);
		assert_int_equal(gp_smtp_server_next(t.session, &none, t.now_ms), GP_SMTP_CLOSE);
		talk_take_output(&t);
		assert_true(hears(&t, "S: 220 2.0.0 Ready to start TLS\n"));
		assert_false(hears(&t, "S: 554"));
		talk_end(&t);

		begin_starttls(&t);
		talk_feed_pieces(&t, gp_buf_slice(&all), 10);
		assert_true(talk_heard(&t, "E: handshake\nE: close\n"));
		assert_false(hears(&t, "S: 554"));
		talk_end(&t);
		gp_buf_free(&all);
	}
}

/* What was learnt in clear is forgotten: the name, and that EHLO was said. */
static void
state_kept_over_starttls(void **state)
{
	struct talk t;
	(void)state;
	begin_starttls(&t);
	say(&t, "STARTTLS");
	assert_false(gp_smtp_server_in_tls(t.session));
	gp_smtp_server_tls_started(t.session);
	assert_true(gp_smtp_server_in_tls(t.session));
	assert_int_equal(gp_smtp_server_helo(t.session).len, 0);
	assert_false(gp_smtp_server_esmtp(t.session));
	say(&t, "MAIL FROM:<a@b>");
	assert_true(hears(&t, "S: 503 5.5.1 Send HELO or EHLO first"));
	say(&t, "EHLO c");
	assert_false(hears(&t, "STARTTLS"));
	talk_end(&t);
}

/* A sender that a shell would obey. Without a domain, or with octets that no local part has, there
 * is no address; in quotes it is a name like any other, and keeps its quotes. */
static void
address_for_a_shell(void **state)
{
	static const char *const refused[] = {
		"MAIL FROM:<;sleep 10;>",
		"MAIL FROM:<;sleep 10;@b>",
		"MAIL FROM:<;for i in 0 1 2; do read r; done; sh; exit 0;>",
		"MAIL FROM:<$(id)@b>",
		"MAIL FROM:<a;b@c>",
		"MAIL FROM:<a@b;id>",
		"MAIL FROM:<a@$(id)>",
		"MAIL FROM:<\"a\nb\"@c>",
		"MAIL FROM:<a@[|id]>",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(refused); i++) {
		struct talk t;
		talk_begin(&t);
		say(&t, "EHLO c");
		say(&t, refused[i]);
		assert_false(talk_heard(&t, "E: mail"));
		assert_true(hears(&t, "S: 50"));
		talk_end(&t);
	}
	struct talk t;
	talk_begin(&t);
	say(&t, "EHLO c");
	say(&t, "MAIL FROM:<\"$(id);\"@b>");
	assert_true(hears(&t, "E: mail <\"$(id);\"@b>"));
	talk_end(&t);
}

/* Random paths out of the grammar's own pieces: what is accepted has no control in it, and is read
 * again to the same address. */
static void
addresses_at_random(void **state)
{
	static const char *const parts[] = {
		"a",        "Bc",   ".",         "@",   "\"",    "\\",
		" ",        "<",    ">",         "[",   "]",     ":",
		",",        "-",    "_",         "1",   "IPv6:", "::",
		"\xC3\xA9", "\xC3", "\n",        "\r",  "\0",    "\x7F",
		";",        "|",    "[1.2.3.4]", "b.c", "@d.e",  "\xED\xA0\x80",
	};
	uint64_t seed = 88172645463325252;
	size_t accepted = 0;
	(void)state;
	for (size_t n = 0; n < 300000; n++) {
		struct gp_buf path = GP_BUF_INIT(1024);
		struct gp_arena arena = GP_ARENA_INIT(8192);
		struct gp_address a, again;
		const char *why;
		gp_buf_put_char(&path, '<');
		for (size_t i = 2 + next_random(&seed) % 6; i > 0; i--) {
			size_t at = (next_random(&seed) >> 9) % GP_ARRAY_LEN(parts);
			gp_buf_put(&path, gp_slice(parts[at], GP_MAX(strlen(parts[at]), 1U)));
		}
		gp_buf_put_char(&path, '>');
		struct gp_slice s = gp_buf_slice(&path);
		if (gp_address_parse_path(&s, &arena, &a, &why) == 0 && a.text.len > 0) {
			accepted++;
			assert_true(is_harmless(a.text));
			assert_int_equal(gp_address_parse(a.text, &arena, &again, &why), 0);
			assert_true(gp_slice_eq(a.text, again.text));
			assert_true(gp_slice_eq(a.local, again.local));
		}
		gp_arena_free(&arena);
		gp_buf_free(&path);
	}
	assert_true(accepted > 1000);
}

/* A control that is spelled "+0A" is a control in the bounce: the check is behind the decoding. */
static void
encoded_controls_in_dsn_parameters(void **state)
{
	static const struct {
		const char *before, *after;
	} forms[] = {
		{"MAIL FROM:<a@b> ENVID=x+", "y"},
		{"RCPT TO:<c@d> ORCPT=rfc822;x+", "y"},
		{"RCPT TO:<c@d> ORCPT=utf-8;x+", "y"},
		{"RCPT TO:<c@d> ORCPT=utf-8;x\\x{", "}y"},
		{"RCPT TO:<c@d> ORCPT=utf-8;x+5Cx{", "}y"},
	};
	(void)state;
	for (size_t form = 0; form < GP_ARRAY_LEN(forms); form++) {
		for (unsigned c = 0; c < 256; c++) {
			char line[100];
			struct talk t;
			bool control = c < 32 || c == 127 || (form >= 3 && c >= 128 && c < 160);
			bool eight_bit = c > 127 && form < 3;
			bool backslash = c == '\\' && form == 2;
			talk_begin(&t);
			say(&t, "EHLO c");
			if (form > 0)
				say(&t, "MAIL FROM:<a@b>");
			gp_buf_clear(&t.log);
			snprintf(line, sizeof(line), "%s%02X%s", forms[form].before, c,
				 forms[form].after);
			say(&t, line);
			bool refused = control || eight_bit || backslash;
			if (!hears(&t, refused ? "S: 501 5.5.4" : "S: 250"))
				fail_msg("%s: not as expected", line);
			talk_end(&t);
		}
	}
}

/* An idle session is cheap, and one that was busy becomes so again. */
static void
idle_memory(void **state)
{
	static char line[2100];
	struct talk t;
	struct gp_slice none = {};
	(void)state;
	memset(line, 'a', sizeof(line));
	struct gp_limits limits = talk_limits();
	limits.command_length = 2048;
	struct gp_smtp_server_setup setup = {.hostname = GP_SLICE("mx.example.org"),
					     .limits = &limits};
	talk_begin(&t);
	size_t before = mallinfo2().uordblks;
	struct gp_smtp_server *s = gp_smtp_server_new(&setup, 0);
	struct gp_slice input = GP_SLICE("EHLO a.rather.long.name.of.a.client.example\r\n");
	assert_int_equal(gp_smtp_server_next(s, &input, 0), GP_SMTP_NEED_INPUT);
	input = gp_slice(line, sizeof(line));
	assert_int_equal(gp_smtp_server_next(s, &input, 0), GP_SMTP_NEED_INPUT);
	input = GP_SLICE("\r\n");
	assert_int_equal(gp_smtp_server_next(s, &input, 0), GP_SMTP_REFUSED);
	assert_int_equal(gp_smtp_server_next(s, &none, 0), GP_SMTP_NEED_INPUT);
	input = GP_SLICE("MAIL FROM:<a@b>\r\nRSET\r\n");
	assert_int_equal(gp_smtp_server_next(s, &input, 0), GP_SMTP_MAIL);
	gp_smtp_server_answer(s, &GP_REPLY(250, 2, 1, 0, "Ok"));
	assert_int_equal(gp_smtp_server_next(s, &input, 0), GP_SMTP_ABORT);
	assert_int_equal(gp_smtp_server_next(s, &none, 0), GP_SMTP_NEED_INPUT);
	gp_smtp_server_output_sent(s, gp_smtp_server_output(s).len);
	size_t after = mallinfo2().uordblks;
	assert_true(after - before < 2048);
	gp_smtp_server_free(s);
	talk_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smuggling_of_a_second_message),
		cmocka_unit_test(state_kept_over_a_reset),
		cmocka_unit_test(data_without_a_transaction),
		cmocka_unit_test(endless_command_line),
		cmocka_unit_test(endless_body),
		cmocka_unit_test(endless_errors),
		cmocka_unit_test(tiny_chunks),
		cmocka_unit_test(many_chunks),
		cmocka_unit_test(chunks_that_are_too_much),
		cmocka_unit_test(endless_refused_chunks),
		cmocka_unit_test(smuggling_in_chunks),
		cmocka_unit_test(passwords_in_the_log),
		cmocka_unit_test(endless_responses),
		cmocka_unit_test(commands_behind_starttls),
		cmocka_unit_test(state_kept_over_starttls),
		cmocka_unit_test(address_for_a_shell),
		cmocka_unit_test(addresses_at_random),
		cmocka_unit_test(encoded_controls_in_dsn_parameters),
		cmocka_unit_test(idle_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
