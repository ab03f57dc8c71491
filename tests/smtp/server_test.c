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
	uint64_t greet_wait_ms;
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
		{"greet_wait", NULL, &setting->greet_wait_ms},
	};
	struct gp_slice name = gp_slice_cut(&line, ' ');
	uint64_t value;
	setting->ehlo |= gp_slice_eq(name, GP_SLICE("ehlo"));
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
	talk_begin_setup(&r->talk, setting->limits, setting->greet_wait_ms);
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

#define DIALOGUES(name)                           \
	{                                         \
		name, dialogues, NULL, NULL, name \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DIALOGUES("messages"), DIALOGUES("order"),  DIALOGUES("driver"),
		DIALOGUES("syntax"),   DIALOGUES("limits"), DIALOGUES("framing"),
		DIALOGUES("endings"),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
