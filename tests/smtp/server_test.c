/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues with the server's session: the files in dialogues/, whose README.md has the form. Each
 * runs as it stands, in single octets, and in pieces of 2, 3, 7 and 64; then all that the client
 * says is sent at once, where the order of the server's lines must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "smtp/talk.h"

#include "base/scan.h"

struct dialogue {
	struct gp_slice name;
	struct gp_slice script; /* lines */
};

/* Turns \r \n \0 \xHH \\ into octets. */
static void
unescape(struct gp_buf *to, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c != '\\') {
			gp_buf_put_char(to, c);
			continue;
		}
		c = s.ptr[++i];
		if (c == 'x') {
			gp_buf_put_char(to, (char)(gp_ascii_hex(s.ptr[i + 1]) * 16 +
						   gp_ascii_hex(s.ptr[i + 2])));
			i += 2;
		} else {
			gp_buf_put_char(to, c == 'r'   ? '\r'
					    : c == 'n' ? '\n'
					    : c == '0' ? '\0'
						       : c);
		}
	}
}

struct run {
	const struct dialogue *dialogue;
	struct talk talk;
	size_t piece; /* 0: all that the client says at once */
	struct gp_buf expect, all;
};

static void
compare(const struct run *r, const char *where)
{
	struct gp_slice got = gp_buf_slice(&r->talk.log), want = gp_buf_slice(&r->expect);
	if (gp_slice_eq(got, want))
		return;
	print_error("%.*s, in pieces of %zu, %s\n--- wanted\n%.*s--- got\n%.*s",
		    GP_SLICE_FMT(r->dialogue->name), r->piece, where, GP_SLICE_FMT(want),
		    GP_SLICE_FMT(got));
	fail();
}

static void
say(struct run *r, struct gp_slice line, bool crlf)
{
	struct gp_buf octets = GP_BUF_INIT(65536);
	unescape(&octets, line);
	if (crlf)
		gp_buf_put_str(&octets, "\r\n");
	if (r->piece == 0)
		gp_buf_put(&r->all, gp_buf_slice(&octets));
	else
		talk_feed_pieces(&r->talk, gp_buf_slice(&octets), r->piece);
	gp_buf_free(&octets);
}

static void
act(struct run *r, struct gp_slice action)
{
	static const struct gp_reply farewell = {
		421, 4, 3, 2, {"Shutting down", sizeof("Shutting down") - 1}};
	if (gp_slice_eq(action, GP_SLICE("eof")))
		gp_smtp_server_eof(r->talk.session);
	else if (gp_slice_eq(action, GP_SLICE("tls")))
		gp_smtp_server_tls_started(r->talk.session);
	else if (gp_slice_eq(action, GP_SLICE("tls failed")))
		gp_smtp_server_tls_failed(r->talk.session);
	else
		gp_smtp_server_shutdown(r->talk.session, &farewell);
	talk_feed(&r->talk, gp_slice("", 0));
}

static void
pass_time(struct run *r, struct gp_slice ms)
{
	uint64_t n;
	assert_true(gp_slice_u64(ms, UINT64_MAX, &n));
	r->talk.now_ms += n;
	/* The driver is called back at the deadline, and at no other time. */
	if (r->talk.now_ms >= gp_smtp_server_deadline(r->talk.session))
		talk_feed(&r->talk, gp_slice("", 0));
}

static void
run_line(struct run *r, struct gp_slice line)
{
	struct gp_slice rest = gp_slice_drop(line, 3);
	if (line.ptr[0] == 'S' || line.ptr[0] == 'E') {
		gp_buf_put(&r->expect, line);
		gp_buf_put_char(&r->expect, '\n');
		return;
	}
	if (r->piece > 0)
		compare(r, "before the client's next line");
	if (line.ptr[0] == 'C')
		say(r, rest, line.ptr[1] == ':');
	else if (line.ptr[0] == 'T')
		pass_time(r, rest);
	else if (line.ptr[0] == 'X')
		act(r, rest);
	else
		fail_msg("bad line in %.*s: %.*s", GP_SLICE_FMT(r->dialogue->name),
			 GP_SLICE_FMT(line));
}

/* What L: lines ask for. */
struct setting {
	struct gp_limits limits;
	struct gp_smtp_server_setup setup;
	bool ehlo;
};

static void
set(struct setting *setting, struct gp_slice line)
{
	struct gp_limits *l = &setting->limits;
	const struct {
		const char *name;
		uint32_t *small;
		uint64_t *big;
	} names[] = {
		{"message_size", NULL, &l->message_size},
		{"header_size", NULL, &l->header_size},
		{"header_fields", &l->header_fields, NULL},
		{"recipients", &l->recipients, NULL},
		{"messages", &l->messages, NULL},
		{"errors", &l->errors, NULL},
		{"useless_commands", &l->useless_commands, NULL},
		{"command_length", &l->command_length, NULL},
		{"command_time", NULL, &l->command_time},
		{"greet_wait", NULL, &setting->setup.greet_wait_ms},
	};
	const struct {
		const char *name;
		bool *on;
	} switches[] = {
		{"ehlo", &setting->ehlo},
		{"tls", &setting->setup.tls},
		{"tls_offered", &setting->setup.tls_offered},
		{"require_tls", &setting->setup.require_tls},
		{"require_auth", &setting->setup.require_auth},
		{"chunking", &setting->setup.chunking},
		{"binarymime", &setting->setup.binarymime},
		{"requiretls_offered", &setting->setup.requiretls_offered},
	};
	struct gp_slice name = gp_slice_cut(&line, ' ');
	uint64_t value;
	for (size_t i = 0; i < GP_ARRAY_LEN(switches); i++)
		*switches[i].on |= gp_slice_eq(name, gp_slice_str(switches[i].name));
	if (gp_slice_eq(name, GP_SLICE("auth")))
		setting->setup.auth_mechanisms = line;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (!gp_slice_eq(name, gp_slice_str(names[i].name)))
			continue;
		assert_true(gp_slice_u64(line, UINT32_MAX, &value));
		if (names[i].small)
			*names[i].small = (uint32_t)value;
		else
			*names[i].big = value;
	}
}

static struct setting
take_setting(struct gp_slice *script)
{
	struct setting setting = {.limits = talk_limits()};
	while (gp_slice_starts(*script, GP_SLICE("L: ")))
		set(&setting, gp_slice_drop(gp_slice_cut(script, '\n'), 3));
	return setting;
}

static void
begin(struct run *r, const struct setting *setting, struct gp_slice script)
{
	talk_begin_setup(&r->talk, setting->limits, setting->setup);
	/* A session may be shut down before it was looked at for the first time. */
	if (!gp_slice_starts(script, GP_SLICE("X: shutdown")))
		talk_feed(&r->talk, gp_slice("", 0));
	if (!setting->ehlo)
		return;
	talk_feed(&r->talk, GP_SLICE("EHLO client.example\r\n"));
	gp_buf_clear(&r->talk.log);
}

static void
run(const struct dialogue *dialogue, size_t piece)
{
	struct run r = {.dialogue = dialogue,
			.piece = piece,
			.expect = GP_BUF_INIT(65536),
			.all = GP_BUF_INIT(65536)};
	struct gp_slice script = dialogue->script;
	struct setting setting = take_setting(&script);
	begin(&r, &setting, script);
	while (script.len > 0)
		run_line(&r, gp_slice_cut(&script, '\n'));
	talk_feed(&r.talk, gp_buf_slice(&r.all));
	compare(&r, "at the end");
	if (!r.talk.closed)
		fail_msg("%.*s: not closed at the end", GP_SLICE_FMT(dialogue->name));
	talk_end(&r.talk);
	gp_buf_free(&r.expect);
	gp_buf_free(&r.all);
}

static bool
is_timeless(const struct dialogue *d)
{
	return !memmem(d->script.ptr, d->script.len, "\nT: ", 4) &&
	       !memmem(d->script.ptr, d->script.len, "\nX: ", 4) &&
	       !gp_slice_starts(d->script, GP_SLICE("X: "));
}

enum { FILE_MAX = 64 * 1024, DIALOGUES_MAX = 40 };

static struct gp_slice
read_file(const char *name, char *to)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/smtp/dialogues/%s.txt", GP_TESTS_DIR, name);
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s", path);
	size_t len = fread(to, 1, FILE_MAX, f);
	assert_true(len < FILE_MAX);
	fclose(f);
	return gp_slice(to, len);
}

/* Cases are parted by empty lines. */
static size_t
split_cases(struct gp_slice text, struct dialogue *ret)
{
	size_t n = 0;
	while (text.len > 0) {
		const char *gap = memmem(text.ptr, text.len, "\n\n", 2);
		size_t len = gap ? (size_t)(gap - text.ptr) + 1 : text.len;
		struct gp_slice one = gp_slice_take(text, len);
		struct gp_slice name = gp_slice_cut(&one, '\n');
		assert_true(gp_slice_starts(name, GP_SLICE("== ")) && n < DIALOGUES_MAX);
		ret[n++] = (struct dialogue){gp_slice_drop(name, 3), one};
		text = gp_slice_drop(text, len + 1);
	}
	return n;
}

/* Every dialogue of the file, in every way. */
static void
dialogues(void **state)
{
	static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 7, 64, 0};
	static char text[FILE_MAX];
	struct dialogue cases[DIALOGUES_MAX];
	size_t len = split_cases(read_file(*state, text), cases);
	assert_true(len > 0);
	for (size_t i = 0; i < len; i++) {
		for (size_t j = 0; j < GP_ARRAY_LEN(pieces); j++) {
			if (pieces[j] > 0 || is_timeless(&cases[i]))
				run(&cases[i], pieces[j]);
		}
	}
}

static const struct gp_reply ok = GP_REPLY_INIT(250, 2, 0, 0, "Ok");

/* Goes on until this event; answers what is asked before. */
static void
go_to(struct talk *t, enum gp_smtp_event want, const char *said)
{
	struct gp_slice input = gp_slice_str(said);
	for (;;) {
		enum gp_smtp_event event = gp_smtp_server_next(t->session, &input, t->now_ms);
		if (event == want)
			break;
		assert_int_not_equal(event, GP_SMTP_CLOSE);
		assert_true(event != GP_SMTP_NEED_INPUT || input.len > 0);
		if (event != GP_SMTP_BODY)
			gp_smtp_server_answer(t->session, &ok);
	}
	assert_int_equal(input.len, 0);
	talk_take_output(t);
}

#define MESSAGE "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n"

static enum gp_smtp_event
next(struct talk *t)
{
	struct gp_slice none = {};
	enum gp_smtp_event event = gp_smtp_server_next(t->session, &none, t->now_ms);
	talk_take_output(t);
	return event;
}

/* While the driver decides, the client's time stands still, and nothing is taken from its input. */
static void
driver_takes_its_time(void **state)
{
	struct talk t;
	struct gp_slice more = GP_SLICE("QUIT\r\n");
	(void)state;
	talk_begin(&t);
	go_to(&t, GP_SMTP_END, MESSAGE);
	assert_int_equal(gp_smtp_server_deadline(t.session), UINT64_MAX);
	t.now_ms += 10 * t.limits.command_time;
	assert_int_equal(gp_smtp_server_next(t.session, &more, t.now_ms), GP_SMTP_NEED_INPUT);
	assert_int_equal(more.len, 6);
	gp_smtp_server_answer(t.session, &ok);
	assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
	assert_int_equal(gp_smtp_server_deadline(t.session), t.now_ms + t.limits.command_time);
	talk_end(&t);
}

static void
stress_lowers_limits_while_it_lasts(void **state)
{
	struct talk t;
	(void)state;
	talk_begin(&t);
	talk_feed(&t, GP_SLICE("EHLO c\r\nNOOP\r\n"));
	uint64_t began = t.now_ms;
	assert_int_equal(gp_smtp_server_deadline(t.session), began + t.limits.command_time);
	t.now_ms += 1000;
	gp_smtp_server_stress(t.session, true);
	assert_int_equal(gp_smtp_server_deadline(t.session), began + GP_SMTP_STRESS_COMMAND_MS);
	gp_smtp_server_stress(t.session, false);
	assert_int_equal(gp_smtp_server_deadline(t.session), began + t.limits.command_time);
	talk_feed(&t, GP_SLICE("NOOP\r\nNONSENSE\r\n"));
	assert_false(t.closed);
	gp_smtp_server_stress(t.session, true);
	go_to(&t, GP_SMTP_END, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n");
	gp_smtp_server_answer(t.session, &ok);
	talk_feed(&t, GP_SLICE("NOOP\r\n"));
	assert_false(t.closed);
	talk_feed(&t, GP_SLICE("NOOP\r\n"));
	assert_true(t.closed);
	assert_true(talk_heard(&t, "S: 421 4.7.0 Too many commands without mail"));
	talk_end(&t);
}

static void
stress_forgives_no_error_and_leaves_a_body_its_time(void **state)
{
	struct talk t;
	(void)state;
	talk_begin(&t);
	gp_smtp_server_stress(t.session, true);
	go_to(&t, GP_SMTP_BODY, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n");
	assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
	assert_true(gp_smtp_server_deadline(t.session) > t.now_ms + GP_SMTP_STRESS_COMMAND_MS);
	go_to(&t, GP_SMTP_END, ".\r\n");
	gp_smtp_server_answer(t.session, &ok);
	talk_feed(&t, GP_SLICE("NONSENSE\r\n"));
	assert_true(t.closed);
	assert_true(talk_heard(&t, "S: 421 4.7.0 Too many errors"));
	talk_end(&t);
}

/* A body that is nothing but dots is handed out in few pieces, with long lines between them. */
static void
small_pieces_are_handed_out_together(void **state)
{
	enum { LINES = 400, LONG = 600, PIECES_MAX = 10 };
	struct gp_buf said = GP_BUF_INIT(1 << 16), want = GP_BUF_INIT(1 << 16),
		      got = GP_BUF_INIT(1 << 16);
	struct talk t;
	size_t pieces = 0;
	(void)state;
	gp_buf_put_str(&said, "\r\n");
	gp_buf_put_str(&want, "\r\n");
	for (size_t i = 0; i < LINES; i++) {
		bool is_long = i % (LINES / 2) == LINES / 4;
		gp_buf_printf(&said, "..%0*d\r\n", is_long ? LONG : 1, 7);
		gp_buf_printf(&want, ".%0*d\r\n", is_long ? LONG : 1, 7);
	}
	gp_buf_put_str(&said, ".\r\n");
	struct gp_limits limits = talk_limits();
	limits.message_size = 1 << 16;
	talk_begin_setup(&t, limits, (struct gp_smtp_server_setup){});
	talk_feed(&t, gp_slice("", 0));
	go_to(&t, GP_SMTP_DATA, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	gp_smtp_server_answer(t.session, &ok);
	struct gp_slice input = gp_buf_slice(&said);
	while (gp_smtp_server_next(t.session, &input, t.now_ms) == GP_SMTP_BODY) {
		gp_buf_put(&got, gp_smtp_server_body(t.session));
		pieces++;
	}
	assert_int_equal(input.len, 0);
	assert_true(gp_slice_eq(gp_buf_slice(&got), gp_buf_slice(&want)));
	assert_true(pieces <= PIECES_MAX);
	gp_smtp_server_answer(t.session, &ok);
	gp_buf_free(&said);
	gp_buf_free(&want);
	gp_buf_free(&got);
	talk_end(&t);
}

/* A message that is being stored is answered for before anything else happens. */
static void
shutdown_waits_for_the_answer(void **state)
{
	static const struct gp_reply farewell = GP_REPLY_INIT(421, 4, 3, 2, "Shutting down");
	struct talk t;
	(void)state;
	talk_begin(&t);
	go_to(&t, GP_SMTP_END, MESSAGE);
	gp_smtp_server_shutdown(t.session, &farewell);
	assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
	gp_smtp_server_answer(t.session, &ok);
	assert_int_equal(next(&t), GP_SMTP_CLOSE);
	assert_true(talk_heard(&t, "S: 250 2.0.0 Ok\nS: 421 4.3.2 Shutting down\n"));
	talk_end(&t);
}

static void
eof_waits_for_the_answer(void **state)
{
	struct talk t;
	(void)state;
	talk_begin(&t);
	go_to(&t, GP_SMTP_RCPT, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	gp_smtp_server_eof(t.session);
	assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
	gp_smtp_server_answer(t.session, &ok);
	assert_int_equal(gp_smtp_server_deadline(t.session), 0);
	assert_int_equal(next(&t), GP_SMTP_ABORT);
	assert_int_equal(gp_smtp_server_envelope(t.session)->rcpts_len, 1);
	assert_int_equal(next(&t), GP_SMTP_CLOSE);
	assert_null(gp_smtp_server_envelope(t.session));
	assert_int_equal(next(&t), GP_SMTP_CLOSE);
	talk_end(&t);
}

/* While somebody looks for the user, neither an end of the connection nor ours changes anything. */
static void
auth_is_answered_first(void **state)
{
	static const struct gp_reply farewell = GP_REPLY_INIT(421, 4, 3, 2, "Shutting down");
	static const struct gp_reply wrong = GP_REPLY_INIT(535, 5, 7, 8, "Wrong");
	struct gp_smtp_server_setup setup = {.tls = true, .auth_mechanisms = GP_SLICE("PLAIN")};
	struct talk t;
	(void)state;
	for (unsigned way = 0; way < 6; way++) {
		talk_begin_setup(&t, talk_limits(), setup);
		go_to(&t, GP_SMTP_AUTH, "EHLO c\r\nAUTH PLAIN AAAA\r\n");
		assert_int_equal(gp_smtp_server_auth_response(t.session).len, 3);
		if (way % 2 == 0)
			gp_smtp_server_eof(t.session);
		else
			gp_smtp_server_shutdown(t.session, &farewell);
		assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
		if (way / 2 == 0)
			gp_smtp_server_answer(t.session, &wrong);
		else if (way / 2 == 1)
			gp_smtp_server_auth_challenge(t.session, GP_SLICE("x"));
		else
			assert_true(gp_smtp_server_auth_done(t.session, GP_SLICE("alice")));
		assert_null(gp_smtp_server_auth_response(t.session).ptr);
		assert_int_equal(gp_smtp_server_identity(t.session).len, way / 2 == 2 ? 5 : 0);
		assert_int_equal(next(&t), GP_SMTP_CLOSE);
		assert_int_equal(talk_heard(&t, "S: 421"), way % 2);
		talk_end(&t);
	}
}

/* The longest challenge is one line; one that has no room closes the session. */
static void
long_challenges(void **state)
{
	static char challenge[GP_SMTP_CHALLENGE_MAX];
	struct gp_smtp_server_setup setup = {.tls = true, .auth_mechanisms = GP_SLICE("PLAIN")};
	struct talk t;
	struct gp_slice more = {};
	(void)state;
	talk_begin_setup(&t, talk_limits(), setup);
	go_to(&t, GP_SMTP_AUTH, "EHLO c\r\nAUTH PLAIN\r\n");
	enum gp_smtp_event event = GP_SMTP_AUTH;
	size_t before, lines = 0;
	do {
		before = gp_smtp_server_output(t.session).len;
		gp_smtp_server_auth_challenge(t.session, gp_slice(challenge, sizeof(challenge)));
		more = GP_SLICE("AAAA\r\n");
		event = gp_smtp_server_next(t.session, &more, t.now_ms);
		lines++;
	} while (event == GP_SMTP_AUTH_STEP);
	assert_int_equal(event, GP_SMTP_CLOSE);
	assert_int_equal(gp_smtp_server_output(t.session).len, before);
	assert_int_equal(before, (lines - 1) * (4 + (GP_SMTP_CHALLENGE_MAX + 2) / 3 * 4 + 2));
	talk_end(&t);
}

/* What the driver may look at, and when. */
static void
what_the_driver_sees(void **state)
{
	struct talk t;
	struct gp_slice command;
	(void)state;
	talk_begin(&t);
	assert_null(gp_smtp_server_envelope(t.session));
	assert_int_equal(gp_smtp_server_helo(t.session).len, 0);
	go_to(&t, GP_SMTP_RCPT,
	      "EHLO c.example\r\nMAIL FROM:<A@B> BODY=8BITMIME RET=HDRS ENVID=x+2By\r\n"
	      "RCPT TO:<@r:c@D> NOTIFY=DELAY ORCPT=rfc822;o@p\r\n");
	const struct gp_envelope *e = gp_smtp_server_envelope(t.session);
	assert_true(gp_slice_eq(e->sender, GP_SLICE("A@b")));
	assert_true(gp_slice_eq(e->envid, GP_SLICE("x+2By")));
	assert_int_equal(e->ret, GP_RET_HDRS);
	assert_int_equal(e->flags, GP_ENVELOPE_8BITMIME);
	assert_true(gp_slice_eq(e->client_helo, GP_SLICE("c.example")));
	assert_int_equal(e->rcpts_len, 0);
	const struct gp_rcpt *rcpt = gp_smtp_server_rcpt(t.session);
	assert_true(gp_slice_eq(rcpt->address, GP_SLICE("c@d")));
	assert_true(gp_slice_eq(rcpt->orcpt, GP_SLICE("rfc822;o@p")));
	assert_int_equal(rcpt->notify, GP_NOTIFY_DELAY);
	assert_true(gp_slice_eq(gp_smtp_server_path(t.session)->domain, GP_SLICE("d")));
	assert_true(gp_smtp_server_esmtp(t.session));
	gp_smtp_server_answer(t.session, &GP_REPLY(550, 5, 1, 1, "No"));
	assert_int_equal(gp_smtp_server_refusal(t.session, &command).code, 550);
	assert_true(gp_slice_eq(command, GP_SLICE("RCPT")));
	assert_int_equal(gp_smtp_server_refusal(t.session, &command).code, 0);
	go_to(&t, GP_SMTP_REFUSED, "RCPT TO:<oops\r\n");
	assert_int_equal(gp_smtp_server_refusal(t.session, &command).code, 501);
	assert_true(gp_slice_eq(command, GP_SLICE("RCPT TO:<oops")));
	assert_int_equal(next(&t), GP_SMTP_NEED_INPUT);
	assert_int_equal(gp_smtp_server_refusal(t.session, &command).code, 0);
	talk_end(&t);
}

/* Many recipients: the list grows, and all of them are in it, in order. */
static void
a_thousand_recipients(void **state)
{
	struct talk t;
	struct gp_limits limits = talk_limits();
	(void)state;
	limits.recipients = 1000;
	talk_begin_setup(&t, limits, (struct gp_smtp_server_setup){});
	go_to(&t, GP_SMTP_MAIL, "EHLO c\r\nMAIL FROM:<a@b>\r\n");
	for (size_t i = 0; i < 1000; i++) {
		char line[64];
		gp_smtp_server_answer(t.session, &ok);
		snprintf(line, sizeof(line), "RCPT TO:<r%zu@d>\r\n", i);
		go_to(&t, GP_SMTP_RCPT, line);
	}
	gp_smtp_server_answer(t.session, &ok);
	const struct gp_envelope *e = gp_smtp_server_envelope(t.session);
	assert_int_equal(e->rcpts_len, 1000);
	assert_true(gp_slice_eq(e->rcpts[0].address, GP_SLICE("r0@d")));
	assert_true(gp_slice_eq(e->rcpts[999].address, GP_SLICE("r999@d")));
	go_to(&t, GP_SMTP_REFUSED, "RCPT TO:<one@too.many>\r\n");
	assert_true(talk_heard(&t, "S: 452 4.5.3"));
	talk_end(&t);
}

/* The transaction's memory has a cap. Over it a recipient is put off; those taken are safe. */
static void
a_full_arena(void **state)
{
	struct talk t;
	(void)state;
	talk_begin(&t);
	go_to(&t, GP_SMTP_RCPT, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	assert_null(gp_arena_alloc(gp_smtp_server_arena(t.session), SIZE_MAX / 2));
	gp_smtp_server_answer(t.session, &ok);
	go_to(&t, GP_SMTP_REFUSED, "RCPT TO:<e@f>\r\n");
	assert_true(talk_heard(&t, "S: 452 4.3.1"));
	assert_int_equal(gp_smtp_server_envelope(t.session)->rcpts_len, 1);
	go_to(&t, GP_SMTP_END, "DATA\r\nx\r\n.\r\n");
	gp_smtp_server_answer(t.session, &ok);
	go_to(&t, GP_SMTP_RCPT, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
	talk_end(&t);
}

/* A client that sends and never reads its replies. */
static void
output_has_an_end(void **state)
{
	struct talk t;
	struct gp_limits limits = talk_limits();
	enum gp_smtp_event event = GP_SMTP_NEED_INPUT;
	(void)state;
	limits.useless_commands = UINT32_MAX;
	talk_begin_setup(&t, limits, (struct gp_smtp_server_setup){});
	while (event != GP_SMTP_CLOSE) {
		struct gp_slice input = GP_SLICE("HELP\r\n");
		event = gp_smtp_server_next(t.session, &input, t.now_ms);
		assert_true(gp_smtp_server_output(t.session).len <= GP_SMTP_OUTPUT_MAX);
	}
	assert_true(gp_smtp_server_output(t.session).len > GP_SMTP_OUTPUT_MAX - 100);
	/* It ends with a whole line. */
	talk_take_output(&t);
	talk_end(&t);
}

#define DIALOGUES(name)                           \
	{                                         \
		name, dialogues, NULL, NULL, name \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DIALOGUES("messages"),
		DIALOGUES("order"),
		DIALOGUES("driver"),
		DIALOGUES("syntax"),
		DIALOGUES("limits"),
		DIALOGUES("framing"),
		DIALOGUES("endings"),
		DIALOGUES("tls"),
		DIALOGUES("auth"),
		DIALOGUES("bdat"),
		cmocka_unit_test(driver_takes_its_time),
		cmocka_unit_test(stress_lowers_limits_while_it_lasts),
		cmocka_unit_test(stress_forgives_no_error_and_leaves_a_body_its_time),
		cmocka_unit_test(shutdown_waits_for_the_answer),
		cmocka_unit_test(eof_waits_for_the_answer),
		cmocka_unit_test(auth_is_answered_first),
		cmocka_unit_test(long_challenges),
		cmocka_unit_test(what_the_driver_sees),
		cmocka_unit_test(a_thousand_recipients),
		cmocka_unit_test(a_full_arena),
		cmocka_unit_test(output_has_an_end),
		cmocka_unit_test(small_pieces_are_handed_out_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
